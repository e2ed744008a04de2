/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker daemon as a unit: started, asked over its socket until it answers
 * (GET /_ping, then /info), given its images and its network, and from then on
 * asked every ten seconds.  What it prints is kept, and shown when it fails.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/file.h"
#include "guest/say.h"
#include "launch/docker.h"
#include "launch/json.h"
#include "launch/launch.h"
#include "launch/record.h"
#include "launch/unit.h"

/* ms */
enum {
	START_TIMEOUT = 60000, /* where the config has none */
	POLL_EVERY = 100,
	ASK_TIMEOUT = 10000,
	LOAD_TIMEOUT = 120000, /* until it takes more of the archive; and in all */
	LOAD_PER_MIB = 2000,   /* with so much more for each MiB */
	NETWORK_TIMEOUT = 60000,
	PING_EVERY = 10000,
	PING_TIMEOUT = 5000,
	PING_MISSES = 3,
	DEATH_TIMEOUT = 5000 /* from SIGKILL to its end */
};

enum phase {
	OFF,
	BOOTING, /* does not answer yet */
	FILLING, /* answers; images and network */
	UP,
	STOPPING, /* SIGTERM is sent */
	DYING	  /* SIGKILL is sent */
};

static struct daemon {
	struct unit *unit;
	struct child child;
	struct log log;
	struct http http;
	struct timer tick;  /* the next question */
	struct timer limit; /* of the start, or of its end */
	enum phase phase;
	bool was_up, loaded;
	uint64_t began, load_ms;
	unsigned long oom_kills;
	unsigned life, misses;
	char last[128]; /* why the last question failed */
	char why[512];	/* why we ended it */
} the;

static struct docker_user *users;

/* ---- for containers ---- */

unsigned
docker_life(void)
{
	return the.phase == UP ? the.life : 0;
}

bool
docker_gone(void)
{
	return the.unit && the.unit->state == UNIT_ENDED;
}

static size_t
start_timeout(void)
{
	size_t ms = the.unit ? the.unit->config->start_timeout_ms : 0;

	return ms ? ms : START_TIMEOUT;
}

size_t
docker_patience(void)
{
	return 2 * start_timeout() + LOAD_TIMEOUT;
}

void
docker_join(struct docker_user *user)
{
	user->next = users;
	users = user;
}

static void
tell_users(bool up)
{
	for (struct docker_user *u = users; u; u = u->next)
		u->changed(u, up);
}

/* ---- its end ---- */

static void
ask(const char *method, const char *target, const char *body, uint64_t timeout,
    void (*done)(void *, const struct http_reply *))
{
	http_start(&the.http, &(struct http_request){.socket = DOCKER_SOCKET,
						     .method = method,
						     .target = target,
						     .body = body,
						     .timeout_ms = timeout,
						     .done = done});
}

static void
quiet_now(void)
{
	http_cancel(&the.http);
	loop_timer_stop(&the.tick);
	loop_timer_stop(&the.limit);
}

/*
 * A daemon that was killed leaves its containers running.  The next one would
 * end them, after ten seconds of patience with each; and there may be no next
 * one.  A kernel before 5.14 has no cgroup.kill: there it is the next one.
 */
static void
end_containers(void)
{
	guest_put("/sys/fs/cgroup/docker/cgroup.kill", "1");
}

/* The one report of an end; what it printed last goes before it. */
static void
report(struct unit_end *end, bool show)
{
	quiet_now();
	the.phase = OFF;
	the.was_up = false;
	log_close(&the.log);
	if (show)
		log_tail(&the.log);
	end_containers();
	unit_ended(the.unit, end);
	tell_users(false);
}

static void
ended(struct child *child, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	struct unit_end end = {.code = sig ? 128 + sig : WEXITSTATUS(status),
			       .signal = sig,
			       .oom = sig == SIGKILL &&
				      cgroup_oom_kills(the.log.name) > the.oom_kills,
			       .error = the.why[0] ? the.why : NULL};
	bool asked = the.phase == STOPPING || (the.phase == DYING && !the.why[0]);
	char text[256];

	if (the.phase == OFF) /* it was given up before */
		return;
	if (child_why(child, text, sizeof text) == CHILD_FAILED) {
		end.never_ran = true;
		end.error = text;
	} else if (!the.was_up && !asked) {
		/* Not up at all: launch's own code, whatever the daemon's was. */
		end.never_ran = true;
		if (!end.error)
			join(the.why, "the daemon ended with code ",
			     guest_dec((unsigned)end.code), " before it was ready");
		end.error = the.why;
		end.code = LAUNCH_FAILED;
		end.signal = 0;
	}
	report(&end, !asked);
}

