/* SPDX-License-Identifier: Apache-2.0 */
/* What is in an image as a tree of areas: by where it came from, by package, by
 * folder.  The bytes of each tree are exactly the file's. */
#ifndef ENCL_VERIFY_REPORT_VIEW_H
#define ENCL_VERIFY_REPORT_VIEW_H

#include "base/arena.h"
#include "verify/inventory.h"
#include "verify/report_area.h"
#include "verify/report_share.h"

enum encl_view { ENCL_VIEW_ORIGIN, ENCL_VIEW_PACKAGE, ENCL_VIEW_FOLDER };
enum { ENCL_VIEWS = 3 };

/* Summed, not laid out; it borrows the inventory's strings. */
struct encl_area *encl_view_tree(struct encl_arena *arena, enum encl_view view,
				 const struct encl_inventory *i,
				 const struct encl_shares *s);

/* What a section moves: ramdisk is its number among the ramdisks. */
enum encl_moves encl_section_moves(enum encl_section_type type, size_t ramdisk);
/* "PCR0, PCR1" */
const char *encl_moves_name(enum encl_moves m);
/* "boot", "app", "signer", "none": classes of the page */
const char *encl_moves_class(enum encl_moves m);

/* The package that the file is of ("libc6 2.36-9"), or NULL. */
const char *encl_item_package(const struct encl_item *item);

#endif
