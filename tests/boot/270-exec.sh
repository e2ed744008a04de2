# Goal: debug.exec: `exec` in a booted enclave (exit codes, streams apart and
# unchanged, a terminal with its size, signals, environment, user), `attach`;
# an image without it refuses, and does not even listen.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 python3
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

mkdir -p files/bin files/etc files/srv tmp run
export TMPDIR=$WORK/tmp ENCLAVEBUILD_RUN=$WORK/run
chmod 700 run
printf 'root:x:0:0::/root:/bin/t\nnobody:x:65534:65533::/nonexistent:/bin/t\n' >files/etc/passwd
printf 'root:x:0:\nmine:x:77:nobody\n' >files/etc/group
echo 'not a program' >files/bin/text
chmod 755 files/bin/text
cat >t.c <<'C'
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

extern char **environ;

static void
got(int sig)
{
	printf("signal %d\n", sig);
	fflush(stdout);
	_exit(3);
}

static void
size(int sig)
{
	struct winsize w;

	(void)sig;
	if (ioctl(1, TIOCGWINSZ, &w))
		printf("no terminal\n");
	else
		printf("%d x %d\n", w.ws_col, w.ws_row);
	fflush(stdout);
}

/* What the enclave's own app does. */
static int
app(void)
{
	for (int i = 0;; i++) {
		printf("tick %d\n", i);
		fflush(stdout);
		usleep(100000);
		if (access("/end", F_OK) == 0)
			return 5;
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "app";
	static char bytes[65536];
	gid_t groups[8];
	ssize_t n;

	if (!strcmp(what, "app"))
		return app();
	if (!strcmp(what, "code"))
		return atoi(argv[2]);
	if (!strcmp(what, "end"))
		return close(open("/end", O_CREAT | O_WRONLY, 0600));
	if (!strcmp(what, "kill"))
		return kill(getpid(), atoi(argv[2]));
	if (!strcmp(what, "cat"))
		while ((n = read(0, bytes, sizeof bytes)) > 0)
			for (ssize_t at = 0; at < n;)
				at += write(1, bytes + at, (size_t)(n - at));
	if (!strcmp(what, "both")) {
		fputs("out\n", stdout);
		fputs("err\n", stderr);
	}
	if (!strcmp(what, "who")) {
		int k = getgroups(8, groups);

		printf("%d:%d", (int)getuid(), (int)getgid());
		for (int i = 0; i < k; i++)
			printf(" %d", (int)groups[i]);
		printf(" in %s\n", getcwd(bytes, sizeof bytes));
		for (char **v = environ; *v; v++)
			puts(*v);
	}
	if (!strcmp(what, "wait")) {
		signal(SIGTERM, got);
		puts("waiting");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "hup")) {
		int fd;

		puts("waiting");
		fflush(stdout);
		if (fork()) {
			pause();
			return 0;
		}
		/* a child that outlives it tells */
		signal(SIGHUP, SIG_IGN);
		for (pid_t parent = getppid(); getppid() == parent;)
			usleep(50000);
		fd = open("/hung-up", O_CREAT | O_WRONLY, 0600);
		return close(fd);
	}
	if (!strcmp(what, "leave")) { /* its output stays open */
		puts("left");
		fflush(stdout);
		if (fork() == 0)
			sleep(1000);
	}
	if (!strcmp(what, "size")) {
		struct sigaction a = {.sa_handler = size};

		sigaction(SIGWINCH, &a, NULL);
		size(0);
		while (argc > 2)
			pause();
	}
	if (!strcmp(what, "is"))
		return access(argv[2], F_OK) ? 1 : 0;
	return 0;
}
C
musl-gcc -static -Os -s -o files/bin/t t.c
image() { # image NAME [EXTRA-LINE…]
	local name=$1
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
app: {command: [/bin/t], workdir: /srv, env: {OWN: "1", BOTH: app}}
Y
		shift
		printf '%s\n' "$@"
	} >"$name.yaml"
	run 0 "$ENCL" build "$name.yaml"
}
image open 'debug: {exec: true}'
same "warning" "warning: debug.exec lets the parent run programs in the enclave and read all that is in it; it is measured, so the PCRs are not those of the image without it" \
	"$(grep '^warning: debug' err)"
