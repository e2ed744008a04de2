/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that compare two images share. */
#ifndef ENCL_VERIFY_DIFF_INTERNAL_H
#define ENCL_VERIFY_DIFF_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "sign/image.h"
#include "verify/diff.h"
#include "verify/inventory_internal.h"

/* A file of both images whose content is not the same, and its row. */
struct encl_diff_pair {
	const struct encl_item *a, *b;
	json_t *row; /* borrowed */
};

struct encl_differ {
	const struct encl_inventory *a, *b;
	const struct encl_diff_options *o;
	struct encl_image_state state_a, state_b;
	bool moved[9]; /* a register number each: it differs */
	json_t *out;
	/* files */
	size_t added, removed, changed;
	size_t in_ramdisk[ENCL_EIF_MAX_SECTIONS]; /* of them */
	size_t in_squashfs[ENCL_EIF_MAX_SECTIONS];
	struct encl_diff_pair *pairs;
	size_t n_pairs;
	/* names whose content is dumped, of A and of B */
	const struct encl_item **dumped[2];
	size_t n_dumped[2];
};

/* [A, B]; takes the references. */
json_t *encl_diff_values(json_t *a, json_t *b);
/* {KEY: name, "A", "B"} to the end of a list of out; a, b: NULL where there is none. */
void encl_diff_row(struct encl_differ *d, const char *list, const char *key,
		   const char *name, json_t *a, json_t *b);
/* Of those that a section covers, the registers that differ. */
json_t *encl_diff_pcrs(const struct encl_differ *d, enum encl_section_type type,
		       size_t ramdisk);

void encl_diff_header(struct encl_differ *d);
void encl_diff_metadata(struct encl_differ *d);
void encl_diff_signature(struct encl_differ *d);
void encl_diff_packages(struct encl_differ *d);
/* Counts, rows, pairs, names to dump. */
void encl_diff_files(struct encl_differ *d);
int encl_diff_sections(struct encl_differ *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_diff_contents(struct encl_differ *d, struct encl_err *e) ENCL_MUST_CHECK;
int encl_diff_dump(struct encl_differ *d, struct encl_err *e) ENCL_MUST_CHECK;
/* What it means, in a sentence or two; malloc'ed. */
char *encl_diff_explain(const struct encl_differ *d);

/* A range of a file. */
struct encl_range {
	int fd;
	uint64_t offset, size;
};
/* Appends a reason, parted by "; ". */
struct encl_buf;
void encl_diff_reason(struct encl_buf *b, const char *fmt, ...) ENCL_PRINTF(2, 3);
/* Reasons why two sections of a kind are not the same; none where there are rows of
 * their own (metadata, files). */
int encl_diff_why(const struct encl_differ *d, enum encl_section_type type,
		  size_t ramdisk, const struct encl_range *a, const struct encl_range *b,
		  struct encl_buf *out, struct encl_err *e) ENCL_MUST_CHECK;
/* How many bytes differ of those that both have, and the first of them; UINT64_MAX:
 * none does. */
int encl_range_compare(const struct encl_range *a, const struct encl_range *b,
		       uint64_t *differ, uint64_t *first,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* Hunks of a unified diff with three lines of context, at most max lines of it; both
 * are text.  The work, lines that are compared, is taken from budget: with little of it
 * the diff is right, and long.  malloc'ed. */
#define ENCL_DIFF_BUDGET (UINT64_C(1) << 31)
char *encl_diff_lines(const char *a, size_t n_a, const char *b, size_t n_b, size_t max,
		      uint64_t *budget);

/* What a linked file tells of itself; "" where it does not. */
enum { ENCL_BUILD_ID_TEXT = 2 * 64 + 1, ENCL_ELF_COMMENT = 256 };
struct encl_elf_notes {
	bool is_elf;
	char build_id[ENCL_BUILD_ID_TEXT];
	char comment[ENCL_ELF_COMMENT]; /* compilers, joined by "; " */
};
int encl_elf_read(const struct encl_range *r, struct encl_elf_notes *out,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* A nameless file, on disk where that can be. */
int encl_diff_scratch(int *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
