/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status channel: what the parent is told in the course of an enclave's
 * life, what it may ask, how it is cut off; and the parent's reader of it.
 */
#include "launch/status.h"

#include <stdio.h>

#include "life.h"
#include "test.h"

#define TOLD(want, fd) EQ_STR(want, life_told(fd))
#define HEAD	       "enclave-status 1; nsm no; exec no; "

static void
ask(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	life_pass(1);
}

/* A supervisor with units and a parent that has seen how they began. */
static int
begin(struct unit_config *v, size_t n)
{
	int fd;

	life_reset();
	status_start(false);
	fd = life_parent();
	life_begin(v, n);
	life_pass(1);
	return fd;
}

static void
end(int fd)
{
	close(fd);
	life_reset();
}

static void
fails(const char *name, int code, int sig, bool oom)
{
	const struct unit_end how = {.code = code, .signal = sig, .oom = oom};

	unit_ended(unit_find(name), &how);
}

TEST(launch_status_course)
{
	struct unit_config v[] = {
		{.name = "db",
		 .health = HEALTH_TCP,
		 .health_interval_ms = 1000,
		 .health_retries = 1},
		{.name = "app",
		 .critical = true,
		 .restart = RESTART_ON_FAILURE,
		 .restart_max = 1,
		 .depends = (struct dependency[]){{"db", CONDITION_HEALTHY}},
		 .n_depends = 1},
		{.name = "once", .restart = RESTART_NO},
	};
	int fd = begin(v, 3);
	int late;

	TOLD(HEAD "unit db started; unit app starting; unit once started; ", fd);
	fails("once", 0, 0, false);
	TOLD("unit once exited code=0; ", fd);
	unit_probed(unit_find("db"), true, NULL);
	TOLD("unit db healthy; unit app starting; unit app started; ready; ", fd);
	fails("app", 137, 9, true);
	TOLD("unit app restarting signal=9 oom; ", fd);
	life_pass(101);
	TOLD("unit app starting; unit app started; ", fd); /* ready was told */
	late = life_parent();
	life_pass(1);
	TOLD(HEAD "unit db healthy; unit app started; unit once exited code=0; ready; ",
	     late);
	fails("app", 3, 0, false);
	TOLD("unit app exited code=3; unit db stopped signal=15; ", fd);
	LIFE_OVER(10, 3);
	close(fd);
	close(late);
	status_end(units_code(), units_signal());
	life_reset();
}

TEST(launch_status_not_healthy)
{
	struct unit_config v[] = {{.name = "a",
				   .health = HEALTH_TCP,
				   .health_interval_ms = 1000,
				   .health_retries = 1}};
	int fd = begin(v, 1);

	unit_probed(unit_find("a"), true, NULL);
	unit_probed(unit_find("a"), false, "no");
	TOLD(HEAD "unit a started; unit a healthy; ready; unit a unhealthy; "
		  "unit a exited signal=15; ",
	     fd);
	end(fd);
}

/* stop is what SIGTERM is; the last line is the critical unit's end. */
TEST(launch_status_stop)
{
	struct unit_config v[] = {
		{.name = "db"},
		{.name = "app",
		 .critical = true,
		 .depends = (struct dependency[]){{"db", CONDITION_STARTED}},
		 .n_depends = 1}};
	int fd = begin(v, 2);
	uint64_t began;

	life_told(fd);
	ask(fd, "stop\nstop\n");
	TOLD("unit app stopped signal=15; unit db stopped signal=15; ", fd);
	LIFE_OVER(10, 143);
	/* the parent has the last line and does not close: not for ever */
	began = life_now;
	status_end(units_code(), units_signal());
	EQ_INT(2000, life_now - began);
	TOLD("end signal=15; ", fd);
	end(fd);
}

static int closing;

static void
close_it(struct timer *t)
{
	(void)t;
	close(closing);
}

TEST(launch_status_end_is_taken)
{
	struct unit_config v[] = {{.name = "app", .critical = true}};
	struct timer t = {.expired = close_it};
	uint64_t began;

	closing = begin(v, 1);
	fails("app", 7, 0, false);
	LIFE_OVER(10, 7);
	began = life_now;
	loop_timer(&t, 300);
	status_end(units_code(), units_signal());
	EQ_INT(300, life_now - began);
	life_reset();
}

