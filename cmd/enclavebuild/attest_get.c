/* SPDX-License-Identifier: Apache-2.0 */
/* `attest get`: a document of an enclave that runs here, over its status channel. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "image.h"
#include "launch/state.h"
#include "launch/status.h"
#include "launch/wall.h"
#include "verbs.h"

enum { CONNECT_MS = 10000, ANSWER_MS = 30000, NONCE = 32, NONCE_MIN = 8, NONCE_MAX = 64 };

int
attest_nonce(struct encl_buf *out, struct encl_err *e)
{
	uint8_t bytes[NONCE];

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return encl_fail(e, ENCL_HOST, "there are no random numbers");
	encl_buf_add(out, bytes, sizeof bytes);
	return 0;
}

static void
status_clear_at(struct encl_status *s)
{
	encl_status_clear(s);
}

static int
take_answer(const struct encl_status *s, struct encl_buf *out, struct encl_err *e)
{
	if (!s->text) {
		encl_auto(encl_free) char *why = printable(s->why);

		return encl_fail(e, ENCL_FAILED, "is not attested: %s", why);
	}
	return encl_attestation_unwrap((const uint8_t *)s->text, strlen(s->text), out, e);
}

/* Reads on until the answer is there. */
static int
wait_answer(int fd, struct encl_buf *out, struct encl_err *e)
{
	encl_auto(status_clear) struct encl_status s;
	uint64_t deadline = encl_clock_ms() + ANSWER_MS;
	char chunk[4096];

	encl_status_init(&s);
	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		uint64_t now = encl_clock_ms();
		ssize_t n = 0;

		if (now >= deadline || poll(&p, 1, (int)(deadline - now)) == 0)
			return encl_fail(e, ENCL_HOST, "has not answered in %d s",
					 ANSWER_MS / 1000);
		n = recv(fd, chunk, sizeof chunk, 0);
		if (n <= 0)
			return encl_fail(e, ENCL_HOST, "ended the connection");
		for (size_t at = 0, used = 0; at < (size_t)n; at += used) {
			enum encl_status_event event =
				encl_status_feed(&s, chunk + at, (size_t)n - at, &used);

			if (event == ENCL_STATUS_ATTESTATION)
				return take_answer(&s, out, e);
			if (event == ENCL_STATUS_BROKEN)
				return encl_fail(e, ENCL_FAILED,
						 "does not keep to the status channel's "
						 "rules: %s",
						 s.why);
		}
	}
}

int
attest_ask(const char *name, const struct encl_buf *nonce, struct encl_buf *out,
	   struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {0};
	encl_auto(encl_wall_clear) struct encl_wall wall = {0};
	encl_auto(encl_close_fd) int fd = -1;
	char hex[2 * NONCE_MAX + 1];
	char line[sizeof "attest \n" + sizeof hex];
	int n;

	if (nonce->len < NONCE_MIN || nonce->len > NONCE_MAX)
		return encl_fail(e, ENCL_USAGE, "--nonce: %d to %d bytes", NONCE_MIN,
				 NONCE_MAX);
	if (encl_state_find(name, &s, e) || encl_state_wall(&s, &wall, e))
		return -1;
	if (encl_wall_connect(&wall, ENCL_PORT_STATUS, CONNECT_MS, &fd, e))
		return encl_wrap(e, "%s", name);
	encl_hex(nonce->data, nonce->len, hex);
	n = snprintf(line, sizeof line, "attest %s\n", hex);
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return encl_fail_sys(e, ENCL_HOST, "%s: ask for an attestation", name);
	return wait_answer(fd, out, e) ? encl_wrap(e, "%s", name) : 0;
}

static int
give(struct cli *cli, const char *path, const struct encl_buf *document,
     const struct encl_buf *nonce, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_xmalloc(document->len / 3 * 4 + 5);
	encl_auto(encl_free) char *hex = encl_xmalloc(2 * nonce->len + 1);

	encl_hex(nonce->data, nonce->len, hex);
	EVP_EncodeBlock((unsigned char *)text, document->data, (int)document->len);
	if (path && encl_write_file(path, document->data, document->len, 0644, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *v =
			json_pack("{s:s, s:s}", "Nonce", hex, "Document", text);

		report_json(v);
	} else {
		if (!path)
			report("%s\n", text);
		encl_info(&cli->log, "nonce %s", hex);
	}
	return 0;
}

int
attest_get(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const char *const known[] = {"nonce", "output", "json"};
	encl_auto(encl_buf_clear) struct encl_buf nonce = {.cap = ENCL_ATTESTATION_FIELD};
	encl_auto(encl_buf_clear) struct encl_buf document = {
		.cap = ENCL_ATTESTATION_MAX};

	for (const struct option_spec *o = cmd_attest.options; o->name; o++) {
		bool ok = !args_has(args, o->name);

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			ok = ok || !strcmp(o->name, known[i]);
		if (!ok)
			return encl_fail(e, ENCL_USAGE, "attest get: takes no --%s",
					 o->name);
	}
	if (attest_bytes(args, "nonce", &nonce, e) ||
	    (!nonce.len && attest_nonce(&nonce, e)) ||
	    attest_ask(args->operands[1], &nonce, &document, e))
		return -1;
	return give(cli, args_get(args, "output"), &document, &nonce, e);
}
