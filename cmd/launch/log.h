/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of units: "NAME | line" on the console, from a pipe or from memory;
 * the last lines are kept for a report.
 */
#ifndef LAUNCH_LOG_H
#define LAUNCH_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/loop.h"

struct log {
	const char *name;
	bool quiet; /* keep, print only what has level=error or worse (dockerd) */
	bool raw;   /* to stdout as it comes, and nothing is kept */
	/* private to log.c */
	struct watch watch;
	char *line;
	unsigned n;
	char *tail; /* ring of the last lines */
	unsigned tail_n, tail_at;
};

/*
 * A pipe whose write end (close-on-exec; the caller's) is for the child; -1 and
 * errno.  What is kept of an earlier pipe stays.  name lives as long as l.
 */
int log_open(struct log *l, const char *name, bool quiet);
/* Bytes from elsewhere; l->name is set. */
void log_feed(struct log *l, const char *p, unsigned n);
/* What is left in the pipe and in the last line is printed. */
void log_close(struct log *l);
/* Where set (debug.exec), it sees everything too: bytes (raw), or a line. */
extern void (*log_tap)(const char *name, bool raw, const char *p, size_t n);
/* Prints the last lines kept, as "launch: NAME: ...". */
void log_tail(struct log *l);

#endif
