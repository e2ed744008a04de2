/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing by a command's option table. */
#ifndef ENCL_CMD_OPTIONS_H
#define ENCL_CMD_OPTIONS_H

#include "cmd.h"

/* a->operands has room for argc entries.  Options may stand anywhere; "--"
 * ends them.  ENCL_USAGE names the word that is wrong. */
int options_parse(const struct command *c, int argc, char **argv, struct args *a,
		  struct encl_err *e) ENCL_MUST_CHECK;

/* Usage text of one command, or of the whole tool, on stdout. */
void help_command(const struct command *c);
void help_tool(void);
/* enclavebuild(1), from the same tables. */
void help_man(void);

#endif
