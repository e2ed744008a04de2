/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An EIF from outside, read strictly: header, section headers and the file's
 * size must tell one and the same story, because tools walk the sections
 * while the hypervisor follows the table (docs/5-eif.md).  Nothing is
 * allocated by a size that was not compared with a limit.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "eif/eif.h"
#include "eif/format.h"
#include "eif/metadata.h"

static int
check_file(struct encl_eif *eif, struct encl_err *e)
{
	struct stat st;

	if (fstat(eif->fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "stat %s", eif->path);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: not a regular file", eif->path);
	eif->size = (uint64_t)st.st_size;
	if (eif->size < ENCL_EIF_HEADER_SIZE)
		return encl_fail(e, ENCL_FAILED,
				 "%s: not an EIF: %" PRIu64
				 " bytes, the header alone has %d",
				 eif->path, eif->size, ENCL_EIF_HEADER_SIZE);
	return 0;
}

static int
check_header(const struct encl_eif_header *h, struct encl_err *e)
{
	if (memcmp(h->magic, ".eif", sizeof h->magic) != 0)
		return encl_fail(e, ENCL_FAILED,
				 "not an EIF: it does not begin with \".eif\"");
	if (h->version != ENCL_EIF_VERSION)
		return encl_fail(e, ENCL_FAILED, "EIF version %u; only %d is supported",
				 h->version, ENCL_EIF_VERSION);
	if (h->flags & ~ENCL_EIF_FLAG_AARCH64)
		return encl_fail(e, ENCL_FAILED, "header: unknown flags 0x%04x",
				 h->flags);
	if (h->reserved || h->unused)
		return encl_fail(e, ENCL_FAILED,
				 "header: reserved bytes are not zero (0x%04x, 0x%08x)",
				 h->reserved, h->unused);
	if (h->n_sections <= ENCL_EIF_FIXED_SECTIONS ||
	    h->n_sections > ENCL_EIF_MAX_SECTIONS)
		return encl_fail(e, ENCL_FAILED,
				 "header: %u sections; %d to %d are possible",
				 h->n_sections, ENCL_EIF_FIXED_SECTIONS + 1,
				 ENCL_EIF_MAX_SECTIONS);
	for (size_t i = h->n_sections; i < ENCL_EIF_MAX_SECTIONS; i++)
		if (h->offsets[i] || h->sizes[i])
			return encl_fail(e, ENCL_FAILED,
					 "header: slot %zu of the section table is not "
					 "empty, there are %u sections",
					 i, h->n_sections);
	return 0;
}

static int
read_header(struct encl_eif *eif, struct encl_eif_header *h, struct encl_err *e)
{
	uint8_t bytes[ENCL_EIF_HEADER_SIZE];

	if (encl_pread_full(eif->fd, bytes, sizeof bytes, 0, "the header", e))
		return -1;
	encl_eif_header_decode(bytes, h);
	if (check_header(h, e))
		return -1;
	eif->version = h->version;
	eif->arch =
		h->flags & ENCL_EIF_FLAG_AARCH64 ? ENCL_ARCH_AARCH64 : ENCL_ARCH_X86_64;
	eif->default_mem = h->default_mem;
	eif->default_cpus = h->default_cpus;
	eif->crc = h->crc;
	return 0;
}

/* Section i, which has to begin at *at; moves *at to its end. */
static int
read_section(struct encl_eif *eif, const struct encl_eif_header *h, size_t i,
	     uint64_t *at, struct encl_err *e)
{
	uint8_t bytes[ENCL_EIF_SECTION_HEADER_SIZE];
	struct encl_eif_section_header s;

	if (h->offsets[i] != *at)
		return encl_fail(e, ENCL_FAILED,
				 "section %zu: the table puts it at %" PRIu64
				 ", the sections before it end at %" PRIu64,
				 i, h->offsets[i], *at);
	if (eif->size - *at < sizeof bytes)
		return encl_fail(
			e, ENCL_FAILED,
			"section %zu: its header goes beyond the end of the file", i);
	if (encl_pread_full(eif->fd, bytes, sizeof bytes, *at, "the file", e))
		return encl_wrap(e, "section %zu", i);
	encl_eif_section_header_decode(bytes, &s);
	if (s.type < ENCL_SECTION_KERNEL || s.type > ENCL_SECTION_METADATA)
		return encl_fail(e, ENCL_FAILED, "section %zu: unknown type %u", i,
				 s.type);
	if (s.flags)
		return encl_fail(e, ENCL_FAILED, "section %zu: unknown flags 0x%04x", i,
				 s.flags);
	if (s.size != h->sizes[i])
		return encl_fail(e, ENCL_FAILED,
				 "section %zu: the table gives it %" PRIu64
				 " bytes, its own header %" PRIu64,
				 i, h->sizes[i], s.size);
	*at += sizeof bytes;
	if (s.size > eif->size - *at)
		return encl_fail(e, ENCL_FAILED,
				 "section %zu: its %" PRIu64
				 " bytes go beyond the end of the file",
				 i, s.size);
	eif->sections[i] =
		(struct encl_eif_section){(enum encl_section_type)s.type, *at, s.size};
	*at += s.size;
	return 0;
}

static int
read_sections(struct encl_eif *eif, const struct encl_eif_header *h, struct encl_err *e)
{
	uint64_t at = ENCL_EIF_HEADER_SIZE;

	for (size_t i = 0; i < h->n_sections; i++)
		if (read_section(eif, h, i, &at, e))
			return -1;
	if (at != eif->size)
		return encl_fail(e, ENCL_FAILED,
				 "%" PRIu64 " bytes follow the last section",
				 eif->size - at);
	eif->n_sections = h->n_sections;
	return 0;
}

/* How often a type may occur, and how long its payload may be. */
static const struct {
	size_t min, max;
	uint64_t max_size;
} rules[] = {
	[ENCL_SECTION_KERNEL] = {1, 1, INT64_MAX},
	[ENCL_SECTION_CMDLINE] = {1, 1, ENCL_EIF_MAX_CMDLINE},
	[ENCL_SECTION_RAMDISK] = {1, ENCL_EIF_MAX_SECTIONS, INT64_MAX},
	[ENCL_SECTION_SIGNATURE] = {0, 1, ENCL_EIF_MAX_SIGNATURE},
	[ENCL_SECTION_METADATA] = {1, 1, ENCL_EIF_MAX_METADATA},
};

static int
check_counts(const struct encl_eif *eif, struct encl_err *e)
{
	size_t count[sizeof rules / sizeof *rules] = {0};

	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		count[s->type]++;
		if (s->size > rules[s->type].max_size)
			return encl_fail(e, ENCL_FAILED,
					 "section %zu: %" PRIu64
					 " bytes of %s; at most %" PRIu64 " are allowed",
					 i, s->size, encl_section_name(s->type),
					 rules[s->type].max_size);
	}
	for (size_t t = ENCL_SECTION_KERNEL; t < sizeof rules / sizeof *rules; t++) {
		const char *name = encl_section_name((enum encl_section_type)t);

		if (count[t] < rules[t].min)
			return encl_fail(e, ENCL_FAILED, "no %s section", name);
		if (count[t] > rules[t].max)
			return encl_fail(e, ENCL_FAILED,
					 "%zu %s sections; one is allowed", count[t],
					 name);
	}
	return 0;
}

