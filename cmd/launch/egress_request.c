/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head, read strictly, and what is passed on of it. */
#include "launch/egress_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BAD = 400, NOT_DONE = 501, NO_MEMORY = 503 };

struct part {
	const char *at;
	size_t n;
};

struct head {
	struct part method, target;
	bool old; /* HTTP/1.0 */
	struct part names[EGRESS_HEADERS_MAX], values[EGRESS_HEADERS_MAX];
	size_t n;
	const char *why;
};

size_t
egress_head_end(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i + 1 < n && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

/* ---- reading ---- */

static bool
is_token(struct part p)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < p.n; i++) {
		char c = p.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || (c && strchr(others, c))))
			return false;
	}
	return p.n > 0;
}

static bool
is(struct part p, const char *word)
{
	return p.n == strlen(word) && !strncasecmp(p.at, word, p.n);
}

static bool
wrong(struct head *h, const char *why)
{
	h->why = why;
	return false;
}

/* The part before the byte c, which goes too; the rest stays in *p. */
static bool
cut(struct part *p, char c, struct part *out)
{
	const char *end = memchr(p->at, c, p->n);

	if (!end)
		return false;
	*out = (struct part){p->at, (size_t)(end - p->at)};
	p->n -= out->n + 1;
	p->at = end + 1;
	return true;
}

static struct part
trimmed(struct part p)
{
	while (p.n && (p.at[0] == ' ' || p.at[0] == '\t')) {
		p.at++;
		p.n--;
	}
	while (p.n && (p.at[p.n - 1] == ' ' || p.at[p.n - 1] == '\t'))
		p.n--;
	return p;
}

static bool
read_request_line(struct head *h, struct part line)
{
	if (!cut(&line, ' ', &h->method) || !cut(&line, ' ', &h->target) ||
	    !is_token(h->method) || h->method.n > 32)
		return wrong(h, "the first line is not METHOD TARGET HTTP/1.1");
	h->old = line.n == 8 && !memcmp(line.at, "HTTP/1.0", 8);
	if (!h->old && (line.n != 8 || memcmp(line.at, "HTTP/1.1", 8) != 0))
		return wrong(h, "the first line is not METHOD TARGET HTTP/1.1");
	for (size_t i = 0; i < h->target.n; i++)
		if (h->target.at[i] <= ' ' || h->target.at[i] >= 0x7f)
			return wrong(h, "the target has a byte that no URL has");
	return h->target.n || wrong(h, "there is no target");
}

static bool
read_header(struct head *h, struct part line)
{
	struct part name;

	if (h->n == EGRESS_HEADERS_MAX)
		return wrong(h, "there are too many header lines");
	if (!cut(&line, ':', &name) || !is_token(name))
		return wrong(h, "a header line is not NAME: VALUE");
	for (size_t i = 0; i < line.n; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return wrong(h, "a header line has a control character");
	h->names[h->n] = name;
	h->values[h->n++] = trimmed(line);
	return true;
}

static bool
read_head(struct head *h, const char *p, size_t n)
{
	struct part all = {p, n};
	struct part line;
	bool first = true;

	while (cut(&all, '\n', &line)) {
		if (!line.n || line.at[line.n - 1] != '\r')
			return wrong(h, "a line does not end with CR LF");
		line.n--;
		if (!line.n && !first)
			return !all.n || wrong(h, "the head goes on behind its end");
		if (first ? !read_request_line(h, line) : !read_header(h, line))
			return false;
		first = false;
	}
	return wrong(h, "the head has no end");
}

/* How many there are of a name; the last one's value. */
static size_t
find(const struct head *h, const char *name, struct part *value)
{
	size_t found = 0;

	for (size_t i = 0; i < h->n; i++)
		if (is(h->names[i], name)) {
			*value = h->values[i];
			found++;
		}
	return found;
}

/* ---- what it means ---- */

static bool
check_host(struct head *h, const struct egress_target *target, unsigned standard)
{
	struct egress_target named;
	struct part value;
	size_t n = find(h, "host", &value);

	if (n > 1)
		return wrong(h, "there are two Host lines");
	if (!n)
		return h->old || wrong(h, "there is no Host line");
	if (egress_target_parse(value.at, value.n, standard, &named) ||
	    strcmp(named.authority, target->authority) != 0)
		return wrong(h, "the Host line is not of the request's target");
	return true;
}

static bool
check_body(struct head *h, int *status)
{
	struct part length;
	struct part coding;
	size_t lengths = find(h, "content-length", &length);
	size_t codings = find(h, "transfer-encoding", &coding);

	*status = BAD;
	if (lengths > 1 || codings > 1 || (lengths && codings))
		return wrong(h, "the body's length is given twice");
	for (size_t i = 0; lengths && i < length.n; i++)
		if (length.at[i] < '0' || length.at[i] > '9')
			return wrong(h, "Content-Length is no number");
	if (lengths && (!length.n || length.n > 18))
		return wrong(h, "Content-Length is no number");
	*status = NOT_DONE;
	if (codings && (h->old || !is(coding, "chunked")))
		return wrong(h, "a Transfer-Encoding other than \"chunked\"");
	return true;
}

/* ---- what is passed on ---- */

static bool
is_listed(struct part list, struct part name)
{
	struct part one;

	while (cut(&list, ',', &one)) {
		one = trimmed(one);
		if (one.n == name.n && !strncasecmp(one.at, name.at, one.n))
			return true;
	}
	list = trimmed(list);
	return list.n == name.n && !strncasecmp(list.at, name.at, list.n);
}

/* Is it between the client and us alone, or one that is written anew? */
static bool
stays(const struct head *h, struct part name)
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
		if (is(name, ours[i]))
			return true;
	if (is(name, "content-length") || is(name, "transfer-encoding"))
		return false;
	for (size_t i = 0; i < h->n; i++)
		if (is(h->names[i], "connection") && is_listed(h->values[i], name))
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
write_head(const struct head *h, struct part path, size_t n, struct egress_request *out)
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
take_plain(struct head *h, size_t n, struct egress_request *out)
{
	static const char scheme[] = "http://";
	const size_t skip = sizeof scheme - 1;
	struct part path = h->target;
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
take_connect(struct head *h, struct egress_request *out)
{
	struct part ignored;

	out->connect = true;
	h->why = egress_target_parse(h->target.at, h->target.n, 0, &out->target);
	if (h->why)
		return BAD;
	if (find(h, "content-length", &ignored) ||
	    find(h, "transfer-encoding", &ignored)) {
		h->why = "a CONNECT has no body";
		return BAD;
	}
	return check_host(h, &out->target, out->target.port) ? 0 : BAD;
}

int
egress_request_parse(const char *head, size_t n, struct egress_request *out,
		     const char **why)
{
	struct head h = {.n = 0};
	int status = BAD;

	memset(out, 0, sizeof *out);
	if (read_head(&h, head, n))
		status = h.method.n == 7 && !memcmp(h.method.at, "CONNECT", 7)
				 ? take_connect(&h, out)
				 : take_plain(&h, n, out);
	*why = status == NO_MEMORY ? "no memory" : h.why;
	return status;
}
