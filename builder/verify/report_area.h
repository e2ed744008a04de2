/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A treemap: a tree of areas with bytes, laid out so that each takes its share of a
 * rectangle, as square as may be (Bruls, Huizing, van Wijk, "Squarified Treemaps",
 * 2000).  Whole numbers throughout, so that it is the same on every machine; the
 * leaves tile the rectangle without gap or overlap.
 */
#ifndef ENCL_VERIFY_REPORT_AREA_H
#define ENCL_VERIFY_REPORT_AREA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum {
	ENCL_AREA_DEPTH = 16,	     /* of a tree; what is deeper is not laid out */
	ENCL_AREA_MAX_SIDE = 4000000 /* of the rectangle, in its units */
};

/* Which PCRs what is here moves. */
enum encl_moves {
	ENCL_MOVES_NONE,  /* header, metadata */
	ENCL_MOVES_BOOT,  /* PCR0 and PCR1 */
	ENCL_MOVES_APP,	  /* PCR0 and PCR2 */
	ENCL_MOVES_SIGNER /* PCR8 */
};

struct encl_area {
	const char *name;  /* for its label */
	const char *about; /* the whole of what it is, without the size */
	enum encl_moves moves;
	bool overhead;	/* bytes of the format, of no file */
	uint64_t bytes; /* of a leaf; of others after encl_area_sum */
	uint64_t files; /* that it stands for */
	struct encl_area *first, *last, *next;
	uint32_t x, y, w, h; /* after the layout */
	bool cut;	     /* its children are not laid out */
};

/* Appends a child; name and about live as long as the tree. */
struct encl_area *encl_area_add(struct encl_arena *arena, struct encl_area *parent,
				const char *name, const char *about);

/* Bytes and files of all above the leaves; children by size, then by name; those of
 * no bytes are left out. */
void encl_area_sum(struct encl_area *root);

/*
 * Gives every area its rectangle.  Children that would be smaller than `least` square
 * units are gathered in one, "12 smaller"; a group smaller than 4 times that is cut.
 */
void encl_area_layout(struct encl_arena *arena, struct encl_area *root, uint32_t w,
		      uint32_t h, uint64_t least);

/* part * n / whole for part <= whole, without overflow; grows with
 * part, is 0 for 0 and n for whole. */
uint64_t encl_area_share(uint64_t n, uint64_t part, uint64_t whole);

#endif
