/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild sign`: add, replace or remove an image's signature. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/tmpfile.h"
#include "cmd.h"
#include "image.h"
#include "sign/image.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"certificate", 0, "FILE", "PEM certificate; becomes part of the image", false},
	{"key", 0, "FILE", "its PEM private key: P-256, P-384 or P-521", false},
	{"remove", 0, NULL, "take the signature away instead", false},
	{"output", 'o', "FILE", "write here (default: replace IMAGE)", false},
	{NULL, 0, NULL, NULL, false},
};

static int
open_signer(const struct args *a, struct encl_key_signer **out, struct encl_err *e)
{
	const char *certificate = args_get(a, "certificate");
	const char *key = args_get(a, "key");

	if (args_has(a, "remove")) {
		if (certificate || key)
			return encl_fail(e, ENCL_USAGE,
					 "sign: --remove takes neither --certificate nor "
					 "--key");
		return 0;
	}
	if (!certificate || !key)
		return encl_fail(e, ENCL_USAGE,
				 "sign: --certificate and --key are both needed");
	return encl_key_signer_open(certificate, key, encl_now(), out, e);
}

/* Whole and undamaged; an old signature may be wrong, it is not kept. */
static int
check_source(const struct encl_eif *eif, unsigned jobs, struct encl_err *e)
{
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_image_check(eif, jobs, &s, e))
		return -1;
	return s.crc_ok ? 0 : encl_image_require(eif, &s, e);
}

/* What was written, read as a stranger would. */
static int
check_result(const char *path, const struct encl_eif_result *want, unsigned jobs,
	     struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_image_reopen(path, want, e) || encl_eif_open(path, &eif, e) ||
	    encl_image_check(&eif, jobs, &s, e))
		return -1;
	return encl_image_require(&eif, &s, e);
}

/* The file itself is replaced where IMAGE is a link to it. */
static char *
target(const struct args *a)
{
	const char *output = args_get(a, "output");
	char *real = output ? NULL : realpath(a->operands[0], NULL);

	return real ? real : encl_xstrdup(output ? output : a->operands[0]);
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *signer = NULL;
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};
	encl_auto(encl_free) char *path = target(a);
	struct encl_eif_result r;
	struct stat st;

	if (open_signer(a, &signer, e) || encl_eif_open(a->operands[0], &eif, e) ||
	    check_source(&eif, cli->env.jobs, e))
		return -1;
	if (fstat(eif.fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "stat %s", a->operands[0]);
	if (encl_tmpfile_open(&t, path, st.st_mode & 0777, e) ||
	    encl_eif_resign(&eif, t.fd, signer ? encl_key_signer_base(signer) : NULL,
			    cli->env.jobs, &r, e) ||
	    check_result(t.temp, &r, cli->env.jobs, e) || encl_tmpfile_commit(&t, e))
		return -1;
	report_measurements(cli, &r.measurements);
	return 0;
}

const struct command cmd_sign = {
	.name = "sign",
	.summary = "add, replace or remove the signature of an image",
	.operands = "IMAGE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "The new image is written beside the old one, read back and verified, and\n"
		"then takes its place; measurements but PCR8 stay.  The same key and\n"
		"certificate always make the same bytes (RFC 6979).  A key that is not\n"
		"the certificate's, or a certificate that is not valid today, is an\n"
		"error (exit 4) and nothing is written.",
	.options = options,
	.run = run,
};
