/* SPDX-License-Identifier: Apache-2.0 */
/* Expected registers out of text, documents and images. */
#include "verify/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { EXPECTATIONS_MAX = 1024, NAME = 16, KEY_SHOWN = 32, HEX = 2 * ENCL_PCR_SIZE };

void
encl_expectations_clear(struct encl_expectations *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i].source);
	free(x->v);
	memset(x, 0, sizeof *x);
}

static void
add(struct encl_expectations *x, unsigned pcr, const struct encl_pcr *value,
    const char *source)
{
	x->v = encl_xrealloc(x->v, x->n + 1, sizeof *x->v);
	x->v[x->n++] = (struct encl_expected){
		.pcr = pcr, .value = *value, .source = encl_xstrdup(source)};
}

static bool
is_zero(const struct encl_pcr *p)
{
	static const struct encl_pcr zero;

	return !memcmp(p, &zero, sizeof zero);
}

int
encl_expect_hex(struct encl_expectations *x, unsigned pcr, const char *hex,
		const char *source, struct encl_err *e)
{
	struct encl_pcr value;

	if (pcr >= ENCL_PCRS)
		return encl_fail(e, ENCL_USAGE, "%s: there is no PCR%u: 0 to 31", source,
				 pcr);
	if (x->n == EXPECTATIONS_MAX)
		return encl_fail(e, ENCL_USAGE, "%s: more than %d values", source,
				 EXPECTATIONS_MAX);
	if (strlen(hex) != HEX || !encl_unhex(hex, value.bytes, ENCL_PCR_SIZE))
		return encl_fail(e, ENCL_USAGE, "%s: a PCR is 96 hex digits (SHA-384)",
				 source);
	if (is_zero(&value))
		return encl_fail(e, ENCL_USAGE,
				 "%s: all zero is what every enclave in debug mode has, "
				 "and no measurement",
				 source);
	add(x, pcr, &value, source);
	return 0;
}

/* "PCR8" with a number that is written as JSON would write it. */
static bool
register_number(const char *key, unsigned *out)
{
	char again[NAME];
	unsigned n;

	if (strncmp(key, "PCR", 3) != 0 || strlen(key) > 5)
		return false;
	n = (unsigned)strtoul(key + 3, NULL, 10);
	(void)snprintf(again, sizeof again, "PCR%u", n);
	*out = n;
	return n < ENCL_PCRS && !strcmp(key, again);
}

void
encl_expect_value(struct encl_expectations *x, unsigned pcr, const struct encl_pcr *value,
		  const char *source)
{
	add(x, pcr, value, source);
}

static int
add_list(struct encl_expectations *x, const json_t *list, const char *source,
	 struct encl_err *e)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)list, key, value) {
		unsigned pcr;

		if (strncasecmp(key, "pcr", 3) != 0)
			continue;
		/* meant to be compared, so not passed over */
		if (!register_number(key, &pcr)) {
			encl_auto(encl_free) char *shown =
				encl_escape(key, strnlen(key, KEY_SHOWN));

			return encl_fail(
				e, ENCL_FAILED,
				"%s: \"%s\" is no register; they are written PCR0 "
				"to PCR31",
				source, shown);
		}
		if (!json_is_string(value))
			return encl_fail(e, ENCL_FAILED, "%s: %s is no text", source,
					 key);
		if (encl_expect_hex(x, pcr, json_string_value(value), source, e)) {
			e->code = ENCL_FAILED;
			return -1;
		}
	}
	return 0;
}

int
encl_expect_document(struct encl_expectations *x, const json_t *doc, const char *source,
		     struct encl_err *e)
{
	const json_t *inner = json_object_get(doc, "Measurements");
	const json_t *list = inner ? inner : doc;
	const json_t *extended = inner ? json_object_get(doc, "Extended") : NULL;

	if (!json_is_string(json_object_get(list, "PCR0")))
		return encl_fail(e, ENCL_FAILED, "%s: has no Measurements.PCR0", source);
	if (extended && !json_is_object(extended))
		return encl_fail(e, ENCL_FAILED, "%s: Extended is no object", source);
	if (add_list(x, list, source, e))
		return -1;
	return extended ? add_list(x, extended, source, e) : 0;
}

void
encl_expect_measurements(struct encl_expectations *x, const struct encl_measurements *m,
			 const char *source)
{
	add(x, 0, &m->pcr0, source);
	add(x, 1, &m->pcr1, source);
	add(x, 2, &m->pcr2, source);
	if (m->has_pcr8)
		add(x, 8, &m->pcr8, source);
}

void
encl_registers_of(const struct encl_measurements *m, struct encl_registers *out)
{
	*out = (struct encl_registers){{NULL}};
	out->v[0] = &m->pcr0;
	out->v[1] = &m->pcr1;
	out->v[2] = &m->pcr2;
	out->v[8] = m->has_pcr8 ? &m->pcr8 : NULL;
}

void
encl_expect_check(const struct encl_expectations *x, const struct encl_registers *r,
		  struct encl_checks *checks)
{
	static const char *const names[ENCL_PCRS] = {
		"PCR0",	 "PCR1",  "PCR2",  "PCR3",  "PCR4",  "PCR5",  "PCR6",  "PCR7",
		"PCR8",	 "PCR9",  "PCR10", "PCR11", "PCR12", "PCR13", "PCR14", "PCR15",
		"PCR16", "PCR17", "PCR18", "PCR19", "PCR20", "PCR21", "PCR22", "PCR23",
		"PCR24", "PCR25", "PCR26", "PCR27", "PCR28", "PCR29", "PCR30", "PCR31"};

	for (size_t i = 0; i < x->n; i++) {
		const struct encl_expected *want = &x->v[i];
		const struct encl_pcr *have = r->v[want->pcr];
		char expected[HEX + 1];
		char got[HEX + 1];

		encl_hex(want->value.bytes, ENCL_PCR_SIZE, expected);
		if (have)
			encl_hex(have->bytes, ENCL_PCR_SIZE, got);
		encl_checks_compare(checks, names[want->pcr], want->source, expected,
				    have ? got : NULL);
	}
}
