/* SPDX-License-Identifier: Apache-2.0 */
/* What an AWS service says went wrong, as one line that helps; and where it is. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/json.h"
#include "registry/aws.h"

enum { SKEW_MAX_S = 300 };

/* The last word of "com.amazonaws.ecr#InvalidParameterException". */
static const char *
type_of(const json_t *doc)
{
	const char *type = json_string_value(json_object_get(doc, "__type"));
	const char *hash = type ? strrchr(type, '#') : NULL;

	return hash ? hash + 1 : type ? type : "";
}

static char *
hint_for(const char *type, const struct encl_aws_reply *r,
	 const struct encl_aws_identity *i, const char *action,
	 const struct encl_aws_hint *own)
{
	for (; own && own->type; own++)
		if (!strcmp(type, own->type))
			return encl_xasprintf(" (%s)", own->text);
	if (strstr(type, "Signature") || strstr(type, "RequestExpired") ||
	    strstr(type, "Skewed")) {
		if (llabs(r->skew_s) > SKEW_MAX_S)
			return encl_xasprintf(" (this machine's clock is %lld s %s; set "
					      "it right)",
					      llabs(r->skew_s),
					      r->skew_s > 0 ? "behind" : "ahead");
		return encl_xasprintf(" (the secret key of %s is not the key id's)",
				      i->from);
	}
	if (!strcmp(type, "AccessDeniedException"))
		return encl_xasprintf(" (%s lacks the right to %s)", i->from, action);
	if (!strcmp(type, "UnrecognizedClientException") ||
	    !strcmp(type, "InvalidClientTokenId"))
		return encl_xasprintf(" (the key id or session token of %s is not known "
				      "to AWS)",
				      i->from);
	if (!strcmp(type, "ExpiredTokenException"))
		return encl_xasprintf(" (what %s gives has expired)", i->from);
	return encl_xstrdup(encl_curl_hint(r->status));
}

/* One line of what the server says; nothing where it repeats a secret (a wrong
 * signature is answered with all that should have been signed). */
static void
show(const char *message, const struct encl_aws_identity *i, char out[ENCL_AWS_SHOWN])
{
	size_t n = strcspn(message, "\r\n");

	if (strstr(message, i->secret) || (i->session && strstr(message, i->session)) ||
	    strstr(message, "Canonical String"))
		n = strcspn(message, ".\r\n");
	while (n && message[n - 1] == '.')
		n--;
	if (n >= ENCL_AWS_SHOWN)
		n = ENCL_AWS_SHOWN - 1;
	for (size_t k = 0; k < n; k++)
		out[k] = message[k] >= ' ' && message[k] <= '~' ? message[k] : '?';
	out[n] = 0;
	if (strstr(out, i->secret) || (i->session && strstr(out, i->session)))
		*out = 0;
}

void
encl_aws_error_type(const struct encl_aws_reply *r, const struct encl_aws_identity *i,
		    char out[ENCL_AWS_SHOWN])
{
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err ignored = {.code = ENCL_OK};

	*out = 0;
	if (!encl_json_parse(encl_buf_text(&r->body), r->body.len, "answer", &doc,
			     &ignored))
		show(type_of(doc), i, out);
}

char *
encl_aws_explain(const struct encl_aws_reply *r, const struct encl_aws_identity *i,
		 const char *action, const struct encl_aws_hint *own)
{
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *hint = NULL;
	struct encl_err ignored = {.code = ENCL_OK};
	char text[ENCL_AWS_SHOWN];
	char type[ENCL_AWS_SHOWN];
	const char *said;

	if (encl_json_parse(encl_buf_text(&r->body), r->body.len, "answer", &doc,
			    &ignored))
		doc = json_object();
	said = json_string_value(json_object_get(doc, "message"));
	if (!said)
		said = json_string_value(json_object_get(doc, "Message"));
	show(said ? said : "", i, text);
	show(type_of(doc), i, type);
	hint = hint_for(type, r, i, action, own);
	return encl_xasprintf("%s%s%s%s%s", *type ? ": " : "", type, *text ? ": " : "",
			      text, hint);
}

static const char *
first_of(const char *const names[])
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value && *value)
			return value;
	}
	return NULL;
}

int
encl_aws_endpoint(const char *const names[], const char *service, const char *fallback,
		  char **out, struct encl_err *e)
{
	const char *own = first_of(names);
	encl_auto(encl_free) char *shown = own ? encl_http_redact(own) : NULL;
	size_t n = own ? strlen(own) : 0;

	if (own && !encl_aws_url_ok(own, false))
		return encl_fail(e, ENCL_USAGE,
				 "\"%s\" as the address of %s: only https, or http to "
				 "this machine",
				 shown, service);
	while (n && own[n - 1] == '/')
		n--;
	*out = own ? encl_xstrndup(own, n) : encl_xstrdup(fallback);
	return 0;
}
