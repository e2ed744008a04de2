/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ramdisk 0: what boots before the application is there.  Ours: dev/, init,
 * the modules and their load order, nsm.ko.  AWS's: dev/, init, nsm.ko, with
 * linuxkit's times and numbers, so that PCR1 is the one that AWS publishes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "ramdisk/ramdisk.h"
#include "sources/source.h"

enum {
	AWS_TIME = 1492533000 /* 2017-04-18T16:30:00Z, linuxkit's */,
	ORDER_MAX = 1 << 20
};

static int
add_file(struct encl_ramdisk *r, const char *path, uint32_t mode, int64_t mtime,
	 const struct encl_content *c, struct encl_err *e)
{
	const struct encl_entry entry = {.path = path,
					 .type = ENCL_REG,
					 .mode = mode,
					 .mtime = mtime,
					 .content = *c};

	return encl_ramdisk_add(r, &entry, e);
}

static int
add_aws(struct encl_ramdisk *r, const struct encl_kernel_files *k,
	const struct encl_content *init, struct encl_err *e)
{
	if (encl_ramdisk_add_dir(r, "dev", 0755, AWS_TIME, e) ||
	    add_file(r, "init", 0755, AWS_TIME, init, e))
		return -1;
	if (!k->nsm_ko.size)
		return 0; /* a kernel that has it built in */
	return add_file(r, "nsm.ko", 0755, AWS_TIME, &k->nsm_ko, e);
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_module *const *x = a;
	const struct encl_module *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

/* "order" stands among the modules, where its bytes put it. */
static int
add_sorted(struct encl_ramdisk *r, const struct encl_module *const *sorted, size_t n,
	   const struct encl_buf *order, int64_t time, struct encl_err *e)
{
	bool done = false;

	for (size_t i = 0; i <= n; i++) {
		encl_auto(encl_free) char *path =
			i < n ? encl_xasprintf("modules/%s.ko", sorted[i]->name) : NULL;

		if (!done && (!path || strcmp("modules/order", path) < 0)) {
			done = true;
			if (encl_ramdisk_add_data(r, "modules/order", 0644, time,
						  order->data, order->len, e))
				return -1;
		}
		if (path && add_file(r, path, 0644, time, &sorted[i]->content, e))
			return -1;
	}
	return 0;
}

static int
add_modules(struct encl_ramdisk *r, const struct encl_kernel_files *k, int64_t time,
	    struct encl_err *e)
{
	encl_auto(encl_free) const struct encl_module **sorted =
		encl_xcalloc(k->n_modules, sizeof *sorted);
	encl_auto(encl_buf_clear) struct encl_buf order = {.cap = ORDER_MAX};

	for (size_t i = 0; i < k->n_modules; i++) {
		sorted[i] = &k->modules[i];
		if (strpbrk(sorted[i]->name, "/\n"))
			return encl_fail(e, ENCL_FAILED, "a module's name has a \"/\"");
		encl_buf_add_fmt(&order, "%s.ko\n", sorted[i]->name);
	}
	if (encl_buf_check(&order, "modules/order", e) ||
	    encl_ramdisk_add_dir(r, "modules", 0755, time, e))
		return -1;
	/* order first: qsort moves the pointers only */
	qsort(sorted, k->n_modules, sizeof *sorted, by_name);
	return add_sorted(r, sorted, k->n_modules, &order, time, e);
}

static int
add_ours(struct encl_ramdisk *r, const struct encl_kernel_files *k,
	 const struct encl_content *init, int64_t time, struct encl_err *e)
{
	if (encl_ramdisk_add_dir(r, "dev", 0755, time, e) ||
	    add_file(r, "init", 0755, time, init, e))
		return -1;
	if (k->n_modules && add_modules(r, k, time, e))
		return -1;
	return k->nsm_ko.size ? add_file(r, "nsm.ko", 0644, time, &k->nsm_ko, e) : 0;
}

int
encl_ramdisk_boot(const struct encl_kernel_files *k, bool aws,
		  const struct encl_content *init, uint64_t sde,
		  struct encl_ramdisk **out, struct encl_err *e)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(aws ? ENCL_CPIO_LINUXKIT : ENCL_CPIO_OURS);

	if (aws ? add_aws(r, k, init, e) : add_ours(r, k, init, (int64_t)sde, e))
		return encl_wrap(e, "boot");
	*out = encl_take(r, NULL);
	return 0;
}
