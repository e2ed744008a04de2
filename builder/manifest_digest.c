/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest means, as one digest: paths and references replaced by what
 * they stand for. */
#include <string.h>

#include "base/json.h"
#include "build.h"
#include "lock/lock.h"

/*
 * What an image is, not how it came: its config, which has the DiffIDs of the
 * layers.  An index, a manifest and compressed layers belong to the place that
 * it was taken from, so a registry, a layout and an archive mean the same.
 */
static json_t *
image_content(const json_t *pin)
{
	json_t *ids = json_array();
	json_t *layer;
	size_t i;

	json_array_foreach (json_object_get(pin, "layers"), i, layer)
		json_array_append(ids, json_object_get(layer, "diffId"));
	return json_pack("{s:O*, s:o}", "config", json_object_get(pin, "config"),
			 "diffIds", ids);
}

/* Keys of an item whose value is a path on this machine. */
static void
replace_paths(json_t *item, const json_t *pin)
{
	static const struct {
		const char *kind;
		const char *key;
	} paths[] = {{"archive", "path"}, {"directory", "path"}, {"file", "source"}};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		json_t *body = json_object_get(item, paths[i].kind);

		if (json_object_get(body, paths[i].key))
			json_object_set(body, paths[i].key, (json_t *)(uintptr_t)pin);
	}
	if (json_object_get(item, "image"))
		json_object_set_new(item, "image", image_content(pin));
}

/* A list of layers with the pins that they stand for. */
static void
replace_list(json_t *list, const json_t *pins)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		replace_paths(item, json_array_get(pins, i));
}

/* [{"item", "pin"}, …] to [pin, …] */
static json_t *
pins_of(const json_t *parts)
{
	json_t *pins = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part)
		json_array_append(pins, json_object_get(part, "pin"));
	return pins;
}

static void
replace_docker(json_t *form, const json_t *items, const json_t *lock)
{
	json_t *docker = json_object_get(form, "docker");
	json_t *engine = json_object_get(docker, "engine");
	json_t *images = json_deep_copy(json_object_get(items, "images"));
	json_t *image;
	size_t i;

	json_object_update(engine, json_object_get(items, "engine"));
	replace_paths(engine, json_object_get(json_object_get(lock, "engine"), "pin"));
	json_array_foreach (images, i, image) {
		const json_t *part = json_array_get(json_object_get(lock, "images"), i);
		const json_t *pin = json_object_get(part, "pin");

		replace_paths(image, pin);
		replace_list(json_object_get(image, "rootfs"),
			     json_object_get(pin, "layers"));
	}
	json_object_set_new(docker, "images", images);
}

void
encl_manifest_digest(const struct encl_manifest *m, const json_t *lock,
		     struct encl_digest *out)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(m);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	encl_auto(json_decref) json_t *form = json_deep_copy(canonical);
	encl_auto(json_decref) json_t *pins = pins_of(json_object_get(lock, "rootfs"));
	json_t *rootfs = json_deep_copy(json_object_get(items, "rootfs"));
	json_t *boot = json_object_get(form, "boot");

	replace_list(rootfs, pins);
	json_object_set_new(form, "rootfs", rootfs);
	if (m->docker.given)
		replace_docker(form, json_object_get(items, "docker"),
			       json_object_get(lock, "docker"));
	if (m->boot.kernel.kind == ENCL_KERNEL_PACKAGE)
		json_object_set(boot, "kernel", json_object_get(items, "kernel"));
	else
		json_object_set(boot, "kernel",
				json_object_get(json_object_get(lock, "kernel"), "pin"));
	if (m->boot.init == ENCL_INIT_PATH)
		json_object_set(boot, "init",
				json_object_get(json_object_get(lock, "guest"), "init"));

	encl_auto(encl_free) char *text = encl_json_compact(form);

	encl_digest_of(ENCL_SHA256, text, strlen(text), out);
}
