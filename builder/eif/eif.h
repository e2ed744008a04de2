/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Enclave Image Format, version 4: writing, strict reading, measuring.
 * Format: docs/5-eif.md; all integers are big-endian.
 */
#ifndef ENCL_EIF_EIF_H
#define ENCL_EIF_EIF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"
#include "manifest/manifest.h"

enum {
	ENCL_EIF_VERSION = 4,
	ENCL_EIF_HEADER_SIZE = 548,
	ENCL_EIF_SECTION_HEADER_SIZE = 12,
	ENCL_EIF_MAX_SECTIONS = 32,
	ENCL_EIF_MAX_SIGNATURE = 32768,
	ENCL_EIF_MAX_CMDLINE = 65536,	 /* that is read; what is written is shorter */
	ENCL_EIF_MAX_METADATA = 1 << 20, /* that is read */
	ENCL_PCR_SIZE = 48
};

enum encl_section_type {
	ENCL_SECTION_KERNEL = 1,
	ENCL_SECTION_CMDLINE = 2,
	ENCL_SECTION_RAMDISK = 3,
	ENCL_SECTION_SIGNATURE = 4,
	ENCL_SECTION_METADATA = 5
};
const char *encl_section_name(enum encl_section_type type);

struct encl_pcr {
	uint8_t bytes[ENCL_PCR_SIZE];
};
/* PCR = SHA384(48 zero bytes || SHA384(content)) */
void encl_pcr_extend(const struct encl_digest *content, struct encl_pcr *out);

struct encl_measurements {
	struct encl_pcr pcr0, pcr1, pcr2;
	bool has_pcr8;
	struct encl_pcr pcr8;
};
/* nitro-cli's {"Measurements": {"HashAlgorithm": …, "PCR0": …}}; new reference. */
json_t *encl_measurements_json(const struct encl_measurements *m);

/* Streams PCR0, PCR1, PCR2 as the measured sections go by, in file order. */
struct encl_measure;
struct encl_measure *encl_measure_new(void);
void encl_measure_free(struct encl_measure *m);
ENCL_AUTO_PTR(struct encl_measure, encl_measure_free);
/* Begins a measured section; ramdisks are counted. */
void encl_measure_begin(struct encl_measure *m, enum encl_section_type type);
void encl_measure_update(struct encl_measure *m, const void *p, size_t n);
void encl_measure_final(struct encl_measure *m, struct encl_measurements *out);

/* ---- writing ---- */

struct encl_eif_part {
	enum encl_section_type type;
	/* produces the payload into out, once */
	int (*produce)(void *arg, struct encl_sink *out, struct encl_err *e);
	void *arg;
	uint64_t size; /* UINT64_MAX where it is not known before (compressed) */
	uint32_t crc;  /* of the payload, where size is known */
	bool crc_known;
};

/* Makes the signature section's payload for a PCR0; malloc'ed.  Embedded first
 * in what implements it. */
struct encl_eif_signer {
	int (*sign)(struct encl_eif_signer *s, const struct encl_pcr *pcr0, uint8_t **out,
		    size_t *n, struct encl_err *e);
	struct encl_pcr pcr8;
};

struct encl_eif_result {
	struct encl_measurements measurements;
	uint64_t size;
	uint32_t crc;
	struct encl_digest sha256; /* of the file */
};

/*
 * Writes kernel, cmdline, metadata, ramdisks (as given, in this order) and,
 * where signer is not NULL, the signature to fd from offset 0: one pass, the
 * hashes on other threads (jobs), constant memory.  Where every part's crc is
 * known and nothing is signed, the file's SHA-256 is taken in the same pass;
 * else the file is read again for it, so fd must be open for reading too.
 * A part that is not what it said (size, CRC) is an error that names it.
 * Refused: other parts or another order, no ramdisk, more than 29 (signed 28),
 * an empty kernel, a command line with a newline or NUL, a signature of more
 * than ENCL_EIF_MAX_SIGNATURE bytes.
 */
int encl_eif_write(int fd, enum encl_arch arch, const struct encl_eif_part *parts,
		   size_t n_parts, struct encl_eif_signer *signer, unsigned jobs,
		   struct encl_eif_result *out, struct encl_err *e) ENCL_MUST_CHECK;

