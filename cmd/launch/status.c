/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status channel (builder/launch/status.h): what the units do is told to
 * the parent, who may ask for an end, for its proxy and for an attestation.
 * All on the loop; who does not read, or breaks a rule, is cut off.
 */
#include "launch/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest/say.h"
#include "launch/base64.h"
#include "launch/docker.h"
#include "launch/launch.h"
#include "launch/nsm.h"
#include "launch/relay.h"
#include "launch/session.h"
#include "launch/unit.h"

enum {
	PORT = 9001,
	PEERS_MAX = 16,
	ASK_MAX = 256,	     /* a request's line */
	OUT_MAX = 192 << 10, /* all units in their longest lines, and more */
	COME_MS = 2000,	     /* since our start, where nobody has come yet */
	CLOSE_MS = 2000,     /* for the parent to close behind the last line */
	UNIT_LINE_MAX = 160,
	VSOCK_PORT_DIGITS = 10,
	NONCE_MIN = 8,
	NONCE_MAX = 64
};

struct peer {
	struct watch watch;
	char ask[ASK_MAX];
	unsigned ask_n;
	struct nsm_call call; /* its ask.nonce.n is 0 where it has not asked */
	uint8_t nonce[NONCE_MAX];
	size_t at, n; /* of out: what is to be sent */
	char out[OUT_MAX];
};

static struct {
	struct watch listener;
	struct timer timer;
	struct peer *peers[PEERS_MAX];
	uint64_t began; /* 0: there is no channel */
	bool exec, came, over;
	char end[32]; /* the last line, when it is known */
} the;

/* ---- out ---- */

static void
hang_up(struct peer *p)
{
	int fd = p->watch.fd;
	bool others = false;

	nsm_forget(&p->call);
	loop_unwatch(&p->watch);
	close(fd);
	for (unsigned i = 0; i < PEERS_MAX; i++) {
		if (the.peers[i] == p)
			the.peers[i] = NULL;
		others = others || the.peers[i];
	}
	free(p);
	if (the.end[0] && !others) {
		the.over = true;
		loop_stop();
	}
}

/* False where the peer is gone. */
static bool
flush(struct peer *p)
{
	while (p->at < p->n) {
		ssize_t n = send(p->watch.fd, p->out + p->at, p->n - p->at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n < 0) {
			hang_up(p);
			return false;
		}
		p->at += (size_t)n;
	}
	if (p->at == p->n)
		p->at = p->n = 0;
	loop_change(&p->watch, p->n ? EPOLLIN | EPOLLOUT : EPOLLIN);
	return true;
}

/* The parts as a line.  False where the peer is gone: it does not read. */
static bool
put(struct peer *p, const char *const *parts)
{
	memmove(p->out, p->out + p->at, p->n - p->at);
	p->n -= p->at;
	p->at = 0;
	for (; *parts; parts++) {
		size_t n = strlen(*parts);

		if (n >= sizeof p->out - p->n) { /* with room for the newline */
			hang_up(p);
			return false;
		}
		memcpy(p->out + p->n, *parts, n);
		p->n += n;
	}
	p->out[p->n++] = '\n';
	return true;
}

#define put_line(p, ...) put(p, (const char *const[]){__VA_ARGS__, 0})

static bool
tell(struct peer *p, const char *text, const char *more)
{
	return put_line(p, text, more) && flush(p);
}

static void
tell_all(const char *text)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (the.peers[i])
			tell(the.peers[i], text, "");
}

/* ---- units ---- */

static enum encl_status_unit_state
state_of(const struct unit *u)
{
	switch (u->state) {
	case UNIT_WAITING:
	case UNIT_STARTING:
		return ENCL_UNIT_STARTING;
	case UNIT_RUNNING:
	case UNIT_STOPPING:
		if (u->unhealthy)
			return ENCL_UNIT_UNHEALTHY;
		return u->healthy && u->config->health != HEALTH_NONE ? ENCL_UNIT_HEALTHY
								      : ENCL_UNIT_STARTED;
	case UNIT_BACKOFF:
		return ENCL_UNIT_RESTARTING;
	case UNIT_ENDED:
		break;
	}
	return u->stopped ? ENCL_UNIT_STOPPED : ENCL_UNIT_EXITED;
}

static void
unit_line(const struct unit *u, char out[UNIT_LINE_MAX])
{
	enum encl_status_unit_state state = state_of(u);
	bool told = state >= ENCL_UNIT_EXITED && u->last.known;
	unsigned n = (unsigned)(u->last.signal ? u->last.signal : u->last.code);

	join_texts(out, UNIT_LINE_MAX,
		   (const char *const[]){"unit ", u->config->name, " ",
					 encl_status_state_name(state),
					 !told		  ? ""
					 : u->last.signal ? " signal="
							  : " code=",
					 told ? guest_dec(n) : "",
					 told && u->last.oom ? " oom" : "", 0});
}

void
status_changed(const struct unit *u)
{
	char line[UNIT_LINE_MAX];

	if (u->state == UNIT_ENDED)
		exec_unit_ended(u);
	if (!the.came)
		return;
	unit_line(u, line);
	tell_all(line);
}

void
status_ready(void)
{
	tell_all("ready");
}

/* ---- attestations ---- */

static void
attested(struct nsm_call *c, const uint8_t *document, size_t n, const char *why,
	 bool refused)
{
	char text[(NSM_ANSWER_MAX + 2) / 3 * 4 + 1];

	(void)refused;
	c->ask.nonce.n = 0;
	if (document)
		text[base64_encode(document, n, text)] = 0;
	tell(c->arg, document ? "attestation " : "attestation none ",
	     document ? text : why);
}

