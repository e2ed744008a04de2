/* SPDX-License-Identifier: Apache-2.0 */
/* One line about what a registry, or the way to it, did: method, URL, status,
 * the registry's own words, and what to do next. */
#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/curl.h"
#include "base/http.h"
#include "base/json.h"
#include "registry/internal.h"

enum { SHOWN_MAX = 200, URL_MAX = 300, SKEW_MAX_S = 300, SECRET_MAX = 8192 };

void
encl_wipe(char *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

char *
encl_printable(const char *text, size_t n)
{
	char *out = encl_xmalloc(SHOWN_MAX + 8);
	size_t used = 0;
	size_t i;

	for (i = 0; i < n && used <= SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			if (used && out[used - 1] != ' ')
				out[used++] = ' ';
		} else if (c > ' ' && c < 0x7f) {
			out[used++] = (char)c;
		} else {
			used += (size_t)snprintf(out + used, 5, "\\x%02x", c);
		}
	}
	while (used && out[used - 1] == ' ')
		used--;
	if (used > SHOWN_MAX) {
		memcpy(out + SHOWN_MAX - 3, "...", 3);
		used = SHOWN_MAX;
	}
	out[used] = 0;
	return out;
}

static char *
shown_url(const struct encl_request *q, const struct encl_answer *a)
{
	encl_auto(encl_free) char *url = encl_http_redact(a->url ? a->url : q->url);

	return encl_xasprintf("%.*s%s", URL_MAX, url, strlen(url) > URL_MAX ? "..." : "");
}

static const char *
member(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && *text ? text : NULL;
}

/* {"errors":[{code,message}]}, {"error","error_description"}, {"message"}. */
static char *
words_of_json(const json_t *o)
{
	const json_t *first = json_array_get(json_object_get(o, "errors"), 0);
	const char *code = member(first, "code");
	const char *message = member(first, "message");

	if (!code && !message) {
		code = member(o, "error");
		message = member(o, "error_description");
	}
	if (!code && !message)
		code = member(o, "code");
	if (!message)
		message = member(o, "message");
	if (!message)
		message = member(o, "details");
	if (!code && !message)
		return NULL;
	return encl_xasprintf("%s%s%s", code ? code : "", code && message ? ": " : "",
			      message ? message : "");
}

/* Whether a server repeats the password or token that it was given. */
static bool
repeats_secret(const char *text, const char *authorization)
{
	char plain[SECRET_MAX * 3 / 4 + 4];
	const char *secret = authorization ? strchr(authorization, ' ') : NULL;
	const char *password;
	bool found;
	int n;

	if (!secret || !*++secret)
		return false;
	if (strstr(text, secret))
		return true;
	if (strncmp(authorization, "Basic ", 6) != 0 || strlen(secret) > SECRET_MAX)
		return false;
	n = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)secret,
			    (int)strlen(secret));
	if (n < 0)
		return false;
	plain[n] = 0;
	password = strchr(plain, ':');
	found = password && password[1] && strstr(text, password + 1);
	explicit_bzero(plain, sizeof plain);
	return found;
}

/* ": CODE: message", or the beginning of what is no JSON; malloc'ed. */
static char *
words(const struct encl_answer *a, const char *authorization)
{
	encl_auto(json_decref) json_t *o = NULL;
	encl_auto(encl_free) char *text = NULL;
	encl_auto(encl_free) char *shown = NULL;
	struct encl_err ignored;

	if (!a->trouble.len)
		return encl_xstrdup("");
	if (!encl_json_parse(encl_buf_text(&a->trouble), a->trouble.len, "answer", &o,
			     &ignored) &&
	    json_is_object(o))
		text = words_of_json(o);
	if (repeats_secret(text ? text : encl_buf_text(&a->trouble), authorization))
		return encl_xstrdup(": (its words repeat a secret and are left out)");
	shown = text ? encl_printable(text, strlen(text))
		     : encl_printable(encl_buf_text(&a->trouble), a->trouble.len);
	return encl_xasprintf("%s%s", *shown ? ": " : "", shown);
}

