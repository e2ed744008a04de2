/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of units with their names in front. */
#include "launch/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "guest/say.h"

enum {
	LINE_BYTES = 4096, /* longer ones are split */
	TAIL_LINES = 20,
	TAIL_BYTES = 400,   /* of a line, with its NUL */
	DRAIN_MAX = 1 << 20 /* what is read of a pipe after its child's end */
};

static void
keep(struct log *l)
{
	char *to;
	unsigned n = l->n < TAIL_BYTES ? l->n : TAIL_BYTES - 1;

	if (!l->tail)
		return;
	to = l->tail + (size_t)l->tail_at * TAIL_BYTES;
	memcpy(to, l->line, n);
	to[n] = 0;
	l->tail_at = (l->tail_at + 1) % TAIL_LINES;
	if (l->tail_n < TAIL_LINES)
		l->tail_n++;
}

/* A line of dockerd's that says what is wrong. */
static bool
is_error(const struct log *l)
{
	static const char *const levels[] = {"level=error", "level=fatal", "level=panic"};

	for (unsigned i = 0; i < 3; i++)
		if (memmem(l->line, l->n, levels[i], strlen(levels[i])))
			return true;
	return false;
}

void (*log_tap)(const char *name, bool raw, const char *p, size_t n);

static void
put_line(struct log *l)
{
	struct iovec parts[] = {
		{(void *)(uintptr_t)l->name, strlen(l->name)},
		{(void *)(uintptr_t) " | ", 3},
		{l->line, l->n},
		{(void *)(uintptr_t) "\n", 1},
	};

	keep(l);
	if (log_tap)
		log_tap(l->name, false, l->line, l->n);
	if (!l->quiet || is_error(l))
		while (writev(STDERR_FILENO, parts, 4) < 0 && errno == EINTR)
			;
	l->n = 0;
}

static int
prepare(struct log *l)
{
	if (!l->line)
		l->line = malloc(LINE_BYTES);
	if (!l->tail)
		l->tail = malloc((size_t)TAIL_LINES * TAIL_BYTES);
	return l->line && l->tail ? 0 : -1;
}

void
log_feed(struct log *l, const char *p, unsigned n)
{
	if (prepare(l))
		return;
	for (; n; p++, n--) {
		if (*p == '\n') {
			put_line(l);
			continue;
		}
		l->line[l->n++] = *p;
		if (l->n == LINE_BYTES)
			put_line(l);
	}
}

static void
put_raw(struct log *l, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t w = write(STDOUT_FILENO, p + at, n - at);

		if (w < 0 && errno != EINTR)
			break;
		at += w > 0 ? (size_t)w : 0;
	}
	if (log_tap)
		log_tap(l->name, true, p, n);
}

/* Bytes read; 0 where there are none (now, or ever again: *end). */
static unsigned
pour(struct log *l, bool *end)
{
	char bytes[4096];
	ssize_t n = read(l->watch.fd, bytes, sizeof bytes);

	*end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return 0;
	if (l->raw)
		put_raw(l, bytes, (size_t)n);
	else
		log_feed(l, bytes, (unsigned)n);
	return (unsigned)n;
}

static void
shut(struct log *l)
{
	int fd = l->watch.fd;

	loop_unwatch(&l->watch);
	close(fd);
}

static void
readable(struct watch *w, uint32_t events)
{
	struct log *l = w->arg;
	bool end;

	(void)events;
	pour(l, &end);
	if (end)
		shut(l);
}

int
log_open(struct log *l, const char *name, bool quiet)
{
	int ends[2];

	l->name = name;
	l->quiet = quiet;
	if (prepare(l) || pipe2(ends, O_CLOEXEC))
		return -1;
	l->watch = (struct watch){.fd = -1, .ready = readable, .arg = l};
	/* only our end: a program may expect that its output waits */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) ||
	    loop_watch(&l->watch, ends[0], EPOLLIN)) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	return ends[1];
}

void
log_close(struct log *l)
{
	unsigned total = 0;
	bool end = false;

	/* A child of the child may hold the pipe and write on: not for ever. */
	while (l->watch.ready && l->watch.fd >= 0 && !end && total < DRAIN_MAX) {
		unsigned n = pour(l, &end);

		if (!n)
			break;
		total += n;
	}
	if (l->watch.ready && l->watch.fd >= 0)
		shut(l);
	if (l->n)
		put_line(l);
}

void
log_tail(struct log *l)
{
	unsigned at = (l->tail_at + TAIL_LINES - l->tail_n) % TAIL_LINES;

	for (unsigned i = 0; i < l->tail_n; i++) {
		say(l->name, ": ", l->tail + (size_t)at * TAIL_BYTES);
		at = (at + 1) % TAIL_LINES;
	}
}
