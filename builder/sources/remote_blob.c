/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's blob into the cache (distribution-spec 1.1, "Pulling blobs"). */
#include "sources/remote_blob.h"

#include "sources/cache.h"

int
encl_remote_client_open(struct encl_env *env, struct encl_remote_client *c,
			struct encl_err *e)
{
	struct encl_remote_client new = {0};

	if (!env->registry && encl_registry_open(env, NULL, &new.own, e))
		return -1;
	new.r = env->registry ? env->registry : new.own;
	*c = new;
	return 0;
}

void
encl_remote_client_clear(struct encl_remote_client *c)
{
	encl_registry_free(c->own);
	*c = (struct encl_remote_client){0};
}

int
encl_remote_cached(struct encl_env *env, const struct encl_digest *d, uint64_t size,
		   bool verified, bool *cached, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t have = 0;

	if (verified && d->algo == ENCL_SHA256) {
		if (encl_cache_get(env->cache, d, env->log, &fd, &have, e))
			return -1;
	} else if (encl_cache_find(env->cache, d, &fd, &have, e)) {
		return -1;
	}
	*cached = fd >= 0;
	if (!*cached || size == UINT64_MAX || have == size)
		return 0;
	encl_cache_remove(env->cache, d); /* cut short by a crash */
	*cached = false;
	return 0;
}

struct blob_fetch {
	struct encl_registry_fetch f;
	struct encl_cache_partial p;
};

static int
restart(struct encl_registry_fetch *f, struct encl_err *e)
{
	struct blob_fetch *b = (struct blob_fetch *)f;

	return encl_cache_partial_restart(&b->p, e);
}

/* What an earlier download left may be anything: then once more from the start. */
static int
fetch_into(struct encl_registry *r, const struct encl_reference *where,
	   struct blob_fetch *b, struct encl_err *e)
{
	bool resumed = b->p.done > 0;

	b->f.done = b->p.done;
	if (encl_registry_blob_get(r, where, &b->f, e))
		return -1;
	if (!encl_cache_partial_commit(&b->p, e))
		return 0;
	if (!resumed)
		return -1;
	b->f.done = 0;
	if (encl_registry_blob_get(r, where, &b->f, e))
		return -1;
	return encl_cache_partial_commit(&b->p, e);
}

int
encl_remote_blob(struct encl_env *env, struct encl_registry *r,
		 const struct encl_reference *where,
		 const struct encl_registry_blob *blob, const char *what,
		 struct encl_err *e)
{
	struct blob_fetch b = {.p = {.fd = -1}};
	bool there;
	int rc;

	if (encl_cache_partial_open(env->cache, env->log, &blob->digest, blob->size,
				    blob->size, what, &b.p, &there, e))
		return -1;
	if (there)
		return 0;
	b.f = (struct encl_registry_fetch){
		.blob = *blob, .sink = &b.p.sink, .restart = restart};
	rc = fetch_into(r, where, &b, e);
	encl_cache_partial_clear(&b.p);
	return rc;
}
