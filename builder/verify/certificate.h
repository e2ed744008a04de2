/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of an image's signature: dates, use, and whom it leads to. */
#ifndef ENCL_VERIFY_CERTIFICATE_H
#define ENCL_VERIFY_CERTIFICATE_H

#include <stdint.h>

#include "eif/eif.h"
#include "verify/checks.h"

/*
 * Of an image whose signature section can be read.  "certificate.dates" and
 * "certificate.usage"; with chain, a PEM file, "certificate.chain", which compares.
 * Fails where chain cannot be read: ENCL_USAGE.
 */
int encl_verify_certificate(const struct encl_eif *eif, uint64_t now, const char *chain,
			    struct encl_checks *checks,
			    struct encl_err *e) ENCL_MUST_CHECK;

#endif
