/* SPDX-License-Identifier: Apache-2.0 */
/* An image's bytes into what is told of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "launch/memory.h"
#include "push/artifact.h"
#include "sign/image.h"

static bool
is_zone(const char *p)
{
	return !strcmp(p, "Z") ||
	       ((*p == '+' || *p == '-') && strspn(p + 1, "0123456789:") == 5 &&
		p[3] == ':' && !p[6]);
}

bool
encl_artifact_is_time(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t i;

	for (i = 0; form[i]; i++)
		if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return false;
	text += i;
	if (*text == '.') {
		size_t digits = strspn(text + 1, "0123456789");

		if (!digits || digits > 9)
			return false;
		text += 1 + digits;
	}
	return is_zone(text);
}

/* The image's own time; else SOURCE_DATE_EPOCH; never the clock. */
static char *
time_of(const json_t *metadata)
{
	const char *own = json_string_value(
		json_object_get(json_object_get(metadata, "BuildMetadata"), "BuildTime"));
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t seconds = 0;
	char text[32];

	if (own && encl_artifact_is_time(own))
		return encl_xstrdup(own);
	if (epoch && !encl_parse_uint(epoch, 10, UINT32_MAX, &seconds))
		seconds = 0;
	encl_format_time(seconds, text);
	return encl_xstrdup(text);
}

static char *
string_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return encl_xstrdup(text ? text : "");
}

/* What enclavebuild itself wrote into it; nothing measures it. */
static void
read_own(const json_t *metadata, struct encl_artifact *a)
{
	const json_t *own = json_object_get(json_object_get(metadata, "CustomMetadata"),
					    "enclavebuild");
	const char *manifest = json_string_value(json_object_get(own, "manifest"));
	json_int_t compat = json_integer_value(json_object_get(own, "compat"));
	struct encl_digest d;

	if (manifest && encl_digest_parse(manifest, &d))
		a->manifest = encl_xstrdup(manifest);
	if (compat > 0 && compat < INT32_MAX)
		a->compat = (uint64_t)compat;
}

static void
read_head(const struct encl_eif *eif, struct encl_artifact *a)
{
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	struct encl_memory_need need;
	struct encl_memory memory;

	a->name = string_of(metadata, "ImageName");
	a->version = string_of(metadata, "ImageVersion");
	a->created = time_of(metadata);
	a->cmdline = encl_xstrdup(eif->cmdline);
	read_own(metadata, a);
	a->arch = eif->arch;
	a->eif_version = eif->version;
	a->size = eif->size;
	a->default_mem = eif->default_mem;
	a->default_cpus = eif->default_cpus;
	memcpy(a->sections, eif->sections, sizeof a->sections);
	a->n_sections = eif->n_sections;
	encl_memory_of_image(eif, &need);
	encl_memory_estimate(&need, &memory);
	a->memory_mib = memory.mib;
}

static int
digest_part(const struct encl_eif *eif, struct encl_artifact_part *p, struct encl_err *e)
{
	enum { CHUNK = 1 << 18 };
	encl_auto(encl_hash_free) struct encl_hash *hash = encl_hash_new(ENCL_SHA256);
	encl_auto(encl_free) uint8_t *buf = encl_xmalloc(CHUNK);

	for (uint64_t done = 0; done < p->size;) {
		uint64_t left = p->size - done;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		if (encl_pread_full(eif->fd, buf, n, p->offset + done, eif->path, e))
			return -1;
		encl_hash_update(hash, buf, n);
		done += n;
	}
	encl_hash_final(hash, &p->digest);
	return 0;
}

static int
read_parts(const struct encl_eif *eif, uint64_t split, struct encl_artifact *a,
	   struct encl_err *e)
{
	uint64_t n = split ? (a->size - 1) / split + 1 : 1;

	if (n > ENCL_ARTIFACT_MAX_PARTS)
		return encl_fail(e, ENCL_USAGE,
				 "%s: split into %" PRIu64 " parts; at most %d are "
				 "possible",
				 eif->path, n, ENCL_ARTIFACT_MAX_PARTS);
	a->parts = encl_xcalloc((size_t)n, sizeof *a->parts);
	a->n_parts = (size_t)n;
	if (n == 1) {
		a->parts[0] = (struct encl_artifact_part){a->sha256, 0, a->size};
		return 0;
	}
	for (size_t i = 0; i < a->n_parts; i++) {
		struct encl_artifact_part *p = &a->parts[i];

		p->offset = i * split;
		p->size = a->size - p->offset < split ? a->size - p->offset : split;
		if (digest_part(eif, p, e))
			return -1;
	}
	return 0;
}

int
encl_artifact_read(const struct encl_eif *eif, const char *title, uint64_t split,
		   unsigned jobs, struct encl_artifact *out, struct encl_err *e)
{
	encl_auto(encl_artifact_clear) struct encl_artifact a = {.title = NULL};
	encl_auto(encl_image_state_clear) struct encl_image_state s = {.crc = 0};

	if (encl_image_check(eif, jobs, &s, e) || encl_image_require(eif, &s, e))
		return -1;
	a.title = encl_xstrdup(title);
	a.sha256 = s.sha256;
	a.pcrs = s.measurements;
	read_head(eif, &a);
	if (read_parts(eif, split, &a, e))
		return -1;
	*out = encl_take(a, (struct encl_artifact){.title = NULL});
	return 0;
}
