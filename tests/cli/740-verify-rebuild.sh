# Goal: `verify --rebuild` passes an image that its sources give, and of one that
# they do not it names the file, the input that brought it and the PCRs, whatever
# kind of input has one other byte; nothing is left behind.
. "$(dirname "$0")/lib.sh"
need gpg gpgv dpkg-deb xz jq openssl python3
export GNUPGHOME=$WORK/gnupg XDG_CACHE_HOME=$WORK/cache TMPDIR=$WORK/tmp
mkdir -m 700 gnupg tmp
server=
stop_server() {
	status=$?
	if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
	gpgconf --kill all 2>/dev/null || true
	set +e
	(exit "$status")
	finish
}
trap stop_server EXIT

# ---- a mirror with one package, which does not change its version ----
gpg -q --batch --pinentry-mode loopback --passphrase '' --quick-gen-key 'good <good@invalid>' ed25519 sign never
gpg -q --armor --export good >good.asc
mirror() { # CONTENT: archive/
	local p=main/binary-amd64 d=archive/dists/test deb=archive/pool/app_1.0.deb
	rm -rf tree archive
	mkdir -p tree/DEBIAN tree/usr/bin archive/pool "$d/$p"
	printf '%s\n' "$1" >tree/usr/bin/app
	chmod 755 tree/usr/bin/app
	printf 'Package: app\nVersion: 1.0\nArchitecture: amd64\nMaintainer: x <x@invalid>\nDescription: test\n' >tree/DEBIAN/control
	find tree -exec touch -hd @1000000000 {} +
	SOURCE_DATE_EPOCH=1000000000 dpkg-deb --root-owner-group -Zxz --build tree "$deb" >/dev/null
	{
		dpkg-deb -f "$deb" | grep -v '^Description'
		printf 'Filename: pool/app_1.0.deb\nSize: %s\nSHA256: %s\n\n' "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
	} | xz -9c >"$d/$p/Packages.xz"
	{
		printf 'Suite: test\nCodename: test\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nSHA256:\n %s %s %s\n' \
			"$(sha256sum "$d/$p/Packages.xz" | cut -d' ' -f1)" "$(stat -c %s "$d/$p/Packages.xz")" "$p/Packages.xz"
	} >release
	gpg -q --batch --clearsign -u good -o "$d/InRelease" release
}
mirror one
"$O/support/httpd" "$WORK/archive" >log 2>httpd.err </dev/null &
server=$!
for _ in $(seq 400); do [ -s log ] && break || sleep 0.05; done
URL=http://127.0.0.1:$(sed -n '1s/^listening //p' log)

# ---- inputs of all kinds ----
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files/deep docker
echo one >files/deep/page
echo one >app.conf
archive() { # CONTENT
	mkdir -p packed && echo "$1" >packed/tool && tar --sort=name --mtime=@0 --owner=0 --group=0 -cf app.tar -C packed tool
}
archive one
layout() { # CONTENT: an OCI layout with one layer, by hand
	local layer config manifest
	rm -rf layout layer && mkdir -p layout/blobs/sha256 layer/etc
	echo "$1" >layer/etc/from-image
	tar --sort=name --mtime=@0 --owner=0 --group=0 -cf layer.tar -C layer etc
	layer=$(sha256sum layer.tar | cut -d' ' -f1)
	cp layer.tar "layout/blobs/sha256/$layer"
	printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >config
	config=$(sha256sum config | cut -d' ' -f1)
	cp config "layout/blobs/sha256/$config"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
		"$config" "$(stat -c %s config)" "$layer" "$(stat -c %s layer.tar)" >manifest
	manifest=$(sha256sum manifest | cut -d' ' -f1)
	cp manifest "layout/blobs/sha256/$manifest"
	printf '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"v1"}}]}' \
		"$manifest" "$(stat -c %s manifest)" >layout/index.json
	LAYER=sha256:$layer
}
layout one
cat >enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs:
  - image: oci:./layout:v1
  - packages: {distribution: debian, suite: test, mirror: "$URL", keyring: ./good.asc, install: [app]}
  - archive: {path: ./app.tar, at: /opt}
  - directory: {path: ./files, at: /srv}
  - file: {path: /etc/app.conf, source: ./app.conf}
  - file:
      path: /etc/inline.conf
      content: "one"
boot:
  kernel: {blobs: ./blobs}
