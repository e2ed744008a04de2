/* SPDX-License-Identifier: Apache-2.0 */
/* The lock of a build: present, fresh, and written by a tool with our bytes. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "build_internal.h"
#include "lock/lock.h"
#include "sources/image_ref.h"
#include "sources/image_remote.h"

/* The programs of this tool are what the lock says, or bytes would differ. */
static int
check_tool(const struct encl_build *b, const char *path, struct encl_err *e)
{
	const char *compressor = encl_root_compressor(&b->m->boot);
	const json_t *guest = json_object_get(b->lock, "guest");
	const char *locked = json_string_value(json_object_get(b->lock, "compressor"));
	static const char *const names[] = {"init", "launch"};

	if (!locked || strcmp(locked, compressor) != 0)
		return encl_fail(
			e, ENCL_MISMATCH,
			"%s: compressor is \"%s\" there and \"%s\" here: the bytes "
			"would differ; use that version or run \"enclavebuild lock\"",
			path, locked ? locked : "", compressor);
	for (size_t i = 0; i < 2; i++) {
		const char *want = json_string_value(json_object_get(guest, names[i]));
		struct encl_content program;
		struct encl_digest digest;
		char text[ENCL_DIGEST_TEXT];

		if (i == 0 && b->m->boot.init != ENCL_INIT_BUILTIN)
			continue;
		if (encl_guest_program(b->m->arch, names[i], &program, e))
			return -1;
		encl_digest_of(ENCL_SHA256, program.data, (size_t)program.size, &digest);
		encl_digest_format(&digest, text);
		if (!want || strcmp(want, text) != 0)
			return encl_fail(
				e, ENCL_MISMATCH,
				"%s: guest program %s is %s there and %s in this "
				"tool: the bytes would differ; use the tool that "
				"wrote the lock or run \"enclavebuild lock\"",
				path, names[i], want ? want : "absent", text);
	}
	return 0;
}

static int
check_fresh(const struct encl_build *b, const char *path, struct encl_err *e)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(b->m);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 600};

	encl_lock_compare(b->lock, items, &changed);
	if (changed.len)
		return encl_fail(
			e, ENCL_MISMATCH,
			"%s is stale: changed in %s: %s; run \"enclavebuild lock\"", path,
			b->m->file, encl_buf_text(&changed));
	return check_tool(b, path, e);
}

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

static int
check_all_pinned(const struct encl_manifest *m, struct encl_err *e)
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

/* All that the images of registries lack in the cache, told at once. */
static int
check_offline(const struct encl_build *b, struct encl_err *e)
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

int
encl_build_lock(struct encl_build *b, bool locked, bool *had_lock, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_lock_path(b->m);
	const struct encl_resolve_request fresh = {0};

	if (encl_lock_read(path, &b->lock, e))
		return -1;
	*had_lock = b->lock != NULL;
	if (b->lock)
		return check_fresh(b, path, e) || (b->env->offline && check_offline(b, e))
			       ? -1
			       : 0;
	if (locked)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s is not there; run \"enclavebuild lock\" first",
				 path);
	if (check_all_pinned(b->m, e))
		return -1;
	encl_info(b->env->log, "no %s: resolving now; \"enclavebuild lock\" pins it",
		  path);
	return encl_resolve(b->env, b->m, &fresh, &b->lock, e);
}
