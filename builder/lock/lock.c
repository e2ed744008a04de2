/* SPDX-License-Identifier: Apache-2.0 */
/* enclave.lock: reading and writing, and the items that it keeps. */
#include "lock/lock.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"

char *
encl_lock_path(const struct encl_manifest *m)
{
	const char *slash = strrchr(m->file, '/');
	const char *name = slash ? slash + 1 : m->file;
	size_t n = strlen(name);

	if (!strcmp(m->file, "-"))
		return encl_xstrdup("enclave.lock");
	if (n > 5 && !strcmp(name + n - 5, ".yaml"))
		n -= 5;
	else if (n > 4 && !strcmp(name + n - 4, ".yml"))
		n -= 4;
	return encl_xasprintf("%.*s%.*s.lock", (int)(name - m->file), m->file, (int)n,
			      name);
}

static int
check_keys(json_t *lock, const char *path, struct encl_err *e)
{
	static const char *const known[] = {
		"lockVersion", "compat",  "tool",  "arch",	 "rootfs", "kernel",
		"init",	       "ramdisk", "guest", "compressor", "docker"};
	const char *key;
	json_t *v;

	json_object_foreach (lock, key, v) {
		bool found = false;

		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			found |= !strcmp(known[i], key);
		if (!found)
			return encl_fail(e, ENCL_MISMATCH,
					 "%s: unknown key \"%s\": written by another "
					 "version; run \"enclavebuild lock\"",
					 path, key);
	}
	return 0;
}

static int
check_number(const json_t *lock, const char *key, int want, const char *path,
	     struct encl_err *e)
{
	const json_t *v = json_object_get(lock, key);

	if (json_is_integer(v) && json_integer_value(v) == want)
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: \"%s\" is not %d, which this version of the tool writes; "
			 "use the tool that wrote it or run \"enclavebuild lock\"",
			 path, key, want);
}

static bool
is_part(const json_t *v)
{
	return json_object_size(v) == 2 && json_is_object(json_object_get(v, "item")) &&
	       json_is_object(json_object_get(v, "pin"));
}

/* What every later step relies on: each part has item and pin. */
static int
check_shape(const json_t *lock, const char *path, struct encl_err *e)
{
	json_t *rootfs = json_object_get(lock, "rootfs");
	const json_t *kernel = json_object_get(lock, "kernel");
	const json_t *docker = json_object_get(lock, "docker");
	json_t *images = json_object_get(docker, "images");
	bool ok = json_is_array(rootfs) && is_part(kernel);
	json_t *part;
	size_t i;

	json_array_foreach (rootfs, i, part)
		ok = ok && is_part(part);
	if (docker)
		ok = ok && json_is_array(images) &&
		     is_part(json_object_get(docker, "engine"));
	json_array_foreach (images, i, part)
		ok = ok && is_part(part);
	if (!ok)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: a part that is not just \"item\" and \"pin\"; run "
				 "\"enclavebuild lock\"",
				 path);
	return 0;
}

int
encl_lock_read(const char *path, json_t **out, struct encl_err *e)
{
	encl_auto(json_decref) json_t *lock = NULL;

	if (encl_json_read(path, ENCL_LOCK_MAX, &lock, e)) {
		if (e->sys != ENOENT)
			return -1;
		*out = NULL;
		return 0;
	}
	if (!json_is_object(lock))
		return encl_fail(e, ENCL_MISMATCH, "%s: not a lock", path);
	if (check_number(lock, "lockVersion", ENCL_LOCK_VERSION, path, e) ||
	    check_number(lock, "compat", ENCL_COMPAT, path, e) ||
	    check_keys(lock, path, e) || check_shape(lock, path, e))
		return -1;
	*out = encl_take(lock, NULL);
	return 0;
}

int
encl_lock_write(const char *path, const json_t *lock, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_json_pretty(lock);

	return encl_write_file(path, text, strlen(text), 0644, e);
}

/* Removes what says only where bytes come from, not which bytes. */
static void
strip_transport(json_t *v, unsigned depth)
{
	static const char *const keys[] = {"mirror", "keyring", "checkValidUntil"};
	const char *key;
	json_t *member;
	size_t i;

	if (depth > 16)
		return;
	for (i = 0; json_is_object(v) && i < sizeof keys / sizeof *keys; i++)
		json_object_del(v, keys[i]);
	json_object_foreach (v, key, member)
		strip_transport(member, depth + 1);
	json_array_foreach (v, i, member)
		strip_transport(member, depth + 1);
}

