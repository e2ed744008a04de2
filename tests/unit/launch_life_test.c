/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon and its containers as units, against a daemon that answers half,
 * never, rubbish or too much: each wait has its end, in so many ms, and each
 * failure its one line.
 */
#include <stdio.h>

#include "life.h"
#include "test.h"

#define SIDE_DOCKERD .name = "docker", .kind = UNIT_DOCKERD, .start_timeout_ms = 60000
#define DOCKERD	     SIDE_DOCKERD, .critical = true
#define HEALTHY_DOCKER                                                                   \
	.depends = (struct dependency[]){{"docker", CONDITION_HEALTHY}}, .n_depends = 1
#define CONTAINER(id) .name = id, .kind = UNIT_CONTAINER, .create = "{}", HEALTHY_DOCKER
#define READY                                                                            \
	"docker: ready: 1.2, overlay2, cgroup v2 (cgroupfs), 0.1 s; docker started; "

/* The daemon alone, with one thing wrong. */
static void
daemon_with(struct unit_config *docker, const char *request, const char *does)
{
	life_reset();
	life_daemon.rules[0] = (struct life_rule){.request = request, .does = does};
	life_begin(docker, 1);
}

TEST(launch_life_good)
{
	struct unit_config v[] = {{DOCKERD, .network = "{\"Name\":\"n\"}"},
				  {CONTAINER("web")}};

	life_reset();
	life_begin(v, 2);
	life_pass(1000);
	LIFE_SAID(READY "web started; ");
	life_prints("web", "hello\n");
	life_pass(100);
	life_exits("web", 3);
	life_pass(100);
	LIFE_SAID("web | hello; web=3; ");
	units_stop();
	units_stop(); /* a second signal changes nothing */
	LIFE_OVER(10, 0);
	LIFE_SAID("TERM to docker; docker=0; ");
	EQ_INT(1, life_asked("POST /networks/create"));
	life_reset();
}

