/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts to an EIF, version 4.  Sizes and CRCs that are known beforehand give
 * the header, its CRC and so all bytes before the first is written; otherwise
 * the header comes last.  The file's CRC is combined from those of its
 * pieces: crc(header[0:544], then each section header and payload).
 */
#include "eif/write.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "eif/pass.h"

/* What is known about the sections, in file order. */
struct layout {
	enum encl_section_type types[ENCL_EIF_MAX_SECTIONS];
	uint32_t crcs[ENCL_EIF_MAX_SECTIONS]; /* of payloads */
	struct encl_eif_header header;	      /* offsets, sizes, n_sections */
	uint64_t end;
};

/* Appends a section to the table. */
static int
lay(struct layout *l, enum encl_section_type type, uint64_t size, uint32_t crc,
    struct encl_err *e)
{
	size_t i = l->header.n_sections;

	if (size > (uint64_t)INT64_MAX - ENCL_EIF_SECTION_HEADER_SIZE - l->end)
		return encl_fail(e, ENCL_FAILED,
				 "the image would be larger than %" PRId64 " bytes",
				 INT64_MAX);
	l->types[i] = type;
	l->crcs[i] = crc;
	l->header.offsets[i] = l->end;
	l->header.sizes[i] = size;
	l->header.n_sections++;
	l->end += ENCL_EIF_SECTION_HEADER_SIZE + size;
	return 0;
}

static void
section_header(const struct layout *l, size_t i,
	       uint8_t out[ENCL_EIF_SECTION_HEADER_SIZE])
{
	const struct encl_eif_section_header h = {
		.type = (uint16_t)l->types[i],
		.size = l->header.sizes[i],
	};

	encl_eif_section_header_encode(&h, out);
}

/* Sets the header's CRC from the finished table. */
static void
seal(struct layout *l, uint8_t out[ENCL_EIF_HEADER_SIZE])
{
	uint8_t s[ENCL_EIF_SECTION_HEADER_SIZE];
	uint32_t crc;

	encl_eif_header_encode(&l->header, out);
	crc = encl_crc32(0, out, ENCL_EIF_CRC_OFFSET);
	for (size_t i = 0; i < l->header.n_sections; i++) {
		section_header(l, i, s);
		crc = encl_crc32(crc, s, sizeof s);
		crc = encl_crc32_combine(crc, l->crcs[i], l->header.sizes[i]);
	}
	l->header.crc = crc;
	encl_eif_header_encode(&l->header, out);
}

static void
start_layout(struct layout *l, const struct encl_eif_header *base)
{
	memset(l, 0, sizeof *l);
	encl_eif_header_init(&l->header, ENCL_ARCH_X86_64);
	l->header.flags = base->flags;
	l->header.default_mem = base->default_mem;
	l->header.default_cpus = base->default_cpus;
	l->end = ENCL_EIF_HEADER_SIZE;
}

static bool
all_known(const struct encl_eif_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!parts[i].crc_known || parts[i].size == UINT64_MAX)
			return false;
	return true;
}

static int
predict(struct layout *l, const struct encl_eif_header *base,
	const struct encl_eif_part *parts, size_t n, uint8_t header[ENCL_EIF_HEADER_SIZE],
	struct encl_err *e)
{
	start_layout(l, base);
	for (size_t i = 0; i < n; i++)
		if (lay(l, parts[i].type, parts[i].size, parts[i].crc, e))
			return -1;
	seal(l, header);
	return 0;
}

static int
check_count(const struct encl_eif_part *parts, size_t n, bool is_signed,
	    struct encl_err *e)
{
	size_t most =
		ENCL_EIF_MAX_SECTIONS - ENCL_EIF_FIXED_SECTIONS - (is_signed ? 1 : 0);
	size_t ramdisks = 0;

	for (size_t i = 0; i < n; i++)
		ramdisks += parts[i].type == ENCL_SECTION_RAMDISK;
	if (ramdisks == 0)
		return encl_fail(e, ENCL_FAILED, "an image needs at least one ramdisk");
	if (ramdisks > most)
		return encl_fail(e, ENCL_FAILED,
				 "%zu ramdisks; %s image holds at most %zu", ramdisks,
				 is_signed ? "a signed" : "an unsigned", most);
	return 0;
}

