/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The made-up daemon of life.h: a process that is none, connections that are
 * socket pairs of the one loop, containers that are a word each.
 */
#include "life.h"

#include <stdio.h>

#include "launch/process.h"
#include "life_daemon.h"
#include "test.h"

const char life_never[] = "never";
const char life_half[] = "half";
const char life_cut[] = "cut";
const char life_close[] = "close";
const char life_unread[] = "unread";
const char life_dribble[] = "dribble";
const char life_headers[] = "headers";
const char life_chunks[] = "chunks";
const char life_trailers[] = "trailers";
const char life_slowly[] = "slowly";

enum { CONNECTIONS = 32, BOXES = 4, REQUESTS = 4096 };
enum role { FREE, READING, IDLE, ATTACHED, WAITING, FLOODING };
enum box_state { NONE, CREATED, RUNNING, EXITED };

struct box {
	char name[32];
	enum box_state state;
	int code;
};

struct connection {
	enum role role;
	struct watch watch;
	struct timer timer;
	char in[2048];
	size_t n, left;
	bool headed, sent_head;
	const char *does;
	struct box *box;
};

struct life_daemon life_daemon;
static struct connection connections[CONNECTIONS];
static struct box boxes[BOXES];
static char asked[REQUESTS][64];
static unsigned n_asked;
static struct {
	struct child *child;
	struct timer reap;
	uint64_t listens_at;
	int status, log;
	bool alive;
} daemon_process;

unsigned
life_asked(const char *request)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_asked; i++)
		n += strncmp(asked[i], request, strlen(request)) == 0;
	return n;
}

/* ---- connections ---- */

static void
hang_up(struct connection *c)
{
	int fd = c->watch.fd;

	if (c->role == FREE)
		return;
	loop_timer_stop(&c->timer);
	loop_unwatch(&c->watch);
	close(fd);
	c->role = FREE;
}

static void
hang_up_all(void)
{
	for (unsigned i = 0; i < CONNECTIONS; i++)
		hang_up(&connections[i]);
}

