/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A registry with faults: passes every request on to a real one and does to it
 * what the rules say.
 *
 *	faultd [listen=ADDRESS] [tls=CERT,KEY] [seed=N] [wire=FILE] UPSTREAM RULE…
 *
 * UPSTREAM is host:port (http), or "none".  "listening PORT" is the first line
 * on stdout; each request that ended adds
 *
 *	STATUS METHOD TARGET auth=WHO range=RANGE sent=BYTES got=BYTES
 *
 * (sent: of the answer's body, got: of the request's).  FILE gets the heads of
 * all requests as they came.
 *
 * A rule is "COUNT METHOD SUBSTRING ACTION [ARGUMENT]".  It meets the requests
 * of METHOD ("*": any) whose target has SUBSTRING ("*": any): COUNT "3" the
 * first three, "2-4" the second to the fourth, "*" all.  All rules that meet a
 * request are followed.
 *
 * Answered here:
 *	status CODE [html|empty|TEXT]	JSON of an error where nothing is given
 *	redirect PREFIX			307 to PREFIX and the target; "self"
 *	drop				the connection ends without an answer
 *	upcut N|random			it ends after N bytes of the request's body
 *	referrers			a referrers API: manifests with a subject are
 *					kept and listed, OCI-Subject is answered
 * Done to the answer of the upstream:
 *	header NAME: VALUE		set; removed where there is no value
 *	location relative|HOST:PORT	of its Location
 *	code CODE			another status
 *	norange				the request's Range is not passed on
 *	cut N|random, reset N|random	it ends after N bytes of the body (FIN, RST)
 *	stall N				so does its sending, for ten minutes
 *	rate N				at most N bytes a second
 *	rubbish				other bytes, as many
 *	pad N				N more bytes (blanks), announced
 *	length N			N more bytes announced than there are (or less)
 *	unsized				no Content-Length: it ends with the connection
 *	file NAME			this file's bytes instead
 *	late N				comes after N milliseconds
 */
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/stream.h"
#include "serve.h"

enum { MAX_RULES = 64, MAX_HEADERS = 16, BLOCK = 64 * 1024, MAX_WHOLE = 64 << 20 };
#define NOWHERE UINT64_MAX

struct rule {
	unsigned long from, to, seen;
	char method[16];
	char *substring;
	char *action;
	const char *arg;
};

struct faults {
	const char *host, *port; /* upstream; host NULL: none */
	struct rule rules[MAX_RULES];
	size_t n;
	struct server server;
	FILE *wire;
	uint64_t random;
	json_t *referrers; /* digest of the subject -> descriptors */
	pthread_mutex_t lock;
};

/* What the rules want for one request. */
struct plan {
	const char *status, *redirect, *location, *file, *code;
	const char *headers[MAX_HEADERS];
	size_t n_headers;
	bool drop, norange, reset, rubbish, unsized, referrers;
	const char *upcut, *cut;
	uint64_t stall, pad;
	long length;
	unsigned long rate, late;
};

struct exchange {
	struct faults *f;
	struct request *q;
	struct plan plan;
	long status;
	uint64_t sent;
};

/* ---- rules ---- */

static uint64_t
draw(struct faults *f) /* xorshift64*; under the lock */
{
	f->random ^= f->random >> 12;
	f->random ^= f->random << 25;
	f->random ^= f->random >> 27;
	return f->random * UINT64_C(2685821657736338717) >> 16;
}

/* "N" or "random": some byte but the last. */
static uint64_t
point(struct faults *f, const char *text, uint64_t size)
{
	uint64_t at;

	if (strcmp(text, "random") != 0)
		return strtoull(text, NULL, 10);
	pthread_mutex_lock(&f->lock);
	at = size > 1 ? 1 + draw(f) % (size - 1) : 0;
	pthread_mutex_unlock(&f->lock);
	return at;
}