static int
check_order(const struct encl_eif *eif, struct encl_err *e)
{
	bool kernel = false;

	for (size_t i = 0; i < eif->n_sections; i++) {
		enum encl_section_type type = eif->sections[i].type;

		kernel |= type == ENCL_SECTION_KERNEL;
		if (type == ENCL_SECTION_RAMDISK && !kernel)
			return encl_fail(e, ENCL_FAILED,
					 "section %zu: a ramdisk before the kernel", i);
		if (type == ENCL_SECTION_SIGNATURE && i + 1 != eif->n_sections)
			return encl_fail(
				e, ENCL_FAILED,
				"section %zu: the signature is not the last section", i);
	}
	return 0;
}

/* Payload of the one section of a type, with a NUL behind it; NULL: none. */
static int
read_small(const struct encl_eif *eif, enum encl_section_type type, char **out, size_t *n,
	   struct encl_err *e)
{
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];
		encl_auto(encl_free) char *p = NULL;

		if (s->type != type)
			continue;
		p = encl_xmalloc((size_t)s->size + 1);
		if (encl_pread_full(eif->fd, p, (size_t)s->size, s->offset, "the file",
				    e))
			return encl_wrap(e, "section %zu", i);
		p[s->size] = 0;
		*n = (size_t)s->size;
		*out = encl_take(p, NULL);
		return 0;
	}
	return 0;
}

static int
read_contents(struct encl_eif *eif, struct encl_err *e)
{
	char *signature = NULL;
	size_t n = 0;

	if (read_small(eif, ENCL_SECTION_CMDLINE, &eif->cmdline, &n, e))
		return -1;
	if (!eif->cmdline || strlen(eif->cmdline) != n)
		return encl_fail(e, ENCL_FAILED, "cmdline: byte %zu is a NUL",
				 eif->cmdline ? strlen(eif->cmdline) : 0);
	if (read_small(eif, ENCL_SECTION_METADATA, &eif->metadata, &n, e) ||
	    encl_metadata_check(eif->metadata, n, e))
		return -1;
	if (read_small(eif, ENCL_SECTION_SIGNATURE, &signature, &eif->signature_size, e))
		return -1;
	eif->signature = (uint8_t *)signature;
	return 0;
}

static int
read_all(struct encl_eif *eif, struct encl_err *e)
{
	struct encl_eif_header h;

	if (read_header(eif, &h, e) || read_sections(eif, &h, e) ||
	    check_counts(eif, e) || check_order(eif, e) || read_contents(eif, e))
		return encl_wrap(e, "%s", eif->path);
	return 0;
}

int
encl_eif_open_fd(int own_fd, const char *name, struct encl_eif *out, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = own_fd};

	eif.path = encl_xstrdup(name);
	if (check_file(&eif, e) || read_all(&eif, e))
		return -1;
	*out = eif;
	eif = (struct encl_eif){.fd = -1};
	return 0;
}

int
encl_eif_open(const char *path, struct encl_eif *out, struct encl_err *e)
{
	/* not blocking: a fifo would wait for a writer */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	return encl_eif_open_fd(fd, path, out, e);
}

void
encl_eif_close(struct encl_eif *eif)
{
	if (eif->path)
		encl_close_fd(eif->fd);
	free(eif->path);
	free(eif->cmdline);
	free(eif->metadata);
	free(eif->signature);
	*eif = (struct encl_eif){.fd = -1};
}