static void
put(struct connection *c, const char *s)
{
	if (send(c->watch.fd, s, strlen(s), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		hang_up(c);
}

static void
answer(struct connection *c, unsigned status, const char *body)
{
	char reply[2048];

	snprintf(reply, sizeof reply, "HTTP/1.1 %u x\r\nContent-Length: %zu\r\n\r\n%s",
		 status, strlen(body), body);
	put(c, status == 204 ? "HTTP/1.1 204 x\r\n\r\n" : reply);
	hang_up(c);
}

/* ---- containers ---- */

static struct box *
box_of(const char *name)
{
	size_t n = strcspn(name, "/?");
	struct box *unused = NULL;

	for (struct box *b = boxes; b < boxes + BOXES; b++) {
		if (!b->name[0] && !unused)
			unused = b;
		if (strlen(b->name) == n && memcmp(b->name, name, n) == 0)
			return b;
	}
	CHECK(unused && n < sizeof unused->name);
	memcpy(unused->name, name, n);
	return unused;
}

static void
tell_end(struct connection *c)
{
	char text[100];
	char body[64];

	snprintf(body, sizeof body, "{\"StatusCode\":%d}\n", c->box->code);
	snprintf(text, sizeof text, "%zx\r\n%s\r\n0\r\n\r\n", strlen(body), body);
	put(c, text);
	hang_up(c);
}

static void
box_ends(struct box *b, int code)
{
	b->state = EXITED;
	b->code = code;
	for (struct connection *c = connections; c < connections + CONNECTIONS; c++) {
		if (c->role == ATTACHED && c->box == b)
			hang_up(c);
		if (c->role == WAITING && c->box == b && !life_daemon.lost_ends)
			tell_end(c);
	}
}

void
life_exits(const char *name, int code)
{
	box_ends(box_of(name), code);
}

void
life_prints(const char *name, const char *text)
{
	const char head[8] = {1, 0, 0, 0, 0, 0, 0, (char)strlen(text)};

	for (struct connection *c = connections; c < connections + CONNECTIONS; c++)
		if (c->role == ATTACHED && c->box == box_of(name)) {
			send(c->watch.fd, head, 8, MSG_NOSIGNAL);
			put(c, text);
		}
}

static void
inspect(struct connection *c, const struct box *b)
{
	char body[512];
	char health[64] = "";

	if (b->state == NONE) {
		answer(c, 404, "{\"message\":\"No such container\"}");
		return;
	}
	if (life_daemon.health)
		snprintf(health, sizeof health, ",\"Health\":{\"Status\":\"%s\"}",
			 life_daemon.health);
	snprintf(body, sizeof body,
		 "{\"State\":{\"Running\":%s,\"OOMKilled\":false,\"ExitCode\":%d,"
		 "\"Error\":\"\"%s}}",
		 b->state == RUNNING ? "true" : "false", b->code, health);
	answer(c, 200, body);
}

static void
start_box(struct connection *c, struct box *b)
{
	b->code = 0;
	if (b->state == NONE) {
		answer(c, 404, "{\"message\":\"No such container\"}");
		return;
	}
	b->state = RUNNING;
	answer(c, 204, "");
}

static void
kill_box(struct connection *c, struct box *b, int sig)
{
	if (b->state != RUNNING) {
		answer(c, 409, "{\"message\":\"is not running\"}");
		return;
	}
	answer(c, 204, "");
	if (sig == 9 || !life_daemon.stubborn)
		box_ends(b, 128 + sig);
}

static void
container(struct connection *c, const char *method, const char *rest)
{
	struct box *b = box_of(rest);
	const char *what = rest + strcspn(rest, "/?");
	const char *sig = strstr(what, "signal=");

	c->box = b;
	if (strcmp(method, "DELETE") == 0) {
		answer(c, b->state == NONE ? 404 : 204, "{}");
		b->state = NONE;
	} else if (strncmp(what, "/attach", 7) == 0 && b->state != NONE) {
		c->role = ATTACHED;
		put(c, "HTTP/1.1 200 OK\r\n\r\n");
	} else if (strncmp(what, "/wait", 5) == 0 && b->state != NONE) {
		c->role = WAITING;
		put(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
		if (strstr(what, "not-running") && b->state != RUNNING)
			tell_end(c);
	} else if (strcmp(what, "/start") == 0) {
		start_box(c, b);
	} else if (strcmp(what, "/json") == 0) {
		inspect(c, b);
	} else if (sig) {
		kill_box(c, b, atoi(sig + 7));
	} else {
		answer(c, 404, "{\"message\":\"No such container\"}");
	}
}

/* ---- requests, done right ---- */

static void
serve(struct connection *c, const char *method, const char *target)
{
	if (strcmp(target, "/_ping") == 0) {
		answer(c, 200, "OK");
	} else if (strcmp(target, "/info") == 0) {
		answer(c, 200,
		       "{\"ServerVersion\":\"1.2\",\"Driver\":\"overlay2\","
		       "\"CgroupVersion\":\"2\",\"CgroupDriver\":\"cgroupfs\"}");
	} else if (strncmp(target, "/images/load", 12) == 0) {
		answer(c, 200, "{\"stream\":\"Loaded image\"}\n");
	} else if (strcmp(target, "/networks/create") == 0) {
		answer(c, 201, "{\"Id\":\"1\"}");
	} else if (strncmp(target, "/networks/", 10) == 0) {
		answer(c, 404, "{\"message\":\"network not found\"}");
	} else if (strncmp(target, "/containers/create?name=", 24) == 0) {
		box_of(target + 24)->state = CREATED;
		answer(c, 201, "{\"Id\":\"1\"}");
	} else {
		CHECK(strncmp(target, "/containers/", 12) == 0);
		container(c, method, target + 12);
	}
}

/* ---- and done wrong ---- */

static void
flood(struct connection *c)
{
	static const char *const floods[][3] = {
		{life_headers, "HTTP/1.1 200 OK\r\n", "X-Header: of no use\r\n"},
		{life_chunks, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		 "10\r\n0123456789abcdef\r\n"},
		{life_trailers,
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		 "X-Trailer: of no use\r\n"},
	};
	const char *head = NULL;
	const char *piece = NULL;

	for (unsigned i = 0; i < 3; i++)
		if (c->does == floods[i][0]) {
			head = floods[i][1];
			piece = floods[i][2];
		}
	CHECK(head);
	if (!c->sent_head)
		put(c, head);
	c->sent_head = true;
	if (c->role == FLOODING)
		put(c, piece);
}

static void
later(struct timer *t)
{
	struct connection *c = t->arg;
	char piece[1 << 18];

	if (c->does == life_dribble) {
		put(c, c->sent_head ? "a" : "HTTP/1.1 200 OK\r\nX-Slow: ");
		c->sent_head = true;
	} else if (recv(c->watch.fd, piece, sizeof piece, MSG_DONTWAIT) == 0) {
		hang_up(c);
	}
	if (c->role != FREE)
		loop_timer(t, c->does == life_dribble ? 1000 : 100000);
}

static void
misbehave(struct connection *c)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";

	c->role = IDLE;
	if (c->does == life_never || c->does == life_unread) {
		loop_change(&c->watch, 0);
	} else if (c->does == life_close) {
		hang_up(c);
	} else if (c->does == life_half || c->does == life_cut) {
		put(c, half);
		if (c->does == life_cut)
			hang_up(c);
	} else if (c->does == life_dribble || c->does == life_slowly) {
		loop_change(&c->watch, 0);
		loop_timer(&c->timer, 1);
	} else if (c->does == life_headers || c->does == life_chunks ||
		   c->does == life_trailers) {
		c->role = FLOODING;
		loop_change(&c->watch, EPOLLOUT);
	} else {
		put(c, c->does);
		hang_up(c);
	}
}

/* ---- taking requests ---- */

static const char *
deed(const char *request)
{
	for (const struct life_rule *r = life_daemon.rules;
	     r < life_daemon.rules + 8 && r->request; r++) {
		unsigned n = life_asked(r->request);

		if (strncmp(request, r->request, strlen(r->request)) == 0 &&
		    n > r->skip && (!r->times || n <= r->skip + r->times))
			return r->does;
	}
	return NULL;
}

static void
head_came(struct connection *c, const char *end)
{
	const char *length = strstr(c->in, "Content-Length: ");
	char *request = asked[n_asked++];
	size_t n =
		strcspn(c->in + strcspn(c->in, " ") + 1, " ") + strcspn(c->in, " ") + 1;

	CHECK(n_asked < REQUESTS);
	snprintf(request, sizeof *asked, "%.*s", (int)n, c->in);
	c->headed = true;
	c->does = deed(request);
	c->left = length ? strtoul(length + 16, NULL, 10) : 0;
	n = c->n - (size_t)(end - c->in);
	c->left -= n < c->left ? n : c->left;
	memmove(c->in, request, strlen(request) + 1);
}

static void
act(struct connection *c)
{
	char *space = strchr(c->in, ' ');

	c->role = IDLE;
	if (c->does) {
		misbehave(c);
		return;
	}
	*space = 0;
	serve(c, c->in, space + 1);
}

static void
take(struct connection *c)
{
	char body[65536];
	ssize_t n = c->headed
			    ? recv(c->watch.fd, body, sizeof body, 0)
			    : recv(c->watch.fd, c->in + c->n, sizeof c->in - 1 - c->n, 0);
	char *end;

	if (n <= 0 || c->role != READING) {
		hang_up(c); /* who asked has gone */
		return;
	}
	if (c->headed) {
		c->left -= (size_t)n < c->left ? (size_t)n : c->left;
	} else {
		c->n += (size_t)n;
		c->in[c->n] = 0;
		end = strstr(c->in, "\r\n\r\n");
		if (!end)
			return;
		head_came(c, end + 4);
	}
	if (!c->left || c->does == life_unread || c->does == life_slowly ||
	    c->does == life_close)
		act(c);
}

static void
ready(struct watch *w, uint32_t events)
{
	struct connection *c = w->arg;

	if (c->role == FLOODING && !(events & (EPOLLHUP | EPOLLERR)))
		flood(c);
	else if (c->role == FLOODING)
		hang_up(c);
	else
		take(c);
}

int
life_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	struct connection *c = connections;
	int ends[2];

	(void)a;
	(void)n;
	if (!daemon_process.alive || life_now < daemon_process.listens_at) {
		errno = life_daemon.never_listens ? ENOENT : ECONNREFUSED;
		return -1;
	}
	while (c < connections + CONNECTIONS && c->role != FREE)
		c++;
	CHECK(c < connections + CONNECTIONS);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) ==
	      0);
	CHECK(dup2(ends[0], fd) == fd);
	close(ends[0]);
	*c = (struct connection){.role = READING};
	c->watch = (struct watch){.ready = ready, .arg = c};
	c->timer = (struct timer){.expired = later, .arg = c};
	CHECK(loop_watch(&c->watch, ends[1], EPOLLIN) == 0);
	return 0;
}

