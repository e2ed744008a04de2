/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and indexes of a registry (distribution-spec 1.1, "Pulling
 * manifests", "Pushing manifests"), as bytes that are checked against their
 * digest and against the type that they are said to have (CVE-2021-41190).
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "registry/registry.h"

static const char accepted[] =
	ENCL_MEDIA_OCI_INDEX ", " ENCL_MEDIA_OCI_MANIFEST ", " ENCL_MEDIA_DOCKER_LIST
			     ", " ENCL_MEDIA_DOCKER_MANIFEST;

static const char *const known[] = {ENCL_MEDIA_OCI_INDEX, ENCL_MEDIA_OCI_MANIFEST,
				    ENCL_MEDIA_DOCKER_LIST, ENCL_MEDIA_DOCKER_MANIFEST};

void
encl_registry_manifest_clear(struct encl_registry_manifest *m)
{
	free(m->text);
	free(m->media_type);
	memset(m, 0, sizeof *m);
}

static bool
is_known(const char *media_type)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i], media_type))
			return true;
	return false;
}

static bool
is_index(const char *media_type)
{
	return !strcmp(media_type, ENCL_MEDIA_OCI_INDEX) ||
	       !strcmp(media_type, ENCL_MEDIA_DOCKER_LIST);
}

static int
fail_type(const char *what, const char *why, const char *media_type, struct encl_err *e)
{
	encl_auto(encl_free) char *safe = encl_escape(media_type, strlen(media_type));

	safe[strlen(safe) < 200 ? strlen(safe) : 200] = 0;
	return encl_fail(e, ENCL_FAILED, "%s: %s \"%s\"", what, why, safe);
}

/*
 * What a registry says of a manifest may be nothing of use ("application/json");
 * what it does say must be what the manifest says itself.
 */
static int
find_type(const json_t *doc, const char *said, const char *what, char **out,
	  struct encl_err *e)
{
	const json_t *own = json_object_get(doc, "mediaType");
	bool index = json_object_get(doc, "manifests") != NULL;

	if (index && json_object_get(doc, "layers"))
		return encl_fail(e, ENCL_FAILED,
				 "%s: is an index and a manifest at once; refused", what);
	if (own && (!json_is_string(own) || (said && is_known(said) &&
					     strcmp(json_string_value(own), said) != 0)))
		return encl_fail(e, ENCL_FAILED,
				 "%s: its mediaType is not the Content-Type that the "
				 "registry gave it",
				 what);
	if (own && !is_known(json_string_value(own)))
		return fail_type(what, "not a manifest of a known type:",
				 json_string_value(own), e);
	if (own)
		said = json_string_value(own);
	else if (!said || !is_known(said))
		said = index ? ENCL_MEDIA_OCI_INDEX : ENCL_MEDIA_OCI_MANIFEST;
	if (is_index(said) != index)
		return encl_fail(e, ENCL_FAILED, "%s: its content is not of its type, %s",
				 what, said);
	*out = encl_xstrdup(said);
	return 0;
}

static int
check_type(const struct encl_registry_reply *reply, const json_t *doc, const char *what,
	   char **out, struct encl_err *e)
{
	const char *said = reply->content_type;
	const json_t *version = json_object_get(doc, "schemaVersion");

	if (!json_is_object(doc))
		return encl_fail(e, ENCL_FAILED, "%s: not a JSON object", what);
	if ((said && strstr(said, "distribution.manifest.v1+")) ||
	    (json_is_integer(version) && json_integer_value(version) == 1))
		return encl_fail(e, ENCL_FAILED,
				 "%s: Docker image manifest schema 1 is not supported; "
				 "push the image again with a current tool",
				 what);
	return find_type(doc, said, what, out, e);
}

static int
check_digest(const char *text, size_t n, const char *claimed, const char *by,
	     const char *what, struct encl_digest *got, struct encl_err *e)
{
	struct encl_digest want;
	char have[ENCL_DIGEST_TEXT];

	if (!encl_digest_parse(claimed, &want))
		return fail_type(what, "not a digest:", claimed, e);
	encl_digest_of(want.algo, text, n, got);
	if (encl_digest_equal(&want, got))
		return 0;
	encl_digest_format(got, have);
	return encl_fail(e, ENCL_FAILED,
			 "%s: digest mismatch: %s has %s, its bytes have %s", what, by,
			 claimed, have);
}

static char *
what_of(const struct encl_reference *where, const char *version)
{
	return encl_xasprintf("%s/%s: manifest %s", where->host, where->repository,
			      version);
}