/* Our order, which is nitro-cli's. */
static int
check_order(const struct encl_eif_part *parts, size_t n, struct encl_err *e)
{
	static const enum encl_section_type fixed[] = {
		ENCL_SECTION_KERNEL, ENCL_SECTION_CMDLINE, ENCL_SECTION_METADATA};

	for (size_t i = 0; i < n || i < ENCL_EIF_FIXED_SECTIONS; i++) {
		enum encl_section_type want =
			i < ENCL_EIF_FIXED_SECTIONS ? fixed[i] : ENCL_SECTION_RAMDISK;

		if (i >= n || parts[i].type != want)
			return encl_fail(e, ENCL_FAILED,
					 "part %zu of the image must be the %s", i,
					 encl_section_name(want));
	}
	if (parts[0].size == 0)
		return encl_fail(e, ENCL_FAILED, "the kernel is empty");
	return 0;
}

static int
write_part(struct encl_pass *pass, struct layout *l, const struct encl_eif_part *parts,
	   size_t i, struct encl_err *e)
{
	uint8_t header[ENCL_EIF_SECTION_HEADER_SIZE];
	bool known = parts[i].size != UINT64_MAX;
	uint64_t at = l->end;
	char label[32];

	encl_part_label(parts, i, label);
	if (lay(l, parts[i].type, known ? parts[i].size : 0, 0, e))
		return encl_wrap(e, "%s", label);
	section_header(l, i, header);
	if (encl_pass_raw(pass, header, sizeof header, e) ||
	    encl_pass_part(pass, &parts[i], label, e))
		return -1;
	l->header.n_sections--; /* again, with what it really was */
	l->end = at;
	if (lay(l, parts[i].type, pass->size, pass->crc, e))
		return encl_wrap(e, "%s", label);
	return 0;
}

/* The headers of sections whose sizes are known now. */
static int
complete_sections(int fd, const struct layout *l, const struct encl_eif_part *parts,
		  size_t n, struct encl_err *e)
{
	uint8_t header[ENCL_EIF_SECTION_HEADER_SIZE];

	for (size_t i = 0; i < n; i++) {
		if (parts[i].size != UINT64_MAX)
			continue;
		section_header(l, i, header);
		if (encl_pwrite_full(fd, header, sizeof header, l->header.offsets[i],
				     "the image", e))
			return -1;
	}
	return 0;
}

/* After the last payload: what the signer makes for this PCR0. */
static int
append_signature(int fd, struct layout *l, struct encl_eif_signer *signer,
		 struct encl_measurements *m, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *bytes = NULL;
	uint8_t header[ENCL_EIF_SECTION_HEADER_SIZE];
	uint64_t at = l->end;
	size_t n;

	if (signer->sign(signer, &m->pcr0, &bytes, &n, e))
		return -1;
	if (n > ENCL_EIF_MAX_SIGNATURE)
		return encl_fail(
			e, ENCL_SIGN,
			"the signature section would have %zu bytes, %d are allowed: "
			"use a shorter certificate file",
			n, ENCL_EIF_MAX_SIGNATURE);
	if (lay(l, ENCL_SECTION_SIGNATURE, n, encl_crc32(0, bytes, n), e))
		return -1;
	section_header(l, l->header.n_sections - 1U, header);
	if (encl_pwrite_full(fd, header, sizeof header, at, "the image", e) ||
	    encl_pwrite_full(fd, bytes, n, at + sizeof header, "the image", e))
		return -1;
	m->has_pcr8 = true;
	m->pcr8 = signer->pcr8;
	return 0;
}

/* The header, the file's end, and its SHA-256 where the pass could not take it. */
static int
complete(int fd, struct layout *l, struct encl_pass *pass, struct encl_eif_result *out,
	 struct encl_err *e)
{
	uint8_t header[ENCL_EIF_HEADER_SIZE];
	uint64_t size = l->end;

	seal(l, header);
	if (encl_pwrite_full(fd, header, sizeof header, 0, "the image", e))
		return -1;
	if (ftruncate(fd, (off_t)l->end))
		return encl_fail_sys(e, ENCL_FAILED, "write the image");
	if (pass->sha256)
		encl_hash_final(pass->sha256, &out->sha256);
	else if (encl_digest_fd(ENCL_SHA256, fd, &out->sha256, &size, e))
		return encl_wrap(e, "the image");
	if (size != l->end)
		return encl_fail(e, ENCL_FAILED,
				 "the image changed while it was written");
	out->size = l->end;
	out->crc = l->header.crc;
	return 0;
}

