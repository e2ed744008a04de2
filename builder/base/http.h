/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching over https, http and file URLs by libcurl: streamed, at most six
 * at a time, tried again where trying again can help (408, 429, 5xx, a broken
 * connection) and then at the next URL.  Bytes are passed on as the server
 * sent them (no content decoding), so that digests hold.  Proxies come from
 * http_proxy, https_proxy, all_proxy and no_proxy.
 */
#ifndef ENCL_BASE_HTTP_H
#define ENCL_BASE_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "base/stream.h"

struct encl_buf;

struct encl_http_get {
	const char *const *urls; /* tried in this order; at least one */
	const char *socket;	 /* path of a unix socket to speak through; or NULL */
	size_t n_urls;
	uint64_t max;  /* a larger body is an error */
	uint64_t size; /* what is expected, for progress; 0: unknown */
	/* Starts an attempt: what an earlier one wrote is to be dropped. */
	int (*begin)(struct encl_http_get *g, struct encl_sink **sink,
		     struct encl_err *e);
	/* The body is whole.  A failure (wrong digest) moves on to the next URL. */
	int (*end)(struct encl_http_get *g, struct encl_err *e);
};

/*
 * Runs all of them; label names the whole in progress.  The first one for
 * which every URL failed ends the call: ENCL_NETWORK "GET URL: …" with the
 * credentials and the query of the URL left out, or the failure of its end().
 * With env->offline anything but a file URL or a unix socket is ENCL_NETWORK
 * without a packet.
 */
int encl_http_get_all(struct encl_env *env, const char *label,
		      struct encl_http_get *const *gets, size_t n,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* As get_all, of one URL into memory through a unix socket (or NULL); out is
 * cleared first and its cap is the limit. */
int encl_http_get_socket(struct encl_env *env, const char *socket, const char *url,
			 struct encl_buf *out, struct encl_err *e) ENCL_MUST_CHECK;
/* One URL into memory; out is cleared first and its cap is the limit. */
int encl_http_get_buf(struct encl_env *env, const char *url, struct encl_buf *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

/* A URL as it may be shown: no user, password or query (malloc'ed). */
char *encl_http_redact(const char *url);

#endif
