/* SPDX-License-Identifier: Apache-2.0 */
/* image-list CACHE IMAGE [aarch64]: an image's merged tree as `list` shows it,
 * digests included, then its config; for comparison with other tools. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/stream.h"
#include "rootfs/list.h"
#include "rootfs/tree.h"
#include "sources/cache.h"
#include "sources/source.h"

static void
print_strings(const char *name, const struct encl_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		printf("%s %s\n", name, s->v[i]);
}

static int
list_image(struct encl_env *env, const char *image, enum encl_arch arch,
	   struct encl_err *e)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_image_config_clear) struct encl_image_config c = {0};
	encl_auto(json_decref) json_t *pin = NULL;
	struct encl_manifest m = {.folder = ".", .arch = arch};
	struct encl_layer layer = {.kind = ENCL_LAYER_IMAGE, .image = image};
	struct encl_sink_fd out;

	encl_sink_fd_init(&out, 1, "standard output");
	if (encl_image_lock(env, &m, &layer, NULL, &pin, e) ||
	    encl_image_emit(env, &m, &layer, pin, encl_tree_sink(t), &c, e) ||
	    encl_tree_list(t, true, &out.sink, e))
		return -1;
	print_strings("entrypoint", &c.entrypoint);
	print_strings("cmd", &c.cmd);
	print_strings("env", &c.env);
	printf("workdir %s\nuser %s\n", c.workdir ? c.workdir : "-",
	       c.user ? c.user : "-");
	return 0;
}

int
main(int argc, char **argv)
{
	encl_auto(encl_cache_free) struct encl_cache *cache = NULL;
	struct encl_err e = {.code = ENCL_OK};
	bool arm = argc > 3 && !strcmp(argv[3], "aarch64");

	if (argc < 3)
		return 2;
	if (encl_cache_open(argv[1], &cache, &e) == 0) {
		struct encl_env env = {.cache = cache, .jobs = 2};

		if (list_image(&env, argv[2], arm ? ENCL_ARCH_AARCH64 : ENCL_ARCH_X86_64,
			       &e) == 0)
			return 0;
	}
	fprintf(stderr, "image-list: %s\n", e.msg);
	return (int)e.code;
}
