/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of verify, and the certificate. */
#include <string.h>

#include "base/json.h"
#include "verify/report_internal.h"

static void
values(struct encl_page *p, const struct encl_check *c)
{
	if (c->verdict != ENCL_CHECK_FAIL || !c->expected)
		return;
	encl_page_raw(p, "<br>expected <code>");
	encl_page_text(p, c->expected);
	encl_page_raw(p, "</code><br>there is <code>");
	encl_page_text(p, c->got ? c->got : "none");
	encl_page_raw(p, "</code>");
}

void
encl_report_checks(struct encl_report_state *s)
{
	static const char *const words[] = {"✓ pass", "✕ fail", "– note"};
	static const char *const classes[] = {"pass", "fail", "note"};
	const struct encl_checks *c = s->r->checks;
	struct encl_page *p = s->p;

	encl_page_section(p, "checks", "Checks");
	encl_page_table(p, "What was checked, in this order",
			"Check|Result|What was found");
	for (size_t i = 0; i < c->n; i++) {
		const struct encl_check *k = &c->v[i];

		encl_page_row(p, NULL);
		encl_page_head_cell(p, k->name, false);
		encl_page_fmt(p, "<td class=\"v %s\">%s</td><td>", classes[k->verdict],
			      words[k->verdict]);
		if (k->verdict != ENCL_CHECK_FAIL || !k->expected) {
			encl_page_text(p, k->text);
		} else {
			encl_page_raw(p, "is not what ");
			encl_page_text(p, k->source ? k->source : "it");
			encl_page_raw(p, " has");
		}
		values(p, k);
		encl_page_raw(p, "</td>");
		encl_page_row_end(p);
	}
	encl_page_table_end(p);
	encl_page_section_end(p);
}

static void
issuer(struct encl_page *p, const char *json)
{
	encl_auto(json_decref) json_t *v = json ? json_loads(json, 0, NULL) : NULL;
	const char *key;
	json_t *value;

	json_object_foreach (v, key, value) {
		encl_page_raw(p, "<dl><dt>");
		encl_page_text(p, key);
		encl_page_raw(p, "</dt><dd>");
		encl_page_text(p, json_string_value(value));
		encl_page_raw(p, "</dd></dl>\n");
	}
}

void
encl_report_signature(struct encl_report_state *s)
{
	const struct encl_image_state *state = s->r->state;
	struct encl_page *p = s->p;

	encl_page_section(p, "signature", "Signature");
	if (!state->is_signed) {
		encl_page_raw(
			p, "<p>The image is not signed. There is no PCR8; its name and "
			   "version are claims.</p>\n");
		encl_page_section_end(p);
		return;
	}
	encl_page_raw(p, "<p>");
	if (state->signature_ok) {
		encl_page_raw(p,
			      "The signature is of this image: it verifies by the key of "
			      "the certificate inside, and signs the PCR0 that was "
			      "computed.");
	} else {
		encl_page_raw(p, "<strong>The signature is not good:</strong> ");
		encl_page_text(p, state->why);
	}
	encl_page_raw(p, " Whose certificate it is, PCR8 says: compare it.</p>\n");
	if (state->has_signature) {
		encl_page_raw(p, "<h3>Certificate, as it says of itself</h3>\n"
				 "<div class=\"facts\">\n");
		issuer(p, state->signature.issuer);
		encl_page_fact(p, "Algorithm", state->signature.algorithm, false);
		encl_page_fact(p, "Not before", state->signature.not_before, false);
		encl_page_fact(p, "Not after", state->signature.not_after, false);
		encl_page_raw(p, "</div>\n");
	}
	encl_page_section_end(p);
}
