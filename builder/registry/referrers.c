/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What refers to a manifest by "subject" (distribution-spec 1.1, "Listing
 * Referrers" and "Referrers Tag Schema").  A registry without the API keeps the
 * list as an index of the tag <algo>-<hex>, which clients write.
 */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "registry/registry.h"

enum {
	MAX_PAGES = 100,
	MAX_REFERRERS = 10000,
	MAX_TURNS = 10, /* of a list that others change at the same time */
	PAUSE_MS = 100,
	MAX_PAUSE_MS = 1000,
};

static char *
fallback_tag(const char *digest)
{
	char *tag = encl_xstrdup(digest);
	char *colon = strchr(tag, ':');

	if (colon)
		*colon = '-';
	return tag;
}

static bool
is_of_type(const json_t *descriptor, const char *artifact_type)
{
	const char *own = json_string_value(json_object_get(descriptor, "artifactType"));

	return !artifact_type || (own && !strcmp(own, artifact_type));
}

/* Adds the manifests of an index that are of the type. */
static int
collect(const json_t *index, const char *artifact_type, const char *what, json_t *out,
	struct encl_err *e)
{
	json_t *list;
	json_t *v;
	size_t i;

	if (encl_json_array(index, "manifests", what, &list, e))
		return -1;
	json_array_foreach (list, i, v) {
		const char *digest;
		struct encl_digest d;

		if (encl_json_str(v, "digest", what, &digest, e))
			return -1;
		if (!encl_digest_parse(digest, &d))
			return encl_fail(e, ENCL_FAILED,
					 "%s: manifests[%zu]: not a sha256 or sha512 "
					 "digest",
					 what, i);
		if (json_array_size(out) == MAX_REFERRERS)
			return encl_fail(e, ENCL_FAILED, "%s: more than %d referrers",
					 what, MAX_REFERRERS);
		if (is_of_type(v, artifact_type))
			json_array_append(out, v);
	}
	return 0;
}

/* One page of the API; *next (malloc'ed or NULL) is where it goes on. */
static int
get_page(struct encl_registry *r, const struct encl_reference *where, const char *path,
	 const char *url, const char *artifact_type, const char *what, json_t *out,
	 bool *has_api, char **next, struct encl_err *e)
{
	/* What registries say that know nothing of it; a page for people is where
	 * GHCR's 303 leads. */
	static const long none[] = {301, 302, 303, 307, 308, 400, 404, 405, 501, 0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(json_decref) json_t *index = NULL;
	const struct encl_registry_call call = {
		.method = "GET",
		.where = where,
		.path = path,
		.url = url,
		.accept = ENCL_MEDIA_OCI_INDEX,
		.max = ENCL_REGISTRY_MANIFEST_MAX,
		.also = url ? NULL : none,
		.fd = -1,
	};

	if (encl_registry_call(r, &call, &reply, NULL, e))
		return -1;
	*has_api = reply.status < 300 && reply.content_type &&
		   !strcmp(reply.content_type, ENCL_MEDIA_OCI_INDEX);
	if (!*has_api)
		return 0;
	if (encl_json_parse(encl_buf_text(&reply.body), reply.body.len, what, &index,
			    e) ||
	    collect(index, artifact_type, what, out, e))
		return -1;
	*next = encl_take(reply.next, NULL);
	return 0;
}

static int
by_api(struct encl_registry *r, const struct encl_reference *where, const char *digest,
       const char *artifact_type, json_t *out, bool *has_api, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("referrers/%s", digest);
	encl_auto(encl_free) char *what = encl_xasprintf(
		"%s/%s: referrers of %s", where->host, where->repository, digest);
	encl_auto(encl_free) char *url = NULL;

	for (unsigned page = 0; page < MAX_PAGES; page++) {
		encl_auto(encl_free) char *next = NULL;

		if (get_page(r, where, path, url, artifact_type, what, out, has_api,
			     &next, e))
			return -1;
		if (page && !*has_api)
			return encl_fail(e, ENCL_NETWORK, "%s: page %u is no index", what,
					 page + 1);
		if (!next)
			return 0;
		encl_free_at(&url);
		url = encl_take(next, NULL);
	}
	return encl_fail(e, ENCL_NETWORK, "%s: more than %d pages", what, MAX_PAGES);
}

/* The index that clients keep; *index is NULL where there is none. */
static int
by_tag(struct encl_registry *r, const struct encl_reference *where, const char *digest,
       json_t **index, struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(encl_free) char *tag = fallback_tag(digest);
	bool found;

	*index = NULL;
	if (encl_registry_manifest_get(r, where, tag, &m, &found, e))
		return -1;
	if (!found)
		return 0;
	if (strcmp(m.media_type, ENCL_MEDIA_OCI_INDEX) != 0)
		return encl_fail(e, ENCL_FAILED, "%s/%s:%s: not an index of referrers",
				 where->host, where->repository, tag);
	return encl_json_parse(m.text, m.n, tag, index, e);
}

int
encl_registry_referrers(struct encl_registry *r, const struct encl_reference *where,
			const char *digest, const char *artifact_type, json_t **out,
			struct encl_err *e)
{
	encl_auto(json_decref) json_t *list = json_array();
	encl_auto(json_decref) json_t *index = NULL;
	bool has_api;

	if (by_api(r, where, digest, artifact_type, list, &has_api, e))
		return -1;
	if (!has_api && (by_tag(r, where, digest, &index, e) ||
			 (index && collect(index, artifact_type, digest, list, e))))
		return -1;
	*out = encl_take(list, NULL);
	return 0;
}

/* ---- putting ---- */

/* What an index says of a manifest: its type of artifact and annotations too. */
static int
describe(const char *text, size_t n, json_t **out, char *digest, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_digest d;
	const char *media_type;
	json_t *type;
	json_t *notes;

	if (encl_json_parse(text, n, "referrer", &doc, e) ||
	    encl_json_str(doc, "mediaType", "referrer", &media_type, e))
		return -1;
	encl_digest_of(ENCL_SHA256, text, n, &d);
	encl_digest_format(&d, digest);
	*out = json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest", digest,
			 "size", (json_int_t)n);
	type = json_object_get(doc, "artifactType");
	if (!type)
		type = json_object_get(json_object_get(doc, "config"), "mediaType");
	notes = json_object_get(doc, "annotations");
	if (type)
		json_object_set(*out, "artifactType", type);
	if (notes)
		json_object_set(*out, "annotations", notes);
	return 0;
}

static bool
lists(const json_t *index, const char *digest)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(index, "manifests"), i, v) {
		const char *d = json_string_value(json_object_get(v, "digest"));

		if (d && !strcmp(d, digest))
			return true;
	}
	return false;
}

