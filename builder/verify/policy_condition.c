/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {OPERATOR: {KEY: VALUE or [VALUE…]}}: all operators and keys have to hold, of the
 * values one (for a negated operator: none may match).  A key that is not in the
 * request fails every operator but the negated ones and …IfExists, which hold: so
 * those ask for nothing where they allow.
 */
#include "verify/policy_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"

enum { HEX = 2 * ENCL_PCR_SIZE + 1, PCR0 = 1, PCR1_2 = 6, PCR8 = 256 };

static const char prefix[] = "kms:RecipientAttestation:";

ENCL_PRINTF(2, 3)
static void
because(struct encl_policy_condition *c, const char *fmt, ...)
{
	va_list ap;

	if (*c->why)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(c->why, sizeof c->why, fmt, ap);
	va_end(ap);
}

/* What is unknown stays so until something is certainly not so. */
static void and (struct encl_policy_condition * c, enum encl_truth t)
{
	if (c->holds == ENCL_YES || t == ENCL_NO)
		c->holds = t;
}

bool
encl_policy_matches(const char *pattern, const char *text)
{
	const char *star = NULL;
	const char *from = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || tolower((unsigned char)*pattern) ==
						      tolower((unsigned char)*text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* ImageSha384 is another name of PCR0.  False: no register's. */
static bool
register_of(const char *key, unsigned *out)
{
	const char *name = key + sizeof prefix - 1;
	uint64_t n;

	if (strncasecmp(key, prefix, sizeof prefix - 1) != 0)
		return false;
	if (!strcasecmp(name, "ImageSha384")) {
		*out = 0;
		return true;
	}
	if (strncasecmp(name, "PCR", 3) != 0 ||
	    !encl_parse_uint(name + 3, 10, ENCL_PCRS - 1, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

struct operator_ {
	const char *name;
	bool negated, any_case, like;
};
static const struct operator_ operators[] = {
	{"StringEquals", false, false, false},
	{"StringEqualsIgnoreCase", false, true, false},
	{"StringLike", false, false, true},
	{"StringNotEquals", true, false, false},
	{"StringNotEqualsIgnoreCase", true, true, false},
	{"StringNotLike", true, false, true},
};

/* IAM's StringLike minds the case, hex of KMS is in lower case. */
static bool
value_matches(const struct operator_ *op, const char *want, const char *hex)
{
	if (op->like) {
		for (const char *p = want; *p; p++)
			if (isupper((unsigned char)*p))
				return false;
		return encl_policy_matches(want, hex);
	}
	return op->any_case ? !strcasecmp(want, hex) : !strcmp(want, hex);
}

static bool
is_vague(const struct operator_ *op, const char *value)
{
	return op->like && strpbrk(value, "*?") != NULL;
}

/* One value, of one or several.  False: not a text, or a variable. */
static bool
add_value(struct encl_policy_condition *c, const struct operator_ *op, unsigned pcr,
	  const json_t *v, const char *hex, bool *match)
{
	const char *text = json_string_value(v);

	if (!text || strstr(text, "${")) {
		because(c, "PCR%u is compared with what is not a plain text", pcr);
		return false;
	}
	if (hex && value_matches(op, text, hex))
		*match = true;
	if (!op->negated && is_vague(op, text))
		because(c, "PCR%u may be anything like \"%.40s\"", pcr, text);
	return true;
}

static void
compare(struct encl_policy_condition *c, const struct operator_ *op, unsigned pcr,
	const json_t *values, const struct encl_registers *r)
{
	size_t n = json_is_array(values) ? json_array_size(values) : 1;
	bool match = false;
	bool vague = false;
	char hex[HEX];

	if (r->v[pcr])
		encl_hex(r->v[pcr]->bytes, ENCL_PCR_SIZE, hex);
	for (size_t i = 0; i < n; i++) {
		const json_t *v =
			json_is_array(values) ? json_array_get(values, i) : values;

		if (!add_value(c, op, pcr, v, r->v[pcr] ? hex : NULL, &match)) {
			and(c, ENCL_UNKNOWN);
			return;
		}
		vague = vague || is_vague(op, json_string_value(v));
	}
	if (!op->negated && !vague)
		c->pinned |= 1U << pcr;
	if (!r->v[pcr]) {
		because(c, "PCR%u is not known here", pcr);
		and(c, ENCL_UNKNOWN);
	} else if (match == op->negated) {
		because(c, "PCR%u is %.16s..., which is not %s", pcr, hex,
			op->negated ? "excepted" : "among what it asks for");
		and(c, ENCL_NO);
	}
}

/* {"Null": {KEY: "true"}}: it is not in the request.  Every attestation has all. */
static void
check_null(struct encl_policy_condition *c, const json_t *values)
{
	const char *text = json_string_value(values);

	if (json_is_false(values) || (text && !strcasecmp(text, "false")))
		return;
	if (json_is_true(values) || (text && !strcasecmp(text, "true"))) {
		because(c, "it is for requests without an attestation");
		and(c, ENCL_NO);
		return;
	}
	because(c, "Null is compared with what is neither true nor false");
	and(c, ENCL_UNKNOWN);
}

static const struct operator_ *
find_operator(const char *name)
{
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
		if (!strcmp(operators[i].name, name))
			return &operators[i];
	return NULL;
}

static void
check_key(struct encl_policy_condition *c, const char *name, const char *key,
	  const json_t *values, const struct encl_registers *r)
{
	const struct operator_ *op = find_operator(name);
	unsigned pcr;

	if (!register_of(key, &pcr)) {
		because(c, "\"%.80s\" cannot be evaluated here", key);
		and(c, ENCL_UNKNOWN);
	} else if (!strcmp(name, "Null")) {
		check_null(c, values);
	} else if (!op) {
		because(c, "operator \"%.60s\" cannot be evaluated here", name);
		and(c, ENCL_UNKNOWN);
	} else {
		compare(c, op, pcr, values, r);
	}
}

void
encl_policy_condition_evaluate(const json_t *condition, const struct encl_registers *r,
			       struct encl_policy_condition *out)
{
	struct encl_policy_condition c = {.holds = ENCL_YES};
	const char *name;
	const char *key;
	json_t *keys;
	json_t *values;

	if (condition && !json_is_object(condition)) {
		because(&c, "its Condition is no object");
		c.holds = ENCL_UNKNOWN;
	}
	json_object_foreach ((json_t *)(uintptr_t)condition, name, keys) {
		if (!json_is_object(keys)) {
			because(&c, "operator \"%.60s\" has no keys", name);
			and(&c, ENCL_UNKNOWN);
			continue;
		}
		json_object_foreach (keys, key, values)
			check_key(&c, name, key, values, r);
	}
	c.asks = c.pinned & PCR0 || c.pinned & PCR8 || (c.pinned & PCR1_2) == PCR1_2;
	*out = c;
}
