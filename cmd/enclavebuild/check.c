/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild check`: every problem of a manifest, one a line. */
#include <stdio.h>

#include "base/json.h"
#include "cmd.h"
#include "manifest/manifest.h"
#include "verbs.h"

static json_t *
problems_json(const struct encl_problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct encl_problem *d = &p->details[i];

		/* "file" where it is not the manifest: a Compose file */
		json_array_append_new(list,
				      json_pack("{s:s*, s:I, s:I, s:s, s:s}", "file",
						d->file, "line", (json_int_t)d->pos.line,
						"column", (json_int_t)d->pos.column,
						"path", d->path, "message", d->message));
	}
	return list;
}

static void
print_problems(const char *file, const struct encl_problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		fprintf(stderr, "enclavebuild: %s\n", p->v[i]);
	if (p->total > p->n)
		fprintf(stderr, "enclavebuild: %s: %zu more problems\n", file,
			p->total - p->n);
}

/* True where the file is a valid manifest; its result is appended to all. */
static bool
check_one(struct cli *cli, const char *file, json_t *all)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	struct encl_err e = {.code = ENCL_OK};
	bool ok = !encl_manifest_read(file, &m, &problems, &e);
	const char *warning = ok ? encl_manifest_debug_warning(m) : NULL;

	json_array_append_new(all,
			      json_pack("{s:s, s:b, s:o, s:o*}", "file", file, "ok", ok,
					"problems", problems_json(&problems), "warnings",
					warning ? json_pack("[s]", warning) : NULL));
	if (cli->json)
		return ok;
	if (warning)
		encl_warn(&cli->log, "%s: %s", m->file, warning);
	if (ok)
		report("%s: ok\n", m->file);
	else
		print_problems(file, &problems);
	return ok;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const char *const fallback[] = {"enclave.yaml"};
	const char *const *files = args->n_operands ? args->operands : fallback;
	size_t n = args->n_operands ? args->n_operands : 1;
	encl_auto(json_decref) json_t *all = json_array();

	(void)e;
	for (size_t i = 0; i < n; i++)
		if (!check_one(cli, files[i], all))
			cli->exit_code = ENCL_USAGE;
	if (cli->json)
		report_json(n == 1 ? json_array_get(all, 0) : all);
	return 0;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "check manifests and report everything that is wrong",
	.operands = "[MANIFEST…]",
	.max_operands = ARGS_MAX_OPERANDS,
	.help = "Without an operand enclave.yaml is checked; \"-\" is standard input.  Every\n"
		"problem is one line with file, line and column; with --json the result is\n"
		"an object with file, ok and problems, or for several manifests a list of\n"
		"them.  Only the manifest and its Compose file are read.  The exit code is\n"
		"2 where a manifest is not valid.",
	.run = run,
};
