/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LD_PRELOAD: a Nitro parent where none is.  /dev/nitro_enclaves, huge pages,
 * AF_VSOCK and writes to nr_hugepages and ne_cpus go to nitrod at NITROD_SOCKET
 * (tests/support/nitro/README.md); everything else goes where it always went.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "nitro/wire.h"

enum {
	MAX_FD = 65536,
	MAX_MAPPINGS = 16384,
	ANSWER_MS = 2000, /* as long as the kernel tries to connect */
	PARENT_CID = 3,
	HUGE_SHIFT = 26,
	BIND_POLICY = 2
};

/* ---- descriptors that are ours ---- */

enum kind { NONE, DEVICE, ENCLAVE, VSOCK, SYSFS };
struct slot {
	enum kind kind;
	ino_t inode;
	pid_t pid;
	uint64_t id;		  /* ENCLAVE: the slot */
	struct sockaddr_vm local; /* VSOCK */
	struct sockaddr_vm peer;
	bool accepted; /* its peer is to be asked for */
	int error;     /* SO_ERROR of a connection that did not come about */
	char *path;    /* SYSFS: below the root */
};
static struct slot slots[MAX_FD];

/* A mapping of huge pages. */
static struct {
	uintptr_t at;
	uint64_t id, size, left, page;
	uint64_t enclave; /* slot of whose it is; 0: ours */
} mappings[MAX_MAPPINGS];
static size_t n_mappings;
static uint64_t policy; /* nodes of set_mempolicy(MPOL_BIND), or 0 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int control = -1;
static pid_t control_pid;

#define REAL(name)                                                                       \
	static __typeof__(&name) real;                                                   \
	if (!real)                                                                       \
	real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int
real_close(int fd)
{
	return (int)syscall(SYS_close, fd);
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static struct slot *
find(int fd, enum kind kind)
{
	struct slot *s = fd >= 0 && fd < MAX_FD ? &slots[fd] : NULL;

	if (!s || s->kind != kind)
		return NULL;
	/* Closed behind our back, and used again? */
	if (s->inode != inode_of(fd)) {
		s->kind = NONE;
		return NULL;
	}
	return s;
}

static struct slot *
mark(int fd, enum kind kind)
{
	if (fd < 0 || fd >= MAX_FD)
		return NULL;
	slots[fd] = (struct slot){.kind = kind, .inode = inode_of(fd), .pid = getpid()};
	return &slots[fd];
}

/* ---- nitrod ---- */

/* Sends over fd and waits; the descriptor that came along is in *got. */
static int
exchange(int fd, const struct nitro_request *q, struct nitro_answer *a, int *got)
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

static int
dial(void)
{
	const char *path = getenv("NITROD_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = (int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!path ||
	    (size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s", path) >=
		    sizeof a.sun_path ||
	    syscall(SYS_connect, fd, &a, sizeof a)) {
		real_close(fd);
		return -1;
	}
	return fd;
}

/* On the process's own connection: errno or 0. */
static int
ask(struct nitro_request *q, struct nitro_answer *a, int *got)
{
	int error;

	q->pid = getpid();
	pthread_mutex_lock(&lock);
	if (control < 0 || control_pid != q->pid) {
		control = dial();
		control_pid = q->pid;
	}
	error = control < 0 ? ENXIO : exchange(control, q, a, got);
	pthread_mutex_unlock(&lock);
	return error;
}

static int
fail(int error)
{
	errno = error;
	return -1;
}

/* ---- the device and sysfs ---- */

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool
is_store(const char *path)
{
	const char *root = getenv("ENCLAVEBUILD_HOST_ROOT");

	return root && *root && !strncmp(path, root, strlen(root)) &&
	       (ends_with(path, "/nr_hugepages") ||
		ends_with(path, "/parameters/ne_cpus"));
}

static int
open_device(void)
{
	struct nitro_request q = {.op = NITRO_STATE};
	struct nitro_answer a;
	int error = ask(&q, &a, NULL); /* the process is known, with all that it holds */
	int fd;

	if (error)
		return fail(error);
	fd = dial();
	q = (struct nitro_request){.op = NITRO_OPEN, .pid = getpid()};
	error = fd < 0 ? ENXIO : exchange(fd, &q, &a, NULL);
	if (error) {
		real_close(fd);
		return fail(error);
	}
	mark(fd, DEVICE);
	return fd;
}

/* The file itself says nothing; what is written to it goes to nitrod. */
static int
open_store(int at, const char *path, int flags)
{
	int fd = (int)syscall(SYS_openat, at, path, flags & ~(O_TRUNC | O_CREAT), 0);
	struct slot *s = fd < 0 ? NULL : mark(fd, SYSFS);

	if (s)
		s->path = strdup(path + strlen(getenv("ENCLAVEBUILD_HOST_ROOT")));
	return fd;
}

static int
open_any(int at, const char *path, int flags, mode_t mode)
{
	int fd;

	if (ends_with(path, "/dev/nitro_enclaves") && getenv("NITROD_SOCKET"))
		return open_device();
	if ((flags & O_ACCMODE) != O_RDONLY && is_store(path))
		return open_store(at, path, flags);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0 && fd < MAX_FD)
		slots[fd].kind = NONE;
	return fd;
}