/* Who read the list before it was written last writes it without that; those
 * that began together do not go on together. */
static void
wait_for_others(uint64_t began, unsigned turn)
{
	uint64_t ms = PAUSE_MS + 4 * (encl_clock_ms() - began);

	ms += (uint64_t)getpid() * 31 % 97 << (turn < 3 ? turn : 3);
	encl_clock_sleep(ms < MAX_PAUSE_MS ? ms : MAX_PAUSE_MS);
}

/*
 * Nothing keeps two clients apart, so what was written is read again, a little
 * later, until it is there.
 */
static int
add_to_tag(struct encl_registry *r, const struct encl_reference *where,
	   const char *subject, json_t *descriptor, struct encl_err *e)
{
	encl_auto(encl_free) char *tag = fallback_tag(subject);
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));

	for (unsigned turn = 0; turn < MAX_TURNS; turn++) {
		encl_auto(json_decref) json_t *index = NULL;
		encl_auto(encl_free) char *text = NULL;
		uint64_t began = encl_clock_ms();

		if (by_tag(r, where, subject, &index, e))
			return -1;
		if (lists(index, digest))
			return 0;
		if (!index)
			index = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2,
					  "mediaType", ENCL_MEDIA_OCI_INDEX, "manifests");
		json_array_append(json_object_get(index, "manifests"), descriptor);
		text = encl_json_compact(index);
		if (encl_registry_manifest_put(r, where, tag, ENCL_MEDIA_OCI_INDEX, text,
					       strlen(text), NULL, NULL, e))
			return encl_wrap(e, "the list of what refers to %s", subject);
		wait_for_others(began, turn);
	}
	return encl_fail(e, ENCL_NETWORK,
			 "%s/%s:%s: others change this list of referrers all the time; "
			 "try again",
			 where->host, where->repository, tag);
}

int
encl_registry_referrer_put(struct encl_registry *r, const struct encl_reference *where,
			   const char *subject, const char *text, size_t n, bool *sent,
			   struct encl_err *e)
{
	encl_auto(json_decref) json_t *descriptor = NULL;
	encl_auto(json_decref) json_t *ignored = json_array();
	char digest[ENCL_DIGEST_TEXT];
	bool has_api;

	if (describe(text, n, &descriptor, digest, e) ||
	    encl_registry_manifest_put(
		    r, where, digest,
		    json_string_value(json_object_get(descriptor, "mediaType")), text, n,
		    sent, &has_api, e))
		return -1;
	/* one that stood already was not answered with OCI-Subject */
	if (!has_api &&
	    by_api(r, where, subject, "nothing/is-of-this-type", ignored, &has_api, e))
		return -1;
	return has_api ? 0 : add_to_tag(r, where, subject, descriptor, e);
}
