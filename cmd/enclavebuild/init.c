/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild init`: a commented enclave.yaml to begin with. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "cmd.h"
#include "embedded.h"
#include "verbs.h"

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *dir = args->n_operands ? args->operands[0] : ".";
	encl_auto(encl_free) char *file = strcmp(dir, ".")
						  ? encl_xasprintf("%s/enclave.yaml", dir)
						  : encl_xstrdup("enclave.yaml");
	const char *text = (const char *)encl_embedded_init_manifest;
	struct stat st;

	if (lstat(file, &st) == 0)
		return encl_fail(e, ENCL_USAGE,
				 "%s is there already; \"init\" overwrites nothing",
				 file);
	if (encl_make_dirs(dir, 0755, e) ||
	    encl_write_file(file, text, strlen(text), 0644, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *v = json_pack("{s:s}", "file", file);

		report_json(v);
		return 0;
	}
	report("%s\n", file);
	encl_info(&cli->log, "next: enclavebuild build %s", file);
	return 0;
}

const struct command cmd_init = {
	.name = "init",
	.summary = "write a commented enclave.yaml to begin with",
	.operands = "[DIR]",
	.max_operands = 1,
	.help = "Writes enclave.yaml into DIR (default: here), which is made where it is not\n"
		"there.  A file that is there already is left alone.",
	.run = run,
};
