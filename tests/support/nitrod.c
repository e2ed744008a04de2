/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Nitro parent for the tests: the driver behind /dev/nitro_enclaves, the
 * hypervisor, sysfs.  Programs see it through nitro.so (docs: tests/support/nitro/
 * README.md).
 *
 *	nitrod serve FOLDER TABLE	until its parent ends; prints "ready"
 *	nitrod set FOLDER LINE…		lines of the table, from now on
 *	nitrod state FOLDER		what is in use
 *
 * FOLDER gets socket, tree/ (for ENCLAVEBUILD_HOST_ROOT), log.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "nitro/machine.h"

enum { MAX_POLL = 512 };

void
say(struct machine *m, const char *fmt, ...)
{
	uint64_t now = encl_clock_ms();
	va_list ap;

	fprintf(m->log, "%" PRIu64 ".%03" PRIu64 " ", now / 1000, now % 1000);
	va_start(ap, fmt);
	vfprintf(m->log, fmt, ap);
	va_end(ap);
	fputc('\n', m->log);
	fflush(m->log);
}

/* ---- clients ---- */

static void
tell_state(struct machine *m, char text[NITRO_TEXT])
{
	unsigned free_cpus = 0, enclaves = 0, n;
	const struct port *p;

	port_sweep(m);
	for (const struct vm *vm = m->vms; vm; vm = vm->next)
		enclaves++;
	for (unsigned i = 0; i < MAX_CPUS; i++)
		free_cpus += m->cpus[i].pooled && !m->cpus[i].vm;
	n = (unsigned)snprintf(text, NITRO_TEXT, "enclaves %u\ncpus %u\n", enclaves,
			       free_cpus);
	for (unsigned i = 0; i < MAX_NODES; i++)
		for (size_t s = 0; s < m->nodes[i].n_pools; s++) {
			const struct pool *pool = &m->nodes[i].pools[s];

			n += (unsigned)snprintf(text + n, NITRO_TEXT - n,
						"pages %" PRIu64 "M node %u: %u of %u\n",
						pool->size >> 20, i,
						pool->total - pool->used, pool->total);
		}
	for (p = m->ports; p && n < NITRO_TEXT - 32; p = p->next)
		n += (unsigned)snprintf(text + n, NITRO_TEXT - n, "port %u\n", p->port);
}

static struct vm *
find_slot(struct machine *m, const struct client *c, uint64_t slot)
{
	struct vm *vm = m->vms;

	while (vm && (vm->slot != slot || vm->creator != c->pid))
		vm = vm->next;
	return vm;
}

static int
store(struct machine *m, struct nitro_request *q)
{
	char *value = strchr(q->text, '\n');

	if (!value)
		return EINVAL;
	*value++ = 0;
	return tree_store(m, q->text, value);
}

static int
obey(struct machine *m, struct client *c, struct nitro_request *q, struct nitro_answer *a,
     int *fd)
{
	struct vm *vm;

	switch (q->op) {
	case NITRO_OPEN:
		c->kind = CLIENT_DEVICE;
		return m->device ? table_fault(m, "OPEN") : ENOENT;
	case NITRO_MAP:
		return pool_map(m, c, q, a, fd);
	case NITRO_UNMAP:
		return pool_unmap(m, q);
	case NITRO_PLACE:
		return pool_place(m, q);
	case NITRO_LISTEN:
		return port_listen(m, c, q, a);
	case NITRO_UNLISTEN:
		port_close(m, c, (uint32_t)q->a[0]);
		return 0;
	case NITRO_CONNECT:
		return port_connect(m, q, a, fd);
	case NITRO_PEER:
		a->a[0] = port_peer(m, (pid_t)q->a[0]);
		return 0;
	case NITRO_WRITE:
		return store(m, q);
	case NITRO_SET:
		snprintf(a->text, sizeof a->text, "%s", table_line(m, q->text));
		return *a->text ? EINVAL : 0;
	case NITRO_STATE:
		tell_state(m, a->text);
		return 0;
	case NITRO_CLOSE:
		vm = find_slot(m, c, q->a[0]);
		if (vm)
			driver_release(m, vm);
		return 0;
	case NITRO_IOCTL:
		return driver_ioctl(m, c, q, a, fd);
	default:
		return ENOSYS;
	}
}

static void
answer(const struct client *c, const struct nitro_answer *a, int fd)
{
	struct iovec part = {(void *)(uintptr_t)a, sizeof *a};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *h = CMSG_FIRSTHDR(&message);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	sendmsg(c->fd, &message, MSG_NOSIGNAL);
}

static void
serve_client(struct machine *m, struct client *c)
{
	static struct nitro_request q;
	struct nitro_answer a = {0};
	ssize_t n = recv(c->fd, &q, sizeof q, MSG_DONTWAIT);
	int fd = -1;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof q) {
		c->gone = true;
		return;
	}
	q.text[sizeof q.text - 1] = 0;
	a.error = obey(m, c, &q, &a, &fd);
	a.has_fd = fd >= 0;
	answer(c, &a, fd);
	if (fd >= 0)
		close(fd);
}

static struct vm *
vm_of_pid(struct machine *m, pid_t pid)
{
	struct vm *vm = m->vms;

	while (vm && vm->creator != pid)
		vm = vm->next;
	return vm;
}

