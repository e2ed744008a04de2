/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker-images CACHE layers|archive tar|list [NAME=]IMAGE|NAME+DIR…: what
 * docker.images puts into an enclave's tree, as a tar or a listing on standard
 * output; a line "ID BYTES NAME…" for each image on standard error.  NAME+DIR is
 * an image made of one folder.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "docker/docker.h"
#include "docker/tar.h"
#include "rootfs/list.h"
#include "sources/cache.h"

enum { MAX_IMAGES = 16 };

static struct encl_docker_image images[MAX_IMAGES];
static struct encl_layer folders[MAX_IMAGES];
static const char *const command[] = {"/bin/sh", "-c", "echo made here; cat /etc/*"};

static void
take(char *arg, size_t i)
{
	char *mark = strpbrk(arg, "=+");
	char *value = mark ? mark + 1 : arg;
	bool made = mark && *mark == '+';

	folders[i] = (struct encl_layer){
		.kind = ENCL_LAYER_DIRECTORY, .path = value, .at = "/"};
	images[i].image = made ? NULL : value;
	images[i].layers = &folders[i];
	images[i].n_layers = 1;
	images[i].command = (struct encl_strings){(const char **)(uintptr_t)command, 3};
	if (mark) {
		*mark = 0;
		images[i].name = arg;
	}
}

static int
install(struct encl_env *env, size_t n, bool layers, bool tar, struct encl_err *e)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	encl_auto(encl_docker_images_clear) struct encl_docker_images got = {0};
	encl_auto(json_decref) json_t *pins = json_array();
	struct encl_manifest m = {.file = "-",
				  .folder = ".",
				  .arch = ENCL_ARCH_X86_64,
				  .source_date_epoch = 1700000000,
				  .docker = {.images = images, .n_images = n}};
	struct encl_sink_fd out;

	for (size_t i = 0; i < n; i++) {
		json_t *pin = NULL;

		if (encl_docker_image_lock(env, &m, &images[i], NULL, &pin, e))
			return -1;
		json_array_append_new(pins, pin);
	}
	encl_sink_fd_init(&out, 1, "standard output");
	if (encl_docker_install_images(env, &m, pins, layers, t, &got, e) ||
	    encl_tree_normalise(t, m.source_date_epoch, m.boot.format, e) ||
	    (tar ? encl_tar_write(t, &out.sink, e)
		 : encl_tree_list(t, true, &out.sink, e)))
		return -1;
	for (size_t i = 0; i < got.n; i++) {
		fprintf(stderr, "%s %llu", got.v[i].id,
			(unsigned long long)got.v[i].bytes);
		for (size_t k = 0; k < got.v[i].n_names; k++)
			fprintf(stderr, " %s", got.v[i].names[k]);
		fprintf(stderr, "\n");
	}
	return 0;
}

int
main(int argc, char **argv)
{
	encl_auto(encl_cache_free) struct encl_cache *cache = NULL;
	struct encl_err e = {.code = ENCL_OK};

	if (argc < 5 || argc - 4 > MAX_IMAGES)
		return 2;
	for (int i = 4; i < argc; i++)
		take(argv[i], (size_t)i - 4);
	if (encl_cache_open(argv[1], &cache, &e) == 0) {
		struct encl_env env = {.cache = cache, .jobs = 2};

		if (install(&env, (size_t)argc - 4, !strcmp(argv[2], "layers"),
			    !strcmp(argv[3], "tar"), &e) == 0)
			return 0;
	}
	fprintf(stderr, "docker-images: %s\n", e.msg);
	return (int)e.code;
}