static void
follow(struct plan *p, const char *action, const char *arg)
{
	const struct {
		const char *name;
		const char **out;
	} texts[] = {{"status", &p->status},	 {"redirect", &p->redirect},
		     {"location", &p->location}, {"file", &p->file},
		     {"code", &p->code},	 {"upcut", &p->upcut},
		     {"cut", &p->cut},		 {"reset", &p->cut}};
	const struct {
		const char *name;
		bool *out;
	} flags[] = {{"drop", &p->drop},       {"norange", &p->norange},
		     {"reset", &p->reset},     {"rubbish", &p->rubbish},
		     {"unsized", &p->unsized}, {"referrers", &p->referrers}};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		if (!strcmp(action, texts[i].name))
			*texts[i].out = arg;
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (!strcmp(action, flags[i].name))
			*flags[i].out = true;
	if (!strcmp(action, "header") && p->n_headers < MAX_HEADERS)
		p->headers[p->n_headers++] = arg;
	if (!strcmp(action, "stall"))
		p->stall = strtoull(arg, NULL, 10);
	if (!strcmp(action, "pad"))
		p->pad = strtoull(arg, NULL, 10);
	if (!strcmp(action, "length"))
		p->length = strtol(arg, NULL, 10);
	if (!strcmp(action, "rate"))
		p->rate = strtoul(arg, NULL, 10);
	if (!strcmp(action, "late"))
		p->late = strtoul(arg, NULL, 10);
}

static void
make_plan(struct faults *f, const struct request *q, struct plan *p)
{
	*p = (struct plan){.stall = NOWHERE};
	pthread_mutex_lock(&f->lock);
	if (f->wire) {
		fprintf(f->wire, "%s\n", q->head);
		fflush(f->wire);
	}
	for (size_t i = 0; i < f->n; i++) {
		struct rule *r = &f->rules[i];

		if (strcmp(r->method, "*") != 0 && strcmp(r->method, q->method) != 0)
			continue;
		if (strcmp(r->substring, "*") != 0 && !strstr(q->target, r->substring))
			continue;
		r->seen++;
		if (r->seen >= r->from && r->seen <= r->to)
			follow(p, r->action, r->arg);
	}
	pthread_mutex_unlock(&f->lock);
}

static const char KNOWN[] =
	" status redirect drop upcut referrers header location code norange cut reset "
	"stall rate rubbish pad length unsized file late ";

static bool
read_rule(struct faults *f, char *text)
{
	struct rule *r = &f->rules[f->n];
	char *save = NULL;
	char *count = strtok_r(text, " ", &save);
	char *method = strtok_r(NULL, " ", &save);
	encl_auto(encl_free) char *known = NULL;
	char *end;

	r->substring = strtok_r(NULL, " ", &save);
	r->action = strtok_r(NULL, " ", &save);
	if (!r->action || strlen(method) >= sizeof r->method || f->n + 1 == MAX_RULES)
		return false;
	memcpy(r->method, method, strlen(method) + 1);
	r->arg = save ? save + strspn(save, " ") : "";
	r->from = 1;
	r->to = strtoul(count, &end, 10);
	if (*end == '-') {
		r->from = r->to;
		r->to = strtoul(end + 1, NULL, 10);
	}
	if (!strcmp(count, "*"))
		r->to = ~0UL;
	known = encl_xasprintf(" %s ", r->action);
	f->n++;
	return r->to >= r->from && strstr(KNOWN, known);
}

/* ---- answers of our own ---- */

static void
answer_here(struct exchange *x, const char *lines, const char *body, size_t n)
{
	encl_auto(encl_free) char *status =
		encl_xasprintf("%ld %s", x->status, serve_reason(x->status));
	struct encl_buf head;

	encl_buf_init(&head, BLOCK);
	encl_buf_add_str(&head, lines);
	for (size_t i = 0; i < x->plan.n_headers; i++)
		encl_buf_add_fmt(&head, "%s\r\n", x->plan.headers[i]);
	serve_reply(x->q, status, encl_buf_text(&head), body, n);
	x->sent = strcmp(x->q->method, "HEAD") != 0 ? n : 0;
	encl_buf_clear(&head);
}

