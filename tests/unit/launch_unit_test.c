/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the supervisor (cmd/launch/unit.c) over a clock, units and a
 * console that are made here: what it does, in order, as one text.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Other tests compile the real ones into the same program. */
#define guest_say	fake_say
#define guest_dec	fake_dec
#define loop_timer	fake_timer
#define loop_timer_stop fake_timer_stop
#define loop_ms		fake_ms
#define loop_stop	fake_loop_stop
#define health_probe	fake_health_probe
#define health_stop	fake_health_stop
#define process_ops	fake_process_ops
#define dockerd_ops	fake_dockerd_ops
#define container_ops	fake_container_ops
#define unit_at		fake_unit_at
#define units_ready	fake_units_ready
#define units_signal	fake_units_signal
#define status_changed	fake_status_changed
#define status_ready	fake_status_ready
#define record_now	fake_now
#define record_end	fake_record_end
#define record_tenths	fake_tenths
#define record_seconds	fake_seconds
#define record_signal	fake_signal
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#include "../../cmd/launch/unit.c"
#pragma GCC diagnostic pop

#include "base/cleanup.h"
#include "test.h"

static struct {
	uint64_t now;
	struct timer *timers;
	bool over;
	char text[8192];
	size_t n;
	/* units whose start is not the end of starting */
	const char *slow;
	/* units that do not mind being stopped; and not even being killed */
	const char *stubborn, *undead;
} fake;

static void
note(const char *s)
{
	size_t n = strlen(s);

	if (fake.n + n + 1 > sizeof fake.text)
		test_fail(__FILE__, __LINE__, "too much is said");
	memcpy(fake.text + fake.n, s, n + 1);
	fake.n += n;
}

static void
note2(const char *verb, const char *name)
{
	note(verb);
	note(name);
	note("; ");
}

