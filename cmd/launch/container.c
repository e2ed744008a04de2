/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as a unit, by the daemon's API: what has its name is removed, it
 * is created, its output attached, its end waited for, and only then started,
 * so that neither a line nor a quick end is missed.  How it ended is what the
 * daemon's inspect says.  Each of these steps calls the next.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/say.h"
#include "launch/docker.h"
#include "launch/frames.h"
#include "launch/json.h"
#include "launch/launch.h"
#include "launch/unit.h"

/* ms */
enum {
	STEP_TIMEOUT = 60000,
	START_TIMEOUT = 120000,
	INSPECT_TIMEOUT = 10000,
	SIGNAL_TIMEOUT = 10000,
	RETRY_EVERY = 500,
	POLL_EVERY = 1000,   /* the state, where wait does not work */
	HEALTH_EVERY = 1000, /* until it is healthy */
	HEALTHY_EVERY = 5000,
	LOOK_EVERY = 30000,    /* the state, should wait not tell its end */
	OUTPUT_TIMEOUT = 1000, /* from its end to the end of its output */
	OOM_AFTER = 150	       /* from a SIGKILL to the word of its reason */
};
enum { TRIES = 20, MISSES = 5, INSPECT_MAX = 4 << 20 };

enum phase {
	OFF,
	DAEMON, /* waits for it */
	REMOVE,
	CREATE,
	ATTACH,
	WAIT,
	START,
	RUN,
	INSPECT, /* it has ended: how? */
	OUTPUT	 /* and its last output is still to come */
};

struct container {
	struct unit *unit;
	struct docker_user user; /* first in the daemon's list */
	struct log out, err;
	struct frames frames;
	struct http call;   /* the step, or a look at its state */
	struct http attach; /* its output */
	struct http wait;   /* its end */
	struct http signal;
	struct timer timer; /* bounds a phase, or repeats a step */
	struct timer later; /* the report */
	enum phase phase;
	unsigned life; /* of the daemon in which it was created; 0: not created */
	unsigned tries;
	unsigned misses; /* looks in a row that showed nothing */
	int kernel;	 /* its log since the start (cgroup_oom_watch) */
	bool exited;	 /* says wait */
	long exit_code;
	int pending; /* a signal to send when it has started */
	struct unit_end end;
	char error[512];
};

static const char daemon_gone[] = "the Docker daemon is gone";

static void step(struct container *c, enum phase phase);
static void wait_for(struct container *c, const char *condition);

/* ---- requests ---- */

/* "POST" "/containers/NAME" what. */
static void
request(struct container *c, struct http *h, const char *method, const char *what,
	struct http_request *r)
{
	char target[512];

	join(target, "/containers/", c->unit->config->name, what);
	r->socket = DOCKER_SOCKET;
	r->method = method;
	r->target = target;
	r->arg = c;
	http_start(h, r);
}

static void
call(struct container *c, const char *method, const char *what, uint64_t timeout,
     void (*done)(void *, const struct http_reply *))
{
	struct http_request r = {
		.timeout_ms = timeout, .body_max = INSPECT_MAX, .done = done};

	request(c, &c->call, method, what, &r);
}

static void
cancel_all(struct container *c)
{
	http_cancel(&c->call);
	http_cancel(&c->attach);
	http_cancel(&c->wait);
	http_cancel(&c->signal);
	loop_timer_stop(&c->timer);
	loop_timer_stop(&c->later);
}

/* ---- its end ---- */

static void
report(struct container *c)
{
	struct unit_end end = c->end;

	cancel_all(c);
	c->phase = OFF;
	log_close(&c->out);
	log_close(&c->err);
	if (c->kernel >= 0)
		close(c->kernel);
	c->kernel = -1;
	end.error = c->error[0] ? c->error : NULL;
	end.for_good = docker_gone();
	unit_ended(c->unit, &end);
}

static void
report_timer(struct timer *t)
{
	report(t->arg);
}

/* Never from within what the supervisor calls. */
static void
report_later(struct container *c, int code)
{
	cancel_all(c);
	c->phase = OUTPUT;
	c->end.code = code;
	loop_timer(&c->later, 1);
}

/* It cannot be started, and not for its own sake. */
static void
give_up(struct container *c, const char *what, const struct http_reply *r)
{
	char text[400];

	docker_message(r, text, sizeof text);
	join(c->error, what, text);
	c->end.never_ran = true;
	report_later(c, LAUNCH_FAILED);
}

/* The end is known; the rest of its output may be under way. */
static void
finish(struct container *c)
{
	c->phase = OUTPUT;
	if (!c->attach.active || c->end.never_ran)
		report_later(c, c->end.code);
	else
		loop_timer(&c->later, OUTPUT_TIMEOUT);
}

