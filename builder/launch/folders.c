/* SPDX-License-Identifier: Apache-2.0 */
/* One thread a folder: connect, then the exchange until one side ends it. */
#include "launch/folders.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "launch/exchange.h"
#include "launch/relay.h"
#include "launch/wall.h"

enum { TRY_MS = 30000, PAUSE_MS = 100, ANSWER_MS = 10000 };

struct one {
	const struct encl_folder *folder;
	struct encl_folders *all;
	pthread_t thread;
	bool started;
	int root;
	_Atomic int connection; /* -1: none */
};

struct encl_folders {
	struct encl_log *log;
	const struct encl_wall *wall;
	int ends; /* eventfd: readable once all of it is to end */
	struct one *v;
	size_t n;
};

/* Of two that write there each would take the other's half-written file. */
static int
open_one(struct one *x, struct encl_err *e)
{
	const struct encl_folder *folder = x->folder;

	x->root = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->root < 0)
		return encl_fail_sys(e, ENCL_HOST, "exchange %s: open folder %s",
				     folder->name, folder->path);
	if (folder->writable && flock(x->root, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return encl_fail(
			e, ENCL_HOST,
			"exchange %s: another enclave writes to %s already; give "
			"each a folder of its own",
			folder->name, folder->path);
	return 0;
}

int
encl_folders_open(const struct encl_folder *v, size_t n, struct encl_log *log,
		  struct encl_folders **out, struct encl_err *e)
{
	struct encl_folders *f = encl_xcalloc(1, sizeof *f);

	f->log = log;
	f->v = encl_xcalloc(n, sizeof *f->v);
	f->ends = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (size_t i = 0; i < n; i++) {
		struct one *x = &f->v[i];

		*x = (struct one){
			.folder = &v[i], .all = f, .root = -1, .connection = -1};
		f->n++;
		if (open_one(x, e)) {
			encl_folders_free(f);
			return -1;
		}
	}
	*out = f;
	return 0;
}

static bool
is_ending(const struct encl_folders *f, int ms)
{
	struct pollfd p = {f->ends, POLLIN, 0};

	return poll(&p, 1, ms) != 0;
}

/* "OK N\n", a byte at a time: what follows is the exchange's. */
static bool
read_answer(const struct encl_folders *f, int fd)
{
	struct pollfd p[2] = {{fd, POLLIN, 0}, {f->ends, POLLIN, 0}};
	char text[32];

	for (size_t n = 0; n < sizeof text; n++) {
		if (poll(p, 2, ANSWER_MS) <= 0 || p[1].revents ||
		    recv(fd, text + n, 1, 0) != 1)
			return false;
		if (text[n] == '\n')
			return n > 3 && !memcmp(text, "OK ", 3);
	}
	return false;
}

static bool
is_connected(const struct encl_folders *f, int fd)
{
	struct pollfd p[2] = {{fd, POLLOUT, 0}, {f->ends, POLLIN, 0}};
	socklen_t n = sizeof(int);
	int error = 0;

	return poll(p, 2, ANSWER_MS) > 0 && !p[1].revents &&
	       !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) && !error;
}

static int
try_once(const struct one *x)
{
	struct encl_relay_end end;
	bool pending;
	int fd;

	encl_wall_target(x->all->wall, x->folder->vsock, false, &end);
	fd = encl_relay_connect(&end, &pending);
	if (fd >= 0 && ((pending && !is_connected(x->all, fd)) ||
			(end.kind == ENCL_RELAY_UNIX && !read_answer(x->all, fd))))
		encl_close_fd(encl_take(fd, -1));
	return fd;
}

static void
tell(void *arg, const char *text)
{
	const struct one *x = arg;

	encl_warn(x->all->log, "exchange %s: %s", x->folder->name, text);
}

static void *
work(void *arg)
{
	struct one *x = arg;
	struct encl_exchange_session s = {.root = x->root,
					  .send = true,
					  .take = x->folder->writable,
					  .max_bytes = x->folder->max_bytes,
					  .warn = tell,
					  .arg = x};
	uint64_t end = encl_clock_ms() + TRY_MS;

	while ((s.fd = try_once(x)) < 0) {
		if (is_ending(x->all, PAUSE_MS))
			return NULL;
		if (encl_clock_ms() >= end) {
			tell(x, "the enclave does not listen");
			return NULL;
		}
	}
	x->connection = s.fd;
	encl_info(x->all->log, "exchange %s: %s is seen in the enclave%s",
		  x->folder->name, x->folder->path,
		  x->folder->writable ? ", and changes come back" : "");
	if (!is_ending(x->all, 0) && !encl_exchange_run(&s) && !is_ending(x->all, 0))
		tell(x, s.why);
	return NULL;
}

void
encl_folders_start(struct encl_folders *f, const struct encl_wall *wall)
{
	f->wall = wall;
	for (size_t i = 0; i < f->n; i++)
		f->v[i].started = !pthread_create(&f->v[i].thread, NULL, work, &f->v[i]);
}

void
encl_folders_free(struct encl_folders *f)
{
	const uint64_t one = 1;

	if (!f)
		return;
	if (write(f->ends, &one, sizeof one) < 0)
		abort();
	for (size_t i = 0; i < f->n; i++) {
		struct one *x = &f->v[i];

		if (x->connection >= 0)
			shutdown(x->connection, SHUT_RDWR);
		if (x->started)
			pthread_join(x->thread, NULL);
		if (x->connection >= 0)
			close(x->connection);
		encl_close_fd(x->root);
	}
	close(f->ends);
	free(f->v);
	free(f);
}
