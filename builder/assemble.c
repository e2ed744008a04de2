/* SPDX-License-Identifier: Apache-2.0 */
/* Lock to tree: every layer's entries, in the manifest's order. */
#include "rootfs/assemble.h"
#include "base/alloc.h"
#include "base/json.h"
#include "build.h"
#include "docker_build.h"

/* The engine lies below what the manifest's own layers bring. */
static int
apply_engine(struct encl_env *env, const struct encl_manifest *m, const json_t *lock,
	     const char *kernel_config, struct encl_tree *tree, struct encl_err *e)
{
	const json_t *part = json_object_get(json_object_get(lock, "docker"), "engine");
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings settings = {0};
	encl_auto(encl_image_config_clear) struct encl_image_config ignored = {0};
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->docker.engine.pos);
	struct encl_layer layer;

	if (encl_docker_settings(m, kernel_config, 0, &settings, e))
		return -1;
	encl_tree_set_item(tree, "docker.engine", &m->docker.engine.pos);
	encl_docker_engine_layer(m, &settings, json_object_get(part, "pin"), arena,
				 &layer);
	if (encl_layer_apply(env, m, &layer, json_object_get(part, "pin"), tree, &ignored,
			     e))
		return encl_wrap(e, "%sdocker.engine", at);
	return 0;
}

int
encl_assemble(struct encl_env *env, const struct encl_manifest *m, const json_t *lock,
	      const char *kernel_config, struct encl_tree **tree,
	      struct encl_image_config *config, struct encl_err *e)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(env->log);

	if (m->docker.given && apply_engine(env, m, lock, kernel_config, t, e))
		return -1;
	for (size_t i = 0; i < m->n_layers; i++) {
		const json_t *part = json_array_get(json_object_get(lock, "rootfs"), i);
		encl_auto(encl_free) char *at = encl_manifest_at(m, m->layers[i].pos);
		encl_auto(encl_free) char *item = encl_xasprintf("rootfs[%zu]", i);

		encl_tree_set_item(t, item, &m->layers[i].pos);
		if (encl_layer_apply(env, m, &m->layers[i], json_object_get(part, "pin"),
				     t, config, e))
			return encl_wrap(e, "%s%s", at, item);
	}
	encl_tree_set_item(t, NULL, NULL);
	*tree = encl_take(t, NULL);
	return 0;
}
