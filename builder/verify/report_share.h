/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bytes of the image each of its files takes, so that all of them with the
 * format's own are exactly the file's size.  Where a ramdisk (or the squashfs in one)
 * is compressed its bytes are shared out by the sizes of what is in it.
 */
#ifndef ENCL_VERIFY_REPORT_SHARE_H
#define ENCL_VERIFY_REPORT_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "verify/inventory.h"

struct encl_ramdisk_share {
	size_t section;	   /* of the image */
	size_t first, end; /* its items */
	uint64_t size;	   /* of the section's payload */
	uint64_t overhead; /* of it: headers, names, padding */
	bool packed;	   /* it is compressed */
	bool has_squashfs; /* with files in it */
};
struct encl_shares {
	uint64_t *v; /* by item */
	struct encl_ramdisk_share ramdisks[ENCL_EIF_MAX_SECTIONS];
	size_t n_ramdisks;
	uint64_t headers; /* the file's and the sections' */
};
void encl_shares_clear(struct encl_shares *s);
ENCL_AUTO_VAL(struct encl_shares, encl_shares_clear);

int encl_shares_compute(const struct encl_inventory *i, struct encl_shares *out,
			struct encl_err *e) ENCL_MUST_CHECK;

#endif
