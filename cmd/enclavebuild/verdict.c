/* SPDX-License-Identifier: Apache-2.0 */
/* Checks to lines or JSON, and to the one error. */
#include "verdict.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "image.h"

void
verdict_need_comparison(struct encl_checks *checks, const char *hint)
{
	const char *name = NULL;

	if (encl_checks_identify(checks))
		return;
	for (size_t i = 0; i < checks->n; i++) {
		if (!checks->v[i].compares)
			continue;
		if (checks->v[i].verdict == ENCL_CHECK_FAIL)
			return; /* that is enough */
		name = checks->v[i].name;
	}
	if (name)
		(void)encl_checks_add(
			checks, "comparison", ENCL_CHECK_FAIL,
			"%s does not say what it is: PCR0 does, or PCR8, or "
			"PCR1 and PCR2",
			name);
	else
		(void)encl_checks_add(checks, "comparison", ENCL_CHECK_FAIL,
				      "nothing to compare with: give %s", hint);
}

void
verdict_lines(const struct encl_checks *checks)
{
	static const char *const marks[] = {[ENCL_CHECK_PASS] = "ok",
					    [ENCL_CHECK_FAIL] = "BAD",
					    [ENCL_CHECK_NOTE] = "--"};

	for (size_t i = 0; i < checks->n; i++) {
		const struct encl_check *c = &checks->v[i];
		encl_auto(encl_free) char *text = printable(c->text);

		report("%-3s %-17s %s\n", marks[c->verdict], c->name, text);
	}
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
	size_t n = 0;

	if (cli->json) {
		print_json(checks, more);
	} else {
		json_decref(more);
		verdict_lines(checks);
		report("%s\n", failed ? "NOT VERIFIED" : "verified");
	}
	if (!failed)
		return 0;
	for (size_t i = 0; i < checks->n; i++)
		n += checks->v[i].verdict == ENCL_CHECK_FAIL;
	why = printable(failed->text);
	if (n > 1)
		return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s (and %zu more)", what,
				 failed->name, why, n - 1);
	if (!strcmp(failed->name, "comparison"))
		return encl_fail(e, ENCL_MISMATCH, "%s: %s", what, why);
	return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s", what, failed->name, why);
}
