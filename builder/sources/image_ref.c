/* SPDX-License-Identifier: Apache-2.0 */
/* References to images, in skopeo's notation; without a prefix, a registry's. */
#include "sources/image_ref.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"

static const char *const kinds[] = {
	[ENCL_IMAGE_OCI] = "oci",
	[ENCL_IMAGE_OCI_ARCHIVE] = "oci-archive",
	[ENCL_IMAGE_DOCKER_ARCHIVE] = "docker-archive",
	[ENCL_IMAGE_DOCKER_DAEMON] = "docker-daemon",
	[ENCL_IMAGE_REGISTRY] = "registry",
};

const char *
encl_image_kind_name(enum encl_image_kind kind)
{
	return kinds[kind];
}

static const char *
find_at(const char *text)
{
	const char *a = strstr(text, "@sha256:");
	const char *b = strstr(text, "@sha512:");

	return a && (!b || a < b) ? a : b;
}

static int
split(const char *rest, struct encl_image_ref *r, const char *text, struct encl_err *e)
{
	const char *at = find_at(rest);
	const char *colon = strchr(rest, ':');
	struct encl_digest d;

	if (at && (!colon || at < colon)) {
		if (!encl_digest_parse(at + 1, &d))
			return encl_fail(e, ENCL_USAGE, "\"%s\": not a digest after @",
					 text);
		r->digest = encl_xstrdup(at + 1);
		r->path = encl_xstrndup(rest, (size_t)(at - rest));
	} else if (colon) {
		r->name = encl_xstrdup(colon + 1);
		r->path = encl_xstrndup(rest, (size_t)(colon - rest));
	} else {
		r->path = encl_xstrdup(rest);
	}
	if (!*r->path)
		return encl_fail(e, ENCL_USAGE, "\"%s\": no path", text);
	if (r->name && !*r->name)
		return encl_fail(e, ENCL_USAGE, "\"%s\": nothing after the last colon",
				 text);
	return 0;
}

static int
of_registry(const char *text, struct encl_image_ref *r, struct encl_err *e)
{
	r->reference = encl_xcalloc(1, sizeof *r->reference);
	if (encl_reference_parse(text, r->reference, e))
		return -1;
	r->kind = ENCL_IMAGE_REGISTRY;
	r->path = encl_reference_text(r->reference);
	r->digest = r->reference->digest ? encl_xstrdup(r->reference->digest) : NULL;
	return 0;
}

/* A daemon knows names and IDs, which have the form of names; anything else
 * would be another path of its API. */
static int
of_daemon(const char *rest, struct encl_image_ref *r, const char *text,
	  struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference name = {0};

	if (!*rest)
		return encl_fail(e, ENCL_USAGE, "\"%s\": no name of an image", text);
	if (encl_reference_parse(rest, &name, e))
		return encl_wrap(e, "docker-daemon");
	r->path = encl_xstrdup(rest);
	return 0;
}

int
encl_image_ref_parse(const char *text, struct encl_image_ref *out, struct encl_err *e)
{
	encl_auto(encl_image_ref_clear) struct encl_image_ref r = {
		.kind = ENCL_IMAGE_REGISTRY};
	const char *rest = text;
	int rc;

	for (size_t i = 0; i < ENCL_IMAGE_REGISTRY; i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(text, kinds[i], n) != 0 || text[n] != ':')
			continue;
		r.kind = (enum encl_image_kind)i;
		rest = text + n + 1;
	}
	if (r.kind == ENCL_IMAGE_REGISTRY)
		rc = of_registry(text, &r, e);
	else if (r.kind == ENCL_IMAGE_DOCKER_DAEMON)
		rc = of_daemon(rest, &r, text, e);
	else
		rc = split(rest, &r, text, e);
	if (rc)
		return -1;
	*out = r;
	memset(&r, 0, sizeof r);
	return 0;
}

void
encl_image_ref_clear(struct encl_image_ref *r)
{
	free(r->path);
	free(r->name);
	free(r->digest);
	if (r->reference)
		encl_reference_clear(r->reference);
	free(r->reference);
	memset(r, 0, sizeof *r);
}

static const char *
without_default_host(const char *name)
{
	static const char *const prefixes[] = {"docker.io/library/",
					       "index.docker.io/library/", "docker.io/"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return name + strlen(prefixes[i]);
	return name;
}

static char *
normal(const char *name)
{
	const char *n = without_default_host(name);
	const char *slash = strrchr(n, '/');
	bool tagged = strchr(slash ? slash : n, ':') != NULL;

	return encl_xasprintf("%s%s", n, tagged ? "" : ":latest");
}

bool
encl_image_name_equal(const char *a, const char *b)
{
	encl_auto(encl_free) char *na = normal(a);
	encl_auto(encl_free) char *nb = normal(b);

	return !strcmp(na, nb);
}
