/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements one by one: an action is allowed where one that allows it holds and
 * none that denies it does; what cannot be evaluated allows nothing and denies.
 */
#include "verify/policy.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "verify/policy_internal.h"

enum { WHY_MAX = 700, NAME_MAX_SHOWN = 96 };

const char *const encl_policy_actions[] = {
	"kms:Decrypt",	       "kms:DeriveSharedSecret",
	"kms:GenerateDataKey", "kms:GenerateDataKeyPair",
	"kms:GenerateRandom",  NULL};

/* Everything of one evaluation. */
struct evaluation {
	const char *action;
	const struct encl_registers *r;
	const char *source;
	struct encl_checks *checks;
	size_t n;		      /* of the statement, from 1 */
	char allowed[NAME_MAX_SHOWN]; /* by it; "" none yet */
	char denied[WHY_MAX];	      /* why; "" not */
	struct encl_buf why_not;      /* of those that could have allowed */
};

static void
name_of(const struct evaluation *x, const json_t *s, char out[NAME_MAX_SHOWN])
{
	const char *sid = json_string_value(json_object_get(s, "Sid"));

	if (sid)
		(void)snprintf(out, NAME_MAX_SHOWN, "statement %zu (%.64s)", x->n, sid);
	else
		(void)snprintf(out, NAME_MAX_SHOWN, "statement %zu", x->n);
}

/* A text or a list of texts: does one match? */
static bool
list_matches(const json_t *list, const char *text)
{
	size_t n = json_is_array(list) ? json_array_size(list) : 1;

	for (size_t i = 0; i < n; i++) {
		const char *pattern = json_string_value(
			json_is_array(list) ? json_array_get(list, i) : list);

		if (pattern && encl_policy_matches(pattern, text))
			return true;
	}
	return false;
}

static bool
covers(const json_t *s, const char *action)
{
	const json_t *not_action = json_object_get(s, "NotAction");

	return not_action ? !list_matches(not_action, action)
			  : list_matches(json_object_get(s, "Action"), action);
}

/* Everybody? */
static bool
is_anyone(const json_t *s)
{
	const json_t *p = json_object_get(s, "Principal");

	if (json_is_object(p))
		p = json_object_get(p, "AWS");
	return !json_object_get(s, "NotPrincipal") &&
	       (!p || (json_is_string(p) && !strcmp(json_string_value(p), "*")));
}

/* Of the statement itself; NULL: all is known. */
static const char *
why_not_evaluated(const json_t *s)
{
	static const char *const known[] = {"Sid",	    "Effect",	 "Principal",
					    "NotPrincipal", "Action",	 "NotAction",
					    "Resource",	    "Condition", NULL};
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)s, key, value) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return "it has a key that cannot be evaluated here";
	}
	return NULL;
}

static void
note_unattested(struct evaluation *x, const char *name, const char *action)
{
	struct encl_check *c = encl_checks_add(
		x->checks, "policy.unattested", ENCL_CHECK_NOTE,
		"%s allows %s without asking what the enclave is", name, action);

	c->source = encl_xstrdup(x->source);
}

/* Data that was encrypted under another key needs no attestation any more. */
static void
allow_again(struct evaluation *x, const json_t *s, const char *name)
{
	if (covers(s, "kms:ReEncryptFrom") && !covers(s, x->action))
		note_unattested(x, name, "kms:ReEncryptFrom");
}

/* All registers are zero there. */
static bool
is_for_debug(const json_t *s)
{
	static const struct encl_pcr zero;
	struct encl_registers r;
	struct encl_policy_condition c;

	for (size_t i = 0; i < ENCL_PCRS; i++)
		r.v[i] = &zero;
	encl_policy_condition_evaluate(json_object_get(s, "Condition"), &r, &c);
	return c.holds != ENCL_NO;
}

