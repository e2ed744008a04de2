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
	static const char *const known[] = {"lockVersion", "compat",	"tool", "arch",
					    "rootfs",	   "kernel",	"init", "ramdisk",
					    "guest",	   "compressor"};
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
	bool ok = json_is_array(rootfs) && is_part(kernel);
	json_t *part;
	size_t i;

	json_array_foreach (rootfs, i, part)
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

json_t *
encl_lock_items(const json_t *canonical)
{
	const json_t *boot = json_object_get(canonical, "boot");
	json_t *rootfs = json_deep_copy(json_object_get(canonical, "rootfs"));
	json_t *kernel = json_deep_copy(json_object_get(boot, "kernel"));
	json_t *item;
	size_t i;

	json_array_foreach (rootfs, i, item)
		strip_item(item);
	strip_item(kernel);
	return json_pack("{s:O, s:o, s:o, s:O, s:O}", "arch",
			 json_object_get(canonical, "arch"), "rootfs", rootfs, "kernel",
			 kernel, "init", json_object_get(boot, "init"), "ramdisk",
			 json_object_get(boot, "ramdisk"));
}

json_t *
encl_lock_new(const json_t *items)
{
	json_t *rootfs = json_array();
	json_t *item;
	size_t i;

	json_array_foreach (json_object_get(items, "rootfs"), i, item)
		json_array_append_new(rootfs, json_pack("{s:O}", "item", item));
	return json_pack("{s:i, s:i, s:{s:s, s:s}, s:O, s:o, s:{s:O}, s:O, s:O}",
			 "lockVersion", ENCL_LOCK_VERSION, "compat", ENCL_COMPAT, "tool",
			 "name", "enclavebuild", "version", ENCL_VERSION, "arch",
			 json_object_get(items, "arch"), "rootfs", rootfs, "kernel",
			 "item", json_object_get(items, "kernel"), "init",
			 json_object_get(items, "init"), "ramdisk",
			 json_object_get(items, "ramdisk"));
}

const json_t *
encl_lock_find(const json_t *lock, const json_t *item)
{
	const json_t *kernel = json_object_get(lock, "kernel");
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(lock, "rootfs"), i, part)
		if (json_equal(json_object_get(part, "item"), item))
			return json_object_get(part, "pin");
	if (json_equal(json_object_get(kernel, "item"), item))
		return json_object_get(kernel, "pin");
	return NULL;
}
