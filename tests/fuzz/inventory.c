/* SPDX-License-Identifier: Apache-2.0 */
/* A ramdisk and what it says of its packages; names are sorted and of one kind
 * only, every content is found again. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/stream.h"
#include "fuzz.h"
#include "verify/inventory.h"

static int
check(void *arg, const struct encl_item *item, const uint8_t *p, size_t n,
      struct encl_err *e)
{
	struct encl_digest d;

	(void)e;
	encl_digest_of(ENCL_SHA256, p, n, &d);
	if (item->size == n && !encl_digest_equal(&d, &item->digest))
		abort();
	++*(size_t *)arg;
	return 0;
}

static void
check_items(const struct encl_inventory *i)
{
	const struct encl_item **files = calloc(i->n_items + 1, sizeof(void *));
	struct encl_err e;
	size_t n = 0;
	size_t seen = 0;

	for (size_t k = 0; k < i->n_items; k++) {
		const struct encl_item *item = &i->items[k];

		if (k && strcmp(item[-1].path, item->path) >= 0)
			abort();
		if (item->same_as && !encl_inventory_find(i, 0, item->same_as))
			abort();
		if (S_ISREG(item->mode))
			files[n++] = item;
	}
	if (encl_inventory_contents(i, files, n, 1 << 16, check, &seen, &e) || seen != n)
		abort();
	free(files);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char metadata[] = "{\"BuildMetadata\": {\"KernelVersion\": \"6.1\"}}";
	char path[] = "fuzz";
	struct encl_eif eif = {
		.fd = memfd_create("fuzz", MFD_CLOEXEC),
		.path = path,
		.metadata = metadata,
		.sections = {{ENCL_SECTION_RAMDISK, 0, size}},
		.n_sections = 1,
	};
	struct encl_inventory i = {.n_items = 0};
	struct encl_err e;

	if (eif.fd < 0 || encl_pwrite_full(eif.fd, data, size, 0, "memfd", &e))
		abort();
	if (!encl_inventory_read(&eif, NULL, &i, &e))
		check_items(&i);
	encl_inventory_clear(&i);
	close(eif.fd);
	return 0;
}
