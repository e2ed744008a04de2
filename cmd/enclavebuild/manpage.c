/* SPDX-License-Identifier: Apache-2.0 */
/* enclavebuild(1) in mdoc: a fixed frame around the tables of verbs and options. */
#include <string.h>

#include "cmd.h"
#include "options.h"

static const char head[] =
	".\\\" SPDX-License-Identifier: Apache-2.0\n"
	".\\\" Made by \"enclavebuild completion man\".\n"
	".Dd November 21, 2026\n"
	".Dt ENCLAVEBUILD 1\n"
	".Os enclavebuild\n"
	".Sh NAME\n"
	".Nm enclavebuild\n"
	".Nd build, measure, sign and try AWS Nitro enclave images\n"
	".Sh SYNOPSIS\n"
	".Nm\n"
	".Ar command\n"
	".Op Ar option ...\n"
	".Op Ar operand ...\n"
	".Sh DESCRIPTION\n"
	".Nm\n"
	"turns one file,\n"
	".Xr enclave.yaml 5 ,\n"
	"into an enclave image (EIF) that is the same to the byte wherever and whenever it\n"
	"is built, with its measurements and signature, and boots it on this machine.\n"
	"Results go to standard output, everything else to standard error.\n"
	"Options may stand before, between and after operands;\n"
	".Fl Fl\n"
	"ends them.\n"
	".Ss Options of every command\n";

static const char tail[] =
	".Sh ENVIRONMENT\n"
	".Bl -tag -width XDG_CACHE_HOME\n"
	".It Ev AWS_*\n"
	"Who the caller is to Amazon ECR, as AWS's own tools have it:\n"
	"keys, profile and its files, container endpoint, metadata.\n"
	".It Ev DOCKER_CONFIG\n"
	"The folder of Docker's\n"
	".Pa config.json ;\n"
	"left out, it is\n"
	".Pa ~/.docker .\n"
	".It Ev ENCLAVEBUILD_ECR_ENDPOINT\n"
	"Another address of the service that gives ECR's tokens.\n"
	".It Ev REGISTRY_AUTH_FILE\n"
	"The one file with credentials for registries, as\n"
	".Fl Fl auth-file .\n"
	".It Ev XDG_CACHE_HOME\n"
	"The cache is its folder\n"
	".Pa enclavebuild ;\n"
	"left out, it is\n"
	".Pa ~/.cache/enclavebuild .\n"
	".El\n"
	".Sh FILES\n"
	".Bl -tag -width enclave.yaml\n"
	".It Pa enclave.yaml\n"
	"The manifest.\n"
	".It Pa enclave.lock\n"
	"Beside the manifest: every input, pinned by digest.\n"
	".El\n"
	".Sh EXIT STATUS\n"
	".Bl -tag -width 125\n"
	".It 0\n"
	"Done.\n"
	".It 1\n"
	"It was tried and failed.\n"
	".It 2\n"
	"The command line or the manifest is wrong.\n"
	".It 3\n"
	"Something does not match: the lock, expected measurements.\n"
	".It 4\n"
	"Key, certificate or signature.\n"
	".It 5\n"
	"This machine lacks something.\n"
	".It 6\n"
	"The network failed, or was not to be used.\n"
	".It 124\n"
	".Ic run :\n"
	"the enclave did not end in time.\n"
	".It 125\n"
	".Ic run :\n"
	"the enclave did not start, or was lost without a code.\n"
	".El\n"
	".Pp\n"
	".Ic run\n"
	"otherwise ends with the code of the enclave.\n"
	".Sh EXAMPLES\n"
	"A first image, built and booted:\n"
	".Bd -literal -offset indent\n"
	"$ enclavebuild init hello\n"
	"$ cd hello\n"
	"$ enclavebuild check\n"
	"$ enclavebuild lock\n"
	"$ enclavebuild build\n"
	"$ enclavebuild run hello.eif\n"
	".Ed\n"
	".Sh SEE ALSO\n"
	".Xr enclave.yaml 5\n";

/* Text of the tables for roff: backslashes, hyphens, control characters at the
 * start of a line, and the one character that is not ASCII. */
static void
print_text(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool stop = i > 0 && text[i - 1] == '.' && text[i] == ' ';

		if (i == 0 && (text[i] == '.' || text[i] == '\''))
			report("\\&");
		if (text[i] == '\\') {
			report("\\e");
		} else if (text[i] == '-') {
			report("\\-");
		} else if (i + 2 < n && !strncmp(text + i, "…", strlen("…"))) {
			report("...");
			i += 2;
		} else if (stop) {
			/* a sentence ends where its line does */
			report("\n");
			i += i + 1 < n && text[i + 1] == ' ';
		} else {
			report("%c", text[i]);
		}
	}
}

static void
print_line(const char *text, size_t n)
{
	print_text(text, n);
	report("\n");
}

/* Paragraphs; lines that begin with a space stay as they are. */
static void
print_help(const char *text)
{
	bool literal = false;

	report(".Pp\n");
	while (*text) {
		size_t n = strcspn(text, "\n");
		bool indented = *text == ' ';

		if (indented != literal)
			report("%s\n", indented ? ".Bd -literal" : ".Ed");
		literal = indented;
		if (n == 0)
			report(".Pp\n");
		else if (indented)
			report("%.*s\n", (int)n, text);
		else
			print_line(text, n);
		text += n + (text[n] == '\n');
	}
	if (literal)
		report(".Ed\n");
}

static void
print_options(const struct option_spec *o)
{
	if (!o || !o->name)
		return;
	report(".Bl -tag -width Ds\n");
	for (; o->name; o++) {
		report(".It ");
		if (o->letter)
			report("Fl %c , ", o->letter);
		report("Fl Fl %s", o->name);
		if (o->arg)
			report(" Ar %s", o->arg);
		report("\n");
		print_text(o->help, strlen(o->help));
		report("\n");
	}
	report(".El\n");
}

static void
print_command(const struct command *c)
{
	report(".Ss %s", c->name);
	if (*c->operands)
		report(" ");
	print_text(c->operands, strlen(c->operands));
	report("\n");
	print_text(c->summary, strlen(c->summary));
	report(".\n");
	if (c->help)
		print_help(c->help);
	print_options(c->options);
}

void
help_man(void)
{
	report("%s", head);
	print_options(global_options);
	report(".Sh COMMANDS\n");
	for (const struct command *const *c = commands; *c; c++)
		print_command(*c);
	report("%s", tail);
}
