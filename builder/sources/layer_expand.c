/* SPDX-License-Identifier: Apache-2.0 */
/* Stored bytes of a layer: found, verified, made plain in the cache. */
#include "sources/layer_expand.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/stream.h"
#include "sources/cache.h"
#include "sources/tar.h"

char *
encl_image_layer_name(const struct encl_image_layer *layer)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(layer->has_digest ? &layer->digest : &layer->diff_id, text);
	return encl_xstrdup(text);
}

int
encl_image_layer_open(const struct encl_image_store *store,
		      const struct encl_image_layer *layer, struct encl_image_file *out,
		      struct encl_err *e)
{
	encl_auto(encl_free) char *name = encl_image_layer_name(layer);
	uint64_t size;

	if (encl_image_store_find(store, layer->file, out, e))
		return -1;
	if (!out->blob)
		return encl_fail(e, ENCL_FAILED, "%s: layer %s: %s is not there",
				 store->what, name, layer->file);
	size = out->size;
	if (!layer->has_digest || size == layer->size)
		return 0;
	encl_image_file_clear(out);
	return encl_fail(e, ENCL_FAILED,
			 "%s: layer %s: has %" PRIu64
			 " bytes, its descriptor says %" PRIu64,
			 store->what, name, size, layer->size);
}

int
encl_image_layer_mismatch(const char *what, const char *of,
			  const struct encl_digest *want, const struct encl_digest *got,
			  struct encl_err *e)
{
	char w[ENCL_DIGEST_TEXT];
	char g[ENCL_DIGEST_TEXT];

	encl_digest_format(want, w);
	encl_digest_format(got, g);
	return encl_fail(e, ENCL_FAILED, "%s: %s mismatch: want %s, its bytes have %s",
			 what, of, w, g);
}

/* The stored bytes alone against their digest. */
int
encl_image_layer_verify(const struct encl_image_file *f,
			const struct encl_image_layer *layer, const char *what,
			struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(layer->digest.algo);
	struct encl_sink_digest count;
	struct encl_inflate in = {.fd = f->blob->fd,
				  .offset = f->offset,
				  .size = f->size,
				  .hash = h,
				  .what = what};
	struct encl_digest got;

	encl_sink_digest_init(&count, NULL, NULL, UINT64_MAX, what);
	if (encl_inflate(&in, &count.sink, e))
		return -1;
	encl_hash_final(h, &got);
	return encl_digest_equal(&got, &layer->digest)
		       ? 0
		       : encl_image_layer_mismatch(what, "digest", &layer->digest, &got,
						   e);
}

int
encl_image_layer_expand(struct encl_env *env, const struct encl_image_file *f,
			const struct encl_image_layer *layer, enum encl_codec codec,
			const char *what, int *fd, uint64_t *size, struct encl_err *e)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	encl_auto(encl_hash_free) struct encl_hash *h =
		layer->has_digest ? encl_hash_new(layer->digest.algo) : NULL;
	struct encl_inflate in = {.fd = f->blob->fd,
				  .offset = f->offset,
				  .size = f->size,
				  .codec = codec,
				  .hash = h,
				  .what = what,
				  .log = env->log};
	/* a sha512 DiffID is checked when the tar is read */
	const struct encl_digest *expected =
		layer->diff_id.algo == ENCL_SHA256 ? &layer->diff_id : NULL;
	struct encl_digest got;
	struct encl_err other;

	if (encl_cache_write(env->cache, &w, ENCL_TAR_MAX_BYTES, what, e))
		return -1;
	if (encl_inflate(&in, &w.sink, e)) {
		if (h && encl_image_layer_verify(f, layer, what, &other))
			*e = other;
		return -1;
	}
	if (h)
		encl_hash_final(h, &got);
	if (h && !encl_digest_equal(&got, &layer->digest))
		return encl_image_layer_mismatch(what, "digest", &layer->digest, &got, e);
	encl_auto(encl_hash_free) struct encl_hash *plain = encl_hash_clone(w.hash);

	encl_hash_final(plain, &got);
	if (expected && !encl_digest_equal(&got, expected))
		return encl_image_layer_mismatch(what, "DiffID", expected, &got, e);
	*size = w.size;
	return encl_cache_commit(&w, NULL, NULL, fd, e);
}

/* ---- several at a time ---- */

struct task {
	const struct encl_image_layer *layer;
	struct encl_image_file file;
	enum encl_codec codec;
	char *what;
};

struct work {
	struct encl_env *env;
	struct task *tasks;
	size_t n;
};

static void
work_clear(struct work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		encl_image_file_clear(&w->tasks[i].file);
		encl_free_at(&w->tasks[i].what);
	}
	encl_free_at(&w->tasks);
}
ENCL_AUTO_VAL(struct work, work_clear);

static int
run_task(void *arg, size_t i, struct encl_err *e)
{
	const struct work *w = arg;
	const struct task *t = &w->tasks[i];
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t size;

	return encl_image_layer_expand(w->env, &t->file, t->layer, t->codec, t->what, &fd,
				       &size, e);
}

static bool
cached(struct encl_env *env, const struct encl_image_layer *layer)
{
	encl_auto(encl_close_fd) int fd = -1;
	struct encl_err ignored;
	uint64_t size;

	return !encl_cache_get_unverified(env->cache, &layer->diff_id, &fd, &size,
					  &ignored) &&
	       fd >= 0;
}

/* A task, where there is something to do.  The same layer twice is one. */
static int
add_task(struct work *w, const struct encl_image_store *store,
	 const struct encl_image_layer *layer, struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};
	encl_auto(encl_free) char *name = encl_image_layer_name(layer);
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s: layer %s", store->what, name);
	enum encl_codec codec;

	/* without a cache entry of its own it is made plain when it is read */
	if (layer->diff_id.algo != ENCL_SHA256 || cached(w->env, layer))
		return 0;
	for (size_t i = 0; i < w->n; i++)
		if (encl_digest_equal(&w->tasks[i].layer->diff_id, &layer->diff_id))
			return 0;
	if (encl_image_layer_open(store, layer, &f, e))
		return -1;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): open has set it */
	if (encl_codec_probe(f.blob->fd, f.offset, f.size, what, &codec, e))
		return -1;
	if (codec == ENCL_CODEC_NONE)
		return 0;
	w->tasks[w->n++] = (struct task){
		.layer = layer, .file = f, .codec = codec, .what = encl_take(what, NULL)};
	f.blob = NULL;
	return 0;
}

int
encl_image_layers_expand(struct encl_env *env, const struct encl_image_store *store,
			 const struct encl_image *image, struct encl_err *e)
{
	encl_auto(work_clear) struct work w = {.env = env};

	w.tasks = encl_xcalloc(image->n_layers + 1, sizeof *w.tasks);
	for (size_t i = 0; i < image->n_layers; i++)
		if (add_task(&w, store, &image->layers[i], e))
			return -1;
	return encl_parallel(env->jobs, w.n, run_task, &w, e);
}
