/* SPDX-License-Identifier: Apache-2.0 */
/* docker.images: the pin of each, and each opened by its pin. */
#include "docker/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "rootfs/assemble.h"

/* ---- lock ---- */

static int
lock_made(struct encl_env *env, const struct encl_manifest *m,
	  const struct encl_docker_image *image, const json_t *old_pin, json_t **pin,
	  struct encl_err *e)
{
	const json_t *old = json_object_get(old_pin, "layers");
	encl_auto(json_decref) json_t *layers = json_array();

	for (size_t i = 0; i < image->n_layers; i++) {
		const json_t *one = json_array_get(old, i);
		json_t *v = NULL;

		if (encl_layer_lock(env, m, &image->layers[i],
				    json_is_object(one) ? one : NULL, &v, e))
			return encl_wrap(e, "rootfs[%zu]", i);
		json_array_append_new(layers, v);
	}
	*pin = json_pack("{s:O}", "layers", layers);
	return 0;
}

int
encl_docker_image_lock(struct encl_env *env, const struct encl_manifest *m,
		       const struct encl_docker_image *image, const json_t *old_pin,
		       json_t **pin, struct encl_err *e)
{
	const struct encl_layer layer = {
		.kind = ENCL_LAYER_IMAGE, .pos = image->pos, .image = image->image};

	if (image->image)
		return encl_image_lock(env, m, &layer, old_pin, pin, e);
	return lock_made(env, m, image, old_pin, pin, e);
}

/* ---- open ---- */

const char *
encl_docker_hex(const struct encl_digest *d, char *text)
{
	encl_digest_format(d, text);
	return strchr(text, ':') + 1;
}

/* chain(0) = DiffID; chain(n) = SHA-256 of "chain(n-1) DiffID(n)"
 * (image-spec config.md). */
static void
chain_ids(struct encl_docker_opened *o)
{
	char text[2 * ENCL_DIGEST_TEXT];
	size_t n;

	o->chain_ids = encl_xcalloc(o->n_layers + 1, sizeof *o->chain_ids);
	for (size_t i = 0; i < o->n_layers; i++) {
		o->chain_ids[i] = o->diff_ids[i];
		if (i == 0)
			continue;
		encl_digest_format(&o->chain_ids[i - 1], text);
		n = strlen(text);
		text[n] = ' ';
		encl_digest_format(&o->diff_ids[i], text + n + 1);
		encl_digest_of(ENCL_SHA256, text, strlen(text), &o->chain_ids[i]);
	}
}

static int
take_diff_ids(struct encl_docker_opened *o, struct encl_err *e)
{
	const struct encl_image *image = &o->source.image;

	if (image->n_layers > ENCL_DOCKER_MAX_LAYERS)
		return encl_fail(e, ENCL_FAILED,
				 "%s: %zu layers; Docker takes at most %d", o->what,
				 image->n_layers, ENCL_DOCKER_MAX_LAYERS);
	o->n_layers = image->n_layers;
	o->diff_ids = encl_xcalloc(o->n_layers + 1, sizeof *o->diff_ids);
	for (size_t i = 0; i < o->n_layers; i++) {
		o->diff_ids[i] = image->layers[i].diff_id;
		if (o->diff_ids[i].algo != ENCL_SHA256)
			return encl_fail(e, ENCL_FAILED,
					 "%s: DiffID %zu is not of sha256, the only one "
					 "that Docker takes",
					 o->what, i);
	}
	return 0;
}

static int
open_source(struct encl_env *env, const struct encl_manifest *m,
	    const struct encl_docker_image *image, const json_t *pin,
	    struct encl_docker_opened *o, struct encl_err *e)
{
	if (encl_image_source_open(env, m, image->image, pin, &o->source, e))
		return -1;
	o->what = encl_xstrdup(o->source.store.what);
	if (take_diff_ids(o, e))
		return -1;
	o->config_doc = json_incref(o->source.image.config_doc);
	return encl_image_source_config(&o->source, &o->config, &o->config_size, e);
}

int
encl_docker_open(struct encl_env *env, const struct encl_manifest *m,
		 const struct encl_docker_image *image, const json_t *pin,
		 struct encl_docker_opened *out, struct encl_err *e)
{
	encl_auto(encl_docker_opened_clear) struct encl_docker_opened o = {
		.source = {.store = {.dirfd = -1}}};

	if (image->image ? open_source(env, m, image, pin, &o, e)
			 : encl_docker_make(env, m, image, pin, &o, e))
		return -1;
	encl_digest_of(ENCL_SHA256, o.config, o.config_size, &o.id);
	chain_ids(&o);
	*out = o;
	o = (struct encl_docker_opened){.source = {.store = {.dirfd = -1}}};
	return 0;
}

void
encl_docker_opened_clear(struct encl_docker_opened *o)
{
	encl_image_source_clear(&o->source);
	encl_tree_free(o->made);
	free(o->what);
	free(o->config);
	free(o->diff_ids);
	free(o->chain_ids);
	json_decref(o->config_doc);
	*o = (struct encl_docker_opened){.source = {.store = {.dirfd = -1}}};
}
