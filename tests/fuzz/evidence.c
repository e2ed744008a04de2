/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence and locks from outside: what they are about, what they pin, what becomes of
 * their words in a document of ours. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "verify/evidence_subject.h"
#include "verify/provenance.h"

static void
read_subjects(const json_t *doc)
{
	encl_auto(encl_subjects_clear) struct encl_subjects s = {.n = 0};
	struct encl_err e;

	if (encl_evidence_subjects(doc, "fuzz", &s, &e) == 0 &&
	    (!s.kind || !s.n || !encl_subjects_have(&s, &s.v[0].digest)))
		abort();
}

static void
read_lock(const json_t *doc)
{
	encl_auto(encl_pins_clear) struct encl_pins pins = {.n = 0};
	encl_auto(json_decref) json_t *out = NULL;
	struct encl_provenance p = {.name = "x",
				    .sha256 = {.algo = ENCL_SHA256},
				    .manifest = "m",
				    .meaning = {.algo = ENCL_SHA256},
				    .lock_name = "l",
				    .lock_digest = {.algo = ENCL_SHA256},
				    .lock = doc,
				    .pins = &pins,
				    .metadata = "{}"};
	struct encl_err e;

	if (encl_pins_read(doc, &pins, &e))
		return;
	out = encl_provenance(&p);
	if (!out)
		abort();
	read_subjects(out); /* what we write we can read */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_err e;

	if (encl_json_parse((const char *)data, size, "fuzz", &doc, &e))
		return 0;
	read_subjects(doc);
	read_lock(doc);
	return 0;
}
