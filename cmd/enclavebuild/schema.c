/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild schema`: the manifest's keys for editors and readers. */
#include "base/json.h"
#include "cmd.h"
#include "manifest/jsonschema.h"
#include "manifest/reference.h"
#include "verbs.h"

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(json_decref) json_t *schema = NULL;
	encl_auto(encl_free) char *text = NULL;

	(void)cli;
	if (args_has(args, "reference") && args_has(args, "man"))
		return encl_fail(e, ENCL_USAGE,
				 "--reference and --man exclude each other");
	if (args_has(args, "reference"))
		text = encl_manifest_reference_markdown();
	else if (args_has(args, "man"))
		text = encl_manifest_reference_mdoc();
	if (text) {
		report("%s", text);
		return 0;
	}
	schema = encl_manifest_json_schema();
	report_json(schema);
	return 0;
}

static const struct option_spec options[] = {
	{"reference", 0, NULL, "the reference chapter in Markdown", false},
	{"man", 0, NULL, "the man page enclave.yaml(5)", false},
	{NULL, 0, NULL, NULL, false},
};

const struct command cmd_schema = {
	.name = "schema",
	.summary = "print the JSON Schema of enclave.yaml",
	.operands = "",
	.help = "JSON Schema, draft 2020-12, for editors that complete and check YAML, made\n"
		"from the table of keys that the parser uses.",
	.options = options,
	.run = run,
};
