/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild sign`: add, replace or remove an image's signature. */
#include "sign/sign.h"
#include "base/clock.h"
#include "cmd.h"
#include "image.h"
#include "resign.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"certificate", 0, "FILE", "PEM certificate; becomes part of the image", false},
	{"key", 0, "KEY",
	 "its key: a PEM file, a KMS key's ARN or a pkcs11: URI (P-256, P-384, P-521)",
	 false},
	{"remove", 0, NULL, "take the signature away instead", false},
	{"output", 'o', "FILE", "write here (default: replace IMAGE)", false},
	{NULL, 0, NULL, NULL, false},
};

static int
open_signer(struct cli *cli, const struct args *a, struct encl_key_signer **out,
	    struct encl_err *e)
{
	const char *certificate = args_get(a, "certificate");
	const char *key = args_get(a, "key");
	const struct encl_signer_request q = {
		.certificate = certificate, .key = key, .now = encl_now()};

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
	return encl_signer_open(&cli->env, &q, out, e);
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_key_signer_free) struct encl_key_signer *signer = NULL;
	struct resign how = {.image = a->operands[0], .output = args_get(a, "output")};
	struct encl_eif_result r;

	if (resign_output(a, e) || open_signer(cli, a, &signer, e))
		return -1;
	how.signer = signer;
	if (resign(cli, &how, &r, e))
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
		"then takes its place; measurements but PCR8 stay.  The same key file and\n"
		"certificate always make the same bytes (RFC 6979).  A key that is not\n"
		"the certificate's, or a certificate that is not valid today, is an\n"
		"error (exit 4) and nothing is written.\n"
		"\n"
		"--key arn:aws:kms:REGION:ACCOUNT:key/ID: KMS signs, asked by the identity\n"
		"that AWS's own tools would find; it needs kms:GetPublicKey and kms:Sign.\n"
		"--key pkcs11:token=T;object=O?pin-source=/FILE: a token signs, by OpenSSL's\n"
		"engine for PKCS#11.  The PIN is a file's or ENCLAVEBUILD_PKCS11_PIN's; nothing\n"
		"ever asks for it.  ?module-path=/SO names a module that p11-kit does not know.\n"
		"For a key that is elsewhere altogether: measure --to-sign, and attach.",
	.options = options,
	.run = run,
};