#define MODE(last)                                                                       \
	mode_t mode = 0;                                                                 \
	if (flags & (O_CREAT | O_TMPFILE)) {                                             \
		va_list ap;                                                              \
		va_start(ap, last);                                                      \
		mode = va_arg(ap, mode_t);                                               \
		va_end(ap);                                                              \
	}

int
open(const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(AT_FDCWD, path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(AT_FDCWD, path, flags, mode);
}

int
openat(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(at, path, flags, mode);
}

int
openat64(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_any(at, path, flags, mode);
}

int __open_2(const char *path, int flags);
int
__open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int __openat_2(int at, const char *path, int flags);
int
__openat_2(int at, const char *path, int flags)
{
	return open_any(at, path, flags, 0);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	const struct slot *s = find(fd, SYSFS);
	struct nitro_request q = {.op = NITRO_WRITE};
	struct nitro_answer a;
	int error;

	if (!s)
		return syscall(SYS_write, fd, p, n);
	snprintf(q.text, sizeof q.text, "%s\n%.*s", s->path, (int)n, (const char *)p);
	error = ask(&q, &a, NULL);
	return error ? fail(error) : (ssize_t)n;
}

/* What was an enclave's is ours again, and empty. */
static void
take_back(uint64_t enclave)
{
	for (size_t i = 0; i < n_mappings; i++) {
		void *at = (void *)mappings[i].at;

		if (!mappings[i].left || mappings[i].enclave != enclave)
			continue;
		mappings[i].enclave = 0;
		mprotect(at, mappings[i].size, PROT_READ | PROT_WRITE);
		madvise(at, mappings[i].size, MADV_REMOVE);
	}
}

int
close(int fd)
{
	struct slot *s = fd >= 0 && fd < MAX_FD ? &slots[fd] : NULL;
	struct slot was;
	struct nitro_request q = {.op = NITRO_UNLISTEN};
	struct nitro_answer a;
	int result;

	if (!s || s->kind == NONE || s->pid != getpid() || !find(fd, s->kind))
		return real_close(fd);
	was = *s;
	s->kind = NONE;
	free(was.path);
	/* Its pages are free when close is back, as with the driver. */
	if (was.kind == ENCLAVE) {
		q.op = NITRO_CLOSE;
		q.a[0] = was.id;
		ask(&q, &a, NULL);
		take_back(was.id);
	}
	result = real_close(fd);
	if (was.kind == VSOCK && was.local.svm_port) {
		q.a[0] = was.local.svm_port;
		ask(&q, &a, NULL);
	}
	return result;
}

/* ---- huge pages ---- */

/* Reserves more than is wanted, and cuts it to what is aligned. */
static void *
map_aligned(int fd, size_t size, size_t page, int prot)
{
	const size_t all = size + page;
	uintptr_t from =
		(uintptr_t)syscall(SYS_mmap, NULL, all, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t at = (from + page - 1) / page * page;

	if ((void *)from == MAP_FAILED)
		return MAP_FAILED;
	if (at > from)
		syscall(SYS_munmap, from, at - from);
	syscall(SYS_munmap, at + size, from + all - at - size);
	return (void *)syscall(SYS_mmap, at, size, prot, MAP_SHARED | MAP_FIXED, fd, 0);
}

static void *
map_huge(size_t size, int prot, int flags)
{
	const int log2 = flags >> HUGE_SHIFT & 63;
	const uint64_t page = log2 ? UINT64_C(1) << log2 : 2 << 20;
	struct nitro_request q = {.op = NITRO_MAP,
				  .a = {size, page, policy, flags & MAP_POPULATE}};
	struct nitro_answer a;
	int fd = -1, error = ask(&q, &a, &fd);
	void *p;

	size = (size + page - 1) / page * page;
	p = error ? MAP_FAILED
		  : map_aligned(fd, size, page > 2 << 20 ? page : 2 << 20, prot);
	if (fd >= 0)
		real_close(fd);
	if (p == MAP_FAILED) {
		errno = error ? error : ENOMEM;
		return p;
	}
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < MAX_MAPPINGS; i++)
		if (!mappings[i].left) {
			mappings[i].at = (uintptr_t)p;
			mappings[i].id = a.a[0];
			mappings[i].size = mappings[i].left = size;
			mappings[i].page = page;
			mappings[i].enclave = 0;
			n_mappings = i + 1 > n_mappings ? i + 1 : n_mappings;
			break;
		}
	pthread_mutex_unlock(&lock);
	return p;
}

void *
mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (flags & MAP_HUGETLB && flags & MAP_ANONYMOUS)
		return map_huge(size, prot, flags);
	return (void *)syscall(SYS_mmap, at, size, prot, flags, fd, offset);
}

