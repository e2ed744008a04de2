/* SPDX-License-Identifier: Apache-2.0 */
/* Whether evidence is of an image: its measurements, its lock. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "push/evidence.h"

/* The number behind "PCR" of the first one that differs; -1: none. */
static int
differing_pcr(const json_t *has, const json_t *want)
{
	static const int numbers[] = {0, 1, 2, 8};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		encl_auto(encl_free) char *key = encl_xasprintf("PCR%d", numbers[i]);

		if (!json_equal(json_object_get(has, key), json_object_get(want, key)) &&
		    (json_object_get(has, key) || json_object_get(want, key)))
			return numbers[i];
	}
	return -1;
}

bool
encl_evidence_is_of(const json_t *measurements, const struct encl_measurements *m)
{
	encl_auto(json_decref) json_t *want = encl_measurements_json(m);

	return differing_pcr(json_object_get(measurements, "Measurements"),
			     json_object_get(want, "Measurements")) < 0;
}

static void
refresh(struct encl_evidence *v, json_t *doc, const json_t *measurements,
	const struct encl_artifact *a, const char *digest)
{
	json_object_update(doc, (json_t *)(uintptr_t)measurements);
	if (json_object_get(doc, "Digest"))
		json_object_set_new(doc, "Digest", json_string(digest));
	if (json_object_get(doc, "Size"))
		json_object_set_new(doc, "Size", json_integer((json_int_t)a->size));
	json_object_del(doc, "Sections"); /* stand in the config */
	free(v->text);
	v->text = encl_json_pretty(doc);
	v->size = strlen(v->text);
	encl_digest_of(ENCL_SHA256, v->text, v->size, &v->digest);
}

int
encl_evidence_fit(struct encl_evidence *v, const struct encl_artifact *a,
		  struct encl_err *e)
{
	encl_auto(json_decref) json_t *want = encl_measurements_json(&a->pcrs);
	encl_auto(json_decref) json_t *doc = NULL;
	const char *digest;
	char own[ENCL_DIGEST_TEXT];
	int pcr;

	if (encl_json_parse(v->text, v->size, v->path, &doc, e))
		return -1;
	digest = json_string_value(json_object_get(doc, "Digest"));
	encl_digest_format(&a->sha256, own);
	pcr = differing_pcr(json_object_get(doc, "Measurements"),
			    json_object_get(want, "Measurements"));
	if (pcr >= 0 && pcr < 8)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: is not of %s: PCR%d differs; build it again, or "
				 "leave it out with --no-evidence",
				 v->path, a->title, pcr);
	if (pcr == 8 || (digest && strcmp(digest, own) != 0))
		refresh(v, doc, want, a, own);
	return 0;
}

bool
encl_evidence_lock_is_for(const struct encl_evidence *v, enum encl_arch arch)
{
	encl_auto(json_decref) json_t *doc = NULL;
	const char *text;
	struct encl_err ignored;

	if (encl_json_parse(v->text, v->size, v->path, &doc, &ignored))
		return false;
	text = json_string_value(json_object_get(doc, "arch"));
	return text && !strcmp(text, encl_arch_name(arch));
}
