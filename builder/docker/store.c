/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as Docker's overlay2 storage driver keeps them (moby: image/fs.go,
 * layer/filestore.go, daemon/graphdriver/overlay2), as if `docker load` had
 * run: names and links derive from the chain ID, where Docker takes random
 * ones.  The folder "diff" of a layer is a symlink to its content, which stays
 * where it is in the image and is never copied.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "docker/store.h"
#include "rootfs/changes.h"
#include "sources/image_layer.h"
#include "sources/layer_expand.h"

#define STORE  ENCL_DOCKER_STORE
#define IMAGES ENCL_DOCKER_IMAGE_STORE

/* A layer that is in the store. */
struct stored {
	struct encl_digest chain_id;
	uint64_t bytes;
};

struct store {
	struct encl_docker_collector collector; /* first */
	struct encl_env *env;
	struct encl_docker_place place;
	json_t *repositories;
	struct stored *layers;
	size_t n_layers;
	bool begun;
};

static const struct encl_origin ours = {"generated", "docker store"};

/* ---- folders ---- */

/* Modes are those that dockerd gives them. */
static int
begin_store(struct store *s, struct encl_err *e)
{
	static const struct {
		const char *path;
		uint32_t mode;
	} folders[] = {
		{ENCL_DOCKER_LAYERS, 0700},
		{STORE, 0710},
		{STORE "/image", 0700},
		{IMAGES, 0700},
		{IMAGES "/imagedb", 0700},
		{IMAGES "/imagedb/content", 0700},
		{IMAGES "/imagedb/content/sha256", 0700},
		{IMAGES "/imagedb/metadata", 0700},
		{IMAGES "/imagedb/metadata/sha256", 0700},
		{IMAGES "/layerdb", 0700},
		{IMAGES "/layerdb/sha256", 0755},
		{STORE "/overlay2", 0710},
		{STORE "/overlay2/l", 0700},
	};
	struct encl_entry_sink *sink = encl_tree_sink(s->place.tree);

	if (s->begun)
		return 0;
	s->begun = true;
	if (sink->begin(sink, &ours, 0, e))
		return -1;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (encl_docker_add_folder(s->place.tree, folders[i].path,
					   folders[i].mode, s->place.sde, e))
			return -1;
	return sink->end(sink, e);
}

/* ---- a layer's content ---- */

static const struct stored *
find(const struct store *s, const struct encl_digest *chain_id)
{
	for (size_t i = 0; i < s->n_layers; i++)
		if (encl_digest_equal(&s->layers[i].chain_id, chain_id))
			return &s->layers[i];
	return NULL;
}

static int
add_layer(struct store *s, const struct encl_docker_opened *o, size_t at,
	  struct encl_tree *from, const struct encl_tree_names *before,
	  struct encl_err *e)
{
	struct encl_entry_sink *sink = encl_tree_sink(s->place.tree);
	char chain[ENCL_DIGEST_TEXT];
	char diff[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *folder = encl_xasprintf(
		ENCL_DOCKER_LAYERS "/%s", encl_docker_hex(&o->chain_ids[at], chain));
	const struct encl_origin origin = {"image", diff};
	uint64_t bytes;

	encl_digest_format(&o->diff_ids[at], diff);
	if (sink->begin(sink, &origin, 0, e) ||
	    encl_tree_graft(from, before, s->place.tree, folder + 1, &bytes, e) ||
	    sink->end(sink, e))
		return encl_wrap(e, "%s: layer %s", o->what, diff);
	if (sink->begin(sink, &ours, 0, e) ||
	    encl_docker_add_layer(&s->place, o, at, bytes, e) || sink->end(sink, e))
		return -1;
	s->layers = encl_xrealloc(s->layers, s->n_layers + 1, sizeof *s->layers);
	s->layers[s->n_layers++] = (struct stored){o->chain_ids[at], bytes};
	return 0;
}

/* Layer by layer over a tree of the image alone, so that each is read with
 * what is below it. */
static int
add_source(struct store *s, struct encl_docker_opened *o, struct encl_err *e)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(s->env->log);
	const struct encl_image *image = &o->source.image;
	size_t last = o->n_layers;

