/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild provenance`: what an image was built from, as SLSA provenance. */
#include "base/json.h"
#include "base/tmpfile.h"
#include "evidence.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"manifest", 0, "FILE", "the manifest it was built from (default: enclave.yaml)",
	 false},
	{"lock", 0, "FILE", "its lock (default: the one beside the manifest)", false},
	{"builder-id", 0, "URI", "who built it (default: a local run of enclavebuild)",
	 false},
	{"invocation-id", 0, "TEXT", "which run it was", false},
	{"started", 0, "TIME", "when it began, as 2026-01-31T12:00:00Z", false},
	{"finished", 0, "TIME", "when it was done", false},
	{"oci-digest", 0, "DIGEST",
	 "of the image's manifest in a registry (push --digest-file): a subject too",
	 false},
	{"output", 'o', "FILE", "write it there (default: standard output)", false},
	{NULL, 0, NULL, NULL, false},
};

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(evidence_clear) struct evidence v = {.eif = {.fd = -1}};
	encl_auto(json_decref) json_t *doc = NULL;
	const char *output = args_get(args, "output");
	const char *manifest = args_get(args, "manifest");
	const char *oci = args_get(args, "oci-digest");
	struct evidence_run r = {.oci = NULL};
	struct encl_digest digest;

	if (evidence_run_read(args, &r, e))
		return -1;
	if (oci && !encl_digest_parse(oci, &digest))
		return encl_fail(e, ENCL_USAGE,
				 "--oci-digest %s: is no digest (sha256:…)", oci);
	r.oci = oci ? &digest : NULL;
	if (args_output(args, "output", e) || (output && encl_tmpfile_try(output, e)) ||
	    evidence_open(cli, args->operands[0], &v, e) ||
	    evidence_read_sources(&v, manifest ? manifest : "enclave.yaml",
				  args_get(args, "lock"), e) ||
	    evidence_provenance(&v, args->operands[0], &r, &doc, e))
		return -1;
	return evidence_write(doc, output, e);
}

const struct command cmd_provenance = {
	.name = "provenance",
	.summary = "say what an image was built from, as SLSA provenance",
	.operands = "IMAGE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "An in-toto statement: the image by its SHA-256, the manifest and the lock by\n"
		"theirs, and everything that the lock pins by its digest.  The image is held\n"
		"against both first (exit 3); that nothing else is in it, only\n"
		"\"verify --rebuild\" shows.  It is not signed: that is cosign's to do.",
	.options = options,
	.run = run,
};
