/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild sbom`: what is in an image, as SPDX or CycloneDX. */
#include <string.h>

#include "base/json.h"
#include "base/tmpfile.h"
#include "evidence.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"format", 0, "FORMAT",
	 "spdx (2.3) or cyclonedx (1.6); default: cyclonedx where FILE is ….cdx.json, "
	 "else spdx",
	 false},
	{"manifest", 0, "FILE",
	 "the manifest it was built from: adds what only its lock knows", false},
	{"lock", 0, "FILE", "its lock (default: the one beside the manifest)", false},
	{"output", 'o', "FILE", "write it there (default: standard output)", false},
	{NULL, 0, NULL, NULL, false},
};

static int
check_format(const char *format, struct encl_err *e)
{
	if (strcmp(format, "spdx") != 0 && strcmp(format, "cyclonedx") != 0)
		return encl_fail(e, ENCL_USAGE,
				 "--format %s: is neither spdx nor cyclonedx", format);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(evidence_clear) struct evidence v = {.eif = {.fd = -1}};
	encl_auto(json_decref) json_t *doc = NULL;
	const char *output = args_get(args, "output");
	const char *manifest = args_get(args, "manifest");
	const char *lock = args_get(args, "lock");
	const char *format = args_has(args, "format") ? args_get(args, "format")
						      : evidence_sbom_format(output);

	if (check_format(format, e))
		return -1;
	if (lock && !manifest)
		return encl_fail(e, ENCL_USAGE,
				 "--lock is read beside a manifest: name it with "
				 "--manifest");
	if (args_output(args, "output", e) || (output && encl_tmpfile_try(output, e)) ||
	    evidence_open(cli, args->operands[0], &v, e) ||
	    (manifest && evidence_read_sources(&v, manifest, lock, e)) ||
	    evidence_sbom(&v, format, &doc, e))
		return -1;
	return evidence_write(doc, output, e);
}

const struct command cmd_sbom = {
	.name = "sbom",
	.summary = "list what is in an image, as SPDX or CycloneDX",
	.operands = "IMAGE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "IMAGE is a file or a reference to one in a registry.  Packages are those\n"
		"of the image's own databases (dpkg's and apk's); each file that is of none\n"
		"stands for itself with its digests.  With the manifest that it was built\n"
		"from, images and their layers, archives, digests of packages and the\n"
		"kernel's package are told as well.  The same image always gives the same\n"
		"bytes.",
	.options = options,
	.run = run,
};
