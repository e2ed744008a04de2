# Goal: what the page of `report` says is what the image holds; it stays small
# for many files; what it cannot be made of is an error and leaves no file.
. "$(dirname "$0")/lib.sh"
need python3
"$TOP/tests/support/fake-blobs.sh" blobs
echo CONFIG_SQUASHFS_ZSTD=y >>blobs/bzImage.config
echo CONFIG_SQUASHFS_XATTR=y >>blobs/bzImage.config
hostile() { python3 "$TOP/tests/support/hostile-eif.py" "$@"; }
sum() { # bytes of each picture
	python3 -c '
import re, sys
for m in re.findall(r"<svg class=\"map\".*?</g>", open(sys.argv[1]).read(), re.S):
    total = re.search(r"data-bytes-total=\"(\d+)\"", m)[1]
    print(total, sum(map(int, re.findall(r" data-bytes=\"(\d+)\"", m))))' "$1"
}
sums() { # sums PAGE IMAGE
	local n
	n=$(stat -c %s "$2")
	same "areas of $1" "$n $n"$'\n'"$n $n"$'\n'"$n $n" "$(sum "$1")"
}

# 100,000 files: a small page, in little time and memory
hostile many.eif blobs/bzImage --many 100000
run 0 "$ENCL" report many.eif -o many.html
sums many.html many.eif
[ "$(stat -c %s many.html)" -lt 400000 ] || fail "many.html has $(stat -c %s many.html) bytes"
grep -q "and 99.976 more files" many.html || fail "$(grep 'more files' many.html)"

# the layouts: cpio, compressed, squashfs; signed
mkdir app
cp -r "$TOP/tests/golden/basic/files" app/
head -c 300000 /dev/urandom >app/files/random
head -c 300000 /dev/zero >app/files/zeros
build() { # build NAME BOOT-LINE…
	cat >app/enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
rootfs:
  - directory: {path: ./files, at: /srv}
boot:
  kernel: {blobs: ../blobs}
$2
app:
  command: [/srv/run.sh]
debug: {exec: true}
network:
  egress: {allow: [{host: "*.example.com", ports: [443]}]}
Y
	(cd app && "$ENCL" build -q -o "../$1.eif") >/dev/null 2>"$1.log" || fail "$1 is not built: $(cat $1.log)"
}
build plain ""
build packed "  ramdisk: {compression: zstd}"
build squashed "  ramdisk: {format: squashfs}"
for x in plain packed squashed; do
	run 0 "$ENCL" report $x.eif -o $x.html
	sums $x.html $x.eif
	grep -q "Debug access is built in" $x.html || fail "$x: nothing of debug.exec"
	grep -q '<code>\*.example.com</code>' $x.html || fail "$x: no allow-list"
	grep -q '<code>/srv/run.sh</code>' $x.html || fail "$x: no command"
done
grep -q 'title>rootfs/srv/random · 292.9' plain.html || fail "no area of a file"
grep -q 'Where a ramdisk is compressed' packed.html || fail "no word of compression"

# the verdict: against nothing, against what it is, against another
grep -q '</span> Not verified</p>' plain.html || fail "compared with nothing"
run 0 "$ENCL" report plain.eif -m plain.measurements.json -o plain.html
grep -q '</span> Verified</p>' plain.html || fail "it is verified"
run 3 "$ENCL" report plain.eif --image packed.eif -o plain.html
grep -q '</span> Failed</p>' plain.html || fail "it is another"
grep -q '^enclavebuild: plain.eif: PCR0: packed.eif expects [0-9a-f]*, there is [0-9a-f]* (plain.html has the rest)$' err || fail "$(cat err)"
run 0 "$ENCL" report plain.eif --json -o plain.html
same "keys" "Report Passed Compared Checks" "$(sed -n 's/^  "\([A-Za-z]*\)".*/\1/p' out | tr '\n' ' ' | sed 's/ $//')"

# errors
rejects 2 'report: say where to write the page: -o FILE' "$ENCL" report plain.eif
rejects 2 '--at: "soon" is no time such as 2026-01-31T12:00:00Z' "$ENCL" report plain.eif --at soon -o no.html
rejects 2 '--compat: "docker" is not nitro-cli' "$ENCL" report plain.eif --compat docker -o no.html
rejects 1 "$TOP/tests/golden/vectors/kernel: not an EIF: 7 bytes, the header alone has 548" \
	"$ENCL" report "$TOP/tests/golden/vectors/kernel" -o no.html
rejects 1 "signed.eif: ramdisk 0: ramdisk: at byte 0: neither a cpio archive nor compressed by gzip, zstd, lz4 or xz" \
	"$ENCL" report "$TOP/tests/golden/vectors/signed.eif" -o no.html
run 1 "$ENCL" report plain.eif -o no/such/folder.html
run 1 "$ENCL" report plain.eif --against missing.eif -o no.html
same "left behind" "" "$(find . -name 'no.html*' -o -name '.no*')"