/* Until the daemon is ready: whatever it answers, the enclave ends in time. */
TEST(launch_life_never_ready)
{
	static const struct {
		const char *request, *does, *why;
	} rows[] = {
		{"GET /_ping", life_never, "it did not answer in time"},
		{"GET /_ping", life_close, "it closed the connection without a reply"},
		{"GET /_ping", life_half, "it did not answer in time"},
		{"GET /_ping", life_cut, "its reply ends before its end"},
		{"GET /_ping", life_dribble, "it did not answer in time"},
		{"GET /_ping", life_headers, "the head of its reply is too long"},
		{"GET /_ping", life_chunks, "its reply is too long"},
		{"GET /_ping", life_trailers, "the head of its reply is too long"},
		{"GET /_ping", "SSH-2.0-x\r\n", "what answers does not speak HTTP"},
		{"GET /_ping", "HTTP/1.1 100 Continue\r\n\r\n",
		 "it answers with status 100"},
		{"GET /_ping", "HTTP/1.1 204 No Content\r\n\r\n",
		 "it answers with status 204"},
		{"GET /_ping",
		 "HTTP/1.1 500 x\r\nContent-Length: 17\r\n\r\n"
		 "{\"message\":\"no\"}\n",
		 "no"},
		{"GET /info", life_never, "it did not answer in time"},
		{"GET /info", life_half, "it did not answer in time"},
		{"GET /info", life_chunks, "its reply is too long"},
		{"GET /info", "HTTP/1.1 200 OK\r\n\r\n[1]",
		 "its reply is no JSON object"},
		{"GET /info", "HTTP/1.1 304 x\r\n\r\n", "it answers with status 304"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config docker = {DOCKERD};
		char want[300];

		daemon_with(&docker, rows[i].request, rows[i].does);
		LIFE_OVER(60010, 125);
		snprintf(want, sizeof want,
			 "KILL to docker; docker=125 never ran: the daemon was not ready "
			 "after 60 s (/run/docker.sock: %s); ",
			 rows[i].why);
		LIFE_SAID(want);
	}
	life_reset();
}

TEST(launch_life_process_fails)
{
	struct unit_config docker = {DOCKERD};

	/* no socket at all, and its words */
	life_reset();
	life_daemon.never_listens = true;
	life_daemon.last_words = "one\ntwo";
	life_begin(&docker, 1);
	LIFE_OVER(60010, 125);
	LIFE_SAID("KILL to docker; docker: one; docker: two; docker=125 never ran: the "
		  "daemon was not ready after 60 s (/run/docker.sock: No such file or "
		  "directory); ");
	/* it cannot even be killed */
	life_reset();
	life_daemon.never_listens = life_daemon.undead = true;
	life_begin(&docker, 1);
	LIFE_OVER(65010, 125);
	LIFE_SAID(
		"KILL to docker; docker=125 never ran: the daemon was not ready after 60 s "
		"(/run/docker.sock: No such file or directory) (and it cannot be "
		"killed); ");
	/* it ends before */
	life_reset();
	life_daemon.never_listens = true;
	life_begin(&docker, 1);
	life_pass(1000);
	life_dies(0, 1);
	LIFE_OVER(10, 125);
	LIFE_SAID(
		"docker=125 never ran: the daemon ended with code 1 before it was ready; ");
	/* there is none */
	life_reset();
	life_daemon.cannot_start = "cannot start dockerd: No such file or directory";
	life_begin(&docker, 1);
	LIFE_OVER(10, 127);
	LIFE_SAID(
		"docker=127 never ran: cannot start dockerd: No such file or directory; ");
	/* no room */
	life_reset();
	life_daemon.storage = "storage: cannot";
	life_begin(&docker, 1);
	LIFE_OVER(10, 125);
	LIFE_SAID("docker=125 never ran: storage: cannot; ");
	life_reset();
}

/* Images and network: what goes wrong is told, and in time. */
TEST(launch_life_filling)
{
	static const struct {
		const char *request, *does, *why;
		uint64_t ms;
	} rows[] = {
		/* 4 MiB: 120 s and two more for each of them */
		{"POST /images/load", life_never, "images: not loaded after 128 s",
		 128000},
		{"POST /images/load", life_unread,
		 "images: cannot be loaded: it did not answer in time", 120000},
		{"POST /images/load", life_slowly, "images: not loaded after 128 s",
		 128000},
		{"POST /images/load", life_half, "images: not loaded after 128 s",
		 128000},
		{"POST /images/load", life_dribble, "images: not loaded after 128 s",
		 128000},
		{"POST /images/load", life_cut,
		 "images: cannot be loaded: its reply ends before its end", 1},
		{"POST /images/load", life_close,
		 "images: cannot be loaded: it closed the connection without a reply", 1},
		{"POST /images/load", life_chunks,
		 "images: cannot be loaded: its reply is too long", 1},
		{"POST /images/load",
		 "HTTP/1.1 200 OK\r\n\r\n{\"error\":\"no space left\"}",
		 "images: cannot be loaded: no space left", 1},
		{"POST /images/load", "HTTP/1.1 204 x\r\n\r\n",
		 "images: cannot be loaded: it answers with status 204", 1},
		{"GET /networks/n", life_never, "network: it did not answer in time",
		 60000},
		{"GET /networks/n", life_half, "network: it did not answer in time",
		 60000},
		{"GET /networks/n", life_cut, "network: its reply ends before its end",
		 1},
		{"POST /networks/create", life_never,
		 "network: it did not answer in time", 60000},
		{"POST /networks/create",
		 "HTTP/1.1 500 x\r\n\r\n{\"message\":\"no bridge\"}",
		 "network: no bridge", 1},
	};
	const char *archive = test_path("archive");

	close(open(archive, O_CREAT | O_WRONLY, 0600));
	CHECK(truncate(archive, 4 << 20) == 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config docker = {DOCKERD, .archive = archive,
					     .network = "{\"Name\":\"n\"}"};
		char want[400];

		daemon_with(&docker, rows[i].request, rows[i].does);
		LIFE_OVER(rows[i].ms + 300, 125);
		snprintf(want, sizeof want,
			 "docker: ready: 1.2, overlay2, cgroup v2 (cgroupfs), 0.1 s; "
			 "KILL to docker; docker=125 never ran: %s; ",
			 rows[i].why);
		LIFE_SAID(want);
	}
	life_reset();
}

/* From ready on: asked every 10 s, ended at the third miss. */
TEST(launch_life_hangs)
{
	static const struct {
		const char *does, *why;
		uint64_t ms;
	} rows[] = {
		{life_never, "it did not answer in time", 45000},
		{life_half, "it did not answer in time", 45000},
		{life_dribble, "it did not answer in time", 45000},
		{life_cut, "its reply ends before its end", 30000},
		{life_close, "it closed the connection without a reply", 30000},
		{"HTTP/1.1 500 x\r\n\r\n", "it answers with status 500", 30000},
		{"rubbish\n", "what answers does not speak HTTP", 30000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};
		char want[400];

		life_reset();
		life_daemon.rules[0] = (struct life_rule){
			.request = "GET /_ping", .does = rows[i].does, .skip = 1};
		life_begin(v, 2);
		life_pass(200);
		LIFE_SAID(READY "web started; ");
		LIFE_OVER(rows[i].ms, 137);
		snprintf(
			want, sizeof want,
			"KILL to docker; docker=137/9: the daemon did not answer 3 times "
			"in a row: %s; web=125: the Docker daemon is gone; ",
			rows[i].why);
		LIFE_SAID(want);
	}
	/* two misses are none */
	life_reset();
	life_daemon.rules[0] = (struct life_rule){
		.request = "GET /_ping", .does = life_never, .skip = 1, .times = 2};
	life_begin(&(struct unit_config){DOCKERD}, 1);
	CHECK(!life_pass(600000));
	LIFE_SAID(READY);
	life_reset();
}

/* The daemon's end is told before or after its sockets close. */
TEST(launch_life_dies)
{
	for (int last = 0; last < 2; last++) {
		struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};

		life_reset();
		life_daemon.sockets_last = last;
		life_daemon.last_words = "panic\n";
		life_begin(v, 2);
		life_pass(1000);
		LIFE_SAID(READY "web started; ");
		life_dies(11, 0);
		LIFE_OVER(10, 139);
		LIFE_SAID(
			"docker: panic; docker=139/11; web=125: the Docker daemon is gone; ");
	}
	life_reset();
}

