/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image out of entries of the manifest: their tree as one layer, and a
 * config (image-spec config.md) whose bytes depend on nothing else.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "docker/image.h"
#include "docker/tar.h"
#include "rootfs/assemble.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int
assemble(struct encl_env *env, const struct encl_manifest *m,
	 const struct encl_docker_image *image, const json_t *pin, struct encl_tree *t,
	 struct encl_image_config *base, struct encl_err *e)
{
	const json_t *pins = json_object_get(pin, "layers");

	if (json_array_size(pins) != image->n_layers || json_object_size(pin) != 1)
		return encl_fail(e, ENCL_MISMATCH,
				 "the lock's words are not what lock writes of it; run "
				 "\"enclavebuild lock\"");
	for (size_t i = 0; i < image->n_layers; i++) {
		encl_auto(encl_free) char *item = encl_xasprintf(
			"docker.images[%td].rootfs[%zu]", image - m->docker.images, i);

		encl_tree_set_item(t, item, &image->layers[i].pos);
		if (encl_layer_apply(env, m, &image->layers[i], json_array_get(pins, i),
				     t, base, e))
			return encl_wrap(e, "rootfs[%zu]", i);
	}
	/* the tar holds extended attributes; whether the image does is told later */
	return encl_tree_normalise(t, m->source_date_epoch, ENCL_ROOT_SQUASHFS, e);
}

static int
hash_tar(struct encl_docker_opened *o, struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	struct encl_sink_digest count;

	encl_sink_digest_init(&count, h, NULL, UINT64_MAX, o->what);
	if (encl_tar_write(o->made, &count.sink, e))
		return -1;
	o->made_size = count.size;
	o->n_layers = 1;
	o->diff_ids = encl_xcalloc(1, sizeof *o->diff_ids);
	encl_hash_final(h, &o->diff_ids[0]);
	return 0;
}

/* ---- config ---- */

static json_t *
words(const struct encl_strings *list)
{
	json_t *out = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(out, json_string(list->v[i]));
	return out;
}

static bool
is_set(const json_t *env, const char *key, size_t n)
{
	json_t *v;
	size_t i;

	json_array_foreach (env, i, v) {
		const char *text = json_string_value(v);

		if (!strncmp(text, key, n) && text[n] == '=')
			return true;
	}
	return false;
}

/* The manifest's variables, then those of the base that it does not set. */
static json_t *
environment(const struct encl_docker_image *image, const struct encl_image_config *base)
{
	json_t *out = json_array();

	for (size_t i = 0; i < image->env.n; i++)
		json_array_append_new(out, json_sprintf("%s=%s", image->env.v[i].key,
							image->env.v[i].value));
	for (size_t i = 0; i < base->env.n; i++)
		if (!is_set(out, base->env.v[i], strcspn(base->env.v[i], "=")))
			json_array_append_new(out, json_string(base->env.v[i]));
	if (!is_set(out, "PATH", 4))
		json_array_append_new(out, json_string(DEFAULT_PATH));
	return out;
}

static void
set_words(json_t *config, const char *key, const struct encl_strings *list)
{
	if (list->n)
		json_object_set_new(config, key, words(list));
}

static void
set_text(json_t *config, const char *key, const char *given, const char *base)
{
	const char *text = given ? given : base;

	if (text && *text)
		json_object_set_new(config, key, json_string(text));
}

/* As a Dockerfile does it: a new ENTRYPOINT takes the base's CMD away. */
static json_t *
process_of(const struct encl_docker_image *image, const struct encl_image_config *base)
{
	json_t *config = json_object();
	bool own = image->entrypoint.n != 0;

	if (image->command.n)
		set_words(config, "Cmd", &image->command);
	else if (!own)
		set_words(config, "Cmd", &base->cmd);
	set_words(config, "Entrypoint", own ? &image->entrypoint : &base->entrypoint);
	json_object_set_new(config, "Env", environment(image, base));
	set_text(config, "StopSignal", image->stop_signal, base->stop_signal);
	set_text(config, "User", image->user, base->user);
	set_text(config, "WorkingDir", image->workdir, base->workdir);
	return config;
}

/* Keys in the order of their bytes, as canonical JSON has them. */
static json_t *
config_of(const struct encl_manifest *m, const struct encl_docker_image *image,
	  const struct encl_image_config *base, const struct encl_digest *diff_id)
{
	char created[32];
	char diff[ENCL_DIGEST_TEXT];

	encl_format_time(m->source_date_epoch, created);
	memcpy(strchr(created, '+'), "Z", 2);
	encl_digest_format(diff_id, diff);
	return json_pack("{s:s, s:o, s:s, s:[{s:s, s:s}], s:s, s:{s:[s], s:s}}",
			 "architecture", encl_oci_arch(m->arch), "config",
			 process_of(image, base), "created", created, "history",
			 "created", created, "created_by", "enclavebuild", "os", "linux",
			 "rootfs", "diff_ids", diff, "type", "layers");
}

int
encl_docker_make(struct encl_env *env, const struct encl_manifest *m,
		 const struct encl_docker_image *image, const json_t *pin,
		 struct encl_docker_opened *o, struct encl_err *e)
{
	encl_auto(encl_image_config_clear) struct encl_image_config base = {0};

	o->what = encl_xstrdup(image->name ? image->name : "image");
	o->made = encl_tree_new(env->log);
	if (assemble(env, m, image, pin, o->made, &base, e) || hash_tar(o, e))
		return -1;
	o->config_doc = config_of(m, image, &base, &o->diff_ids[0]);
	o->config = encl_json_compact(o->config_doc);
	o->config_size = strlen(o->config);
	return 0;
}