/* SIGKILL did not end it (a process in a system call that never returns). */
static void
not_dying(struct timer *t)
{
	struct unit_end end = {.code = LAUNCH_FAILED, .never_ran = !the.was_up};
	static const char stays[] = " (and it cannot be killed)";
	size_t n = strlen(the.why);

	(void)t;
	if (!n)
		join(the.why, "it cannot be killed");
	else if (n + sizeof stays <= sizeof the.why)
		memcpy(the.why + n, stays, sizeof stays);
	end.error = the.why;
	report(&end, true);
}

static void
die(void)
{
	quiet_now();
	the.phase = DYING;
	the.limit.expired = not_dying;
	loop_timer(&the.limit, DEATH_TIMEOUT);
	child_kill(&the.child);
}

/* ---- while it runs ---- */

static void
pinged(void *arg, const struct http_reply *r)
{
	(void)arg;
	if (r->status == 200)
		the.misses = 0;
	else if (++the.misses == PING_MISSES) {
		docker_message(r, the.last, sizeof the.last);
		join(the.why, "the daemon did not answer ", guest_dec(PING_MISSES),
		     " times in a row: ", the.last);
		die();
		return;
	}
	loop_timer(&the.tick, PING_EVERY);
}

static void
ping(struct timer *t)
{
	(void)t;
	ask("GET", "/_ping", NULL, PING_TIMEOUT, pinged);
}

static void
up(void)
{
	loop_timer_stop(&the.limit);
	the.phase = UP;
	the.was_up = true;
	the.life++;
	the.misses = 0;
	the.tick.expired = ping;
	loop_timer(&the.tick, PING_EVERY);
	unit_started(the.unit);
	if (the.phase == UP)
		unit_healthy(the.unit, true, NULL);
	tell_users(true);
}

/* ---- what it is given ---- */

static void
failed(const char *what, const struct http_reply *r)
{
	char text[384];

	docker_message(r, text, sizeof text);
	join(the.why, what, text);
	die();
}

static void
network_made(void *arg, const struct http_reply *r)
{
	(void)arg;
	/* 409: of an earlier life of the daemon */
	if (r->status != 201 && r->status != 409)
		failed("network: ", r);
	else
		up();
}

static void
network_found(void *arg, const struct http_reply *r)
{
	(void)arg;
	if (r->status == 200)
		up();
	else if (r->status != 404)
		failed("network: ", r);
	else
		ask("POST", "/networks/create", the.unit->config->network,
		    NETWORK_TIMEOUT, network_made);
}

/* Of two of a name Docker would make two networks: so one asks. */
static void
make_network(void)
{
	const char *body = the.unit->config->network;
	char target[96] = "/networks/";
	struct json j;
	bool named;

	if (!body) {
		up();
		return;
	}
	named = json_parse(&j, body, strlen(body)) &&
		json_text(&j, "Name", target + 10, sizeof target - 10);
	json_clear(&j);
	if (named)
		ask("GET", target, NULL, NETWORK_TIMEOUT, network_found);
	else
		ask("POST", "/networks/create", body, NETWORK_TIMEOUT, network_made);
}

static void
loaded(void *arg, const struct http_reply *r)
{
	char text[384];

	(void)arg;
	loop_timer_stop(&the.limit);
	if (r->error || r->status != 200) {
		failed("images: cannot be loaded: ", r);
		return;
	}
	if (docker_stream_error(r, text, sizeof text)) {
		join(the.why, "images: cannot be loaded: ", text);
		die();
		return;
	}
	the.loaded = true;
	make_network();
}

static void
not_loaded(struct timer *t)
{
	(void)t;
	join(the.why, "images: not loaded after ", guest_dec(the.load_ms / 1000), " s");
	die();
}

static void
bound_load(const char *archive)
{
	struct stat st = {.st_size = 0};

	stat(archive, &st); /* where it fails, so does the request */
	the.load_ms = LOAD_TIMEOUT + (uint64_t)(st.st_size >> 20) * LOAD_PER_MIB;
	the.limit.expired = not_loaded;
	loop_timer(&the.limit, the.load_ms);
}

