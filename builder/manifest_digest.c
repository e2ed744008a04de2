/* SPDX-License-Identifier: Apache-2.0 */
/* What a manifest means, as one digest: paths replaced by their content's. */
#include <string.h>

#include "base/json.h"
#include "build.h"
#include "lock/lock.h"

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
		json_object_set(item, "image", (json_t *)(uintptr_t)pin);
}

void
encl_manifest_digest(const struct encl_manifest *m, const json_t *lock,
		     struct encl_digest *out)
{
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(m);
	encl_auto(json_decref) json_t *items = encl_lock_items(canonical);
	json_t *form = json_deep_copy(canonical);
	json_t *rootfs = json_deep_copy(json_object_get(items, "rootfs"));
	json_t *boot = json_object_get(form, "boot");
	json_t *item;
	size_t i;

	json_array_foreach (rootfs, i, item) {
		const json_t *part = json_array_get(json_object_get(lock, "rootfs"), i);

		replace_paths(item, json_object_get(part, "pin"));
	}
	json_object_set_new(form, "rootfs", rootfs);
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
	json_decref(form);
}
