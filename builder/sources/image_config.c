/* SPDX-License-Identifier: Apache-2.0 */
/* What an image's config says of its process. */
#include "sources/image_config.h"

#include <string.h>

#include "base/arena.h"
#include "base/json.h"

/* A list of strings; null and absent are the empty list. */
static int
take_strings(const json_t *config, const char *key, const char *what,
	     struct encl_arena *arena, struct encl_strings *out, struct encl_err *e)
{
	const json_t *list = json_object_get(config, key);

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return encl_fail(e, ENCL_FAILED, "%s: config.%s is not a list of strings",
				 what, key);
	out->v = encl_arena_alloc(arena, (json_array_size(list) + 1) * sizeof *out->v);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *s = json_array_get(list, i);

		if (!json_is_string(s) ||
		    strlen(json_string_value(s)) != json_string_length(s))
			return encl_fail(e, ENCL_FAILED,
					 "%s: config.%s is not a list of strings", what,
					 key);
		out->v[out->n++] = encl_arena_strdup(arena, json_string_value(s));
	}
	return 0;
}

/* "" counts as absent, as in Docker. */
static int
take_string(const json_t *config, const char *key, const char *what,
	    struct encl_arena *arena, const char **out, struct encl_err *e)
{
	const json_t *v = json_object_get(config, key);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return encl_fail(e, ENCL_FAILED, "%s: config.%s is not a string", what,
				 key);
	if (json_string_length(v))
		*out = encl_arena_strdup(arena, json_string_value(v));
	return 0;
}

int
encl_image_config_read(const json_t *doc, const char *what, struct encl_image_config *out,
		       struct encl_err *e)
{
	encl_auto(encl_image_config_clear) struct encl_image_config c = {
		.arena = encl_arena_new()};
	const json_t *config = json_object_get(doc, "config");

	if (take_strings(config, "Entrypoint", what, c.arena, &c.entrypoint, e) ||
	    take_strings(config, "Cmd", what, c.arena, &c.cmd, e) ||
	    take_strings(config, "Env", what, c.arena, &c.env, e) ||
	    take_string(config, "WorkingDir", what, c.arena, &c.workdir, e) ||
	    take_string(config, "User", what, c.arena, &c.user, e) ||
	    take_string(config, "StopSignal", what, c.arena, &c.stop_signal, e))
		return -1;
	*out = c;
	memset(&c, 0, sizeof c);
	return 0;
}

void
encl_image_config_clear(struct encl_image_config *c)
{
	encl_arena_free(c->arena);
	memset(c, 0, sizeof *c);
}