TEST(launch_life_restarts)
{
	struct unit_config v[] = {
		{DOCKERD, .restart = RESTART_ALWAYS, .restart_max = 2},
		{CONTAINER("web"), .restart = RESTART_ALWAYS},
		{CONTAINER("once")},
	};

	life_reset();
	life_begin(v, 3);
	life_pass(1000);
	LIFE_SAID(READY "web started; once started; ");
	life_dies(9, 0);
	life_pass(5000);
	LIFE_SAID(
		"docker=137/9; docker: restart 1 in 0.1 s; once=125: the Docker daemon is "
		"gone; web=125: the Docker daemon is gone; web: restart 1 in 0.1 s; " READY
		"web started; ");
	/* it does not come back a second time: nobody waits for it for ever */
	life_daemon.never_listens = true;
	v[0].critical = false;
	life_dies(9, 0);
	LIFE_OVER(60300, 125);
	LIFE_SAID(
		"docker=137/9; docker: restart 2 in 0.2 s; web=125: the Docker daemon is "
		"gone; web: restart 2 in 0.2 s; KILL to docker; docker=125 never ran: the "
		"daemon was not ready after 60 s (/run/docker.sock: No such file or "
		"directory); web=125 never ran: the Docker daemon is gone; ");
	life_reset();
}

/* TERM before it is ready, within the load, and with a daemon that is deaf. */
TEST(launch_life_stopped_early)
{
	struct unit_config docker = {DOCKERD};
	struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};
	const char *archive = test_path("archive");

	life_reset();
	life_daemon.never_listens = true;
	life_begin(&docker, 1);
	life_pass(1000);
	units_stop();
	LIFE_OVER(10, 0);
	LIFE_SAID("TERM to docker; docker=0; ");

	close(open(archive, O_CREAT | O_WRONLY, 0600));
	CHECK(truncate(archive, 4 << 20) == 0);
	docker.archive = archive;
	daemon_with(&docker, "POST /images/load", life_unread);
	life_pass(1000);
	units_stop();
	LIFE_OVER(10, 0);
	LIFE_SAID(
		"docker: ready: 1.2, overlay2, cgroup v2 (cgroupfs), 0.1 s; TERM to docker; "
		"docker=0; ");

	life_reset();
	life_daemon.deaf = true;
	life_begin(v, 2);
	life_pass(1000);
	units_stop();
	LIFE_OVER(10010, 137);
	LIFE_SAID(READY
		  "web started; web=143/15; TERM to docker; docker did not end 10 s "
		  "after SIGTERM: killed; KILL to docker; docker=137/9; ");

	life_reset();
	life_daemon.deaf = life_daemon.undead = true;
	life_begin(&(struct unit_config){DOCKERD}, 1);
	life_pass(1000);
	units_stop();
	LIFE_OVER(15010, 125);
	LIFE_SAID(
		READY
		"TERM to docker; docker did not end 10 s after SIGTERM: killed; KILL to "
		"docker; docker=125: it cannot be killed; ");
	life_reset();
}

