/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heartbeat: a byte to CID 3, port 9000, which the parent sends back
 * (nitro-cli waits for it before it calls an enclave started).  AWS's init
 * tries once; we try for half a minute, for a parent that is not listening yet.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "guest/boot.h"
#include "init/init.h"

enum { BEAT = 0xB7, PORT = 9000, SECONDS = 30 };
enum { NOBODY = 0, HOST = 2, PARENT = 3 }; /* CIDs */

/* struct sockaddr_vm of linux/vm_sockets.h, which musl does not ship. */
struct vsock_address {
	unsigned short family;
	unsigned short reserved;
	uint32_t port;
	uint32_t cid;
	uint8_t flags;
	uint8_t zero[3];
};

struct failure {
	const char *step;
	const char *why;
};

/* Where the parent is.  QEMU's runner appends (unmeasured) "off" where there
 * is no vsock at all, and "2" where the vsock program knows the host only by
 * its usual CID. */
static uint32_t
parent_cid(void)
{
	if (guest_boot_word("enclave.heartbeat=off"))
		return NOBODY;
	return guest_boot_word("enclave.heartbeat=2") ? HOST : PARENT;
}

static bool
failed(struct failure *f, const char *step, const char *why)
{
	f->step = step;
	f->why = why;
	return false;
}

static bool
beat(int fd, uint32_t cid, struct failure *f)
{
	const struct vsock_address parent = {
		.family = AF_VSOCK, .port = PORT, .cid = cid};
	const struct timeval wait = {.tv_sec = 5};
	uint8_t byte = BEAT;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(fd, (const struct sockaddr *)&parent, sizeof parent))
		return failed(f, "connect to", guest_why());
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return failed(f, "write to", guest_why());
	n = recv(fd, &byte, 1, 0);
	if (n != 1)
		return failed(f, "read from",
			      n < 0 ? guest_why() : "closed without an answer");
	if (byte != BEAT)
		return failed(f, "read from", "the answer is another byte than was sent");
	return true;
}

static bool
try_once(uint32_t cid, struct failure *f)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0 && errno == EAFNOSUPPORT)
		init_fatal("heartbeat: the kernel has no vsock: ", guest_why(),
			   "; it needs vsock and its virtio transport, built in or as "
			   "modules");
	if (fd < 0)
		return failed(f, "socket for", guest_why());
	ok = beat(fd, cid, f);
	close(fd);
	return ok;
}

/* A kind of failure is told once, however often it happens. */
static void
tell(uint32_t cid, const struct failure *f)
{
	static struct failure told[8];
	size_t i = 0;

	/* Both strings are constants or strerror()'s: the same text is the same place. */
	while (i < 8 && told[i].step &&
	       (told[i].step != f->step || told[i].why != f->why))
		i++;
	if (i == 8 || told[i].step)
		return;
	told[i] = *f;
	say("heartbeat: ", f->step, " vsock ", guest_dec(cid), ":9000: ", f->why,
	    "; trying again");
}

void
init_heartbeat(void)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
	struct timespec start;
	struct timespec now;
	const uint32_t cid = parent_cid();
	struct failure f;

	if (cid == NOBODY) {
		say("no vsock: heartbeat skipped");
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!try_once(cid, &f)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= SECONDS)
			init_fatal("heartbeat: no answer for ", guest_dec(SECONDS),
				   " s: ", f.step,
				   cid == HOST ? " vsock 2:9000: " : " vsock 3:9000: ",
				   f.why, "; is the parent listening there?");
		tell(cid, &f);
		nanosleep(&pause, NULL);
	}
}
