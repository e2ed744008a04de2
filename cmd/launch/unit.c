/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the supervisor: who starts when, what an end means, when the
 * enclave is over.  It knows units by their operations only.
 */
#include "launch/unit.h"

#include <stdlib.h>
#include <string.h>

#include "guest/say.h"
#include "launch/launch.h"
#include "launch/record.h"

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 30000,
	BACKOFF_RESET_MS = 10000, /* a run this long makes it short again */
	GIVE_UP_MS = 5000,	  /* after SIGKILL */
	EAGER_MS = 250,		  /* between probes until the first success */
	DEPENDENCY_FAILED = LAUNCH_FAILED
};

static struct {
	struct unit *v;
	size_t n;
	bool stopping;
	const struct unit *judge; /* the first critical one that ended */
	const struct unit *first_failure;
	bool ready;
	bool looking, look_again; /* look() */
} units;

static void look(void);

const struct unit *
unit_at(size_t i)
{
	return i < units.n ? &units.v[i] : NULL;
}

struct unit *
unit_find(const char *name)
{
	for (size_t i = 0; i < units.n; i++)
		if (strcmp(units.v[i].config->name, name) == 0)
			return &units.v[i];
	return NULL;
}

/* The sole app's console is its own. */
static bool
is_talked_of(const struct unit *u)
{
	return !u->config->raw_output;
}

static bool
fulfilled(const struct unit *u, enum condition condition)
{
	if (condition == CONDITION_STARTED)
		return u->was_started;
	if (condition == CONDITION_COMPLETED)
		return u->completed && u->state == UNIT_ENDED;
	return u->healthy && u->state == UNIT_RUNNING;
}

/* Over for good: it fulfils what it has fulfilled, and nothing more. */
static void
finish(struct unit *u)
{
	u->state = UNIT_ENDED;
	u->healthy = false;
	u->stopped = units.stopping;
	status_changed(u);
	if (u->last_code && !units.first_failure)
		units.first_failure = u;
	if (u->config->critical && !units.stopping && !units.judge) {
		units.judge = u;
		units_stop();
	}
	look();
}

static void
never_start(struct unit *u, const struct dependency *d, const struct unit *on)
{
	const char *what = !on->was_started ? "was never started"
			   : on->unhealthy  ? "was not healthy"
			   : on->last_code  ? "failed with code "
					    : "has ended";
	const char *code = on->was_started && !on->unhealthy && on->last_code
				   ? guest_dec((unsigned)on->last_code)
				   : "";

	say(u->config->name, " is not started: it depends on ", d->name, ", which ", what,
	    code);
	u->last_code = DEPENDENCY_FAILED;
	u->last.known = true;
	u->last.code = DEPENDENCY_FAILED;
	finish(u);
}

static void
start(struct unit *u)
{
	u->state = UNIT_STARTING;
	u->healthy = u->completed = u->unhealthy = u->killed = false;
	u->failures = 0;
	record_now(&u->started);
	status_changed(u);
	u->ops->start(u);
}

/* Starts u, or ends it, where what it depends on says so. */
static bool
look_at(struct unit *u)
{
	const struct unit_config *c = u->config;
	bool ready = true;

	if (u->state != UNIT_WAITING)
		return false;
	for (size_t i = 0; i < c->n_depends; i++) {
		struct unit *on = unit_find(c->depends[i].name);

		if (fulfilled(on, c->depends[i].condition))
			continue;
		ready = false;
		if (on->state == UNIT_ENDED) {
			never_start(u, &c->depends[i], on);
			return true;
		}
	}
	if (ready)
		start(u);
	return ready;
}

/* In the order of stopping: does a unit that is not over depend on u? */
static bool
is_needed(const struct unit *u)
{
	for (size_t i = 0; i < units.n; i++) {
		const struct unit_config *c = units.v[i].config;

		for (size_t j = 0; j < c->n_depends; j++)
			if (units.v[i].state != UNIT_ENDED &&
			    strcmp(c->depends[j].name, u->config->name) == 0)
				return true;
	}
	return false;
}

static void
stop(struct unit *u)
{
	loop_timer_stop(&u->probe_timer);
	health_stop(u);
	if (u->state == UNIT_WAITING || u->state == UNIT_BACKOFF) {
		loop_timer_stop(&u->timer);
		finish(u);
	} else if (u->state == UNIT_STARTING || u->state == UNIT_RUNNING) {
		u->state = UNIT_STOPPING;
		u->healthy = false;
		loop_timer(&u->timer, u->config->stop_timeout_ms);
		if (u->config->stop_timeout_ms)
			u->ops->stop(u);
	}
}