static void
answer_status(struct exchange *x)
{
	const char *what = x->plan.status + strcspn(x->plan.status, " ");
	encl_auto(encl_free) char *body = NULL;
	const char *type = "application/json";

	x->status = strtol(x->plan.status, NULL, 10);
	what += strspn(what, " ");
	if (!strcmp(what, "empty")) {
		body = encl_xstrdup("");
	} else if (!strcmp(what, "html")) {
		type = "text/html";
		body = encl_xasprintf("<!DOCTYPE html>\n<html><head><title>%ld</title>"
				      "</head>\n<body>\033[31mA gateway says no"
				      "</body></html>\n",
				      x->status);
	} else {
		body = encl_xasprintf("{\"errors\":[{\"code\":\"%s\",\"message\":"
				      "\"scripted\",\"detail\":null}]}",
				      *what ? what : "UNKNOWN");
	}
	encl_auto(encl_free) char *lines = encl_xasprintf("Content-Type: %s\r\n", type);
	answer_here(x, lines, body, strlen(body));
}

static void
answer_redirect(struct exchange *x)
{
	encl_auto(encl_free) char *lines = NULL;

	x->status = 307;
	if (!strcmp(x->plan.redirect, "self"))
		lines = encl_xasprintf("Location: %s://%s:%u%s\r\n",
				       x->f->server.cert ? "https" : "http",
				       x->f->server.address, x->f->server.port,
				       x->q->target);
	else
		lines = encl_xasprintf("Location: %s%s\r\n", x->plan.redirect,
				       x->q->target);
	answer_here(x, lines, "", 0);
}

static void
cut_upload(struct exchange *x)
{
	uint64_t at = point(x->f, x->plan.upcut, x->q->length);
	static const size_t block = 4096;
	char *data = encl_xmalloc(block);

	while (x->q->got < at) {
		uint64_t left = at - x->q->got;

		if (serve_body(x->q, data, left < block ? (size_t)left : block) <= 0)
			break;
	}
	free(data);
	serve_abort(x->q->conn, true);
}

/* ---- a referrers API before a registry that has none ---- */

static void
list_referrers(struct exchange *x, const char *digest)
{
	encl_auto(json_decref) json_t *index = NULL;
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char *key = encl_xstrndup(digest, strcspn(digest, "?"));
	json_t *known;

	pthread_mutex_lock(&x->f->lock);
	known = json_object_get(x->f->referrers, key);
	index = json_pack("{s:i,s:s,s:o}", "schemaVersion", 2, "mediaType",
			  "application/vnd.oci.image.index.v1+json", "manifests",
			  known ? json_deep_copy(known) : json_array());
	pthread_mutex_unlock(&x->f->lock);
	text = encl_json_compact(index);
	x->status = 200;
	answer_here(x, "Content-Type: application/vnd.oci.image.index.v1+json\r\n", text,
		    strlen(text));
}

/* A manifest on its way: where it has a subject it is noted; its digest or NULL. */
static char *
note_referrer(struct faults *f, const char *text, size_t n)
{
	encl_auto(json_decref) json_t *m = json_loadb(text, n, 0, NULL);
	json_t *subject = json_object_get(m, "subject");
	const char *key = json_string_value(json_object_get(subject, "digest"));
	json_t *type = json_object_get(m, "artifactType");
	json_t *notes = json_object_get(m, "annotations");
	char own[ENCL_DIGEST_TEXT];
	struct encl_digest d;
	json_t *list;

	if (!key)
		return NULL;
	if (!type)
		type = json_object_get(json_object_get(m, "config"), "mediaType");
	encl_digest_of(ENCL_SHA256, text, n, &d);
	encl_digest_format(&d, own);
	pthread_mutex_lock(&f->lock);
	list = json_object_get(f->referrers, key);
	if (!list) {
		list = json_array();
		json_object_set_new(f->referrers, key, list);
	}
	for (size_t i = json_array_size(list); i-- > 0;)
		if (!strcmp(json_string_value(
				    json_object_get(json_array_get(list, i), "digest")),
			    own))
			json_array_remove(list, i);
	json_array_append_new(list, json_pack("{s:O,s:s,s:I,s:O*,s:O*}", "mediaType",
					      json_object_get(m, "mediaType"), "digest",
					      own, "size", (json_int_t)n, "artifactType",
					      type, "annotations", notes));
	pthread_mutex_unlock(&f->lock);
	return encl_xstrdup(key);
}

