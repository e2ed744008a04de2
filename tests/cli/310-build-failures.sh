# Goal: whatever stops a build, one error names the place and nothing is left.
. "$(dirname "$0")/lib.sh"
need unshare setpriv
"$TOP/tests/support/fake-blobs.sh" blobs
export XDG_CACHE_HOME=$WORK/cache
mkdir out.d
head -c 8388608 /dev/zero >big
app='app: {command: [/big]}'
manifest() { # manifest LAYERS [APP]
	cat >enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs:
$1
boot:
  kernel: {blobs: ./blobs}
${2-$app}
Y
}
nothing_left() { same "left behind in out.d" "" "$(ls -A out.d)"; }

manifest '  - file: {path: /big, source: ./big}' ''
run 2 "$ENCL" build -q -o out.d/t.eif
grep -q 'enclave.yaml:1:1: app.command: required, but not there; rootfs has no image that could name the program' err || fail "$(cat err)"
nothing_left

# blobs have no module but nsm.ko: what is not built in is missing
cp -r blobs own
sed -i 's/^CONFIG_SQUASHFS=y/CONFIG_SQUASHFS=m/' own/bzImage.config
printf 'CONFIG_SQUASHFS_%s=y\n' ZSTD XATTR >>own/bzImage.config
manifest '  - file: {path: /big, source: ./big}'
sed -i 's#^  kernel: .*#  kernel: {blobs: ./own}\n  ramdisk: {format: squashfs}#' enclave.yaml
run 2 "$ENCL" build -q -o out.d/t.eif
same "stderr" 'enclavebuild: enclave.yaml:9:11: boot.kernel: kernel module squashfs is missing (squashfs needs it; the kernel has CONFIG_SQUASHFS=m)' "$(cat err)"
nothing_left

manifest '  - file: {path: /big, source: ./absent}'
run 1 "$ENCL" build -q -o out.d/t.eif
grep -q 'enclave.yaml:7:5: rootfs\[0\]: .*absent: No such file or directory' err || fail "$(cat err)"
nothing_left

manifest '  - file: {path: /big, source: ./big}' 'app: {command: [/big], user: nobdy}'
run 2 "$ENCL" build -q -o out.d/t.eif || run 1 "$ENCL" build -q -o out.d/t.eif
grep -q 'app.user: .*nobdy' err || fail "$(cat err)"
nothing_left

manifest '  - file: {path: /big, source: ./big}'
run 1 "$ENCL" build -q -o absent.d/t.eif
grep -q 'create absent.d/t.eif: No such file or directory' err || fail "$(cat err)"

# what is there and is no file stays what it is; so do the inputs
mkfifo out.d/fifo
rejects 1 'create out.d/fifo: it is there and not a regular file' "$ENCL" build -q -o out.d/fifo
[ -p out.d/fifo ] || fail "the pipe was replaced"
rm out.d/fifo
mkdir out.d/t.measurements.json
rejects 1 'create out.d/t.measurements.json: it is there and not a regular file' "$ENCL" build -q -o out.d/t.eif
rmdir out.d/t.measurements.json
nothing_left
rejects 2 '--output: enclave.yaml is what the image is made from' "$ENCL" build -q -o enclave.yaml

# output folder read-only: as a user for whom it is (root would not be stopped)
install -m 755 "$ENCL" tool # where every user can reach it
chmod 755 "$WORK" && chmod -R go+rX blobs big enclave.yaml
mkdir nobody && chmod 777 nobody && chmod 555 out.d
if [ "$(id -u)" -eq 0 ]; then
	run 1 setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_CACHE_HOME="$WORK/nobody" \
		"$WORK/tool" build -q -o out.d/t.eif
	grep -q 'create out.d/t.eif: Permission denied' err || fail "$(cat err)"
	nothing_left
fi
chmod 755 out.d

# disk full
namespace=-rm
[ "$(id -u)" -ne 0 ] || namespace=-m
full=tried
if unshare $namespace true 2>/dev/null; then
	# shellcheck disable=SC2016
	run 1 unshare $namespace bash -c 'mount -t tmpfs -o size=4m none out.d && { "$ENCL" build -q -o out.d/t.eif; s=$?; ls -A out.d; exit $s; }'
	grep -q 'out.d/t.eif: No space left on device' err || grep -q 'No space left on device' err || fail "$(cat err)"
	same "left on the full disk" "" "$(cat out)"
else
	full=no
fi

# ended half-way by a signal: no image, no temporary
head -c 536870912 /dev/zero >big
for sig in INT TERM HUP; do
	"$ENCL" build -q -o out.d/t.eif >/dev/null 2>&1 </dev/null &
	pid=$!
	for _ in $(seq 200); do
		[ -z "$(ls -A out.d)" ] || break
		sleep 0.02
	done
	kill -$sig $pid 2>/dev/null || true
	wait $pid 2>/dev/null || true
	[ -e out.d/t.eif ] && rm -f out.d/t.* # it was quicker than the signal
	nothing_left
done
head -c 8388608 /dev/zero >big

# two builds that share a cache
for i in 1 2 3 4; do "$ENCL" build -q --cache-dir shared -o "out.d/$i.eif" >/dev/null & done
wait
for i in 2 3 4; do cmp out.d/1.eif "out.d/$i.eif"; done
[ "$full" = tried ] || skip "no mount namespace here: all passed, but disk full was not tried"