image closed
if grep -q 'debug\.exec' err; then fail "warned of nothing"; fi
run 0 "$ENCL" inspect open.eif
same "inspect" 'debug              exec: the parent may run programs in it' "$(grep '^debug' out)"
run 0 "$ENCL" inspect closed.eif
same "inspect" '' "$(grep '^debug' out || true)"
pcr() { sed -n "s/.*\"$2\": \"\([0-9a-f]*\)\".*/\1/p" "$1.measurements.json" | head -n 1; }
[ "$(pcr open PCR2)" != "$(pcr closed PCR2)" ] || fail "it is not measured"
same "PCR1" "$(pcr closed PCR1)" "$(pcr open PCR1)"

wait_ready() { # wait_ready NAME PID
	for _ in $(seq 600); do
		grep -q '"State": "ready"' "run/$1/state.json" 2>/dev/null && return
		kill -0 "$2" 2>/dev/null || fail "$1 ended: $(cat console err-run)"
		sleep 0.2
	done
	fail "$1 is not ready: $(cat console err-run "run/$1/state.json")"
}

# One without debug.exec.
"$ENCL" run closed.eif --name closed --timeout 200 >console 2>err-run &
pid=$!
wait_ready closed "$pid"
rejects 2 'closed: the image has no debug.exec; its manifest must say debug: {exec: true}, which changes its measurements' \
	"$ENCL" exec closed /bin/t code 0
rejects 2 'closed: the image has no debug.exec; its manifest must say debug: {exec: true}, which changes its measurements' \
	"$ENCL" attach closed
rejects 2 'no enclave "open" runs here; there are: closed' "$ENCL" exec open /bin/t
python3 - <<'P' || fail "something listens on 9002"
import glob, json, socket
path = json.load(open("run/closed/state.json"))["Socket"]
for port, want in ((9002, False), (9001, True)):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(b"CONNECT %d\n" % port)
    assert (s.recv(3) == b"OK ") == want, port
P
run 0 "$ENCL" stop closed -t 20
wait "$pid" || true

"$ENCL" run open.eif --name open --timeout 400 >console 2>err-run &
pid=$!
wait_ready open "$pid"

run 7 "$ENCL" exec open /bin/t code 7
run 127 "$ENCL" exec open /bin/none
same "stderr" 'launch: cannot start /bin/none: No such file or directory' "$(cat err)"
run 126 "$ENCL" exec open /bin/text
same "stderr" 'launch: cannot start /bin/text: Exec format error' "$(cat err)"
run 137 "$ENCL" exec open t kill 9
run 0 "$ENCL" exec open t both
same "stdout" out "$(cat out)"
same "stderr" err "$(cat err)"
# Without -i there is no input; with it 10 MiB come back as they are.
head -c 10485760 /dev/urandom >big
run 0 "$ENCL" exec open t cat
same "input" '' "$(cat out)"
"$ENCL" exec -i open t cat <big >back || fail "cat ends with $?"
cmp big back
# Who does not read it is not waited for.
"$ENCL" exec -i open t code 4 <big && code=0 || code=$?
same "exit code" 4 "$code"

run 0 "$ENCL" exec -e MORE=2 -e BOTH=exec open t who
same "as the app" "0:0 0 in /srv
BOTH=exec
HOME=/root
MORE=2
OWN=1
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$(head -n 1 out; tail -n +2 out | sort)"
run 0 "$ENCL" exec -u nobody -w / open t who
same "user" "65534:65533 77 65533 in /" "$(head -n 1 out)"
run 0 "$ENCL" exec -u 5:mine open t who
same "user" "5:77 in /srv" "$(head -n 1 out)"
run 125 "$ENCL" exec -u none open t who
same "stderr" 'launch: cannot find the user none: No such file or directory' "$(cat err)"
run 125 "$ENCL" exec -w /none open t who
same "stderr" 'launch: cannot enter the folder /none: No such file or directory' "$(cat err)"
rejects 125 'open: there is no unit with a process other' "$ENCL" exec --unit other open t who
rejects 125 'open: the Docker daemon: No such file or directory' \
	"$ENCL" exec --container web open t who
