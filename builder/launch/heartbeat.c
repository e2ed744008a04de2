/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections at the heartbeat's port to answers, and to other runs.  One run is
 * the holder: it has the listener and the door.  The others are guests: they have a
 * connection through the door, on which come packets of one CID and one descriptor:
 * first CID 0 with the listener, then visits that are not the holder's.
 */
#include "launch/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/parse.h"
#include "launch/relay.h"
#include "launch/wall.h"

enum {
	BEAT = 0xb7,
	GUESTS = 16, /* runs that wait beside this one */
	VISITS = 8,  /* connections that are kept, of our enclave and of others */
	VISIT_MS = 10000,
	BATCH = 16, /* connections taken in one step */
	WAIT_MS = 20000,
	PAUSE_MS = 50
};

struct visit {
	int fd;
	uint32_t cid;
	uint64_t until; /* ms */
};
struct visits {
	struct visit v[VISITS];
	size_t n;
};

struct encl_heartbeat {
	struct encl_heartbeat_port port;
	char *door_name; /* of the default port */
	struct encl_log *log;
	int epoll;
	int listener; /* or -1; a guest keeps it for later */
	bool holds;   /* the listener is ours to serve */
	int door;     /* holder: where guests come in, or -1 */
	int holder;   /* guest: the way to the holder, or -1 */
	int guests[GUESTS];
	size_t n_guests;
	struct visits ours;   /* have said nothing yet */
	struct visits others; /* holder: for guests that come later */
	uint32_t cid;	      /* 0: not known yet */
	bool came;
	bool warned; /* of another byte; an enclave could fill a log with it */
};

/* ---- the port as AF_VSOCK has it ---- */

static int
listen_vsock(void *arg)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_VSOCK,
					   .port = ENCL_PORT_HEARTBEAT};

	(void)arg;
	return encl_relay_listen(&end);
}

static int
accept_vsock(void *arg, int listener, uint32_t *cid)
{
	struct sockaddr_vm who = {.svm_family = AF_UNSPEC};
	socklen_t n = sizeof who;
	int fd = accept4(listener, (struct sockaddr *)&who, &n,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)arg;
	*cid = who.svm_family == AF_VSOCK ? who.svm_cid : 0;
	return fd;
}

/* ---- packets ---- */

static bool
send_packet(int to, uint32_t cid, int fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {&cid, sizeof cid};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	struct cmsghdr *c;

	memset(&control, 0, sizeof control);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(to, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof cid;
}

/* 1: one came; 0: none is there; -1: none will come any more. */
static int
receive_packet(int from, uint32_t *cid, int *fd)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {cid, sizeof *cid};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof control};
	const struct cmsghdr *c;
	ssize_t n = recvmsg(from, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = -1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof *fd))
		memcpy(fd, CMSG_DATA(c), sizeof *fd);
	return n == (ssize_t)sizeof *cid && *fd >= 0 ? 1 : -1;
}

/* ---- the door ---- */

static socklen_t
door_address(const struct encl_heartbeat *h, struct sockaddr_un *a)
{
	size_t n = strlen(h->port.door);

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (n > sizeof a->sun_path - 1)
		n = sizeof a->sun_path - 1;
	memcpy(a->sun_path + 1, h->port.door, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n);
}

static bool
is_ours(int fd)
{
	struct ucred who = {.uid = (uid_t)-1};
	socklen_t n = sizeof who;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) && who.uid == geteuid();
}

static void
watch(const struct encl_heartbeat *h, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

	epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int
door_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static bool
open_door(struct encl_heartbeat *h)
{
	struct sockaddr_un a;
	socklen_t n = door_address(h, &a);
	int fd = door_socket();

	if (fd < 0)
		return false;
	if (bind(fd, (const struct sockaddr *)&a, n) || listen(fd, GUESTS)) {
		encl_close_fd(fd);
		return false;
	}
	h->door = fd;
	watch(h, fd);
	return true;
}

static bool
knock(struct encl_heartbeat *h)
{
	struct sockaddr_un a;
	socklen_t n = door_address(h, &a);
	int fd = door_socket();

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&a, n) || !is_ours(fd)) {
		encl_close_fd(fd);
		return false;
	}
	h->holder = fd;
	watch(h, fd);
	return true;
}

static void
hold(struct encl_heartbeat *h, int listener)
{
	h->listener = listener;
	h->holds = true;
	watch(h, listener);
}