void
guest_say(const char *const *parts)
{
	for (parts += 2; *parts; parts++)
		note(*parts);
	note("; ");
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

void
record_now(struct timespec *t)
{
	*t = (struct timespec){1, 0};
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
	return number == 15 ? "SIGTERM" : "another";
}

void
record_end(const struct unit *u, const struct unit_end *end)
{
	note(u->config->name);
	note2("=", guest_dec((unsigned)end->code));
	if (end->error)
		note2("! ", end->error);
}

uint64_t
loop_ms(void)
{
	return fake.now;
}

void
loop_timer_stop(struct timer *t)
{
	for (struct timer **p = &fake.timers; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->at = 0;
}

void
loop_timer(struct timer *t, uint64_t ms)
{
	loop_timer_stop(t);
	t->at = fake.now + ms;
	t->next = fake.timers;
	fake.timers = t;
}

void
loop_stop(void)
{
	if (!fake.over)
		note("over; ");
	fake.over = true;
}

/* The clock goes on by ms, from timer to timer. */
static void
pass(uint64_t ms)
{
	uint64_t until = fake.now + ms;

	for (;;) {
		struct timer *first = fake.timers;

		for (struct timer *t = first; t; t = t->next)
			if (t->at < first->at)
				first = t;
		if (!first || first->at > until)
			break;
		fake.now = first->at;
		loop_timer_stop(first);
		first->expired(first);
	}
	fake.now = until;
}

void
health_probe(struct unit *u)
{
	note2("?", u->config->name);
}

void
status_changed(const struct unit *u)
{
	(void)u;
}

void
status_ready(void)
{
}

void
health_stop(struct unit *u)
{
	(void)u;
}

static bool
is(const char *which, const struct unit *u)
{
	return which && !strcmp(which, u->config->name);
}

static void
end_with(const char *name, int code)
{
	struct unit_end end = {.code = code};

	unit_ended(unit_find(name), &end);
}

static void
fake_start(struct unit *u)
{
	note2("+", u->config->name);
	if (!is(fake.slow, u))
		unit_started(u);
}

static void
fake_stop(struct unit *u)
{
	note2("-", u->config->name);
	if (!is(fake.stubborn, u) && !is(fake.undead, u))
		end_with(u->config->name, 143);
}

static void
fake_kill(struct unit *u)
{
	note2("x", u->config->name);
	if (!is(fake.undead, u))
		end_with(u->config->name, 137);
}

const struct unit_ops process_ops = {fake_start, fake_stop, fake_kill, health_probe};
const struct unit_ops dockerd_ops = {fake_start, fake_stop, fake_kill, NULL};
const struct unit_ops container_ops = {fake_start, fake_stop, fake_kill, NULL};

static void
begin(struct unit_config *v, size_t n)
{
	struct config c = {.units = v, .n_units = n};

	for (size_t i = 0; i < n; i++) {
		if (!v[i].stop_signal)
			v[i].stop_signal = 15;
		if (!v[i].stop_timeout_ms)
			v[i].stop_timeout_ms = 10000;
	}
	EQ_INT(0, units_start(&c));
}

static void
reset(void)
{
	free(units.v);
	memset(&units, 0, sizeof units);
	memset(&fake, 0, sizeof fake);
	fake.now = 1000;
}

/* What was said since the last look. */
static void
said(const char *file, int line, const char *want)
{
	if (strcmp(fake.text, want) != 0)
		test_fail(file, line, "\n  want %s\n   got %s", want, fake.text);
	fake.n = 0;
	fake.text[0] = 0;
}

#define SAID(want) said(__FILE__, __LINE__, want)
#define DEPENDS(...)                                                                     \
	.depends = (struct dependency[]){__VA_ARGS__},                                   \
	.n_depends =                                                                     \
		sizeof((struct dependency[]){__VA_ARGS__}) / sizeof(struct dependency)
#define TCP                                                                              \
	.health = HEALTH_TCP, .health_interval_ms = 5000, .health_timeout_ms = 1000,     \
	.health_retries = 3

TEST(launch_unit_order)
{
	struct unit_config v[] = {
		{.name = "a"},
		{.name = "b", TCP, DEPENDS({"a", CONDITION_COMPLETED})},
		{.name = "c", DEPENDS({"b", CONDITION_HEALTHY})},
		{.name = "d",
		 DEPENDS({"a", CONDITION_STARTED}, {"c", CONDITION_STARTED})},
	};

	reset();
	begin(v, 4);
	SAID("+a; a started; ");
	end_with("a", 0);
	SAID("a=0; +b; b started; ");
	pass(0);
	SAID("?b; ");
	unit_probed(unit_find("b"), false, "no");
	pass(249);
	SAID("");
	pass(1);
	SAID("?b; ");
	unit_probed(unit_find("b"), true, NULL);
	SAID("b healthy after 0.2 s; +c; c started; +d; d started; ");
	end_with("b", 0);
	end_with("c", 0);
	SAID("b=0; c=0; ");
	end_with("d", 0);
	SAID("d=0; over; ");
	EQ_INT(0, units_code());
}

/* Only the sole app keeps the console to itself. */
TEST(launch_unit_app)
{
	struct unit_config v[] = {{.name = "app", .critical = true, .raw_output = true}};

	reset();
	begin(v, 1);
	SAID("+app; ");
	end_with("app", 5);
	SAID("app=5; over; ");
	EQ_INT(5, units_code());
}

TEST(launch_unit_dependency_fails)
{
	struct unit_config v[] = {
		{.name = "a"},
		{.name = "b", DEPENDS({"a", CONDITION_COMPLETED})},
		{.name = "c", DEPENDS({"b", CONDITION_STARTED})},
		{.name = "d", DEPENDS({"a", CONDITION_HEALTHY})},
		{.name = "e", TCP},
		{.name = "f", DEPENDS({"e", CONDITION_HEALTHY})},
	};
	struct unit_end failed = {.code = 127, .never_ran = true, .error = "none"};

	reset();
	fake.slow = "a";
	begin(v, 6);
	SAID("+a; +e; e started; ");
	unit_ended(unit_find("a"), &failed);
	SAID("a=127; ! none; "
	     "b is not started: it depends on a, which was never started; "
	     "c is not started: it depends on b, which was never started; "
	     "d is not started: it depends on a, which was never started; ");
	end_with("e", 2);
	SAID("e=2; f is not started: it depends on e, which failed with code 2; over; ");
	EQ_INT(127, units_code());
}

TEST(launch_unit_critical_never_started)
{
	struct unit_config v[] = {
		{.name = "a"},
		{.name = "b", .critical = true, DEPENDS({"a", CONDITION_COMPLETED})},
		{.name = "c"},
	};

	reset();
	begin(v, 3);
	SAID("+a; a started; +c; c started; ");
	end_with("a", 1);
	SAID("a=1; b is not started: it depends on a, which failed with code 1; -c; c=143; "
	     "over; ");
	EQ_INT(125, units_code());
}

TEST(launch_unit_backoff)
{
	struct unit_config v[] = {{.name = "a", .restart = RESTART_ALWAYS}};
	static const char *const waits[] = {"0.1", "0.2",  "0.4",  "0.8",  "1.6", "3.2",
					    "6.4", "12.8", "25.6", "30.0", "30.0"};

	reset();
	begin(v, 1);
	SAID("+a; a started; ");
	for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
		char want[100];

		end_with("a", 0);
		snprintf(want, sizeof want, "a=0; a: restart %zu in %s s; ", i + 1,
			 waits[i]);
		SAID(want);
		pass(30000);
		/* it has run for less than 10 s only as long as the wait was */
		fake.now = unit_find("a")->run_since + 9999;
		SAID("+a; a started; ");
	}
	pass(1);
	end_with("a", 0);
	SAID("a=0; a: restart 12 in 0.1 s; ");
	units_stop();
	SAID("over; ");
	EQ_INT(0, units_code());
}

TEST(launch_unit_restart_policies)
{
	struct unit_config v[] = {
		{.name = "no"},
		{.name = "some", .restart = RESTART_ON_FAILURE},
		{.name = "few", .restart = RESTART_ALWAYS, .restart_max = 1},
	};

	reset();
	begin(v, 3);
	SAID("+no; no started; +some; some started; +few; few started; ");
	end_with("no", 1);
	SAID("no=1; ");
	end_with("some", 139);
	SAID("some=139; some: restart 1 in 0.1 s; ");
	end_with("few", 0);
	SAID("few=0; few: restart 1 in 0.1 s; ");
	pass(100);
	SAID("+few; few started; +some; some started; ");
	end_with("some", 0);
	SAID("some=0; ");
	end_with("few", 3);
	SAID("few=3; over; ");
	EQ_INT(1, units_code());
}

/* Dependants go first, whatever the order of the others. */
TEST(launch_unit_critical_stops_in_reverse)
{
	struct unit_config v[] = {
		{.name = "a"},
		{.name = "b", DEPENDS({"a", CONDITION_STARTED})},
		{.name = "c", DEPENDS({"b", CONDITION_STARTED})},
		{.name = "boss", .critical = true},
		{.name = "d", DEPENDS({"a", CONDITION_STARTED})},
		{.name = "boss2", .critical = true},
	};

	reset();
	fake.stubborn = "c";
	begin(v, 6);
	fake.n = 0;
	end_with("boss", 0);
	SAID("boss=0; -boss2; boss2=143; -d; d=143; -c; ");
	pass(9999);
	SAID("");
	pass(1);
	SAID("c did not end 10 s after SIGTERM: killed; xc; c=137; -b; b=143; -a; a=143; "
	     "over; ");
	EQ_INT(0, units_code()); /* the first critical one's */
}

TEST(launch_unit_stop)
{
	struct unit_config v[] = {
		{.name = "a", .critical = true},
		{.name = "b", .restart = RESTART_ALWAYS},
		{.name = "c", TCP},
		{.name = "d", DEPENDS({"c", CONDITION_HEALTHY})},
		{.name = "e"},
	};

	reset();
	fake.slow = "e";
	begin(v, 5);
	end_with("b", 1);
	SAID("+a; a started; +b; b started; +c; c started; +e; b=1; b: restart 1 in 0.1 s; ");
	units_stop();
	SAID("-e; e=143; -c; c=143; -a; a=143; over; ");
	units_stop();
	pass(100000);
	SAID("");
	EQ_INT(143, units_code());
}

TEST(launch_unit_undead)
{
	struct unit_config v[] = {{.name = "a", .restart = RESTART_ALWAYS, TCP}};

	reset();
	fake.undead = "a";
	begin(v, 1);
	SAID("+a; a started; ");
	unit_healthy(unit_find("a"), false, "dead inside");
	SAID("a is not healthy: dead inside; -a; ");
	pass(10000);
	SAID("a did not end 10 s after SIGTERM: killed; xa; ");
	pass(4999);
	SAID("");
	pass(1);
	SAID("a=137; ! did not end after SIGKILL; over; ");
	end_with("a", 0); /* too late */
	SAID("");
	EQ_INT(137, units_code());
}

TEST(launch_unit_kill_at_once)
{
	struct unit_config v[] = {{.name = "a"}};

	reset();
	begin(v, 1);
	v[0].stop_timeout_ms = 0;
	SAID("+a; a started; ");
	units_stop();
	pass(0);
	SAID("xa; a=137; over; ");
}

static void
probe_fails(uint64_t after)
{
	pass(after);
	SAID("?a; ");
	unit_probed(unit_find("a"), false, "refused");
}

/* Failures count once an interval, and not in the start period. */
TEST(launch_unit_health_counts)
{
	struct unit_config v[] = {{.name = "a",
				   TCP,
				   .health_start_ms = 6000,
				   .restart = RESTART_ON_FAILURE}};

	reset();
	begin(v, 1);
	SAID("+a; a started; ");
	probe_fails(0);
	for (int i = 1; i <= 24 + 20 + 19; i++)
		probe_fails(250); /* up to 15.75 s: counted at 6 and 11 s */
	SAID("");
	probe_fails(250);
	SAID("a is not healthy: refused; -a; a=143; a: restart 1 in 0.1 s; ");
}

TEST(launch_unit_health_recovers)
{
	struct unit_config v[] = {{.name = "a", TCP, .restart = RESTART_ON_FAILURE}};

	reset();
	begin(v, 1);
	SAID("+a; a started; ");
	pass(0);
	unit_probed(unit_find("a"), true, NULL);
	SAID("?a; a healthy after 0.0 s; ");
	probe_fails(5000);
	probe_fails(5000);
	pass(5000);
	unit_probed(unit_find("a"), true, NULL);
	SAID("?a; ");
	probe_fails(5000);
	probe_fails(5000);
	probe_fails(5000);
	SAID("a is not healthy: refused; -a; a=143; a: restart 1 in 0.1 s; ");
	pass(100);
	SAID("+a; a started; ?a; ");
	unit_probed(unit_find("a"), true, NULL);
	end_with("a", 0);
	SAID("a healthy after 0.0 s; a=0; over; ");
}

/* Who was stopped for its health and ends with 0 has failed all the same. */
TEST(launch_unit_unhealthy_fails)
{
	struct unit_config v[] = {{.name = "a", .critical = true, TCP}};

	reset();
	fake.stubborn = "a";
	begin(v, 1);
	SAID("+a; a started; ");
	unit_healthy(unit_find("a"), false, NULL);
	end_with("a", 0);
	SAID("a is not healthy: its check fails; -a; a=0; over; ");
	EQ_INT(1, units_code());
}

/* A kind without probes tells by itself; reports out of turn are not heard. */
TEST(launch_unit_docker)
{
	struct unit_config v[] = {
		{.name = "docker", .kind = UNIT_DOCKERD},
		{.name = "c",
		 .kind = UNIT_CONTAINER,
		 .health = HEALTH_DOCKER,
		 DEPENDS({"docker", CONDITION_HEALTHY})},
		{.name = "d", DEPENDS({"c", CONDITION_HEALTHY})},
	};

	reset();
	fake.slow = "docker";
	begin(v, 3);
	unit_healthy(unit_find("c"), true, NULL);
	SAID("+docker; ");
	unit_started(unit_find("docker"));
	SAID("docker started; +c; c started; ");
	pass(60000);
	unit_healthy(unit_find("c"), true, NULL);
	unit_healthy(unit_find("c"), true, NULL);
	SAID("c healthy after 60.0 s; +d; d started; ");
	units_stop();
	SAID("-d; d=143; -c; c=143; -docker; docker=143; over; ");
	unit_started(unit_find("c"));
	SAID("");
	EQ_INT(143, units_code());
	reset();
}
