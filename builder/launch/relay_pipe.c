/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes for splice(2): between two sockets bytes need not be copied.  A pipe is
 * held only while something is in it, and there are few: where none is left, bytes
 * are copied.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "launch/relay_internal.h"

enum { IDLE = 8 };

struct encl_relay_pipe {
	int in, out;
	struct encl_relay_pipe *next;
};

/* splice(2) cannot be told to do without SIGPIPE. */
bool
encl_relay_can_splice(void)
{
	struct sigaction a;

	return !sigaction(SIGPIPE, NULL, &a) && a.sa_handler != SIG_DFL;
}

static void
close_pipe(struct encl_relay_pipes *pool, struct encl_relay_pipe *p)
{
	close(p->in);
	close(p->out);
	free(p);
	pool->n--;
}

struct encl_relay_pipe *
encl_relay_pipe_get(struct encl_relay_pipes *pool)
{
	struct encl_relay_pipe *p = pool->idle;
	int fds[2];

	if (p) {
		pool->idle = p->next;
		pool->n_idle--;
		return p;
	}
	if (pool->n >= ENCL_RELAY_PIPES || pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return NULL;
	p = malloc(sizeof *p);
	if (!p) {
		close(fds[0]);
		close(fds[1]);
		return NULL;
	}
	/* Without it there is less room, that is all. */
	fcntl(fds[1], F_SETPIPE_SZ, ENCL_RELAY_SPLICE);
	*p = (struct encl_relay_pipe){.out = fds[0], .in = fds[1]};
	pool->n++;
	return p;
}

void
encl_relay_pipe_put(struct encl_relay_pipes *pool, struct encl_relay_pipe *p, bool empty)
{
	if (!p)
		return;
	if (!empty || pool->n_idle >= IDLE) {
		close_pipe(pool, p);
		return;
	}
	p->next = pool->idle;
	pool->idle = p;
	pool->n_idle++;
}

void
encl_relay_pipes_clear(struct encl_relay_pipes *pool)
{
	while (pool->idle) {
		struct encl_relay_pipe *p = pool->idle;

		pool->idle = p->next;
		close_pipe(pool, p);
	}
	pool->n_idle = 0;
}

ssize_t
encl_relay_pipe_fill(struct encl_relay_pipe *p, int fd, size_t most)
{
	return splice(fd, NULL, p->in, NULL, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t
encl_relay_pipe_empty(struct encl_relay_pipe *p, int fd, size_t n)
{
	return splice(p->out, NULL, fd, NULL, n, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
}

ssize_t
encl_relay_pipe_read(struct encl_relay_pipe *p, char *to, size_t n)
{
	return read(p->out, to, n);
}