/* The daemon dies while a container is being stopped: once, not again. */
TEST(launch_life_dies_while_stopping)
{
	struct unit_config v[] = {{DOCKERD, .restart = RESTART_ALWAYS},
				  {CONTAINER("web"), .restart = RESTART_ALWAYS}};

	life_reset();
	life_daemon.stubborn = true;
	life_begin(v, 2);
	life_pass(1000);
	units_stop();
	life_pass(1000);
	life_dies(9, 0);
	LIFE_OVER(10, 137);
	LIFE_SAID(READY
		  "web started; docker=137/9; web=125: the Docker daemon is gone; ");
	life_reset();
}

/* Each step of a container's start: its time and its line. */
TEST(launch_life_container_steps)
{
	static const struct {
		const char *request, *does, *end;
		uint64_t ms;
	} rows[] = {
		{"DELETE", life_never,
		 "remove the one before it: it did not answer in time", 60000},
		{"DELETE", life_close,
		 "remove the one before it: it closed the connection without a reply", 0},
		{"DELETE",
		 "HTTP/1.1 409 x\r\n\r\n{\"message\":\"is already in progress\"}",
		 "remove the one before it: is already in progress", 10000},
		{"POST /containers/create", life_never,
		 "create: it did not answer in time", 60000},
		{"POST /containers/create", life_cut,
		 "create: its reply ends before its end", 0},
		{"POST /containers/create", life_half,
		 "create: it did not answer in time", 60000},
		{"POST /containers/create",
		 "HTTP/1.1 404 x\r\n\r\n{\"message\":\"No such image: web\"}",
		 "create: No such image: web", 0},
		{"POST /containers/create", "HTTP/1.1 200 x\r\n\r\n{}",
		 "create: it answers with status 200", 0},
		{"POST /containers/web/attach", life_never,
		 "attach: it did not answer in time", 60000},
		{"POST /containers/web/attach", life_headers,
		 "attach: the head of its reply is too long", 0},
		{"POST /containers/web/attach", "HTTP/1.1 101 UPGRADED\r\n\r\n",
		 "attach: it answers with status 101", 0},
		{"POST /containers/web/attach",
		 "HTTP/1.1 404 x\r\n\r\n{\"message\":\"no such\"}", "attach: no such", 0},
		{"POST /containers/web/start", life_never,
		 "start: it did not answer in time", 120000},
		{"POST /containers/web/start", life_close,
		 "start: it closed the connection without a reply", 0},
		{"POST /containers/web/start", life_trailers,
		 "start: the head of its reply is too long", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config v[] = {{SIDE_DOCKERD},
					  {CONTAINER("web"), .critical = true}};
		char want[400];

		life_reset();
		life_daemon.rules[0] = (struct life_rule){.request = rows[i].request,
							  .does = rows[i].does};
		life_begin(v, 2);
		LIFE_OVER(rows[i].ms + 300, 125);
		snprintf(want, sizeof want,
			 READY "web=125 never ran: %s; TERM to docker; docker=0; ",
			 rows[i].end);
		LIFE_SAID(want);
	}
	life_reset();
}

/* What Docker says when it cannot start it (a port that is in use, no program). */
TEST(launch_life_container_refused)
{
	struct unit_config v[] = {{SIDE_DOCKERD}, {CONTAINER("web"), .critical = true}};

	life_reset();
	life_daemon.rules[0] = (struct life_rule){
		.request = "POST /containers/web/start",
		.does = "HTTP/1.1 500 x\r\n\r\n{\"message\":\"listen tcp4 0.0.0.0:80: bind: "
			"address already in use\"}"};
	life_begin(v, 2);
	LIFE_OVER(200, 125);
	LIFE_SAID(READY
		  "web=125 never ran: listen tcp4 0.0.0.0:80: bind: address already in "
		  "use; TERM to docker; docker=0; ");
	life_reset();
}

/* wait fails while the daemon lives: its state is asked for every second. */
TEST(launch_life_wait_fails)
{
	static const char *const deeds[] = {life_close,	  life_half,
					    life_cut,	  "HTTP/1.1 500 x\r\n\r\n",
					    life_headers, life_trailers};

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		struct unit_config v[] = {
			{SIDE_DOCKERD},
			{CONTAINER("web"), .critical = true, .health = HEALTH_DOCKER},
			{.name = "after",
			 .depends = (struct dependency[]){{"web", CONDITION_HEALTHY}},
			 .n_depends = 1}};

		life_reset();
		life_daemon.health = "starting";
		life_daemon.rules[0] = (struct life_rule){
			.request = "POST /containers/web/wait", .does = deeds[i]};
		life_begin(v, 3);
		life_pass(10000);
		LIFE_SAID(READY "web started; ");
		life_daemon.health = "healthy";
		life_pass(1500);
		LIFE_HAS("web healthy after 1");
		LIFE_HAS(" s; after started; ");
		life_pass(1000);
		life_exits("web", 4);
		CHECK(life_pass(5500));
		EQ_INT(4, units_code());
		LIFE_HAS(
			"after started; web=4; after=143/15; TERM to docker; docker=0; ");
		life_reset();
	}
}

