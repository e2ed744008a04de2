# Goal: an image of a registry gives the same enclave as the same image as a
# layout; the lock turns tags into digests; a warm build asks nobody; a blob is
# fetched once however many processes want it.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo
"$TOP/tests/support/fake-blobs.sh" "$WORK/blobs"
export ENCL_CACHE=$WORK/cache
encl() { "$ENCL" "$@" --cache-dir "$ENCL_CACHE"; }
manifest() { # manifest FILE IMAGE
	cat >"$1" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs:
  - image: $2
boot:
  kernel: {blobs: ./blobs}
Y
}
copy() { skopeo copy -q --insecure-policy --dest-tls-verify=false --src-tls-verify=false "$@" || fail "skopeo copy $*"; }
blobs() { # blobs LOCK: digests of the image's config and layers
	sed '/"kernel": {/,$d' "$1" | sed -nE 's/.*"(config|digest)": "(sha256:[0-9a-f]*).*/\2/p' | awk '!seen[$0]++'
}
requests() { grep -c 'msg="response completed"' "$WORK/reg/log" || true; }
gets() { # gets PATH-REGEX: answered GETs of the registry
	grep -cE "http.request.method=GET.*http.request.uri=\"?/v2/$1.*response completed|response completed.*http.request.method=GET.*http.request.uri=\"?/v2/$1" "$WORK/reg/log" || true
}

registry reg
layout layers 3 300
copy --preserve-digests oci:layers "docker://$REG/team/app:1"
MANIFEST=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REG/team/app:1")
same "skopeo keeps the digest" "$(sed 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/' layers/index.json)" "$MANIFEST"

# ---- a tag needs a lock ----
manifest enclave.yaml "$REG/team/app:1"
rejects 3 "enclave.yaml:7:5: rootfs[0].image: no digest for \"$REG/team/app:1\"; run \"enclavebuild lock\"" \
	encl build -q -o tag.eif
[ ! -e tag.eif ] || fail "an image was written"
cat >>enclave.yaml <<Y
docker:
  engine: {packages: {distribution: debian, suite: bookworm, install: [docker.io]}}
  images:
    - {image: "redis@$MANIFEST", name: "redis:7"}
    - {image: "redis:7", name: "a:1"}
  containers: [{name: a, image: "a:1"}]
Y
sed -i "s#^  - image: .*#  - image: $REG/team/app@$MANIFEST#" enclave.yaml
rejects 3 'enclave.yaml:14:7: docker.images[1].image: no digest for "redis:7"; run "enclavebuild lock"' \
	encl build -q -o tag.eif
manifest enclave.yaml "$REG/team/app:1"
run 0 encl lock -q
grep -q "\"manifest\": \"$MANIFEST\"" enclave.lock || fail "$(cat enclave.lock)"
run 0 encl build -q --locked -o registry.eif

# ---- warm: no request at all, with the registry gone too ----
before=$(requests)
run 0 encl build -q --locked -o warm.eif
same "requests of a warm build" "$before" "$(requests)"
cmp registry.eif warm.eif
run 0 encl build -q --locked --offline -o warm.eif
cmp registry.eif warm.eif

# ---- by digest, beside a tag or without one; no lock ----
manifest digest.yaml "$REG/team/app:none@$MANIFEST"
run 0 encl build -q -o digest.eif digest.yaml
cmp registry.eif digest.eif

# ---- the same image as a layout, an archive, and of another format ----
manifest layout.yaml oci:./layers
run 0 encl build -q -o layout.eif layout.yaml
cmp registry.eif layout.eif
copy oci:layers docker-archive:app.tar:team/app:1
manifest archive.yaml docker-archive:./app.tar
run 0 encl build -q -o archive.eif archive.yaml
cmp registry.eif archive.eif
copy --format v2s2 oci:layers "docker://$REG/team/docker:1"
manifest docker.yaml "$REG/team/docker:1"
run 0 encl lock -q docker.yaml
grep -q 'image.rootfs.diff.tar' docker.lock || fail "not Docker's media types"
run 0 encl build -q --locked -o docker.eif docker.yaml
cmp registry.eif docker.eif
copy --dest-compress-format zstd --dest-compress oci:layers oci:zstd:1
copy --preserve-digests oci:zstd:1 "docker://$REG/team/zstd:1"
manifest zstd.yaml "$REG/team/zstd:1"
run 0 encl lock -q zstd.yaml
grep -q 'tar+zstd' zstd.lock || fail "not zstd"
run 0 encl build -q --locked -o zstd.eif zstd.yaml
cmp registry.eif zstd.eif

# ---- and for a container: what the engine finds is the same, whatever it came from ----
for storage in layers archive; do
	for image in oci:layers "$REG/team/app:1" "$REG/team/app@$MANIFEST" "$REG/team/docker:1" "$REG/team/zstd:1" docker-archive:app.tar; do
		"$O/support/docker-images" "$ENCL_CACHE" $storage tar "app:1=$image" >"$storage.tar" 2>err || fail "$image: $(cat err)"
		[ -e "$storage.first" ] || cp "$storage.tar" "$storage.first"
		cmp "$storage.first" "$storage.tar" || fail "$storage of $image"
	done
done

# ---- the tag moves; the lock does not, until it is told to ----
layout other 2 100
copy oci:other "docker://$REG/team/app:1"
run 0 encl lock -q
grep -q "\"manifest\": \"$MANIFEST\"" enclave.lock || fail "lock followed the tag"
rm -rf cache
run 0 encl build -q --locked -o again.eif
cmp registry.eif again.eif
run 3 encl lock --check
grep -q "rootfs\[0\].pin.manifest" out || fail "$(cat out err)"
run 0 encl lock -q --update
if grep -q "\"manifest\": \"$MANIFEST\"" enclave.lock; then fail "update did not follow the tag"; fi
run 0 encl build -q --locked -o other.eif
if cmp -s registry.eif other.eif; then fail "the same image"; fi