app: {command: [/usr/bin/app]}
Y
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --locked -o good.eif
cp enclave.yaml good.yaml
cp enclave.lock good.lock
nothing_left() { same "left behind in the temporary folder" "" "$(ls -A tmp)"; }

# ---- the same: from an empty cache, and from the usual one ----
rebuild() { # CODE IMAGE [OPTION…]
	run "$1" "$ENCL" verify "$2" --rebuild enclave.yaml "${@:3}"
	nothing_left
}
rebuild 0 good.eif -q
checks=$(sed -n 's/^\([^ ]* *rebuild[^ ]*\).*/\1/p' out | tr -s ' ')
same "checks" "ok rebuild.lock
ok rebuild.kernel
ok rebuild.cmdline
ok rebuild.ramdisk0
ok rebuild.ramdisk1
ok rebuild.metadata
ok rebuild.header
-- rebuild.signature" "$checks"
fetched=$(grep -c 'app_1.0.deb' log)
[ "$fetched" = 2 ] || fail "the package was fetched $fetched times: by lock, and into the empty cache"
rebuild 0 good.eif -q --use-cache
same "fetched with --use-cache" 2 "$(grep -c 'app_1.0.deb' log)"
rebuild 0 good.eif --json --offline
same "JSON" 'pass ["pass"] null' "$(jq -r '"\(.Verdict) \([.Checks[]|select(.Name|startswith("rebuild."))|select(.Name!="rebuild.signature")|.Verdict]|unique|tojson) \(.Diff)"' out)"
same "fetched with --offline" 2 "$(grep -c 'app_1.0.deb' log)"

# ---- an image of which one input had one other byte ----
# other NAME: builds NAME.eif of the inputs as they are now, then all is as before
other() {
	run 0 "$ENCL" lock -q --update
	run 0 "$ENCL" build -q --locked -o "$1.eif"
	cp good.yaml enclave.yaml
	cp good.lock enclave.lock
}
# differs IMAGE CHECK TEXT: fails with that check's text
differs() {
	local got
	rebuild 3 "$1.eif" -q "${@:4}"
	got=$(sed -n "s/^BAD $2  *//p" out)
	case $got in *"$3"*) ;; *) fail "$1: $2:"$'\n'"  want: …$3…"$'\n'"   got: $got"$'\n'"$(cat out err)" ;; esac
}
# pcrs IMAGE WANT: those that differ from the good image's, as measured
pcrs() {
	same "PCRs of $1" "$2" "$(diff <("$ENCL" measure good.eif) <("$ENCL" measure "$1.eif") | sed -n 's/^> \(PCR.\).*/\1/p' | xargs)"
}

echo two >app.conf
other file
echo one >app.conf
differs file rebuild.ramdisk1 '(PCR0, PCR2); rootfs/etc/app.conf changed, from file ./app.conf (rootfs[4], enclave.yaml:11); rootfs/.enclave/manifest.digest changed, from generated enclavebuild'
pcrs file 'PCR0 PCR2'
grep -q '^ *-two$' out || fail "no text diff of the file: $(cat out)"
grep -q '^ *+one$' out || fail "no text diff of the file: $(cat out)"

sed -i 's/content: "one"/content: "two"/' enclave.yaml
other inline
differs inline rebuild.ramdisk1 'rootfs/etc/inline.conf changed, from file /etc/inline.conf (rootfs[5], enclave.yaml:12)'

echo two >files/deep/page
other directory
echo one >files/deep/page
differs directory rebuild.ramdisk1 'rootfs/srv/deep/page changed, from directory ./files (rootfs[3], enclave.yaml:10)'

archive two
other archive
archive one
differs archive rebuild.ramdisk1 'rootfs/opt/tool changed, from archive ./app.tar (rootfs[2], enclave.yaml:9)'

layout two
other image
layout one
differs image rebuild.ramdisk1 "rootfs/etc/from-image changed, from image $LAYER (rootfs[0], enclave.yaml:7)"

mirror two
XDG_CACHE_HOME=$WORK/other-cache other package
mirror one
differs package rebuild.ramdisk1 'rootfs/usr/bin/app changed, from package app 1.0 (rootfs[1], enclave.yaml:8)'
pcrs package 'PCR0 PCR2'

printf X | dd of=blobs/bzImage bs=1 seek=5000 conv=notrunc status=none
other kernel
"$TOP/tests/support/fake-blobs.sh" blobs
differs kernel rebuild.kernel 'differs from byte 5000 on (PCR0, PCR1), from kernel ./blobs/bzImage (boot.kernel, enclave.yaml:16)'
pcrs kernel 'PCR0 PCR1 PCR2'

