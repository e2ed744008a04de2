# Goal: an image in a registry is rebuilt from a base image in a registry that wants
# a password, which is found though the rebuild has another home; a layer that the
# registry changed is refused.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo jq
export TMPDIR=$WORK/tmp
mkdir tmp
"$TOP/tests/support/fake-blobs.sh" blobs
registry secure tls htpasswd alice:geheim-0815
export SSL_CERT_FILE=$WORK/ca.pem
layout layers 2 300
skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false \
	--dest-creds alice:geheim-0815 oci:layers "docker://$REG/team/base:1"
echo geheim-0815 >password
run 0 bash -c '"$ENCL" login -q "$1" -u alice --password-stdin <password' - "$REG"
cat >enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs:
  - image: $REG/team/base:1
  - file: {path: /app, content: "one", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app: {command: [/app]}
Y
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --locked -o app.eif
run 0 "$ENCL" push -q app.eif "$REG/team/app:1"
verify() { # CODE [OPTION…]
	run "$1" "$ENCL" verify "$REG/team/app:1" --rebuild enclave.yaml "${@:2}"
	same "left behind" "" "$(ls -A tmp)"
}
verify 0 -q
grep -q '^ok  rebuild.ramdisk1  the same [0-9]* bytes$' out || fail "$(cat out)"
verify 0 -q --use-cache
# without the password the rebuild stops, and says what to do
mv "$HOME/.docker" "$HOME/away"
run 6 "$ENCL" verify app.eif --rebuild enclave.yaml -q
grep -q "^enclavebuild: rebuild: enclave.yaml:7:5: rootfs\[0\]: .*401.*run \"enclavebuild login $REG\"" err || fail "$(cat err)"
same "left behind" "" "$(ls -A tmp)"
mv "$HOME/away" "$HOME/.docker"
# another byte in a layer, under the old digest
layer=$(jq -r '.rootfs[0].pin.layers[-1].digest' enclave.lock)
blob=$(find "$WORK/secure" -path "*${layer#sha256:}/data")
printf X | dd of="$blob" bs=1 seek=20 conv=notrunc status=none
run 1 "$ENCL" verify app.eif --rebuild enclave.yaml -q
grep -q "^enclavebuild: rebuild: enclave.yaml:7:5: rootfs\[0\]: .*${layer#sha256:}" err || fail "$(cat err)"
same "left behind" "" "$(ls -A tmp)"