/* wait hangs although the container has ended: it is looked at all the same. */
TEST(launch_life_end_is_lost)
{
	struct unit_config v[] = {{SIDE_DOCKERD}, {CONTAINER("web"), .critical = true}};

	life_reset();
	life_daemon.lost_ends = true;
	life_begin(v, 2);
	life_pass(1000);
	life_exits("web", 7);
	LIFE_OVER(29500, 7);
	LIFE_SAID(READY "web started; web=7; TERM to docker; docker=0; ");
	/* or somebody has removed it */
	life_reset();
	life_daemon.lost_ends = true;
	life_daemon.rules[0] = (struct life_rule){
		.request = "GET /containers/web/json",
		.does = "HTTP/1.1 404 x\r\n\r\n{\"message\":\"No such container: web\"}"};
	life_begin(v, 2);
	LIFE_OVER(31500, 125);
	LIFE_SAID(READY "web started; web=125: No such container: web; TERM to docker; "
			"docker=0; ");
	life_reset();
}

/* Its end is known, how it ended is not to be had. */
TEST(launch_life_inspect_fails)
{
	static const struct {
		const char *does;
		uint64_t ms;
	} rows[] = {{life_never, 221000},
		    {life_half, 221000},
		    {life_close, 10600},
		    {life_headers, 11000},
		    {life_chunks, 10500},
		    {"HTTP/1.1 200 x\r\n\r\nnull", 10500},
		    {"HTTP/1.1 200 x\r\n\r\n{}", 10500}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config v[] = {{SIDE_DOCKERD},
					  {CONTAINER("web"), .critical = true}};

		life_reset();
		life_daemon.rules[0] = (struct life_rule){
			.request = "GET /containers/web/json", .does = rows[i].does};
		life_begin(v, 2);
		life_pass(1000);
		life_exits("web", 137);
		if (rows[i].does == life_chunks) /* up to 4 MiB of it */
			CHECK(life_pass(2000000) && units_code() == 137);
		else
			LIFE_OVER(rows[i].ms, 137);
		LIFE_SAID(READY "web started; web=137/9; TERM to docker; docker=0; ");
	}
	life_reset();
}

/* Who waits for healthy does not wait for ever. */
TEST(launch_life_health_is_not_told)
{
	static const struct {
		const char *health, *does, *why;
		uint64_t ms;
	} rows[] = {
		{NULL, NULL, "it has no health check", 1100},
		{"none", NULL, "it has no health check", 1100},
		{"unhealthy", NULL, "its check fails, says Docker", 1100},
		{NULL, life_never, "it did not answer in time", 55200},
		{NULL, life_half, "it did not answer in time", 55200},
		{NULL, life_close, "it closed the connection without a reply", 5200},
		{NULL, "HTTP/1.1 200 x\r\n\r\n{}", "it answers with status 200", 5200},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config v[] = {
			{SIDE_DOCKERD},
			{CONTAINER("web"), .health = HEALTH_DOCKER},
			{.name = "after",
			 .critical = true,
			 .depends = (struct dependency[]){{"web", CONDITION_HEALTHY}},
			 .n_depends = 1}};
		char want[400];

		life_reset();
		life_daemon.health = rows[i].health;
		if (rows[i].does)
			life_daemon.rules[0] =
				(struct life_rule){.request = "GET /containers/web/json",
						   .does = rows[i].does,
						   .times = 5};
		life_begin(v, 3);
		LIFE_OVER(rows[i].ms + 100, 125);
		snprintf(want, sizeof want,
			 READY
			 "web started; web is not healthy: %s; web=143/15; after is "
			 "not started: it depends on web, which was not healthy; "
			 "TERM to docker; docker=0; ",
			 rows[i].why);
		LIFE_SAID(want);
	}
	life_reset();
}