/* A part that is bytes in memory or a range of a descriptor; all borrowed. */
struct encl_eif_bytes {
	const void *p;
	size_t n;
};
struct encl_eif_part encl_eif_part_bytes(enum encl_section_type type,
					 struct encl_eif_bytes *bytes);
struct encl_eif_range {
	int fd;
	uint64_t offset;
	uint64_t size;
	const char *what; /* names it in errors */
};
/* Its size is known, its CRC is not. */
struct encl_eif_part encl_eif_part_range(enum encl_section_type type,
					 struct encl_eif_range *range);

/* The measurements (PCR8 left out) that an image of these parts would have,
 * in one pass; nothing is written. */
int encl_eif_measure_parts(const struct encl_eif_part *parts, size_t n_parts,
			   unsigned jobs, struct encl_measurements *out,
			   struct encl_err *e) ENCL_MUST_CHECK;

/* ---- reading, strict ---- */

struct encl_eif_section {
	enum encl_section_type type;
	uint64_t offset; /* of the payload */
	uint64_t size;
};
struct encl_eif {
	int fd;
	char *path; /* as errors name it */
	uint64_t size;
	enum encl_arch arch;
	uint16_t version;
	uint64_t default_mem, default_cpus;
	uint32_t crc;
	struct encl_eif_section sections[ENCL_EIF_MAX_SECTIONS];
	size_t n_sections;
	/* small sections, NUL-terminated */
	char *cmdline;
	char *metadata;
	uint8_t *signature; /* NULL: unsigned */
	size_t signature_size;
};
/*
 * Opens and checks everything that a table can lie about: magic, version 4,
 * flags, 4..32 sections, contiguous from 548 to the end of the file, header
 * and table agree, one kernel, cmdline and metadata, at most one signature,
 * last, of at most 32 KiB, ramdisks after the kernel, unused slots zero,
 * metadata is JSON with all of nitro-cli's keys.  The CRC is not read here:
 * encl_eif_measure does that in its pass.
 */
int encl_eif_open(const char *path, struct encl_eif *out,
		  struct encl_err *e) ENCL_MUST_CHECK;
/* The same of what own_fd refers to; it is closed also on failure.  name stands
 * for it in errors and becomes out->path. */
int encl_eif_open_fd(int own_fd, const char *name, struct encl_eif *out,
		     struct encl_err *e) ENCL_MUST_CHECK;
void encl_eif_close(struct encl_eif *eif);
ENCL_AUTO_VAL(struct encl_eif, encl_eif_close);

/* One pass over the file: PCRs (PCR8 left out), CRC, SHA-256 of the file. */
int encl_eif_measure(const struct encl_eif *eif, unsigned jobs,
		     struct encl_measurements *m, uint32_t *crc,
		     struct encl_digest *sha256, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Writes a copy of eif with the signature section added or replaced (or, with
 * signer NULL, taken away) to fd.
 */
/* (Sections keep their order; header fields that nothing measures stay.) */
int encl_eif_resign(const struct encl_eif *eif, int fd, struct encl_eif_signer *signer,
		    unsigned jobs, struct encl_eif_result *out,
		    struct encl_err *e) ENCL_MUST_CHECK;

/* ---- command line and metadata ---- */

enum { ENCL_CMDLINE_MAX = 2047 }; /* COMMAND_LINE_SIZE of both, less the NUL */
/* One line of text without NUL, of at most ENCL_CMDLINE_MAX bytes. */
int encl_cmdline_check(const char *text, size_t n, struct encl_err *e) ENCL_MUST_CHECK;

/* Default text for an architecture, without root= (docs/5-eif.md).  A squashfs
 * is unpacked to a ramfs, which is not limited to half of the memory. */
const char *encl_cmdline_default(enum encl_arch arch, enum encl_root_format format);

/* Metadata section: compact JSON with nitro-cli's five keys in its order;
 * kernel_config is the configuration's text ("# Linux/x86_64 6.1.0 …"), custom
 * may be NULL.  malloc'ed. */
char *encl_metadata_text(const char *image_name, const char *image_version,
			 uint64_t build_time, const char *kernel_config,
			 const json_t *custom);

#endif