void *
mmap64(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, size, prot, flags, fd, offset);
}

/* The mapping around an address, or n_mappings. */
static size_t
mapping_of(uintptr_t at)
{
	size_t i = 0;

	while (i < n_mappings && (!mappings[i].left || at < mappings[i].at ||
				  at >= mappings[i].at + mappings[i].size))
		i++;
	return i;
}

int
munmap(void *p, size_t size)
{
	const uintptr_t at = (uintptr_t)p;
	size_t i = n_mappings ? mapping_of(at) : 0;
	struct nitro_request q = {.op = NITRO_UNMAP};
	struct nitro_answer a;
	int error;

	if (i < n_mappings) {
		size = (size + mappings[i].page - 1) / mappings[i].page *
		       mappings[i].page;
		q.a[0] = mappings[i].id;
		q.a[1] = at - mappings[i].at;
		q.a[2] = size;
		error = ask(&q, &a, NULL);
		if (error)
			return fail(error);
		mappings[i].left -= size < mappings[i].left ? size : mappings[i].left;
	}
	return (int)syscall(SYS_munmap, p, size);
}

/* mbind and set_mempolicy have no wrapper in the C library.  BIND_POLICY alone
 * matters; nodes beyond 64 there are none. */
static long
set_nodes(void *at, unsigned long size, int mode, const unsigned long *nodes)
{
	struct nitro_request q = {.op = NITRO_PLACE};
	struct nitro_answer a;
	size_t i = n_mappings ? mapping_of((uintptr_t)at) : 0;
	int error;

	(void)size;
	if (i >= n_mappings)
		return 0;
	q.a[0] = mappings[i].id;
	q.a[1] = mode == BIND_POLICY && nodes ? *nodes : 0;
	error = ask(&q, &a, NULL);
	return error ? fail(error) : 0;
}

