/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild exec`: a program in an enclave that runs here. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cmd.h"
#include "inside.h"
#include "verbs.h"

enum { COLUMNS = 80, ROWS = 24 }; /* of a terminal where there is none here */

static const struct option_spec options[] = {
	{"interactive", 'i', NULL, "standard input goes to the program", false},
	{"tty", 't', NULL, "on a terminal of its own", false},
	{"env", 'e', "NAME[=VALUE]", "variable; without VALUE the one of here", true},
	{"workdir", 'w', "DIR", "its folder (default: the app's, or /)", false},
	{"user", 'u', "USER[:GROUP]",
	 "names or numbers (default: the app's or the container's, or root)", false},
	{"container", 0, "NAME", "in a container of the enclave's Docker daemon", false},
	{"unit", 0, "NAME", "as this service: its user, folder and environment", false},
	{NULL, 0, NULL, NULL, false},
};

/* NAME=VALUE, or NAME of this process's environment; those not set stay out. */
static int
read_env(const struct args *args, struct encl_exec_request *r, char **made,
	 struct encl_err *e)
{
	const char *text;

	for (size_t i = 0; (text = args_nth(args, "env", i)); i++) {
		const char *value = strchr(text, '=') ? NULL : getenv(text);

		if (!*text || *text == '=')
			return encl_fail(e, ENCL_USAGE, "--env %s: write NAME[=VALUE]",
					 text);
		if (!strchr(text, '=') && !value)
			continue;
		if (value) {
			made[i] = encl_xasprintf("%s=%s", text, value);
			text = made[i];
		}
		r->env[r->n_env++] = text;
	}
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *env[ARGS_MAX_OPTIONS + 1] = {NULL};
	char *made[ARGS_MAX_OPTIONS] = {NULL};
	struct encl_exec_request r = {.input = args_has(args, "interactive"),
				      .tty = args_has(args, "tty"),
				      .columns = COLUMNS,
				      .rows = ROWS,
				      .unit = args_get(args, "unit"),
				      .container = args_get(args, "container"),
				      .user = args_get(args, "user"),
				      .dir = args_get(args, "workdir"),
				      .env = env,
				      .argv = args->operands + 1,
				      .n_argv = args->n_operands - 1};
	int result;

	if (r.unit && r.container)
		return encl_fail(e, ENCL_USAGE,
				 "--unit and --container exclude each "
				 "other");
	if (!*r.argv[0])
		return encl_fail(e, ENCL_USAGE, "exec: the command is empty");
	result = read_env(args, &r, made, e);
	if (!result)
		result = inside_run(cli, args->operands[0], &r, e);
	for (size_t i = 0; i < ARGS_MAX_OPTIONS; i++)
		free(made[i]);
	return result;
}

const struct command cmd_exec = {
	.name = "exec",
	.summary = "run a program in an enclave that runs here",
	.operands = "NAME COMMAND [ARGUMENT…]",
	.min_operands = 2,
	.max_operands = ARGS_MAX_OPERANDS,
	.options_until = 2,
	.help = "Only where the image's manifest says debug: {exec: true}, which is measured:\n"
		"its attestation shows it.  Options stand in front of COMMAND.  Ends with the\n"
		"exit code of the command, 128+N where signal N ended it, 126 where it cannot be\n"
		"run, 127 where it is not there, 125 where the enclave could not try.  INT, TERM,\n"
		"QUIT and HUP are passed on to it; the third one ends exec itself, and with the\n"
		"connection the command.",
	.options = options,
	.run = run,
};
