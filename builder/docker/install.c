/* SPDX-License-Identifier: Apache-2.0 */
/* docker.images into the tree: names, then a data root or an archive. */
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "docker/image.h"
#include "sources/image_config.h"

#define FOLDER "/.enclave/docker"

void
encl_docker_images_clear(struct encl_docker_images *i)
{
	encl_arena_free(i->arena);
	memset(i, 0, sizeof *i);
}

/* ---- entries of the tool's own ---- */

int
encl_docker_add_folder(struct encl_tree *t, const char *path, uint32_t mode, uint64_t sde,
		       struct encl_err *e)
{
	struct encl_entry_sink *sink = encl_tree_sink(t);
	const struct encl_entry entry = {
		.path = path, .type = ENCL_DIR, .mode = mode, .mtime = (int64_t)sde};

	return sink->add(sink, &entry, e);
}

int
encl_docker_add_file(struct encl_tree *t, const char *path, uint32_t mode, uint64_t sde,
		     const void *data, size_t n, struct encl_err *e)
{
	struct encl_entry_sink *sink = encl_tree_sink(t);
	const struct encl_entry entry = {
		.path = path,
		.type = ENCL_REG,
		.mode = mode,
		.mtime = (int64_t)sde,
		.content = {.data = data, .size = n, .crc = encl_crc32(0, data, n)}};

	return sink->add(sink, &entry, e);
}

int
encl_docker_add_link(struct encl_tree *t, const char *path, const char *target,
		     uint64_t sde, struct encl_err *e)
{
	struct encl_entry_sink *sink = encl_tree_sink(t);
	const struct encl_entry entry = {.path = path,
					 .type = ENCL_SYMLINK,
					 .mode = 0777,
					 .mtime = (int64_t)sde,
					 .link = target};

	return sink->add(sink, &entry, e);
}

/*
 * Nothing that a source put there stays.  Only root may pass: set-user-id
 * programs of the layers are for containers, not for services beside them.
 */
static int
make_place(const struct encl_manifest *m, struct encl_tree *t, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker images"};
	static const char *const ours[] = {FOLDER};
	struct encl_entry_sink *sink = encl_tree_sink(t);
	const struct encl_node *top = encl_tree_find_nofollow(t, "/.enclave");
	uint64_t sde = m->source_date_epoch;

	if (encl_tree_remove(t, ours, 1, NULL, e) || sink->begin(sink, &origin, 0, e))
		return -1;
	if ((!top || top->inode->type != ENCL_DIR) &&
	    encl_docker_add_folder(t, "/.enclave", 0755, sde, e))
		return -1;
	if (encl_docker_add_folder(t, FOLDER, 0700, sde, e))
		return -1;
	return sink->end(sink, e);
}

/* ---- names ---- */

static int
take_name(const char *text, struct encl_docker_images *out, size_t i, struct encl_err *e)
{
	struct encl_docker_loaded *l = &out->v[i];
	encl_auto(encl_free) char *name = NULL;

	if (encl_docker_name(text, &name, e))
		return -1;
	for (size_t n = 0; n < l->n_names; n++)
		if (!strcmp(l->names[n], name))
			return 0;
	for (size_t other = 0; other < i; other++)
		for (size_t n = 0; n < out->v[other].n_names; n++)
			if (!strcmp(out->v[other].names[n], name))
				return encl_fail(
					e, ENCL_USAGE,
					"\"%s\" is the name of docker.images[%zu] "
					"too; give one of them another with "
					"\"name\"",
					name, other);
	l->names[l->n_names++] = encl_arena_strdup(out->arena, name);
	return 0;
}

static int
take_names(const struct encl_docker_image *image, const struct encl_docker_opened *o,
	   struct encl_docker_images *out, size_t i, struct encl_err *e)
{
	const struct encl_image *source = &o->source.image;

	out->v[i].names = encl_arena_alloc(out->arena,
					   (source->n_names + 1) * sizeof(const char *));
	if (image->name)
		return take_name(image->name, out, i, e) ? encl_wrap(e, "name") : 0;
	for (size_t n = 0; n < source->n_names; n++)
		if (take_name(source->names[n], out, i, e))
			return encl_wrap(e, "%s", o->what);
	if (out->v[i].n_names)
		return 0;
	return encl_fail(e, ENCL_USAGE,
			 "%s does not say what the image is called; give it a \"name\"",
			 o->what);
}

