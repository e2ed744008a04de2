/* SPDX-License-Identifier: Apache-2.0 */
/* Events and progress on stderr: a line for each thing that is under way on a
 * terminal, nothing but events elsewhere. */
#include "progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum {
	MAX_BARS = 8,
	NAME_MAX_SHOWN = 32,
	LINE_MAX_SHOWN = 160,
	REDRAW_MS = 100,
	IDLE_MS = 10000 /* without news a bar is of something that is over */
};

struct bar {
	char name[NAME_MAX_SHOWN + 1]; /* "": free */
	uint64_t began, from;	       /* when it was seen first, and how far it was */
	uint64_t heard, done, total;
};

/* Progress comes from any thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct bar bars[MAX_BARS];
static unsigned drawn; /* lines that stand on the screen */
static uint64_t drawn_at;

static struct cli *
cli_of(struct encl_log *log)
{
	return (struct cli *)(void *)((char *)log - offsetof(struct cli, log));
}

static void
erase(void)
{
	if (drawn)
		fprintf(stderr, "\033[%uA\r\033[J", drawn);
	drawn = 0;
}

static size_t
columns(void)
{
	struct winsize size;

	if (ioctl(2, TIOCGWINSZ, &size) || size.ws_col < 20)
		return 79;
	return size.ws_col - 1u;
}

/* "app.eif   12/100 MiB  12%  45.1 MiB/s" */
static void
draw_bar(const struct bar *b, size_t width)
{
	char line[LINE_MAX_SHOWN];
	uint64_t ms = b->heard - b->began;
	int n = snprintf(line, sizeof line, "%-*s %" PRIu64, NAME_MAX_SHOWN, b->name,
			 b->done >> 20);

	if (b->total)
		n += snprintf(line + n, sizeof line - (size_t)n,
			      "/%" PRIu64 " MiB %3" PRIu64 "%%", b->total >> 20,
			      b->total > UINT64_MAX / 100 ? b->done / (b->total / 100)
							  : b->done * 100 / b->total);
	else
		n += snprintf(line + n, sizeof line - (size_t)n, " MiB");
	if (ms >= 500 && b->done > b->from)
		snprintf(line + n, sizeof line - (size_t)n, " %7.1f MiB/s",
			 (double)(b->done - b->from) / 1048.576 / (double)ms);
	fprintf(stderr, "%.*s\033[K\n", (int)width, line);
}

static void
draw(uint64_t now)
{
	size_t width = columns();

	erase();
	for (size_t i = 0; i < MAX_BARS; i++) {
		if (*bars[i].name && now - bars[i].heard > IDLE_MS)
			*bars[i].name = 0;
		if (!*bars[i].name)
			continue;
		draw_bar(&bars[i], width);
		drawn++;
	}
	fflush(stderr);
	drawn_at = now;
}

/* Names may come from outside: nothing of them moves the cursor. */
static void
copy_name(char to[NAME_MAX_SHOWN + 1], const char *from)
{
	size_t n = strlen(from);
	size_t skip = n > NAME_MAX_SHOWN ? n - NAME_MAX_SHOWN : 0;
	size_t i;

	for (i = 0; from[skip + i]; i++)
		to[i] = from[skip + i] < ' ' || from[skip + i] > '~' ? '?'
								     : from[skip + i];
	to[i] = 0;
	if (!i)
		snprintf(to, NAME_MAX_SHOWN, "-");
}

/* The bar of this name, or a free one; NULL: there are too many. */
static struct bar *
find(const char *name)
{
	struct bar *empty = NULL;

	for (size_t i = 0; i < MAX_BARS; i++) {
		if (!strcmp(bars[i].name, name))
			return &bars[i];
		if (!*bars[i].name && !empty)
			empty = &bars[i];
	}
	return empty;
}

static void
update(const char *what, uint64_t done, uint64_t total)
{
	uint64_t now = encl_clock_ms();
	char name[NAME_MAX_SHOWN + 1];
	bool ends = total && done >= total;
	struct bar *b;

	copy_name(name, what);
	b = find(name);
	if (!b || (ends && !*b->name))
		return;
	if (!*b->name || done < b->from)
		*b = (struct bar){.began = now, .from = done};
	memcpy(b->name, name, sizeof name);
	b->heard = now;
	b->done = done;
	b->total = total;
	if (ends)
		*b->name = 0;
	if (ends || now - drawn_at >= REDRAW_MS)
		draw(now);
}

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	const struct cli *cli = cli_of(log);

	if (level == ENCL_LOG_DEBUG && !cli->verbose)
		return;
	if (level == ENCL_LOG_INFO && cli->quiet)
		return;
	if (cli->impatient && !report_room(2))
		return;
	pthread_mutex_lock(&lock);
	erase();
	fprintf(stderr, "%s%s\n", level == ENCL_LOG_WARN ? "warning: " : "", text);
	pthread_mutex_unlock(&lock);
}

static void
on_progress(struct encl_log *log, const char *what, uint64_t done, uint64_t total)
{
	const struct cli *cli = cli_of(log);

	if (!cli->tty || cli->quiet)
		return;
	pthread_mutex_lock(&lock);
	update(what, done, total);
	pthread_mutex_unlock(&lock);
}

void
progress_init(struct cli *cli)
{
	const char *term = getenv("TERM");

	cli->tty = isatty(2) && !getenv("CI") && term && strcmp(term, "dumb") != 0;
	cli->log.event = on_event;
	cli->log.progress = on_progress;
}

void
progress_end(void)
{
	pthread_mutex_lock(&lock);
	erase();
	memset(bars, 0, sizeof bars);
	pthread_mutex_unlock(&lock);
}
