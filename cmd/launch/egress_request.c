/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head, read strictly, and what is passed on of it. */
#include "launch/egress_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BAD = 400, NOT_DONE = 501, NO_MEMORY = 503 };

/* ---- what it means ---- */

static bool
check_host(struct http_head *h, const struct egress_target *target, unsigned standard)
{
	struct egress_target named;
	struct http_part value;
	size_t n = http_head_find(h, "host", &value);

	if (n > 1)
		return http_head_wrong(h, "there are two Host lines");
	if (!n)
		return h->old || http_head_wrong(h, "there is no Host line");
	if (egress_target_parse(value.at, value.n, standard, &named) ||
	    strcmp(named.authority, target->authority) != 0)
		return http_head_wrong(h, "the Host line is not of the request's target");
	return true;
}

static bool
check_body(struct http_head *h, int *status)
{
	struct http_part length;
	struct http_part coding;
	size_t lengths = http_head_find(h, "content-length", &length);
	size_t codings = http_head_find(h, "transfer-encoding", &coding);

	*status = BAD;
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return http_head_wrong(h, "the body's length is given twice");
	for (size_t i = 0; lengths && i < length.n; i++)
		if (length.at[i] < '0' || length.at[i] > '9')
			return http_head_wrong(h, "Content-Length is no number");
	if (lengths && (!length.n || length.n > 18))
		return http_head_wrong(h, "Content-Length is no number");
	*status = NOT_DONE;
	if (codings && (h->old || !http_part_is(coding, "chunked")))
		return http_head_wrong(h, "a Transfer-Encoding other than \"chunked\"");
	return true;
}

/* ---- what is passed on ---- */

static bool
is_listed(struct http_part list, struct http_part name)
{
	struct http_part one;

	while (http_part_cut(&list, ',', &one)) {
		one = http_part_trimmed(one);
		if (one.n == name.n && !strncasecmp(one.at, name.at, one.n))
			return true;
	}
	list = http_part_trimmed(list);
	return list.n == name.n && !strncasecmp(list.at, name.at, list.n);
}

/* Is it between the client and us alone, or one that is written anew? */
static bool
stays(const struct http_head *h, struct http_part name)
{
	static const char *const ours[] = {
		"host",
		"connection",
		"keep-alive",
		"proxy-connection",
		"proxy-authorization",
		"te",
		"trailer",
		"upgrade",
	};

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (http_part_is(name, ours[i]))
			return true;
	if (http_part_is(name, "content-length") ||
	    http_part_is(name, "transfer-encoding"))
		return false;
	for (size_t i = 0; i < h->n; i++)
		if (http_part_is(h->names[i], "connection") &&
		    is_listed(h->values[i], name))
			return true;
	return false;
}

static char *
put(char *at, const char *text, size_t n)
{
	memcpy(at, text, n);
	return at + n;
}

static char *
put_text(char *at, const char *text)
{
	return put(at, text, strlen(text));
}

/* path: of the target, from its "/" or "?" on, or nothing. */
static bool
write_head(const struct http_head *h, struct http_part path, size_t n,
	   struct egress_request *out)
{
	const char *authority = out->target.authority;
	size_t host = strlen(authority) - (out->target.port == 80 ? strlen(":80") : 0);
	char *at = malloc(n + EGRESS_AUTHORITY + 128);

	if (!at)
		return false;
	out->head = at;
	at = put(at, h->method.at, h->method.n);
	at = put_text(at, path.n && path.at[0] == '/' ? " " : " /");
	at = put(at, path.at, path.n);
	at = put_text(at, " HTTP/1.1\r\nHost: ");
	at = put(at, authority, host);
	at = put_text(at, "\r\n");
	for (size_t i = 0; i < h->n; i++) {
		if (stays(h, h->names[i]))
			continue;
		at = put(at, h->names[i].at, h->names[i].n);
		at = put_text(at, ": ");
		at = put(at, h->values[i].at, h->values[i].n);
		at = put_text(at, "\r\n");
	}
	at = put_text(at, "Connection: close\r\n\r\n");
	out->n_head = (size_t)(at - out->head);
	return true;
}

static int
take_plain(struct http_head *h, size_t n, struct egress_request *out)
{
	static const char scheme[] = "http://";
	const size_t skip = sizeof scheme - 1;
	struct http_part path = h->target;
	size_t authority = 0;
	int status;

	if (path.n > 8 && !strncasecmp(path.at, "https://", 8)) {
		h->why = "https goes by CONNECT";
		return BAD;
	}
	if (path.n < skip || strncasecmp(path.at, scheme, skip) != 0) {
		h->why = "this is a proxy: the target has to be http://HOST/PATH";
		return BAD;
	}
	path.at += skip;
	path.n -= skip;
	while (authority < path.n && !strchr("/?#", path.at[authority]))
		authority++;
	h->why = egress_target_parse(path.at, authority, 80, &out->target);
	if (!h->why && memchr(path.at, '#', path.n))
		h->why = "the target has a fragment";
	if (h->why || !check_host(h, &out->target, 80))
		return BAD;
	if (!check_body(h, &status))
		return status;
	path.at += authority;
	path.n -= authority;
	return write_head(h, path, n, out) ? 0 : NO_MEMORY;
}

static int
take_connect(struct http_head *h, struct egress_request *out)
{
	struct http_part ignored;

	out->connect = true;
	h->why = egress_target_parse(h->target.at, h->target.n, 0, &out->target);
	if (h->why)
		return BAD;
	if (http_head_find(h, "content-length", &ignored) ||
	    http_head_find(h, "transfer-encoding", &ignored)) {
		h->why = "a CONNECT has no body";
		return BAD;
	}
	return check_host(h, &out->target, out->target.port) ? 0 : BAD;
}

int
egress_request_parse(const char *head, size_t n, struct egress_request *out,
		     const char **why)
{
	struct http_head h = {.n = 0};
	int status = BAD;

	memset(out, 0, sizeof *out);
	if (http_head_read(&h, head, n))
		status = h.method.n == 7 && !memcmp(h.method.at, "CONNECT", 7)
				 ? take_connect(&h, out)
				 : take_plain(&h, n, out);
	*why = status == NO_MEMORY ? "no memory" : h.why;
	return status;
}