static bool
all_ended(void)
{
	for (size_t i = 0; i < units.n; i++)
		if (units.v[i].state != UNIT_ENDED)
			return false;
	return true;
}

static bool
all_ready(void)
{
	for (size_t i = 0; i < units.n; i++) {
		const struct unit *u = &units.v[i];

		if (!(u->state == UNIT_RUNNING && u->healthy) &&
		    !(u->state == UNIT_ENDED && u->completed))
			return false;
	}
	return true;
}

/* One step for each unit that can take one; the last unit first in stopping. */
static void
look_once(void)
{
	for (size_t i = 0; i < units.n; i++) {
		struct unit *last = &units.v[units.n - 1 - i];

		if (!units.stopping)
			look_at(&units.v[i]);
		else if (last->state != UNIT_ENDED && !is_needed(last))
			stop(last);
	}
}

/* Whatever a step brings about is looked at again, not inside of it. */
static void
look(void)
{
	units.look_again = true;
	if (units.looking)
		return;
	units.looking = true;
	while (units.look_again) {
		units.look_again = false;
		look_once();
	}
	units.looking = false;
	if (!units.ready && !units.stopping && all_ready()) {
		units.ready = true;
		status_ready();
	}
	if (all_ended())
		loop_stop();
}

static void
probe(struct timer *t)
{
	struct unit *u = t->arg;
	enum health_kind health = u->config->health;

	if (u->state != UNIT_RUNNING)
		return;
	if (health == HEALTH_TCP || health == HEALTH_HTTP)
		health_probe(u);
	else
		u->ops->probe(u);
}

static bool
has_probes(const struct unit *u)
{
	enum health_kind health = u->config->health;

	return health == HEALTH_TCP || health == HEALTH_HTTP ||
	       (health != HEALTH_NONE && u->ops->probe);
}

/* Until the first success it is asked often, so that nobody waits in vain. */
static void
probe_later(struct unit *u)
{
	size_t interval = u->config->health_interval_ms;

	loop_timer(&u->probe_timer,
		   u->healthy || interval < EAGER_MS ? interval : EAGER_MS);
}

void
unit_started(struct unit *u)
{
	const struct unit_config *c = u->config;

	u->was_started = true;
	u->run_since = loop_ms();
	if (u->state != UNIT_STARTING)
		return;
	u->state = UNIT_RUNNING;
	if (is_talked_of(u))
		say(c->name, " started");
	if (has_probes(u)) {
		u->count_after =
			u->run_since + (c->health_start_ms > c->health_interval_ms
						? c->health_start_ms
						: c->health_interval_ms);
		loop_timer(&u->probe_timer, 0);
	} else if (c->health == HEALTH_NONE) {
		u->healthy = true;
	}
	status_changed(u);
	look();
}

void
unit_probed(struct unit *u, bool ok, const char *why)
{
	uint64_t now = loop_ms();

	if (u->state != UNIT_RUNNING)
		return;
	if (ok) {
		u->failures = 0;
		unit_healthy(u, true, NULL);
	} else if (u->healthy || now >= u->count_after) {
		u->failures++;
		u->count_after = now + u->config->health_interval_ms;
	}
	if (u->failures >= u->config->health_retries)
		unit_healthy(u, false, why);
	else
		probe_later(u);
}

void
unit_healthy(struct unit *u, bool healthy, const char *why)
{
	if (u->state != UNIT_RUNNING || (healthy && u->healthy))
		return;
	u->healthy = healthy;
	if (healthy) {
		say(u->config->name, " healthy after ",
		    record_tenths(loop_ms() - u->run_since), " s");
		status_changed(u);
		look();
		return;
	}
	say(u->config->name, " is not healthy: ", why ? why : "its check fails");
	u->unhealthy = true;
	status_changed(u);
	stop(u);
}

static bool
is_restarted(const struct unit *u, const struct unit_end *end)
{
	const struct unit_config *c = u->config;
	bool failed = u->last_code || u->unhealthy;

	if (units.stopping || u->given_up || end->for_good ||
	    (c->restart_max && u->restarts >= c->restart_max))
		return false;
	return c->restart == RESTART_ALWAYS ||
	       (c->restart == RESTART_ON_FAILURE && failed);
}

