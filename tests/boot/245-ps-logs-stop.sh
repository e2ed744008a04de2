# Goal: what `run` keeps of an enclave: names, ps, logs, console, an orderly stop,
# sd_notify; and nothing left behind where `run` is killed.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 pgrep
boot_kernel
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' || skip "vhost-device-vsock is not installed; run make setup"
ulimit -c 0

mkdir -p files/bin tmp
export TMPDIR=$WORK/tmp
cat >app.c <<'C'
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile sig_atomic_t asked;
static void
on_term(int sig)
{
	(void)sig;
	asked = 1;
}
int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		signal(SIGTERM, SIG_IGN);
	else
		signal(SIGTERM, on_term);
	for (int i = 1; i <= 5; i++)
		printf("line %d\n", i);
	fflush(stdout);
	while (!asked)
		pause();
	puts("tidied up");
	return 5;
}
C
musl-gcc -static -Os -s -o files/bin/app app.c
image() { # image NAME COMMAND STOP-TIMEOUT
	cat >"$1.yaml" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
services:
  - {name: web, command: $2, stopTimeoutSeconds: $3}
resources: {memoryMiB: auto, cpus: 1}
Y
	run 0 "$ENCL" build "$1.yaml"
}
image calm '[/bin/app]' 20
image deaf '[/bin/app, deaf]' 600
pcr0=$("$ENCL" measure calm.eif | sed -n 's/^PCR0 *//p')

state() { # state NAME FIELD
	"$ENCL" ps -a --json | jq -r --arg n "$1" '.[] | select(.Name == $n) | '"$2"
}
await() { # await NAME STATE
	for _ in $(seq 600); do
		[ "$(state "$1" .State)" != "$2" ] || return 0
		sleep 0.2
	done
	fail "$1 did not become $2: $("$ENCL" ps -a --json)"
}

rejects 2 'no enclave runs here' "$ENCL" logs
rejects 2 'no enclave "calm" runs here' "$ENCL" stop calm
rejects 2 '--name a/b: letters, digits, ".", "_" and "-", at most 40' "$ENCL" run calm.eif --name a/b
same "ps of nothing" "" "$("$ENCL" ps -a)"

# Three of one image: the image's name, the next of it, and a name that was asked for.
"$ENCL" run calm.eif >out1 2>err1 &
first=$!
await calm ready
"$ENCL" run calm.eif >out2 2>err2 &
second=$!
await calm-2 ready
rejects 2 'an enclave named calm runs already; give this one another --name, or "enclavebuild stop calm"' \
	"$ENCL" run -q calm.eif --name calm
same "PCR0" "$pcr0" "$(state calm .PCR0)"
same "backend" qemu "$(state calm .Backend)"
same "pid" "$first" "$(state calm .Pid)"
same "unit" "web started" "$(state calm '.Units[] | "\(.Name) \(.State)"')"
same "attestation" "there is no Nitro Secure Module" "$(state calm .Attestation.None)"
same "names" "calm calm-2" "$("$ENCL" ps | awk 'NR > 1 {printf "%s%s", sep, $1; sep = " "}')"
rejects 2 '2 enclaves run here; name one ("enclavebuild ps")' "$ENCL" logs

# The console's record, whole and in part, and followed to the end.
same "logs" "$(cat out1)" "$("$ENCL" logs calm)"
same "last line" "$("$ENCL" logs calm | tail -n 2)" "$("$ENCL" logs calm --tail 2)"
"$ENCL" console calm >followed &
follower=$!

# In order: the service's own signal, its last words, its code.
run 0 "$ENCL" stop calm
grep -q 'calm has ended' err || fail "$(cat err)"
code=0
wait "$first" || code=$?
same "code of the run" 5 "$code"
grep -q 'tidied up' out1 || fail "the service was not asked"
wait "$follower"
same "console" "$(cat out1)" "$(cat followed)"
same "state" "ended 5" "$(state calm '"\(.State) \(.ExitCode)"')"
same "logs after its end" "$(cat out1)" "$("$ENCL" logs calm)"
run 0 "$ENCL" stop calm
grep -q 'calm has ended already' err || fail "$(cat err)"

# Killed: QEMU, vsock program and sockets go along, and ps knows.
kill -9 "$second"
wait "$second" 2>/dev/null || true
for _ in $(seq 100); do
	[ -n "$(ls -A tmp)" ] || break
	sleep 0.1
done
same "left in TMPDIR" "" "$(ls -A tmp)"
[ -z "$(pgrep -P 1 -f "vhost-device-vsock.*$WORK" || true)" ] || fail "the vsock program lives"
same "state of the killed" killed "$(state calm-2 .State)"
run 0 "$ENCL" ps --prune
same "ps after prune" "" "$("$ENCL" ps -a)"

# What does not listen is switched off: by a second signal, or when its time is over.
"$ENCL" run deaf.eif >out1 2>err1 &
first=$!
await deaf ready
kill "$first"
await deaf ending
# More than it listens to: who is sent away is not told that it has ended.
for i in $(seq 17); do
	"$ENCL" stop deaf --timeout 600 2>"stop.$i" &
	asked[i]=$!
done
for _ in $(seq 100); do
	[ -z "$(cat stop.*)" ] || break
	sleep 0.1
done
kill "$first"
code=0
wait "$first" || code=$?
same "code after two signals" 143 "$code"
refused=0
for i in $(seq 17); do
	wait "${asked[i]}" || refused=$((refused + 1))
done
same "sent away" 1 "$refused"
same "why" "enclavebuild: deaf runs still and takes no more requests; others wait for its end" "$(grep -h 'runs still' stop.*)"
"$ENCL" run deaf.eif >out1 2>err1 &
first=$!
await deaf ready
# One more who asks may shorten the time, and does not switch off by that.
"$ENCL" stop -q deaf --timeout 60 &
other=$!
await deaf ending
run 0 "$ENCL" stop deaf --timeout 2
wait "$other"
code=0
wait "$first" || code=$?
same "code of what was switched off" 137 "$code"
grep -q 'the enclave did not end in time: switched off' err1 || fail "$(cat err1)"

# systemd is told.
cat >notified.c <<'C'
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
int
main(int argc, char **argv)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[4096];
	ssize_t n;

	if (argc < 2 || strlen(argv[1]) >= sizeof a.sun_path)
		return 1;
	strcpy(a.sun_path, argv[1]);
	if (bind(fd, (struct sockaddr *)&a, sizeof a))
		return 1;
	while ((n = recv(fd, text, sizeof text, 0)) > 0) {
		printf("%.*s|\n", (int)n, text);
		fflush(stdout);
		if (memmem(text, (size_t)n, "STOPPING", 8))
			return 0;
	}
	return 1;
}
C
sed -i '1i #define _GNU_SOURCE' notified.c
cc -o notified notified.c
./notified "$PWD/notify" >notes &
listener=$!
for _ in $(seq 100); do
	[ ! -S notify ] || break
	sleep 0.1
done
NOTIFY_SOCKET=$PWD/notify "$ENCL" run calm.eif >out1 2>err1 &
first=$!
await calm ready
kill "$first"
code=0
wait "$first" || code=$?
same "code after SIGTERM" 143 "$code"
grep -q 'tidied up' out1 || fail "the service was not asked"
wait "$listener"
same "notes" $'READY=1\nSTATUS=ready|\nSTOPPING=1|' "$(cat notes)"
same "left in TMPDIR" "" "$(ls -A tmp)"
