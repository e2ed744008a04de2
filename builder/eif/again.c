/* SPDX-License-Identifier: Apache-2.0 */
/* An opened image once more: measured, or copied with another signature. */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "eif/eif.h"
#include "eif/fanout.h"
#include "eif/measure.h"
#include "eif/write.h"

/* n bytes at off as chunks; s NULL: bytes that no PCR covers. */
static int
feed(struct encl_fanout *f, const struct encl_eif *eif, const struct encl_eif_section *s,
     uint64_t off, uint64_t n, uint32_t *crc, struct encl_err *e)
{
	bool begin = s != NULL;

	while (n || begin) {
		struct encl_chunk *c = encl_fanout_room(f);

		c->n = n < ENCL_FANOUT_CHUNK ? (size_t)n : ENCL_FANOUT_CHUNK;
		if (encl_pread_full(eif->fd, c->p, c->n, off, eif->path, e))
			return -1;
		*crc = encl_crc32(*crc, c->p, c->n);
		c->measured = s != NULL;
		c->begin = begin;
		c->type = s ? s->type : ENCL_SECTION_METADATA;
		encl_fanout_send(f);
		begin = false;
		off += c->n;
		n -= c->n;
	}
	return 0;
}

static bool
is_measured(const struct encl_eif_section *s)
{
	return s->type != ENCL_SECTION_METADATA && s->type != ENCL_SECTION_SIGNATURE;
}

static int
feed_all(struct encl_fanout *f, const struct encl_eif *eif, uint32_t *crc,
	 struct encl_err *e)
{
	uint32_t ignored = 0;

	if (feed(f, eif, NULL, 0, ENCL_EIF_CRC_OFFSET, crc, e) ||
	    feed(f, eif, NULL, ENCL_EIF_CRC_OFFSET, 4, &ignored, e))
		return -1;
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (feed(f, eif, NULL, s->offset - ENCL_EIF_SECTION_HEADER_SIZE,
			 ENCL_EIF_SECTION_HEADER_SIZE, crc, e) ||
		    feed(f, eif, is_measured(s) ? s : NULL, s->offset, s->size, crc, e))
			return -1;
	}
	return 0;
}

static void
take_sha256(void *arg, const struct encl_chunk *c)
{
	encl_hash_update(arg, c->p, c->n);
}

int
encl_eif_measure(const struct encl_eif *eif, unsigned jobs, struct encl_measurements *m,
		 uint32_t *crc, struct encl_digest *sha256, struct encl_err *e)
{
	encl_auto(encl_measure_free) struct encl_measure *measure = encl_measure_new();
	encl_auto(encl_hash_free) struct encl_hash *file = encl_hash_new(ENCL_SHA256);
	const struct encl_lane lanes[] = {
		{encl_measure_take_pcr01, measure},
		{encl_measure_take_pcr2, measure},
		{take_sha256, file},
	};
	/* declared last: its threads end before what they use is released */
	encl_auto(encl_fanout_free) struct encl_fanout *f =
		encl_fanout_start(lanes, sizeof lanes / sizeof *lanes, jobs > 1);
	uint32_t sum = 0;

	if (feed_all(f, eif, &sum, e))
		return -1;
	encl_fanout_finish(f);
	encl_measure_final(measure, m);
	encl_hash_final(file, sha256);
	*crc = sum;
	return 0;
}

int
encl_eif_resign(const struct encl_eif *eif, int fd, struct encl_eif_signer *signer,
		unsigned jobs, struct encl_eif_result *out, struct encl_err *e)
{
	struct encl_eif_range ranges[ENCL_EIF_MAX_SECTIONS];
	struct encl_eif_part parts[ENCL_EIF_MAX_SECTIONS];
	struct encl_eif_header base;
	size_t n = 0;

	encl_eif_header_init(&base, eif->arch);
	base.default_mem = eif->default_mem;
	base.default_cpus = eif->default_cpus;
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type == ENCL_SECTION_SIGNATURE)
			continue;
		ranges[n] =
			(struct encl_eif_range){eif->fd, s->offset, s->size, eif->path};
		parts[n] = encl_eif_part_range(s->type, &ranges[n]);
		n++;
	}
	return encl_eif_write_as(fd, &base, parts, n, signer, jobs, out, e);
}