/* Docker has no field for a signal: 128 + n is all it tells. */
static void
set_code(struct container *c, long code)
{
	c->end.code = code >= 0 && code <= 255 ? (int)code : 255;
	if (code > 128 && code <= 128 + 31)
		c->end.signal = (int)code - 128;
}

static void
look_again(struct container *c, uint64_t ms)
{
	c->tries++;
	loop_timer(&c->timer, ms);
}

static void
take_health(struct container *c, const struct json *j)
{
	char status[16];

	if (c->unit->config->health != HEALTH_DOCKER)
		return;
	if (!json_text(j, "State.Health.Status", status, sizeof status) ||
	    strcmp(status, "none") == 0)
		unit_healthy(c->unit, false, "it has no health check");
	else if (strcmp(status, "healthy") == 0)
		unit_healthy(c->unit, true, NULL);
	else if (strcmp(status, "unhealthy") == 0)
		unit_healthy(c->unit, false, "its check fails, says Docker");
}

/* Still running, it says. */
static void
not_ended(struct container *c, const struct json *j)
{
	if (!c->exited && !c->end.never_ran) { /* wait did not work: anew */
		c->phase = RUN;
		c->tries = 0;
		loop_timer(&c->timer, POLL_EVERY);
		take_health(c, j);
		return;
	}
	if (c->tries < TRIES) {
		look_again(c, RETRY_EVERY);
		return;
	}
	set_code(c, c->exit_code);
	finish(c);
}

static void
take_state(struct container *c, const struct json *j)
{
	long code = c->exit_code;
	bool was_told = c->error[0];
	char id[80];

	json_int(j, "State.ExitCode", &code);
	json_text(j, "Id", id, sizeof id);
	/* Docker's word may come behind the end itself, or never (containerd reads
	 * it from a cgroup that is gone by then, on a busy machine). */
	c->end.oom =
		json_flag(j, "State.OOMKilled") ||
		((code == 137 || c->end.never_ran) && cgroup_oom_seen(c->kernel, id));
	if (code == 137 && !c->end.oom && c->tries < 2 &&
	    c->unit->state != UNIT_STOPPING) {
		look_again(c, OOM_AFTER);
		return;
	}
	if (!was_told)
		json_text(j, "State.Error", c->error, sizeof c->error);
	if (c->end.never_ran)
		c->end.code = code > 0 && code <= 255 ? (int)code : LAUNCH_FAILED;
	else
		set_code(c, code);
	finish(c);
}

static bool
has_state(const struct http_reply *r, struct json *j)
{
	long code;

	return r->status == 200 && json_parse(j, r->body, r->n) &&
	       json_int(j, "State.ExitCode", &code);
}

static void
inspected(void *arg, const struct http_reply *r)
{
	struct container *c = arg;
	struct json j = {0};

	if (has_state(r, &j)) {
		if (json_flag(&j, "State.Running"))
			not_ended(c, &j);
		else
			take_state(c, &j);
	} else if (c->tries < TRIES && r->status != 404) {
		/* Each try has its time-out, and a daemon that does not answer
		 * any more is ended by dockerd.c. */
		look_again(c, RETRY_EVERY);
	} else if (c->exited) {
		set_code(c, c->exit_code);
		finish(c);
	} else {
		if (!c->error[0])
			docker_message(r, c->error, sizeof c->error);
		c->end.code = LAUNCH_FAILED;
		finish(c);
	}
	json_clear(&j);
}

static void
inspect(struct container *c)
{
	http_cancel(&c->call); /* a look at its health */
	call(c, "GET", "/json", INSPECT_TIMEOUT, inspected);
}

static void
has_ended(struct container *c)
{
	c->phase = INSPECT;
	c->tries = 0;
	loop_timer_stop(&c->timer);
	inspect(c);
}

/* ---- while it runs ---- */

static void
look_later(struct container *c)
{
	loop_timer(&c->timer, c->unit->config->health != HEALTH_DOCKER ? LOOK_EVERY
			      : c->unit->healthy		       ? HEALTHY_EVERY
								       : HEALTH_EVERY);
}

/* Who waits for its health must not wait for a daemon that does not tell. */
static void
missed(struct container *c, const struct http_reply *r)
{
	char why[200];

	if (++c->misses != MISSES || c->unit->config->health != HEALTH_DOCKER)
		return;
	docker_message(r, why, sizeof why);
	unit_healthy(c->unit, false, why);
}

