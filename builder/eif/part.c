/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of an image that exist already: bytes in memory, a range of a file. */
#include <stdlib.h>

#include "base/alloc.h"
#include "eif/eif.h"

static int
produce_bytes(void *arg, struct encl_sink *out, struct encl_err *e)
{
	const struct encl_eif_bytes *b = arg;

	return encl_sink_write(out, b->p, b->n, e);
}

struct encl_eif_part
encl_eif_part_bytes(enum encl_section_type type, struct encl_eif_bytes *bytes)
{
	return (struct encl_eif_part){
		.type = type,
		.produce = produce_bytes,
		.arg = bytes,
		.size = bytes->n,
		.crc = encl_crc32(0, bytes->n ? bytes->p : "", bytes->n),
		.crc_known = true,
	};
}

static int
produce_range(void *arg, struct encl_sink *out, struct encl_err *e)
{
	enum { CHUNK = 256 * 1024 };
	const struct encl_eif_range *r = arg;
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);

	for (uint64_t done = 0; done < r->size;) {
		size_t now = r->size - done < CHUNK ? (size_t)(r->size - done) : CHUNK;

		if (encl_pread_full(r->fd, buf, now, r->offset + done, r->what, e) ||
		    encl_sink_write(out, buf, now, e))
			return -1;
		done += now;
	}
	return 0;
}

struct encl_eif_part
encl_eif_part_range(enum encl_section_type type, struct encl_eif_range *range)
{
	return (struct encl_eif_part){
		.type = type,
		.produce = produce_range,
		.arg = range,
		.size = range->size,
	};
}