/* ---- what goes through ---- */

static int
connect_upstream(const struct faults *f)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *a;
	int fd;

	if (!f->host || getaddrinfo(f->host, f->port, &hints, &a))
		return -1;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen)) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

static bool
named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(line, name, n) && line[n] == ':';
}

/* The request's head as HTTP/1.0 (so that no answer is chunked). */
static int
send_head(struct exchange *x, struct conn *up)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};

	encl_buf_init(&b, 2 * BLOCK);
	encl_buf_add_fmt(&b, "%s %s HTTP/1.0\r\n", x->q->method, x->q->target);
	for (const char *p = strstr(x->q->head, "\r\n") + 2; *p;) {
		size_t n = strcspn(p, "\r");

		if (!named(p, "Connection") && !named(p, "Expect") &&
		    !(named(p, "Range") && x->plan.norange)) {
			encl_buf_add(&b, p, n);
			encl_buf_add_str(&b, "\r\n");
		}
		p += n + (p[n] ? 2 : 0);
	}
	if (x->f->server.cert)
		encl_buf_add_str(&b, "X-Forwarded-Proto: https\r\n");
	encl_buf_add_str(&b, "Connection: close\r\n\r\n");
	return serve_write(up, b.data, b.len);
}

/* The request's body; what is a manifest is looked at.  -1: it was cut. */
static int
send_body(struct exchange *x, struct conn *up, char **subject)
{
	encl_auto(encl_free) char *block = encl_xmalloc(BLOCK);
	encl_auto(encl_buf_clear) struct encl_buf whole = {0};
	bool look = x->plan.referrers && strstr(x->q->target, "/manifests/");
	long got;

	encl_buf_init(&whole, MAX_WHOLE);
	while ((got = serve_body(x->q, block, BLOCK)) > 0) {
		if (look)
			encl_buf_add(&whole, block, (size_t)got);
		if (serve_write(up, block, (size_t)got))
			break;
	}
	if (look)
		*subject = note_referrer(x->f, encl_buf_text(&whole), whole.len);
	return got < 0 ? -1 : 0;
}

struct answer {
	char *head;  /* status line and headers, each ended by CR LF */
	char *early; /* of the body */
	size_t n_early;
	uint64_t length;
};

static bool
read_answer(struct conn *up, struct answer *a)
{
	struct encl_buf b;
	char *end = NULL;
	encl_auto(encl_free) char *length = NULL;

	encl_buf_init(&b, 4 * BLOCK);
	while (!end) {
		char block[4096];
		long got = serve_read(up, block, sizeof block);

		if (got <= 0 || b.over) {
			encl_buf_clear(&b);
			return false;
		}
		encl_buf_add(&b, block, (size_t)got);
		end = strstr((char *)b.data, "\r\n\r\n");
	}
	a->n_early = b.len - (size_t)(end + 4 - (char *)b.data);
	a->early = encl_xmemdup(end + 4, a->n_early + 1);
	end[2] = 0;
	a->head = (char *)encl_buf_steal(&b, NULL);
	length = serve_header(a->head, "Content-Length");
	a->length = length ? strtoull(length, NULL, 10) : NOWHERE;
	return true;
}

static bool
replaced(const struct plan *p, const char *line)
{
	for (size_t i = 0; i < p->n_headers; i++) {
		size_t n = strcspn(p->headers[i], ":");

		if (!strncasecmp(line, p->headers[i], n) && line[n] == ':')
			return true;
	}
	return false;
}

static void
add_location(struct encl_buf *b, const char *to, const char *url)
{
	const char *rest = strstr(url, "://");
	size_t n;

	rest = rest ? rest + 3 + strcspn(rest + 3, "/\r") : url;
	n = strcspn(rest, "\r");
	if (!strcmp(to, "relative"))
		encl_buf_add_fmt(b, "Location: %.*s\r\n", (int)n, rest);
	else
		encl_buf_add_fmt(b, "Location: http://%s%.*s\r\n", to, (int)n, rest);
}

