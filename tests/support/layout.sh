# shellcheck shell=bash
# Images for the registry tests, made by hand; sourced.
#
#	into LAYOUT REFERENCE	copies it to a registry
#	layout DIR LAYERS KIB	an OCI layout with one image of incompressible layers,
#				every second one gzip; the last has /app
#	eif FILE KIB		an enclave image with so much of such content

# noise SEED BYTES: the same for the same seed
noise() {
	openssl enc -aes-128-ctr -K "$(printf %032x "$1")" -iv 0 -in /dev/zero 2>/dev/null | head -c "$2" || true
}

put_blob() { # put_blob DIR FILE: moves it to its place; DIGEST and SIZE of it
	DIGEST=$(sha256sum "$2" | cut -d' ' -f1)
	SIZE=$(stat -c %s "$2")
	mv "$2" "$1/blobs/sha256/$DIGEST"
}

layout() {
	local dir=$1 i type layers='' diffs=''
	mkdir -p "$dir/blobs/sha256" "$dir.tree/data"
	for ((i = 1; i <= $2; i++)); do
		rm -rf "$dir.tree"
		mkdir -p "$dir.tree/data"
		noise "$i" $(($3 * 1024)) >"$dir.tree/data/$i"
		if [ "$i" -eq "$2" ]; then printf '#!/bin/sh\n' | install -m 755 /dev/stdin "$dir.tree/app"; fi
		tar --sort=name --owner=0 --group=0 --mtime=@0 --mode=go=rX,u+w -C "$dir.tree" -cf "$dir.tar" .
		diffs+="${diffs:+,}\"sha256:$(sha256sum "$dir.tar" | cut -d' ' -f1)\""
		type=application/vnd.oci.image.layer.v1.tar
		if [ $((i % 2)) -eq 0 ]; then
			gzip -n1 "$dir.tar"
			mv "$dir.tar.gz" "$dir.tar"
			type+=+gzip
		fi
		put_blob "$dir" "$dir.tar"
		layers+="${layers:+,}{\"mediaType\":\"$type\",\"digest\":\"sha256:$DIGEST\",\"size\":$SIZE}"
	done
	rm -rf "$dir.tree"
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/app"],"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$diffs" >"$dir.json"
	put_blob "$dir" "$dir.json"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[%s]}' \
		"$DIGEST" "$SIZE" "$layers" >"$dir.json"
	put_blob "$dir" "$dir.json"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s}]}' \
		"$DIGEST" "$SIZE" >"$dir/index.json"
}

eif() { # the manifest's digest is its name's
	local dir
	dir=$(mktemp -d "$WORK/eif-XXXXXX")
	"$TOP/tests/support/fake-blobs.sh" "$dir/blobs"
	noise "$2" $(($2 * 1024)) >"$dir/noise"
	cat >"$dir/enclave.yaml" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $(basename "$1" .eif)
version: "1"
arch: x86_64
rootfs:
  - file: {path: /data/noise, source: ./noise}
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/bin/app]
Y
	(cd "$dir" && "$ENCL" lock -q && "$ENCL" build -q -o "$OLDPWD/$1" >/dev/null) || fail "no image $1"
	cp "$dir/enclave.lock" "${1%.eif}.lock"
	rm -rf "$dir"
}

# into LAYOUT REFERENCE: as it is, digests and all
into() {
	skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false "oci:$1" "docker://$2" ||
		fail "skopeo copy to $2"
}
