# Goal: list and extract show an image's files; what was extracted is what the
# image holds, also by cpio's own reading.
. "$(dirname "$0")/lib.sh"
need cpio
V=$TOP/tests/golden/vectors

# sections are the vectors' inputs
run 0 "$ENCL" extract "$V/signed.eif" -o v
for f in kernel cmdline metadata.json; do cmp "v/$f" "$V/$f"; done
cmp v/signature.cbor "$V/sigsection.bin"
cmp v/ramdisk0.cpio "$V/ramdisk0"
cmp v/ramdisk1.cpio "$V/ramdisk1"
same "names" "kernel cmdline metadata.json ramdisk0.cpio ramdisk1.cpio signature.cbor" \
	"$(cut -d' ' -f1 out | tr '\n' ' ' | sed 's/ $//')"
run 1 "$ENCL" list "$V/signed.eif" # its ramdisks are no archives
rejects 2 "$V/signed.eif has 2 ramdisks, counted from 0" "$ENCL" list "$V/signed.eif" --ramdisk 2
rejects 2 'extract: --output DIR is missing' "$ENCL" extract "$V/signed.eif"

# an image with files
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files/sub
echo one >files/sub/one
ln files/sub/one files/sub/two
ln -s sub/one files/link
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
  command: [/bin/app]
Y
export XDG_CACHE_HOME=$WORK/cache
run 0 "$ENCL" build -q -o t.eif
run 0 "$ENCL" list t.eif
grep -q '^# ramdisk 0$' out || fail "no ramdisk 0: $(cat out)"
grep -q 'rootfs/sub/one' out || fail "no file: $(cat out)"
cp out all
run 0 "$ENCL" list t.eif --ramdisk 1
same "one ramdisk" "$(sed '1,/^# ramdisk 1$/d' all)" "$(cat out)"
run 0 "$ENCL" list t.eif --json
same "lines as JSON" "$(grep -vc '^# ' all)" "$(grep -c '^      "' out)"

run 0 "$ENCL" extract t.eif -o x --files
same "no warnings" "" "$(cat err)"
same "file" one "$(cat x/rootfs/sub/one)"
same "link" sub/one "$(readlink x/rootfs/link)"
same "mode" 755 "$(stat -c %a x/rootfs/bin/app)"
mkdir by-cpio
(cd by-cpio && cpio -id --quiet --no-absolute-filenames <../x/ramdisk1.cpio 2>/dev/null)
diff -r --no-dereference by-cpio/rootfs x/rootfs
run 1 "$ENCL" extract t.eif -o x --files # not over an older one
grep -qx 'enclavebuild: x/rootfs is there already; remove it first' err || fail "$(cat err)"
same "sections can be replaced" 0 "$("$ENCL" extract t.eif -o x >/dev/null && echo $?)"