/* Stopped at any moment of its start; by a daemon that does not answer. */
TEST(launch_life_stopped_while_starting)
{
	static const struct {
		const char *request, *end;
		uint64_t ms;
	} rows[] = {
		{"DELETE", "web=143 never ran: stopped before it had started; ", 2},
		{"POST /containers/create",
		 "web=143 never ran: stopped before it had started; ", 2},
		{"POST /containers/web/attach",
		 "web=143 never ran: stopped before it had started; ", 2},
		{"POST /containers/web/wait",
		 "web=143 never ran: stopped before it had started; ", 2},
		{"POST /containers/web/start",
		 "web did not end 10 s after SIGTERM: killed; web=137/9: did not end after SIGKILL; ",
		 15000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};
		char want[400];

		life_reset();
		life_daemon.rules[0] = (struct life_rule){.request = rows[i].request,
							  .does = life_never};
		life_begin(v, 2);
		life_pass(1000);
		units_stop();
		units_stop();
		LIFE_OVER(rows[i].ms + 10, 0);
		snprintf(want, sizeof want, READY "%sTERM to docker; docker=0; ",
			 rows[i].end);
		LIFE_SAID(want);
	}
	life_reset();
}

/* A signal that comes while its state is asked for is not lost. */
TEST(launch_life_signal_waits)
{
	struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};

	life_reset();
	life_daemon.rules[0] = (struct life_rule){.request = "POST /containers/web/wait",
						  .does = life_close};
	/* and its state is long in coming: TERM falls into that */
	life_daemon.rules[1] = (struct life_rule){
		.request = "GET /containers/web/json", .does = life_never, .times = 1};
	life_begin(v, 2);
	life_pass(5000);
	units_stop();
	life_pass(6000);
	LIFE_HAS("web=143/15; TERM to docker; docker=0; ");
	EQ_INT(1, life_asked("POST /containers/web/kill?signal=15"));
	EQ_INT(0, life_asked("POST /containers/web/kill?signal=9"));
	life_reset();
}

/* Neither TERM nor KILL is taken by the daemon. */
TEST(launch_life_kill_is_not_answered)
{
	static const char *const deeds[] = {life_never, life_close,
					    "HTTP/1.1 500 x\r\n\r\n"};

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		struct unit_config v[] = {{DOCKERD}, {CONTAINER("web")}};

		life_reset();
		life_daemon.rules[0] = (struct life_rule){
			.request = "POST /containers/web/kill", .does = deeds[i]};
		life_begin(v, 2);
		life_pass(1000);
		units_stop();
		LIFE_OVER(15010, 0);
		LIFE_SAID(
			READY
			"web started; web did not end 10 s after SIGTERM: killed; "
			"web=137/9: did not end after SIGKILL; TERM to docker; docker=0; ");
	}
	life_reset();
}

/* Beyond its grace. */
TEST(launch_life_stubborn)
{
	struct unit_config v[] = {{DOCKERD}, {CONTAINER("web"), .stop_timeout_ms = 3000}};

	life_reset();
	life_daemon.stubborn = true;
	life_begin(v, 2);
	life_pass(1000);
	units_stop();
	LIFE_OVER(3010, 0);
	LIFE_SAID(READY
		  "web started; web did not end 3 s after SIGTERM: killed; web=137/9; "
		  "TERM to docker; docker=0; ");
	life_reset();
}

/* The policy of a container, its backoff, and an end to it. */
TEST(launch_life_container_restarts)
{
	struct unit_config v[] = {{SIDE_DOCKERD},
				  {CONTAINER("web"), .critical = true,
				   .restart = RESTART_ON_FAILURE, .restart_max = 2}};

	life_reset();
	life_begin(v, 2);
	for (int i = 0; i < 3; i++) {
		life_pass(1000);
		life_exits("web", 5);
	}
	LIFE_OVER(10, 5);
	LIFE_SAID(READY
		  "web started; web=5; web: restart 1 in 0.1 s; web started; web=5; web: "
		  "restart 2 in 0.2 s; web started; web=5; TERM to docker; docker=0; ");
	EQ_INT(1, life_asked("POST /containers/create")); /* it is the same one */
	life_reset();
}