/* A place: the port, or one beside who has it.  False, with errno: not now. */
static bool
find_place(struct encl_heartbeat *h)
{
	int fd = h->port.listen(h->port.arg);

	if (fd >= 0) {
		hold(h, fd);
		open_door(h);
		return true;
	}
	if (errno != EADDRINUSE)
		return false;
	if (knock(h))
		return true;
	errno = EADDRINUSE;
	return false;
}

/* Another run folder, or another host's root, is another machine (of a test). */
static char *
name_door(void)
{
	static const char *const names[] = {"ENCLAVEBUILD_RUN", "ENCLAVEBUILD_HOST_ROOT"};
	enum { BYTES = 8 };
	encl_auto(encl_hash_free) struct encl_hash *hash = encl_hash_new(ENCL_SHA256);
	struct encl_digest digest;
	char hex[2 * BYTES + 1];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);

		encl_hash_update(hash, value ? value : "", value ? strlen(value) + 1 : 1);
	}
	encl_hash_final(hash, &digest);
	encl_hex(digest.bytes, BYTES, hex);
	return encl_xasprintf("enclavebuild/heartbeat/%s", hex);
}

int
encl_heartbeat_open(const struct encl_heartbeat_port *port, struct encl_log *log,
		    bool (*cancelled)(void *arg), void *arg, struct encl_heartbeat **out,
		    struct encl_err *e)
{
	encl_auto(encl_heartbeat_free) struct encl_heartbeat *h =
		encl_xcalloc(1, sizeof *h);
	uint64_t until;

	h->epoll = h->listener = h->door = h->holder = -1;
	h->log = log;
	h->door_name = name_door();
	h->port = port ? *port
		       : (struct encl_heartbeat_port){h->door_name, listen_vsock,
						      accept_vsock, NULL, WAIT_MS};
	h->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (h->epoll < 0)
		return encl_fail_sys(e, ENCL_FAILED, "epoll");
	until = encl_clock_ms() + h->port.wait_ms;
	for (bool told = false; !find_place(h); told = true) {
		if (errno != EADDRINUSE)
			return encl_fail_sys(e, ENCL_HOST,
					     "listen on vsock port %d for the heartbeat",
					     ENCL_PORT_HEARTBEAT);
		if (encl_clock_ms() >= until)
			return encl_fail(e, ENCL_HOST,
					 "vsock port %d is taken by another program "
					 "(nitro-cli run-enclave, a run of another user, "
					 "socat?); end it, or try again when its enclave "
					 "is up",
					 ENCL_PORT_HEARTBEAT);
		if (cancelled && cancelled(arg))
			return encl_fail(e, ENCL_LOST, "ended before it was started");
		if (!told)
			encl_info(log,
				  "waiting for vsock port %d, which another program "
				  "has",
				  ENCL_PORT_HEARTBEAT);
		encl_clock_sleep(PAUSE_MS);
	}
	*out = encl_take(h, NULL);
	return 0;
}

void
encl_heartbeat_expect(struct encl_heartbeat *h, uint32_t cid)
{
	h->cid = cid;
}

int
encl_heartbeat_fd(const struct encl_heartbeat *h)
{
	return h->epoll;
}

/* ---- visits ---- */

static void
keep(struct visits *to, int fd, uint32_t cid)
{
	if (to->n == VISITS) {
		/* the oldest has had its time */
		encl_close_fd(to->v[0].fd);
		to->n--;
		memmove(to->v, to->v + 1, to->n * sizeof *to->v);
	}
	to->v[to->n++] = (struct visit){fd, cid, encl_clock_ms() + VISIT_MS};
}

static void
take_visit(struct encl_heartbeat *h, int fd)
{
	keep(&h->ours, fd, h->cid);
	watch(h, fd);
}

static void
drop_visits(struct visits *from, uint64_t until)
{
	size_t kept = 0;

	for (size_t i = 0; i < from->n; i++) {
		if (from->v[i].until <= until)
			encl_close_fd(from->v[i].fd);
		else
			from->v[kept++] = from->v[i];
	}
	from->n = kept;
}

