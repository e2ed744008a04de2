/* SPDX-License-Identifier: Apache-2.0 */
/* A registry's image into the cache (distribution-spec 1.1, "Pull"). */
#include "sources/image_remote.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parallel.h"
#include "registry/registry.h"
#include "sources/cache.h"
#include "sources/image_open.h"

enum { MAX_THREADS = 4 };

/* The run's client, or one for this image alone. */
struct client {
	struct encl_registry *own;
	struct encl_registry *r;
};

static void
client_clear(struct client *c)
{
	encl_registry_free(c->own);
}
ENCL_AUTO_VAL(struct client, client_clear);

static int
connect_client(struct encl_env *env, struct client *c, struct encl_err *e)
{
	if (!env->registry && encl_registry_open(env, NULL, &c->own, e))
		return -1;
	c->r = env->registry ? env->registry : c->own;
	return 0;
}

static int
offline(const char *what, const char *missing, struct encl_err *e)
{
	return encl_fail(e, ENCL_NETWORK,
			 "not in the cache, and --offline forbids to fetch: %s%s%s", what,
			 *what ? " " : "", missing);
}

/* ---- what is there ---- */

/* verified: its bytes are hashed, and a damaged blob is removed. */
static int
is_cached(struct encl_env *env, const struct encl_digest *d, uint64_t size, bool verified,
	  bool *cached, struct encl_err *e)
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

/* As short as Docker shows them: many have to fit into a message. */
static void
list_digest(struct encl_buf *list, const char *digest)
{
	encl_buf_add_fmt(list, "%s%.19s", list->len ? ", " : "", digest);
}

static int
add_missing(struct encl_env *env, const char *digest, struct encl_buf *missing,
	    struct encl_err *e)
{
	struct encl_digest d;
	bool cached;

	if (!digest)
		return 0;
	if (!encl_digest_parse(digest, &d))
		return encl_fail(e, ENCL_MISMATCH,
				 "enclave.lock: not a digest in the pin of an image");
	if (is_cached(env, &d, UINT64_MAX, false, &cached, e))
		return -1;
	if (!cached)
		list_digest(missing, digest);
	return 0;
}

static const char *
text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

int
encl_image_remote_missing(struct encl_env *env, const struct encl_image_ref *ref,
			  const json_t *pin, struct encl_buf *missing, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 1 << 20};
	json_t *layer;
	size_t i;

	if (ref->kind != ENCL_IMAGE_REGISTRY)
		return 0;
	if (add_missing(env, text_of(pin, "index"), &list, e) ||
	    add_missing(env, text_of(pin, "manifest"), &list, e) ||
	    add_missing(env, text_of(pin, "config"), &list, e))
		return -1;
	json_array_foreach (json_object_get(pin, "layers"), i, layer)
		if (add_missing(env, text_of(layer, "digest"), &list, e))
			return -1;
	if (list.len)
		encl_buf_add_fmt(missing, "%s%s: %s", missing->len ? "; " : "", ref->path,
				 encl_buf_text(&list));
	return 0;
}

/* ---- documents ---- */

static int
write_document(struct encl_env *env, const struct encl_digest *d, const char *text,
	       size_t n, const char *what, struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	bool there;

	if (encl_cache_partial_open(env->cache, env->log, d, n, n, what, &p, &there, e))
		return -1;
	if (there)
		return 0;
	if (encl_cache_partial_restart(&p, e) || encl_sink_write(&p.sink, text, n, e))
		return -1;
	return encl_cache_partial_commit(&p, e);
}

static int
fetch_manifest(struct encl_env *env, const struct encl_reference *where,
	       const struct encl_digest *d, struct encl_cache_partial *p,
	       struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(client_clear) struct client c = {0};
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	if (connect_client(env, &c, e) ||
	    encl_registry_manifest_get(c.r, where, text, &m, NULL, e) ||
	    encl_cache_partial_restart(p, e) || encl_sink_write(&p->sink, m.text, m.n, e))
		return -1;
	return encl_cache_partial_commit(p, e);
}

