/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images as one docker-archive (what `docker save` writes: manifest.json,
 * configs, layers) for `docker load`: layers are the sources' own bytes, not
 * compressed, so that their DiffIDs hold.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "docker/image.h"
#include "docker/tar.h"
#include "sources/image_layer.h"
#include "sources/layer_expand.h"
#include "sources/spool.h"

enum { COPY = 1 << 16 };
#define ARCHIVE_MAX UINT32_MAX /* of a file in a ramdisk */

struct written {
	struct encl_digest digest;
	uint64_t bytes;
};

struct archive {
	struct encl_docker_collector collector; /* first */
	struct encl_sink sink;			/* CRC, then the spool */
	struct encl_env *env;
	const struct encl_manifest *m;
	struct encl_tree *tree;
	struct encl_spool spool;
	uint32_t crc;
	json_t *images; /* manifest.json */
	struct written *layers, *configs;
	size_t n_layers, n_configs;
};

static int
append(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct archive *a =
		(struct archive *)(void *)((char *)sink - offsetof(struct archive, sink));

	a->crc = encl_crc32(a->crc, p, n);
	return encl_sink_write(&a->spool.sink, p, n, e);
}

static const struct written *
find(const struct written *v, size_t n, const struct encl_digest *digest)
{
	for (size_t i = 0; i < n; i++)
		if (encl_digest_equal(&v[i].digest, digest))
			return &v[i];
	return NULL;
}

static int
begin_file(struct archive *a, const char *name, uint64_t size, struct encl_err *e)
{
	const struct encl_tar_member member = {.path = name,
					       .type = ENCL_REG,
					       .mode = 0644,
					       .mtime = a->m->source_date_epoch,
					       .size = size};

	return encl_tar_header(&a->sink, &member, e);
}

static int
add_text(struct archive *a, const char *name, const void *text, size_t n,
	 struct encl_err *e)
{
	if (begin_file(a, name, n, e) || encl_sink_write(&a->sink, text, n, e))
		return -1;
	return encl_tar_pad(&a->sink, n, e);
}

/* ---- layers ---- */

/* The bytes of the source, hashed on their way. */
static int
copy_layer(struct archive *a, const struct encl_docker_opened *o, size_t at,
	   const struct encl_image_file *f, bool cached, struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	encl_auto(encl_free) char *copy = encl_xmalloc(COPY);
	const struct encl_image_layer *layer = &o->source.image.layers[at];
	struct encl_digest got;

	for (uint64_t off = 0; off < f->size;) {
		uint64_t left = f->size - off;
		size_t n = left < COPY ? (size_t)left : COPY;

		if (encl_pread_full(f->blob->fd, copy, n, f->offset + off, o->what, e))
			return -1;
		encl_hash_update(h, copy, n);
		if (encl_sink_write(&a->sink, copy, n, e))
			return -1;
		off += n;
	}
	encl_hash_final(h, &got);
	if (encl_digest_equal(&got, &o->diff_ids[at]))
		return 0;
	return encl_image_layer_wrong(a->env, &o->source.store, layer, cached, &got, e);
}

static int
add_source_layer(struct archive *a, const struct encl_docker_opened *o, size_t at,
		 const char *name, uint64_t *size, struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};
	bool cached;

	if (encl_image_layer_plain(a->env, &o->source.store, &o->source.image.layers[at],
				   &f, &cached, e) ||
	    begin_file(a, name, f.size, e) || copy_layer(a, o, at, &f, cached, e))
		return -1;
	*size = f.size;
	return encl_tar_pad(&a->sink, f.size, e);
}

static int
add_made_layer(struct archive *a, const struct encl_docker_opened *o, const char *name,
	       uint64_t *size, struct encl_err *e)
{
	*size = o->made_size;
	if (begin_file(a, name, o->made_size, e) || encl_tar_write(o->made, &a->sink, e))
		return -1;
	return encl_tar_pad(&a->sink, o->made_size, e);
}