static void
forget(struct machine *m, struct client *c)
{
	struct vm *vm = c->vm;

	if (vm) {
		vm->client = NULL;
		driver_release(m, vm);
	}
	/* With the process everything ends that it held. */
	if (c->kind == CLIENT_PROCESS) {
		while ((vm = vm_of_pid(m, c->pid)))
			driver_release(m, vm);
		port_close(m, c, 0);
		pool_drop(m, c, NULL);
	}
	close(c->fd);
	free(c);
}

static void
sweep_clients(struct machine *m)
{
	for (struct client **at = &m->clients; *at;) {
		struct client *c = *at;

		if (!c->gone) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		forget(m, c);
		at = &m->clients;
	}
}

static void
welcome(struct machine *m, int listener)
{
	struct client *c = encl_xcalloc(1, sizeof *c);
	struct ucred peer = {0};
	socklen_t n = sizeof peer;

	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return;
	}
	getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &n);
	c->kind = CLIENT_PROCESS;
	c->pid = peer.pid;
	c->next = m->clients;
	m->clients = c;
}

/* ---- the loop ---- */

static void
turn(struct machine *m, int listener)
{
	struct pollfd p[MAX_POLL];
	size_t n = 0;
	int wait = -1;

	p[n++] = (struct pollfd){listener, POLLIN, 0};
	for (const struct client *c = m->clients; c && n < MAX_POLL; c = c->next)
		p[n++] = (struct pollfd){c->fd, POLLIN, 0};
	for (const struct vm *vm = m->vms; vm && n + 8 < MAX_POLL; vm = vm->next) {
		int left = vm_wait(vm);

		n += vm_poll(vm, p + n);
		if (left >= 0 && (wait < 0 || left < wait))
			wait = left;
	}
	if (poll(p, n, wait) < 0)
		return;
	if (p[0].revents)
		welcome(m, listener);
	for (struct client *c = m->clients, *next; c; c = next) {
		next = c->next;
		if (!c->gone)
			serve_client(m, c);
	}
	for (struct vm *vm = m->vms, *next; vm; vm = next) {
		next = vm->next;
		vm_step(m, vm);
	}
	sweep_clients(m);
}

static int
open_socket(const char *folder, bool serving)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if ((size_t)snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", folder) >=
	    sizeof a.sun_path)
		return -1;
	if (!serving)
		return connect(fd, (struct sockaddr *)&a, sizeof a) ? -1 : fd;
	unlink(a.sun_path);
	return bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 64) ? -1 : fd;
}

static bool
read_table(struct machine *m, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[NITRO_TEXT];
	bool good = f != NULL;

	while (f && fgets(line, sizeof line, f)) {
		char before[NITRO_TEXT];
		const char *why;

		memcpy(before, line, sizeof before);
		why = table_line(m, line);
		if (*why) {
			fprintf(stderr, "nitrod: %s: %s: %s", path, why, before);
			good = false;
		}
	}
	if (f)
		fclose(f);
	return good;
}

static int
serve(const char *folder, const char *table)
{
	struct machine m = {.folder = realpath(folder, NULL),
			    .driver = true,
			    .device = true,
			    .threads = 1,
			    .next_cid = 16,
			    .max_regions = 1024,
			    .heartbeat = 0xb7,
			    .beat_ms = 1};
	encl_auto(encl_free) char *log = encl_xasprintf("%s/log", folder);
	int listener;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	m.root = encl_xasprintf("%s/tree", m.folder ? m.folder : folder);
	m.log = fopen(log, "ae");
	if (!m.folder || !m.log || (mkdir(m.root, 0755) && errno != EEXIST)) {
		perror(folder);
		return 1;
	}
	if (!read_table(&m, table))
		return 2;
	tree_write(&m);
	listener = open_socket(m.folder, true);
	if (listener < 0) {
		perror("nitrod: socket");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		turn(&m, listener);
}

static int
request(const char *folder, enum nitro_op op, const char *text)
{
	static struct nitro_request q;
	struct nitro_answer a = {0};
	int fd = open_socket(folder, false);

	q.op = op;
	q.pid = getpid();
	snprintf(q.text, sizeof q.text, "%s", text);
	if (fd < 0 || send(fd, &q, sizeof q, MSG_NOSIGNAL) < 0 ||
	    recv(fd, &a, sizeof a, 0) != sizeof a) {
		perror("nitrod");
		return 1;
	}
	close(fd);
	if (a.error)
		fprintf(stderr, "nitrod: %s: %s\n", text, a.text);
	else
		fputs(a.text, stdout);
	return a.error ? 2 : 0;
}

int
main(int argc, char **argv)
{
	int status = 0;

	if (argc == 4 && !strcmp(argv[1], "serve"))
		return serve(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "state"))
		return request(argv[2], NITRO_STATE, "");
	for (int i = 3; argc > 3 && !strcmp(argv[1], "set") && i < argc && !status; i++)
		status = request(argv[2], NITRO_SET, argv[i]);
	if (argc > 3 && !strcmp(argv[1], "set"))
		return status;
	fprintf(stderr, "usage: nitrod serve FOLDER TABLE | set FOLDER LINE... | state "
			"FOLDER\n");
	return 2;
}