int
encl_image_remote_manifest(const struct encl_image_store *s, const struct encl_digest *d,
			   struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	char text[ENCL_DIGEST_TEXT];
	bool there;

	if (!s->where)
		return 0;
	if (is_cached(s->env, d, UINT64_MAX, true, &there, e))
		return -1;
	if (there)
		return 0;
	encl_digest_format(d, text);
	if (s->env->offline)
		return offline(s->what, text, e);
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, text);

	if (encl_cache_partial_open(s->env->cache, s->env->log, d, UINT64_MAX,
				    ENCL_IMAGE_JSON_MAX, what, &p, &there, e))
		return -1;
	return there ? 0 : fetch_manifest(s->env, s->where, d, &p, e);
}

/* ---- blobs ---- */

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

static int
fetch_blob(const struct encl_image_store *s, struct encl_registry *r,
	   const struct encl_digest *d, uint64_t size, struct encl_err *e)
{
	struct blob_fetch b = {.p = {.fd = -1}};
	char text[ENCL_DIGEST_TEXT];
	bool there;
	int rc;

	encl_digest_format(d, text);
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, text);
	encl_auto(encl_free) char *label = encl_xasprintf("fetching %.19s", text);

	if (encl_cache_partial_open(s->env->cache, s->env->log, d, size, size, what, &b.p,
				    &there, e))
		return -1;
	if (there)
		return 0;
	b.f = (struct encl_registry_fetch){
		.blob = {.digest = *d, .size = size, .label = label},
		.sink = &b.p.sink,
		.restart = restart};
	rc = fetch_into(r, s->where, &b, e);
	encl_cache_partial_clear(&b.p);
	return rc;
}

int
encl_image_remote_config(const struct encl_image_store *s, const struct encl_digest *d,
			 uint64_t size, struct encl_err *e)
{
	encl_auto(client_clear) struct client c = {0};
	char text[ENCL_DIGEST_TEXT];
	bool there;

	if (!s->where)
		return 0;
	encl_digest_format(d, text);
	if (size > ENCL_IMAGE_JSON_MAX)
		return encl_fail(e, ENCL_FAILED, "%s: config %s is larger than %d bytes",
				 s->what, text, ENCL_IMAGE_JSON_MAX);
	if (is_cached(s->env, d, size, true, &there, e))
		return -1;
	if (there)
		return 0;
	if (s->env->offline)
		return offline(s->what, text, e);
	return connect_client(s->env, &c, e) ? -1 : fetch_blob(s, c.r, d, size, e);
}

/* ---- layers ---- */

struct layers {
	const struct encl_image_store *store;
	struct encl_registry *r;
	const struct encl_image_layer **v;
	size_t n;
};

static void
layers_clear(struct layers *l)
{
	encl_free_at(&l->v);
}
ENCL_AUTO_VAL(struct layers, layers_clear);

/*
 * A stored layer is hashed here only before it is made plain: a plain one is
 * hashed whenever it is read.
 */
static int
layer_cached(struct encl_env *env, const struct encl_image_layer *l, bool *cached,
	     struct encl_err *e)
{
	bool expanded = false;

	if (!encl_digest_equal(&l->digest, &l->diff_id) &&
	    is_cached(env, &l->diff_id, UINT64_MAX, false, &expanded, e))
		return -1;
	return is_cached(env, &l->digest, l->size,
			 !expanded && !encl_digest_equal(&l->digest, &l->diff_id), cached,
			 e);
}

static bool
listed(const struct layers *l, const struct encl_image_layer *layer)
{
	for (size_t i = 0; i < l->n; i++)
		if (encl_digest_equal(&l->v[i]->digest, &layer->digest))
			return true;
	return false;
}

