/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `enclavebuild verify`: an image against itself and against what it has to be.
 * It fails closed: every check is told, what cannot be checked has failed, and
 * where nothing was given to compare with nothing is verified.
 */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "cosign.h"
#include "expectations.h"
#include "operand.h"
#include "verbs.h"
#include "verdict.h"
#include "verify/extended.h"
#include "verify/image.h"
#include "verify/purl.h"
#include "verify/statement.h"

#define VERIFIER "https://enclavebuild.dev/verify/v1"

static const struct option_spec options[] = {
	EXPECTATIONS_OPTIONS,
	{"annotations", 0, NULL,
	 "of a reference: the measurements that its manifest names have to be the "
	 "image's",
	 false},
	{"chain", 0, "FILE",
	 "CAs (PEM) that the signing certificate has to lead to; an unsigned image fails",
	 false},
	{"require-signature", 0, NULL, "an unsigned image fails", false},
	{"at", 0, "TIME",
	 "when the certificate has to be valid, as 2026-01-31T12:00:00Z (default: now)",
	 false},
	{"compat", 0, "nitro-cli",
	 "take folders that are stated twice, as nitro-cli writes them", false},
	{"manifest", 0, "FILE",
	 "the manifest whose digest, with its lock, has to stand in the image", false},
	{"lock", 0, "FILE", "its lock (default: the one beside the manifest)", false},
	{"sbom", 0, "FILE", "SBOM (SPDX or CycloneDX) that has to be of this image",
	 true},
	{"provenance", 0, "FILE", "provenance (in-toto) that has to be of this image",
	 true},
	{"evidence", 0, NULL,
	 "of a reference: everything attached to it has to be of this image", false},
	{"rebuild", 0, "MANIFEST",
	 "build again from it and its lock, in a clean cache, and compare everything",
	 false},
	{"use-cache", 0, NULL, "with --rebuild: from the usual cache", false},
	COSIGN_OPTIONS,
	{"attest", 0, "FILE", "write the result as an in-toto statement (SLSA VSA)",
	 false},
	{"verifier", 0, "URL", "who verifies, for --attest", false},
	{NULL, 0, NULL, NULL, false},
};

void
verification_clear(struct verification *v)
{
	encl_eif_close(&v->eif);
	encl_image_state_clear(&v->state);
	encl_checks_clear(&v->checks);
	json_decref(v->diff);
	json_decref(v->inputs);
	encl_reference_clear(&v->where);
	encl_pulled_clear(&v->pulled);
}

void
verification_add_input(struct verification *v, const char *name, const void *bytes,
		       size_t n)
{
	const char *slash = strrchr(name, '/');
	encl_auto(encl_free) char *uri = NULL;
	char text[ENCL_DIGEST_TEXT];
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, bytes, n, &d);
	encl_digest_format(&d, text);
	uri = encl_purl("generic", NULL, slash ? slash + 1 : name, NULL,
			&(struct encl_purl_qualifier){"checksum", text}, 1);
	json_array_append_new(v->inputs, json_pack("{s:s, s:{s:s}}", "uri", uri, "digest",
						   "sha256", strchr(text, ':') + 1));
}

static int
read_time(const struct args *a, uint64_t *now, struct encl_err *e)
{
	const char *text = args_get(a, "at");

	*now = encl_now();
	if (text && !encl_parse_time(text, now))
		return encl_fail(e, ENCL_USAGE,
				 "--at: \"%s\" is no time such as 2026-01-31T12:00:00Z",
				 text);
	return 0;
}

static int
check_options(const struct verification *v, struct encl_err *e)
{
	static const char *const of_reference[] = {"annotations", "evidence"};
	const char *compat = args_get(v->args, "compat");
	struct cosign_request cosign;
	bool bundle;

	if (compat && strcmp(compat, "nitro-cli") != 0)
		return encl_fail(e, ENCL_USAGE, "--compat: \"%s\" is not nitro-cli",
				 compat);
	for (size_t i = 0; i < sizeof of_reference / sizeof *of_reference; i++)
		if (args_has(v->args, of_reference[i]) && !v->from_registry)
			return encl_fail(e, ENCL_USAGE,
					 "--%s: %s is a file and no reference to a "
					 "registry",
					 of_reference[i], v->operand);
	if (args_has(v->args, "lock") && !args_has(v->args, "manifest"))
		return encl_fail(e, ENCL_USAGE,
				 "--lock needs --manifest: the image has the digest of "
				 "both");
	if (args_has(v->args, "use-cache") && !args_has(v->args, "rebuild"))
		return encl_fail(e, ENCL_USAGE, "--use-cache is for --rebuild");
	if (args_has(v->args, "verifier") && !args_has(v->args, "attest"))
		return encl_fail(e, ENCL_USAGE, "--verifier is for --attest");
	if (args_has(v->args, "verifier") &&
	    !encl_url_is_plain(args_get(v->args, "verifier")))
		return encl_fail(e, ENCL_USAGE, "--verifier: \"%s\" is no http(s) URL",
				 args_get(v->args, "verifier"));
	return cosign_read_options(v->args, v->cli->env.offline, &cosign, &bundle, e);
}

static int
check_image(struct verification *v, struct encl_err *e)
{
	const struct encl_verify_options o = {
		.now = v->now,
		.require_signature = args_has(v->args, "require-signature"),
		.chain = args_get(v->args, "chain"),
		.nitro_cli = args_has(v->args, "compat"),
	};

	return encl_verify_image(&v->eif, v->cli->env.jobs, &o, &v->state, &v->checks, e);
}

