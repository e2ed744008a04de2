/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `verify`: documents that say something about an image are of this image.  That
 * they are true is not said: signatures on them are cosign's to check.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/stream.h"
#include "build.h"
#include "lock/lock.h"
#include "manifests.h"
#include "push/evidence.h"
#include "ramdisk/ramdisk.h"
#include "verify.h"
#include "verify/evidence_subject.h"
#include "verify/expect.h"
#include "verify/extended.h"

enum { DIGEST_FILE_MAX = 256 };

/* ---- documents with a subject ---- */

static bool
begins(const char *text, const char *with)
{
	return text && !strncmp(text, with, strlen(with));
}

static bool
is_sbom(const struct encl_subjects *s)
{
	return !strcmp(s->kind, "SPDX") || !strcmp(s->kind, "CycloneDX") ||
	       begins(s->predicate, "https://spdx.dev/Document") ||
	       begins(s->predicate, "https://cyclonedx.org/bom");
}

static bool
is_provenance(const struct encl_subjects *s)
{
	return begins(s->predicate, "https://slsa.dev/provenance/");
}

/* One of its subjects is the image, or the manifest that it was asked for by. */
static void
check_subject(struct verification *v, const char *name, const char *source,
	      const struct encl_subjects *s)
{
	struct encl_digest manifest;
	char expected[ENCL_DIGEST_TEXT];
	char got[ENCL_DIGEST_TEXT];

	encl_digest_format(&v->state.sha256, got);
	encl_digest_format(&s->v[0].digest, expected);
	if (encl_subjects_have(s, &v->state.sha256))
		encl_digest_format(&v->state.sha256, expected);
	else if (v->from_registry && encl_digest_parse(v->pulled.manifest, &manifest) &&
		 encl_subjects_have(s, &manifest)) {
		encl_digest_format(&manifest, expected);
		encl_digest_format(&manifest, got);
	}
	encl_checks_compare(&v->checks, name, source, expected, got);
}

static int
check_file(struct verification *v, const char *name, const char *path,
	   bool (*is)(const struct encl_subjects *s), struct encl_err *e)
{
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.kind = NULL};
	encl_auto(encl_free) char *text = NULL;
	encl_auto(json_decref) json_t *doc = NULL;
	size_t n;

	if (encl_read_file(path, ENCL_EVIDENCE_MAX, &text, &n, e) ||
	    encl_json_parse(text, n, path, &doc, e) ||
	    encl_evidence_subjects(doc, path, &s, e))
		return -1;
	if (!is(&s))
		return encl_fail(e, ENCL_FAILED, "%s: is no %s", path,
				 is == is_sbom ? "SBOM (SPDX or CycloneDX)"
					       : "SLSA provenance");
	check_subject(v, name, path, &s);
	verification_add_input(v, path, text, n);
	return 0;
}

/* ---- the manifest's digest, which is measured ---- */

struct search {
	struct encl_cpio_visitor visitor; /* first */
	struct encl_buf text;
	struct encl_sink_buf sink;
	bool found;
};

static int
see_entry(struct encl_cpio_visitor *visitor, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct search *s = (struct search *)visitor;

	(void)e;
	if (strcmp(entry->path, "rootfs/.enclave/manifest.digest") != 0 ||
	    !S_ISREG(entry->mode) || entry->filesize > DIGEST_FILE_MAX)
		return 0;
	s->found = true;
	s->text.len = 0;
	*sink = &s->sink.sink;
	return 0;
}

/* Its line without the newline, malloc'ed; NULL: there is none. */
static char *
digest_inside(const struct encl_eif *eif)
{
	struct search s = {.visitor = {.entry = see_entry},
			   .text = {.cap = DIGEST_FILE_MAX}};
	struct encl_err e;
	char *out = NULL;

	encl_sink_buf_init(&s.sink, &s.text, "manifest.digest");
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == ENCL_SECTION_RAMDISK &&
		    encl_ramdisk_read(eif->fd, eif->sections[i].offset,
				      eif->sections[i].size, &s.visitor, &e))
			s.found = false;
	if (s.found && s.text.len)
		out = encl_xstrndup((const char *)s.text.data,
				    s.text.len - (s.text.data[s.text.len - 1] == '\n'));
	encl_buf_clear(&s.text);
	return out;
}

