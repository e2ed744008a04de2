/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list of checks, and its JSON. */
#include "verify/checks.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"

const char *
encl_verdict_name(enum encl_verdict v)
{
	return v == ENCL_CHECK_PASS ? "pass" : v == ENCL_CHECK_FAIL ? "fail" : "note";
}

void
encl_checks_clear(struct encl_checks *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].text);
		free(c->v[i].source);
		free(c->v[i].expected);
		free(c->v[i].got);
	}
	free(c->v);
	memset(c, 0, sizeof *c);
}

struct encl_check *
encl_checks_add(struct encl_checks *c, const char *name, enum encl_verdict verdict,
		const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->v = encl_xrealloc(c->v, c->n + 1, sizeof *c->v);
	c->v[c->n] = (struct encl_check){
		.name = name, .verdict = verdict, .text = encl_xstrdup(text)};
	return &c->v[c->n++];
}

void
encl_checks_compare(struct encl_checks *c, const char *name, const char *source,
		    const char *expected, const char *got)
{
	bool same = got && !strcmp(expected, got);
	struct encl_check *check =
		same   ? encl_checks_add(c, name, ENCL_CHECK_PASS, "as %s has it", source)
		: !got ? encl_checks_add(c, name, ENCL_CHECK_FAIL,
					 "%s expects %s, there is none", source, expected)
		       : encl_checks_add(c, name, ENCL_CHECK_FAIL,
					 "%s expects %s, there is %s", source, expected,
					 got);

	check->compares = true;
	check->source = encl_xstrdup(source);
	check->expected = encl_xstrdup(expected);
	check->got = got ? encl_xstrdup(got) : NULL;
}

bool
encl_checks_passed(const struct encl_checks *c)
{
	return !encl_checks_first_failed(c);
}

void
encl_checks_need(struct encl_checks *c, const char *name)
{
	if (!encl_checks_passed(c))
		return;
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].name, name))
			return;
	(void)encl_checks_add(c, name, ENCL_CHECK_FAIL, "could not be checked");
}

bool
encl_checks_compared(const struct encl_checks *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].compares && c->v[i].verdict == ENCL_CHECK_PASS)
			return true;
	return false;
}

bool
encl_checks_identify(const struct encl_checks *c)
{
	bool pcr1 = false;
	bool pcr2 = false;

	for (size_t i = 0; i < c->n; i++) {
		const char *name = c->v[i].name;

		if (!c->v[i].compares || !strcmp(name, "manifest"))
			continue;
		if (strncmp(name, "PCR", 3) != 0 || !strcmp(name, "PCR0") ||
		    !strcmp(name, "PCR8"))
			return true;
		pcr1 = pcr1 || !strcmp(name, "PCR1");
		pcr2 = pcr2 || !strcmp(name, "PCR2");
	}
	return pcr1 && pcr2;
}

const struct encl_check *
encl_checks_first_failed(const struct encl_checks *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].verdict == ENCL_CHECK_FAIL)
			return &c->v[i];
	return NULL;
}

/* Texts may quote what an image says. */
static json_t *
text_json(const char *s)
{
	json_t *v = json_string(s);

	return v ? v : json_string("(not UTF-8)");
}

json_t *
encl_checks_json(const struct encl_checks *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n; i++) {
		const struct encl_check *k = &c->v[i];
		json_t *v = json_pack("{s:s, s:s, s:o}", "Name", k->name, "Verdict",
				      encl_verdict_name(k->verdict), "Text",
				      text_json(k->text));

		if (k->source)
			json_object_set_new(v, "Source", text_json(k->source));
		if (k->expected)
			json_object_set_new(v, "Expected", text_json(k->expected));
		if (k->got)
			json_object_set_new(v, "Got", text_json(k->got));
		json_array_append_new(list, v);
	}
	return list;
}
