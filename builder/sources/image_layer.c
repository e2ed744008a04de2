/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of images: stored bytes to entries. */
#include "sources/image_layer.h"

#include "base/alloc.h"
#include "sources/cache.h"
#include "sources/expand.h"
#include "sources/layer_expand.h"
#include "sources/tar.h"

/* In place.  Its digest and DiffID are over the same bytes. */
static int
emit_plain(struct encl_env *env, const struct encl_image_file *f,
	   const struct encl_image_layer *layer, const char *what,
	   struct encl_entry_sink *sink, struct encl_err *e)
{
	bool same = layer->has_digest && layer->digest.algo == layer->diff_id.algo;
	struct encl_tar tar = {.blob = f->blob,
			       .offset = f->offset,
			       .size = f->size,
			       .algo = layer->diff_id.algo,
			       .what = what};
	struct encl_digest got;

	if (same && !encl_digest_equal(&layer->digest, &layer->diff_id))
		return encl_image_layer_mismatch(what, "DiffID", &layer->diff_id,
						 &layer->digest, e);
	if (layer->has_digest && !same && encl_image_layer_verify(f, layer, what, e))
		return -1;
	if (encl_tar_scan(env, &tar, sink, &got, e)) {
		/* damage shows as a wrong digest first, whatever it broke */
		struct encl_err other;

		if (same && encl_image_layer_verify(f, layer, what, &other))
			*e = other;
		return -1;
	}
	if (encl_digest_equal(&got, &layer->diff_id))
		return 0;
	return encl_image_layer_mismatch(what, same ? "digest" : "DiffID",
					 &layer->diff_id, &got, e);
}

/* Of the cache, or into it. */
static int
open_expanded(struct encl_env *env, const struct encl_image_file *f,
	      const struct encl_image_layer *layer, enum encl_codec codec,
	      const char *what, struct encl_blob **out, struct encl_err *e)
{
	uint64_t size;
	int fd;

	if (encl_cache_get_unverified(env->cache, &layer->diff_id, &fd, &size, e) ||
	    (fd < 0 &&
	     encl_image_layer_expand(env, f, layer, codec, what, &fd, &size, e)))
		return -1;
	*out = encl_blob_new(fd, size, what);
	return 0;
}

static int
emit_compressed(struct encl_env *env, const struct encl_image_file *f,
		const struct encl_image_layer *layer, enum encl_codec codec,
		const char *what, struct encl_entry_sink *sink, struct encl_err *e)
{
	struct encl_tar tar = {.algo = layer->diff_id.algo, .what = what};
	struct encl_digest got;
	encl_auto(encl_blob_unref) struct encl_blob *plain = NULL;

	if (open_expanded(env, f, layer, codec, what, &plain, e))
		return -1;
	tar.size = plain->size;
	tar.blob = plain;
	if (encl_tar_scan(env, &tar, sink, &got, e))
		return layer->diff_id.algo == ENCL_SHA256
			       ? encl_expanded_blame(env, plain->fd, &layer->diff_id,
						     what, e)
			       : -1;
	if (encl_digest_equal(&got, &layer->diff_id))
		return 0;
	if (layer->diff_id.algo == ENCL_SHA256)
		return encl_expanded_damaged(env, &layer->diff_id, what, e);
	return encl_image_layer_mismatch(what, "DiffID", &layer->diff_id, &got, e);
}

/* A plain one of a registry does, by its digest that is its DiffID too. */
static bool
lies_in_cache(const struct encl_image_store *store, const struct encl_image_layer *layer)
{
	return store->where && layer->digest.algo == ENCL_SHA256 &&
	       encl_digest_equal(&layer->digest, &layer->diff_id);
}

int
encl_image_layer_emit(struct encl_env *env, const struct encl_image_store *store,
		      const struct encl_image_layer *layer, struct encl_entry_sink *sink,
		      struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};
	encl_auto(encl_free) char *name = encl_image_layer_name(layer);
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s: layer %s", store->what, name);
	struct encl_origin origin = {"image", name};
	enum encl_codec codec;

	if (encl_image_layer_open(store, layer, &f, e) ||
	    encl_codec_probe(f.blob->fd, f.offset, f.size, what, &codec, e) ||
	    sink->begin(sink, &origin, 1, e))
		return -1;
	if (codec != ENCL_CODEC_NONE
		    ? emit_compressed(env, &f, layer, codec, what, sink, e)
		    : emit_plain(env, &f, layer, what, sink, e) &&
			      (!lies_in_cache(store, layer) ||
			       encl_expanded_blame(env, f.blob->fd, &layer->digest, what,
						   e)))
		return -1;
	return sink->end(sink, e) ? encl_wrap(e, "%s", what) : 0;
}

static char *
what_of(const struct encl_image_store *store, const struct encl_image_layer *layer)
{
	encl_auto(encl_free) char *name = encl_image_layer_name(layer);

	return encl_xasprintf("%s: layer %s", store->what, name);
}

int
encl_image_layer_plain(struct encl_env *env, const struct encl_image_store *store,
		       const struct encl_image_layer *layer, struct encl_image_file *out,
		       bool *cached, struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};
	encl_auto(encl_free) char *what = what_of(store, layer);
	struct encl_blob *plain;
	enum encl_codec codec;

	if (encl_image_layer_open(store, layer, &f, e) ||
	    encl_codec_probe(f.blob->fd, f.offset, f.size, what, &codec, e))
		return -1;
	*cached = codec != ENCL_CODEC_NONE || lies_in_cache(store, layer);
	if (codec == ENCL_CODEC_NONE) {
		*out = f;
		f.blob = NULL;
		return 0;
	}
	if (open_expanded(env, &f, layer, codec, what, &plain, e))
		return -1;
	*out = (struct encl_image_file){plain, 0, plain->size};
	return 0;
}

int
encl_image_layer_wrong(struct encl_env *env, const struct encl_image_store *store,
		       const struct encl_image_layer *layer, bool cached,
		       const struct encl_digest *got, struct encl_err *e)
{
	encl_auto(encl_free) char *what = what_of(store, layer);

	if (cached && layer->diff_id.algo == ENCL_SHA256)
		return encl_expanded_damaged(env, &layer->diff_id, what, e);
	return encl_image_layer_mismatch(what, "DiffID", &layer->diff_id, got, e);
}
