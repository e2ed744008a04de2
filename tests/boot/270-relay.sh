# Goal: hundreds of connections at once through `run` into an enclave, each with
# data of its own and all open before the first one speaks, are all answered right;
# connections that say nothing cost the others nothing.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 python3
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

mkdir -p files/bin
cat >server.c <<'C'
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 800, SIZE = 20000 };

/* Greets with "+", takes SIZE bytes or an end, answers with each byte turned round. */
static struct pollfd fds[MOST];
static unsigned char *text[MOST];
static size_t got[MOST], said[MOST], size[MOST];

int
main(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	nfds_t n = 1;

	signal(SIGPIPE, SIG_IGN);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 1000))
		return 3;
	fds[0] = (struct pollfd){s, POLLIN, 0};
	puts("serving");
	fflush(stdout);
	for (;;) {
		poll(fds, n, -1);
		if (fds[0].revents && n < MOST) {
			int c = accept4(s, NULL, NULL, SOCK_NONBLOCK);

			if (c >= 0) {
				fds[n] = (struct pollfd){c, POLLIN, 0};
				text[n] = malloc(SIZE);
				got[n] = said[n] = size[n] = 0;
				n += write(c, "+", 1) == 1;
				continue;
			}
		}
		for (nfds_t i = 1; i < n; i++) {
			ssize_t r = 0;

			if (!fds[i].revents)
				continue;
			if (fds[i].events == POLLIN) {
				r = read(fds[i].fd, text[i] + got[i], SIZE - got[i]);
				for (ssize_t j = 0; j < r; j++)
					text[i][got[i] + j] ^= 0xff;
				if (r > 0)
					got[i] += r;
				else
					fds[i].events = POLLOUT;
			} else {
				r = write(fds[i].fd, text[i] + said[i], got[i] - said[i]);
				if (r > 0)
					said[i] += r;
				if (r > 0 && said[i] < got[i])
					continue;
				close(fds[i].fd);
				free(text[i]);
				n--;
				fds[i] = fds[n];
				text[i] = text[n];
				got[i] = got[n];
				said[i] = said[n];
				i--;
			}
		}
	}
}
C
musl-gcc -static -Os -s -o files/bin/server server.c
web=$((20000 + $$ % 12000)) # below the ports that the kernel gives out
cat >many.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: many
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
app: {command: [/bin/server]}
network:
  ingress: [{name: web, vsock: 5000, tcp: 8080}]
deploy:
  ports: [{name: web, port: $web}]
Y
run 0 "$ENCL" build many.yaml

cat >drive.py <<'P'
import hashlib, socket, sys

port, n = int(sys.argv[1]), 300
size = 19000  # and the sockets' room besides


def data(i):
    return hashlib.shake_128(b"%d" % i).digest(size - i)


def opened(count):
    all = [socket.create_connection(("127.0.0.1", port), timeout=150) for _ in range(count)]
    for s in all:
        if s.recv(1) != b"+":
            sys.exit("no greeting")
    return all


idle = opened(100)
for turn in range(2):
    all = opened(n)
    for i, s in enumerate(all):
        s.sendall(data(i))
        s.shutdown(socket.SHUT_WR)
    for i, s in reversed(list(enumerate(all))):
        got = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            got += part
        if got != bytes(b ^ 0xFF for b in data(i)):
            sys.exit("%d: %d bytes, or wrong ones" % (i, len(got)))
        s.close()
    print("turn", turn, "right", flush=True)
for s in idle:
    s.shutdown(socket.SHUT_WR)
    if s.recv(1) != b"":
        sys.exit("an idle one got something")
print("done", flush=True)
P
touch console
"$ENCL" run many.eif --timeout 240 >console 2>log &
pid=$!
for _ in $(seq 600); do
	! grep -q '^serving' console || break
	kill -0 "$pid" 2>/dev/null || break
	sleep 0.1
done
got=0
timeout 200 python3 drive.py "$web" >drive 2>&1 || got=$?
kill "$pid"
wait "$pid" || true
[ "$got" -eq 0 ] || fail "exit $got: $(cat drive log; tail -n 20 console)"
same "what it said" $'turn 0 right\nturn 1 right\ndone' "$(cat drive)"
