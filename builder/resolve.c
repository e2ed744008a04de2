/* SPDX-License-Identifier: Apache-2.0 */
/* Manifest to lock: each item to the digests of what it means. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "build.h"
#include "docker/docker.h"
#include "lock/lock.h"
#include "ramdisk/ramdisk.h"
#include "rootfs/assemble.h"
#include "sources/source.h"

/* Does a pin, or one of the layers of an image's, list this package? */
static bool
has_package(const json_t *pin, const char *name)
{
	json_t *package;
	json_t *layer;
	size_t i;
	size_t j;

	json_array_foreach (json_object_get(pin, "packages"), i, package) {
		const char *s = json_string_value(json_object_get(package, "name"));

		if (s && !strcmp(s, name))
			return true;
	}
	json_array_foreach (json_object_get(pin, "layers"), j, layer)
		json_array_foreach (json_object_get(layer, "packages"), i, package) {
			const char *s =
				json_string_value(json_object_get(package, "name"));

			if (s && !strcmp(s, name))
				return true;
		}
	return false;
}

/* Shall the part at `where` move?  Marks the names that asked for it. */
static bool
moves(const struct encl_resolve_request *r, const char *where, const json_t *pin,
      bool *used)
{
	bool yes = r->update_all;

	for (size_t i = 0; i < r->n_update; i++) {
		if (strcmp(r->update[i], where) != 0 && !has_package(pin, r->update[i]))
			continue;
		used[i] = true;
		yes = true;
	}
	return yes;
}

static int
resolve_layer(struct encl_env *env, const struct encl_manifest *m,
	      const struct encl_resolve_request *r, const struct encl_layer *layer,
	      const char *where, json_t *part, bool *used, struct encl_err *e)
{
	const json_t *old = encl_lock_find(r->old, json_object_get(part, "item"));
	encl_auto(encl_free) char *at = encl_manifest_at(m, layer->pos);
	json_t *pin = NULL;

	if (moves(r, where, old, used))
		old = NULL;
	if (encl_layer_lock(env, m, layer, old, &pin, e))
		return encl_wrap(e, "%s%s", at, where);
	json_object_set_new(part, "pin", pin);
	return 0;
}

static int
resolve_rootfs(struct encl_env *env, const struct encl_manifest *m,
	       const struct encl_resolve_request *r, json_t *lock, bool *used,
	       struct encl_err *e)
{
	for (size_t i = 0; i < m->n_layers; i++) {
		json_t *part = json_array_get(json_object_get(lock, "rootfs"), i);
		char where[32];

		snprintf(where, sizeof where, "rootfs[%zu]", i);
		if (resolve_layer(env, m, r, &m->layers[i], where, part, used, e))
			return -1;
	}
	return 0;
}

/* The old pin of one layer of an image made here, in whichever image it was. */
static const json_t *
find_image_layer(const json_t *old, const json_t *item)
{
	json_t *images = json_object_get(json_object_get(old, "docker"), "images");
	json_t *part;
	json_t *was;
	size_t i;
	size_t j;

	json_array_foreach (images, i, part) {
		const json_t *list =
			json_object_get(json_object_get(part, "item"), "rootfs");
		const json_t *pins =
			json_object_get(json_object_get(part, "pin"), "layers");

		json_array_foreach (list, j, was)
			if (json_equal(was, item))
				return json_array_get(pins, j);
	}
	return NULL;
}

/* The old pin of an image (new reference): its own, or of one made here the
 * pins of those layers that have stayed. */
static json_t *
old_image_pin(const json_t *old, const json_t *item)
{
	const json_t *whole = encl_lock_find(old, item);
	json_t *rootfs = json_object_get(item, "rootfs");
	json_t *layers;
	json_t *layer;
	size_t i;

	if (whole || !rootfs)
		return json_incref((json_t *)(uintptr_t)whole);
	layers = json_array();
	json_array_foreach (rootfs, i, layer) {
		const json_t *pin = find_image_layer(old, layer);

		json_array_append_new(layers, pin ? json_incref((json_t *)(uintptr_t)pin)
						  : json_null());
	}
	return json_pack("{s:o}", "layers", layers);
}

/* The engine as a layer, and each image by its digest. */
static int
resolve_docker(struct encl_env *env, const struct encl_manifest *m,
	       const struct encl_resolve_request *r, json_t *lock, bool *used,
	       struct encl_err *e)
{
	json_t *docker = json_object_get(lock, "docker");

