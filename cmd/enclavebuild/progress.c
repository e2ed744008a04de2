/* SPDX-License-Identifier: Apache-2.0 */
/* Events and progress on stderr: bars on a terminal, quiet lines elsewhere. */
#include "progress.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Progress comes from any thread; one line at a time. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool bar_open;

static struct cli *
cli_of(struct encl_log *log)
{
	return (struct cli *)(void *)((char *)log - offsetof(struct cli, log));
}

static void
close_bar(void)
{
	if (bar_open)
		fputs("\r\033[K", stderr);
	bar_open = false;
}

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	const struct cli *cli = cli_of(log);

	if (level == ENCL_LOG_DEBUG && !cli->verbose)
		return;
	if (level == ENCL_LOG_INFO && cli->quiet)
		return;
	pthread_mutex_lock(&lock);
	close_bar();
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
	if (total && done >= total) {
		close_bar();
	} else {
		fprintf(stderr, "\r\033[K%.40s %llu", what,
			(unsigned long long)(done >> 20));
		if (total)
			fprintf(stderr, "/%llu MiB %3llu%%",
				(unsigned long long)(total >> 20),
				(unsigned long long)(done * 100 / total));
		else
			fputs(" MiB", stderr);
		bar_open = true;
	}
	fflush(stderr);
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
	close_bar();
	pthread_mutex_unlock(&lock);
}
