/* SPDX-License-Identifier: Apache-2.0 */
/* --help, made from the tables that parsing uses. */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "options.h"

static void
print_options(const char *title, const struct option_spec *o)
{
	if (!o || !o->name)
		return;
	printf("\n%s:\n", title);
	for (; o->name; o++) {
		char left[64];

		snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-28s %s\n", left, o->help);
	}
}

void
help_command(const struct command *c)
{
	printf("usage: enclavebuild %s [options]%s%s\n\n%s\n", c->name,
	       *c->operands ? " " : "", c->operands, c->summary);
	if (c->help)
		printf("\n%s\n", c->help);
	print_options("options", c->options);
	print_options("options of every command", global_options);
}

void
help_tool(void)
{
	puts("usage: enclavebuild COMMAND [options] [arguments]\n\n"
	     "Turns one file, enclave.yaml, into a bit-reproducible AWS Nitro enclave\n"
	     "image (EIF) with its measurements and signature, and boots it locally.\n\n"
	     "commands:");
	for (const struct command *const *c = commands; *c; c++)
		printf("  %-12s %s\n", (*c)->name, (*c)->summary);
	print_options("options of every command", global_options);
	puts("\nexit codes: 0 done, 1 failed, 2 usage or manifest, 3 does not match,\n"
	     "4 signing, 5 the host lacks something, 6 network\n\n"
	     "\"enclavebuild COMMAND --help\" tells more; so does man enclavebuild.");
}
