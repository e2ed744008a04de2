/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_VSOCK of the parent, as unix sockets: who listens on port P listens on
 * FOLDER/host_P; each enclave's vhost-device-vsock finds it as vm_P in its folder.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "machine.h"

static struct port *
find_port(const struct machine *m, uint32_t port)
{
	struct port *p = m->ports;

	while (p && p->port != port)
		p = p->next;
	return p;
}

static void
link_port(const struct machine *m, const struct vm *vm, uint32_t port, bool there)
{
	encl_auto(encl_free) char *target = encl_xasprintf("%s/host_%u", m->folder, port);
	encl_auto(encl_free) char *name = encl_xasprintf("%s/vm_%u", vm->folder, port);

	unlink(name);
	if (there && symlink(target, name))
		perror(name);
}

void
port_link(const struct machine *m, const struct vm *vm)
{
	for (const struct port *p = m->ports; p; p = p->next)
		link_port(m, vm, p->port, true);
}

int
port_listen(struct machine *m, struct client *c, const struct nitro_request *q,
	    struct nitro_answer *a)
{
	enum { FIRST_FREE = 50000 };
	uint32_t port = (uint32_t)q->a[0];
	struct port *p;
	int error = table_fault(m, "LISTEN");

	if (error)
		return error;
	port_sweep(m);
	if (port == UINT32_MAX)
		do
			port = FIRST_FREE + m->next_port++;
		while (find_port(m, port));
	if (find_port(m, port))
		return EADDRINUSE;
	p = encl_xcalloc(1, sizeof *p);
	*p = (struct port){port, c, m->ports};
	m->ports = p;
	snprintf(a->text, sizeof a->text, "%s/host_%u", m->folder, port);
	unlink(a->text);
	for (const struct vm *vm = m->vms; vm; vm = vm->next)
		if (vm->folder)
			link_port(m, vm, port, true);
	a->a[0] = port;
	say(m, "listen %u", port);
	return 0;
}

/* A listener is there as long as anybody has it: it may have been passed on. */
static bool
is_bound(const char *path)
{
	FILE *f = fopen("/proc/net/unix", "re");
	char line[512];
	bool bound = !f;

	while (f && !bound && fgets(line, sizeof line, f)) {
		const char *at = strchr(line, '/');

		line[strcspn(line, "\n")] = 0;
		bound = at && !strcmp(at, path);
	}
	if (f)
		fclose(f);
	return bound;
}

void
port_sweep(struct machine *m)
{
	for (struct port **at = &m->ports; *at;) {
		struct port *p = *at;
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/host_%u", m->folder, p->port);

		if (p->owner || is_bound(path)) {
			at = &p->next;
			continue;
		}
		unlink(path);
		for (const struct vm *vm = m->vms; vm; vm = vm->next)
			if (vm->folder)
				link_port(m, vm, p->port, false);
		*at = p->next;
		free(p);
	}
}

/* port 0: all of the client's */
void
port_close(struct machine *m, const struct client *c, uint32_t port)
{
	for (struct port *p = m->ports; p; p = p->next)
		if (p->owner == c && (!port || p->port == port))
			p->owner = NULL;
	port_sweep(m);
}

/* The console of an enclave in debug mode, for one reader at a time. */
static int
connect_console(struct machine *m, uint64_t cid, int *fd)
{
	for (struct vm *vm = m->vms; vm; vm = vm->next) {
		int pair[2];

		if (vm->state == VM_INIT || vm->cid != cid || !vm->debug ||
		    vm->reader >= 0)
			continue;
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
			       pair))
			return errno;
		vm->reader = pair[0];
		*fd = pair[1];
		say(m, "console %u read", vm->cid);
		return 0;
	}
	return ECONNRESET;
}

int
port_connect(struct machine *m, const struct nitro_request *q, struct nitro_answer *a,
	     int *fd)
{
	const uint32_t cid = (uint32_t)q->a[0], port = (uint32_t)q->a[1];
	int error = table_fault(m, "CONNECT");

	if (error)
		return error;
	if (!cid)
		return port < CONSOLE_BASE ? ECONNRESET
					   : connect_console(m, port - CONSOLE_BASE, fd);
	for (const struct vm *vm = m->vms; vm; vm = vm->next)
		if (vm->state == VM_RUNNING && vm->cid == cid) {
			snprintf(a->text, sizeof a->text, "%s/vm", vm->folder);
			return 0;
		}
	return ETIMEDOUT;
}

uint32_t
port_peer(const struct machine *m, pid_t pid)
{
	for (const struct vm *vm = m->vms; vm; vm = vm->next)
		if (vm->state == VM_RUNNING && vm->vsock.pid > 0 && vm->vsock.pid == pid)
			return vm->cid;
	return 0;
}

/* Its own address tells the shim which CID it claims to be. */
int
port_call(struct machine *m, uint32_t port, uint32_t cid)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, NITRO_CALLER "%u/%d/%llu",
			 cid, getpid(), (unsigned long long)++m->ids);

	if (bind(fd, (struct sockaddr *)&a,
		 (socklen_t)(sizeof a.sun_family + 1 + (size_t)n)))
		perror("bind");
	memset(a.sun_path, 0, sizeof a.sun_path);
	snprintf(a.sun_path, sizeof a.sun_path, "%s/host_%u", m->folder, port);
	if (!find_port(m, port) || connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	return fd;
}
