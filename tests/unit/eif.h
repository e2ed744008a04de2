/* SPDX-License-Identifier: Apache-2.0 */
/* Small images for the tests of eif and sign. */
#ifndef ENCL_TEST_EIF_H
#define ENCL_TEST_EIF_H

#include <stddef.h>
#include <stdint.h>

#include "eif/eif.h"
#include "sign/sign.h"

#define VECTORS "tests/golden/vectors/"

/* A file of tests/golden/vectors, cached for the whole run. */
struct encl_eif_bytes *vector(const char *name);
/* The five parts of the vectors. */
enum { VECTOR_PARTS = 5 };
void vector_parts(struct encl_eif_part out[VECTOR_PARTS]);
/* Signer with the vectors' key; released by the caller. */
struct encl_key_signer *vector_signer(void);

/* encl_eif_write to a new file. */
int write_image(const char *path, enum encl_arch arch, const struct encl_eif_part *parts,
		size_t n, struct encl_eif_signer *signer, unsigned jobs,
		struct encl_eif_result *out);
/* Copy of the vectors' signed or unsigned image with n bytes at off replaced;
 * its path below test_dir(). */
const char *patched(const char *name, size_t off, const void *bytes, size_t n);
/* The whole of a file equals these bytes. */
void eq_file(const struct encl_eif_bytes *want, const char *path);
/* Lower-case hex of a PCR in one of 4 rotating buffers. */
const char *pcr_hex(const struct encl_pcr *pcr);

#endif