printf X >>blobs/nsm.ko
other module
"$TOP/tests/support/fake-blobs.sh" blobs
differs module rebuild.ramdisk0 '(PCR0, PCR1); nsm.ko changed, from kernel ./blobs/nsm.ko (boot.kernel, enclave.yaml:16)'

sed -i 's#^app:#  cmdline: "console=ttyS0 quiet"\napp:#' enclave.yaml
other cmdline
differs cmdline rebuild.cmdline '(PCR0, PCR1), from boot command line (boot.cmdline, enclave.yaml:'

# the image itself: a byte of a file that its header's CRC still fits would be
# another image; here the CRC does not, and the rebuild says where
cp good.eif damaged.eif
at=$(python3 -c 'import sys; print(open(sys.argv[1], "rb").read().rindex(b"one\n"))' good.eif)
printf X | dd of=damaged.eif bs=1 seek="$at" conv=notrunc status=none
run 3 "$ENCL" verify damaged.eif --rebuild enclave.yaml -q
grep -q '^BAD crc ' out || fail "$(cat out)"
grep -q '^BAD rebuild.ramdisk1 .*(PCR0, PCR2); rootfs/' out || fail "$(cat out)"
nothing_left

# ---- signed: the whole file where the key is here ----
openssl ecparam -name secp384r1 -genkey -noout -out key.pem 2>/dev/null
openssl req -new -x509 -key key.pem -sha384 -days 3650 -subj "/CN=a" -out cert.pem
openssl ecparam -name secp384r1 -genkey -noout -out other.pem 2>/dev/null
openssl req -new -x509 -key other.pem -sha384 -days 3650 -subj "/CN=b" -out other-cert.pem
printf 'sign: {certificate: ./cert.pem, key: ./key.pem}\n' >>enclave.yaml
run 0 "$ENCL" build -q --locked -o signed.eif
rebuild 0 signed.eif -q
grep -q "^ok  rebuild.signature the manifest's key makes the same bytes$" out || fail "$(cat out)"
rebuild 0 good.eif -q
grep -q '^--  rebuild.signature the image is not signed, its manifest asks for a signature$' out || fail "$(cat out)"
run 0 "$ENCL" sign -q --certificate other-cert.pem --key other.pem good.eif -o by-other.eif
rebuild 3 by-other.eif -q
grep -q "^BAD rebuild.signature not by the manifest's certificate ./cert.pem$" out || fail "$(cat out)"
mv key.pem away.pem
rebuild 0 signed.eif -q
grep -q "^ok  rebuild.signature by the manifest's certificate; its key is not here$" out || fail "$(cat out)"
rebuild 3 by-other.eif -q
grep -q "^BAD rebuild.signature not by the manifest's certificate ./cert.pem$" out || fail "$(cat out)"
cp other.pem key.pem # which the certificate does not fit
rebuild 0 signed.eif -q
grep -q "^ok  rebuild.signature by the manifest's certificate; its key is not here$" out || fail "$(cat out)"
rm key.pem
mv cert.pem away-cert.pem
rebuild 3 signed.eif -q
grep -q "^BAD rebuild.signature cannot be compared: .*cert.pem" out || fail "$(cat out)"
mv away-cert.pem cert.pem
cp good.yaml enclave.yaml
rebuild 0 signed.eif -q
grep -q "^--  rebuild.signature not compared: the manifest does not sign$" out || fail "$(cat out)"

# ---- another shape: a squashfs, and an image for Docker that is made here ----
mkdir engine
for p in dockerd containerd containerd-shim-runc-v2 runc docker-proxy docker-init; do
	printf '#!/bin/sh\n' >"docker/$p"
	chmod 755 "docker/$p"
done
tar --sort=name --mtime=@0 -czf engine/docker.tgz docker
"$TOP/tests/support/fake-blobs.sh" engine/blobs
cat "$TOP/tests/support/kconfig/aws-6.6.config" >>engine/blobs/bzImage.config
printf 'CONFIG_SQUASHFS=y\nCONFIG_SQUASHFS_ZSTD=y\nCONFIG_SQUASHFS_XATTR=y\n' >>engine/blobs/bzImage.config
cat >engine/docker.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
boot:
  kernel: {blobs: ./blobs}
  ramdisk: {format: squashfs}