	while (last && find(s, &o->chain_ids[last - 1]))
		last--;
	if (last && encl_image_layers_expand(s->env, &o->source.store, image, e))
		return -1;
	for (size_t i = 0; i < last; i++) {
		encl_auto(encl_tree_names_clear) struct encl_tree_names before = {0};
		bool is_new = !find(s, &o->chain_ids[i]);

		if ((is_new && encl_tree_names(t, &before, e)) ||
		    encl_image_layer_emit(s->env, &o->source.store, &image->layers[i],
					  encl_tree_sink(t), e) ||
		    (is_new && add_layer(s, o, i, t, &before, e)))
			return -1;
	}
	return 0;
}

/* ---- the collector ---- */

static int
add_config(struct store *s, const struct encl_docker_opened *o, struct encl_err *e)
{
	struct encl_entry_sink *sink = encl_tree_sink(s->place.tree);
	char text[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *path = encl_xasprintf(
		IMAGES "/imagedb/content/sha256/%s", encl_docker_hex(&o->id, text));

	if (sink->begin(sink, &ours, 0, e) ||
	    encl_docker_add_file(s->place.tree, path, 0600, s->place.sde, o->config,
				 o->config_size, e))
		return -1;
	return sink->end(sink, e);
}

static void
add_names(struct store *s, const struct encl_docker_loaded *loaded)
{
	for (size_t i = 0; i < loaded->n_names; i++) {
		const char *name = loaded->names[i];
		encl_auto(encl_free) char *repository =
			encl_xstrndup(name, (size_t)(strrchr(name, ':') - name));
		json_t *tags = json_object_get(s->repositories, repository);

		if (!tags) {
			tags = json_object();
			json_object_set_new(s->repositories, repository, tags);
		}
		json_object_set_new(tags, name, json_string(loaded->id));
	}
}

static int
store_add(struct encl_docker_collector *c, struct encl_docker_opened *o,
	  struct encl_docker_loaded *loaded, uint64_t *bytes, struct encl_err *e)
{
	struct store *s = (struct store *)c;
	size_t had = s->n_layers;

	if (begin_store(s, e))
		return -1;
	if (o->made ? !find(s, &o->chain_ids[0]) && add_layer(s, o, 0, o->made, NULL, e)
		    : add_source(s, o, e))
		return -1;
	for (size_t i = had; i < s->n_layers; i++)
		*bytes += s->layers[i].bytes;
	for (size_t i = 0; i < o->n_layers; i++)
		loaded->bytes += find(s, &o->chain_ids[i])->bytes;
	add_names(s, loaded);
	return add_config(s, o, e);
}

static int
store_finish(struct encl_docker_collector *c, struct encl_err *e)
{
	struct store *s = (struct store *)c;
	struct encl_entry_sink *sink = encl_tree_sink(s->place.tree);
	encl_auto(json_decref) json_t *doc =
		json_pack("{s:O}", "Repositories", s->repositories);
	encl_auto(encl_free) char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	if (sink->begin(sink, &ours, 0, e) ||
	    encl_docker_add_text(&s->place, IMAGES, "repositories.json", 0600, text, e))
		return -1;
	return sink->end(sink, e);
}

static void
store_free(struct encl_docker_collector *c)
{
	struct store *s = (struct store *)c;

	json_decref(s->repositories);
	free(s->layers);
	free(s);
}

struct encl_docker_collector *
encl_docker_store_new(struct encl_env *env, const struct encl_manifest *m,
		      struct encl_tree *tree)
{
	struct store *s = encl_xcalloc(1, sizeof *s);

	s->collector =
		(struct encl_docker_collector){store_add, store_finish, store_free};
	s->env = env;
	s->place = (struct encl_docker_place){tree, m->source_date_epoch};
	s->repositories = json_object();
	return &s->collector;
}