/* A short life is told, too; nobody comes to a long one. */
TEST(launch_status_nobody_came)
{
	struct unit_config v[] = {{.name = "app", .critical = true}};
	uint64_t began;
	int fd;

	for (int comes = 0; comes < 2; comes++) {
		life_reset();
		status_start(false);
		life_begin(v, 1);
		life_pass(500);
		fails("app", 0, 0, false);
		LIFE_OVER(10, 0);
		fd = comes ? life_parent() : -1;
		began = life_now;
		status_end(units_code(), units_signal());
		EQ_INT(comes ? 2000 : 1500, life_now - began);
		if (comes)
			TOLD(HEAD "unit app exited code=0; ready; end code=0; ", fd);
		close(fd);
	}
	life_reset();
	status_start(false);
	life_begin(v, 1);
	life_pass(2000);
	fails("app", 0, 0, false);
	LIFE_OVER(10, 0);
	began = life_now;
	status_end(units_code(), units_signal());
	EQ_INT(0, life_now - began);
	life_reset();
	status_end(0, 0); /* no channel */
}

TEST(launch_status_attest)
{
	struct unit_config v[] = {{.name = "app"}};
	int fd = begin(v, 1);
	int other = life_parent();

	life_told(fd);
	ask(fd, "attest 0a01020304050607\n");
	TOLD("attestation none there is no Nitro Secure Module; ", fd);
	life_nsm = "ABC";
	ask(fd, "attest 0a01020304050607\n");
	ask(other, "attest 0a01020304050607\n"); /* waits for its turn */
	TOLD("", fd);
	life_pass(100);
	TOLD("attestation QUJD; ", fd);
	EQ_STR("-/0a01020304050607/-", life_asked_nsm);
	life_told(other);
	life_pass(100);
	TOLD("attestation QUJD; ", other);
	life_nsm = "!it is tired";
	ask(fd, "attest 0a01020304050607\n");
	close(other); /* and who is gone has no answer */
	life_pass(100);
	TOLD("attestation none it is tired; ", fd);
	ask(fd, "egress 9003\n");
	TOLD("egress none; ", fd);
	ask(fd, "egress 4294967294\n");
	TOLD("egress on; ", fd);
	end(fd);
}

TEST(launch_status_rules)
{
	static const char *const broken[] = {
		"hello\n", "\n", "stop \n", "attest \n", "attest 0a010203040506\n",
		"attest 0A01020304050607\n", "attest 0a0102030405060\n",
		/* 65 bytes */
		"attest 0a0102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
		"000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0fff\n",
		"attest 0a01020304050607\nattest 0a01020304050607\n", "egress \n",
		"egress 0\n", "egress 01\n", "egress 4294967295\n",
		"egress 99999999999\n", "egress 1 \n", "stop\r\n",
		/* 256 */
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};
	struct unit_config v[] = {{.name = "app"}};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		int fd = begin(v, 1);

		life_nsm = "ABC";
		life_told(fd);
		ask(fd, broken[i]);
		if (strcmp(life_told(fd), "closed") != 0)
			test_fail(__FILE__, __LINE__, "is taken: %s", broken[i]);
		EQ_INT(UNIT_RUNNING, unit_find("app")->state);
		end(fd);
	}
}

TEST(launch_status_many_and_slow)
{
	struct unit_config v[] = {{.name = "app"}};
	int fds[17];

	fds[0] = begin(v, 1);
	for (int i = 1; i < 17; i++) {
		fds[i] = life_parent();
		life_pass(1);
	}
	TOLD("closed", fds[16]); /* 16 at most */
	for (int i = 0; i < 16; i++)
		TOLD(HEAD "unit app started; ready; ", fds[i]);
	/* fds[0] reads, the others do not */
	for (int i = 0; i < 40000; i++) {
		status_changed(unit_find("app"));
		if (i % 1000 == 0) {
			life_told(fds[0]);
			life_pass(1);
		}
	}
	for (int i = 0; i < 10; i++) {
		life_told(fds[0]);
		life_pass(1);
	}
	status_changed(unit_find("app"));
	TOLD("unit app started; ", fds[0]);
	for (int i = 1; i < 16; i++)
		CHECK(strstr(life_told(fds[i]), "closed"));
	for (int i = 1; i < 17; i++)
		close(fds[i]);
	/* there is room again */
	fds[1] = life_parent();
	life_pass(1);
	TOLD(HEAD "unit app started; ready; ", fds[1]);
	close(fds[1]);
	end(fds[0]);
}

