/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of an image as one HTML page that loads nothing and needs no script
 * (docs/10-report.md).  The same input gives the same bytes.
 */
#ifndef ENCL_VERIFY_REPORT_H
#define ENCL_VERIFY_REPORT_H

#include <jansson.h>

#include "base/err.h"
#include "base/stream.h"
#include "eif/eif.h"
#include "sign/image.h"
#include "verify/checks.h"
#include "verify/inventory.h"

struct encl_report {
	const struct encl_eif *eif;
	const struct encl_image_state *state;
	const struct encl_checks *checks;
	const struct encl_inventory *inventory; /* of eif */
	const json_t *plan;			/* build.h: encl_plan_image */
	const json_t *diff;			/* diff.h, or NULL */
	const char *manifest;			/* its name, for owners' lines; or NULL */
};

int encl_report_write(const struct encl_report *r, struct encl_sink *out,
		      struct encl_err *e) ENCL_MUST_CHECK;

#endif