static int
pass_head(struct exchange *x, const struct answer *a, const char *subject,
	  uint64_t length)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {0};
	const struct plan *p = &x->plan;

	encl_buf_init(&b, 8 * BLOCK);
	x->status = strtol(p->code ? p->code : strchr(a->head, ' ') + 1, NULL, 10);
	encl_buf_add_fmt(&b, "HTTP/1.1 %ld %s\r\n", x->status, serve_reason(x->status));
	for (const char *l = strstr(a->head, "\r\n") + 2; *l;) {
		size_t n = strcspn(l, "\r");

		if (p->location && named(l, "Location"))
			add_location(&b, p->location, l + 10);
		else if (!named(l, "Connection") && !named(l, "Content-Length") &&
			 !replaced(p, l))
			encl_buf_add_fmt(&b, "%.*s\r\n", (int)n, l);
		l += n + (l[n] ? 2 : 0);
	}
	for (size_t i = 0; i < p->n_headers; i++)
		if (p->headers[i][strcspn(p->headers[i], ":")] &&
		    p->headers[i][strcspn(p->headers[i], ":") + 1])
			encl_buf_add_fmt(&b, "%s\r\n", p->headers[i]);
	if (subject && x->status < 300)
		encl_buf_add_fmt(&b, "OCI-Subject: %s\r\n", subject);
	if (!p->unsized && length != NOWHERE)
		encl_buf_add_fmt(&b, "Content-Length: %llu\r\n",
				 (unsigned long long)length +
					 (unsigned long long)p->length);
	encl_buf_add_str(&b, "Connection: close\r\n\r\n");
	return serve_write(x->q->conn, b.data, b.len);
}

static void
sleep_ms(unsigned long ms)
{
	while (ms--)
		usleep(1000);
}

/* n bytes of the answer's body to the client; false where it ends here. */
static bool
pass(struct exchange *x, char *data, size_t n, uint64_t cut)
{
	struct conn *c = x->q->conn;
	uint64_t stop = cut < x->plan.stall ? cut : x->plan.stall;

	if (x->plan.rubbish)
		for (size_t i = 0; i < n; i++)
			data[i] = (char)~data[i];
	if (x->sent + n >= stop) {
		n = (size_t)(stop - x->sent);
		(void)serve_write(c, data, n);
		x->sent += n;
		if (x->plan.stall <= cut && x->plan.stall != NOWHERE)
			for (int s = 0; s < 600; s++) {
				char byte;

				if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
					break;
				sleep(1);
			}
		serve_abort(c, x->plan.reset);
		return false;
	}
	if (serve_write(c, data, n))
		return false;
	x->sent += n;
	if (x->plan.rate)
		sleep_ms(n * 1000 / x->plan.rate);
	return true;
}

static void
pass_body(struct exchange *x, struct conn *up, struct answer *a, uint64_t cut)
{
	encl_auto(encl_free) char *block = encl_xmalloc(BLOCK);
	size_t room = x->plan.rate && x->plan.rate < BLOCK ? x->plan.rate : BLOCK;
	uint64_t left = a->length;
	uint64_t pad = x->plan.pad;

	while (left) {
		size_t n = left < room ? (size_t)left : room;
		long got;

		if (a->n_early) {
			n = n < a->n_early ? n : a->n_early;
			memcpy(block, a->early, n);
			a->n_early -= n;
			memmove(a->early, a->early + n, a->n_early);
			got = (long)n;
		} else {
			got = serve_read(up, block, n);
		}
		if (got <= 0)
			break;
		left -= left == NOWHERE ? 0 : (uint64_t)got;
		if (!pass(x, block, (size_t)got, cut))
			return;
	}
	while (pad) {
		size_t n = pad < BLOCK ? (size_t)pad : BLOCK;

		memset(block, ' ', n);
		if (!pass(x, block, n, cut))
			return;
		pad -= n;
	}
}

