# Goal: what network.ingress names is reached through `run -p`: early
# connections, an end of one direction, large answers to slow readers, many at
# once, a target that refuses; ports in use are told before QEMU starts.  Folders
# of the host are seen in the enclave, and its changes where that is allowed.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 python3
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

mkdir -p files/bin
cat >server.c <<'C'
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Answers once the client has ended: what came; "big N": N bytes; "read PATH":
 * the file's; "write PATH TEXT": nothing. */
static void
serve(int c)
{
	static char text[1 << 20];
	static char chunk[65536];
	size_t n = 0;
	ssize_t r;

	while ((r = read(c, text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)r;
	for (size_t i = 0; i < sizeof chunk; i++)
		chunk[i] = (char)(i * 2654435761U >> 24);
	if (strncmp(text, "big ", 4) == 0)
		for (long left = atol(text + 4); left > 0; left -= r) {
			r = write(c, chunk, left < 65536 ? (size_t)left : 65536);
			if (r <= 0)
				break;
		}
	else if (strncmp(text, "read ", 5) == 0) {
		int fd = open(text + 5, O_RDONLY);

		while ((r = read(fd, chunk, sizeof chunk)) > 0)
			if (write(c, chunk, (size_t)r) != r)
				break;
		if (fd < 0)
			dprintf(c, "absent");
	} else if (strncmp(text, "write ", 6) == 0) {
		char *value = strchr(text + 6, ' ');
		int fd;

		*value++ = 0;
		fd = open(text + 6, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		dprintf(fd, "%s", value);
	} else
		dprintf(c, "got %zu bytes: %s", n, text);
	_exit(0);
}

int
main(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int s = socket(AF_INET, SOCK_STREAM, 0);

	signal(SIGCHLD, SIG_IGN);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 1000))
		return 3;
	printf("at start: %d %d\n", access("/srv/in/sub/hello", R_OK),
	       access("/srv/both", R_OK));
	puts("serving");
	fflush(stdout);
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c >= 0 && fork() == 0)
			serve(c);
		close(c);
	}
}
C
musl-gcc -static -Os -s -o files/bin/server server.c
web=$((20000 + $$ % 12000)) # below the ports that the kernel gives out
gone=$((web + 1))
cat >ports.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: ports
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
app: {command: [/bin/server]}
network:
  ingress:
    - {name: web, vsock: 5000, tcp: 8080}
    - {name: gone, vsock: $gone, tcp: 8081}
exchange:
  - {name: in, path: /srv/in, vsock: 7000}
  - {name: both, path: /srv/both, vsock: 7001, mode: both, maxMiB: 1}
deploy:
  ports: [{name: web, port: $web}]
Y
run 0 "$ENCL" build ports.yaml
# Where the parent listens is not measured.
sed '/^deploy:/,$d' ports.yaml >other.yaml
run 0 "$ENCL" build other.yaml -o other.eif
cmp ports.eif other.eif

cat >drive.py <<'P'
import os, socket, sys, threading, time

port, gone = int(sys.argv[1]), int(sys.argv[2])


def ask(text, pause=0):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(text)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while True:
        part = s.recv(65536)
        if not part:
            return got
        got += part
        if pause:
            time.sleep(pause)


def check(name, ok):
    print("ok" if ok else "WRONG", name, flush=True)
    if not ok:
        sys.exit(1)


chunk = bytes((i * 2654435761 & 0xFFFFFFFF) >> 24 for i in range(65536))


