/* SPDX-License-Identifier: Apache-2.0 */
/* The status channel's lines to the record, and what is asked there. */
#include <errno.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/parse.h"
#include "launch/document.h"
#include "launch/enclave_internal.h"
#include "launch/relay.h"
#include "launch/state_write.h"

/* Until launch listens; a slow machine unpacks for minutes. */
enum { TRY_MS = 600000, CHUNKS = 16 };

static void
leave(struct encl_life *l)
{
	encl_close_fd(encl_take(l->channel, -1));
}

void
encl_life_ask_status(struct encl_life *l)
{
	struct encl_relay_end target;
	struct encl_relay_visitor visitor = {0};
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd))
		return;
	encl_wall_target(&l->machine->wall, ENCL_PORT_STATUS, false, &target);
	target.timeout_ms = TRY_MS;
	target.retry = true;
	visitor.fd = fd[1];
	l->channel = fd[0];
	if (encl_relay_adopt(l->relay, &visitor, &target))
		leave(l);
}

bool
encl_life_say(struct encl_life *l, const char *line)
{
	size_t n = strlen(line);

	return l->channel >= 0 && l->status.greeted && !l->status.ended &&
	       send(l->channel, line, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* ---- attestation ---- */

/* A nonce of our own: an old document is not to pass for this enclave's. */
static void
ask_attestation(struct encl_life *l)
{
	char line[16 + 2 * ENCL_LIFE_NONCE] = "attest ";

	if (l->asked || RAND_bytes(l->nonce, sizeof l->nonce) != 1)
		return;
	l->asked = true;
	encl_hex(l->nonce, sizeof l->nonce, line + 7);
	line[7 + 2 * ENCL_LIFE_NONCE] = '\n';
	encl_life_say(l, line);
}

static json_t *
none(const char *why)
{
	return json_pack("{s:s}", "None", why);
}

static json_t *
attestation(const struct encl_life *l)
{
	struct encl_document d;
	struct encl_err e;
	char pcr0[2 * ENCL_DOCUMENT_PCR + 1];

	if (!l->status.text)
		return none(l->status.why);
	if (encl_document_decode(l->status.text, &d, &e))
		return none(e.msg);
	if (d.n_nonce != sizeof l->nonce || memcmp(d.nonce, l->nonce, d.n_nonce) != 0)
		return none("the document is not an answer to this question (nonce)");
	encl_hex(d.pcr0, sizeof d.pcr0, pcr0);
	return json_pack("{s:s, s:b, s:b}", "PCR0", pcr0, "Matches",
			 l->o->pcr0 && !strcmp(l->o->pcr0, pcr0), "Debug", d.debug);
}

/* ---- lines ---- */

static json_t *
units(const struct encl_status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_units; i++) {
		const struct encl_status_unit *u = &s->units[i];
		bool over = u->state == ENCL_UNIT_EXITED;

		json_array_append_new(
			list,
			json_pack(
				"{s:s, s:s, s:o, s:o, s:b}", "Name", u->name, "State",
				encl_status_state_name(u->state), "ExitCode",
				over && !u->signal ? json_integer(u->code) : json_null(),
				"Signal",
				over && u->signal ? json_integer(u->signal) : json_null(),
				"OOM", u->oom));
	}
	return list;
}

static void
greet(struct encl_life *l)
{
	char line[32];

	if (!l->egress)
		return;
	snprintf(line, sizeof line, "egress %u\n", l->egress_port);
	encl_life_say(l, line);
}

static void
take(struct encl_life *l, enum encl_status_event event)
{
	switch (event) {
	case ENCL_STATUS_UNIT:
		l->units_changed = true;
		break;
	case ENCL_STATUS_READY:
		if (l->ready_told)
			break;
		l->ready_told = true;
		encl_info(l->o->log, "the enclave is ready after %.1f s",
			  (double)(encl_clock_ms() - l->started) / 1000);
		/* also of one without units */
		encl_record_set(l->record, "NSM", json_boolean(l->status.nsm));
		encl_record_set(l->record, "Exec", json_boolean(l->status.exec));
		ask_attestation(l);
		break;
	case ENCL_STATUS_EGRESS:
		encl_debug(l->o->log, "egress: %s", l->status.egress ? "on" : "none");
		break;
	case ENCL_STATUS_ATTESTATION:
		encl_record_set(l->record, "Attestation", attestation(l));
		break;
	case ENCL_STATUS_END:
		l->ended_at = encl_clock_ms();
		break;
	case ENCL_STATUS_BROKEN:
		encl_warn(l->o->log, "status channel: %s", l->status.why);
		leave(l);
		break;
	case ENCL_STATUS_NONE:
		break;
	}
}

static void
feed(struct encl_life *l, const char *p, size_t n)
{
	bool before = l->status.greeted;
	enum encl_status_event event;
	size_t used;

	do {
		event = encl_status_feed(&l->status, p, n, &used);
		p += used;
		n -= used;
		if (!before && l->status.greeted) {
			before = true;
			greet(l);
		}
		take(l, event);
	} while (event != ENCL_STATUS_NONE && l->channel >= 0);
}

/* Once for all that was heard: an enclave can have 1024 of them change all the time. */
static void
record_units(struct encl_life *l)
{
	if (!l->units_changed)
		return;
	l->units_changed = false;
	encl_record_set(l->record, "NSM", json_boolean(l->status.nsm));
	encl_record_set(l->record, "Exec", json_boolean(l->status.exec));
	encl_record_set(l->record, "Units", units(&l->status));
}

void
encl_life_hear(struct encl_life *l)
{
	char chunk[8192];

	/* Whoever talks without end has the loop's other users wait for a turn only. */
	for (int i = 0; i < CHUNKS && l->channel >= 0; i++) {
		ssize_t n = recv(l->channel, chunk, sizeof chunk, 0);

		if (n > 0)
			feed(l, chunk, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR))
			leave(l);
		else
			break;
	}
	record_units(l);
}
