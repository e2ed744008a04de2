/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a report, in the order in which they stand. */
#ifndef ENCL_VERIFY_REPORT_INTERNAL_H
#define ENCL_VERIFY_REPORT_INTERNAL_H

#include "verify/report.h"
#include "verify/report_area.h"
#include "verify/report_config.h"
#include "verify/report_html.h"
#include "verify/report_share.h"

struct encl_report_state {
	const struct encl_report *r;
	struct encl_page *p;
	json_t *metadata;    /* of the image; not measured */
	const json_t *about; /* CustomMetadata.enclavebuild of it, or NULL */
	struct encl_shares shares;
	struct encl_config config; /* measured */
	bool has_config;
};

/* "PCR0, PCR1" as a mark in the colour of what it moves. */
void encl_report_mark(struct encl_page *p, enum encl_moves m);

void encl_report_head(struct encl_report_state *s);	    /* report_head.c */
void encl_report_checks(struct encl_report_state *s);	    /* report_checks.c */
void encl_report_measurements(struct encl_report_state *s); /* report_measured.c */
void encl_report_signature(struct encl_report_state *s);
void encl_report_contents(struct encl_report_state *s); /* report_contents.c */
void encl_report_packages(struct encl_report_state *s); /* report_lists.c */
void encl_report_largest(struct encl_report_state *s);
void encl_report_ownerless(struct encl_report_state *s);
void encl_report_runs(struct encl_report_state *s);    /* report_runs.c */
void encl_report_network(struct encl_report_state *s); /* report_network.c */
void encl_report_memory(struct encl_report_state *s);  /* report_memory.c */
void encl_report_told(struct encl_report_state *s);
void encl_report_differences(struct encl_report_state *s); /* report_diff.c */

/* What only the parent promises: of the config, else of the metadata. */
bool encl_report_may_exec(const struct encl_report_state *s);

#endif
