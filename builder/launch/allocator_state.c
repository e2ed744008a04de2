/* SPDX-License-Identifier: Apache-2.0 */
/* ROOT/var/lib/enclavebuild/host.json */
#include "launch/allocator_state.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "launch/host_internal.h"

#define FOLDER	  "/var/lib/enclavebuild"
#define FILE_NAME FOLDER "/host.json"

void
encl_allocator_state_clear(struct encl_allocator_state *s)
{
	json_decref(s->json);
	s->json = NULL;
}

char *
encl_allocator_boot(const struct encl_host *h)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/proc/sys/kernel/random/boot_id", h->root);
	struct encl_err ignored;
	char *text = NULL;

	if (encl_host_text(path, &text, &ignored) || !text)
		return encl_xstrdup("");
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* A boot ends what was done by sysfs: the pages that are there now are others'. */
static bool
is_of_another_boot(const struct encl_host *h, const json_t *state)
{
	const char *then = json_string_value(json_object_get(state, "boot"));
	encl_auto(encl_free) char *now = encl_allocator_boot(h);

	return then && !json_is_true(json_object_get(state, "service")) &&
	       strcmp(then, now) != 0;
}

int
encl_allocator_state_read(const struct encl_host *h, struct encl_allocator_state *out,
			  struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s" FILE_NAME, h->root);
	encl_auto(encl_free) char *text = NULL;

	out->json = NULL;
	if (encl_host_text(path, &text, e))
		return -1;
	if (!text)
		return 0;
	if (encl_json_parse(text, strlen(text), path, &out->json, e))
		return -1;
	if (is_of_another_boot(h, out->json))
		encl_allocator_state_clear(out);
	return 0;
}

int
encl_allocator_state_write(const struct encl_host *h, const json_t *json,
			   struct encl_err *e)
{
	encl_auto(encl_free) char *folder = encl_xasprintf("%s" FOLDER, h->root);
	encl_auto(encl_free) char *path = encl_xasprintf("%s" FILE_NAME, h->root);
	encl_auto(encl_free) char *text = encl_json_pretty(json);

	if (encl_make_dirs(folder, 0755, e))
		return -1;
	return encl_write_file(path, text, strlen(text), 0644, e);
}

void
encl_allocator_state_remove(const struct encl_host *h)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s" FILE_NAME, h->root);

	unlink(path);
}

uint64_t
encl_allocator_state_added(const struct encl_allocator_state *s, unsigned node,
			   uint64_t size)
{
	json_t *pages = json_object_get(s->json, "pages"), *one;
	json_int_t added;
	size_t i;

	if (json_integer_value(json_object_get(s->json, "node")) != (json_int_t)node)
		return 0;
	json_array_foreach (pages, i, one) {
		added = json_integer_value(json_object_get(one, "added"));
		if (json_integer_value(json_object_get(one, "size")) ==
			    (json_int_t)size &&
		    added > 0)
			return (uint64_t)added;
	}
	return 0;
}
