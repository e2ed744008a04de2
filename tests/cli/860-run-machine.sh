# Goal: which of QEMU's machines `run` takes: nitro-enclave where QEMU has it, vsock is
# there and the image says that its kernel can; that QEMU gets the whole image then;
# and what is said where it cannot be.  QEMU and the vsock program are stand-ins.
. "$(dirname "$0")/lib.sh"
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files with without tmp
echo one >files/one
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot: {kernel: {blobs: ./blobs}}
app: {command: [/one]}
Y
export XDG_CACHE_HOME=$WORK/cache ENCLAVEBUILD_RUN=$WORK/run
run 0 "$ENCL" build -q -o can.eif
run 0 "$ENCL" inspect can.eif
grep -q '^enclavebuild  *{"cmdlineDevices":true,' out || fail "$(cat out)"
sed -i '/VIRTIO_MMIO_CMDLINE_DEVICES/d' blobs/bzImage.config
run 0 "$ENCL" build -q -o cannot.eif
run 0 "$ENCL" inspect cannot.eif
grep -q '^enclavebuild  *{"cmdlineDevices":false,' out || fail "$(cat out)"

# It keeps its arguments and what -kernel names, and ends with code 3.
cat >with/qemu-system-x86_64 <<'Q'
#!/bin/bash
if [ "$1 $2" = "-M help" ]; then
	printf 'microvm              microvm (i386)\nnitro-enclave        AWS Nitro Enclave\n'
	exit 0
fi
printf '%s\n' "$@" >"$FAKE/args"
while [ "$1" != -kernel ]; do shift; done
cp "$2" "$FAKE/kernel"
echo "that is all" >&2
exit 3
Q
sed "s/nitro-enclave .*'$/none'/" with/qemu-system-x86_64 >without/qemu-system-x86_64
cat >vsock <<'V'
#!/bin/bash
while [ "$1" != --socket ]; do shift; done
: >"$2"
exec sleep 60
V
chmod +x with/* without/* vsock
export FAKE=$WORK TMPDIR=$WORK/tmp ENCLAVEBUILD_VHOST_DEVICE_VSOCK=$WORK/vsock
path=$PATH
try() { # try FOLDER MACHINE IMAGE OPTION…: the machine that QEMU is started with
	local folder=$1 want=$2
	shift 2
	rm -f args kernel
	PATH=$WORK/$folder:$path run 125 "$ENCL" run --backend qemu --accel tcg --memory 128 --cpus 1 "$@"
	same "$*" "$want" "$(sed -n '/^-M$/{n;p}' args | cut -d, -f1)"
	grep -q "^booting in QEMU ($want, TCG, 128 MiB, 1 CPUs)$" err || fail "$(cat err)"
	same "last line" "enclavebuild: QEMU ended with code 3: that is all" "$(tail -n 1 err)"
}
try with nitro-enclave can.eif
cmp can.eif kernel
same "what is appended" "panic=-1 reboot=t" "$(tail -n 1 args | cut -d' ' -f1-2)"
! grep -qx -- '-initrd' args || fail "$(cat args)"
try with microvm cannot.eif
cmp blobs/bzImage kernel
try with microvm can.eif --machine microvm
try without microvm can.eif
try with microvm can.eif --no-vsock
try with nitro-enclave cannot.eif --machine nitro-enclave
grep -q '^warning: the image does not say that its kernel finds the devices of nitro-enclave (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES)$' err || fail "$(cat err)"

rm args
PATH=$WORK/without:$path rejects 5 "--machine nitro-enclave: $WORK/without/qemu-system-x86_64 has no such machine; it takes QEMU 9.2 or later, built with libcbor and gnutls, such as \"make conformance\" builds" \
	"$ENCL" run --backend qemu can.eif --machine nitro-enclave
PATH=$WORK/with:$path rejects 5 "--machine nitro-enclave: it needs vsock; leave --no-vsock out, and install vhost-device-vsock (\"cargo install --locked vhost-device-vsock\")" \
	"$ENCL" run --backend qemu can.eif --machine nitro-enclave --no-vsock
rejects 2 '--machine: "q35" is not one of: auto, microvm, nitro-enclave' \
	"$ENCL" run can.eif --machine q35
rejects 2 "--machine is for --backend qemu only" \
	"$ENCL" run can.eif --backend nitro --machine microvm
[ ! -e args ] || fail "QEMU was started"
same "what is left" "" "$(ls "$TMPDIR")"
