/* SPDX-License-Identifier: Apache-2.0 */
/* `policy kms`: an image's measurements as conditions of a KMS key's policy. */
#include <string.h>

#include "base/json.h"
#include "base/parse.h"
#include "embedded.h"
#include "launch/template.h"
#include "operand.h"
#include "policy.h"
#include "sign/image.h"
#include "verify/expect.h"

enum { ARN_MAX = 2048 };

/* Which registers: 0, 1, 2 and, of a signed image, 8. */
static int
read_registers(const struct args *args, const struct encl_registers *r,
	       bool chosen[ENCL_PCRS], struct encl_err *e)
{
	const char *text = args_get(args, "pcr");

	for (unsigned i = 0; i < ENCL_PCRS; i++)
		chosen[i] = !text && r->v[i];
	for (const char *p = text; p && *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		char number[3] = "";
		uint64_t pcr = ENCL_PCRS;

		if (n < sizeof number)
			memcpy(number, p, n);
		if (!encl_parse_uint(number, 10, ENCL_PCRS - 1, &pcr) ||
		    (pcr > 2 && pcr != 8))
			return encl_fail(e, ENCL_USAGE,
					 "--pcr: \"%s\" is not a list of some of 0, 1, 2 "
					 "and 8",
					 text);
		if (!r->v[pcr])
			return encl_fail(e, ENCL_USAGE,
					 "--pcr %s: the image is not signed", text);
		chosen[pcr] = true;
		p += n;
	}
	if (!chosen[0] && !chosen[8] && !(chosen[1] && chosen[2]))
		return encl_fail(e, ENCL_USAGE,
				 "--pcr %s: does not say what the enclave is: 0 does, or "
				 "8, or 1 and 2",
				 text);
	return 0;
}

static int
read_arns(const struct args *args, const char *option, json_t *out, struct encl_err *e)
{
	const char *text;

	for (size_t i = 0; (text = args_nth(args, option, i)); i++) {
		if (strncmp(text, "arn:", 4) != 0 || strpbrk(text, " *?$\"\\") ||
		    strlen(text) > ARN_MAX)
			return encl_fail(e, ENCL_USAGE, "--%s: \"%s\" is not an ARN",
					 option, text);
		json_array_append_new(out, json_string(text));
	}
	return 0;
}

static json_t *
registers_json(const struct encl_registers *r, const bool chosen[ENCL_PCRS])
{
	json_t *list = json_array();
	char hex[2 * ENCL_PCR_SIZE + 1];

	for (unsigned i = 0; i < ENCL_PCRS; i++) {
		if (!chosen[i])
			continue;
		encl_hex(r->v[i]->bytes, ENCL_PCR_SIZE, hex);
		json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "number", (int)i,
						      "value", hex, "comma", ","));
	}
	json_object_set_new(json_array_get(list, json_array_size(list) - 1), "comma",
			    json_string(""));
	return list;
}

static int
render(const json_t *values, bool statement_only, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *v = NULL;

	if (encl_template_render("kms-policy.json",
				 (const char *)encl_embedded_template_kms_policy, values,
				 &text, e) ||
	    encl_json_parse(text, strlen(text), "kms-policy.json", &v, e))
		return -1;
	report_json(statement_only ? json_array_get(json_object_get(v, "Statement"), 1)
				   : v);
	return 0;
}

int
policy_kms(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(json_decref) json_t *principals = json_array();
	encl_auto(json_decref) json_t *admins = json_array();
	encl_auto(json_decref) json_t *values = NULL;
	bool statement_only = args_has(args, "statement-only");
	bool chosen[ENCL_PCRS];
	struct encl_registers r;

	if (read_arns(args, "principal", principals, e) ||
	    read_arns(args, "admin", admins, e))
		return -1;
	if (!json_array_size(principals))
		return encl_fail(e, ENCL_USAGE,
				 "policy kms: give --principal ARN: whose requests carry "
				 "the attestation, as a rule the instance's role");
	if (!json_array_size(admins) == !statement_only)
		return encl_fail(e, ENCL_USAGE,
				 "policy kms: give either --admin ARN, who may go on "
				 "administering the key, or --statement-only");
	if (operand_open(cli, args->operands[1], &eif, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e) ||
	    encl_image_require(&eif, &s, e))
		return -1;
	encl_registers_of(&s.measurements, &r);
	if (read_registers(args, &r, chosen, e))
		return -1;
	values = json_pack("{s:O, s:O, s:o}", "principals", principals, "admins", admins,
			   "registers", registers_json(&r, chosen));
	return render(values, statement_only, e);
}
