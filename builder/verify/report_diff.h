/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of differences share. */
#ifndef ENCL_VERIFY_REPORT_DIFF_H
#define ENCL_VERIFY_REPORT_DIFF_H

#include "verify/report_internal.h"

/* What a list of PCRs' names stands for. */
enum encl_moves encl_report_moves(const json_t *pcrs);
/* Strings as they are (digests cut), anything else as JSON. */
void encl_report_value(struct encl_page *p, const json_t *v);
/* "± changed" of a row's "Change". */
void encl_report_change_cell(struct encl_page *p, const json_t *row);

void encl_report_diff_files(struct encl_report_state *s);

#endif
