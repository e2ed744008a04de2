/* SPDX-License-Identifier: Apache-2.0 */
/* Where two JSON values differ, by path; what makes a lock stale. */
#include "base/alloc.h"
#include "base/json.h"
#include "lock/lock.h"

typedef void difference_fn(void *arg, const char *path, const json_t *a, const json_t *b);

enum { MAX_DEPTH = 32 };

static void differ(const json_t *a, const json_t *b, const char *path, difference_fn *fn,
		   void *arg, unsigned depth);

static void
differ_objects(const json_t *a, const json_t *b, const char *path, difference_fn *fn,
	       void *arg, unsigned depth)
{
	const char *dot = *path ? "." : "";
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)(uintptr_t)a, key, v) {
		encl_auto(encl_free) char *sub = encl_xasprintf("%s%s%s", path, dot, key);

		differ(v, json_object_get(b, key), sub, fn, arg, depth + 1);
	}
	json_object_foreach ((json_t *)(uintptr_t)b, key, v) {
		encl_auto(encl_free) char *sub = encl_xasprintf("%s%s%s", path, dot, key);

		if (!json_object_get(a, key))
			fn(arg, sub, NULL, v);
	}
}

static void
differ_arrays(const json_t *a, const json_t *b, const char *path, difference_fn *fn,
	      void *arg, unsigned depth)
{
	size_t na = json_array_size(a);
	size_t nb = json_array_size(b);

	for (size_t i = 0; i < na || i < nb; i++) {
		encl_auto(encl_free) char *sub = encl_xasprintf("%s[%zu]", path, i);

		differ(json_array_get(a, i), json_array_get(b, i), sub, fn, arg,
		       depth + 1);
	}
}

static bool
has_members(const json_t *list)
{
	const json_t *first = json_array_get(list, 0);

	return json_is_object(first) || json_is_array(first);
}

static void
differ(const json_t *a, const json_t *b, const char *path, difference_fn *fn, void *arg,
       unsigned depth)
{
	if (a && b && json_equal(a, b))
		return;
	if (depth < MAX_DEPTH && json_is_object(a) && json_is_object(b))
		differ_objects(a, b, path, fn, arg, depth);
	else if (depth < MAX_DEPTH && json_is_array(a) && json_is_array(b) &&
		 (has_members(a) || has_members(b)))
		differ_arrays(a, b, path, fn, arg, depth);
	else
		fn(arg, path, a, b);
}

void
encl_json_differences(const json_t *a, const json_t *b, const char *path,
		      void (*fn)(void *arg, const char *path, const json_t *a,
				 const json_t *b),
		      void *arg)
{
	differ(a, b, path, fn, arg, 0);
}

static void
name_key(void *arg, const char *path, const json_t *a, const json_t *b)
{
	struct encl_buf *changed = arg;

	(void)a;
	(void)b;
	if (changed->len)
		encl_buf_add_str(changed, ", ");
	encl_buf_add_str(changed, path);
}

static json_t *
items_of(const json_t *parts)
{
	json_t *items = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part)
		json_array_append(items, json_object_get(part, "item"));
	return items;
}

void
encl_lock_compare(const json_t *lock, const json_t *items, struct encl_buf *changed)
{
	const json_t *docker = json_object_get(lock, "docker");
	encl_auto(json_decref) json_t *rootfs = items_of(json_object_get(lock, "rootfs"));
	encl_auto(json_decref) json_t *locked = NULL;

	locked = json_pack("{s:O*, s:O, s:O*, s:O*, s:O*}", "arch",
			   json_object_get(lock, "arch"), "rootfs", rootfs, "kernel",
			   json_object_get(json_object_get(lock, "kernel"), "item"),
			   "init", json_object_get(lock, "init"), "ramdisk",
			   json_object_get(lock, "ramdisk"));
	if (docker)
		json_object_set_new(
			locked, "docker",
			json_pack("{s:O*, s:o}", "engine",
				  json_object_get(json_object_get(docker, "engine"),
						  "item"),
				  "images", items_of(json_object_get(docker, "images"))));
	encl_json_differences(locked, items, "", name_key, changed);
}
