/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel MANIFEST FOLDER: what boot.kernel of a manifest gives: pinned, opened
 * by the pin, checked; FOLDER gets image, config, modules/order, modules/NAME.ko
 * and pin.json.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "manifest/manifest.h"
#include "rootfs/tree.h"
#include "sources/cache.h"
#include "sources/kernel_config.h"
#include "sources/source.h"

static int
save(const char *folder, const char *name, const struct encl_content *c,
     struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", folder, name);
	encl_auto(encl_free) char *bytes = encl_xmalloc(c->size + 1);

	if (encl_content_read(c, 0, bytes, c->size, e))
		return -1;
	return encl_write_file(path, bytes, c->size, 0644, e);
}

static int
save_text(const char *folder, const char *name, const char *text, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", folder, name);

	return encl_write_file(path, text, strlen(text), 0644, e);
}

static int
save_all(const char *folder, const struct encl_kernel_files *k, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf order = {.cap = 1 << 20};
	encl_auto(encl_free) char *modules = encl_xasprintf("%s/modules", folder);

	if (encl_make_dirs(modules, 0755, e) || save(folder, "image", &k->image, e) ||
	    save_text(folder, "config", k->config, e))
		return -1;
	for (size_t i = 0; i < k->n_modules; i++) {
		encl_auto(encl_free) char *name =
			encl_xasprintf("%s.ko", k->modules[i].name);

		encl_buf_add_fmt(&order, "%s\n", name);
		if (save(modules, name, &k->modules[i].content, e))
			return -1;
	}
	return save_text(modules, "order", encl_buf_text(&order), e);
}

static int
work(const char *file, const char *folder, struct encl_err *e)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {.v = NULL};
	encl_auto(encl_kernel_files_clear) struct encl_kernel_files k = {.config = NULL};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_cache_free) struct encl_cache *cache = NULL;
	encl_auto(json_decref) json_t *pin = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_env env = {.jobs = 1};

	if (encl_manifest_read(file, &m, &problems, e) ||
	    encl_cache_open(NULL, &cache, e))
		return -1;
	env.cache = cache;
	if (encl_kernel_lock(&env, m, NULL, &pin, e) ||
	    encl_kernel_open(&env, m, pin, &k, e) || encl_kernel_check(&k, m, e) ||
	    save_all(folder, &k, e))
		return -1;
	text = encl_json_pretty(pin);
	return save_text(folder, "pin.json", text, e);
}

int
main(int argc, char **argv)
{
	struct encl_err e;

	if (argc != 3) {
		fputs("usage: kernel MANIFEST FOLDER\n", stderr);
		return 2;
	}
	if (work(argv[1], argv[2], &e) == 0)
		return 0;
	fprintf(stderr, "kernel: %s\n", e.msg);
	return (int)e.code;
}
