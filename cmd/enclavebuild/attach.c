/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild attach`: the output of an enclave's units as it comes. */
#include "cmd.h"
#include "inside.h"
#include "verbs.h"

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const struct encl_exec_request r = {
		.attach = true, .unit = args->n_operands > 1 ? args->operands[1] : NULL};

	return inside_run(cli, args->operands[0], &r, e);
}

const struct command cmd_attach = {
	.name = "attach",
	.summary = "show what the units of an enclave print",
	.operands = "NAME [UNIT]",
	.min_operands = 1,
	.max_operands = 2,
	.help = "From now on, as it comes, until the unit (without one: the enclave) ends, and\n"
		"with its exit code.  Only where the image's manifest says debug: {exec: true}.\n"
		"It is read-only: a unit has no standard input.  Who does not read fast enough\n"
		"loses output, and is told how much; the unit does not wait.",
	.run = run,
};
