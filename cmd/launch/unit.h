/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A unit: what the supervisor starts, watches, restarts and stops - the app, a
 * service (process.c), the Docker daemon (dockerd.c) or a container
 * (container.c).  unit.c has the rules (order, conditions, restarts with
 * backoff, health, the end of the enclave) and knows no kind; a kind has three
 * operations and reports by four calls.
 */
#ifndef LAUNCH_UNIT_H
#define LAUNCH_UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "launch/config.h"
#include "launch/loop.h"

enum unit_state {
	UNIT_WAITING,  /* for what it depends on */
	UNIT_STARTING, /* start() was called */
	UNIT_RUNNING,
	UNIT_STOPPING, /* stop() was called */
	UNIT_BACKOFF,  /* ended, to be started again */
	UNIT_ENDED     /* for good */
};

/* How one run of a unit ended. */
struct unit_end {
	int code;   /* 0 to 255; 128 + signal where one ended it */
	int signal; /* 0: none known (Docker does not tell: 137 stays a code) */
	bool oom;
	bool never_ran;	   /* it could not be started: error says why */
	const char *error; /* one line, or NULL; valid during the call */
	/* CLOCK_BOOTTIME; 0: not known, then the supervisor's own times */
	struct timespec started, finished;
};

struct unit;

struct unit_ops {
	/*
	 * Begins to start; ends in unit_started or unit_ended (at once or later).
	 * The kind bounds its own waits.
	 */
	void (*start)(struct unit *u);
	/* Sends the stop signal.  After config->stop_timeout_ms comes kill(). */
	void (*stop)(struct unit *u);
	/* SIGKILL; ends in unit_ended soon.  The supervisor gives up on it after 5 s. */
	void (*kill)(struct unit *u);
	/* One probe for HEALTHY; ends in unit_probed within health timeout.  NULL:
	 * the kind calls unit_healthy by itself. */
	void (*probe)(struct unit *u);
};

struct unit {
	const struct unit_config *config;
	const struct unit_ops *ops;
	enum unit_state state;
	bool healthy;	/* passed its check, or has none and runs */
	bool completed; /* has ended with code 0 */
	unsigned restarts;
	void *kind; /* the kind's own data */
	/* private to unit.c */
	struct timer timer, probe_timer;
	struct timespec started;
	uint64_t run_since; /* ms */
	unsigned failures;  /* probes in a row */
	uint64_t backoff_ms;
	int last_code;
};

/* Reports of the kinds.  unit_ended prints the exit record. */
void unit_started(struct unit *u);
void unit_probed(struct unit *u, bool ok, const char *why);
void unit_healthy(struct unit *u, bool healthy, const char *why);
void unit_ended(struct unit *u, const struct unit_end *end);

/* The unit of that name, or NULL. */
struct unit *unit_find(const char *name);

/*
 * Runs all units of c to the end; returns the enclave's exit code.  SIGTERM and
 * SIGINT stop everything in reverse order; other signals go to the app.
 */
int supervise(const struct config *c);

/* process.c: starts a child in its own session and cgroup, with the unit's
 * user, folder, environment and limits; stdout and stderr go to log.c (straight
 * to the console for a unit with config->raw_output).  -1 after saying why. */
extern const struct unit_ops process_ops;
/* Forks and executes argv as c says and calls ended on its end, for probes and
 * for dockerd.  log may be NULL: output is dropped. */
struct child {
	int pid; /* 0: none */
	void (*ended)(struct child *child, int status);
	void *arg;
	struct child *next; /* private to process.c */
};
struct log;
int child_start(struct child *child, const struct unit_config *c,
		const struct strings *argv, const char *cgroup, struct log *log);

/* log.c: lines with the unit's name in front, from a pipe; the last ones are
 * kept for a report. */
struct log {
	const char *name;
	bool quiet; /* keep, do not print (dockerd: only errors are printed) */
	struct watch watch;
	/* private to log.c */
	char *line;
	unsigned n;
	char *tail; /* ring of the last lines */
	unsigned tail_n, tail_at;
};
/* A pipe whose write end is for the child; -1 and errno. */
int log_open(struct log *l, const char *name, bool quiet);
void log_feed(struct log *l, const char *p, unsigned n); /* bytes from elsewhere */
void log_close(struct log *l);				 /* what is left is printed */
void log_tail(struct log *l); /* prints the last lines kept, as "NAME: …" */

/* dockerd.c, container.c */
extern const struct unit_ops dockerd_ops;
extern const struct unit_ops container_ops;

#endif
