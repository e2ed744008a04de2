/* SPDX-License-Identifier: Apache-2.0 */
/* Downloads into cache writers: a body counts only with the right digest. */
#include "sources/fetch.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/http.h"
#include "sources/cache.h"

struct download {
	struct encl_http_get get;
	struct encl_env *env;
	const struct encl_fetch *fetch;
	struct encl_cache_writer writer;
};

static int
begin(struct encl_http_get *get, struct encl_sink **sink, struct encl_err *e)
{
	struct download *d = (struct download *)get;

	encl_cache_writer_clear(&d->writer);
	if (encl_cache_write(d->env->cache, &d->writer, d->fetch->size, d->fetch->what,
			     e))
		return -1;
	*sink = &d->writer.sink;
	return 0;
}

static int
end(struct encl_http_get *get, struct encl_err *e)
{
	struct download *d = (struct download *)get;
	struct encl_digest digest;

	if (d->writer.size != d->fetch->size)
		return encl_fail(e, ENCL_FAILED,
				 "%s: %" PRIu64 " bytes, not the %" PRIu64 " expected",
				 d->fetch->what, d->writer.size, d->fetch->size);
	return encl_cache_commit(&d->writer, &d->fetch->digest, &digest, NULL, e);
}

static int
is_cached(struct encl_env *env, const struct encl_digest *digest, bool *cached,
	  struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t size;

	if (encl_cache_get(env->cache, digest, env->log, &fd, &size, e))
		return -1;
	*cached = fd >= 0;
	return 0;
}

static int
offline(struct encl_fetch *const *missing, size_t n, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 700};

	for (size_t i = 0; i < n; i++)
		encl_buf_add_fmt(&list, "%s%s", i ? ", " : "", missing[i]->what);
	return encl_fail(e, ENCL_NETWORK,
			 "not in the cache, and --offline forbids to fetch: %s%s",
			 encl_buf_text(&list), list.over ? ", …" : "");
}

static int
download(struct encl_env *env, const char *label, struct encl_fetch *const *missing,
	 size_t n, struct encl_err *e)
{
	encl_auto(encl_free) struct download *v = encl_xcalloc(n, sizeof *v);
	encl_auto(encl_free) struct encl_http_get **gets = encl_xcalloc(n, sizeof *gets);
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct encl_http_get *g = &v[i].get;

		v[i].env = env;
		v[i].fetch = missing[i];
		g->urls = (const char *const *)missing[i]->urls;
		g->n_urls = missing[i]->n_urls;
		g->max = g->size = missing[i]->size;
		g->begin = begin;
		g->end = end;
		gets[i] = g;
	}
	rc = encl_http_get_all(env, label, gets, n, e);
	for (size_t i = 0; i < n; i++)
		encl_cache_writer_clear(&v[i].writer);
	return rc;
}

int
encl_fetch_all(struct encl_env *env, const char *label, struct encl_fetch *v, size_t n,
	       struct encl_err *e)
{
	encl_auto(encl_free) struct encl_fetch **missing =
		encl_xcalloc(n, sizeof(struct encl_fetch *));
	size_t n_missing = 0;
	bool remote = false;

	for (size_t i = 0; i < n; i++) {
		bool cached;

		if (is_cached(env, &v[i].digest, &cached, e))
			return -1;
		if (cached)
			continue;
		missing[n_missing++] = &v[i];
		remote = remote || !v[i].n_urls || strncmp(v[i].urls[0], "file:", 5) != 0;
	}
	if (!n_missing)
		return 0;
	if (env->offline && remote)
		return offline(missing, n_missing, e);
	for (size_t i = 0; i < n_missing; i++)
		if (!missing[i]->n_urls)
			return encl_fail(e, ENCL_HOST,
					 "%s: not in the cache, and no source has it",
					 missing[i]->what);
	return download(env, label, missing, n_missing, e);
}

char *
encl_fetch_url(const char *base, const char *path)
{
	struct encl_buf b = {.cap = 1 << 16};

	encl_buf_add_fmt(&b, "%s/", base);
	for (const char *p = path; *p; p++) {
		if (isalnum((unsigned char)*p) || strchr("-._~/+:", *p))
			encl_buf_add_byte(&b, (uint8_t)*p);
		else
			encl_buf_add_fmt(&b, "%%%02X", (unsigned char)*p);
	}
	return (char *)encl_buf_steal(&b, NULL);
}
