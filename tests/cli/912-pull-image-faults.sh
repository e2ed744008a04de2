# Goal: a base image whose registry does wrong is fetched all the same, or is one
# clear error; nothing of it is used, and what came of a cut blob is not fetched
# again.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo
"$TOP/tests/support/fake-blobs.sh" blobs
registry reg
layout layers 1 8192
skopeo copy -q --insecure-policy --dest-tls-verify=false --preserve-digests oci:layers "docker://$REG/team/app:1"
MANIFEST=sha256:$(sed 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/' layers/index.json)
manifest=layers/blobs/sha256/${MANIFEST#sha256:}
LAYER=$(sed -nE 's/.*"layers":.*"digest":"(sha256:[0-9a-f]*)".*/\1/p' "$manifest")
CONFIG=$(sed -nE 's/.*config.v1\+json","digest":"(sha256:[0-9a-f]*)".*/\1/p' "$manifest")
SIZE=$(stat -c %s "layers/blobs/sha256/${LAYER#sha256:}")
cases=0

shown() { sed -e "s#$FAULT#HOST#g; s#$LAYER#LAYER#g; s#$CONFIG#CONFIG#g; s#$MANIFEST#MANIFEST#g; s#^enclavebuild: enclave.yaml:7:5: rootfs\[0\]: ##" err; }
lock() { # lock RULE…
	cases=$((cases + 1))
	[ -z "${SERVER_PIDS[front]:-}" ] || stop front
	faultd front seed=7 "$REG" "$@"
	printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
		'rootfs:' "  - image: $FAULT/team/app${REF:-:1}" 'boot:' '  kernel: {blobs: ./blobs}' >enclave.yaml
	rm -rf cache enclave.lock
	"$ENCL" lock -q --cache-dir cache
}
done_after() { # done_after RULE…
	run 0 lock "$@"
	grep -q "\"digest\": \"$LAYER\"" enclave.lock || fail "$*: another layer"
	sha256sum -c --quiet <<<"${LAYER#sha256:}  cache/blobs/sha256/${LAYER#sha256:}"
	same "$*: left" "" "$(find cache/partial cache/tmp -type f)"
}
fails_with() { # fails_with CODE MESSAGE RULE…
	run "$1" lock "${@:3}"
	same "${*:3}" "$2" "$(shown)"
	same "${*:3}: stdout" "" "$(cat out)"
	[ ! -e enclave.lock ] || fail "${*:3}: there is a lock"
	[ ! -e "cache/blobs/sha256/${LAYER#sha256:}" ] || fail "${*:3}: there is a layer"
	same "${*:3}: left" "" "$(ls -A cache/tmp)"
}

# ---- retried, resumed, begun anew ----
done_after
done_after "1 GET /manifests/ status 503" "1 GET /blobs/$CONFIG status 429" "1 GET /blobs/$LAYER drop"
done_after "* GET /blobs/ unsized"
done_after "3 GET /blobs/$LAYER cut random"
done_after "1 GET /blobs/$LAYER cut 1000000" "2-2 GET /blobs/$LAYER norange"
done_after "1 GET /blobs/$LAYER cut 1000000" "2-2 GET /blobs/$LAYER status 416"
for range in 'bytes 5-9/10' "bytes 0-$((SIZE - 1))/$SIZE" "bytes 1000000-$((SIZE - 1))/$((SIZE + 1))" 'bytes 1000000-' ''; do
	done_after "1 GET /blobs/$LAYER cut 1000000" "2-2 GET /blobs/$LAYER header Content-Range: $range"
done

# ---- blobs that are not what their descriptor says ----
fails_with 1 "HOST/team/app:1: LAYER: digest mismatch: want LAYER, got sha256:$(
	run 1 lock "* GET /blobs/$LAYER rubbish"
	sed -n 's/.*got sha256://p' err
)" "* GET /blobs/$LAYER rubbish"
fails_with 1 "HOST/team/app: blob LAYER: the registry has $((SIZE + 1)) bytes of it, its descriptor says $SIZE" "* GET /blobs/$LAYER pad 1"
fails_with 1 "HOST/team/app: blob LAYER: the registry has $((SIZE - 9)) bytes of it, its descriptor says $SIZE" "* GET /blobs/$LAYER length -9"
fails_with 1 "HOST/team/app: blob LAYER: is larger than the $SIZE bytes that its descriptor says" "* GET /blobs/$LAYER pad 1" "* GET /blobs/$LAYER unsized"
fails_with 6 "HOST/team/app: blob LAYER: the connection breaks, and the registry cannot go on from byte 1000" \
	"* GET /blobs/$LAYER cut 1000" "2-99 GET /blobs/$LAYER norange"
fails_with 6 "GET http://HOST/v2/team/app/blobs/LAYER: HTTP status 404: BLOB_UNKNOWN: scripted (not there, or not without a login)" \
	"* GET /blobs/$LAYER status 404 BLOB_UNKNOWN"

# ---- manifests ----
say() { # say FILE TYPE CODE MESSAGE: by tag, of this type
	fails_with "$3" "$4" "* GET /manifests/1 file $1" "* GET /manifests/1 header Docker-Content-Digest:" \
		"* GET /manifests/1 header Content-Type: $2"
}
OCI=application/vnd.oci.image
printf '{"schemaVersion":1,"name":"team/app","tag":"1","architecture":"amd64","fsLayers":[],"history":[]}' >schema1
say schema1 application/vnd.docker.distribution.manifest.v1+prettyjws 1 \
	"HOST/team/app: manifest 1: Docker image manifest schema 1 is not supported; push the image again with a current tool"
say schema1 application/json 1 \
	"HOST/team/app: manifest 1: Docker image manifest schema 1 is not supported; push the image again with a current tool"
sed 's/"layers":/"manifests":[],"layers":/' "$manifest" >both
say both "$OCI.manifest.v1+json" 1 "HOST/team/app: manifest 1: is an index and a manifest at once; refused"
cp "$manifest" whole
say whole "$OCI.index.v1+json" 1 "HOST/team/app: manifest 1: its mediaType is not the Content-Type that the registry gave it"
sed "s#\"mediaType\":\"$OCI.manifest.v1+json\",##" "$manifest" >untyped
say untyped "$OCI.index.v1+json" 1 "HOST/team/app: manifest 1: its content is not of its type, $OCI.index.v1+json"
printf '<html>' >page
run 1 lock "* GET /manifests/1 file page" "* GET /manifests/1 header Docker-Content-Digest:" "* GET /manifests/1 header Content-Type: text/html"
sed "s#$OCI.layer.v1.tar#$OCI.layer.nondistributable.v1.tar#" "$manifest" >foreign
digest=sha256:$(sha256sum foreign | cut -d' ' -f1)
say foreign "$OCI.manifest.v1+json" 1 \
	"HOST/team/app:1: manifest $digest: layers[0]: foreign layers are not supported: \"$OCI.layer.nondistributable.v1.tar\""
sed "s#$OCI.config.v1+json#application/vnd.cncf.helm.config.v1+json#" "$manifest" >chart
digest=sha256:$(sha256sum chart | cut -d' ' -f1)
say chart "$OCI.manifest.v1+json" 1 \
	"HOST/team/app:1: manifest $digest: not a container image, its config is \"application/vnd.cncf.helm.config.v1+json\""
sed -E 's/(config.v1\+json","digest":"[^"]*","size":)[0-9]*/\15000000/' "$manifest" >large
say large "$OCI.manifest.v1+json" 1 "HOST/team/app:1: config CONFIG is larger than 4194304 bytes"
sed -E 's/("layers":.*"size":)[0-9]*/\120000000000/' "$manifest" >huge
say huge "$OCI.manifest.v1+json" 1 "HOST/team/app:1: layer LAYER has 20000000000 bytes; at most 17179869184 are taken"
fails_with 1 "HOST/team/app: manifest 1: digest mismatch: the registry has sha256:$(printf %064d 0), its bytes have MANIFEST" \
	"* GET /manifests/1 header Docker-Content-Digest: sha256:$(printf %064d 0)"
REF=@$MANIFEST
run 1 lock "* GET /manifests/ rubbish"
grep -q 'digest mismatch' err || fail "$(cat err)"
done_after "* GET /manifests/ header Content-Type: application/json" # a digest leaves no doubt
REF=

# ---- killed, or ended by the user: the next one goes on ----
for signal in KILL INT; do
	run 0 lock
	rm -rf cache enclave.lock
	[ -z "${SERVER_PIDS[front]:-}" ] || stop front
	faultd front "$REG" "* GET /blobs/$LAYER rate 3000000"
	sed -i "s#image: .*/team#image: $FAULT/team#" enclave.yaml
	"$ENCL" lock -q --cache-dir cache >out 2>err &
	pid=$!
	for _ in $(seq 100); do
		[ "$(stat -c %s "cache/partial/${LAYER/:/-}" 2>/dev/null || echo 0)" -lt 1000000 ] || break
		sleep 0.1
	done
	kill -$signal $pid
	wait $pid 2>/dev/null && fail "$signal: not killed"
	same "$signal: left in tmp" "" "$(ls -A cache/tmp)"
	had=$(stat -c %s "cache/partial/${LAYER/:/-}")
	[ "$had" -ge 1000000 ] || fail "$signal: only $had bytes are kept"
	[ ! -e enclave.lock ] || fail "$signal: there is a lock"
	run 0 "$ENCL" lock -q --cache-dir cache
	sleep 0.3
	grep -q "blobs/$LAYER .*range=bytes=$had- sent=$((SIZE - had)) " "$FAULT_LOG" || fail "$signal: not gone on from $had: $(cat "$FAULT_LOG")"
done
# What the killed one left may be anything.
run 0 lock
mv "cache/blobs/sha256/${LAYER#sha256:}" kept
mkdir -p cache/partial
head -c 5000000 kept | tr '\0' 'x' >"cache/partial/${LAYER/:/-}"
printf XYZ | dd of="cache/partial/${LAYER/:/-}" bs=1 seek=4000000 conv=notrunc 2>/dev/null
rm enclave.lock
run 0 "$ENCL" lock -q --cache-dir cache
cmp kept "cache/blobs/sha256/${LAYER#sha256:}"

# ---- an image for the enclave's Docker ----
copied() { # copied ARG…: what docker.images makes of it
	"$O/support/docker-images" cache layers list "$@" 2>names || fail "$(cat names)"
}
copied "$REG/team/app:1" >registry.list
sed 's/^[^ ]* [0-9]* //' names >registry.names
copied "$REG/team/app:1=oci:layers" >layout.list
cmp registry.list layout.list
same "its name" "$REG/team/app:1" "$(cat registry.names)"
run 2 "$O/support/docker-images" cache layers list "$REG/team/app@$MANIFEST"
grep -q 'give it a "name"' err || fail "$(cat err)"
echo "$cases cases"