static void
restart_later(struct unit *u, bool long_run)
{
	if (!u->backoff_ms || long_run)
		u->backoff_ms = BACKOFF_FIRST_MS;
	u->state = UNIT_BACKOFF;
	u->restarts++;
	status_changed(u);
	say(u->config->name, ": restart ", guest_dec(u->restarts), " in ",
	    record_tenths(u->backoff_ms), " s");
	loop_timer(&u->timer, u->backoff_ms);
	u->backoff_ms *= 2;
	if (u->backoff_ms > BACKOFF_MAX_MS)
		u->backoff_ms = BACKOFF_MAX_MS;
}

void
unit_ended(struct unit *u, const struct unit_end *end)
{
	bool ran = u->state == UNIT_RUNNING || u->state == UNIT_STOPPING;
	bool long_run = ran && loop_ms() - u->run_since >= BACKOFF_RESET_MS;

	if (u->state == UNIT_WAITING || u->state == UNIT_BACKOFF ||
	    u->state == UNIT_ENDED)
		return;
	loop_timer_stop(&u->timer);
	loop_timer_stop(&u->probe_timer);
	health_stop(u);
	record_end(u, end);
	/* who was stopped for not being healthy has failed, whatever it says */
	u->last_code = end->code ? end->code : u->unhealthy ? 1 : 0;
	u->last.known = true;
	u->last.code = end->code;
	u->last.signal = end->signal;
	u->last.oom = end->oom;
	u->completed = !u->last_code && !end->never_ran;
	u->healthy = false;
	if (is_restarted(u, end)) {
		restart_later(u, long_run);
		look();
	} else {
		finish(u);
	}
}

/* Not even SIGKILL helped: a process may hang in the kernel. */
static void
give_up(struct unit *u)
{
	const struct unit_end end = {
		.code = 137, .signal = 9, .error = "did not end after SIGKILL"};

	u->given_up = true;
	unit_ended(u, &end);
}

static void
expired(struct timer *t)
{
	struct unit *u = t->arg;
	const struct unit_config *c = u->config;

	if (u->state == UNIT_BACKOFF) {
		start(u);
		return;
	}
	if (u->state != UNIT_STOPPING)
		return;
	if (u->killed) {
		give_up(u);
		return;
	}
	if (c->stop_timeout_ms)
		say(c->raw_output ? "the app" : c->name, " did not end ",
		    record_seconds(c->stop_timeout_ms), " s after ",
		    record_signal((unsigned)c->stop_signal), ": killed");
	u->killed = true;
	loop_timer(&u->timer, GIVE_UP_MS);
	u->ops->kill(u);
}

int
units_start(const struct config *c)
{
	static const struct unit_ops *const ops[] = {
		[UNIT_PROCESS] = &process_ops,
		[UNIT_DOCKERD] = &dockerd_ops,
		[UNIT_CONTAINER] = &container_ops,
	};

	memset(&units, 0, sizeof units);
	units.v = calloc(c->n_units, sizeof *units.v);
	if (!units.v) {
		say("no memory for ", guest_dec(c->n_units), " units");
		return -1;
	}
	units.n = c->n_units;
	for (size_t i = 0; i < units.n; i++) {
		struct unit *u = &units.v[i];

		u->config = &c->units[i];
		u->ops = ops[u->config->kind];
		u->timer = (struct timer){.expired = expired, .arg = u};
		u->probe_timer = (struct timer){.expired = probe, .arg = u};
	}
	look();
	return 0;
}

void
units_stop(void)
{
	if (units.stopping)
		return;
	units.stopping = true;
	look();
}

/* By the first critical unit that failed; without one, by the first failure. */
static const struct unit *
verdict(void)
{
	bool critical = false;

	if (units.judge)
		return units.judge;
	for (size_t i = 0; i < units.n; i++) {
		if (units.v[i].config->critical && units.v[i].last_code)
			return &units.v[i];
		critical = critical || units.v[i].config->critical;
	}
	return critical ? NULL : units.first_failure;
}

int
units_code(void)
{
	return verdict() ? verdict()->last_code : 0;
}

int
units_signal(void)
{
	return verdict() && verdict()->last_code ? verdict()->last.signal : 0;
}

bool
units_ready(void)
{
	return units.ready;
}
