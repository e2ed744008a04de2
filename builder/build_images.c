/* SPDX-License-Identifier: Apache-2.0 */
/* The images of registries that a build wants: named by digest, and offline all
 * in the cache. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "build_internal.h"
#include "sources/image_ref.h"
#include "sources/image_remote.h"

/* ---- tags ---- */

/* A tag may name another image tomorrow: only a lock may follow it. */
static int
check_pinned(const struct encl_manifest *m, const struct encl_pos *pos, const char *path,
	     const char *image, struct encl_err *e)
{
	encl_auto(encl_image_ref_clear) struct encl_image_ref ref = {0};
	encl_auto(encl_free) char *at = encl_manifest_at(m, *pos);

	if (!image)
		return 0;
	if (encl_image_ref_parse(image, &ref, e))
		return encl_wrap(e, "%s%s", at, path);
	if (ref.kind != ENCL_IMAGE_REGISTRY || ref.digest)
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "%s%s.image: no digest for \"%s\"; run \"enclavebuild lock\"",
			 at, path, image);
}

static int
check_layers_pinned(const struct encl_manifest *m, const struct encl_layer *v, size_t n,
		    const char *path, struct encl_err *e)
{
	for (size_t i = 0; i < n; i++) {
		encl_auto(encl_free) char *at = encl_xasprintf("%s[%zu]", path, i);

		if (v[i].kind == ENCL_LAYER_IMAGE &&
		    check_pinned(m, &v[i].pos, at, v[i].image, e))
			return -1;
	}
	return 0;
}

int
encl_build_pinned(const struct encl_manifest *m, struct encl_err *e)
{
	if (check_layers_pinned(m, m->layers, m->n_layers, "rootfs", e))
		return -1;
	for (size_t i = 0; i < m->docker.n_images; i++) {
		const struct encl_docker_image *image = &m->docker.images[i];
		encl_auto(encl_free) char *at = encl_xasprintf("docker.images[%zu]", i);
		encl_auto(encl_free) char *rootfs = encl_xasprintf("%s.rootfs", at);

		if (check_pinned(m, &image->pos, at, image->image, e) ||
		    check_layers_pinned(m, image->layers, image->n_layers, rootfs, e))
			return -1;
	}
	return 0;
}

/* ---- offline ---- */

static int
add_missing(struct encl_env *env, const char *image, const json_t *pin,
	    struct encl_buf *missing, struct encl_err *e)
{
	encl_auto(encl_image_ref_clear) struct encl_image_ref ref = {0};

	if (!image)
		return 0;
	return encl_image_ref_parse(image, &ref, e) ||
			       encl_image_remote_missing(env, &ref, pin, missing, e)
		       ? -1
		       : 0;
}

static int
add_layers_missing(struct encl_env *env, const struct encl_layer *v, size_t n,
		   const json_t *pins, const char *key, struct encl_buf *missing,
		   struct encl_err *e)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *pin = json_array_get(pins, i);

		if (v[i].kind == ENCL_LAYER_IMAGE &&
		    add_missing(env, v[i].image, key ? json_object_get(pin, key) : pin,
				missing, e))
			return -1;
	}
	return 0;
}

int
encl_build_offline(const struct encl_build *b, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 1 << 20};
	const struct encl_docker *docker = &b->m->docker;
	const json_t *parts =
		json_object_get(json_object_get(b->lock, "docker"), "images");

	if (add_layers_missing(b->env, b->m->layers, b->m->n_layers,
			       json_object_get(b->lock, "rootfs"), "pin", &missing, e))
		return -1;
	for (size_t i = 0; i < docker->n_images; i++) {
		const struct encl_docker_image *image = &docker->images[i];
		const json_t *pin = json_object_get(json_array_get(parts, i), "pin");

		if (add_missing(b->env, image->image, pin, &missing, e) ||
		    add_layers_missing(b->env, image->layers, image->n_layers,
				       json_object_get(pin, "layers"), NULL, &missing, e))
			return -1;
	}
	if (!missing.len)
		return 0;
	return encl_fail(e, ENCL_NETWORK,
			 "not in the cache, and --offline forbids to fetch: %s",
			 encl_buf_text(&missing));
}
