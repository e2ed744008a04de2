/* SPDX-License-Identifier: Apache-2.0 */
/* PCR0 out of an image, a measurements file, or a manifest with its lock. */
#include "against.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "build.h"
#include "lock/lock.h"
#include "manifests.h"
#include "operand.h"
#include "sign/image.h"

enum { MEASUREMENTS_MAX = 1 << 20, PCR_BYTES = 48 };

static bool
ends_in(const char *text, const char *end)
{
	size_t n = strlen(text);
	size_t m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

static int
of_image(struct cli *cli, const char *text, char pcr0[PCR0_TEXT], struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state state = {.crc = 0};

	if (operand_open(cli, text, &eif, e))
		return -1;
	if (encl_image_check(&eif, cli->env.jobs, &state, e) ||
	    encl_image_require(&eif, &state, e))
		return encl_wrap(e, "%s", text);
	encl_hex(state.measurements.pcr0.bytes, PCR_BYTES, pcr0);
	return 0;
}

static int
of_document(const json_t *doc, const char *path, char pcr0[PCR0_TEXT], struct encl_err *e)
{
	const json_t *list = json_object_get(doc, "Measurements");
	const char *text = json_string_value(json_object_get(list, "PCR0"));
	uint8_t bytes[PCR_BYTES];

	if (!text || !encl_unhex(text, bytes, PCR_BYTES))
		return encl_fail(e, ENCL_FAILED, "%s: has no Measurements.PCR0", path);
	encl_hex(bytes, PCR_BYTES, pcr0);
	return 0;
}

/* Were they measured of what the manifest and its lock say now? */
static int
check_fresh(const struct encl_manifest *m, const json_t *doc, const char *path,
	    struct encl_err *e)
{
	encl_auto(encl_free) char *lock_path = encl_lock_path(m);
	encl_auto(json_decref) json_t *lock = NULL;
	const char *was = json_string_value(json_object_get(doc, "Manifest"));
	struct encl_digest digest;
	char now[ENCL_DIGEST_TEXT];

	if (encl_lock_read(lock_path, &lock, e))
		return -1;
	if (!lock)
		return 0;
	encl_manifest_digest(m, lock, &digest);
	encl_digest_format(&digest, now);
	if (was && !strcmp(was, now))
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: is of another state of %s or its lock; build it again",
			 path, m->file);
}

static int
of_manifest(const char *file, char pcr0[PCR0_TEXT], struct encl_err *e)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_free) char *path = NULL;
	encl_auto(json_decref) json_t *doc = NULL;

	if (read_manifest(file, &m, e))
		return -1;
	path = encl_xasprintf("%s.measurements.json", m->name);
	if (encl_json_read(path, MEASUREMENTS_MAX, &doc, e) ||
	    check_fresh(m, doc, path, e))
		return -1;
	return of_document(doc, path, pcr0, e);
}

int
against_read(struct cli *cli, const char *text, char pcr0[PCR0_TEXT], struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	uint8_t bytes[PCR_BYTES];
	size_t n = strlen(text);

	if (n == PCR0_TEXT - 1 && encl_unhex(text, bytes, PCR_BYTES)) {
		encl_hex(bytes, PCR_BYTES, pcr0);
		return 0;
	}
	if (ends_in(text, ".eif") || operand_is_reference(text))
		return of_image(cli, text, pcr0, e);
	if (ends_in(text, ".json")) {
		if (encl_json_read(text, MEASUREMENTS_MAX, &doc, e))
			return -1;
		return of_document(doc, text, pcr0, e);
	}
	if (ends_in(text, ".lock")) {
		encl_auto(encl_free) char *manifest =
			encl_xasprintf("%.*s.yaml", (int)(n - strlen(".lock")), text);

		return of_manifest(manifest, pcr0, e);
	}
	return of_manifest(text, pcr0, e);
}