# ---- offline: all that is missing, at once ----
rm -rf cache
manifest digest.yaml "$REG/team/app@$MANIFEST"
run 0 encl lock -q digest.yaml
rm -rf cache
run 6 encl build -q --offline --locked -o off.eif digest.yaml
want="enclavebuild: not in the cache, and --offline forbids to fetch: $REG/team/app@$MANIFEST: ${MANIFEST:0:19}"
for d in $(blobs digest.lock | cut -c1-19); do want+=", $d"; done
same "missing" "$want" "$(cat err)"
rm digest.lock enclave.lock
run 6 encl lock -q --offline
grep -q 'the tag "1" names is asked of the registry, and --offline forbids that' err || run 6 false

# of all images
manifest two.yaml "$REG/team/app@$MANIFEST"
sed -i "s#^boot:#  - image: $REG/team/docker:1\n&#" two.yaml
run 0 encl lock -q two.yaml
run 0 encl build -q --locked -o two.eif two.yaml
other=$(sed -n "/team\/docker/,\$p" two.lock | sed -nE 's/.*"manifest": "(sha256:[0-9a-f]{12}).*/\1/p' | head -n 1)
rm "cache/blobs/sha256/${MANIFEST#sha256:}" cache/blobs/sha256/"${other#sha256:}"*
run 6 encl build -q --offline --locked -o off.eif two.yaml
same "missing of two" "enclavebuild: not in the cache, and --offline forbids to fetch: $REG/team/app@$MANIFEST: ${MANIFEST:0:19}; $REG/team/docker:1: $other" "$(cat err)"

# ---- an index: the platform's entry; both digests in the lock ----
cp -r layers arm
config=$(sed -nE 's/.*config.v1\+json","digest":"sha256:([0-9a-f]*)".*/\1/p' "layers/blobs/sha256/${MANIFEST#sha256:}")
size=$(stat -c %s "layers/blobs/sha256/$config")
sed 's/"amd64"/"arm64"/' "layers/blobs/sha256/$config" >arm.json
put_blob arm arm.json
sed "s/\"sha256:$config\",\"size\":$size/\"sha256:$DIGEST\",\"size\":$SIZE/" "layers/blobs/sha256/${MANIFEST#sha256:}" >arm.manifest
put_blob arm arm.manifest
ARM=$DIGEST ARM_SIZE=$SIZE
AMD=$(sed 's/.*"digest":"sha256:\([0-9a-f]*\)".*/\1/' layers/index.json)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"os":"linux","architecture":"arm64","variant":"v8"}},{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"os":"linux","architecture":"amd64"}}]}' \
	"$ARM" "$ARM_SIZE" "$AMD" "$(stat -c %s "layers/blobs/sha256/$AMD")" >index.json
put_blob arm index.json
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%s}]}' "$DIGEST" "$SIZE" >arm/index.json
copy --all --preserve-digests oci:arm "docker://$REG/team/many:1"
manifest many.yaml "$REG/team/many:1"
run 0 encl lock -q many.yaml
grep -q "\"index\": \"sha256:$DIGEST\"" many.lock || fail "no index: $(cat many.lock)"
grep -q "\"manifest\": \"sha256:$AMD\"" many.lock || fail "another platform: $(cat many.lock)"
run 0 encl build -q --locked -o many.eif many.yaml
cmp registry.eif many.eif

# ---- many processes, one cold cache: each blob once ----
rm -rf cache
manifest enclave.yaml "$REG/team/many:1"
rm -f enclave.lock
cp many.lock enclave.lock
: >"$WORK/reg/log"
pids=()
for i in $(seq 1 "${PULLS:-12}"); do
	encl build -q --locked -o "many-$i.eif" >"pull-$i.log" 2>&1 &
	pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid" || fail "a build of many: $(cat pull-*.log)"; done
cmp registry.eif many-1.eif
cmp registry.eif "many-${PULLS:-12}.eif"
for d in $(blobs many.lock); do
	same "GETs of blob $d" 1 "$(gets "team/many/blobs/$d")"
done
for d in $DIGEST $AMD; do same "GETs of manifest $d" 1 "$(gets "team/many/manifests/sha256:$d")"; done
same "left in partial" "" "$(ls -A cache/partial)"

# ---- a blob of the cache that is damaged is told, removed, and fetched again ----
big=$(find cache/blobs/sha256 -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
chmod u+w "$big"
printf X | dd of="$big" bs=1 seek=100 conv=notrunc 2>/dev/null
run 1 encl build -q --locked -o damaged.eif
grep -q 'was damaged and is removed; run the command again' err || fail "$(cat err)"
run 0 encl build -q --locked -o damaged.eif
cmp registry.eif damaged.eif

# ---- what is not there ----
manifest no.yaml "$REG/team/nothing:1"
run 6 encl lock -q no.yaml
grep -q "^enclavebuild: no.yaml:7:5: rootfs\[0\]: GET http://$REG/v2/team/nothing/manifests/1: HTTP status 404: " err || fail "$(cat err)"
manifest arch.yaml "$REG/team/app:1"
sed -i 's/x86_64/aarch64/' arch.yaml
run 1 encl lock -q arch.yaml
grep -q 'the image is for linux/amd64, but arch is aarch64 (linux/arm64)' err || fail "$(cat err)"
