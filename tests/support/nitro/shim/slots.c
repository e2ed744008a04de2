/* SPDX-License-Identifier: Apache-2.0 */
/* The table of descriptors, and the way to nitrod. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "nitro/shim/shim.h"

struct slot shim_slots[MAX_FD];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int control = -1;
static pid_t control_pid;

int
shim_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

ino_t
shim_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

struct slot *
shim_find(int fd, enum kind kind)
{
	struct slot *s = fd >= 0 && fd < MAX_FD ? &shim_slots[fd] : NULL;

	if (!s || s->kind != kind)
		return NULL;
	/* Closed behind our back, and used again? */
	if (s->inode != shim_inode(fd)) {
		s->kind = NONE;
		return NULL;
	}
	return s;
}

struct slot *
shim_mark(int fd, enum kind kind)
{
	if (fd < 0 || fd >= MAX_FD)
		return NULL;
	shim_slots[fd] =
		(struct slot){.kind = kind, .inode = shim_inode(fd), .pid = getpid()};
	return &shim_slots[fd];
}

/* ---- nitrod ---- */

int
shim_exchange(int fd, const struct nitro_request *q, struct nitro_answer *a, int *got)
{
	struct iovec part = {a, sizeof *a};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control_data;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control_data.bytes,
				 .msg_controllen = sizeof control_data.bytes};
	const struct cmsghdr *h;
	ssize_t n;

	if (send(fd, q, sizeof *q, MSG_NOSIGNAL) < 0)
		return EPIPE;
	do
		n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n != sizeof *a)
		return EPIPE;
	h = CMSG_FIRSTHDR(&message);
	if (h && a->has_fd && got)
		memcpy(got, CMSG_DATA(h), sizeof *got);
	return a->error;
}

int
shim_dial(void)
{
	const char *path = getenv("NITROD_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!path ||
	    (size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s", path) >=
		    sizeof a.sun_path ||
	    syscall(SYS_connect, fd, &a, sizeof a)) {
		shim_close(fd);
		return -1;
	}
	return fd;
}

int
shim_ask(struct nitro_request *q, struct nitro_answer *a, int *got)
{
	int error;

	q->pid = getpid();
	pthread_mutex_lock(&lock);
	if (control < 0 || control_pid != q->pid) {
		control = shim_dial();
		control_pid = q->pid;
	}
	error = control < 0 ? ENXIO : shim_exchange(control, q, a, got);
	pthread_mutex_unlock(&lock);
	return error;
}

int
shim_fail(int error)
{
	errno = error;
	return -1;
}
