/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one pass over the parts of an image: what they produce is checksummed
 * here, written and hashed by the lanes of a fan-out.
 */
#ifndef ENCL_EIF_PASS_H
#define ENCL_EIF_PASS_H

#include "base/cleanup.h"
#include "base/stream.h"
#include "eif/eif.h"
#include "eif/fanout.h"
#include "eif/output.h"

struct encl_pass {
	struct encl_sink sink;	   /* takes the payload of `part` */
	struct encl_output output; /* fd -1: nothing is written */
	struct encl_measure *measure;
	struct encl_hash *sha256; /* of all bytes that go by; NULL: not wanted */
	struct encl_fanout *fanout;
	struct encl_chunk *chunk; /* being filled, or NULL */
	size_t room;		  /* of chunk */
	uint64_t offset;	  /* in the file, where chunk begins */
	const struct encl_eif_part *part;
	const char *label; /* of part, for errors */
	bool begun;	   /* a chunk of part was sent */
	uint64_t size;	   /* of part's payload so far */
	uint32_t crc;
};

/* whole: all bytes of the file go by in their order, so that its SHA-256 can be
 * taken on the way and nobody reads it again.  fd -1: measure only. */
void encl_pass_init(struct encl_pass *p, int fd, bool whole, unsigned jobs);
void encl_pass_clear(struct encl_pass *p);
ENCL_AUTO_VAL(struct encl_pass, encl_pass_clear);

/* Bytes between payloads. */
int encl_pass_raw(struct encl_pass *p, const void *bytes, size_t n,
		  struct encl_err *e) ENCL_MUST_CHECK;
/* Runs part's producer and compares with what it announced; p->size and p->crc
 * are its payload's afterwards. */
int encl_pass_part(struct encl_pass *p, const struct encl_eif_part *part,
		   const char *label, struct encl_err *e) ENCL_MUST_CHECK;
/* Ends the threads; hashes and file are complete. */
int encl_pass_finish(struct encl_pass *p, struct encl_err *e) ENCL_MUST_CHECK;

/* "kernel", "ramdisk 1": names parts[i] in errors. */
void encl_part_label(const struct encl_eif_part *parts, size_t i, char out[32]);

#endif