static char *
hint_of_access(const struct encl_answer *a, long status, const char *host, bool anonymous)
{
	if (a->elsewhere)
		return encl_xstrdup(" (the registry sent us there; no credentials are "
				    "sent to other hosts)");
	if (a->skew_s > SKEW_MAX_S || a->skew_s < -SKEW_MAX_S)
		return encl_xasprintf(" (this machine's clock is %" PRId64
				      " s %s the server's: set it)",
				      a->skew_s < 0 ? -a->skew_s : a->skew_s,
				      a->skew_s < 0 ? "ahead of" : "behind");
	if (anonymous)
		return encl_xasprintf(" (run \"enclavebuild login %s\")", host);
	if (status == 401)
		return encl_xasprintf(" (the credentials for %s are not accepted; run "
				      "\"enclavebuild login %s\")",
				      host, host);
	return encl_xasprintf(" (the credentials for %s do not allow this)", host);
}

static char *
hint(const struct encl_request *q, const struct encl_answer *a, const char *host)
{
	bool anonymous = !q->authorization;
	long status = q->reply->status;

	if (status >= 300 && status < 400)
		return encl_xasprintf(" (a %s is not sent on to another address)",
				      q->method);
	switch (status) {
	case 401:
	case 403:
		return hint_of_access(a, status, host, anonymous);
	case 404:
		return encl_xstrdup(anonymous ? " (not there, or not without a login)"
					      : " (not there, or not for these "
						"credentials)");
	case 413:
		return encl_xstrdup(" (too large for the registry or a proxy before it)");
	case 429:
		if (a->retry_after_s)
			return encl_xasprintf(
				" (too many requests; try again in %" PRIu64 " s%s)",
				a->retry_after_s, anonymous ? ", or after a login" : "");
		return encl_xasprintf(" (too many requests; try again later%s)",
				      anonymous ? ", or after a login" : "");
	default:
		return encl_xstrdup(encl_curl_hint(status));
	}
}

int
encl_explain(const struct encl_request *q, const struct encl_answer *a, const char *host,
	     struct encl_err *e)
{
	encl_auto(encl_free) char *url = shown_url(q, a);
	encl_auto(encl_free) char *said = words(a, q->authorization);
	encl_auto(encl_free) char *next = hint(q, a, host);

	return encl_fail(e, ENCL_NETWORK, "%s %s: HTTP status %ld%s%s", q->method, url,
			 q->reply->status, said, next);
}

static const char *
hint_of_error(const struct encl_answer *a)
{
	if (a->proxy_status >= 300)
		return a->proxy_status == 407 ? "; the proxy wants credentials: check "
						"https_proxy"
					      : "; the proxy refuses it: check "
						"https_proxy and no_proxy";
	/* the server's alert: under TLS 1.3 it comes when the answer is read */
	if (strstr(a->text, "alert bad certificate") ||
	    strstr(a->text, "alert certificate required"))
		return "; it wants a certificate of yours: put NAME.cert and NAME.key "
		       "into /etc/docker/certs.d/HOST";
	switch (a->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return "; check the network, the address and https_proxy";
	case CURLE_PEER_FAILED_VERIFICATION:
		if (strstr(a->text, "expired") || strstr(a->text, "not yet valid"))
			return "; check this machine's clock, and the server's "
			       "certificate";
		return "; give its CA with --cacert, or put it into "
		       "/etc/docker/certs.d/HOST/ca.crt";
	case CURLE_SSL_CONNECT_ERROR:
		if (strstr(a->text, "wrong version number"))
			return "; does it speak plain http? then use --plain-http";
		return "";
	default:
		return "";
	}
}

int
encl_explain_error(const struct encl_request *q, const struct encl_answer *a,
		   struct encl_err *e)
{
	encl_auto(encl_free) char *url = shown_url(q, a);
	encl_auto(encl_free) char *text = encl_printable(a->text, strlen(a->text));

	return encl_fail(e, ENCL_NETWORK, "%s %s: %s%s", q->method, url, text,
			 hint_of_error(a));
}
