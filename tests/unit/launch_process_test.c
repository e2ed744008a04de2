/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process between its fork and its end (cmd/launch/process.c): one that is
 * never executed, that cannot be killed, that says something and goes on.  The
 * process, the clock and the supervisor are made up.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define loop_watch	 process_loop_watch
#define loop_unwatch	 process_loop_unwatch
#define loop_timer	 process_loop_timer
#define loop_timer_stop	 process_loop_timer_stop
#define log_close	 process_log_close
#define log_tap		 process_log_tap
#define unit_started	 process_unit_started
#define unit_ended	 process_unit_ended
#define child_start	 process_child_start
#define child_why	 process_child_why
#define child_signal	 process_child_signal
#define child_kill	 process_child_kill
#define cgroup_make	 process_cgroup_make
#define cgroup_kill	 process_cgroup_kill
#define cgroup_oom_kills process_oom_kills
#define health_probe	 process_health_probe
#define process_ops	 real_process_ops
#define process_signal	 real_process_signal
#define kill(pid, sig)	 process_kill(pid, sig)

int process_kill(int pid, int sig);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/process.c"
#pragma GCC diagnostic pop

#include "base/cleanup.h"
#include "test.h"

void (*log_tap)(const char *name, bool raw, const char *p, size_t n);

static struct {
	struct child *child;
	struct timer *timer;
	struct watch *why;
	const char *says; /* into the pipe */
	bool fails;	  /* child_start */
	char text[1024];
	size_t n;
} world;

static void
note(const char *what, const char *more)
{
	world.n += (size_t)snprintf(world.text + world.n, sizeof world.text - world.n,
				    "%s%s; ", what, more ? more : "");
}

int
loop_watch(struct watch *w, int fd, uint32_t events)
{
	(void)events;
	w->fd = fd;
	world.why = w;
	return 0;
}

void
loop_unwatch(struct watch *w)
{
	w->fd = -1;
	world.why = NULL;
}

void
loop_timer(struct timer *t, uint64_t ms)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)ms);
	note("timer ", text);
	world.timer = t;
}

void
loop_timer_stop(struct timer *t)
{
	if (world.timer == t)
		world.timer = NULL;
}

void
log_close(struct log *l)
{
	(void)l;
}

void
unit_started(struct unit *u)
{
	(void)u;
	note("started", NULL);
}

void
unit_ended(struct unit *u, const struct unit_end *end)
{
	char text[300];

	(void)u;
	snprintf(text, sizeof text, "%d%s%s%s", end->code,
		 end->never_ran ? " never ran" : "", end->error ? ": " : "",
		 end->error ? end->error : "");
	note("ended ", text);
}

int
child_start(struct child *child, const struct unit_config *c, const struct strings *argv,
	    const char *cgroup, struct log *log)
{
	(void)c;
	(void)argv;
	(void)cgroup;
	(void)log;
	EQ_INT(0, child->pid);
	if (world.fails)
		return -1;
	child->pid = 4711;
	child->why = 99;
	world.child = child;
	return 0;
}

enum child_why
child_why(struct child *child, char *text, size_t room)
{
	child->why = -1;
	if (!world.says)
		return CHILD_STARTED;
	snprintf(text, room, "%s", world.says);
	return CHILD_FAILED;
}

void
child_signal(const struct child *child, int sig)
{
	(void)child;
	(void)sig;
}

void
child_kill(const struct child *child)
{
	if (child->pid)
		note("KILL", NULL);
}

void
cgroup_make(const struct unit_config *c)
{
	(void)c;
}

void
cgroup_kill(const char *name)
{
	(void)name;
}

unsigned long
cgroup_oom_kills(const char *name)
{
	(void)name;
	return 0;
}

void
health_probe(struct unit *u)
{
	(void)u;
}

int
process_kill(int pid, int sig)
{
	(void)pid;
	(void)sig;
	return 0;
}

static void
ends_with(int status)
{
	struct child *child = world.child;

	child->pid = 0;
	child->ended(child, status);
}

static void
said(int line, const char *want)
{
	if (strcmp(world.text, want) != 0)
		test_fail(__FILE__, line, "\n  want %s\n   got %s", want, world.text);
	world.n = 0;
	world.text[0] = 0;
}

#define SAID(want) said(__LINE__, want)

static struct unit_config config = {.name = "a"};

static struct unit
begin(void)
{
	struct unit u = {.config = &config, .ops = &process_ops};

	memset(&world, 0, sizeof world);
	return u;
}

TEST(launch_process_runs)
{
	struct unit u = begin();

	process_ops.start(&u);
	SAID("timer 30000; ");
	world.why->ready(world.why, 0);
	SAID("started; ");
	CHECK(!world.timer && !world.why);
	ends_with(3 << 8);
	SAID("ended 3; ");
	free(u.kind);
}

/* Late, killed; and one that does not even mind that. */
TEST(launch_process_is_late)
{
	struct unit u = begin();

	process_ops.start(&u);
	world.timer->expired(world.timer);
	SAID("timer 30000; timer 5000; KILL; ");
	ends_with(9);
	SAID("timer 5000; ended 137 never ran: it was not executed within 30 s; ");
	CHECK(!world.timer);
	process_ops.start(&u);
	world.timer->expired(world.timer);
	world.timer->expired(world.timer);
	SAID("timer 30000; timer 5000; KILL; ended 125 never ran: it was not executed within "
	     "30 s (and it cannot be killed); ");
	process_ops.start(&u);
	SAID("ended 125 never ran: the process before it cannot be killed; ");
	free(u.kind);
}

/* What it says is why it failed: then it does not go on. */
TEST(launch_process_says_why)
{
	struct unit u = begin();

	world.says = "cannot enter the working folder /x";
	process_ops.start(&u);
	world.why->ready(world.why, 0);
	SAID("timer 30000; timer 5000; ");
	ends_with(125 << 8);
	CHECK(!world.timer);
	SAID("ended 125 never ran: cannot enter the working folder /x; ");
	process_ops.start(&u);
	world.why->ready(world.why, 0);
	world.timer->expired(world.timer);
	SAID("timer 30000; timer 5000; timer 5000; KILL; ");
	ends_with(9);
	SAID("ended 137 never ran: cannot enter the working folder /x; ");
	world.fails = true;
	process_ops.start(&u);
	SAID("ended 125 never ran: launch could not start a process; ");
	free(u.kind);
}