static void
strip_item(json_t *item)
{
	json_t *packages = json_object_get(item, "packages");

	if (packages)
		strip_transport(packages, 0);
	if (json_object_get(item, "package"))
		strip_transport(item, 0);
}

static void
strip_list(json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		strip_item(item);
}

/* The words of docker: that name content: where the engine and each image come
 * from. */
static json_t *
docker_items(const json_t *docker)
{
	const json_t *engine = json_object_get(docker, "engine");
	const char *kind = json_object_get(engine, "packages") ? "packages" : "archive";
	json_t *item =
		json_pack("{s:o}", kind, json_deep_copy(json_object_get(engine, kind)));
	json_t *images = json_deep_copy(json_object_get(docker, "images"));
	json_t *image;
	size_t i;

	strip_item(item);
	if (!images)
		images = json_array();
	json_array_foreach (images, i, image)
		strip_list(json_object_get(image, "rootfs"));
	return json_pack("{s:o, s:o}", "engine", item, "images", images);
}

json_t *
encl_lock_items(const json_t *canonical)
{
	const json_t *boot = json_object_get(canonical, "boot");
	json_t *rootfs = json_deep_copy(json_object_get(canonical, "rootfs"));
	json_t *kernel = json_deep_copy(json_object_get(boot, "kernel"));
	const json_t *docker = json_object_get(canonical, "docker");
	json_t *items;

	if (!rootfs) /* the Docker engine is all */
		rootfs = json_array();
	strip_list(rootfs);
	strip_item(kernel);
	items = json_pack("{s:O, s:o, s:o, s:O, s:O}", "arch",
			  json_object_get(canonical, "arch"), "rootfs", rootfs, "kernel",
			  kernel, "init", json_object_get(boot, "init"), "ramdisk",
			  json_object_get(boot, "ramdisk"));
	if (docker)
		json_object_set_new(items, "docker", docker_items(docker));
	return items;
}

/* [item, …] to [{"item"}, …] */
static json_t *
parts_of(const json_t *items)
{
	json_t *parts = json_array();
	json_t *item;
	size_t i;

	json_array_foreach (items, i, item)
		json_array_append_new(parts, json_pack("{s:O}", "item", item));
	return parts;
}

json_t *
encl_lock_new(const json_t *items)
{
	const json_t *docker = json_object_get(items, "docker");
	json_t *lock = json_pack(
		"{s:i, s:i, s:{s:s, s:s}, s:O, s:o, s:{s:O}, s:O, s:O}", "lockVersion",
		ENCL_LOCK_VERSION, "compat", ENCL_COMPAT, "tool", "name", "enclavebuild",
		"version", ENCL_VERSION, "arch", json_object_get(items, "arch"), "rootfs",
		parts_of(json_object_get(items, "rootfs")), "kernel", "item",
		json_object_get(items, "kernel"), "init", json_object_get(items, "init"),
		"ramdisk", json_object_get(items, "ramdisk"));

	if (docker)
		json_object_set_new(
			lock, "docker",
			json_pack("{s:{s:O}, s:o}", "engine", "item",
				  json_object_get(docker, "engine"), "images",
				  parts_of(json_object_get(docker, "images"))));
	return lock;
}

static const json_t *
find_in(const json_t *parts, const json_t *item)
{
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part)
		if (json_equal(json_object_get(part, "item"), item))
			return json_object_get(part, "pin");
	return NULL;
}

const json_t *
encl_lock_find(const json_t *lock, const json_t *item)
{
	const json_t *docker = json_object_get(lock, "docker");
	const json_t *single[] = {json_object_get(lock, "kernel"),
				  json_object_get(docker, "engine")};
	const json_t *pin = find_in(json_object_get(lock, "rootfs"), item);

	if (!pin)
		pin = find_in(json_object_get(docker, "images"), item);
	for (size_t i = 0; !pin && i < 2; i++)
		if (json_equal(json_object_get(single[i], "item"), item))
			pin = json_object_get(single[i], "pin");
	return pin;
}
