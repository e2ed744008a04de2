# Goal: the status channel in a booted enclave: the state and its changes, an
# orderly end that the parent asked for, the last line before the enclave is
# gone; an enclave that ends at once is told, too.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 python3
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

mkdir -p files/bin tmp
export TMPDIR=$WORK/tmp
cat >app.c <<'C'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
stop(int sig)
{
	(void)sig;
	write(1, "stopping\n", 9);
	_exit(4);
}

int
main(int argc, char **argv)
{
	signal(SIGTERM, stop);
	puts("up");
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "kill"))
		kill(getpid(), SIGKILL);
	if (argc > 1)
		return atoi(argv[1]);
	for (;;)
		pause();
}
C
musl-gcc -static -Os -s -o files/bin/app app.c
image() { # image NAME: the rest of the manifest on stdin
	{
		cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
Y
		cat
	} >"$1.yaml"
	run 0 "$ENCL" build "$1.yaml"
}

# parent.py SCRIPT: talks to the one enclave there is; prints what it hears.
# SCRIPT: words "LINE=>SAY", said when that line was heard.
cat >parent.py <<'P'
import glob, socket, sys, time

says = dict(word.split("=>") for word in sys.argv[1:])
deadline = time.time() + 100


def connect():
    while time.time() < deadline:
        for path in glob.glob("tmp/*/vm"):
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                s.sendall(b"CONNECT 9001\n")
                f = s.makefile("rwb", buffering=0)
                if f.readline().startswith(b"OK "):
                    first = f.readline()
                    if first:
                        return f, first
            except OSError:
                pass
            s.close()
        time.sleep(0.05)
    sys.exit("nobody answers")


# Who calls before the enclave's driver is there disturbs vhost-device-vsock.
while time.time() < deadline and "up\n" not in open("console").read():
    time.sleep(0.05)
f, line = connect()
while line:
    text = line.decode().rstrip("\n")
    print(text, flush=True)
    if text in says:
        f.write(says[text].encode() + b"\n")
    if text.startswith("end "):
        break
    line = f.readline()
else:
    print("closed", flush=True)
P

# Two units; the parent asks for what there is not, and for the end.
image two <<'Y'
services:
  - {name: db, command: [/bin/app]}
  - {name: web, command: [/bin/app], critical: true, dependsOn: {db: started}}
Y
"$ENCL" run two.eif --timeout 150 2>err > >(tr -d "\r" >console) &
pid=$!
python3 parent.py 'ready=>attest 00112233445566778899aabbccddeeff' \
	'attestation none there is no Nitro Secure Module=>egress 9003' 'egress none=>stop' \
	>heard || fail "parent: $(cat console err)"
wait "$pid" && code=0 || code=$?
same "exit code" 4 "$code"
same "heard" "enclave-status 1
nsm no
exec no
ready
attestation none there is no Nitro Secure Module
egress none
unit web stopped code=4
unit db stopped code=4
end code=4" "$(grep -v '^unit .* start' heard)"
grep -q '^unit web started$' heard || fail "web is not told: $(cat heard)"
grep -q '^unit db started$' heard || fail "db is not told: $(cat heard)"
has console 'launch: the parent asks to stop'
has console 'web | stopping'
[ "$(grep -n 'web | stopping' console | cut -d: -f1)" -lt \
	"$(grep -n 'db | stopping' console | cut -d: -f1)" ] || fail "not in reverse order"

# One that is over at once: who comes in time hears of it.
image short <<'Y'
app: {command: [/bin/app, kill]}
Y
"$ENCL" run short.eif --timeout 150 2>err > >(tr -d "\r" >console) &
pid=$!
python3 parent.py >heard || fail "parent: $(cat console err)"
wait "$pid" && code=0 || code=$?
same "exit code" 137 "$code"
# (It was ready once; who comes after the app's end is told so behind its state.)
same "heard" "unit app exited signal=9
end signal=9" "$(grep -v '^ready$' heard | tail -n 2)"