	if (!m->docker.given)
		return 0;
	if (resolve_layer(env, m, r, &m->docker.engine.layer, "docker.engine",
			  json_object_get(docker, "engine"), used, e))
		return -1;
	for (size_t i = 0; i < m->docker.n_images; i++) {
		const struct encl_docker_image *image = &m->docker.images[i];
		json_t *part = json_array_get(json_object_get(docker, "images"), i);
		encl_auto(json_decref) json_t *old =
			old_image_pin(r->old, json_object_get(part, "item"));
		encl_auto(encl_free) char *at = encl_manifest_at(m, image->pos);
		char where[48];
		json_t *pin = NULL;
		bool stays;

		snprintf(where, sizeof where, "docker.images[%zu]", i);
		stays = !moves(r, where, old, used);
		if (encl_docker_image_lock(env, m, image, stays ? old : NULL, &pin, e))
			return encl_wrap(e, "%s%s", at, where);
		json_object_set_new(part, "pin", pin);
	}
	return 0;
}

static int
resolve_kernel(struct encl_env *env, const struct encl_manifest *m,
	       const struct encl_resolve_request *r, json_t *lock, bool *used,
	       struct encl_err *e)
{
	json_t *part = json_object_get(lock, "kernel");
	const json_t *old = encl_lock_find(r->old, json_object_get(part, "item"));
	json_t *pin = NULL;

	/* An old package stays; which of its modules are taken is seen anew. */
	if (encl_kernel_lock(env, m, moves(r, "kernel", old, used) ? NULL : old, &pin, e))
		return -1;
	json_object_set_new(part, "pin", pin);
	return 0;
}

static int
pin_program(const struct encl_manifest *m, const char *name, json_t *guest,
	    struct encl_err *e)
{
	struct encl_content program;
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];

	if (encl_guest_program(m->arch, name, &program, e))
		return -1;
	encl_digest_of(ENCL_SHA256, program.data, (size_t)program.size, &digest);
	encl_digest_format(&digest, text);
	json_object_set_new(guest, name, json_string(text));
	return 0;
}

static int
pin_init_file(const struct encl_manifest *m, json_t *guest, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_manifest_path(m, m->boot.init_path);
	encl_auto(encl_free) char *bytes = NULL;
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];
	size_t n;

	if (encl_read_file(path, 64 << 20, &bytes, &n, e))
		return encl_wrap(e, "boot.init.path");
	encl_digest_of(ENCL_SHA256, bytes, n, &digest);
	encl_digest_format(&digest, text);
	json_object_set_new(guest, "init", json_string(text));
	return 0;
}

/* The tool's own part in the bytes: guest programs and the compressor. */
static int
pin_tool(const struct encl_manifest *m, json_t *lock, struct encl_err *e)
{
	json_t *guest = json_object();

	json_object_set_new(lock, "guest", guest);
	json_object_set_new(lock, "compressor",
			    json_string(encl_root_compressor(&m->boot)));
	if (m->boot.init == ENCL_INIT_BUILTIN && pin_program(m, "init", guest, e))
		return -1;
	if (m->boot.init == ENCL_INIT_PATH && pin_init_file(m, guest, e))
		return -1;
	return pin_program(m, "launch", guest, e);
}

int
encl_resolve(struct encl_env *env, const struct encl_manifest *m,
	     const struct encl_resolve_request *request, json_t **lock,
	     struct encl_err *e)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(m);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(json_decref) json_t *fresh = encl_lock_new(items);
	encl_auto(encl_free) bool *used =
		encl_xcalloc(request->n_update + 1, sizeof *used);

	if (resolve_rootfs(env, m, request, fresh, used, e) ||
	    resolve_docker(env, m, request, fresh, used, e) ||
	    resolve_kernel(env, m, request, fresh, used, e) || pin_tool(m, fresh, e))
		return -1;
	for (size_t i = 0; i < request->n_update; i++)
		if (!used[i])
			return encl_fail(
				e, ENCL_USAGE,
				"nothing in %s is called \"%s\"; name a package, "
				"kernel, or an item such as rootfs[0]",
				m->file, request->update[i]);
	*lock = encl_take(fresh, NULL);
	return 0;
}
