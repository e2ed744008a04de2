/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clear-signed text checked by gpgv.  Only what gpgv writes as the signed text
 * is ever looked at (an InRelease with unsigned text around it verifies), and
 * its status lines decide, not its exit code (a file signed by three keys of
 * which one is unknown "fails").
 */
#ifndef ENCL_SOURCES_OPENPGP_H
#define ENCL_SOURCES_OPENPGP_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/apt_config.h"

/*
 * *text (malloc'ed, NUL-terminated) is the signed text; *signers the
 * fingerprints of the primary keys with a valid signature, sorted, in a.
 * ENCL_SIGN where nobody that repo names signed it, ENCL_HOST where gpgv or a
 * keyring is missing.
 */
int encl_openpgp_verify(const void *message, size_t n, const char *what,
			const struct encl_apt_repo *repo, struct encl_arena *a,
			char **text, size_t *text_n, struct encl_strings *signers,
			struct encl_err *e) ENCL_MUST_CHECK;

/* The decision alone: reads gpgv's status lines. */
int encl_openpgp_judge(const char *status, const char *what,
		       const struct encl_apt_repo *repo, struct encl_arena *a,
		       struct encl_strings *signers, struct encl_err *e) ENCL_MUST_CHECK;

/*
 * The binary packets of an ASCII-armored keyring (RFC 4880 §6.2; several
 * blocks are joined).  Fails where there is no block.  Its checksum is not
 * looked at: it protects against transmission errors only.
 */
struct encl_buf;
int encl_openpgp_dearmor(const char *text, size_t n, const char *what,
			 struct encl_buf *out, struct encl_err *e) ENCL_MUST_CHECK;

#endif