/* The length, or 0 where text is no nonce: lower-case digits. */
static size_t
take_nonce(const char *text, uint8_t out[NONCE_MAX])
{
	size_t n = strlen(text);

	if (text[strspn(text, "0123456789abcdef")] ||
	    !hex_decode(text, n, out, NONCE_MAX, &n))
		return 0;
	return n < NONCE_MIN ? 0 : n;
}

/* ---- in ---- */

/* False where the peer is gone. */
static bool
ask_attestation(struct peer *p, const char *nonce)
{
	size_t n = p->call.ask.nonce.n ? 0 : take_nonce(nonce, p->nonce);

	if (!n) {
		hang_up(p);
		return false;
	}
	if (!nsm_there())
		return tell(p, "attestation none there is no Nitro Secure Module", "");
	p->call = (struct nsm_call){.question = NSM_DOCUMENT,
				    .ask = {.nonce = {p->nonce, n}},
				    .told = attested,
				    .arg = p};
	nsm_ask(&p->call);
	return true;
}

static bool
is_port(const char *text, uint32_t *out)
{
	uint64_t v = 0;

	if (!*text || *text == '0' || strlen(text) > VSOCK_PORT_DIGITS)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned)(*text - '0');
	}
	*out = (uint32_t)v;
	return v < UINT32_MAX;
}

/* False where the peer is gone. */
static bool
take_line(struct peer *p, const char *line)
{
	uint32_t port;

	if (strcmp(line, "stop") == 0) {
		say("the parent asks to stop");
		units_stop();
		return true;
	}
	if (strncmp(line, "attest ", 7) == 0)
		return ask_attestation(p, line + 7);
	if (strncmp(line, "egress ", 7) == 0 && is_port(line + 7, &port))
		return tell(p, launch_egress_parent(port) ? "egress on" : "egress none",
			    "");
	hang_up(p);
	return false;
}

static bool
is_here(const struct peer *p)
{
	for (unsigned i = 0; i < PEERS_MAX; i++)
		if (the.peers[i] == p)
			return true;
	return false;
}

static void
take(struct peer *p, const char *bytes, size_t n)
{
	for (; n; bytes++, n--) {
		if (*bytes != '\n') {
			p->ask[p->ask_n++] = *bytes;
			if (p->ask_n < sizeof p->ask && *bytes >= ' ' && *bytes <= '~')
				continue;
			hang_up(p);
			return;
		}
		p->ask[p->ask_n] = 0;
		p->ask_n = 0;
		/* stop may tell so much that a peer who does not read is cut off */
		if (!take_line(p, p->ask) || !is_here(p))
			return;
	}
}

static void
ready(struct watch *w, uint32_t events)
{
	struct peer *p = w->arg;
	char bytes[512];
	ssize_t n;

	if ((events & EPOLLOUT) && !flush(p))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(p->watch.fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > 0)
		take(p, bytes, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		hang_up(p);
}

/* ---- who comes ---- */

/* The state as it is. */
static void
greet(struct peer *p)
{
	bool alive = put_line(p, "enclave-status 1\nnsm ", nsm_there() ? "yes" : "no",
			      the.exec ? "\nexec yes" : "\nexec no");
	const struct unit *u;

	for (size_t i = 0; alive && (u = unit_at(i)); i++) {
		char line[UNIT_LINE_MAX];

		unit_line(u, line);
		alive = put_line(p, line);
	}
	if (alive && units_ready())
		alive = put_line(p, "ready");
	if (alive && the.end[0])
		alive = put_line(p, the.end);
	if (alive)
		flush(p);
}

static void
came(struct watch *w, uint32_t events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	unsigned i = 0;
	struct peer *p;

	(void)events;
	if (fd < 0)
		return;
	while (i < PEERS_MAX && the.peers[i])
		i++;
	p = i < PEERS_MAX && !encl_relay_is_own(fd) ? malloc(sizeof *p) : NULL;
	if (!p) {
		close(fd);
		return;
	}
	memset(p, 0, offsetof(struct peer, out));
	p->watch.ready = ready;
	p->watch.arg = p;
	if (loop_watch(&p->watch, fd, EPOLLIN)) {
		close(fd);
		free(p);
		return;
	}
	the.peers[i] = p;
	if (!the.came && the.end[0])
		loop_timer(&the.timer, CLOSE_MS);
	the.came = true;
	greet(p);
}

void
status_start(bool exec)
{
	const struct encl_relay_end end = {.kind = ENCL_RELAY_VSOCK, .port = PORT};
	int fd;

	if (!launch_has_vsock())
		return;
	fd = encl_relay_listen(&end);
	the.listener.ready = came;
	the.exec = exec;
	if (fd < 0 || loop_watch(&the.listener, fd, EPOLLIN)) {
		say("status: listen on vsock ", guest_dec(PORT), ": ", guest_why());
		if (fd >= 0)
			close(fd);
		return;
	}
	the.began = loop_ms();
}

/* ---- the end ---- */

static void
enough(struct timer *t)
{
	(void)t;
	the.over = true;
	loop_stop();
}

void
status_end(int code, int signal)
{
	uint64_t age = loop_ms() - the.began;
	bool anyone = false;

	if (!the.began)
		return;
	join_texts(the.end, sizeof the.end,
		   (const char *const[]){signal ? "end signal=" : "end code=",
					 guest_dec((unsigned)(signal ? signal : code)),
					 0});
	the.timer = (struct timer){.expired = enough};
	the.over = false;
	tell_all(the.end);
	for (unsigned i = 0; i < PEERS_MAX; i++)
		anyone = anyone || the.peers[i];
	if (the.came ? !anyone : age >= COME_MS)
		return;
	loop_timer(&the.timer, the.came ? CLOSE_MS : COME_MS - age);
	while (!the.over)
		loop_run();
}