/* ---- the parent's reader ---- */

static const char hello[] = "enclave-status 1\nnsm yes\nexec no\n";

/* Feeds text, in pieces of size; the last event. */
static enum encl_status_event
feed(struct encl_status *s, const char *text, size_t piece)
{
	enum encl_status_event last = ENCL_STATUS_NONE;

	for (size_t at = 0, n = strlen(text); at < n;) {
		size_t used;
		enum encl_status_event event = encl_status_feed(
			s, text + at, n - at < piece ? n - at : piece, &used);

		CHECK(used || event);
		at += used;
		if (event)
			last = event;
		if (event == ENCL_STATUS_BROKEN)
			break;
	}
	return last;
}

TEST(launch_status_reader)
{
	for (size_t piece = 1; piece < 40; piece += 3) {
		struct encl_status s;

		encl_status_init(&s);
		EQ_INT(ENCL_STATUS_NONE, feed(&s, hello, piece));
		CHECK(s.greeted && s.nsm && !s.exec && !s.ready);
		EQ_INT(ENCL_STATUS_UNIT, feed(&s, "unit db starting\n", piece));
		EQ_INT(ENCL_STATUS_UNIT, feed(&s, "unit app starting\n", piece));
		EQ_INT(ENCL_STATUS_UNIT,
		       feed(&s, "unit db exited signal=9 oom\n", piece));
		EQ_INT(2, s.n_units);
		EQ_INT(0, s.changed);
		EQ_STR("db", s.units[0].name);
		EQ_STR("exited", encl_status_state_name(s.units[0].state));
		EQ_INT(-1, s.units[0].code);
		EQ_INT(9, s.units[0].signal);
		CHECK(s.units[0].oom);
		EQ_INT(ENCL_STATUS_UNIT,
		       feed(&s, "unit app restarting code=255\n", piece));
		EQ_INT(1, s.changed);
		EQ_INT(255, s.units[1].code);
		EQ_INT(0, s.units[1].signal);
		CHECK(!s.units[1].oom);
		EQ_INT(ENCL_STATUS_UNIT, feed(&s, "unit db stopped\n", piece));
		EQ_INT(0, s.units[0].signal);
		EQ_INT(ENCL_STATUS_READY, feed(&s, "ready\n", piece));
		CHECK(s.ready);
		EQ_INT(ENCL_STATUS_EGRESS, feed(&s, "egress on\n", piece));
		CHECK(s.egress);
		EQ_INT(ENCL_STATUS_EGRESS, feed(&s, "egress none\n", piece));
		CHECK(!s.egress);
		EQ_INT(ENCL_STATUS_ATTESTATION, feed(&s, "attestation QUI=\n", piece));
		EQ_STR("QUI=", s.text);
		EQ_INT(ENCL_STATUS_ATTESTATION,
		       feed(&s, "attestation none no module\n", piece));
		CHECK(!s.text);
		EQ_STR("no module", s.why);
		EQ_INT(ENCL_STATUS_END, feed(&s, "end code=0\n", piece));
		CHECK(s.ended);
		EQ_INT(0, s.code);
		EQ_INT(0, s.signal);
		encl_status_clear(&s);
	}
}

static void
breaks(const char *text, const char *why)
{
	struct encl_status s;
	size_t used;

	encl_status_init(&s);
	EQ_INT(ENCL_STATUS_BROKEN, feed(&s, text, 1000));
	EQ_STR(why, s.why);
	EQ_INT(ENCL_STATUS_BROKEN, encl_status_feed(&s, "x", 1, &used)); /* for good */
	encl_status_clear(&s);
}

