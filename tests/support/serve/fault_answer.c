/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that faultd makes up itself, a referrers API among them. */
#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"

void
fault_answer(struct exchange *x, const char *lines, const char *body, size_t n)
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

void
fault_status(struct exchange *x)
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
	fault_answer(x, lines, body, strlen(body));
}

void
fault_refuse(struct exchange *x)
{
	x->plan.headers[0] = "WWW-Authenticate: Basic realm=\"guard\"";
	x->plan.n_headers = 1;
	x->plan.status = "401 UNAUTHORIZED";
	fault_status(x);
}

void
fault_redirect(struct exchange *x)
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
	fault_answer(x, lines, "", 0);
}

void
fault_cut_upload(struct exchange *x)
{
	uint64_t at = fault_point(x->f, x->plan.upcut, x->q->length);
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

void
fault_referrers(struct exchange *x, const char *digest)
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
	fault_answer(x, "Content-Type: application/vnd.oci.image.index.v1+json\r\n", text,
		     strlen(text));
}

/* A manifest on its way: where it has a subject it is noted; its digest or NULL. */
char *
fault_subject(struct faults *f, const char *text, size_t n)
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
