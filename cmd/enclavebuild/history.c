/* SPDX-License-Identifier: Apache-2.0 */
/* An image to a line: names, manifest, tool, measurements, digest; no clock. */
#include "history.h"

#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "operand.h"
#include "push/evidence.h"
#include "sign/image.h"
#include "verify/history.h"

static void
set(json_t *v, const char *key, const json_t *value)
{
	if (value)
		json_object_set(v, key, (json_t *)(uintptr_t)value);
	else
		json_object_set_new(v, key, json_null());
}

static json_t *
entry_of(const struct encl_eif *eif, const struct encl_image_state *s,
	 const json_t *measured)
{
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	const json_t *build = json_object_get(metadata, "BuildMetadata");
	json_t *v = encl_measurements_json(&s->measurements);
	json_t *list = json_object_get(v, "Measurements");
	char digest[ENCL_DIGEST_TEXT];

	encl_digest_format(&s->sha256, digest);
	json_incref(list);
	json_object_clear(v);
	set(v, "Name", json_object_get(metadata, "ImageName"));
	set(v, "Version", json_object_get(metadata, "ImageVersion"));
	json_object_set_new(v, "Architecture", json_string(encl_arch_name(eif->arch)));
	json_object_set_new(v, "Digest", json_string(digest));
	set(v, "Manifest", json_object_get(measured, "Manifest"));
	set(v, "Compat", json_object_get(measured, "Compat"));
	set(v, "BuildTool", json_object_get(build, "BuildTool"));
	set(v, "BuildToolVersion", json_object_get(build, "BuildToolVersion"));
	json_object_set_new(v, "Measurements", list);
	return v;
}

int
history_ready(const char *history, struct encl_err *e)
{
	struct encl_history h;
	struct stat st;

	if (stat(history, &st) || !st.st_size)
		return 0;
	return encl_history_check(history, &h, e);
}

int
history_add(struct cli *cli, const char *history, const char *image, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};
	encl_auto(json_decref) json_t *measured = NULL;
	encl_auto(json_decref) json_t *entry = NULL;
	struct encl_history h;
	char head[ENCL_DIGEST_TEXT];
	bool added;

	if (operand_open_measured(cli, image, &eif, &measured, e) ||
	    encl_image_check(&eif, cli->env.jobs, &s, e) ||
	    encl_image_require(&eif, &s, e))
		return -1;
	if (measured && !encl_evidence_is_of(measured, &s.measurements)) {
		json_decref(measured);
		measured = NULL;
	}
	entry = entry_of(&eif, &s, measured);
	if (encl_history_append(history, entry, &added, &h, e))
		return -1;
	encl_digest_format(&h.head, head);
	encl_info(&cli->log, "%s: %s line %zu; its digest is %s", history,
		  added ? "wrote" : "the same image is in", h.n, head);
	return 0;
}
