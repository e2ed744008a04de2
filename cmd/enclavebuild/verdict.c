/* SPDX-License-Identifier: Apache-2.0 */
/* Checks to lines or JSON, and to the one error. */
#include "verdict.h"

#include "base/alloc.h"
#include "base/json.h"
#include "image.h"

void
verdict_need_comparison(struct encl_checks *checks, const char *hint)
{
	for (size_t i = 0; i < checks->n; i++)
		if (checks->v[i].compares)
			return;
	(void)encl_checks_add(checks, "comparison", ENCL_CHECK_FAIL,
			      "nothing to compare with: %s", hint);
}

static void
print(const struct encl_checks *checks)
{
	for (size_t i = 0; i < checks->n; i++) {
		const struct encl_check *c = &checks->v[i];
		encl_auto(encl_free) char *text = printable(c->text);

		report("%-4s  %-18s %s\n", encl_verdict_name(c->verdict), c->name, text);
	}
	report("%s\n", encl_checks_passed(checks) ? "verified" : "NOT VERIFIED");
}

static void
print_json(const struct encl_checks *checks, json_t *more)
{
	encl_auto(json_decref) json_t *v = more ? more : json_object();

	json_object_set_new(v, "Verdict",
			    json_string(encl_checks_passed(checks) ? "pass" : "fail"));
	json_object_set_new(v, "Checks", encl_checks_json(checks));
	report_json(v);
}

int
verdict_report(struct cli *cli, const char *what, const struct encl_checks *checks,
	       json_t *more, struct encl_err *e)
{
	const struct encl_check *failed = encl_checks_first_failed(checks);
	encl_auto(encl_free) char *why = NULL;

	if (cli->json) {
		print_json(checks, more);
	} else {
		json_decref(more);
		print(checks);
	}
	if (!failed)
		return 0;
	why = printable(failed->text);
	return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s", what, failed->name, why);
}