/* Is the visit over? */
static bool
attend(struct encl_heartbeat *h, const struct visit *v)
{
	uint8_t byte;
	ssize_t n = recv(v->fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return encl_clock_ms() >= v->until;
	if (n != 1)
		return true;
	if (byte != BEAT) {
		if (!encl_take(h->warned, true))
			encl_warn(h->log,
				  "heartbeat: byte 0x%02x came, not 0xb7; no answer",
				  byte);
		return true;
	}
	/* One that has gone meanwhile comes again. */
	if (send(v->fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
		h->came = true;
	return true;
}

static void
attend_all(struct encl_heartbeat *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->ours.n; i++) {
		if (attend(h, &h->ours.v[i]))
			encl_close_fd(h->ours.v[i].fd);
		else
			h->ours.v[kept++] = h->ours.v[i];
	}
	h->ours.n = kept;
}

/* ---- the holder's part ---- */

static void
drop_guest(struct encl_heartbeat *h, size_t i)
{
	encl_close_fd(h->guests[i]);
	h->guests[i] = h->guests[--h->n_guests];
}

static void
tell_guests(struct encl_heartbeat *h, uint32_t cid, int fd)
{
	for (size_t i = h->n_guests; i-- > 0;)
		if (!send_packet(h->guests[i], cid, fd))
			drop_guest(h, i);
}

static void
take_connections(struct encl_heartbeat *h)
{
	for (int i = 0; i < BATCH; i++) {
		uint32_t cid = 0;
		int fd = h->port.accept(h->port.arg, h->listener, &cid);

		if (fd < 0)
			return;
		if (!cid) {
			encl_close_fd(fd);
			continue;
		}
		if (cid == h->cid) {
			take_visit(h, fd);
			continue;
		}
		tell_guests(h, cid, fd);
		keep(&h->others, fd, cid);
	}
}

static void
take_guests(struct encl_heartbeat *h)
{
	for (int i = 0; i < BATCH; i++) {
		int fd = accept4(h->door, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		if (h->n_guests == GUESTS || !is_ours(fd) ||
		    !send_packet(fd, 0, h->listener)) {
			encl_close_fd(fd);
			continue;
		}
		for (size_t j = 0; j < h->others.n; j++)
			send_packet(fd, h->others.v[j].cid, h->others.v[j].fd);
		h->guests[h->n_guests++] = fd;
		watch(h, fd);
	}
}

/* Guests say nothing: what comes is their end. */
static void
look_after_guests(struct encl_heartbeat *h)
{
	char byte;

	for (size_t i = h->n_guests; i-- > 0;) {
		ssize_t n = recv(h->guests[i], &byte, 1, MSG_DONTWAIT);

		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			drop_guest(h, i);
	}
}

/* ---- the guest's part ---- */

/* The holder has ended: one of those that waited holds from now on.  The port is
 * still taken, by the socket that it left to all of them. */
static void
succeed(struct encl_heartbeat *h)
{
	int fd = h->port.listen(h->port.arg);

	if (fd >= 0) {
		encl_close_fd(encl_take(h->listener, -1));
		hold(h, fd);
	} else if (h->listener >= 0 && open_door(h)) {
		hold(h, h->listener);
	} else {
		knock(h);
	}
}

static void
hear_holder(struct encl_heartbeat *h)
{
	uint32_t cid = 0;
	int fd, rc;

	while ((rc = receive_packet(h->holder, &cid, &fd)) > 0) {
		if (cid && cid == h->cid)
			take_visit(h, fd);
		else if (!cid && h->listener < 0)
			h->listener = fd;
		else
			encl_close_fd(fd);
	}
	if (!rc)
		return;
	encl_close_fd(fd);
	encl_close_fd(encl_take(h->holder, -1));
}

bool
encl_heartbeat_step(struct encl_heartbeat *h)
{
	const bool before = h->came;

	if (h->holder >= 0)
		hear_holder(h);
	if (h->holder < 0 && !h->holds)
		succeed(h);
	/* One that was before us may not have closed its door yet. */
	if (h->holds && h->door < 0)
		open_door(h);
	if (h->door >= 0) {
		look_after_guests(h);
		take_guests(h);
	}
	if (h->holds)
		take_connections(h);
	drop_visits(&h->others, encl_clock_ms());
	attend_all(h);
	return h->came && !before;
}

void
encl_heartbeat_free(struct encl_heartbeat *h)
{
	if (!h)
		return;
	/* The door first: a guest that hears of the end finds it free. */
	encl_close_fd(h->door);
	for (size_t i = 0; i < h->n_guests; i++)
		encl_close_fd(h->guests[i]);
	drop_visits(&h->ours, UINT64_MAX);
	drop_visits(&h->others, UINT64_MAX);
	encl_close_fd(h->holder);
	encl_close_fd(h->listener);
	encl_close_fd(h->epoll);
	free(h->door_name);
	free(h);
}
