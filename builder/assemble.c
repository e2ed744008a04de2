/* SPDX-License-Identifier: Apache-2.0 */
/* Lock to tree: every layer's entries, in the manifest's order. */
#include "rootfs/assemble.h"
#include "base/alloc.h"
#include "base/json.h"
#include "build.h"

int
encl_assemble(struct encl_env *env, const struct encl_manifest *m, const json_t *lock,
	      struct encl_tree **tree, struct encl_image_config *config,
	      struct encl_err *e)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(env->log);

	for (size_t i = 0; i < m->n_layers; i++) {
		const json_t *part = json_array_get(json_object_get(lock, "rootfs"), i);
		encl_auto(encl_free) char *at = encl_manifest_at(m, m->layers[i].pos);

		if (encl_layer_apply(env, m, &m->layers[i], json_object_get(part, "pin"),
				     t, config, e))
			return encl_wrap(e, "%srootfs[%zu]", at, i);
	}
	*tree = encl_take(t, NULL);
	return 0;
}