long
syscall(long number, ...)
{
	REAL(syscall);
	va_list ap;
	long v[6];

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		v[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_mbind && n_mappings)
		return set_nodes((void *)v[0], (unsigned long)v[1], (int)v[2],
				 (const unsigned long *)v[3]);
	if (number == SYS_set_mempolicy && getenv("NITROD_SOCKET")) {
		const unsigned long *nodes = (const unsigned long *)v[1];

		policy = (int)v[0] == BIND_POLICY && nodes ? *nodes : 0;
		return 0;
	}
	return real(number, v[0], v[1], v[2], v[3], v[4], v[5]);
}

/* ---- the driver's calls ---- */

/* A region as stretches of mappings. */
static void
find_pieces(struct nitro_request *q, uintptr_t at, uint64_t size)
{
	while (size && q->n_pieces < NITRO_PIECES) {
		struct nitro_piece *piece = &q->pieces[q->n_pieces++];
		size_t i = mapping_of(at);
		unsigned char there;

		*piece = (struct nitro_piece){.size = size};
		if (i < n_mappings) {
			uint64_t end = mappings[i].at + mappings[i].size - at;

			piece->id = mappings[i].id;
			piece->offset = at - mappings[i].at;
			piece->size = size < end ? size : end;
		} else if (mincore((void *)at, 4096, &there)) {
			piece->id = UINT64_MAX;
		}
		at += piece->size;
		size -= piece->size;
	}
}

static void
give_away(uint64_t enclave, uintptr_t at, uint64_t size)
{
	for (size_t i = 0; i < n_mappings; i++)
		if (mappings[i].at < at + size && at < mappings[i].at + mappings[i].size)
			mappings[i].enclave = enclave;
	mprotect((void *)at, size, PROT_NONE);
}

static int
enclave_ioctl(int fd, unsigned long number, uint64_t *argument)
{
	struct nitro_request q = {.op = NITRO_IOCTL, .pid = getpid(), .a = {number}};
	size_t n = number >> 16 & 0x3fff;
	const struct slot *enclave = find(fd, ENCLAVE);
	struct nitro_answer a;
	int error, got = -1;

	if (!argument || n > 24)
		return fail(argument ? ENOTTY : EFAULT);
	memcpy(&q.a[1], argument, n);
	if (number == NE_SET_USER_MEMORY_REGION)
		find_pieces(&q, (uintptr_t)q.a[3], q.a[2]);
	error = exchange(fd, &q, &a, &got);
	/* It hung up: the enclave has ended. */
	if (error == EPIPE)
		error = NE_ERR_NOT_IN_INIT_STATE;
	if (error)
		return fail(error);
	/* The memory is the enclave's: who touches it dies. */
	if (number == NE_SET_USER_MEMORY_REGION && enclave)
		give_away(enclave->id, (uintptr_t)q.a[3], q.a[2]);
	else
		memcpy(argument, a.a, n);
	if (number == NE_CREATE_VM) {
		struct slot *s = mark(got, ENCLAVE);

		if (s)
			s->id = a.a[0];
	}
	return got >= 0 ? got : 0;
}

int
ioctl(int fd, unsigned long number, ...)
{
	va_list ap;
	void *argument;

	va_start(ap, number);
	argument = va_arg(ap, void *);
	va_end(ap);
	if ((number >> 8 & 0xff) == 0xae && (find(fd, DEVICE) || find(fd, ENCLAVE)))
		return enclave_ioctl(fd, number & 0xffffffff, argument);
	return (int)syscall(SYS_ioctl, fd, number, argument);
}

/* ---- AF_VSOCK ---- */

static const struct sockaddr_vm anyone = {
	.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY};

int
socket(int family, int type, int protocol)
{
	bool vsock = family == AF_VSOCK && getenv("NITROD_SOCKET");
	int fd = (int)syscall(SYS_socket, vsock ? AF_UNIX : family, type, protocol);
	struct slot *s = vsock ? mark(fd, VSOCK) : NULL;

	if (s)
		s->peer = anyone;
	return fd;
}

