# Goal: `run` boots what `build` made: exit codes, signals, time-outs, a lost
# enclave, the heartbeat, and nothing left behind however it ends.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 pgrep
boot_kernel
ulimit -c 0

mkdir -p files/bin tmp
export TMPDIR=$WORK/tmp
cat >app.c <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int
main(int argc, char **argv)
{
	puts("hello from the enclave");
	fflush(stdout);
	if (argc > 2 && !strcmp(argv[1], "signal"))
		kill(getpid(), atoi(argv[2]));
	if (argc > 2 && !strcmp(argv[1], "sleep"))
		sleep((unsigned)atoi(argv[2]));
	return argc > 2 ? atoi(argv[2]) : 0;
}
C
musl-gcc -static -Os -s -o files/bin/app app.c
image() { # image NAME APP-ARGUMENT…
	local name=$1
	shift
	cat >"$name.yaml" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $name
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
app: {command: [/bin/app$(printf ', "%s"' "$@")]}
Y
	run 0 "$ENCL" build "$name.yaml"
}
clean() { # clean WORD: no file and no QEMU with WORD in its arguments is left
	same "left in TMPDIR" "" "$(ls -A tmp)"
	[ -z "$(pgrep -f "qemu-system-x86_64.*$1" || true)" ] || fail "QEMU still runs"
}

image code exit 7
run 7 "$ENCL" run code.eif --timeout 100 --no-vsock --kernel-args mark=a1
grep -q '^hello from the enclave' out || fail "no greeting on stdout: $(cat out)"
grep -q 'mark=a1' out || fail "--kernel-args did not get there"
grep -q 'the enclave ended with code 7 after' err || fail "no report: $(cat err)"
clean mark=a1

# The report, and the console beside it.
run 7 "$ENCL" run code.eif --timeout 100 --no-vsock --json
same "ExitCode" '  "ExitCode": 7,' "$(grep ExitCode out)"
same "Vsock" '  "Vsock": "off",' "$(grep Vsock out)"
grep -q '^hello from the enclave' err || fail "no console on stderr"

# The heartbeat.
if "$ENCL" doctor | grep -q '^ok *vhost-device-vsock'; then
	run 7 "$ENCL" run code.eif --timeout 100 --json
	same "Heartbeat" '  "Heartbeat": true,' "$(grep Heartbeat out)"
	clean code
else
	run 7 "$ENCL" run code.eif --timeout 100
	grep -q 'no vsock: vhost-device-vsock is not installed' err || fail "no word of vsock"
	grep -q '^init: no vsock: heartbeat skipped' out || fail "init was not told"
fi

# A port that was asked for, but without that program there is no way to it.
mkdir only-qemu nohome
ln -s "$(command -v qemu-system-x86_64)" only-qemu/
bare=(env -u CARGO_HOME -u ENCLAVEBUILD_VHOST_DEVICE_VSOCK HOME="$PWD/nohome" PATH="$PWD/only-qemu")
rejects 5 'no way into the enclave: vhost-device-vsock is not installed; run "cargo install --locked vhost-device-vsock", or leave -p and --exchange out' \
	"${bare[@]}" "$ENCL" run -q code.eif -p 21299:7000
run 7 "${bare[@]}" "$ENCL" run code.eif --timeout 100
grep -q 'no vsock: vhost-device-vsock is not installed; no heartbeat, and no port leads' err || fail "$(cat err)"

image killed signal 9
run 137 "$ENCL" run killed.eif --timeout 100 --no-vsock

image sleeper sleep 1000
rejects_last() { # rejects_last CODE MESSAGE COMMAND…: the last line of stderr
	local code=$1 message=$2
	shift 2
	run "$code" "$@"
	same "last line of stderr" "enclavebuild: $message" "$(tail -n 1 err)"
}
rejects_last 124 'the enclave did not end within 8 s' \
	"$ENCL" run sleeper.eif --timeout 8 --no-vsock --kernel-args mark=a2
clean mark=a2

for signal in INT TERM; do
	"$ENCL" run sleeper.eif --timeout 100 --kernel-args mark=a3 >out 2>err &
	pid=$!
	for _ in $(seq 200); do
		! grep -q '^hello' out || break
		sleep 0.1
	done
	# A shell's background job ignores SIGINT unless it is told not to.
	kill -s "$signal" "$pid"
	got=0
	wait "$pid" || got=$?
	same "exit code after SIG$signal" "$((128 + $(kill -l "$signal")))" "$got"
	clean mark=a3
done

# Killed itself, QEMU goes along.
"$ENCL" run sleeper.eif --no-vsock --kernel-args mark=a4 >out 2>err &
pid=$!
sleep 2
kill -9 "$pid"
wait "$pid" || true
sleep 0.5
clean mark=a4

# A panic ends it at once; a kernel that says nothing ends by the watchdog.
run 125 "$ENCL" run code.eif --timeout 100 --no-vsock --kernel-args rdinit=/nothing
grep -q '^enclavebuild: the enclave is lost: Kernel panic' err || fail "$(cat err)"
setup=$((($(od -An -tu1 -j497 -N1 "$KERNEL") + 1) * 512))
{
	head -c "$setup" "$KERNEL"
	head -c $(($(stat -c %s "$KERNEL") - setup)) /dev/zero | tr '\0' '\364' # hlt
} >halts
echo >empty
"$O/support/assemble" silent.eif halts "$KERNEL_CONFIG" quiet empty
rejects_last 125 'the enclave did not come up: no output for 2 s' \
	"$ENCL" run silent.eif --boot-timeout 2 --no-vsock --accel tcg
clean 'append quiet'

# Too little memory is told, not half a root file system.
head -c 150M /dev/urandom >files/large
image large exit 0
got=0
"$ENCL" run large.eif --timeout 100 --no-vsock --memory 320 >out 2>err || got=$?
same "exit code with too little memory" 125 "$got"

rejects 1 'open nowhere.eif: No such file or directory' "$ENCL" run nowhere.eif
rejects 2 '--accel: "fast" is not one of: auto, kvm, tcg' "$ENCL" run code.eif --accel fast
rejects 2 '--backend: "xen" is not one of: auto, nitro, qemu, nitro-cli' "$ENCL" run code.eif --backend xen
rejects 5 'qemu-system-x86_64 is not installed; run "make setup"' \
	env PATH=/nonexistent "$ENCL" run code.eif
