/* SPDX-License-Identifier: Apache-2.0 */
/* Options into expected registers. */
#include "expectations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "operand.h"
#include "sign/image.h"
#include "verify/extended.h"
#include "verify/policy.h"

enum { MEASUREMENTS_MAX = 1 << 20, POLICY_MAX = 1 << 20, NUMBER = 3 };

void
expectations_clear(struct expectations *x)
{
	encl_expectations_clear(&x->pcrs);
	for (size_t i = 0; i < x->n_policies; i++)
		json_decref(x->policies[i].policy);
	free(x->policies);
	memset(x, 0, sizeof *x);
}

static int
read_named(const struct args *args, struct expectations *x, struct encl_err *e)
{
	static const struct {
		const char *option, *source;
		unsigned pcr;
	} named[] = {{"pcr0", "--pcr0", 0},
		     {"pcr1", "--pcr1", 1},
		     {"pcr2", "--pcr2", 2},
		     {"pcr8", "--pcr8", 8}};
	const char *hex;

	for (size_t k = 0; k < sizeof named / sizeof *named; k++)
		for (size_t i = 0; (hex = args_nth(args, named[k].option, i)); i++)
			if (encl_expect_hex(&x->pcrs, named[k].pcr, hex, named[k].source,
					    e))
				return -1;
	return 0;
}

static int
read_numbered(const char *text, struct expectations *x, struct encl_err *e)
{
	const char *equals = strchr(text, '=');
	char number[NUMBER] = "";
	char source[NUMBER + sizeof "--pcr "];
	uint64_t pcr;

	if (equals && equals > text && equals - text < NUMBER)
		memcpy(number, text, (size_t)(equals - text));
	if (!encl_parse_uint(number, 10, ENCL_PCRS - 1, &pcr))
		return encl_fail(e, ENCL_USAGE,
				 "--pcr: \"%s\" is not NUMBER=HEX with a number from 0 "
				 "to %d",
				 text, ENCL_PCRS - 1);
	(void)snprintf(source, sizeof source, "--pcr %s", number);
	return encl_expect_hex(&x->pcrs, (unsigned)pcr, equals + 1, source, e);
}

static int
read_measurements(const char *path, struct expectations *x, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;

	if (encl_json_read(path, MEASUREMENTS_MAX, &doc, e))
		return -1;
	return encl_expect_document(&x->pcrs, doc, path, e);
}

static int
read_image(struct cli *cli, const char *text, struct expectations *x, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	struct encl_extended extended;

	if (operand_open(cli, text, &eif, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e) ||
	    encl_image_require(&eif, &s, e) || encl_extended_of_image(&eif, &extended, e))
		return -1;
	encl_expect_measurements(&x->pcrs, &s.measurements, text);
	encl_extended_expect(&extended, &x->pcrs, text);
	return 0;
}

static int
read_policy(const char *path, struct expectations *x, struct encl_err *e)
{
	json_t *policy;

	if (encl_json_read(path, POLICY_MAX, &policy, e))
		return -1;
	x->policies = encl_xrealloc(x->policies, x->n_policies + 1, sizeof *x->policies);
	x->policies[x->n_policies++] = (struct expected_policy){path, policy};
	return 0;
}

int
expectations_read(struct cli *cli, const struct args *args, struct expectations *out,
		  struct encl_err *e)
{
	encl_auto(expectations_clear) struct expectations x = {.pcrs = {.n = 0}};
	const char *text;

	if (read_named(args, &x, e))
		return -1;
	for (size_t i = 0; (text = args_nth(args, "pcr", i)); i++)
		if (read_numbered(text, &x, e))
			return -1;
	for (size_t i = 0; (text = args_nth(args, "measurements", i)); i++)
		if (read_measurements(text, &x, e))
			return -1;
	for (size_t i = 0; (text = args_nth(args, "image", i)); i++)
		if (read_image(cli, text, &x, e))
			return -1;
	for (size_t i = 0; (text = args_nth(args, "policy", i)); i++)
		if (read_policy(text, &x, e))
			return -1;
	*out = encl_take(x, (struct expectations){.pcrs = {.n = 0}});
	return 0;
}

bool
expectations_none(const struct expectations *x)
{
	return !x->pcrs.n && !x->n_policies;
}

int
expectations_check(const struct expectations *x, const struct encl_registers *r,
		   struct encl_checks *checks, struct encl_err *e)
{
	encl_expect_check(&x->pcrs, r, checks);
	for (size_t i = 0; i < x->n_policies; i++)
		if (encl_policy_check(x->policies[i].policy, encl_policy_actions[0], r,
				      x->policies[i].file, checks, e))
			return -1;
	return 0;
}
