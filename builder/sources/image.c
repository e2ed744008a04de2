/* SPDX-License-Identifier: Apache-2.0 */
/* image: the pin of an image, and its layers as entries. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "sources/image_config.h"
#include "sources/image_daemon.h"
#include "sources/image_layer.h"
#include "sources/image_open.h"
#include "sources/image_remote.h"
#include "sources/image_source.h"
#include "sources/layer_expand.h"
#include "sources/source.h"

void
encl_image_source_clear(struct encl_image_source *o)
{
	encl_image_clear(&o->image);
	encl_image_store_clear(&o->store);
	encl_image_ref_clear(&o->ref);
}

int
encl_image_source_config(const struct encl_image_source *s, char **text, size_t *n,
			 struct encl_err *e)
{
	encl_auto(encl_free) char *t = NULL;
	struct encl_digest want;
	struct encl_digest got;

	if (encl_image_store_text(&s->store, s->image.config_file, &t, n, e))
		return -1;
	if (!t || !encl_digest_parse(s->image.config, &want))
		return encl_fail(e, ENCL_FAILED, "%s: %s is not there", s->store.what,
				 s->image.config_file);
	encl_digest_of(want.algo, t, *n, &got);
	if (!encl_digest_equal(&want, &got))
		return encl_fail(e, ENCL_FAILED, "%s: %s changed while it was read",
				 s->store.what, s->image.config_file);
	*text = encl_take(t, NULL);
	return 0;
}

static json_t *
pin_layer(const struct encl_image_layer *l)
{
	json_t *v = json_object();
	char text[ENCL_DIGEST_TEXT];

	if (l->has_digest) {
		encl_digest_format(&l->digest, text);
		json_object_set_new(v, "digest", json_string(text));
	}
	encl_digest_format(&l->diff_id, text);
	json_object_set_new(v, "diffId", json_string(text));
	if (l->has_digest) {
		json_object_set_new(v, "size", json_integer((json_int_t)l->size));
		json_object_set_new(v, "mediaType", json_string(l->media_type));
	}
	return v;
}

/* Docker's old format has neither manifest nor digests of stored layers. */
static json_t *
pin_of(const struct encl_image *i)
{
	json_t *pin = json_object();
	json_t *layers = json_array();

	if (*i->index)
		json_object_set_new(pin, "index", json_string(i->index));
	if (*i->manifest)
		json_object_set_new(pin, "manifest", json_string(i->manifest));
	json_object_set_new(pin, "config", json_string(i->config));
	for (size_t n = 0; n < i->n_layers; n++)
		json_array_append_new(layers, pin_layer(&i->layers[n]));
	json_object_set_new(pin, "layers", layers);
	return pin;
}

static int
compare(const json_t *pin, const char *key, const char *have, const char *what,
	struct encl_err *e)
{
	const char *want;

	if (encl_json_str(pin, key, "enclave.lock", &want, e))
		return -1;
	if (!strcmp(want, have))
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "lock has %s %s, %s has %s; run \"enclavebuild lock\"", key,
			 want, what, have);
}

/*
 * The manifest's digest, then the config's, names what differs; the rest of
 * the pin must be what lock would write today.
 */
static int
check_pin(const struct encl_image_source *o, const json_t *pin, struct encl_err *e)
{
	encl_auto(json_decref) json_t *fresh = pin_of(&o->image);
	bool both = *o->image.manifest && json_object_get(pin, "manifest");

	if (both && compare(pin, "manifest", o->image.manifest, o->store.what, e))
		return -1;
	if (compare(pin, "config", o->image.config, o->store.what, e))
		return -1;
	/* the pin is part of the manifest's digest: nothing else may be in it */
	if (!json_equal(pin, fresh))
		return encl_fail(e, ENCL_MISMATCH,
				 "the lock's words on %s are not what lock writes of it; "
				 "run \"enclavebuild lock\"",
				 o->store.what);
	return 0;
}

static int
open_any(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
	 struct encl_image_source *o, struct encl_err *e)
{
	if (o->ref.kind == ENCL_IMAGE_REGISTRY)
		return encl_image_remote_open(env, &o->ref, pin, m->arch, &o->store,
					      &o->image, e);
	if (o->ref.kind == ENCL_IMAGE_DOCKER_DAEMON)
		return encl_image_daemon_open(env, &o->ref, pin, m->arch, &o->store,
					      &o->image, e);
	if (encl_image_store_open(env, m, &o->ref, &o->store, e))
		return -1;
	return encl_image_open(&o->store, &o->ref, m->arch, &o->image, e);
}

int
encl_image_source_open(struct encl_env *env, const struct encl_manifest *m,
		       const char *image, const json_t *pin,
		       struct encl_image_source *out, struct encl_err *e)
{
	encl_auto(encl_image_source_clear) struct encl_image_source o = {
		.store = {.dirfd = -1}};

	if (encl_image_ref_parse(image, &o.ref, e) || open_any(env, m, pin, &o, e) ||
	    (pin && check_pin(&o, pin, e)) ||
	    (o.store.where && encl_image_remote_layers(&o.store, &o.image, e)))
		return -1;
	*out = o;
	o = (struct encl_image_source){.store = {.dirfd = -1}};
	return 0;
}

static bool
is_remote(const char *image)
{
	encl_auto(encl_image_ref_clear) struct encl_image_ref ref = {0};
	struct encl_err ignored;

	return !encl_image_ref_parse(image, &ref, &ignored) &&
	       ref.kind == ENCL_IMAGE_REGISTRY;
}

int
encl_image_lock(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, const json_t *old_pin, json_t **pin,
		struct encl_err *e)
{
	encl_auto(encl_image_source_clear) struct encl_image_source o = {
		.store = {.dirfd = -1}};

	if (!is_remote(layer->image))
		old_pin = NULL;
	if (encl_image_source_open(env, m, layer->image, old_pin, &o, e))
		return -1;
	for (size_t i = 0; i < o.image.n_layers; i++) {
		encl_auto(encl_image_file_clear) struct encl_image_file f = {0};

		if (encl_image_layer_open(&o.store, &o.image.layers[i], &f, e))
			return -1;
	}
	*pin = pin_of(&o.image);
	return 0;
}

int
encl_image_emit(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, const json_t *pin,
		struct encl_entry_sink *sink, struct encl_image_config *config,
		struct encl_err *e)
{
	encl_auto(encl_image_source_clear) struct encl_image_source o = {
		.store = {.dirfd = -1}};
	encl_auto(encl_image_config_clear) struct encl_image_config c = {0};

	if (encl_image_source_open(env, m, layer->image, pin, &o, e) ||
	    encl_image_config_read(o.image.config_doc, o.store.what, &c, e) ||
	    encl_image_layers_expand(env, &o.store, &o.image, e))
		return -1;
	for (size_t i = 0; i < o.image.n_layers; i++)
		if (encl_image_layer_emit(env, &o.store, &o.image.layers[i], sink, e))
			return -1;
	*config = c;
	memset(&c, 0, sizeof c);
	return 0;
}
