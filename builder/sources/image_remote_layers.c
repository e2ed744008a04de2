/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a registry's image into the cache, several at a time. */
#include <inttypes.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "registry/registry.h"
#include "sources/image_remote.h"
#include "sources/remote_blob.h"
#include "sources/tar.h"

enum { MAX_THREADS = 4 };

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
	    encl_remote_cached(env, &l->diff_id, UINT64_MAX, false, &expanded, e))
		return -1;
	return encl_remote_cached(
		env, &l->digest, l->size,
		!expanded && !encl_digest_equal(&l->digest, &l->diff_id), cached, e);
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
too_large(const struct encl_image_store *s, const struct encl_image_layer *layer,
	  struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(&layer->digest, text);
	return encl_fail(e, ENCL_FAILED,
			 "%s: layer %s has %" PRIu64 " bytes; at most %" PRIu64
			 " are taken",
			 s->what, text, layer->size, (uint64_t)ENCL_TAR_MAX_BYTES);
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
		if (image->layers[i].size > ENCL_TAR_MAX_BYTES)
			return too_large(l->store, &image->layers[i], e);
		if (layer_cached(l->store->env, &image->layers[i], &cached, e))
			return -1;
		if (cached)
			continue;
		encl_digest_format(&image->layers[i].digest, text);
		encl_buf_add_fmt(missing, "%s%.19s", missing->len ? ", " : "", text);
		l->v[l->n++] = &image->layers[i];
	}
	return 0;
}

static int
fetch_layer(void *arg, size_t i, struct encl_err *e)
{
	const struct layers *l = arg;

	const struct encl_image_store *s = l->store;
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(&l->v[i]->digest, text);
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, text);
	encl_auto(encl_free) char *label = encl_xasprintf("fetching %.19s", text);
	const struct encl_registry_blob blob = {l->v[i]->digest, l->v[i]->size, label};

	return encl_remote_blob(s->env, l->r, s->where, &blob, what, e);
}

int
encl_image_remote_layers(const struct encl_image_store *store,
			 const struct encl_image *image, struct encl_err *e)
{
	encl_auto(layers_clear) struct layers l = {.store = store};
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 1 << 20};
	encl_auto(encl_remote_client_clear) struct encl_remote_client c = {0};

	if (list_layers(&l, image, &missing, e))
		return -1;
	if (!l.n)
		return 0;
	if (store->env->offline)
		return encl_image_remote_offline(store->what, encl_buf_text(&missing), e);
	if (encl_remote_client_open(store->env, &c, e))
		return -1;
	l.r = c.r;
	return encl_parallel(MAX_THREADS, l.n, fetch_layer, &l, e);
}