docker:
  engine: {archive: {path: ./docker.tgz}}
  storage: {preload: layers}
  images:
    - name: app
      rootfs:
        - file: {path: /app, content: "one", mode: "0755"}
        - directory: {path: ../files, at: /srv}
      config: {command: [/app]}
  containers:
    - {name: one, image: app, critical: true}
  network: host
resources: {memoryMiB: 4096}
Y
run 0 "$ENCL" lock -q engine/docker.yaml
run 0 "$ENCL" build -q --locked -o engine.eif engine/docker.yaml
run 0 "$ENCL" verify engine.eif --rebuild engine/docker.yaml -q
nothing_left
cp engine/docker.lock engine/good.lock
echo two >files/deep/page
run 0 "$ENCL" lock -q engine/docker.yaml
run 0 "$ENCL" build -q --locked -o other-engine.eif engine/docker.yaml
echo one >files/deep/page
cp engine/good.lock engine/docker.lock
run 3 "$ENCL" verify other-engine.eif --rebuild engine/docker.yaml -q
grep -q '^BAD rebuild.ramdisk1 ' out || fail "$(cat out)"
grep -Eq 'srv/deep/page .*directory ../files \(docker.images\[0\].rootfs\[1\], engine/docker.yaml:16\)' out || fail "$(cat out)"
nothing_left

# ---- inputs that are not those of the lock: what that does to the image ----
echo two >app.conf
rebuild 3 good.eif -q
grep -q '^BAD rebuild.lock *enclave.yaml:11:5: rootfs\[4\]: ./app.conf: lock has sha256:' out || fail "$(cat out)"
grep -q '^BAD rebuild.ramdisk1 .*rootfs/etc/app.conf changed, from file ./app.conf (rootfs\[4\], enclave.yaml:11)' out || fail "$(cat out)"
echo one >app.conf
mirror two
rebuild 1 good.eif -q
grep -q '^enclavebuild: rebuild: enclave.yaml:8:5: rootfs\[1\]: .*app_1.0.deb: .*digest mismatch' err || fail "$(cat err)"
mirror one

# ---- what cannot be built ----
rejects 2 '--rebuild: "-" has no lock beside it; give the manifest'"'"'s name' "$ENCL" verify good.eif --rebuild -
rejects 2 '--use-cache is for --rebuild' "$ENCL" verify good.eif --use-cache
rm enclave.lock
rejects 3 'enclave.lock is not there: without it nothing says what was built from' "$ENCL" verify good.eif --rebuild enclave.yaml
cp good.lock enclave.lock
sed -i 's#at: /opt#at: /usr#' enclave.yaml
rejects 3 'rebuild: enclave.lock is stale: changed in enclave.yaml: rootfs[2].archive.at; run "enclavebuild lock"' \
	"$ENCL" verify good.eif --rebuild enclave.yaml
cp good.yaml enclave.yaml
jq '.compressor = "zstd 0.0.1 -9"' good.lock >enclave.lock
rejects 3 'rebuild: enclave.lock: compressor is "zstd 0.0.1 -9" there and "" here: the bytes would differ; use that version or run "enclavebuild lock"' \
	"$ENCL" verify good.eif --rebuild enclave.yaml
cp good.lock enclave.lock
kill "$server"
wait "$server" 2>/dev/null || true
server=
run 6 "$ENCL" verify good.eif --rebuild enclave.yaml -q
grep -q '^enclavebuild: rebuild: enclave.yaml:8:5: rootfs\[1\]: .*app_1.0.deb: Failed to connect' err || fail "$(cat err)"
nothing_left

# ---- a signal in the middle leaves nothing ----
python3 -c 'import socket, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen()
print(s.getsockname()[1], flush=True)
time.sleep(300)' >silent &
server=$!
for _ in $(seq 400); do [ -s silent ] && break || sleep 0.05; done
sed -i "s#$URL#http://127.0.0.1:$(cat silent)#" enclave.yaml
for signal in TERM INT KILL; do
	"$ENCL" verify good.eif --rebuild enclave.yaml -q >/dev/null 2>&1 </dev/null &
	verify=$!
	for _ in $(seq 600); do [ -n "$(find tmp -path "*/cache/blobs")" ] && break || sleep 0.05; done
	[ -n "$(ls -A tmp)" ] || fail "$signal: nothing was begun"
	kill "-$signal" "$verify"
	wait "$verify" 2>/dev/null && fail "$signal: it passed"
	for _ in $(seq 600); do [ -z "$(ls -A tmp)" ] && break || sleep 0.05; done
	nothing_left
done