int
bind(int fd, const struct sockaddr *address, socklen_t n)
{
	const struct sockaddr_vm *want =
		(const struct sockaddr_vm *)(const void *)address;
	struct slot *s = find(fd, VSOCK);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct nitro_request q = {.op = NITRO_LISTEN};
	struct nitro_answer a;
	int error;

	if (!s)
		return (int)syscall(SYS_bind, fd, address, n);
	if (n < sizeof *want || want->svm_family != AF_VSOCK || s->local.svm_port)
		return fail(EINVAL);
	if (want->svm_cid != VMADDR_CID_ANY && want->svm_cid != PARENT_CID)
		return fail(EADDRNOTAVAIL);
	q.a[0] = want->svm_port;
	error = ask(&q, &a, NULL);
	if (error)
		return fail(error);
	snprintf(at.sun_path, sizeof at.sun_path, "%.107s", a.text);
	s->local = *want;
	s->local.svm_port = (uint32_t)a.a[0];
	return (int)syscall(SYS_bind, fd, &at, sizeof at);
}

/* "CONNECT port", "OK n": as vhost-device-vsock wants it; errno or 0. */
static int
greet(int fd, uint32_t port)
{
	char text[32];
	int n = snprintf(text, sizeof text, "CONNECT %u\n", port);
	char byte = 0;

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return ECONNRESET;
	while (byte != '\n') {
		struct pollfd p = {fd, POLLIN, 0};

		if (poll(&p, 1, ANSWER_MS) == 0)
			return ETIMEDOUT;
		if (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
			return ECONNRESET;
	}
	return 0;
}

static int
connect_enclave(int fd, uint32_t cid, uint32_t port)
{
	struct nitro_request q = {.op = NITRO_CONNECT, .a = {cid, port}};
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct nitro_answer a;
	int got = -1, error = ask(&q, &a, &got);

	if (error)
		return error;
	if (got >= 0) { /* the console: its end takes the place of ours */
		int flags = fcntl(fd, F_GETFL), descriptor = fcntl(fd, F_GETFD);

		dup3(got, fd, descriptor & FD_CLOEXEC ? O_CLOEXEC : 0);
		fcntl(fd, F_SETFL, flags);
		real_close(got);
		slots[fd].inode = inode_of(fd);
		return 0;
	}
	snprintf(at.sun_path, sizeof at.sun_path, "%.107s", a.text);
	if (syscall(SYS_connect, fd, &at, sizeof at))
		return ECONNRESET;
	error = greet(fd, port);
	if (error)
		shutdown(fd, SHUT_RDWR);
	return error;
}

/* Decided at once; but who does not block hears of it as from the kernel. */
int
connect(int fd, const struct sockaddr *address, socklen_t n)
{
	const struct sockaddr_vm *to = (const struct sockaddr_vm *)(const void *)address;
	struct slot *s = find(fd, VSOCK);
	int error;

	if (!s)
		return (int)syscall(SYS_connect, fd, address, n);
	if (n < sizeof *to || to->svm_family != AF_VSOCK)
		return fail(EINVAL);
	error = connect_enclave(fd, to->svm_cid, to->svm_port);
	if (!error)
		s->peer = *to;
	if (!(fcntl(fd, F_GETFL) & O_NONBLOCK))
		return error ? fail(error) : 0;
	s->error = error;
	return fail(EINPROGRESS);
}

/* Who came: nitrod itself says so in its address, a guest comes by its program. */
static struct sockaddr_vm
peer_of(int fd)
{
	struct sockaddr_vm who = anyone;
	struct sockaddr_un a = {0};
	struct ucred by = {0};
	socklen_t n = sizeof a, n_by = sizeof by;
	const char *name = a.sun_path + 1;
	struct nitro_request q = {.op = NITRO_PEER};
	struct nitro_answer answer;

	who.svm_port = 1024 + (uint32_t)fd;
	if (!syscall(SYS_getpeername, fd, &a, &n) && !a.sun_path[0] &&
	    !strncmp(name, NITRO_CALLER, strlen(NITRO_CALLER))) {
		who.svm_cid = (uint32_t)strtoul(name + strlen(NITRO_CALLER), NULL, 10);
		return who;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &by, &n_by);
	q.a[0] = (uint64_t)by.pid;
	if (!ask(&q, &answer, NULL) && answer.a[0])
		who.svm_cid = (uint32_t)answer.a[0];
	return who;
}

static void
give_address(const struct sockaddr_vm *from, struct sockaddr *to, socklen_t *n)
{
	if (!to || !n)
		return;
	memcpy(to, from, *n < sizeof *from ? *n : sizeof *from);
	*n = sizeof *from;
}

/* A listener that came from another process: known by its name. */
static struct slot *
adopt(int fd)
{
	const char *ours = getenv("NITROD_SOCKET"), *end;
	struct sockaddr_un a = {0};
	socklen_t n = sizeof a - 1;
	struct slot *s;
	size_t folder;

	if (!ours || !(end = strrchr(ours, '/')) ||
	    syscall(SYS_getsockname, fd, &a, &n) || a.sun_family != AF_UNIX)
		return NULL;
	folder = (size_t)(end + 1 - ours);
	if (strncmp(a.sun_path, ours, folder) != 0 ||
	    strncmp(a.sun_path + folder, "host_", 5) != 0)
		return NULL;
	s = mark(fd, VSOCK);
	if (s) {
		s->local = anyone;
		s->local.svm_port = (uint32_t)strtoul(a.sun_path + folder + 5, NULL, 10);
	}
	return s;
}

int
accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
	struct slot *listener = find(fd, VSOCK), *s;
	int got;

	if (!listener)
		listener = adopt(fd);
	if (!listener)
		return (int)syscall(SYS_accept4, fd, address, n, flags);
	got = (int)syscall(SYS_accept4, fd, NULL, NULL, flags);
	s = mark(got, VSOCK);
	if (!s)
		return got;
	s->local.svm_family = AF_VSOCK;
	s->accepted = true;
	if (address) {
		s->peer = peer_of(got);
		s->accepted = false;
		give_address(&s->peer, address, n);
	}
	return got;
}

