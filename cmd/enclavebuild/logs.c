/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild logs` and `console`: what an enclave printed, and prints. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "running.h"
#include "verbs.h"

enum { MAX_LINES = 1 << 30 };

static const struct option_spec logs_options[] = {
	{"follow", 'f', NULL, "go on with what it prints until it ends", false},
	{"tail", 'n', "N", "only the last N lines", false},
	{NULL, 0, NULL, NULL, false},
};

static const struct option_spec console_options[] = {
	{NULL, 0, NULL, NULL, false},
};

/* An empty record is no riddle: the reason is said. */
static int
check_console(const struct encl_state *s, struct encl_err *e)
{
	if (!json_is_false(json_object_get(s->json, "Console")))
		return 0;
	return encl_fail(
		e, ENCL_HOST,
		"%s is not in debug mode, so it has no console here; \"enclavebuild "
		"run --debug-mode\" shows it (its attestation is of no use then)",
		s->name);
}

static int
print(const char *name, long lines, bool follow, struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {0};

	if (running_find(name, &s, e) || check_console(&s, e))
		return -1;
	return running_print(&s, lines, follow, stdout, e);
}

static int
run_logs(struct cli *cli, const struct args *args, struct encl_err *e)
{
	uint64_t lines;

	(void)cli;
	if (args_number(args, "tail", 0, MAX_LINES, 0, &lines, e))
		return -1;
	return print(args->n_operands ? args->operands[0] : NULL,
		     args_has(args, "tail") ? (long)lines : -1, args_has(args, "follow"),
		     e);
}

static int
run_console(struct cli *cli, const struct args *args, struct encl_err *e)
{
	(void)cli;
	return print(args->n_operands ? args->operands[0] : NULL, -1, true, e);
}

const struct command cmd_logs = {
	.name = "logs",
	.summary = "show what an enclave printed",
	.operands = "[NAME]",
	.max_operands = 1,
	.help = "From the first byte of its console, also after its end; at most the last 32\n"
		"MiB are kept.  Without NAME the only one that runs.  On Nitro there is a\n"
		"console only in debug mode.",
	.options = logs_options,
	.run = run_logs,
};

const struct command cmd_console = {
	.name = "console",
	.summary = "show an enclave's console until it ends",
	.operands = "[NAME]",
	.max_operands = 1,
	.help = "The same as `logs --follow`: nothing can be typed there (see attach).",
	.options = console_options,
	.run = run_console,
};