static int
take(struct encl_registry_reply *reply, const char *version, const char *what,
     struct encl_registry_manifest *out, struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(json_decref) json_t *doc = NULL;
	struct encl_digest by_tag;

	m.text = (char *)encl_buf_steal(&reply->body, &m.n);
	if (!m.text)
		m.text = encl_xstrdup("");
	encl_digest_of(ENCL_SHA256, m.text, m.n, &m.digest);
	if (strchr(version, ':') &&
	    check_digest(m.text, m.n, version, "the request", what, &m.digest, e))
		return -1;
	if (reply->digest &&
	    check_digest(m.text, m.n, reply->digest, "the registry", what, &by_tag, e))
		return -1;
	if (encl_json_parse(m.text, m.n, what, &doc, e) ||
	    check_type(reply, doc, what, &m.media_type, e))
		return -1;
	*out = m;
	memset(&m, 0, sizeof m);
	return 0;
}

int
encl_registry_manifest_get(struct encl_registry *r, const struct encl_reference *where,
			   const char *version, struct encl_registry_manifest *out,
			   bool *found, struct encl_err *e)
{
	static const long missing[] = {404, 0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_free) char *path = encl_xasprintf("manifests/%s", version);
	encl_auto(encl_free) char *what = what_of(where, version);
	const struct encl_registry_call call = {
		.method = "GET",
		.where = where,
		.path = path,
		.accept = accepted,
		.max = ENCL_REGISTRY_MANIFEST_MAX,
		.also = found ? missing : NULL,
		.fd = -1,
	};

	if (encl_registry_call(r, &call, &reply, NULL, e))
		return -1;
	if (found)
		*found = reply.status != 404;
	if (reply.status == 404)
		return 0;
	return take(&reply, version, what, out, e);
}

/* Has the registry this version with these bytes? */
static int
stands(struct encl_registry *r, const struct encl_reference *where, const char *version,
       const struct encl_digest *want, bool *same, struct encl_err *e)
{
	static const long missing[] = {404, 0};
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {0};
	encl_auto(encl_free) char *path = encl_xasprintf("manifests/%s", version);
	const struct encl_registry_call call = {
		.method = "HEAD",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.path = path,
		.accept = accepted,
		.also = missing,
		.fd = -1,
	};
	struct encl_digest had;
	bool found;

	*same = false;
	if (encl_registry_call(r, &call, &reply, NULL, e))
		return -1;
	if (reply.status == 404)
		return 0;
	*same = strchr(version, ':') != NULL;
	if (*same)
		return 0;
	if (reply.digest && encl_digest_parse(reply.digest, &had) &&
	    had.algo == want->algo) {
		*same = encl_digest_equal(&had, want);
		return 0;
	}
	if (encl_registry_manifest_get(r, where, version, &m, &found, e))
		return -1;
	*same = found && encl_digest_equal(&m.digest, want);
	return 0;
}

/* Whether the digest in OCI-Subject is that of the manifest's subject: only then
 * the registry has taken it up among the referrers. */
static bool
is_its_subject(const char *text, size_t n, const char *answered)
{
	encl_auto(json_decref) json_t *doc = NULL;
	const char *digest;
	struct encl_err ignored;

	if (!answered || encl_json_parse(text, n, "manifest", &doc, &ignored))
		return false;
	digest = json_string_value(
		json_object_get(json_object_get(doc, "subject"), "digest"));
	return digest && !strcmp(digest, answered);
}

static int
put(struct encl_registry *r, const struct encl_reference *where, const char *version,
    const char *media_type, const char *text, size_t n, bool *subject, struct encl_err *e)
{
	encl_auto(encl_registry_reply_clear) struct encl_registry_reply reply = {0};
	encl_auto(encl_free) char *path = encl_xasprintf("manifests/%s", version);
	encl_auto(encl_free) char *what = what_of(where, version);
	const struct encl_registry_call call = {
		.method = "PUT",
		.where = where,
		.access = ENCL_REGISTRY_PUSH,
		.path = path,
		.content_type = media_type,
		.data = text,
		.size = n,
		.fd = -1,
		.max = ENCL_REGISTRY_MANIFEST_MAX,
	};
	struct encl_digest got;

	if (encl_registry_call(r, &call, &reply, NULL, e))
		return -1;
	if (reply.digest &&
	    check_digest(text, n, reply.digest, "the registry", what, &got, e))
		return -1;
	*subject = is_its_subject(text, n, reply.subject);
	return 0;
}

int
encl_registry_manifest_put(struct encl_registry *r, const struct encl_reference *where,
			   const char *version, const char *media_type, const char *text,
			   size_t n, bool *sent, bool *subject, struct encl_err *e)
{
	encl_auto(encl_free) char *what = what_of(where, version);
	struct encl_digest digest;
	bool answered = false;
	bool same;

	encl_digest_of(ENCL_SHA256, text, n, &digest);
	if (strchr(version, ':') &&
	    check_digest(text, n, version, "its name", what, &digest, e))
		return -1;
	if (n > ENCL_REGISTRY_MANIFEST_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "%s: %zu bytes; registries take at most %d", what, n,
				 ENCL_REGISTRY_MANIFEST_MAX);
	if (stands(r, where, version, &digest, &same, e) ||
	    (!same && put(r, where, version, media_type, text, n, &answered, e)))
		return -1;
	if (sent)
		*sent = !same;
	if (subject)
		*subject = answered;
	return 0;
}
