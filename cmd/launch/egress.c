/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network.egress: an HTTP proxy that programs (127.0.0.1) and containers (their
 * gateway) reach, with the measured list of where they may go.  One request a
 * connection.  What is allowed goes over vsock to the parent's proxy
 * (builder/launch/egress.h), which resolves the name, connects and answers; from
 * there on the relay has it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/boot.h"
#include "launch/docker.h"
#include "launch/egress_request.h"
#include "launch/egress_say.h"
#include "launch/launch.h"
#include "launch/loop.h"
#include "launch/relay.h"

enum {
	CLIENTS_MAX = 512, /* whose request is being read, or waits */
	LISTENERS_MAX = 8,
	HEAD_MS = 10000,    /* for a request's head */
	PARENT_MS = 5000,   /* until the parent has said where it listens */
	CONNECT_MS = 20000, /* for the parent to take the connection */
	SWEEP_MS = 100
};

struct client {
	struct watch watch;
	struct client *next, *previous;
	uint64_t until;
	/* READING: what came; WAITING: what goes to the parent */
	char *bytes;
	size_t n;
	bool waiting;
};

static struct {
	const struct config *config;
	struct encl_relay *relay;
	struct watch relay_watch;
	struct watch listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool paused; /* no more are taken for now */
	struct client *clients;
	unsigned n;
	struct timer sweep;
	uint32_t parent; /* its port; 0: not told yet */
	uint32_t cid;
	bool framed;
	bool no_vsock;
} the;

/* ---- clients ---- */

/* Its socket stays open. */
static void
forget(struct client *c)
{
	loop_unwatch(&c->watch);
	if (c->previous)
		c->previous->next = c->next;
	else
		the.clients = c->next;
	if (c->next)
		c->next->previous = c->previous;
	the.n--;
	free(c->bytes);
	free(c);
}

static void
drop(struct client *c)
{
	close(c->watch.fd);
	c->watch.fd = -1;
	forget(c);
}

/* The relay tells it, and closes as one has to for that to arrive. */
static void
answer(struct client *c, const char *text, size_t n)
{
	const struct encl_relay_end nowhere = {.kind = ENCL_RELAY_OPEN, .fd = -1};
	struct encl_relay_visitor v = {.refusal = text, .n_refusal = n};
	int fd = c->watch.fd;

	forget(c);
	v.fd = fd;
	encl_relay_adopt(the.relay, &v, &nowhere);
}

static void
refuse(struct client *c, int status, const char *why)
{
	char text[EGRESS_ANSWER];
	size_t n = egress_say_answer(status, text, "egress: ", why);

	answer(c, text, n);
}

static void
pass_on(struct client *c)
{
	const struct encl_relay_end parent = {.kind = ENCL_RELAY_VSOCK,
					      .cid = the.cid,
					      .port = the.parent,
					      .framed = the.framed,
					      .timeout_ms = CONNECT_MS};
	char text[EGRESS_ANSWER];
	struct encl_relay_visitor v = {
		.fd = c->watch.fd,
		.head = c->bytes,
		.n_head = c->n,
		.refusal = text,
		.n_refusal = egress_say_answer(
			502, text, "egress: the parent's proxy does not answer"),
	};

	c->bytes = NULL;
	forget(c);
	encl_relay_adopt(the.relay, &v, &parent);
	free((char *)(uintptr_t)v.head);
}

/* ---- requests ---- */

static char *
put(char *at, const void *p, size_t n)
{
	if (n)
		memcpy(at, p, n);
	return at + n;
}

/*
 * What the parent gets instead of the request: where to, and for a plain one
 * that no answer is wanted but that it failed; then the bytes for the target.
 */
static bool
rewrite(struct client *c, const struct egress_request *r, size_t head)
{
	static const char plain[] = "Enclave-Plain: yes\r\n";
	char start[2 * EGRESS_AUTHORITY + 64];
	const size_t rest = c->n - head;
	char *bytes;
	char *at;

	join(start, "CONNECT ", r->target.authority,
	     " HTTP/1.1\r\nHost: ", r->target.authority, "\r\n");
	bytes = malloc(strlen(start) + sizeof plain + 2 + r->n_head + rest);
	if (!bytes)
		return false;
	at = put(bytes, start, strlen(start));
	at = put(at, plain, r->connect ? 0 : sizeof plain - 1);
	at = put(at, "\r\n", 2);
	at = put(at, r->head, r->n_head);
	at = put(at, c->bytes + head, rest);
	free(c->bytes);
	c->bytes = bytes;
	c->n = (size_t)(at - bytes);
	return true;
}

static void
allowed(struct client *c, const struct egress_request *r, size_t head)
{
	if (!rewrite(c, r, head)) {
		refuse(c, 503, "no memory");
		return;
	}
	if (the.parent) {
		pass_on(c);
		return;
	}
	c->waiting = true;
	c->until = loop_ms() + (the.no_vsock ? 0 : PARENT_MS);
	loop_change(&c->watch, 0); /* an end or an error is told all the same */
}

