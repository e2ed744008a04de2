/* SPDX-License-Identifier: Apache-2.0 */
/* One JSON document read as every document that an image has. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "fuzz.h"
#include "sources/image_config.h"
#include "sources/image_open.h"
#include "sources/oci.h"

static void
as_index(const json_t *doc)
{
	static const char *const names[] = {NULL, "v1", "docker.io/library/app:1"};
	struct encl_oci_descriptor d;
	struct encl_err e;
	bool found;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (unsigned arch = 0; arch < 2; arch++)
			if (!encl_oci_choose(doc, (enum encl_arch)arch, names[i], arch,
					     "fuzz", &d, &found, &e) &&
			    found && d.kind == ENCL_OCI_OTHER)
				abort();
}

static void
as_manifest(const json_t *doc)
{
	struct encl_oci_descriptor any = {.kind = ENCL_OCI_OTHER};
	struct encl_oci_descriptor config;
	struct encl_image image = {.n_layers = 0};
	enum encl_oci_kind kind;
	struct encl_err e;

	if (!encl_oci_check(doc, &any, "fuzz", &kind, &e) &&
	    !encl_oci_manifest(doc, "fuzz", &image, &config, &e))
		for (size_t i = 0; i < image.n_layers; i++)
			if (strncmp(image.layers[i].file, "blobs/sha", 9) != 0)
				abort();
	encl_image_clear(&image);
}

static void
as_config(json_t *doc)
{
	struct encl_image image = {.config_doc = json_incref(doc)};
	struct encl_image_config config = {.arena = NULL};
	struct encl_err e;

	image.n_layers = json_array_size(
		json_object_get(json_object_get(doc, "rootfs"), "diff_ids"));
	image.layers = calloc(image.n_layers + 1, sizeof *image.layers);
	(void)!encl_oci_config(&image, ENCL_ARCH_X86_64, "fuzz", &e);
	if (!encl_image_config_read(doc, "fuzz", &config, &e))
		encl_image_config_clear(&config);
	encl_image_clear(&image);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(json_decref) json_t *doc = NULL;
	const json_t *entry;
	struct encl_err e;

	if (encl_json_parse((const char *)data, size, "fuzz", &doc, &e))
		return 0;
	as_index(doc);
	as_manifest(doc);
	as_config(doc);
	if (!encl_docker_archive_choose(doc, NULL, "fuzz", &entry, &e) && !entry)
		abort();
	if (!encl_docker_archive_choose(doc, "app", "fuzz", &entry, &e) && !entry)
		abort();
	return 0;
}
