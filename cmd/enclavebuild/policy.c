/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild policy kms|verify|history`: what others decide by measurements. */
#include "policy.h"

#include <string.h>

#include "base/json.h"
#include "history.h"
#include "operand.h"
#include "sign/image.h"
#include "verbs.h"
#include "verdict.h"
#include "verify/attestation.h"
#include "verify/history.h"
#include "verify/policy.h"

enum { POLICY_MAX = 1 << 20 };

static const struct option_spec options[] = {
	{"principal", 0, "ARN",
	 "kms: whose requests carry the attestation: the instance's role", true},
	{"admin", 0, "ARN", "kms: who administers the key (and may not decrypt)", true},
	{"statement-only", 0, NULL, "kms: only the statement for the enclave", false},
	{"pcr", 0, "LIST",
	 "kms: registers to ask for (default: 0,1,2 and 8 where signed)", false},
	{"action", 0, "NAME", "verify: operation to allow (default: kms:Decrypt)", false},
	{"role", 0, "ARN", "verify: role of the parent instance (PCR3)", false},
	{"instance", 0, "ID", "verify: the parent instance (PCR4)", false},
	{"check", 0, NULL, "history: only check it", false},
	{NULL, 0, NULL, NULL, false},
};

static int
read_action(const struct args *args, const char **out, struct encl_err *e)
{
	const char *text = args_get(args, "action");

	*out = text ? text : encl_policy_actions[0];
	for (size_t i = 0; encl_policy_actions[i]; i++)
		if (!strcmp(*out, encl_policy_actions[i]))
			return 0;
	return encl_fail(e, ENCL_USAGE,
			 "--action: \"%s\" takes no attestation; kms:Decrypt, "
			 "kms:DeriveSharedSecret, kms:GenerateDataKey, "
			 "kms:GenerateDataKeyPair and kms:GenerateRandom do",
			 text);
}

/* As the image, and its parent where it is told, would attest them. */
static void
registers_of(const struct args *args, const struct encl_measurements *m,
	     struct encl_pcr parent[2], struct encl_registers *r)
{
	static const struct encl_pcr zero;
	static const char *const options_of[] = {"role", "instance"};

	encl_registers_of(m, r);
	if (!r->v[8])
		r->v[8] = &zero;
	for (unsigned i = 0; i < 2; i++)
		if (args_has(args, options_of[i])) {
			encl_attestation_text_pcr(args_get(args, options_of[i]),
						  &parent[i]);
			r->v[3 + i] = &parent[i];
		}
}

static int
verify(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *file = args->operands[1];
	encl_auto(json_decref) json_t *policy = NULL;
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	struct encl_registers r;
	struct encl_pcr parent[2];
	const char *action;

	if (args->n_operands != 3)
		return encl_fail(e, ENCL_USAGE, "policy verify: give POLICY and IMAGE");
	if (read_action(args, &action, e) ||
	    encl_json_read(file, POLICY_MAX, &policy, e) ||
	    operand_open(cli, args->operands[2], &eif, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e) ||
	    encl_image_require(&eif, &s, e))
		return -1;
	registers_of(args, &s.measurements, parent, &r);
	if (encl_policy_check(policy, action, &r, file, &checks, e))
		return -1;
	return verdict_report(cli, args->operands[2], &checks, NULL, e);
}

static int
kms(struct cli *cli, const struct args *args, struct encl_err *e)
{
	if (args->n_operands != 2)
		return encl_fail(e, ENCL_USAGE, "policy kms: give one IMAGE");
	return policy_kms(cli, args, e);
}

static int
history(struct cli *cli, const struct args *args, struct encl_err *e)
{
	bool check = args_has(args, "check");
	struct encl_history h;
	char head[ENCL_DIGEST_TEXT];

	if (args->n_operands != (check ? 2 : 3))
		return encl_fail(e, ENCL_USAGE,
				 "policy history: give FILE and IMAGE, or --check FILE");
	if (!check && history_add(cli, args->operands[1], args->operands[2], e))
		return -1;
	if (encl_history_check(args->operands[1], &h, e))
		return -1;
	encl_digest_format(&h.head, head);
	if (cli->json) {
		encl_auto(json_decref) json_t *v =
			json_pack("{s:I, s:s}", "Lines", (json_int_t)h.n, "Head", head);

		report_json(v);
	} else {
		report("lines %zu\nhead  %s\n", h.n, head);
	}
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli, const struct args *args, struct encl_err *e);
		const char *options[5]; /* that it takes */
	} verbs[] = {
		{"kms", kms, {"principal", "admin", "statement-only", "pcr", NULL}},
		{"verify", verify, {"action", "role", "instance", NULL}},
		{"history", history, {"check", NULL}},
	};
	const char *name = args->operands[0];

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(name, verbs[i].name) != 0)
			continue;
		for (const struct option_spec *o = options; o->name; o++) {
			bool ok = !args_has(args, o->name);

			for (size_t k = 0; verbs[i].options[k]; k++)
				ok = ok || !strcmp(o->name, verbs[i].options[k]);
			if (!ok)
				return encl_fail(e, ENCL_USAGE,
						 "policy %s: takes no --%s", name,
						 o->name);
		}
		return verbs[i].run(cli, args, e);
	}
	return encl_fail(e, ENCL_USAGE,
			 "policy: \"%s\" is not one of kms, verify, history", name);
}

const struct command cmd_policy = {
	.name = "policy",
	.summary = "key policies for an image's measurements, and their history",
	.operands = "kms IMAGE | verify POLICY IMAGE | history FILE [IMAGE]",
	.min_operands = 2,
	.max_operands = 3,
	.help = "kms prints a key policy for AWS KMS (or its one statement) that lets an\n"
		"enclave of this image use the key, and nobody else decrypt.  verify tells\n"
		"whether a policy (also what aws kms get-key-policy prints) lets this image\n"
		"use the key because of its attestation: exit 0, else 3; what cannot be\n"
		"evaluated fails.  Statements that ask for no attestation are told.\n"
		"history appends a line about the image to FILE (pcr-history.jsonl), where\n"
		"each line has the digest of the one before; --check tells whether that is\n"
		"still so, and the digest of the last one, to be kept elsewhere.",
	.options = options,
	.run = run,
};
