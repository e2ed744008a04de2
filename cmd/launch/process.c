/* SPDX-License-Identifier: Apache-2.0 */
/* Units that are processes: the app and the services. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "launch/launch.h"
#include "launch/unit.h"

enum {
	LATE_MS = 30000, /* from fork to exec; far more than it takes */
	DEATH_MS = 5000	 /* from SIGKILL to its end, if it was late */
};

struct process {
	struct unit *unit;
	struct child child;
	struct watch why;  /* was the program executed? */
	struct timer late; /* no */
	struct log log;
	unsigned long oom_kills;
	int group;	 /* of the last child */
	bool was_late;	 /* and killed for it */
	bool failed;	 /* it was not executed: */
	char error[256]; /* why */
};

static void
ask_why(struct process *p)
{
	if (p->why.fd < 0)
		return;
	loop_unwatch(&p->why);
	loop_timer_stop(&p->late);
	p->failed = child_why(&p->child, p->error, sizeof p->error) == CHILD_FAILED;
	if (p->was_late) {
		static const char text[] = "it was not executed within 30 s";

		p->failed = true;
		memcpy(p->error, text, sizeof text);
	}
	if (p->failed)
		loop_timer(&p->late, DEATH_MS); /* it ends by itself, now */
	else
		unit_started(p->unit);
}

static void
why_ready(struct watch *w, uint32_t events)
{
	(void)events;
	ask_why(w->arg);
}

/* A system call of it never returns. */
static void
stuck(struct timer *t)
{
	struct process *p = t->arg;
	const struct unit_end end = {.code = LAUNCH_FAILED,
				     .never_ran = true,
				     .error = "it was not executed within 30 s (and it "
					      "cannot be killed)"};

	loop_unwatch(&p->why);
	unit_ended(p->unit, &end);
}

static void
late(struct timer *t)
{
	struct process *p = t->arg;

	p->was_late = true;
	p->late.expired = stuck;
	loop_timer(&p->late, DEATH_MS);
	child_kill(&p->child);
}

/* The one app's output is the console; where it can be read by others too
 * (debug.exec), by way of us. */
static bool
has_pipe(const struct unit_config *c)
{
	return !c->raw_output || log_tap;
}

/* What the process left behind goes with it. */
static void
clear_away(struct process *p)
{
	kill(-p->group, SIGKILL);
	cgroup_kill(p->unit->config->name);
	if (has_pipe(p->unit->config))
		log_close(&p->log);
}

static void
ended(struct child *child, int status)
{
	struct process *p = child->arg;
	const char *name = p->unit->config->name;
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	struct unit_end end = {
		.code = sig ? 128 + sig : WEXITSTATUS(status),
		.signal = sig,
		.oom = cgroup_oom_kills(name) > p->oom_kills,
	};

	ask_why(p);
	loop_timer_stop(&p->late);
	clear_away(p);
	end.never_ran = p->failed;
	end.error = p->failed ? p->error : NULL;
	unit_ended(p->unit, &end);
}

static struct process *
process_of(struct unit *u)
{
	struct process *p = u->kind;

	if (p)
		return p;
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->unit = u;
	p->child = (struct child){.ended = ended, .arg = p};
	p->why = (struct watch){.fd = -1, .ready = why_ready, .arg = p};
	p->late = (struct timer){.expired = late, .arg = p};
	p->log.name = u->config->name;
	p->log.raw = u->config->raw_output;
	u->kind = p;
	return p;
}

static void
start(struct unit *u)
{
	const struct unit_config *c = u->config;
	struct process *p = process_of(u);
	const struct unit_end failed = {
		.code = LAUNCH_FAILED,
		.never_ran = true,
		.error = p && p->child.pid ? "the process before it cannot be "
					     "killed"
					   : "launch could not start a "
					     "process"};

	cgroup_make(c);
	if (!p || p->child.pid ||
	    child_start(&p->child, c, &c->argv, c->name, has_pipe(c) ? &p->log : NULL)) {
		unit_ended(u, &failed);
		return;
	}
	p->group = p->child.pid;
	p->failed = p->was_late = false;
	p->late.expired = late;
	p->oom_kills = cgroup_oom_kills(c->name);
	loop_timer(&p->late, LATE_MS);
	if (loop_watch(&p->why, p->child.why, EPOLLIN)) {
		p->why.fd = p->child.why; /* then at its end, or now */
		ask_why(p);
	}
}

static void
stop(struct unit *u)
{
	process_signal(u, (int)u->config->stop_signal);
}

static void
kill_it(struct unit *u)
{
	struct process *p = u->kind;

	child_kill(&p->child);
	cgroup_kill(u->config->name);
}

void
process_signal(struct unit *u, int sig)
{
	struct process *p = u->kind;

	if (p)
		child_signal(&p->child, sig);
}

const struct unit_ops process_ops = {start, stop, kill_it, health_probe};
