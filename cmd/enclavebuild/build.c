/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild build`: a manifest to a measured, signed image. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "build.h"
#include "cmd.h"
#include "evidence.h"
#include "history.h"
#include "image.h"
#include "lock/lock.h"
#include "manifests.h"
#include "verbs.h"

static void
print_pcr(const char *name, const struct encl_pcr *pcr)
{
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	report("%s %s\n", name, hex);
}

static void
print_rows(const char *title, const json_t *rows, const char *name_key)
{
	json_t *row;
	size_t i;

	report("\n%s:\n", title);
	json_array_foreach ((json_t *)(uintptr_t)rows, i, row) {
		const char *kind = json_string_value(json_object_get(row, "kind"));
		const char *name = json_string_value(json_object_get(row, name_key));

		report("%10.2f MiB  %s%s%s\n",
		       (double)json_integer_value(json_object_get(row, "bytes")) /
			       (1 << 20),
		       !strcmp(name_key, "name") && kind ? kind : "",
		       !strcmp(name_key, "name") ? " " : "", name ? name : "");
	}
}

static void
print_sizes(const json_t *sizes)
{
	print_rows("by source", json_object_get(sizes, "origins"), "name");
	print_rows("by folder", json_object_get(sizes, "largestFolders"), "path");
	print_rows("largest files", json_object_get(sizes, "largestFiles"), "path");
}

static void
print_text(const char *image, const struct encl_build_report *r, bool sizes)
{
	const struct encl_measurements *m = &r->result.measurements;
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&r->result.sha256, digest);
	report("image  %s (%.1f MiB)\ndigest %s\n", image,
	       (double)r->result.size / (1 << 20), digest);
	print_pcr("PCR0  ", &m->pcr0);
	print_pcr("PCR1  ", &m->pcr1);
	print_pcr("PCR2  ", &m->pcr2);
	if (m->has_pcr8 || r->to_sign_path)
		print_pcr("PCR8  ", m->has_pcr8 ? &m->pcr8 : &r->to_sign.pcr8);
	if (r->to_sign_path) {
		encl_digest_format(&r->to_sign.digest, digest);
		report("sign   %s %s (%s)\n", r->to_sign.alg, digest, r->to_sign_path);
	}
	report_extended(r->extended, 6);
	if (sizes)
		print_sizes(r->sizes);
}

static void
print_json(const char *image, const struct encl_build_report *r)
{
	encl_auto(json_decref) json_t *doc =
		encl_measurements_json(&r->result.measurements);
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&r->result.sha256, digest);
	json_object_set_new(doc, "Image", json_string(image));
	json_object_set_new(doc, "MeasurementsFile", json_string(r->measurements_path));
	json_object_set_new(doc, "Size", json_integer((json_int_t)r->result.size));
	json_object_set_new(doc, "Digest", json_string(digest));
	json_object_set_new(doc, "Locked", json_boolean(r->had_lock));
	if (r->to_sign_path) {
		encl_digest_format(&r->to_sign.digest, digest);
		json_object_set_new(doc, "ToSign",
				    json_pack("{s:s, s:s, s:s}", "File", r->to_sign_path,
					      "Algorithm", r->to_sign.alg, "Digest",
					      digest));
	}
	json_object_set(doc, "Sections", r->sections);
	if (r->extended)
		json_object_set(doc, "Extended", r->extended);
	json_object_set(doc, "Largest", r->sizes);
	report_json(doc);
}

/* What takes the place of what it is made from is a slip. */
static int
check_output(const struct encl_manifest *m, const char *option, const char *path,
	     struct encl_err *e)
{
	encl_auto(encl_free) char *lock = encl_lock_path(m);
	const char *const inputs[] = {m->file, lock};
	struct stat out;
	struct stat in;

	for (size_t i = 0; i < 2; i++)
		if (!stat(path, &out) && !stat(inputs[i], &in) &&
		    out.st_dev == in.st_dev && out.st_ino == in.st_ino)
			return encl_fail(e, ENCL_USAGE,
					 "--%s: %s is what the image is made from",
					 option, path);
	return 0;
}

static int
read_compat(const struct args *args, bool *nitro_cli, struct encl_err *e)
{
	const char *text = args_get(args, "compat");

	*nitro_cli = text && !strcmp(text, "nitro-cli");
	if (text && !*nitro_cli)
		return encl_fail(e, ENCL_USAGE,
				 "--compat %s: there is \"nitro-cli\" alone", text);
	return 0;
}

static int
check_document(const struct encl_manifest *m, const char *option, const char *path,
	       const char *image, struct encl_err *e)
{
	if (!strcmp(path, image))
		return encl_fail(e, ENCL_USAGE, "--%s: %s is the image", option, path);
	return check_output(m, option, path, e) || encl_tmpfile_try(path, e) ? -1 : 0;
}

/* --sbom and --provenance: what can be known of them before a long work. */
static int
check_evidence(const struct args *args, const struct encl_manifest *m, const char *image,
	       struct evidence_run *r, struct encl_err *e)
{
	encl_auto(encl_free) char *lock = encl_lock_path(m);
	const char *provenance = args_get(args, "provenance");
	const char *sbom = args_get(args, "sbom");

	if (evidence_run_read(args, r, e))
		return -1;
	if ((r->builder || r->invocation) && !provenance)
		return encl_fail(e, ENCL_USAGE, "--%s is for --provenance",
				 r->builder ? "builder-id" : "invocation-id");
	if (provenance && !strcmp(m->file, "<stdin>"))
		return encl_fail(e, ENCL_USAGE,
				 "--provenance: a manifest from standard input has no "
				 "name that it could give");
	if (provenance && access(lock, F_OK) != 0)
		return encl_fail(e, ENCL_MISMATCH,
				 "--provenance: %s is not there; run \"enclavebuild "
				 "lock\" first",
				 lock);
	if (sbom && provenance && !strcmp(sbom, provenance))
		return encl_fail(e, ENCL_USAGE,
				 "--sbom and --provenance are both to be %s", sbom);
	if ((sbom && check_document(m, "sbom", sbom, image, e)) ||
	    (provenance && check_document(m, "provenance", provenance, image, e)))
		return -1;
	return 0;
}

/* Of the image as it stands there now. */
static int
write_evidence(struct cli *cli, const struct args *args, const struct encl_manifest *m,
	       const char *image, bool had_lock, const struct evidence_run *r,
	       struct encl_err *e)
{
	encl_auto(evidence_clear) struct evidence v = {.eif = {.fd = -1}};
	encl_auto(json_decref) json_t *bill = NULL;
	encl_auto(json_decref) json_t *origin = NULL;
	const char *provenance = args_get(args, "provenance");
	const char *sbom = args_get(args, "sbom");

	if (!sbom && !provenance)
		return 0;
	if (evidence_open(cli, image, &v, e) ||
	    (had_lock && strcmp(m->file, "<stdin>") != 0 &&
	     evidence_read_sources(&v, m->file, NULL, e)))
		return -1;
	if (sbom && (evidence_sbom(&v, evidence_sbom_format(sbom), &bill, e) ||
		     evidence_write(bill, sbom, e)))
		return -1;
	if (provenance && (evidence_provenance(&v, image, r, &origin, e) ||
			   evidence_write(origin, provenance, e)))
		return -1;
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *file = args->n_operands ? args->operands[0] : "enclave.yaml";
	const char *history = args_get(args, "history");
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_build_report_clear) struct encl_build_report r = {0};
	encl_auto(encl_free) char *image = NULL;
	struct encl_build_request request = {.locked = args_has(args, "locked"),
					     .now = encl_now()};
	struct evidence_run about = {.oci = NULL};

	if (read_compat(args, &request.nitro_cli, e))
		return -1;
	cli->env.strict_scripts = args_has(args, "strict-scripts");
	if (read_manifest(file, &m, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e))
		return -1;
	image = args_has(args, "output") ? encl_xstrdup(args_get(args, "output"))
					 : encl_xasprintf("%s.eif", m->name);
	request.output = image;
	if (check_output(m, "output", image, e) ||
	    check_evidence(args, m, image, &about, e) ||
	    (history && history_ready(history, e)))
		return -1;
	if (encl_build(&cli->env, m, &request, &r, e) ||
	    write_evidence(cli, args, m, r.image_path, r.had_lock, &about, e))
		return -1;
	if (history && history_add(cli, history, r.image_path, e))
		return -1;
	if (cli->json)
		print_json(r.image_path, &r);
	else
		print_text(r.image_path, &r, args_has(args, "sizes") || cli->verbose);
	return 0;
}

static const struct option_spec options[] = {
	{"output", 'o', "FILE", "the image (default: NAME.eif)", false},
	{"locked", 0, NULL, "refuse to build without a lock that fits", false},
	{"strict-scripts", 0, NULL, "maintainer scripts with no equivalent are errors",
	 false},
	{"compat", 0, "LAYOUT",
	 "nitro-cli: the application's ramdisk as nitro-cli makes it of an image", false},
	{"history", 0, "FILE", "append what was built to a pcr-history.jsonl", false},
	{"sbom", 0, "FILE",
	 "write what is in it: SPDX, or CycloneDX where FILE is ….cdx.json", false},
	{"provenance", 0, "FILE", "write what it was built from (SLSA, in-toto)", false},
	{"builder-id", 0, "URI", "who builds, for --provenance", false},
	{"invocation-id", 0, "TEXT", "which run it is, for --provenance", false},
	{"sizes", 0, NULL, "tell what made the image large", false},
	{NULL, 0, NULL, NULL, false},
};

const struct command cmd_build = {
	.name = "build",
	.summary = "build an image from a manifest",
	.operands = "[MANIFEST]",
	.max_operands = 1,
	.help = "MANIFEST is enclave.yaml where it is not given.  What goes in is taken from\n"
		"the lock beside it (enclave.lock), or resolved where there is none.  The\n"
		"measurements are printed and written to NAME.measurements.json beside the\n"
		"image.  Nothing is written unless everything succeeded.  With sign: {detached:\n"
		"true} it is NAME.unsigned.eif, NAME.to-sign is what is to be signed elsewhere,\n"
		"and attach makes NAME.eif.",
	.options = options,
	.run = run,
};
