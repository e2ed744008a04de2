/* SPDX-License-Identifier: Apache-2.0 */
/* Which manifest of an index: by name, platform and kind. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "sources/image_ref.h"
#include "sources/oci.h"

enum { MAX_MANIFESTS = 10000, LIST_CAP = 600 };

struct choice {
	struct encl_oci_descriptor first;
	bool found;
	bool many;
	struct encl_buf names;	   /* of what could be taken */
	struct encl_buf platforms; /* of what has the name, but another platform */
};

static void
choice_clear(struct choice *c)
{
	encl_buf_clear(&c->names);
	encl_buf_clear(&c->platforms);
}
ENCL_AUTO_VAL(struct choice, choice_clear);

static const char *
member(const json_t *v, const char *outer, const char *key)
{
	const char *text =
		json_string_value(json_object_get(json_object_get(v, outer), key));

	return text ? text : "";
}

static const char *
ref_name(const json_t *v)
{
	const char *containerd = member(v, "annotations", "io.containerd.image.name");

	return *containerd
		       ? containerd
		       : member(v, "annotations", "org.opencontainers.image.ref.name");
}

static bool
has_name(const json_t *v, const char *name)
{
	const char *containerd = member(v, "annotations", "io.containerd.image.name");
	const char *tag = member(v, "annotations", "org.opencontainers.image.ref.name");

	return !strcmp(tag, name) ||
	       (*containerd && encl_image_name_equal(containerd, name));
}

/* BuildKit hides provenance and SBOMs in the index as images of no platform. */
static bool
is_attestation(const json_t *v)
{
	return !strcmp(member(v, "annotations", "vnd.docker.reference.type"),
		       "attestation-manifest") ||
	       !strcmp(member(v, "platform", "os"), "unknown");
}

/* No variant is arm64's v8 and amd64's v1: the ones that all machines have. */
static bool
fits(const json_t *v, enum encl_arch arch)
{
	const char *variant = member(v, "platform", "variant");

	if (!json_object_get(v, "platform"))
		return true;
	if (strcmp(member(v, "platform", "os"), "linux") != 0 ||
	    strcmp(member(v, "platform", "architecture"), encl_oci_arch(arch)) != 0)
		return false;
	return !*variant || !strcmp(variant, arch == ENCL_ARCH_X86_64 ? "v1" : "v8");
}

static void
list(struct encl_buf *b, const char *text)
{
	encl_auto(encl_free) char *safe = encl_escape(text, strlen(text));

	if (b->len + strlen(safe) + 8 > LIST_CAP)
		return;
	encl_buf_add_fmt(b, "%s%s", b->len ? ", " : "", safe);
}

static void
list_platform(struct encl_buf *b, const json_t *v)
{
	const char *variant = member(v, "platform", "variant");
	encl_auto(encl_free) char *text = encl_xasprintf(
		"%s/%s%s%s", member(v, "platform", "os"),
		member(v, "platform", "architecture"), *variant ? "/" : "", variant);

	list(b, text);
}

static int
consider(struct choice *c, const json_t *v, enum encl_arch arch, const char *name,
	 const char *what, struct encl_err *e)
{
	struct encl_oci_descriptor d;

	if (encl_oci_descriptor(v, what, &d, e))
		return -1;
	if (d.kind == ENCL_OCI_OTHER || is_attestation(v))
		return 0;
	if (!name || !has_name(v, name))
		list(&c->names, *ref_name(v) ? ref_name(v) : d.text);
	if (name && !has_name(v, name))
		return 0;
	if (!fits(v, arch)) {
		list_platform(&c->platforms, v);
		return 0;
	}
	if (!c->found)
		c->first = d;
	else if (!encl_digest_equal(&c->first.digest, &d.digest))
		c->many = true;
	c->found = true;
	return 0;
}

static void
tell_none(const struct choice *c, enum encl_arch arch, const char *name, const char *what,
	  struct encl_err *e)
{
	if (c->platforms.len)
		encl_fail(e, ENCL_FAILED, "%s: no image for linux/%s, only for %s", what,
			  encl_oci_arch(arch), encl_buf_text(&c->platforms));
	else if (name)
		encl_fail(e, ENCL_FAILED, "%s: no image \"%s\"; it has %s", what, name,
			  c->names.len ? encl_buf_text(&c->names) : "none");
	else
		encl_fail(e, ENCL_FAILED, "%s: holds no image", what);
}

int
encl_oci_choose(const json_t *index, enum encl_arch arch, const char *name, bool top,
		const char *what, struct encl_oci_descriptor *out, bool *found,
		struct encl_err *e)
{
	encl_auto(choice_clear) struct choice c = {.names = {.cap = LIST_CAP},
						   .platforms = {.cap = LIST_CAP}};
	json_t *manifests;

	if (encl_json_array(index, "manifests", what, &manifests, e))
		return -1;
	if (json_array_size(manifests) > MAX_MANIFESTS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d manifests", what,
				 MAX_MANIFESTS);
	for (size_t i = 0; i < json_array_size(manifests); i++) {
		encl_auto(encl_free) char *at =
			encl_xasprintf("%s: manifests[%zu]", what, i);

		if (consider(&c, json_array_get(manifests, i), arch, name, at, e))
			return -1;
	}
	if (c.many && top && !name)
		return encl_fail(e, ENCL_FAILED,
				 "%s: holds several images; name one of %s after a colon",
				 what, encl_buf_text(&c.names));
	*found = c.found;
	*out = c.first;
	if (!c.found)
		tell_none(&c, arch, name, what, e);
	return 0;
}