/* ---- what the config says ---- */

/* In capitals, as Docker reads it; what is none is SIGTERM to Docker. */
static const char *
stop_signal(const struct encl_image_config *config, const char *what,
	    struct encl_arena *arena, struct encl_log *log)
{
	char *text = config->stop_signal ? encl_arena_strdup(arena, config->stop_signal)
					 : NULL;
	encl_auto(encl_free) char *safe = NULL;

	for (char *p = text; p && *p; p++)
		*p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
	if (!text || encl_parse_signal(text))
		return text;
	safe = encl_escape(text, strnlen(text, 32));
	encl_warn(log, "%s: its StopSignal \"%s\" is no signal; it gets SIGTERM", what,
		  safe);
	return NULL;
}

/* What Docker could not read it would not know at run time either. */
static int
take_config(const struct encl_docker_opened *o, struct encl_arena *arena,
	    struct encl_log *log, struct encl_docker_loaded *l, struct encl_err *e)
{
	encl_auto(encl_image_config_clear) struct encl_image_config c = {0};
	const json_t *config = json_object_get(o->config_doc, "config");
	const json_t *test =
		json_object_get(json_object_get(config, "Healthcheck"), "Test");
	const char *first = json_string_value(json_array_get(test, 0));
	char text[ENCL_DIGEST_TEXT];

	if (encl_image_config_read(o->config_doc, o->what, &c, e))
		return -1;
	encl_digest_format(&o->id, text);
	l->id = encl_arena_strdup(arena, text);
	l->has_health = first && strcmp(first, "NONE") != 0;
	l->has_command = c.cmd.n != 0;
	l->has_entrypoint = c.entrypoint.n != 0;
	l->stop_signal = stop_signal(&c, o->what, arena, log);
	return 0;
}

/* ---- the whole ---- */

static void
collector_free(struct encl_docker_collector *c)
{
	if (c)
		c->free(c);
}
ENCL_AUTO_PTR(struct encl_docker_collector, collector_free);

static int
install_one(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
	    size_t i, struct encl_docker_collector *c, struct encl_docker_images *out,
	    struct encl_err *e)
{
	const struct encl_docker_image *image = &m->docker.images[i];
	encl_auto(encl_docker_opened_clear) struct encl_docker_opened o = {
		.source = {.store = {.dirfd = -1}}};

	if (encl_docker_open(env, m, image, pin, &o, e) ||
	    take_names(image, &o, out, i, e) ||
	    take_config(&o, out->arena, env->log, &out->v[i], e))
		return -1;
	return c->add(c, &o, &out->v[i], &out->bytes, e);
}

int
encl_docker_install_images(struct encl_env *env, const struct encl_manifest *m,
			   const json_t *pins, bool layers, struct encl_tree *tree,
			   struct encl_docker_images *out, struct encl_err *e)
{
	encl_auto(encl_docker_images_clear) struct encl_docker_images images = {
		.arena = encl_arena_new(), .n = m->docker.n_images};
	encl_auto(collector_free) struct encl_docker_collector *c =
		layers ? encl_docker_store_new(env, m, tree)
		       : encl_docker_archive_new(env, m, tree);

	if (json_array_size(pins) != images.n)
		return encl_fail(e, ENCL_MISMATCH,
				 "docker.images: %zu in the lock, %zu here; run "
				 "\"enclavebuild lock\"",
				 json_array_size(pins), images.n);
	images.v = encl_arena_alloc(images.arena, (images.n + 1) * sizeof *images.v);
	if (images.n && make_place(m, tree, e))
		return -1;
	for (size_t i = 0; i < images.n; i++) {
		encl_auto(encl_free) char *at =
			encl_manifest_at(m, m->docker.images[i].pos);
		encl_auto(encl_free) char *item = encl_xasprintf("docker.images[%zu]", i);

		encl_tree_set_item(tree, item, &m->docker.images[i].pos);
		if (install_one(env, m, json_array_get(pins, i), i, c, &images, e))
			return encl_wrap(e, "%s%s", at, item);
	}
	encl_tree_set_item(tree, "docker", &m->docker.pos);
	if (images.n && c->finish(c, e))
		return -1;
	*out = images;
	memset(&images, 0, sizeof images);
	return 0;
}
