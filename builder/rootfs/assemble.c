/* SPDX-License-Identifier: Apache-2.0 */
/* A layer of the manifest to its pin, and a pin to entries of the tree. */
#include "rootfs/assemble.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "rootfs/debian.h"
#include "rootfs/user.h"

int
encl_layer_lock(struct encl_env *env, const struct encl_manifest *m,
		const struct encl_layer *layer, const json_t *old_pin, json_t **pin,
		struct encl_err *e)
{
	switch (layer->kind) {
	case ENCL_LAYER_IMAGE:
		return encl_image_lock(env, m, layer, old_pin, pin, e);
	case ENCL_LAYER_PACKAGES:
		if (!old_pin)
			return encl_packages_lock(env, m, &layer->packages, NULL, pin, e);
		*pin = json_incref((json_t *)(uintptr_t)old_pin);
		return 0;
	case ENCL_LAYER_ARCHIVE:
	case ENCL_LAYER_DIRECTORY:
	case ENCL_LAYER_FILE:
		return encl_local_lock(env, m, layer, pin, e);
	case ENCL_LAYER_REMOVE:
		break;
	}
	*pin = json_object();
	return 0;
}

struct assembly {
	struct encl_env *env;
	const struct encl_manifest *m;
	struct encl_tree *tree;
	struct encl_image_config *config;
};

static int
add_packages(struct assembly *a, const struct encl_layer *layer, const json_t *pin,
	     struct encl_err *e)
{
	encl_auto(encl_package_set_clear) struct encl_package_set set = {0};

	if (encl_debian_prepare(a->tree, a->m->arch, e) ||
	    encl_packages_emit(a->env, a->m, &layer->packages, pin,
			       encl_tree_sink(a->tree), &set, e))
		return -1;
	return encl_debian_finish(a->tree, &layer->packages, &set, a->env->log,
				  a->env->strict_scripts, e);
}

/* A later image's config replaces an earlier one's. */
static int
add_image(struct assembly *a, const struct encl_layer *layer, const json_t *pin,
	  struct encl_err *e)
{
	encl_image_config_clear(a->config);
	return encl_image_emit(a->env, a->m, layer, pin, encl_tree_sink(a->tree),
			       a->config, e);
}

/* Owners by name are looked up in what the image holds so far. */
static int
add_local(struct assembly *a, const struct encl_layer *layer, const json_t *pin,
	  struct encl_err *e)
{
	encl_auto(encl_user_clear) struct encl_user who = {0};
	struct encl_layer numeric = *layer;
	char owner[32];

	if (layer->owner) {
		if (encl_user_resolve(a->tree, layer->owner, &who, e))
			return encl_wrap(e, "owner");
		snprintf(owner, sizeof owner, "%u:%u", who.uid, who.gid);
		numeric.owner = owner;
	}
	return encl_local_emit(a->env, a->m, &numeric, pin, encl_tree_sink(a->tree), e);
}

static int
remove_paths(struct assembly *a, const struct encl_layer *layer, struct encl_err *e)
{
	encl_auto(encl_free) size_t *matched =
		encl_xcalloc(layer->remove.n, sizeof *matched);

	if (encl_tree_remove(a->tree, layer->remove.v, layer->remove.n, matched, e))
		return -1;
	for (size_t i = 0; i < layer->remove.n; i++)
		if (!matched[i])
			encl_warn(a->env->log, "remove: \"%s\" matches nothing",
				  layer->remove.v[i]);
	return 0;
}

int
encl_layer_apply(struct encl_env *env, const struct encl_manifest *m,
		 const struct encl_layer *layer, const json_t *pin,
		 struct encl_tree *tree, struct encl_image_config *config,
		 struct encl_err *e)
{
	struct assembly as = {env, m, tree, config};
	struct assembly *a = &as;

	switch (layer->kind) {
	case ENCL_LAYER_IMAGE:
		return add_image(a, layer, pin, e);
	case ENCL_LAYER_PACKAGES:
		return add_packages(a, layer, pin, e);
	case ENCL_LAYER_ARCHIVE:
	case ENCL_LAYER_DIRECTORY:
	case ENCL_LAYER_FILE:
		return add_local(a, layer, pin, e);
	case ENCL_LAYER_REMOVE:
		break;
	}
	return remove_paths(a, layer, e);
}
