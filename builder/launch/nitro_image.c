/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass: a block of the file is read into its place in the enclave's memory
 * (read(2), so that a page that is not there is an error and no SIGBUS), and hashed
 * from there.  PCR0 and CRC as facts of the copy, its section table and signature
 * against those that were checked when the file was opened.
 */
#include "launch/nitro_image.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "eif/format.h"
#include "launch/nitro_memory.h"

enum { BLOCK = 1 << 20 };

struct loading {
	const struct encl_eif *eif;
	const struct encl_nitro_memory *m;
	uint64_t base; /* of the file in the memory */
	struct encl_hash *hash;
	uint32_t crc;
	size_t section; /* where the hash stands */
};

static int
read_block(const struct loading *l, uint64_t at, uint8_t *p, size_t n, struct encl_err *e)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(l->eif->fd, p + done, n - done, (off_t)(at + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EFAULT)
			return encl_fail(
				e, ENCL_HOST,
				"a huge page of the enclave is gone; others took "
				"it, or a control group allows no more");
		if (got < 0)
			return encl_fail_sys(e, ENCL_FAILED, "read %s", l->eif->path);
		if (!got)
			return encl_fail(e, ENCL_MISMATCH,
					 "%s became shorter while it was loaded",
					 l->eif->path);
		done += (size_t)got;
	}
	return 0;
}

static bool
is_measured(enum encl_section_type type)
{
	return type == ENCL_SECTION_KERNEL || type == ENCL_SECTION_CMDLINE ||
	       type == ENCL_SECTION_RAMDISK;
}

/* Hashes what of the block [at, at + n) is measured. */
static void
hash_block(struct loading *l, uint64_t at, const uint8_t *p, size_t n)
{
	while (l->section < l->eif->n_sections) {
		const struct encl_eif_section *s = &l->eif->sections[l->section];
		const uint64_t end = s->offset + s->size;
		const uint64_t from = s->offset > at ? s->offset : at;
		const uint64_t to = end < at + n ? end : at + n;

		if (from < to && is_measured(s->type))
			encl_hash_update(l->hash, p + (from - at), (size_t)(to - from));
		if (end > at + n)
			return;
		l->section++;
	}
}

/* The CRC covers all of the file but its own field. */
static void
sum_block(struct loading *l, uint64_t at, const uint8_t *p, size_t n)
{
	const uint64_t field = ENCL_EIF_CRC_OFFSET;
	const uint64_t rest = field + sizeof l->crc;
	const uint64_t end = at + n;

	if (at < field)
		l->crc =
			encl_crc32(l->crc, p, (size_t)((end < field ? end : field) - at));
	if (end > rest)
		l->crc = at > rest ? encl_crc32(l->crc, p, n)
				   : encl_crc32(l->crc, p + (rest - at),
						(size_t)(end - rest));
}

/* Bytes of the copy; they may lie on both sides of a region's end. */
static void
peek(const struct loading *l, uint64_t at, uint8_t *out, size_t n)
{
	while (n) {
		uint64_t room;
		const uint8_t *p = encl_nitro_memory_at(l->m, l->base + at, &room);
		const size_t part = room < n ? (size_t)room : n;

		memcpy(out, p, part);
		out += part;
		at += part;
		n -= part;
	}
}

static bool
same_header(const struct loading *l)
{
	uint8_t bytes[ENCL_EIF_HEADER_SIZE];
	struct encl_eif_header h, want;

	peek(l, 0, bytes, sizeof bytes);
	encl_eif_header_decode(bytes, &h);
	encl_eif_header_init(&want, l->eif->arch);
	if (memcmp(h.magic, want.magic, sizeof h.magic) != 0 ||
	    h.version != l->eif->version || h.flags != want.flags ||
	    h.n_sections != l->eif->n_sections || h.crc != l->eif->crc)
		return false;
	for (size_t i = 0; i < l->eif->n_sections; i++)
		if (h.offsets[i] + ENCL_EIF_SECTION_HEADER_SIZE !=
			    l->eif->sections[i].offset ||
		    h.sizes[i] != l->eif->sections[i].size)
			return false;
	return true;
}

static bool
same_section(const struct loading *l, const struct encl_eif_section *s)
{
	uint8_t bytes[ENCL_EIF_SECTION_HEADER_SIZE];
	struct encl_eif_section_header h;

	peek(l, s->offset - sizeof bytes, bytes, sizeof bytes);
	encl_eif_section_header_decode(bytes, &h);
	if (h.type != s->type || h.size != s->size)
		return false;
	if (s->type != ENCL_SECTION_SIGNATURE)
		return true;
	encl_auto(encl_free) uint8_t *signature = encl_xmalloc(s->size);

	peek(l, s->offset, signature, s->size);
	return s->size == l->eif->signature_size &&
	       !memcmp(signature, l->eif->signature, s->size);
}

static int
judge(struct loading *l, const struct encl_pcr *want, struct encl_pcr *pcr0,
      struct encl_err *e)
{
	struct encl_digest content;
	bool same = same_header(l);

	for (size_t i = 0; same && i < l->eif->n_sections; i++)
		same = same_section(l, &l->eif->sections[i]);
	if (!same)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s changed while it was loaded; nothing was started",
				 l->eif->path);
	if (l->crc != l->eif->crc)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: its bytes have the CRC-32 %08" PRIx32
				 ", the header says %08" PRIx32 ": the file is damaged",
				 l->eif->path, l->crc, l->eif->crc);
	encl_hash_final(l->hash, &content);
	encl_pcr_extend(&content, pcr0);
	if (want && memcmp(want->bytes, pcr0->bytes, ENCL_PCR_SIZE) != 0)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: what was loaded has another PCR0 than what was "
				 "checked; nothing was started",
				 l->eif->path);
	return 0;
}

int
encl_nitro_load(const struct encl_nitro_load *o, const struct encl_nitro_memory *m,
		uint64_t offset, struct encl_pcr *pcr0, struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *hash = encl_hash_new(ENCL_SHA384);
	struct loading l = {.eif = o->eif, .m = m, .base = offset, .hash = hash};
	uint64_t at = 0;

	if (offset > m->size || o->eif->size > m->size - offset)
		return encl_fail(e, ENCL_USAGE,
				 "%" PRIu64 " MiB of memory cannot hold the image; raise "
				 "--memory",
				 m->size >> 20);
	while (at < o->eif->size) {
		uint64_t room;
		uint8_t *p = encl_nitro_memory_at(m, offset + at, &room);
		uint64_t n = o->eif->size - at;

		n = n < BLOCK ? n : BLOCK;
		n = n < room ? n : room;
		if (o->cancelled && o->cancelled(o->arg))
			return encl_fail(e, ENCL_LOST, "ended while it was loaded");
		if (read_block(&l, at, p, (size_t)n, e))
			return -1;
		sum_block(&l, at, p, (size_t)n);
		hash_block(&l, at, p, (size_t)n);
		at += n;
	}
	return judge(&l, o->want, pcr0, e);
}