TEST(launch_status_reader_refuses)
{
	static const char *const lines[] = {"",
					    "hello",
					    "unit",
					    "unit ",
					    "unit a",
					    "unit a ",
					    "unit A started",
					    "unit a sleeping",
					    "unit a started code=0",
					    "unit a exited code=256",
					    "unit a exited code=-1",
					    "unit a exited code=01",
					    "unit a exited code=",
					    "unit a exited signal=0",
					    "unit a exited signal=65",
					    "unit a exited oom",
					    "unit a exited code=1 dead",
					    "unit a exited code=1 oom ",
					    "unit a exited code=1 oom oom",
					    "ready ",
					    "readyness",
					    "egress yes",
					    "attestation ",
					    "attestation QUI",
					    "attestation Q===",
					    "attestation none ",
					    "end",
					    "end code=",
					    "end code=1 oom",
					    "end signal=0",
					    "nsm yes",
					    "exec no",
					    "enclave-status 1"};
	char text[400];
	char want[200];

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		snprintf(text, sizeof text, "%s%s\n", hello, lines[i]);
		snprintf(want, sizeof want, *lines[i] ? "it says \"%s\"" : "it says",
			 lines[i]);
		breaks(text, want);
	}
	breaks("enclave-status 2\n",
	       "it does not begin with \"enclave-status 1\", but with \"enclave-status "
	       "2\"");
	breaks("enclave-status 1\nexec no\n", "instead of \"nsm\" it says \"exec no\"");
	breaks("enclave-status 1\nnsm yes\nexec maybe\n",
	       "instead of \"exec\" it says \"exec maybe\"");
	breaks("enclave-status 1\nnsm \x1b[2J\n", "it says a byte that is no text");
	breaks("enclave-status 1\r\n", "it says a byte that is no text");
	snprintf(text, sizeof text, "%send code=1\nready\n", hello);
	breaks(text, "it goes on behind its end");
	snprintf(text, sizeof text, "%s%0200d\n", hello, 0);
	snprintf(want, sizeof want, "it says \"%063d\"", 0);
	breaks(text, want);
}

TEST(launch_status_reader_limits)
{
	struct encl_status s;
	enum encl_status_event event = ENCL_STATUS_NONE;
	size_t n = 0;

	encl_status_init(&s);
	feed(&s, hello, 100);
	for (; n < 100000 && event == ENCL_STATUS_NONE; n++)
		event = feed(&s, "x", 1);
	EQ_INT(ENCL_STATUS_BROKEN, event);
	EQ_INT(ENCL_STATUS_LINE, n);
	EQ_STR("it says a line that is too long", s.why);
	encl_status_clear(&s);

	encl_status_init(&s);
	feed(&s, hello, 100);
	for (n = 0; n < 5000; n++) {
		char line[64];

		snprintf(line, sizeof line, "unit u%zu started\n", n);
		event = feed(&s, line, 100);
		if (event != ENCL_STATUS_UNIT)
			break;
	}
	EQ_INT(ENCL_STATUS_UNITS, n);
	EQ_INT(ENCL_STATUS_BROKEN, event);
	encl_status_clear(&s);
}

/* What the guest says is what the parent understands. */
TEST(launch_status_both)
{
	struct unit_config v[] = {{.name = "app", .critical = true}};
	int fd = begin(v, 1);
	struct encl_status s;
	char text[4096];
	ssize_t n;

	fails("app", 137, 9, true);
	LIFE_OVER(10, 137);
	status_end(units_code(), units_signal());
	n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
	CHECK(n > 0);
	text[n] = 0;
	encl_status_init(&s);
	EQ_INT(ENCL_STATUS_END, feed(&s, text, 5));
	EQ_INT(1, s.n_units);
	EQ_INT(ENCL_UNIT_EXITED, s.units[0].state);
	EQ_INT(9, s.units[0].signal);
	CHECK(s.units[0].oom && s.ready);
	EQ_INT(-1, s.code);
	EQ_INT(9, s.signal);
	encl_status_clear(&s);
	end(fd);
}