static int
check_manifest(struct verification *v, const char *file, struct encl_err *e)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_free) char *beside = NULL;
	encl_auto(encl_free) char *source = NULL;
	encl_auto(encl_free) char *got = NULL;
	encl_auto(json_decref) json_t *lock = NULL;
	const char *path = args_get(v->args, "lock");
	char expected[ENCL_DIGEST_TEXT];
	struct encl_digest digest;

	if (read_manifest(file, &m, e))
		return -1;
	beside = encl_lock_path(m);
	path = path ? path : beside;
	if (encl_lock_read(path, &lock, e))
		return -1;
	if (!lock)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s is not there; run \"enclavebuild lock\" first",
				 path);
	encl_manifest_digest(m, lock, &digest);
	encl_digest_format(&digest, expected);
	got = digest_inside(&v->eif);
	source = encl_xasprintf("%s with %s", file, path);
	encl_checks_compare(&v->checks, "manifest", source, expected, got);
	return 0;
}

/* ---- what is attached to it in the registry ---- */

static int
check_measurements(struct verification *v, const char *source, const json_t *doc,
		   struct encl_err *e)
{
	encl_auto(encl_expectations_clear) struct encl_expectations x = {.n = 0};
	struct encl_extended extended;
	struct encl_registers r;

	if (encl_expect_document(&x, doc, source, e))
		return -1;
	encl_registers_of(&v->state.measurements, &r);
	encl_extended_registers(&v->eif, &x, &extended, &r);
	encl_expect_check(&x, &r, &v->checks);
	return 0;
}

static int
check_document(struct verification *v, const char *type, const char *source,
	       const json_t *doc, struct encl_err *e)
{
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.kind = NULL};

	if (!strcmp(type, ENCL_ARTIFACT_MEASUREMENTS))
		return check_measurements(v, source, doc, e);
	if (encl_evidence_subjects(doc, source, &s, e))
		return -1;
	check_subject(v,
		      is_sbom(&s)	  ? "sbom"
		      : is_provenance(&s) ? "provenance"
					  : "evidence",
		      source, &s);
	return 0;
}

/* Types whose documents name what they are about. */
static bool
has_subject(const char *type)
{
	static const char *const types[] = {
		ENCL_ARTIFACT_MEASUREMENTS,
		"application/spdx+json",
		"application/vnd.cyclonedx+json",
		"application/vnd.in-toto+json",
		"application/vnd.dsse.envelope.v1+json",
		"application/vnd.dev.sigstore.bundle",
	};

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (begins(type, types[i]))
			return true;
	return false;
}

/* What cannot be read is no evidence. */
static int
see_referrer(void *arg, const char *type, const char *digest, const char *text, size_t n,
	     struct encl_err *e)
{
	struct verification *v = arg;
	encl_auto(encl_free) char *source = encl_xasprintf("%s (%.19s)", type, digest);
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err why;

	(void)e;
	if (!has_subject(type)) {
		encl_checks_add(&v->checks, "evidence", ENCL_CHECK_NOTE,
				"%s: is of a type that names no image%s", source,
				strcmp(type, ENCL_ARTIFACT_LOCK) != 0
					? ""
					: "; give --manifest and --lock");
		return 0;
	}
	if (encl_json_parse(text, n, source, &doc, &why) ||
	    check_document(v, type, source, doc, &why)) {
		encl_checks_add(&v->checks, "evidence", ENCL_CHECK_FAIL, "%s", why.msg)
			->compares = true;
		return 0;
	}
	verification_add_input(v, digest, text, n);
	return 0;
}

static int
check_attached(struct verification *v, struct encl_err *e)
{
	struct cli *cli = v->cli;
	size_t before = v->checks.n;

	if (encl_pull_referrers(&cli->env, cli->env.registry, &v->where, &v->pulled,
				ENCL_EVIDENCE_MAX, see_referrer, v, e))
		return -1;
	if (v->checks.n == before)
		encl_checks_add(&v->checks, "evidence", ENCL_CHECK_FAIL,
				"nothing is attached to %s", v->pulled.manifest)
			->compares = true;
	return 0;
}

int
verify_evidence(struct verification *v, struct encl_err *e)
{
	const char *manifest = args_get(v->args, "manifest");
	const char *path;

	if (manifest && check_manifest(v, manifest, e))
		return -1;
	for (size_t i = 0; (path = args_nth(v->args, "sbom", i)); i++)
		if (check_file(v, "sbom", path, is_sbom, e))
			return -1;
	for (size_t i = 0; (path = args_nth(v->args, "provenance", i)); i++)
		if (check_file(v, "provenance", path, is_provenance, e))
			return -1;
	return args_has(v->args, "evidence") ? check_attached(v, e) : 0;
}