static int
list_layers(struct layers *l, const struct encl_image *image, struct encl_buf *missing,
	    struct encl_err *e)
{
	l->v = encl_xcalloc(image->n_layers + 1, sizeof(struct encl_image_layer *));
	for (size_t i = 0; i < image->n_layers; i++) {
		char text[ENCL_DIGEST_TEXT];
		bool cached;

		if (listed(l, &image->layers[i]))
			continue;
		if (layer_cached(l->store->env, &image->layers[i], &cached, e))
			return -1;
		if (cached)
			continue;
		encl_digest_format(&image->layers[i].digest, text);
		list_digest(missing, text);
		l->v[l->n++] = &image->layers[i];
	}
	return 0;
}

static int
fetch_layer(void *arg, size_t i, struct encl_err *e)
{
	const struct layers *l = arg;

	return fetch_blob(l->store, l->r, &l->v[i]->digest, l->v[i]->size, e);
}

int
encl_image_remote_layers(const struct encl_image_store *store,
			 const struct encl_image *image, struct encl_err *e)
{
	encl_auto(layers_clear) struct layers l = {.store = store};
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 1 << 20};
	encl_auto(client_clear) struct client c = {0};

	if (list_layers(&l, image, &missing, e))
		return -1;
	if (!l.n)
		return 0;
	if (store->env->offline)
		return offline(store->what, encl_buf_text(&missing), e);
	if (connect_client(store->env, &c, e))
		return -1;
	l.r = c.r;
	return encl_parallel(MAX_THREADS, l.n, fetch_layer, &l, e);
}

/* ---- opening ---- */

/* The tag is asked for now. */
static int
resolve(struct encl_env *env, const struct encl_image_ref *ref, struct encl_digest *out,
	struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(client_clear) struct client c = {0};
	const char *version = encl_reference_version(ref->reference);

	if (env->offline)
		return encl_fail(e, ENCL_NETWORK,
				 "%s: which image the tag \"%s\" names is asked of the "
				 "registry, and --offline forbids that",
				 ref->path, version);
	if (connect_client(env, &c, e) ||
	    encl_registry_manifest_get(c.r, ref->reference, version, &m, NULL, e))
		return -1;
	*out = m.digest;
	return write_document(env, &m.digest, m.text, m.n, ref->path, e);
}

/* Where to begin: the reference's digest, else the pin's, else the tag's. */
static int
find_start(struct encl_env *env, const struct encl_image_ref *ref, const json_t *pin,
	   struct encl_digest *out, struct encl_err *e)
{
	const char *text = ref->digest;

	if (!text)
		text = text_of(pin, "index");
	if (!text)
		text = text_of(pin, "manifest");
	if (!text && !pin)
		return resolve(env, ref, out, e);
	if (!text || !encl_digest_parse(text, out))
		return encl_fail(e, ENCL_MISMATCH,
				 "the lock's words on %s are not what lock writes of it; "
				 "run \"enclavebuild lock\"",
				 ref->path);
	return 0;
}

/* The name that Docker knows it by; a digest alone is none. */
static void
take_name(const struct encl_reference *r, struct encl_image *out)
{
	encl_auto(encl_free) char *name = NULL;

	if (r->digest && !r->tag)
		return;
	name = encl_xasprintf("%s/%s:%s", r->host, r->repository,
			      r->tag ? r->tag : "latest");
	encl_image_add_name(out, name);
}

int
encl_image_remote_open(struct encl_env *env, const struct encl_image_ref *ref,
		       const json_t *pin, enum encl_arch arch,
		       struct encl_image_store *store, struct encl_image *out,
		       struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 1 << 20};
	const struct encl_image_store s = {
		.what = ref->path, .dirfd = -1, .env = env, .where = ref->reference};
	struct encl_digest start;

	if (env->offline && pin && encl_image_remote_missing(env, ref, pin, &missing, e))
		return -1;
	if (missing.len)
		return offline("", encl_buf_text(&missing), e);
	if (find_start(env, ref, pin, &start, e) ||
	    encl_image_open_digest(&s, &start, arch, out, e))
		return -1;
	take_name(ref->reference, out);
	*store = s;
	return 0;
}
