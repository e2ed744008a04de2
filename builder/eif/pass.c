/* SPDX-License-Identifier: Apache-2.0 */
/* Payloads into the ring: CRC-32 here, hashes and the file on the lanes. */
#include "eif/pass.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eif/measure.h"

static bool
is_measured(enum encl_section_type type)
{
	return type == ENCL_SECTION_KERNEL || type == ENCL_SECTION_CMDLINE ||
	       type == ENCL_SECTION_RAMDISK;
}

static void
take_sha256(void *arg, const struct encl_chunk *c)
{
	encl_hash_update(arg, c->p, c->n);
}

static int
flush(struct encl_pass *p, struct encl_err *e)
{
	struct encl_chunk *c = p->chunk;

	if (!c)
		return 0;
	if (p->part) {
		p->crc = encl_crc32(p->crc, c->p, c->n);
		c->type = p->part->type;
		c->measured = is_measured(c->type);
		c->begin = c->measured && !p->begun;
		p->begun = true;
	}
	c->offset = p->offset;
	p->offset += c->n;
	p->chunk = NULL;
	encl_fanout_send(p->fanout);
	/* a full disk ends it now, not after all that is still to be read */
	return atomic_load(&p->output.failed) ? encl_pass_finish(p, e) : 0;
}

/* Chunks end at multiples of their size in the file: writes of whole pages. */
static void
open_chunk(struct encl_pass *p)
{
	p->chunk = encl_fanout_room(p->fanout);
	p->room = ENCL_FANOUT_CHUNK - (size_t)(p->offset % ENCL_FANOUT_CHUNK);
}

static int
put(struct encl_pass *p, const void *bytes, size_t n, struct encl_err *e)
{
	const uint8_t *from = bytes;

	while (n) {
		size_t now;

		if (!p->chunk)
			open_chunk(p);
		now = p->room - p->chunk->n;
		if (now > n)
			now = n;
		memcpy(p->chunk->p + p->chunk->n, from, now);
		p->chunk->n += now;
		from += now;
		n -= now;
		if (p->chunk->n == p->room && flush(p, e))
			return -1;
	}
	return 0;
}

static int
write_payload(struct encl_sink *sink, const void *bytes, size_t n, struct encl_err *e)
{
	struct encl_pass *p = (struct encl_pass *)sink;
	uint64_t most = p->part->size == UINT64_MAX ? INT64_MAX : p->part->size;

	if (n > most - p->size)
		return encl_fail(e, ENCL_FAILED, "larger than %" PRIu64 " bytes%s", most,
				 p->part->size == UINT64_MAX
					 ? ""
					 : ": it changed while it was read");
	p->size += n;
	return put(p, bytes, n, e);
}

void
encl_pass_init(struct encl_pass *p, int fd, bool whole, unsigned jobs)
{
	struct encl_lane lanes[4];
	size_t n = 0;

	memset(p, 0, sizeof *p);
	p->sink.write = write_payload;
	encl_output_init(&p->output, fd, whole);
	p->measure = encl_measure_new();
	p->sha256 = whole ? encl_hash_new(ENCL_SHA256) : NULL;
	if (fd >= 0)
		lanes[n++] = (struct encl_lane){encl_output_take, &p->output};
	lanes[n++] = (struct encl_lane){encl_measure_take_pcr01, p->measure};
	lanes[n++] = (struct encl_lane){encl_measure_take_pcr2, p->measure};
	if (p->sha256)
		lanes[n++] = (struct encl_lane){take_sha256, p->sha256};
	p->fanout = encl_fanout_start(lanes, n, jobs > 1);
}

void
encl_pass_clear(struct encl_pass *p)
{
	encl_fanout_free(p->fanout);
	encl_measure_free(p->measure);
	encl_hash_free(p->sha256);
	memset(p, 0, sizeof *p);
}

int
encl_pass_raw(struct encl_pass *p, const void *bytes, size_t n, struct encl_err *e)
{
	p->part = NULL;
	if (put(p, bytes, n, e))
		return -1;
	return flush(p, e);
}

int
encl_pass_part(struct encl_pass *p, const struct encl_eif_part *part, const char *label,
	       struct encl_err *e)
{
	p->part = part;
	p->label = label;
	p->begun = false;
	p->size = 0;
	p->crc = 0;
	if (part->produce(part->arg, &p->sink, e))
		return encl_wrap(e, "%s", label);
	/* An empty payload is a section all the same: the lanes count it. */
	if (!p->chunk && !p->begun)
		open_chunk(p);
	if (flush(p, e))
		return -1;
	if (part->size != UINT64_MAX && p->size != part->size)
		return encl_fail(e, ENCL_FAILED,
				 "%s has %" PRIu64 " bytes, %" PRIu64
				 " were announced: it changed while it was read",
				 label, p->size, part->size);
	if (part->crc_known && p->crc != part->crc)
		return encl_fail(e, ENCL_FAILED,
				 "%s has the CRC-32 %08" PRIx32 ", %08" PRIx32
				 " was announced: it changed while it was read",
				 label, p->crc, part->crc);
	return 0;
}

int
encl_pass_finish(struct encl_pass *p, struct encl_err *e)
{
	encl_fanout_finish(p->fanout);
	return encl_output_finish(&p->output, e);
}

void
encl_part_label(const struct encl_eif_part *parts, size_t i, char out[32])
{
	size_t ramdisk = 0;

	if (parts[i].type != ENCL_SECTION_RAMDISK) {
		snprintf(out, 32, "%s", encl_section_name(parts[i].type));
		return;
	}
	for (size_t k = 0; k < i; k++)
		ramdisk += parts[k].type == ENCL_SECTION_RAMDISK;
	snprintf(out, 32, "ramdisk %zu", ramdisk);
}