static int
compare(struct verification *v, const struct expectations *x, struct encl_err *e)
{
	struct encl_extended extended;
	struct encl_registers r;

	encl_registers_of(&v->state.measurements, &r);
	encl_extended_registers(&v->eif, &x->pcrs, &extended, &r);
	if (verify_registry(v, e) || expectations_check(x, &r, &v->checks, e) ||
	    verify_sections(v, e) || verify_evidence(v, e) || verify_bundle(v, e) ||
	    verify_rebuild(v, e))
		return -1;
	verdict_need_comparison(&v->checks,
				v->from_registry
					? "--pcr0, --measurements, --image, --policy, "
					  "--chain, --rebuild or --annotations"
					: "--pcr0, --measurements, --image, --policy, "
					  "--chain or --rebuild");
	return 0;
}

static bool
passed(const struct verification *v)
{
	return encl_checks_passed(&v->checks) && encl_checks_compared(&v->checks);
}

static void
show(const struct verification *v)
{
	verdict_lines(&v->checks);
	verify_rebuild_show(v);
}

static void
show_json(const struct verification *v)
{
	encl_auto(json_decref) json_t *m = encl_measurements_json(&v->state.measurements);
	char digest[ENCL_DIGEST_TEXT];
	json_t *out;

	encl_digest_format(&v->state.sha256, digest);
	out = json_pack("{s:o, s:s, s:s, s:o, s:O}", "Image", encl_json_text(v->operand),
			"Digest", digest, "Verdict", passed(v) ? "pass" : "fail",
			"Checks", encl_checks_json(&v->checks), "Measurements",
			json_object_get(m, "Measurements"));
	if (v->from_registry)
		json_object_set_new(out, "Manifest", json_string(v->pulled.manifest));
	if (v->diff)
		json_object_set(out, "Diff", v->diff);
	report_json(out);
	json_decref(out);
}

/* A package URL, which means the same everywhere; malloc'ed. */
static char *
resource(const struct verification *v, const char *name)
{
	encl_auto(encl_free) char *where = NULL;
	const char *slash;
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&v->state.sha256, digest);
	if (!v->from_registry)
		return encl_purl("generic", NULL, name, NULL,
				 &(struct encl_purl_qualifier){"checksum", digest}, 1);
	where = encl_xasprintf("%s/%s", v->where.host, v->where.repository);
	slash = strrchr(where, '/');
	return encl_purl("oci", NULL, slash + 1, v->pulled.manifest,
			 &(struct encl_purl_qualifier){"repository_url", where}, 1);
}

static int
attest(const struct verification *v, struct encl_err *e)
{
	const char *path = args_get(v->args, "attest");
	const char *verifier = args_get(v->args, "verifier");
	const char *slash = v->from_registry ? NULL : strrchr(v->operand, '/');
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *text = NULL;
	const char *name = slash ? slash + 1 : v->operand;
	encl_auto(encl_free) char *uri = resource(v, name);
	struct encl_statement s = {
		.name = name,
		.uri = uri,
		.verifier = verifier ? verifier : VERIFIER,
		.sha256 = v->state.sha256,
		.time = v->now,
		.inputs = v->inputs,
		.checks = &v->checks,
	};

	if (!path)
		return 0;
	doc = encl_verify_statement(&s);
	text = encl_json_pretty(doc);
	return encl_write_file(path, text, strlen(text), 0644, e);
}

/* ENCL_MISMATCH with the first check that failed. */
static int
conclude(const struct verification *v, struct encl_err *e)
{
	const struct encl_check *first = encl_checks_first_failed(&v->checks);
	size_t n = 0;

	if (passed(v))
		return 0;
	for (size_t i = 0; i < v->checks.n; i++)
		n += v->checks.v[i].verdict == ENCL_CHECK_FAIL;
	if (n > 1)
		return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s (and %zu more)",
				 v->operand, first->name, first->text, n - 1);
	if (!strcmp(first->name, "comparison"))
		return encl_fail(e, ENCL_MISMATCH, "%s: %s", v->operand, first->text);
	return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s", v->operand, first->name,
			 first->text);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(verification_clear) struct verification v = {
		.cli = cli,
		.args = args,
		.operand = args->operands[0],
		.eif = {.fd = -1},
		.pulled = {.fd = -1},
		.inputs = json_array(),
		.from_registry = operand_is_reference(args->operands[0]),
	};
	encl_auto(expectations_clear) struct expectations x = {.pcrs = {.n = 0}};

	if (read_time(args, &v.now, e) || check_options(&v, e) ||
	    args_output(args, "attest", e) || expectations_read(cli, args, &x, e))
		return -1;
	if (v.from_registry ? verify_open_reference(&v, e)
			    : encl_eif_open(v.operand, &v.eif, e))
		return -1;
	if (check_image(&v, e) || compare(&v, &x, e) || attest(&v, e))
		return -1;
	if (cli->json)
		show_json(&v);
	else
		show(&v);
	return conclude(&v, e);
}

const struct command cmd_verify = {
	.name = "verify",
	.summary = "check an image, and that it is the one that was meant",
	.operands = "IMAGE|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Structure, boundaries, ramdisks, CRC, signature and certificate are always\n"
		"checked: an image that two readers would read differently is refused.\n"
		"Then it is compared with all that is given; a value may be given several\n"
		"times and from several sources, and all of them have to hold.  One check a\n"
		"line: ok, BAD, or -- for what decides nothing.\n"
		"Exit 3 where a check failed, and where nothing was given to compare with:\n"
		"an image that only agrees with itself is not verified.  Exit 1 where it\n"
		"cannot be read as an image.\n"
		"Who pins only PCR0 does not see bytes that move between sections; pin\n"
		"PCR0, PCR1 and PCR2, as a measurements file does.",
	.options = options,
	.run = run,
};
