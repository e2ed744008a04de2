/* SPDX-License-Identifier: Apache-2.0 */
/* The course of life.h: the clock, what is printed, and what of the guest is
 * only noted. */
#include "life.h"

#include <stdio.h>

#include "guest/file.h"
#include "launch/docker.h"
#include "launch/launch.h"
#include "launch/record.h"
#include "life_daemon.h"
#include "test.h"
#undef epoll_wait

uint64_t life_now;
int guest_say_to = 2;
static char text[65536];
static size_t text_n;

void
life_note(const char *s)
{
	size_t n = strlen(s);

	if (text_n + n + 1 > sizeof text)
		test_fail(__FILE__, __LINE__, "too much is said: %.2000s", text);
	memcpy(text + text_n, s, n + 1);
	text_n += n;
}

/* ---- the clock ---- */

int
life_clock(int id, struct timespec *t)
{
	(void)id;
	*t = (struct timespec){(time_t)(life_now / 1000),
			       (long)(life_now % 1000) * 1000000};
	return 0;
}

/* Where nothing is ready time goes on at once; a flood takes time, too. */
int
life_epoll_wait(int epoll, struct epoll_event *v, int n, int ms)
{
	static unsigned busy;
	int got = epoll_wait(epoll, v, n, 0);

	if (got)
		life_now += ++busy % 64 == 0;
	else
		life_now += (uint64_t)ms;
	return got;
}

static bool over;

static void
enough(struct timer *t)
{
	*(bool *)t->arg = true;
	loop_stop();
}

bool
life_pass(uint64_t ms)
{
	bool passed = false;
	struct timer t = {.expired = enough, .arg = &passed};

	if (over)
		return true;
	loop_timer(&t, ms);
	loop_run();
	loop_timer_stop(&t);
	over = !passed;
	return over;
}

void
life_reset(void)
{
	life_reset_units();
	life_reset_dockerd();
	life_reset_daemon();
	life_reset_status();
	life_reset_loop();
	life_now = 1000;
	over = false;
	text_n = 0;
	text[0] = 0;
}

void
life_begin(struct unit_config *v, size_t n)
{
	struct config c = {.units = v, .n_units = n};

	for (size_t i = 0; i < n; i++) {
		v[i].stop_signal = 15;
		if (!v[i].stop_timeout_ms)
			v[i].stop_timeout_ms = 10000;
	}
	EQ_INT(0, units_start(&c));
}

void
life_said(const char *file, int line, const char *want)
{
	if (strcmp(text, want) != 0)
		test_fail(file, line, "\n  want %s\n   got %s", want, text);
	text_n = 0;
	text[0] = 0;
}

void
life_has(const char *file, int line, const char *part)
{
	if (!strstr(text, part))
		test_fail(file, line, "\n  want %s\n   in %s", part, text);
}

void
life_over(const char *file, int line, uint64_t ms, int code)
{
	uint64_t began = life_now;

	if (!life_pass(ms))
		test_fail(file, line, "not over after %llu ms: %s",
			  (unsigned long long)ms, text);
	if (ms > 1000 && life_now - began < ms * 9 / 10)
		test_fail(file, line, "over after %llu ms",
			  (unsigned long long)(life_now - began));
	if (units_code() != code)
		test_fail(file, line, "code: want %d, got %d", code, units_code());
}

/* ---- what is printed ---- */

void
guest_say(const char *const *parts)
{
	for (parts += 2; *parts; parts++)
		life_note(*parts);
	life_note("; ");
}

ssize_t
life_writev(int fd, const struct iovec *v, int n)
{
	char part[5000];

	(void)fd;
	for (int i = 0; i < n - 1; i++) { /* but for the newline */
		memcpy(part, v[i].iov_base, v[i].iov_len);
		part[v[i].iov_len] = 0;
		life_note(part);
	}
	life_note("; ");
	return 1;
}

const char *
guest_dec(unsigned long n)
{
	static char texts[8][24];
	static unsigned next;
	char *to = texts[next++ % 8];

	snprintf(to, 24, "%lu", n);
	return to;
}

const char *
guest_why(void)
{
	return strerror(errno);
}

void
record_end(const struct unit *u, const struct unit_end *end)
{
	life_note(u->config->name);
	life_note("=");
	life_note(guest_dec((unsigned)end->code));
	if (end->signal) {
		life_note("/");
		life_note(guest_dec((unsigned)end->signal));
	}
	if (end->oom)
		life_note(" oom");
	if (end->never_ran)
		life_note(" never ran");
	if (end->error) {
		life_note(": ");
		life_note(end->error);
	}
	life_note("; ");
}

void
record_now(struct timespec *t)
{
	life_clock(0, t);
}

const char *
record_tenths(uint64_t ms)
{
	static char texts[4][24];
	static unsigned next;
	char *to = texts[next++ % 4];

	snprintf(to, 24, "%u.%u", (unsigned)(ms / 1000), (unsigned)(ms % 1000 / 100));
	return to;
}

const char *
record_seconds(uint64_t ms)
{
	return guest_dec(ms / 1000);
}

const char *
record_signal(unsigned number)
{
	return number == 15 ? "SIGTERM" : "another signal";
}

/* ---- not here ---- */

int
guest_put(const char *path, const char *value)
{
	(void)path;
	(void)value;
	return 0;
}

int
life_unlink(const char *path)
{
	(void)path;
	return 0;
}

void
cgroup_make(const struct unit_config *c)
{
	(void)c;
}

/* Memory never runs out. */
unsigned long
cgroup_oom_kills(const char *name)
{
	(void)name;
	return 0;
}

int
cgroup_oom_watch(void)
{
	return -1;
}

bool
cgroup_oom_seen(int fd, const char *id)
{
	(void)fd;
	(void)id;
	return false;
}

bool
dataroot_prepare(const struct unit_config *c, char *why, size_t room)
{
	(void)c;
	if (life_daemon.storage)
		snprintf(why, room, "%s", life_daemon.storage);
	return !life_daemon.storage;
}

void
health_probe(struct unit *u)
{
	(void)u;
}

void
health_stop(struct unit *u)
{
	(void)u;
}

void
process_signal(struct unit *u, int sig)
{
	(void)u;
	(void)sig;
}

/* A process starts at once and ends when it is told to. */
static void
process_start(struct unit *u)
{
	unit_started(u);
}

static void
process_end(struct unit *u)
{
	const struct unit_end end = {.code = 143, .signal = 15};

	unit_ended(u, &end);
}

const struct unit_ops process_ops = {process_start, process_end, process_end, NULL};