static void
replace_by_file(struct answer *a, const char *name)
{
	struct encl_err e;

	free(a->early);
	a->early = NULL;
	if (encl_read_file(name, MAX_WHOLE, &a->early, &a->n_early, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		a->n_early = 0;
	}
	a->length = a->n_early;
}

static void
forward(struct exchange *x)
{
	struct conn up = {.fd = connect_upstream(x->f)};
	struct answer a = {0};
	encl_auto(encl_free) char *subject = NULL;
	bool head = !strcmp(x->q->method, "HEAD");

	if (up.fd < 0) {
		x->plan.status = x->f->host ? "502" : "404";
		answer_status(x);
		return;
	}
	if (!send_head(x, &up) && !send_body(x, &up, &subject) && read_answer(&up, &a)) {
		uint64_t all, cut = NOWHERE;

		if (x->plan.file)
			replace_by_file(&a, x->plan.file);
		all = a.length == NOWHERE ? NOWHERE : a.length + x->plan.pad;
		if (x->plan.cut)
			cut = point(x->f, x->plan.cut, all);
		if (!pass_head(x, &a, subject, all) && !head && x->status != 204)
			pass_body(x, &up, &a, cut);
	}
	free(a.head);
	free(a.early);
	close(up.fd);
}

static void
answer(void *arg, struct request *q)
{
	struct exchange x = {.f = arg, .q = q};
	encl_auto(encl_free) char *who = serve_who(q);
	encl_auto(encl_free) char *range = serve_header(q->head, "Range");
	const char *list = strstr(q->target, "/referrers/");

	make_plan(x.f, q, &x.plan);
	sleep_ms(x.plan.late);
	if (x.plan.drop)
		serve_abort(q->conn, false);
	else if (x.plan.upcut)
		cut_upload(&x);
	else if (x.plan.status)
		answer_status(&x);
	else if (x.plan.redirect)
		answer_redirect(&x);
	else if (x.plan.referrers && list && !strcmp(q->method, "GET"))
		list_referrers(&x, list + 11);
	else
		forward(&x);
	pthread_mutex_lock(&x.f->lock);
	printf("%ld %s %s auth=%s range=%s sent=%llu got=%llu\n", x.status, q->method,
	       q->target, who, range ? range : "-", (unsigned long long)x.sent,
	       (unsigned long long)q->got);
	pthread_mutex_unlock(&x.f->lock);
}

static bool
read_option(struct faults *f, char *text)
{
	char *comma;

	if (!strncmp(text, "listen=", 7)) {
		f->server.address = text + 7;
	} else if (!strncmp(text, "seed=", 5)) {
		f->random ^= strtoull(text + 5, NULL, 10) * UINT64_C(0x2545F4914F6CDD1D);
	} else if (!strncmp(text, "wire=", 5)) {
		f->wire = fopen(text + 5, "we");
	} else if (!strncmp(text, "tls=", 4) && (comma = strchr(text, ','))) {
		*comma = 0;
		f->server.cert = text + 4;
		f->server.key = comma + 1;
	} else {
		return false;
	}
	return true;
}

int
main(int argc, char **argv)
{
	static struct faults f = {.random = UINT64_C(88172645463325252),
				  .lock = PTHREAD_MUTEX_INITIALIZER,
				  .server = {.address = "127.0.0.1", .answer = answer}};
	int i = 1;

	f.server.arg = &f;
	f.referrers = json_object();
	while (i < argc && read_option(&f, argv[i]))
		i++;
	if (i == argc)
		return 2;
	if (strcmp(argv[i], "none") != 0) {
		char *colon = strrchr(argv[i], ':');

		if (!colon)
			return 2;
		*colon = 0;
		f.host = argv[i];
		f.port = colon + 1;
	}
	while (++i < argc)
		if (!read_rule(&f, argv[i])) {
			fprintf(stderr, "faultd: not a rule: %s\n", argv[i]);
			return 2;
		}
	serve(&f.server);
}