static void
allow(struct evaluation *x, const json_t *s, const char *name)
{
	const char *why = why_not_evaluated(s);
	struct encl_policy_condition c;

	allow_again(x, s, name);
	if (!covers(s, x->action))
		return;
	encl_policy_condition_evaluate(json_object_get(s, "Condition"), x->r, &c);
	if (!c.asks) {
		note_unattested(x, name, x->action);
		if (*c.why)
			encl_buf_add_fmt(&x->why_not, "; %s: %s", name, c.why);
		return;
	}
	if (is_for_debug(s)) {
		struct encl_check *k = encl_checks_add(
			x->checks, "policy.debug", ENCL_CHECK_FAIL,
			"%s allows it to every enclave in debug mode", name);

		k->source = encl_xstrdup(x->source);
	}
	if (why || c.holds != ENCL_YES)
		encl_buf_add_fmt(&x->why_not, "; %s: %s", name, why ? why : c.why);
	else if (!*x->allowed)
		(void)snprintf(x->allowed, sizeof x->allowed, "%s", name);
}

static void
deny(struct evaluation *x, const json_t *s, const char *name)
{
	const char *why = why_not_evaluated(s);
	struct encl_policy_condition c;

	if (!covers(s, x->action) || *x->denied)
		return;
	encl_policy_condition_evaluate(json_object_get(s, "Condition"), x->r, &c);
	if (c.holds == ENCL_NO && !why)
		return;
	if (!why && c.holds == ENCL_YES && !is_anyone(s))
		why = "whom it denies cannot be evaluated here";
	if (why || c.holds == ENCL_UNKNOWN)
		(void)snprintf(x->denied, sizeof x->denied, "%s may deny it: %s", name,
			       why ? why : c.why);
	else
		(void)snprintf(x->denied, sizeof x->denied, "%s denies it", name);
}

static int
evaluate(struct evaluation *x, const json_t *s, struct encl_err *e)
{
	const char *effect = json_string_value(json_object_get(s, "Effect"));
	char name[NAME_MAX_SHOWN];

	x->n++;
	if (!effect || (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0))
		return encl_fail(e, ENCL_FAILED,
				 "%s: statement %zu has no Effect of Allow or Deny",
				 x->source, x->n);
	if (!json_object_get(s, "Action") == !json_object_get(s, "NotAction"))
		return encl_fail(e, ENCL_FAILED,
				 "%s: statement %zu has not one of Action and NotAction",
				 x->source, x->n);
	name_of(x, s, name);
	if (*effect == 'A')
		allow(x, s, name);
	else
		deny(x, s, name);
	return 0;
}

static void
conclude(struct evaluation *x)
{
	bool ok = *x->allowed && !*x->denied;
	struct encl_check *c;

	if (ok)
		c = encl_checks_add(x->checks, "policy", ENCL_CHECK_PASS,
				    "%s allows %s to it", x->allowed, x->action);
	else if (*x->denied)
		c = encl_checks_add(x->checks, "policy", ENCL_CHECK_FAIL, "%s",
				    x->denied);
	else
		c = encl_checks_add(x->checks, "policy", ENCL_CHECK_FAIL,
				    "no statement allows %s because of what it is%s",
				    x->action, encl_buf_text(&x->why_not));
	c->source = encl_xstrdup(x->source);
	c->compares = true;
}

static int
evaluate_all(struct evaluation *x, const json_t *policy, struct encl_err *e)
{
	const json_t *list = json_object_get(policy, "Statement");
	const json_t *s;
	size_t i;

	if (!list && json_object_get(policy, "Effect"))
		list = policy;
	if (json_is_object(list))
		return evaluate(x, list, e);
	if (!json_is_array(list))
		return encl_fail(e, ENCL_FAILED, "%s: is no policy: it has no Statement",
				 x->source);
	json_array_foreach (list, i, s)
		if (evaluate(x, s, e))
			return -1;
	return 0;
}

int
encl_policy_check(const json_t *policy, const char *action,
		  const struct encl_registers *r, const char *source,
		  struct encl_checks *checks, struct encl_err *e)
{
	encl_auto(json_decref) json_t *inner = NULL;
	const json_t *text = json_object_get(policy, "Policy");
	struct evaluation x = {.action = action,
			       .r = r,
			       .source = source,
			       .checks = checks,
			       .why_not = {.cap = WHY_MAX}};
	int rc;

	/* aws kms get-key-policy: the policy is a text in an object */
	if (json_is_string(text)) {
		if (encl_json_parse(json_string_value(text), json_string_length(text),
				    source, &inner, e))
			return -1;
		policy = inner;
	}
	rc = evaluate_all(&x, policy, e);
	if (rc == 0)
		conclude(&x);
	encl_buf_clear(&x.why_not);
	return rc;
}