int
encl_eif_write_as(int fd, const struct encl_eif_header *base,
		  const struct encl_eif_part *parts, size_t n_parts,
		  struct encl_eif_signer *signer, unsigned jobs,
		  struct encl_eif_result *out, struct encl_err *e)
{
	encl_auto(encl_pass_clear) struct encl_pass pass = {.chunk = NULL};
	uint8_t header[ENCL_EIF_HEADER_SIZE] = {0};
	bool known = !signer && all_known(parts, n_parts);
	struct encl_eif_result result = {0};
	struct layout l;
	uint32_t predicted;

	if (check_count(parts, n_parts, signer != NULL, e) ||
	    (known && predict(&l, base, parts, n_parts, header, e)))
		return -1;
	predicted = known ? l.header.crc : 0;
	start_layout(&l, base);
	encl_pass_init(&pass, fd, known, jobs);
	if (encl_pass_raw(&pass, header, sizeof header, e))
		return -1;
	for (size_t i = 0; i < n_parts; i++)
		if (write_part(&pass, &l, parts, i, e))
			return -1;
	if (encl_pass_finish(&pass, e) || complete_sections(fd, &l, parts, n_parts, e))
		return -1;
	encl_measure_final(pass.measure, &result.measurements);
	if (signer && append_signature(fd, &l, signer, &result.measurements, e))
		return -1;
	if (complete(fd, &l, &pass, &result, e))
		return -1;
	if (known && predicted != result.crc)
		return encl_fail(e, ENCL_FAILED,
				 "the image has the CRC-32 %08" PRIx32 ", %08" PRIx32
				 " was foreseen: a part changed while it was read",
				 result.crc, predicted);
	*out = result;
	return 0;
}

/* Parts whose command line was taken from its producer and checked. */
struct checked {
	struct encl_eif_part parts[ENCL_EIF_MAX_SECTIONS];
	struct encl_buf cmdline;
	struct encl_eif_bytes bytes;
};

static void
checked_clear(struct checked *c)
{
	encl_buf_clear(&c->cmdline);
}
ENCL_AUTO_VAL(struct checked, checked_clear);

static int
check_parts(const struct encl_eif_part *parts, size_t n, bool is_signed,
	    struct checked *out, struct encl_err *e)
{
	struct encl_sink_buf sink;

	if (check_count(parts, n, is_signed, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		out->parts[i] = parts[i];
		if (parts[i].type != ENCL_SECTION_CMDLINE)
			continue;
		encl_buf_init(&out->cmdline, ENCL_EIF_MAX_CMDLINE);
		encl_sink_buf_init(&sink, &out->cmdline, "the kernel command line");
		if (parts[i].produce(parts[i].arg, &sink.sink, e) ||
		    encl_cmdline_check(encl_buf_text(&out->cmdline), out->cmdline.len, e))
			return -1;
		out->bytes = (struct encl_eif_bytes){out->cmdline.data, out->cmdline.len};
		out->parts[i] = encl_eif_part_bytes(ENCL_SECTION_CMDLINE, &out->bytes);
	}
	return 0;
}

int
encl_eif_write(int fd, enum encl_arch arch, const struct encl_eif_part *parts,
	       size_t n_parts, struct encl_eif_signer *signer, unsigned jobs,
	       struct encl_eif_result *out, struct encl_err *e)
{
	encl_auto(checked_clear) struct checked checked = {0};
	struct encl_eif_header base;

	if (check_order(parts, n_parts, e) ||
	    check_parts(parts, n_parts, signer != NULL, &checked, e))
		return -1;
	encl_eif_header_init(&base, arch);
	return encl_eif_write_as(fd, &base, checked.parts, n_parts, signer, jobs, out, e);
}

int
encl_eif_measure_parts(const struct encl_eif_part *parts, size_t n_parts, unsigned jobs,
		       struct encl_measurements *out, struct encl_err *e)
{
	encl_auto(encl_pass_clear) struct encl_pass pass = {.chunk = NULL};
	encl_auto(checked_clear) struct checked checked = {0};
	char label[32];

	if (check_parts(parts, n_parts, false, &checked, e))
		return -1;
	encl_pass_init(&pass, -1, false, jobs);
	for (size_t i = 0; i < n_parts; i++) {
		encl_part_label(parts, i, label);
		if (encl_pass_part(&pass, &checked.parts[i], label, e))
			return -1;
	}
	if (encl_pass_finish(&pass, e))
		return -1;
	encl_measure_final(pass.measure, out);
	return 0;
}
