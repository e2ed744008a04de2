/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild explain`: what nitro-cli's error numbers mean. */
#include "base/alloc.h"
#include "base/json.h"
#include "cmd.h"
#include "image.h"
#include "launch/nitro_cli_codes.h"
#include "verbs.h"

static json_t *
code_json(const struct encl_nitro_cli_code *c)
{
	encl_auto(encl_free) char *code = encl_xasprintf("E%02u", c->number);

	return json_pack("{s:s, s:s, s:s, s:s?}", "Code", code, "Name", c->name, "Cause",
			 c->cause, "WayOut", c->hint);
}

static void
show(const struct encl_nitro_cli_code *c)
{
	report("E%02u %s\n  cause    %s\n", c->number, c->name, c->cause);
	if (c->hint)
		report("  way out  %s\n", c->hint);
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(json_decref) json_t *list = json_array();
	encl_auto(encl_free) const struct encl_nitro_cli_code **chosen =
		encl_xcalloc(a->n_operands + 1, sizeof *chosen);

	for (size_t i = 0; i < a->n_operands; i++) {
		encl_auto(encl_free) char *shown = printable(a->operands[i]);

		chosen[i] = encl_nitro_cli_code_find(a->operands[i]);
		if (!chosen[i])
			return encl_fail(e, ENCL_USAGE,
					 "explain: \"%s\" is none of nitro-cli's: E00 to "
					 "E60, or a name",
					 shown);
	}
	for (size_t i = 0; i < (a->n_operands ? a->n_operands : encl_n_nitro_cli_codes);
	     i++) {
		const struct encl_nitro_cli_code *c =
			a->n_operands ? chosen[i] : &encl_nitro_cli_codes[i];

		if (cli->json)
			json_array_append_new(list, code_json(c));
		else if (a->n_operands)
			show(c);
		else
			report("E%02u %s\n", c->number, c->name);
	}
	if (cli->json)
		report_json(list);
	return 0;
}

const struct command cmd_explain = {
	.name = "explain",
	.summary = "say what an error number of nitro-cli means",
	.operands = "[CODE…]",
	.max_operands = ARGS_MAX_OPERANDS,
	.help = "CODE is E26, 26 or InsufficientMemoryRequested: what really brings it about,\n"
		"and the way out.  Without CODE all of them are listed.  The numbers are\n"
		"nitro-cli's exit codes too.",
	.run = run,
};
