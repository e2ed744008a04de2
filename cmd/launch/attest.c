/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attestation.api: documents of the Nitro Secure Module for the programs
 * (127.0.0.1) and containers (their gateway) of the enclave, over HTTP.  One request
 * a connection; whoever is slow makes room for those that come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launch/attest_request.h"
#include "launch/base64.h"
#include "launch/docker.h"
#include "launch/launch.h"
#include "launch/loop.h"

enum {
	CLIENTS_MAX = 64,
	LISTENERS_MAX = 8,
	REQUEST_MS = 10000, /* until it is there; and the answer is taken */
	CLOSE_MS = 2000,    /* for the client to close behind the answer */
	PAUSE_MS = 100,
	HEAD_ROOM = 256,
	PCR_ROOM = 2 * NSM_PCR_SIZE + 16, /* "PCR31":"…", and in locked: 31, */
	ANSWER_ROOM = HEAD_ROOM + NSM_ANSWER_MAX
};

enum phase { READING, ASKING, ANSWERING, CLOSING };

struct client {
	struct watch watch;
	struct timer timer;
	struct client *next; /* those that came before */
	enum phase phase;
	struct nsm_call call;
	struct attest_request request;
	size_t n, at; /* of bytes: what is there, and what of it is sent */
	char bytes[ANSWER_ROOM];
};
_Static_assert((int)ANSWER_ROOM > (int)ATTEST_REQUEST_MAX, "a request and a NUL fit");

static struct {
	const struct config *config;
	struct watch listeners[LISTENERS_MAX];
	size_t n_listeners;
	bool paused;
	struct timer again;
	struct client *clients; /* the last one that came first */
	unsigned n;
} the;

/* ---- clients ---- */

static void
pause_listeners(bool paused)
{
	if (paused == the.paused)
		return;
	the.paused = paused;
	for (size_t i = 0; i < the.n_listeners; i++)
		loop_change(&the.listeners[i], paused ? 0 : EPOLLIN);
	if (paused)
		loop_timer(&the.again, PAUSE_MS);
	else
		loop_timer_stop(&the.again);
}

static void
again(struct timer *t)
{
	(void)t;
	pause_listeners(false);
}

static void
drop(struct client *c)
{
	struct client **p = &the.clients;
	int fd = c->watch.fd;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	the.n--;
	nsm_forget(&c->call);
	loop_timer_stop(&c->timer);
	loop_unwatch(&c->watch);
	close(fd);
	free(c);
	pause_listeners(false);
}

static void
expired(struct timer *t)
{
	drop(t->arg);
}

/* All is sent.  Closed at once, what the client still sends would destroy it. */
static void
begin_close(struct client *c)
{
	c->phase = CLOSING;
	shutdown(c->watch.fd, SHUT_WR);
	loop_change(&c->watch, EPOLLIN);
	loop_timer(&c->timer, CLOSE_MS);
}

static void
flush(struct client *c)
{
	while (c->at < c->n) {
		ssize_t n = send(c->watch.fd, c->bytes + c->at, c->n - c->at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			drop(c);
			return;
		}
		c->at += (size_t)n;
	}
	begin_close(c);
}

/* ---- answers ---- */

static const char *
reason(int status)
{
	switch (status) {
	case 200:
		return "200 OK";
	case 400:
		return "400 Bad Request";
	case 404:
		return "404 Not Found";
	case 405:
		return "405 Method Not Allowed";
	case 413:
		return "413 Content Too Large";
	case 431:
		return "431 Request Header Fields Too Large";
	case 501:
		return "501 Not Implemented";
	default:
		return "503 Service Unavailable";
	}
}

static void
answer(struct client *c, int status, const char *type, const void *body, size_t n)
{
	char *out = c->bytes;

	join_texts(out, HEAD_ROOM,
		   (const char *const[]){"HTTP/1.1 ", reason(status),
					 "\r\nContent-Type: ", type,
					 "\r\nContent-Length: ", guest_dec(n),
					 "\r\nCache-Control: no-store"
					 "\r\nConnection: close\r\n\r\n",
					 0});
	c->n = strlen(out);
	memcpy(out + c->n, body, n);
	c->n += n;
	c->at = 0;
	c->phase = ANSWERING;
	loop_change(&c->watch, EPOLLOUT);
	loop_timer(&c->timer, REQUEST_MS);
	flush(c);
}

/* why: what the module says is printable, its quotes are not to end ours. */
static void
refuse(struct client *c, int status, const char *why)
{
	char text[2 * NSM_WHY + 64] = "{\"error\":\"";
	size_t n = strlen(text);

	for (; *why && n < sizeof text - 6; why++) {
		if (*why == '"' || *why == '\\')
			text[n++] = '\\';
		text[n++] = *why;
	}
	memcpy(text + n, "\"}\n", 3);
	answer(c, status, "application/json", text, n + 3);
}

