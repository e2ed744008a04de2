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
#include "launch/log.h"
#include "launch/loop.h"
#include "launch/process.h"

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
	bool for_good;	   /* starting it again cannot help */
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
	 * the kind calls unit_healthy by itself.  TCP and HTTP are probed by health.c
	 * whatever the kind. */
	void (*probe)(struct unit *u);
};

struct unit {
	const struct unit_config *config;
	const struct unit_ops *ops;
	enum unit_state state;
	bool was_started;
	bool healthy;	/* passed its check, or has none and runs */
	bool completed; /* has ended with code 0 */
	unsigned restarts;
	void *kind;  /* the kind's own data */
	void *probe; /* health.c's */
	/* private to unit.c */
	struct timer timer, probe_timer;
	struct timespec started;
	uint64_t run_since;   /* ms */
	uint64_t count_after; /* failed probes before it do not count */
	unsigned failures;    /* probes in a row */
	uint64_t backoff_ms;
	bool killed;	/* kill() was called */
	bool given_up;	/* and did not help */
	bool unhealthy; /* stopped for that */
	bool stopped;	/* it ended while all were stopped */
	int last_code;
	struct {
		bool known, oom;
		int code, signal;
	} last; /* how it ended last */
};

/* Reports of the kinds.  unit_ended prints the exit record. */
void unit_started(struct unit *u);
void unit_probed(struct unit *u, bool ok, const char *why);
void unit_healthy(struct unit *u, bool healthy, const char *why);
void unit_ended(struct unit *u, const struct unit_end *end);

/* The unit of that name, or NULL. */
struct unit *unit_find(const char *name);

/*
 * Starts what can start; the loop does the rest and is stopped when all have
 * ended, for whatever reason.  0, or -1 after saying why.
 */
int units_start(const struct config *c);
/* Stops everything, in reverse order; asked again it does nothing. */
void units_stop(void);
/* The enclave's exit code, when the loop was stopped; and the signal that ended
 * the unit whose code it is, or 0. */
int units_code(void);
int units_signal(void);
/* Once all ran, healthy where they have a check, or had completed. */
bool units_ready(void);
/* The i-th unit, or NULL. */
const struct unit *unit_at(size_t i);

/*
 * supervise.c: runs all units of c to the end; returns the enclave's exit code.
 * SIGTERM and SIGINT stop everything in reverse order; other signals go to the
 * app.
 */
int supervise(const struct config *c);

/* status.c: tells the parent (builder/launch/status.h). */
void status_start(bool exec);
void status_changed(const struct unit *u);
void status_ready(void);
/* The last line; until the parent has it, or has had its time. */
void status_end(int code, int signal);

/* process.c: a child of its own session and cgroup; stdout and stderr go to
 * log.c (straight to the console for a unit with config->raw_output). */
extern const struct unit_ops process_ops;
/* A signal for its process, if there is one. */
void process_signal(struct unit *u, int sig);

/* health.c: probes of u->config->health, for every kind of unit but for
 * HEALTH_DOCKER; each ends in unit_probed within the health timeout. */
void health_probe(struct unit *u);
/* Ends a probe that is under way, without a report. */
void health_stop(struct unit *u);

/* dockerd.c, container.c */
extern const struct unit_ops dockerd_ops;
extern const struct unit_ops container_ops;

#endif
