/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for by its digest is taken from the cache where it is there,
 * and goes through the cache where it is not. */
#include "push/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/stream.h"
#include "sources/cache.h"
#include "sources/remote_blob.h"

int
encl_document_fetch(struct encl_env *env, struct encl_registry *r,
		    const struct encl_reference *where, const struct encl_digest *digest,
		    uint64_t size, const char *label, struct encl_err *e)
{
	const struct encl_registry_blob blob = {*digest, size, label};
	encl_auto(encl_free) char *what = NULL;
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(digest, text);
	what = encl_xasprintf("%s/%s: blob %s", where->host, where->repository, text);
	return encl_remote_blob(env, r, where, &blob, what, e);
}

/* A small blob of the cache, hashed; *out is NULL where it is not there. */
static int
from_cache(struct encl_env *env, const struct encl_digest *digest, size_t max,
	   const char *what, char **out, size_t *n, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_free) char *text = NULL;
	struct encl_digest got;
	uint64_t size;

	if (encl_cache_find(env->cache, digest, &fd, &size, e))
		return -1;
	if (fd < 0 || size > max)
		return 0;
	text = encl_xcalloc(1, (size_t)size + 1);
	if (encl_pread_full(fd, text, (size_t)size, 0, what, e))
		return -1;
	encl_digest_of(digest->algo, text, (size_t)size, &got);
	if (!encl_digest_equal(digest, &got)) {
		encl_warn(env->log, "%s: damaged in the cache; removed", what);
		encl_cache_remove(env->cache, digest);
		return 0;
	}
	*n = (size_t)size;
	*out = encl_take(text, NULL);
	return 0;
}

int
encl_document_blob(struct encl_env *env, struct encl_registry *r,
		   const struct encl_reference *where, const struct encl_digest *digest,
		   uint64_t size, const char *label, char **out, size_t *n,
		   struct encl_err *e)
{
	*out = NULL;
	if (from_cache(env, digest, (size_t)size, label, out, n, e))
		return -1;
	if (*out)
		return 0;
	if (encl_document_fetch(env, r, where, digest, size, label, e) ||
	    from_cache(env, digest, (size_t)size, label, out, n, e))
		return -1;
	return *out ? 0
		    : encl_fail(e, ENCL_FAILED, "%s: is not in the cache any more",
				label);
}

static int
to_cache(struct encl_env *env, const struct encl_registry_manifest *m, const char *what,
	 struct encl_err *e)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	struct encl_digest d;

	if (encl_cache_write(env->cache, &w, ENCL_REGISTRY_MANIFEST_MAX, what, e) ||
	    encl_sink_write(&w.sink, m->text, m->n, e))
		return -1;
	return encl_cache_commit(&w, NULL, &d, NULL, e);
}

int
encl_document_get(struct encl_env *env, struct encl_registry *r,
		  const struct encl_reference *where, const char *version,
		  const char *what, json_t **doc, char digest[ENCL_DIGEST_TEXT],
		  struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {
		.text = NULL};
	encl_auto(encl_free) char *text = NULL;
	struct encl_digest d;
	size_t n;

	if (encl_digest_parse(version, &d) &&
	    from_cache(env, &d, ENCL_REGISTRY_MANIFEST_MAX, what, &text, &n, e))
		return -1;
	if (text) {
		encl_digest_format(&d, digest);
		return encl_json_parse(text, n, what, doc, e);
	}
	if (encl_registry_manifest_get(r, where, version, &m, NULL, e) ||
	    encl_json_parse(m.text, m.n, what, doc, e))
		return -1;
	encl_digest_format(&m.digest, digest);
	return to_cache(env, &m, what, e);
}