def is_big(got, n):
    return got == (chunk * (n // 65536 + 1))[:n]


check("early", ask(b"hello") == b"got 5 bytes: hello")
check("large", is_big(ask(b"big 10000000"), 10000000))
check("upload", ask(b"x" * 1000000).startswith(b"got 1000000 bytes: xxx"))
check("slow", is_big(ask(b"big 2000000", 0.2), 2000000))
answers = {}
threads = [
    threading.Thread(target=lambda i=i: answers.update({i: ask(b"%d" % i)}))
    for i in range(50)
]
for t in threads:
    t.start()
for t in threads:
    t.join()
check("many", all(answers[i].endswith(b": %d" % i) for i in range(50)))


def until(name, test):
    end = time.time() + 15
    while not test():
        if time.time() > end:
            check(name, False)
        time.sleep(0.2)
    check(name, True)


def text(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return "absent"


check("host's file", ask(b"read /srv/in/sub/hello") == b"hello\n")
with open("in/sub/hello", "w") as f:
    f.write("changed")
until("changed", lambda: ask(b"read /srv/in/sub/hello") == b"changed")
os.unlink("in/sub/hello")
until("removed", lambda: ask(b"read /srv/in/sub/hello") == b"absent")
ask(b"write /srv/both/answer 42")
ask(b"write /srv/in/answer 43")
until("enclave's file", lambda: text("both/answer") == "42")
with open("both/answer", "w") as f:
    f.write("43")
until("and back", lambda: ask(b"read /srv/both/answer") == b"43")
check("not from there", text("in/answer") == "absent")
s = socket.create_connection(("127.0.0.1", gone))
try:
    check("refused", s.recv(1) == b"")
except ConnectionResetError:
    check("refused", True)
P
run 0 "$ENCL" inspect ports.eif
grep -q "^exchange  *in at /srv/in (in): the parent's files, not measured" out || fail "$(cat out)"
grep -q '^exchange  *both at /srv/both (both ways): ' out || fail "$(cat out)"

mkdir -p in/sub both
echo hello >in/sub/hello
"$ENCL" run ports.eif --timeout 120 --exchange in=in --exchange both=both >console 2>log &
pid=$!
# The listener is there before the enclave is.
for _ in $(seq 50); do
	python3 -c "import socket; socket.create_connection(('127.0.0.1', $web))" 2>/dev/null && break
	sleep 0.1
done
got=0
timeout 100 python3 drive.py "$web" "$gone" >drive 2>&1 || got=$?
run 5 "$ENCL" run ports.eif
same "port in use" \
	"enclavebuild: publish 127.0.0.1:$web: the port is in use; choose another with -p, or --no-publish" \
	"$(tail -n 1 err)"
kill "$pid"
wait "$pid" || true
[ "$got" -eq 0 ] || fail "$(cat drive console log)"
for line in "publishing 127.0.0.1:$web -> web (vsock 5000)" \
	"publishing 127.0.0.1:$gone -> gone (vsock $gone)"; do
	grep -Fxq "$line" log || fail "no \"$line\" in $(cat log)"
done
grep -q '^at start: 0 0' console || fail "the folders were not there: $(cat console)"
rejects 2 "--exchange x=in: the image's manifest has no exchange of that name" \
	"$ENCL" run ports.eif --exchange x=in
rejects 2 '--exchange in: write NAME=FOLDER' "$ENCL" run ports.eif --exchange in
run 5 "$ENCL" run ports.eif --exchange in=nowhere
same "no such folder" \
	"enclavebuild: exchange in: open folder nowhere: No such file or directory" \
	"$(tail -n 1 err)"
rejects 2 '-p 1:cache: the image'"'"'s network.ingress has no "cache"' \
	"$ENCL" run ports.eif -p 1:cache
rejects 2 '-p needs vsock; leave --no-vsock out' \
	"$ENCL" run ports.eif -p 1:web --no-vsock
rm console # what the first run said must not be taken for the second's
touch console
"$ENCL" run ports.eif --timeout 60 --no-vsock >console 2>log &
pid=$!
for _ in $(seq 300); do
	! grep -q '^serving' console || break
	sleep 0.1
done
kill "$pid"
wait "$pid" || true
grep -q '^launch: no vsock: nothing of network.ingress is reachable' console ||
	fail "$(tail -n 5 console)"
