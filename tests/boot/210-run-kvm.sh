# Goal: KVM is used where the probe shows that it works, and given up where no
# kernel comes up under it all the same.  A QEMU of ours plays such a machine.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64
[ -r /dev/kvm ] && [ -w /dev/kvm ] || {
	echo "no /dev/kvm here: the probe says so"
	"$ENCL" doctor --cache-dir cache | grep -q '^absent *KVM  */dev/kvm ' || fail "doctor does not"
	exit 0
}
boot_kernel
mkdir bin
cat >bin/qemu-system-x86_64 <<S
#!/bin/bash
echo "\$*" >>"$WORK/log"
case "\$*" in
*-bios*) exit \$(cat "$WORK/probe") ;;
*) [ ! -e "$WORK/nothing" ] || exit 1 ;;&
*"-accel kvm"*) sleep 60 ;;
*) echo 'init: end code=4' ;;
esac
S
chmod +x bin/qemu-system-x86_64
echo >empty
"$O/support/assemble" x.eif "$KERNEL" "$KERNEL_CONFIG" quiet empty
start() { run "$1" env "PATH=$WORK/bin:$PATH" "$ENCL" run x.eif --no-vsock --cache-dir cache "${@:2}"; }

# The probe fails: no KVM, and it is not asked again.
echo 1 >probe
start 4
start 4
same "probes" 1 "$(grep -c -- -bios log)"
same "KVM" 0 "$(grep -v -- -bios log | grep -c 'accel kvm' || true)"
# Who asks for KVM gets a fresh answer.
start 5 --accel kvm
grep -q '^enclavebuild: KVM: does not boot: .*; use --accel tcg$' err || fail "$(cat err)"

# What comes up nowhere says nothing of KVM.
rm -rf cache log
echo 33 >probe
: >nothing
start 125
start 125
same "KVM" 2 "$(grep -v -- -bios log | grep -c 'accel kvm')"
rm nothing

# The probe passes and nothing comes up: once more without, and remembered.
rm -rf cache log
echo 33 >probe
start 4
same "probes" 1 "$(grep -c -- -bios log)"
grep -q 'nothing came up under KVM; trying without' err || fail "$(cat err)"
grep -q 'ended with code 4' err || fail "$(cat err)"
start 4
same "KVM" 1 "$(grep -v -- -bios log | grep -c 'accel kvm')"