static void
seen(void *arg, const struct http_reply *r)
{
	struct container *c = arg;
	struct json j = {0};
	bool known = has_state(r, &j);

	if (r->status == 404 || (known && !json_flag(&j, "State.Running"))) {
		has_ended(c);
	} else if (known) {
		c->misses = 0;
		take_health(c, &j);
	} else {
		missed(c, r);
	}
	json_clear(&j);
	if (c->phase == RUN)
		look_later(c);
}

static void
look(struct container *c)
{
	call(c, "GET", "/json", INSPECT_TIMEOUT, seen);
}

/* What the timer is for depends on the phase. */
static void
timer_expired(struct timer *t)
{
	struct container *c = t->arg;

	if (c->phase == DAEMON) {
		join(c->error, "the Docker daemon is not there");
		c->end.never_ran = true;
		report_later(c, LAUNCH_FAILED);
	} else if (c->phase == RUN && !c->wait.active) {
		wait_for(c, "not-running");
		look(c);
	} else if (c->phase == RUN) {
		look(c);
	} else if (c->phase == INSPECT) {
		inspect(c);
	} else {
		step(c, c->phase);
	}
}

static void
signalled(void *arg, const struct http_reply *r)
{
	struct container *c = arg;

	/* Not running (any more): then wait may have been missed. */
	if (r->status != 204 && c->phase == RUN)
		has_ended(c);
}

static void
send_signal(struct container *c, int sig)
{
	struct http_request r = {.timeout_ms = SIGNAL_TIMEOUT, .done = signalled};
	char what[32];

	http_cancel(&c->signal);
	join(what, "/kill?signal=", guest_dec((unsigned)sig));
	request(c, &c->signal, "POST", what, &r);
}

/* ---- the steps of a start ---- */

static void
started(void *arg, const struct http_reply *r)
{
	struct container *c = arg;

	if (r->status == 204 || r->status == 304) {
		c->phase = RUN;
		unit_started(c->unit);
		if (c->phase != RUN)
			return;
		if (c->pending)
			send_signal(c, c->pending);
		if (c->exited || !c->wait.active)
			has_ended(c);
		else
			look_later(c);
		return;
	}
	if (r->error) { /* it may run or not: the next start removes it */
		c->life = 0;
		give_up(c, "start: ", r);
		return;
	}
	docker_message(r, c->error, sizeof c->error);
	c->end.never_ran = true;
	http_cancel(&c->wait);
	has_ended(c);
}

/* The end, or that it cannot be waited for (then it is asked for its state). */
static void
waited(void *arg, const struct http_reply *r)
{
	struct container *c = arg;
	struct json j = {0};

	c->exited = r->status == 200 && !r->error && json_parse(&j, r->body, r->n) &&
		    json_int(&j, "StatusCode", &c->exit_code);
	json_clear(&j);
	if (c->phase == WAIT)
		step(c, START);
	else if (c->phase == RUN)
		has_ended(c);
}

static void
waiting(void *arg, unsigned status)
{
	struct container *c = arg;

	if (status != 200)
		return;
	http_timeout(&c->wait, 0);
	if (c->phase == WAIT)
		step(c, START);
}

static void
output(void *arg, int stream, const char *p, size_t n)
{
	struct container *c = arg;

	log_feed(stream == 2 ? &c->err : &c->out, p, (unsigned)n);
}

static void
attached_data(void *arg, const char *p, size_t n)
{
	struct container *c = arg;

	frames_feed(&c->frames, p, n);
}

static void
attached(void *arg, unsigned status)
{
	struct container *c = arg;

	if (status != 200)
		return;
	http_timeout(&c->attach, 0);
	step(c, WAIT);
}

static void
detached(void *arg, const struct http_reply *r)
{
	struct container *c = arg;

	if (c->phase == ATTACH && r->status == 404 && c->tries++ == 0) {
		c->life = 0; /* somebody has removed it since */
		step(c, CREATE);
	} else if (c->phase == ATTACH) {
		give_up(c, "attach: ", r);
	} else if (c->phase == OUTPUT) {
		report_later(c, c->end.code);
	}
}

static void
created(void *arg, const struct http_reply *r)
{
	struct container *c = arg;

	if (r->status != 201) {
		give_up(c, "create: ", r);
		return;
	}
	c->life = docker_life();
	step(c, ATTACH);
}

static void
removed(void *arg, const struct http_reply *r)
{
	struct container *c = arg;

	if (r->status == 204 || r->status == 404) {
		c->tries = 0;
		step(c, CREATE);
	} else if (!r->error && c->tries < TRIES) {
		look_again(c, RETRY_EVERY); /* 409: it is being removed */
	} else {
		give_up(c, "remove the one before it: ", r);
	}
}