int
accept(int fd, struct sockaddr *address, socklen_t *n)
{
	return accept4(fd, address, n, 0);
}

int
getpeername(int fd, struct sockaddr *address, socklen_t *n)
{
	struct slot *s = find(fd, VSOCK);

	if (!s)
		return (int)syscall(SYS_getpeername, fd, address, n);
	if (s->accepted)
		s->peer = peer_of(fd);
	s->accepted = false;
	if (s->peer.svm_cid == VMADDR_CID_ANY)
		return fail(ENOTCONN);
	give_address(&s->peer, address, n);
	return 0;
}

int
getsockname(int fd, struct sockaddr *address, socklen_t *n)
{
	const struct slot *s = find(fd, VSOCK);
	struct sockaddr_vm local;

	if (!s)
		return (int)syscall(SYS_getsockname, fd, address, n);
	local = s->local;
	local.svm_family = AF_VSOCK;
	if (!local.svm_port)
		local.svm_cid = PARENT_CID;
	give_address(&local, address, n);
	return 0;
}

int
getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
	struct slot *s = find(fd, VSOCK);

	if (s && level == SOL_SOCKET && *n >= sizeof(int) &&
	    (option == SO_DOMAIN || (option == SO_ERROR && s->error))) {
		int v = option == SO_DOMAIN ? AF_VSOCK : s->error;

		if (option == SO_ERROR)
			s->error = 0;
		memcpy(value, &v, sizeof v);
		*n = sizeof v;
		return 0;
	}
	return (int)syscall(SYS_getsockopt, fd, level, option, value, n);
}

int
setsockopt(int fd, int level, int option, const void *value, socklen_t n)
{
	if (level == AF_VSOCK && find(fd, VSOCK))
		return 0;
	return (int)syscall(SYS_setsockopt, fd, level, option, value, n);
}