/* ---- its process ---- */

static void
reap(struct timer *t)
{
	struct child *child = daemon_process.child;

	(void)t;
	child->pid = 0;
	child->ended(child, daemon_process.status);
	if (life_daemon.sockets_last)
		hang_up_all();
}

void
life_dies(int signal, int code)
{
	if (!daemon_process.alive)
		return;
	daemon_process.alive = false;
	daemon_process.status = signal ? signal : code << 8;
	close(daemon_process.log);
	if (!life_daemon.sockets_last)
		hang_up_all();
	for (struct box *b = boxes; b < boxes + BOXES; b++)
		if (b->state == RUNNING)
			b->state = EXITED;
	loop_timer(&daemon_process.reap, 1);
}

int
child_start(struct child *child, const struct unit_config *c, const struct strings *argv,
	    const char *cgroup, struct log *log)
{
	(void)c;
	(void)argv;
	(void)cgroup;
	CHECK(!child->pid && !daemon_process.alive);
	daemon_process.log = log_open(log, log->name, log->quiet);
	CHECK(daemon_process.log >= 0);
	if (life_daemon.last_words)
		CHECK(write(daemon_process.log, life_daemon.last_words,
			    strlen(life_daemon.last_words)) > 0);
	child->pid = 4711;
	child->why = -1;
	daemon_process.child = child;
	daemon_process.alive = true;
	daemon_process.reap = (struct timer){.expired = reap};
	daemon_process.listens_at =
		life_daemon.never_listens ? UINT64_MAX : life_now + life_daemon.boot_ms;
	if (life_daemon.cannot_start)
		life_dies(0, 127);
	return 0;
}

enum child_why
child_why(struct child *child, char *text, size_t room)
{
	(void)child;
	if (!life_daemon.cannot_start)
		return CHILD_STARTED;
	snprintf(text, room, "%s", life_daemon.cannot_start);
	return CHILD_FAILED;
}

void
child_signal(const struct child *child, int sig)
{
	CHECK(child->pid == 4711 && sig == 15);
	life_note("TERM to docker; ");
	if (!life_daemon.deaf)
		life_dies(0, 0);
}

void
child_kill(const struct child *child)
{
	CHECK(child->pid == 4711);
	life_note("KILL to docker; ");
	if (!life_daemon.undead)
		life_dies(9, 0);
}

void
life_reset_daemon(void)
{
	hang_up_all();
	if (daemon_process.alive)
		close(daemon_process.log);
	memset(&daemon_process, 0, sizeof daemon_process);
	memset(&life_daemon, 0, sizeof life_daemon);
	memset(boxes, 0, sizeof boxes);
	n_asked = 0;
}