static int
add_layer(struct archive *a, const struct encl_docker_opened *o, size_t at,
	  const char *name, uint64_t *bytes, struct encl_err *e)
{
	uint64_t size;

	if (find(a->layers, a->n_layers, &o->diff_ids[at]))
		return 0;
	if (o->made ? add_made_layer(a, o, name, &size, e)
		    : add_source_layer(a, o, at, name, &size, e))
		return -1;
	*bytes += size;
	a->layers = encl_xrealloc(a->layers, a->n_layers + 1, sizeof *a->layers);
	a->layers[a->n_layers++] = (struct written){o->diff_ids[at], size};
	return 0;
}

/* ---- the collector ---- */

static int
add_config(struct archive *a, const struct encl_docker_opened *o, const char *name,
	   struct encl_err *e)
{
	if (find(a->configs, a->n_configs, &o->id))
		return 0;
	a->configs = encl_xrealloc(a->configs, a->n_configs + 1, sizeof *a->configs);
	a->configs[a->n_configs++] = (struct written){o->id, o->config_size};
	return add_text(a, name, o->config, o->config_size, e);
}

static int
archive_add(struct encl_docker_collector *c, struct encl_docker_opened *o,
	    struct encl_docker_loaded *loaded, uint64_t *bytes, struct encl_err *e)
{
	struct archive *a = (struct archive *)c;
	char text[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *config =
		encl_xasprintf("%s.json", encl_docker_hex(&o->id, text));
	encl_auto(json_decref) json_t *layers = json_array();
	json_t *names = json_array();

	if (!o->made &&
	    encl_image_layers_expand(a->env, &o->source.store, &o->source.image, e)) {
		json_decref(names);
		return -1;
	}
	for (size_t i = 0; i < loaded->n_names; i++)
		json_array_append_new(names, json_string(loaded->names[i]));
	json_array_append_new(a->images, json_pack("{s:s, s:O, s:o}", "Config", config,
						   "Layers", layers, "RepoTags", names));
	for (size_t i = 0; i < o->n_layers; i++) {
		encl_auto(encl_free) char *name = encl_xasprintf(
			"%s/layer.tar", encl_docker_hex(&o->diff_ids[i], text));

		json_array_append_new(layers, json_string(name));
		if (add_layer(a, o, i, name, bytes, e))
			return -1;
		loaded->bytes += find(a->layers, a->n_layers, &o->diff_ids[i])->bytes;
	}
	return add_config(a, o, config, e);
}

static int
archive_finish(struct encl_docker_collector *c, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker archive"};
	struct archive *a = (struct archive *)c;
	struct encl_entry_sink *sink = encl_tree_sink(a->tree);
	encl_auto(encl_free) char *text =
		json_dumps(a->images, JSON_COMPACT | JSON_SORT_KEYS);
	struct encl_entry entry = {.path = ENCL_DOCKER_ARCHIVE_PATH,
				   .type = ENCL_REG,
				   .mode = 0600,
				   .mtime = (int64_t)a->m->source_date_epoch};

	if (add_text(a, "manifest.json", text, strlen(text), e) ||
	    encl_tar_end(&a->sink, e))
		return -1;
	entry.content = (struct encl_content){
		.blob = a->spool.blob, .size = encl_spool_size(&a->spool), .crc = a->crc};
	if (sink->begin(sink, &origin, 0, e) || sink->add(sink, &entry, e))
		return -1;
	return sink->end(sink, e);
}

static void
archive_free(struct encl_docker_collector *c)
{
	struct archive *a = (struct archive *)c;

	encl_spool_clear(&a->spool);
	json_decref(a->images);
	free(a->layers);
	free(a->configs);
	free(a);
}

struct encl_docker_collector *
encl_docker_archive_new(struct encl_env *env, const struct encl_manifest *m,
			struct encl_tree *tree)
{
	struct archive *a = encl_xcalloc(1, sizeof *a);

	a->collector =
		(struct encl_docker_collector){archive_add, archive_finish, archive_free};
	a->sink.write = append;
	a->env = env;
	a->m = m;
	a->tree = tree;
	encl_spool_init(&a->spool, env->cache, ARCHIVE_MAX, "the archive of the images");
	a->images = json_array();
	return &a->collector;
}
