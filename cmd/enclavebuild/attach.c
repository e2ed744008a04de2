/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild attach`: the output of an enclave's units as it comes; and, with
 * --signature, a signature that was made elsewhere onto its image. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cmd.h"
#include "image.h"
#include "inside.h"
#include "resign.h"
#include "sign/sign.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"signature", 0, "FILE",
	 "of what measure --to-sign wrote: DER, or r and s, or base64 of them", false},
	{"certificate", 0, "FILE", "its PEM certificate; becomes part of the image",
	 false},
	{"output", 'o', "FILE",
	 "the signed image (default: NAME.eif for NAME.unsigned.eif, else IMAGE)", false},
	{NULL, 0, NULL, NULL, false},
};

/* "a.unsigned.eif" -> "a.eif", malloc'ed; NULL: it is not called so. */
static char *
signed_name(const char *image)
{
	static const char ending[] = ".unsigned.eif";
	size_t n = strlen(image);
	size_t m = strlen(ending);

	if (n <= m || strcmp(image + n - m, ending) != 0 || image[n - m - 1] == '/')
		return NULL;
	return encl_xasprintf("%.*s.eif", (int)(n - m), image);
}

static int
attach_signature(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *signer = NULL;
	encl_auto(encl_free) char *own = signed_name(a->operands[0]);
	const struct encl_signer_request q = {
		.certificate = args_get(a, "certificate"),
		.signature = args_get(a, "signature"),
		.now = encl_now(),
	};
	struct resign how = {
		.image = a->operands[0],
		.output = args_has(a, "output") ? args_get(a, "output") : own,
		.attach = true,
	};
	struct encl_eif_result r;

	if (!q.certificate || !q.signature)
		return encl_fail(e, ENCL_USAGE,
				 "attach: a signature needs both --signature and "
				 "--certificate");
	if (a->n_operands > 1)
		return encl_fail(e, ENCL_USAGE, "attach: --signature takes one IMAGE");
	if (resign_output(a, e) || encl_signer_open(&cli->env, &q, &signer, e))
		return -1;
	how.signer = signer;
	if (resign(cli, &how, &r, e))
		return -1;
	report_measurements(cli, &r.measurements);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const struct encl_exec_request r = {
		.attach = true, .unit = args->n_operands > 1 ? args->operands[1] : NULL};

	if (args_has(args, "signature") || args_has(args, "certificate") ||
	    args_has(args, "output"))
		return attach_signature(cli, args, e);
	return inside_run(cli, args->operands[0], &r, e);
}

const struct command cmd_attach = {
	.name = "attach",
	.summary =
		"show what the units of an enclave print, or put a signature on an image",
	.operands = "NAME [UNIT] | IMAGE",
	.min_operands = 1,
	.max_operands = 2,
	.help = "attach NAME [UNIT]: from now on, as it comes, until the unit (without one: the\n"
		"enclave) ends, and with its exit code.  Only where the image's manifest says\n"
		"debug: {exec: true}.  It is read-only: a unit has no standard input.  Who does\n"
		"not read fast enough loses output, and is told how much; the unit does not\n"
		"wait.\n"
		"\n"
		"attach IMAGE --signature FILE --certificate FILE: the signature was made\n"
		"elsewhere, of what measure --to-sign wrote.  It is verified with the\n"
		"certificate's key and against the image's PCR0 before anything is written;\n"
		"one that is not this image's is an error (exit 4).  From NAME.unsigned.eif,\n"
		"which a build with sign: {detached: true} leaves, comes NAME.eif with its\n"
		"NAME.measurements.json.",
	.options = options,
	.run = run,
};