static void
create(struct container *c)
{
	struct http_request r = {.socket = DOCKER_SOCKET,
				 .method = "POST",
				 .body = c->unit->config->create,
				 .timeout_ms = STEP_TIMEOUT,
				 .done = created,
				 .arg = c};
	char target[512];

	join(target, "/containers/create?name=", c->unit->config->name);
	r.target = target;
	http_start(&c->call, &r);
}

static void
attach(struct container *c)
{
	struct http_request r = {.timeout_ms = STEP_TIMEOUT,
				 .head = attached,
				 .data = attached_data,
				 .done = detached};

	c->frames = (struct frames){.out = output, .arg = c};
	request(c, &c->attach, "POST", "/attach?stream=1&stdout=1&stderr=1", &r);
}

static void
wait_for(struct container *c, const char *condition)
{
	struct http_request r = {
		.timeout_ms = STEP_TIMEOUT, .head = waiting, .done = waited};
	char what[64];

	join(what, "/wait?condition=", condition);
	request(c, &c->wait, "POST", what, &r);
}

static void
step(struct container *c, enum phase phase)
{
	c->phase = phase;
	switch (phase) {
	case REMOVE:
		call(c, "DELETE", "?force=true&v=true", STEP_TIMEOUT, removed);
		break;
	case CREATE:
		create(c);
		break;
	case ATTACH:
		attach(c);
		break;
	case WAIT:
		wait_for(c, "next-exit");
		break;
	case START:
		call(c, "POST", "/start", START_TIMEOUT, started);
		break;
	default:
		break;
	}
}

/* ---- for the supervisor ---- */

static void
begin(struct container *c)
{
	loop_timer_stop(&c->timer);
	c->kernel = cgroup_oom_watch();
	step(c, c->life == docker_life() ? ATTACH : REMOVE);
}

static void
daemon_changed(struct docker_user *user, bool up)
{
	struct container *c =
		(struct container *)(void *)((char *)user -
					     offsetof(struct container, user));

	if (up && c->phase == DAEMON) {
		begin(c);
	} else if (!up && (c->phase > DAEMON || (c->phase == DAEMON && docker_gone()))) {
		if (c->phase < RUN)
			c->end.never_ran = true;
		if (c->phase != OUTPUT) {
			c->end.code = LAUNCH_FAILED;
			join(c->error, daemon_gone);
		}
		report(c);
	}
}

static struct container *
container_of_unit(struct unit *u)
{
	struct container *c = u->kind ? u->kind : calloc(1, sizeof *c);

	if (c && !u->kind) {
		u->kind = c;
		c->unit = u;
		c->kernel = -1;
		c->out.name = c->err.name = u->config->name;
		c->timer = (struct timer){.expired = timer_expired, .arg = c};
		c->later = (struct timer){.expired = report_timer, .arg = c};
		c->user.changed = daemon_changed;
		docker_join(&c->user);
	}
	return c;
}

static void
start(struct unit *u)
{
	struct container *c = container_of_unit(u);
	struct unit_end no_memory = {
		.code = LAUNCH_FAILED, .never_ran = true, .error = "no memory"};

	if (!c) {
		unit_ended(u, &no_memory);
		return;
	}
	c->end = (struct unit_end){0};
	c->error[0] = 0;
	c->exited = false;
	c->exit_code = 255;
	c->pending = 0;
	c->tries = c->misses = 0;
	c->phase = DAEMON;
	if (docker_life())
		begin(c);
	else
		loop_timer(&c->timer, docker_gone() ? 1 : docker_patience());
}

static void
signal_it(struct container *c, int sig)
{
	if (c->phase == OFF || c->phase == OUTPUT)
		return;
	/* INSPECT: it may be seen that it has not ended */
	if ((c->phase == RUN || c->phase == INSPECT) && docker_life()) {
		send_signal(c, sig);
	} else if (c->phase == START && docker_life()) {
		c->pending = sig; /* when it runs */
	} else if (c->phase >= RUN) {
		join(c->error, daemon_gone);
		report_later(c, LAUNCH_FAILED);
	} else {
		c->end.never_ran = true;
		join(c->error, "stopped before it had started");
		report_later(c, 128 + sig);
	}
}

static void
stop(struct unit *u)
{
	if (u->kind)
		signal_it(u->kind, (int)u->config->stop_signal);
}

static void
kill_it(struct unit *u)
{
	if (u->kind)
		signal_it(u->kind, 9);
}

const struct unit_ops container_ops = {.start = start, .stop = stop, .kill = kill_it};
