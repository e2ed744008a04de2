# Goal: build writes image and measurements, the same twice; the lock pins,
# goes stale by name, and local changes are named; expect is enforced.
. "$(dirname "$0")/lib.sh"
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files/etc
echo one >files/etc/one
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs:
  - directory: {path: ./files, at: /}
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/bin/app, "two words"]
  env: {A: "1"}
Y
export XDG_CACHE_HOME=$WORK/cache
run 0 "$ENCL" build -o a.eif --json
pcr0=$(sed -n 's/.*"PCR0": "\(.*\)".*/\1/p' out)
[ ${#pcr0} -eq 96 ] || fail "no PCR0 in: $(cat out)"
grep -q '"HashAlgorithm": "Sha384 { ... }"' out || fail "no HashAlgorithm"
grep -q "\"Digest\": \"sha256:$(sha256sum a.eif | cut -d' ' -f1)\"" out || fail "digest is not the file's"
grep -q "\"PCR0\": \"$pcr0\"" a.measurements.json || fail "measurements file differs"
run 0 "$ENCL" build -o b.eif -j 1
cmp a.eif b.eif
same "mode" 644 "$(stat -c %a b.eif)"
rm b.eif b.measurements.json

# locked: not without a lock
rejects 3 'enclave.lock is not there; run "enclavebuild lock" first' "$ENCL" build --locked -o b.eif
run 0 "$ENCL" lock -q
same "lock is stable" "$(sha256sum <enclave.lock)" "$("$ENCL" lock -q >/dev/null && sha256sum <enclave.lock)"
! grep -q "$WORK" enclave.lock || fail "the lock names a folder of this machine"
run 0 "$ENCL" build -q --locked --offline -o b.eif
cmp a.eif b.eif
rm b.eif b.measurements.json

# a changed input is named, and so is a changed key
echo two >files/etc/one
run 3 "$ENCL" build -q -o b.eif
grep -q '^enclavebuild: enclave.yaml:7:5: rootfs\[0\]: .*sha256:.*sha256:' err || fail "not named: $(cat err)"
echo one >files/etc/one
sed -i 's/two words/three/; s|path: /bin/app|path: /bin/app2|' enclave.yaml
rejects 3 'enclave.lock is stale: changed in enclave.yaml: rootfs[1].file.path; run "enclavebuild lock"' "$ENCL" build -q -o b.eif
sed -i 's|path: /bin/app2|path: /bin/app|' enclave.yaml
run 0 "$ENCL" build -q --locked -o b.eif # the command is not an input
cmp -s a.eif b.eif && fail "another command gave the same image"
sed -i 's/three/two words/' enclave.yaml

# what only says how it is run changes nothing
printf 'resources: {memoryMiB: 2048, cpus: 4}\n' >>enclave.yaml
run 0 "$ENCL" build -q --locked -o b.eif
cmp a.eif b.eif

# expect
printf 'expect:\n  pcr0: "%s"\n' "$pcr0" >>enclave.yaml
run 0 "$ENCL" build -q -o b.eif
sed -i 's/pcr0: "[0-8]/pcr0: "9/; t; s/pcr0: "./pcr0: "0/' enclave.yaml # another digit
rm -f b.eif b.measurements.json
run 3 "$ENCL" build -q -o b.eif
grep -q "^enclavebuild: enclave.yaml:16:3: expect.pcr0: expected [09].*, the image has $pcr0\$" err || fail "$(cat err)"
[ ! -e b.eif ] && [ ! -e b.measurements.json ] || fail "an image that does not match was left"
same "nothing else left behind" "" "$(find . -name '.*.eif.*')"

# lock --check
run 0 "$ENCL" lock --check
echo three >files/etc/one
run 3 "$ENCL" lock --check
grep -q '^rootfs\[0\]\.pin' out || fail "does not say what would move: $(cat out)"

# a lock edited by hand is refused, wherever
echo one >files/etc/one
sed -i '/^expect:/,$d' enclave.yaml
run 0 "$ENCL" lock -q
cp enclave.lock good.lock
for edit in '0,/"size": [0-9]*/s//"size": 7/' '0,/"files": [0-9]*/s//"files": 7/' 's/"compat": 1/"compat": 2/' \
	's/"launch": "sha256:./"launch": "sha256:g/' '0,/"pin": {/s//"pin": {"x": 1,/' '0,/"item": {/s//"x": 1, "item": {/'; do
	sed "$edit" good.lock >enclave.lock
	cmp -s good.lock enclave.lock && fail "the edit changes nothing: $edit"
	run 3 "$ENCL" build -q --locked -o c.eif
	[ ! -e c.eif ] || fail "built by an edited lock: $edit"
done