static void
take_request(struct client *c, size_t head)
{
	const struct egress_rule *rule;
	struct egress_request r;
	char text[EGRESS_ANSWER];
	const char *why;
	int status = egress_request_parse(c->bytes, head, &r, &why);

	if (status) {
		egress_log_refused(c->bytes, head, why);
		refuse(c, status, why);
	} else if (egress_match(the.config->allow, the.config->n_allow, &r.target,
				&rule) != EGRESS_ALLOWED) {
		egress_log_denied(&r.target, rule);
		answer(c, text, egress_answer_denied(&r.target, rule, text));
	} else {
		allowed(c, &r, head);
	}
	free(r.head);
}

static void
client_ready(struct watch *w, uint32_t events)
{
	struct client *c = w->arg;
	ssize_t n;
	size_t head;

	(void)events;
	if (c->waiting) { /* it has left */
		drop(c);
		return;
	}
	n = recv(w->fd, c->bytes + c->n, EGRESS_HEAD_MAX - c->n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->n += (size_t)n;
	head = http_head_end(c->bytes, c->n);
	if (head) {
		take_request(c, head);
	} else if (c->n == EGRESS_HEAD_MAX) {
		egress_log_refused(c->bytes, c->n, "the head is too large");
		refuse(c, 431, "the head is too large");
	}
}

/* ---- listeners and the clock ---- */

static bool
is_full(void)
{
	return the.n >= CLIENTS_MAX ||
	       the.n + encl_relay_connections(the.relay) >= ENCL_RELAY_MAX;
}

/* Those that come wait in the listeners' queues; the clock looks again. */
static void
pause_listeners(bool paused)
{
	the.paused = paused;
	for (size_t i = 0; i < the.n_listeners; i++)
		loop_change(&the.listeners[i], paused ? 0 : EPOLLIN);
}

static void
keep_sweeping(void)
{
	if (!the.sweep.at && (the.clients || the.paused))
		loop_timer(&the.sweep, SWEEP_MS);
}

static void
sweep(struct timer *t)
{
	const uint64_t now = loop_ms();
	struct client *next;

	(void)t;
	for (struct client *c = the.clients; c; c = next) {
		next = c->next;
		if (now < c->until)
			continue;
		if (!c->waiting)
			drop(c);
		else
			refuse(c, 503,
			       the.no_vsock ? "there is no vsock, and so no way out"
					    : "the parent has no proxy for it; it is "
					      "started with enclavebuild run");
	}
	if (the.paused && !is_full())
		pause_listeners(false);
	keep_sweeping();
}

static bool
begin(int fd)
{
	struct client *c = calloc(1, sizeof *c);
	char *bytes = malloc(EGRESS_HEAD_MAX);

	if (!c || !bytes) {
		free(c);
		free(bytes);
		return false;
	}
	c->bytes = bytes;
	c->watch.ready = client_ready;
	c->watch.arg = c;
	c->until = loop_ms() + HEAD_MS;
	c->next = the.clients;
	if (loop_watch(&c->watch, fd, EPOLLIN)) {
		free(bytes);
		free(c);
		return false;
	}
	if (c->next)
		c->next->previous = c;
	the.clients = c;
	the.n++;
	return true;
}

static void
came(struct watch *w, uint32_t events)
{
	int fd = -1;

	(void)events;
	if (!is_full()) {
		fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno != EMFILE && errno != ENFILE && errno != ENOMEM &&
		    errno != ENOBUFS)
			return;
	}
	if (fd < 0)
		pause_listeners(true);
	else if (!begin(fd))
		close(fd);
	keep_sweeping();
}

static void
add_listener(const char *address)
{
	const char *port = guest_dec(the.config->egress);
	struct watch *w = &the.listeners[the.n_listeners];
	int fd;

	if (the.n_listeners == LISTENERS_MAX)
		return;
	fd = launch_listen(address, the.config->egress);
	w->ready = came;
	if (fd < 0 || loop_watch(w, fd, EPOLLIN)) {
		say("egress: listen on ", address, ":", port, ": ", guest_why());
		if (fd >= 0)
			close(fd);
		return;
	}
	the.n_listeners++;
	say("egress: proxy on ", address, ":", port, ", ", guest_dec(the.config->n_allow),
	    the.config->n_allow == 1 ? " rule" : " rules");
}

static void
relay_ready(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	encl_relay_step(the.relay);
}

void
launch_egress(const struct config *c)
{
	if (!c->egress)
		return;
	the.config = c;
	the.no_vsock = !launch_has_vsock();
	the.framed = guest_boot_word("enclave.relay=framed");
	/* vhost-device-vsock has the parent at 2 (docs/run.md) */
	the.cid = guest_boot_word("enclave.heartbeat=2") ? 2 : 3;
	the.sweep.expired = sweep;
	the.relay = encl_relay_new(0);
	the.relay_watch.ready = relay_ready;
	if (!the.relay ||
	    loop_watch(&the.relay_watch, encl_relay_fd(the.relay), EPOLLIN)) {
		say("egress: ", guest_why());
		return;
	}
	add_listener("127.0.0.1");
	for (size_t i = 0; i < c->egress_gateways.n; i++)
		add_listener(c->egress_gateways.v[i]);
}

bool
launch_egress_parent(uint32_t port)
{
	struct client *next;

	if (!the.config)
		return false;
	the.parent = port;
	for (struct client *c = the.clients; c; c = next) {
		next = c->next;
		if (c->waiting)
			pass_on(c);
	}
	return true;
}