rejects 2 '--unit and --container exclude each other' \
	"$ENCL" exec --unit a --container b open t who
rejects 2 'exec: NAME COMMAND [ARGUMENT…] is missing; see "enclavebuild exec --help"' "$ENCL" exec open

# A program's child holds its output: not for ever.
run 0 "$ENCL" exec open t leave
same "stdout" left "$(cat out)"

# Signals: to the program, and by the end of the connection.
"$ENCL" exec open t wait >heard 2>err &
client=$!
for _ in $(seq 100); do grep -q waiting heard && break; sleep 0.1; done
kill -TERM "$client"
wait "$client" && code=0 || code=$?
same "exit code" 3 "$code"
same "heard" "waiting
signal 15" "$(cat heard)"
# (a file of its own: the one before is cut by the shell that starts this)
: >hears
"$ENCL" exec open t hup >hears 2>err &
client=$!
for _ in $(seq 100); do grep -q waiting hears && break; sleep 0.1; done
kill -KILL "$client"
wait "$client" || true
for _ in $(seq 100); do
	"$ENCL" exec open t is /hung-up && break
	sleep 0.2
done
run 0 "$ENCL" exec open t is /hung-up

# A terminal.
run 0 "$ENCL" exec -t open t size
same "size" "80 x 24" "$(tr -d '\r' <out)"
cat >terminal.py <<'P'
import fcntl, os, pty, signal, struct, sys, termios, time

def resize(columns, rows):
    fcntl.ioctl(0 if columns is None else master, termios.TIOCSWINSZ,
                struct.pack("HHHH", rows, columns, 0, 0))

master, slave = pty.openpty()
resize(100, 30)
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for i in range(3):
        os.dup2(slave, i)
    os.execv(sys.argv[1], sys.argv[1:])
text = b""

def until(word):
    global text
    while word not in text:
        text += os.read(master, 4096)

until(b"100 x 30")
raw = termios.tcgetattr(slave)
assert raw != before, "the terminal is not raw"
resize(120, 40)
until(b"120 x 40")
os.write(master, b"\x03")  # goes through to the program as SIGINT
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert termios.tcgetattr(slave) == before, "the terminal is not as it was"
print(code)
P
same "terminal" 130 "$(python3 terminal.py "$ENCL" exec -it open t size wait)"

# What the app prints, and how it ends.
"$ENCL" attach open app >lines 2>err &
attached=$!
"$ENCL" attach open >all 2>err-all &
other=$!
for _ in $(seq 100); do [ "$(wc -l <lines)" -gt 5 ] && [ "$(wc -l <all)" -gt 5 ] && break; sleep 0.2; done
rejects 125 'open: there is no unit none' "$ENCL" attach open none
# the enclave may end before the word of its end is here
"$ENCL" exec open t end 2>err-end || true
wait "$attached" && code=0 || code=$?
same "exit code" 5 "$code"
wait "$other" && code=0 || code=$?
same "exit code" 5 "$code"
first=$(head -n 1 lines | cut -d' ' -f2)
seq "$first" "$((first + $(wc -l <lines) - 1))" | sed 's/^/tick /' | cmp - lines
grep -q '^tick ' all || fail "not all is shown: $(cat all)"
wait "$pid" && code=0 || code=$?
same "exit code" 5 "$code"
tr -d '\r' <console >plain
has plain 'tick 0'
has plain 'launch: debug.exec: the parent may run programs here'
rejects 5 'open does not run any more' "$ENCL" exec open t
