/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild completion`: scripts for three shells, from the command tables. */
#include <string.h>

#include "cmd.h"
#include "options.h"
#include "verbs.h"

/* Calls print for each option of a command and of every command. */
static void
each_option(const struct command *c,
	    void (*print)(const struct command *c, const struct option_spec *o))
{
	for (const struct option_spec *o = c->options; o && o->name; o++)
		print(c, o);
	for (const struct option_spec *o = global_options; o->name; o++)
		print(c, o);
}

/* Help text inside single quotes: what the shells would take specially goes. */
static void
print_text(const char *text, const char *avoid)
{
	for (; *text; text++)
		if (!strchr(avoid, *text))
			report("%c", *text);
}

static void
bash_option(const struct command *c, const struct option_spec *o)
{
	(void)c;
	report(" --%s", o->name);
}

/* Operands that are words ("bash|zsh|fish") rather than names of files. */
static void
bash_words(const char *operands)
{
	if (!strchr(operands, '|') || strpbrk(operands, "ABCDEFGHIJKLMNOPQRSTUVWXYZ["))
		return;
	for (; *operands; operands++)
		report("%c", *operands == '|' ? ' ' : *operands);
}

static void
bash(void)
{
	report("# bash completion of enclavebuild; source it, or install it as\n"
	       "# /usr/share/bash-completion/completions/enclavebuild\n"
	       "_enclavebuild() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words= options=\n"
	       "\tCOMPREPLY=()\n"
	       "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W '");
	for (const struct command *const *c = commands; *c; c++)
		report("%s%s", c == commands ? "" : " ", (*c)->name);
	report(" --help --version' -- \"$cur\"))\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *c = commands; *c; c++) {
		report("\t%s)\n\t\toptions='", (*c)->name);
		each_option(*c, bash_option);
		report("'\n\t\twords='");
		bash_words((*c)->operands);
		report("' ;;\n");
	}
	report("\tesac\n"
	       "\tif [[ $cur == -* ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	       "\telif [ -n \"$words\" ]; then\n"
	       "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "\tfi\n"
	       "}\n"
	       "complete -o default -F _enclavebuild enclavebuild\n");
}

static void
zsh_option(const struct command *c, const struct option_spec *o)
{
	(void)c;
	report(" \\\n\t\t\t'%s--%s%s[", o->many ? "*" : "", o->name, o->arg ? "=" : "");
	print_text(o->help, "'[]:\\");
	report("]%s%s%s'", o->arg ? ":" : "", o->arg ? o->arg : "",
	       o->arg ? ":_files" : "");
}

static void
zsh(void)
{
	report("#compdef enclavebuild\n"
	       "_enclavebuild() {\n"
	       "\tlocal -a verbs\n"
	       "\tverbs=(");
	for (const struct command *const *c = commands; *c; c++) {
		report("\n\t\t'%s:", (*c)->name);
		print_text((*c)->summary, "'\\");
		report("'");
	}
	report("\n\t)\n"
	       "\tif (( CURRENT == 2 )); then\n"
	       "\t\t_describe command verbs\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tcase $words[2] in\n");
	for (const struct command *const *c = commands; *c; c++) {
		report("\t%s)\n\t\t_arguments", (*c)->name);
		each_option(*c, zsh_option);
		report(" \\\n\t\t\t'*:file:_files' ;;\n");
	}
	report("\tesac\n"
	       "}\n"
	       "if [ \"$funcstack[1]\" = _enclavebuild ]; then\n"
	       "\t_enclavebuild \"$@\"\n"
	       "else\n"
	       "\tcompdef _enclavebuild enclavebuild\n"
	       "fi\n");
}

static void
fish_option(const struct command *c, const struct option_spec *o)
{
	report("complete -c enclavebuild -n '__fish_seen_subcommand_from %s' -l %s",
	       c->name, o->name);
	if (o->letter)
		report(" -s %c", o->letter);
	report("%s -d '", o->arg ? " -r" : "");
	print_text(o->help, "'\\");
	report("'\n");
}

static void
fish(void)
{
	report("# fish completion of enclavebuild; install it as\n"
	       "# /usr/share/fish/vendor_completions.d/enclavebuild.fish\n");
	for (const struct command *const *c = commands; *c; c++) {
		report("complete -c enclavebuild -f -n __fish_use_subcommand -a %s -d '",
		       (*c)->name);
		print_text((*c)->summary, "'\\");
		report("'\n");
		each_option(*c, fish_option);
	}
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}, {"man", help_man}};

	(void)cli;
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
		if (!strcmp(args->operands[0], shells[i].name)) {
			shells[i].print();
			return 0;
		}
	}
	return encl_fail(e, ENCL_USAGE,
			 "completion: \"%s\" is not bash, zsh, fish or man",
			 args->operands[0]);
}

const struct command cmd_completion = {
	.name = "completion",
	.summary = "print the completion script of a shell, or the man page",
	.operands = "bash|zsh|fish|man",
	.min_operands = 1,
	.max_operands = 1,
	.help = "For bash: source <(enclavebuild completion bash)",
	.run = run,
};
