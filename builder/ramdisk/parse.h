/* SPDX-License-Identifier: Apache-2.0 */
/* newc bytes, as they come, to calls of a visitor. */
#ifndef ENCL_RAMDISK_PARSE_H
#define ENCL_RAMDISK_PARSE_H

#include "ramdisk/internal.h"

enum encl_cpio_state {
	ENCL_CPIO_BETWEEN, /* before and after archives: zeros only */
	ENCL_CPIO_HEAD,
	ENCL_CPIO_NAME,
	ENCL_CPIO_LINK,
	ENCL_CPIO_CONTENT,
	ENCL_CPIO_PAD
};

struct encl_cpio_parser {
	struct encl_cpio_visitor *visitor;
	enum encl_cpio_state state;
	uint64_t pos;  /* in the archive */
	uint64_t base; /* where it begins in the file; UINT64_MAX: in a stream */
	uint64_t left; /* of what this state takes */
	size_t have;   /* collected in head, name or link */
	size_t n_name; /* with the NUL, without padding */
	bool trailer;
	bool slash; /* the name ended in one */
	uint64_t n_entries;
	struct encl_cpio_entry entry;
	struct encl_sink *sink;
	char head[ENCL_CPIO_HEADER];
	char name[ENCL_CPIO_NAME_MAX + 4];
	char link[ENCL_PATH_MAX + 1];
};

void encl_cpio_parser_init(struct encl_cpio_parser *p, struct encl_cpio_visitor *v);
/* An archive begins with the next byte, which is at base of the file. */
void encl_cpio_parser_begin(struct encl_cpio_parser *p, uint64_t base);
/* Takes bytes until they end or the archive does; *used says how many. */
int encl_cpio_parser_feed(struct encl_cpio_parser *p, const uint8_t *bytes, size_t n,
			  size_t *used, struct encl_err *e) ENCL_MUST_CHECK;
/* Content that nobody wants, as far as it can be skipped; and doing so. */
uint64_t encl_cpio_parser_unwanted(const struct encl_cpio_parser *p);
int encl_cpio_parser_skip(struct encl_cpio_parser *p, uint64_t n,
			  struct encl_err *e) ENCL_MUST_CHECK;

#endif