static void
fill(void)
{
	const char *archive = the.unit->config->archive;

	the.phase = FILLING;
	loop_timer_stop(&the.limit); /* each request has its own from here on */
	if (!archive || the.loaded) {
		make_network();
		return;
	}
	bound_load(archive);
	http_start(&the.http, &(struct http_request){.socket = DOCKER_SOCKET,
						     .method = "POST",
						     .target = "/images/load?quiet=1",
						     .file = archive,
						     .timeout_ms = LOAD_TIMEOUT,
						     .done = loaded});
}

/* ---- until it answers ---- */

static void
again(const struct http_reply *r)
{
	docker_message(r, the.last, sizeof the.last);
	loop_timer(&the.tick, POLL_EVERY);
}

static void
say_ready(const struct json *j)
{
	char version[40];
	char driver[40];
	char cgroup[16];
	char cgroups_by[24];

	json_text(j, "ServerVersion", version, sizeof version);
	json_text(j, "Driver", driver, sizeof driver);
	json_text(j, "CgroupVersion", cgroup, sizeof cgroup);
	json_text(j, "CgroupDriver", cgroups_by, sizeof cgroups_by);
	say("docker: ready: ", version, ", ", driver, ", cgroup v", cgroup, " (",
	    cgroups_by, "), ", record_tenths(loop_ms() - the.began), " s");
}

static void
informed(void *arg, const struct http_reply *r)
{
	struct json j;

	(void)arg;
	if (r->status == 200 && json_parse(&j, r->body, r->n)) {
		say_ready(&j);
		json_clear(&j);
		fill();
		return;
	}
	if (r->status == 200)
		again(&(struct http_reply){.error = "its reply is no JSON object"});
	else
		again(r);
}

static void
answered(void *arg, const struct http_reply *r)
{
	(void)arg;
	if (r->status == 200)
		ask("GET", "/info", NULL, ASK_TIMEOUT, informed);
	else
		again(r);
}

static void
poll_it(struct timer *t)
{
	(void)t;
	ask("GET", "/_ping", NULL, ASK_TIMEOUT, answered);
}

static void
too_late(struct timer *t)
{
	(void)t;
	join(the.why, "the daemon was not ready after ",
	     guest_dec((unsigned long)start_timeout() / 1000), " s (" DOCKER_SOCKET ": ",
	     the.last[0] ? the.last : "no answer", ")");
	die();
}

static void
cannot_start(struct timer *t)
{
	struct unit_end end = {
		.code = LAUNCH_FAILED, .never_ran = true, .error = the.why};

	(void)t;
	report(&end, false);
}

static bool
launch_daemon(void)
{
	const struct unit_config *c = the.unit->config;

	if (the.child.pid) {
		join(the.why, "the daemon before it cannot be killed");
		return false;
	}
	if (!dataroot_prepare(c, the.why, sizeof the.why))
		return false;
	/* Of a life before; the daemon would take them for one that runs. */
	unlink(DOCKER_PIDFILE);
	unlink(DOCKER_SOCKET);
	the.child = (struct child){.ended = ended};
	the.log.name = c->name;
	the.log.quiet = true;
	cgroup_make(c);
	the.oom_kills = cgroup_oom_kills(c->name);
	if (child_start(&the.child, c, &c->argv, c->name, &the.log) == 0)
		return true;
	join(the.why, "the daemon cannot be started");
	return false;
}

static void
start(struct unit *u)
{
	the.unit = u;
	u->kind = &the;
	the.phase = BOOTING;
	the.was_up = false;
	the.began = loop_ms();
	the.why[0] = the.last[0] = 0;
	if (!launch_daemon()) {
		the.limit.expired = cannot_start;
		loop_timer(&the.limit, 1);
		return;
	}
	the.limit.expired = too_late;
	loop_timer(&the.limit, start_timeout());
	the.tick.expired = poll_it;
	loop_timer(&the.tick, POLL_EVERY);
}

static void
stop(struct unit *u)
{
	(void)u;
	if (the.phase == OFF || the.phase >= STOPPING || !the.child.pid)
		return;
	quiet_now();
	the.phase = STOPPING;
	child_signal(&the.child, SIGTERM);
}

static void
kill_it(struct unit *u)
{
	(void)u;
	if (the.phase != OFF && the.child.pid)
		die();
}

const struct unit_ops dockerd_ops = {.start = start, .stop = stop, .kill = kill_it};