/* {"pcrs":{"PCR0":"…"},"locked":[0,…]} */
static void
answer_registers(struct client *c, const struct nsm_pcr *pcrs, size_t n)
{
	char text[NSM_PCRS * PCR_ROOM + 64];
	char *at = text;
	bool first = true;

	at = stpcpy(at, "{\"pcrs\":{");
	for (size_t i = 0; i < n; i++) {
		at = stpcpy(at, i ? ",\"PCR" : "\"PCR");
		at = stpcpy(at, guest_dec(i));
		at = stpcpy(at, "\":\"");
		hex_encode(pcrs[i].value, NSM_PCR_SIZE, at);
		at = stpcpy(at + strlen(at), "\"");
	}
	at = stpcpy(at, "},\"locked\":[");
	for (size_t i = 0; i < n; i++) {
		if (!pcrs[i].locked)
			continue;
		at = stpcpy(at, first ? "" : ",");
		at = stpcpy(at, guest_dec(i));
		first = false;
	}
	at = stpcpy(at, "]}\n");
	answer(c, 200, "application/json", text, (size_t)(at - text));
}

static void
told(struct nsm_call *call, const uint8_t *bytes, size_t n, const char *why, bool refused)
{
	struct client *c = call->arg;

	if (!bytes)
		refuse(c, refused ? 400 : 503, why);
	else if (call->question == NSM_REGISTERS)
		answer_registers(c, (const struct nsm_pcr *)(const void *)bytes,
				 n / sizeof(struct nsm_pcr));
	else
		answer(c, 200, "application/cbor", bytes, n);
}

/* ---- requests ---- */

static void
take(struct client *c)
{
	const char *why;
	int status;

	c->bytes[c->n] = 0;
	status = attest_request_parse(c->bytes, c->n, &c->request, &why);
	if (!status)
		return;
	if (status != 200) {
		refuse(c, status, why);
		return;
	}
	if (!nsm_there()) {
		refuse(c, 503,
		       "there is no Nitro Secure Module: nothing attests this machine");
		return;
	}
	c->phase = ASKING;
	loop_timer_stop(&c->timer); /* it is the module's turn, which has its own */
	loop_change(&c->watch, 0);  /* an end or an error is told all the same */
	c->call = (struct nsm_call){.question = c->request.question,
				    .ask = c->request.ask,
				    .told = told,
				    .arg = c};
	nsm_ask(&c->call);
}

static void
receive(struct client *c)
{
	const bool closing = c->phase == CLOSING;
	char *to = closing ? c->bytes : c->bytes + c->n;
	ssize_t n = recv(c->watch.fd, to,
			 closing ? ATTEST_REQUEST_MAX : ATTEST_REQUEST_MAX - c->n, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	if (closing)
		return;
	c->n += (size_t)n;
	take(c);
}

static void
ready(struct watch *w, uint32_t events)
{
	struct client *c = w->arg;

	if (c->phase == ASKING || (events & EPOLLERR))
		drop(c); /* it has left */
	else if (c->phase == ANSWERING)
		flush(c);
	else
		receive(c);
}

/* ---- who comes ---- */

/* Room for one more: who has been sending a request for longest goes. */
static bool
make_room(void)
{
	struct client *slow = NULL;

	if (the.n < CLIENTS_MAX)
		return true;
	for (struct client *c = the.clients; c; c = c->next)
		if (c->phase == READING || c->phase == CLOSING)
			slow = c;
	if (slow)
		drop(slow);
	return slow;
}

static void
begin(int fd)
{
	struct client *c = malloc(sizeof *c);

	if (!c) {
		close(fd);
		return;
	}
	memset(c, 0, offsetof(struct client, bytes));
	c->watch = (struct watch){.fd = -1, .ready = ready, .arg = c};
	c->timer = (struct timer){.expired = expired, .arg = c};
	if (loop_watch(&c->watch, fd, EPOLLIN)) {
		close(fd);
		free(c);
		return;
	}
	loop_timer(&c->timer, REQUEST_MS);
	c->next = the.clients;
	the.clients = c;
	the.n++;
}

static void
came(struct watch *w, uint32_t events)
{
	int fd;

	(void)events;
	if (!make_room()) {
		pause_listeners(true); /* until one of them has its answer */
		return;
	}
	fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		begin(fd);
	else if (errno != EAGAIN && errno != ECONNABORTED)
		pause_listeners(true); /* no descriptor is left, or no memory */
}

static void
add_listener(const char *address)
{
	const char *port = guest_dec(the.config->attest);
	struct watch *w = &the.listeners[the.n_listeners];
	int fd;

	if (the.n_listeners == LISTENERS_MAX)
		return;
	fd = launch_listen(address, the.config->attest);
	w->ready = came;
	if (fd < 0 || loop_watch(w, fd, EPOLLIN)) {
		say("attestation: listen on ", address, ":", port, ": ", guest_why());
		if (fd >= 0)
			close(fd);
		return;
	}
	the.n_listeners++;
	say("attestation: API on ", address, ":", port);
}

void
launch_attest(const struct config *c)
{
	if (!c->attest)
		return;
	the.config = c;
	the.again.expired = again;
	add_listener("127.0.0.1");
	for (size_t i = 0; i < c->attest_gateways.n; i++)
		add_listener(c->attest_gateways.v[i]);
}
