/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client to what the Nitro Secure Module is asked. */
#include "launch/attest_request.h"

#include <string.h>

#include "launch/base64.h"
#include "launch/http_head.h"
#include "launch/json.h"

enum {
	MORE = 0,
	GOOD = 200,
	BAD = 400,
	UNKNOWN = 404,
	METHOD = 405,
	LARGE = 413,
	HEAD_LARGE = 431,
	NOT_DONE = 501
};

/* Of the longest value, every character escaped. */
enum { TEXT_MAX = (NSM_PUBLIC_KEY_MAX + 2) / 3 * 4 + 2 };

struct parsing {
	struct http_head head;
	struct attest_request *out;
	const char *why;
};

static int
deny(struct parsing *p, int status, const char *why)
{
	p->why = why;
	return status;
}

/* ---- the head ---- */

static bool
is_method(const struct parsing *p, const char *name)
{
	const struct http_part *m = &p->head.method;

	return m->n == strlen(name) && !memcmp(m->at, name, m->n);
}

/* "nonce=HEX", or nothing */
static int
take_query(struct parsing *p, struct http_part query)
{
	static const char key[] = "nonce=";
	const size_t skip = sizeof key - 1;
	struct attest_request *out = p->out;
	size_t n;

	if (query.n < skip || memcmp(query.at, key, skip) != 0)
		return deny(p, BAD, "the one thing that can be asked for is ?nonce=HEX");
	if (!hex_decode(query.at + skip, query.n - skip, out->nonce, sizeof out->nonce,
			&n) ||
	    !n)
		return deny(p, BAD, "a nonce is 1 to 512 bytes in hexadecimal digits");
	out->ask.nonce = (struct nsm_bytes){out->nonce, n};
	return GOOD;
}

/* What is asked for, and whether a body says more about it. */
static int
take_target(struct parsing *p, bool *has_body)
{
	struct http_part query = p->head.target;
	struct http_part path;
	const bool more = http_part_cut(&query, '?', &path);
	const bool get = is_method(p, "GET");

	if (!more)
		path = query;
	if (path.n == strlen("/v1/pcrs") && !memcmp(path.at, "/v1/pcrs", path.n)) {
		p->out->question = NSM_REGISTERS;
		if (more)
			return deny(p, BAD, "/v1/pcrs takes no query");
		return get ? GOOD : deny(p, METHOD, "/v1/pcrs takes GET");
	}
	if (path.n != strlen("/v1/attestation") ||
	    memcmp(path.at, "/v1/attestation", path.n) != 0)
		return deny(p, UNKNOWN, "there are /v1/attestation and /v1/pcrs");
	p->out->question = NSM_DOCUMENT;
	*has_body = is_method(p, "POST");
	if (!get && !*has_body)
		return deny(p, METHOD, "/v1/attestation takes GET and POST");
	if (more && *has_body)
		return deny(p, BAD, "a POST says all in its body");
	return more ? take_query(p, query) : GOOD;
}

/* *length: of the body. */
static int
take_length(struct parsing *p, bool has_body, size_t *length)
{
	struct http_part value;
	size_t n = http_head_find(&p->head, "transfer-encoding", &value);

	if (n)
		return deny(p, NOT_DONE, "the body needs a Content-Length");
	n = http_head_find(&p->head, "content-length", &value);
	if (n > 1)
		return deny(p, BAD, "the body's length is given twice");
	if (!n)
		return has_body ? deny(p, BAD, "the body has no Content-Length") : GOOD;
	if (!value.n || value.n > 9)
		return deny(p, value.n ? LARGE : BAD,
			    value.n ? "the body is larger than 8192 bytes"
				    : "Content-Length is no number");
	for (size_t i = 0; i < value.n; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return deny(p, BAD, "Content-Length is no number");
		*length = *length * 10 + (size_t)(value.at[i] - '0');
	}
	if (*length > ATTEST_BODY_MAX)
		return deny(p, LARGE, "the body is larger than 8192 bytes");
	if (*length && !has_body)
		return deny(p, BAD, "a GET has no body");
	return GOOD;
}

/* ---- the body ---- */

struct field {
	const char *key;
	uint8_t *to;
	size_t room;
	struct nsm_bytes *bytes;
	const char *why;
};

static int
take_field(struct parsing *p, const struct json *j, const struct field *f)
{
	char text[TEXT_MAX];
	size_t n;

	switch (json_kind(j, f->key)) {
	case JSON_ABSENT:
	case JSON_NULL:
		return GOOD;
	case JSON_TEXT:
		break;
	case JSON_OTHER:
		return deny(p, BAD, f->why);
	}
	/* what is cut is too long, and no base64 */
	json_text(j, f->key, text, sizeof text);
	if (!base64_decode(text, f->to, f->room, &n) || !n)
		return deny(p, BAD, f->why);
	*f->bytes = (struct nsm_bytes){f->to, n};
	return GOOD;
}

static int
take_object(struct parsing *p, const struct json *j)
{
	static const char *const keys[] = {"nonce", "userData", "publicKey", NULL};
	struct attest_request *out = p->out;
	const struct field fields[] = {
		{keys[0], out->nonce, sizeof out->nonce, &out->ask.nonce,
		 "nonce is not 1 to 512 bytes in base64"},
		{keys[1], out->user_data, sizeof out->user_data, &out->ask.user_data,
		 "userData is not 1 to 512 bytes in base64"},
		{keys[2], out->public_key, sizeof out->public_key, &out->ask.public_key,
		 "publicKey is not 1 to 1024 bytes in base64"},
	};

	if (!json_is_of(j, keys))
		return deny(p, BAD,
			    "the body is not {\"nonce\", \"userData\", \"publicKey\"}, "
			    "each of them once at most");
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (take_field(p, j, &fields[i]) != GOOD)
			return BAD;
	return GOOD;
}

static int
take_body(struct parsing *p, const char *body, size_t n)
{
	struct json j;
	int status;

	if (memchr(body, 0, n) || !json_parse(&j, body, n))
		return deny(p, BAD, "the body is no JSON object");
	status = take_object(p, &j);
	json_clear(&j);
	return status;
}

int
attest_request_parse(const char *p, size_t n, struct attest_request *out,
		     const char **why)
{
	struct parsing parsing = {.out = out};
	const size_t head = http_head_end(p, n);
	bool has_body = false;
	size_t length = 0;
	int status;

	memset(out, 0, sizeof *out);
	*why = NULL;
	if (head > ATTEST_HEAD_MAX || (!head && n >= ATTEST_HEAD_MAX)) {
		*why = "the head is larger than 4096 bytes";
		return HEAD_LARGE;
	}
	if (!head)
		return MORE;
	if (!http_head_read(&parsing.head, p, head)) {
		*why = parsing.head.why;
		return BAD;
	}
	status = take_target(&parsing, &has_body);
	if (status == GOOD)
		status = take_length(&parsing, has_body, &length);
	if (status == GOOD && n - head < length)
		return MORE;
	if (status == GOOD && n - head > length)
		status = deny(&parsing, BAD, "the request goes on behind its end");
	if (status == GOOD && has_body)
		status = take_body(&parsing, p + head, length);
	*why = parsing.why;
	return status;
}
