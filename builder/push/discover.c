/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of referrers: of limited depth and size, each digest once. */
#include "push/discover.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "sources/oci.h"

enum { MAX_DEPTH = 8, MAX_NODES = 2000 };

struct walk {
	struct encl_registry *r;
	const struct encl_reference *where;
	json_t *seen; /* by digest */
};

static void
copy_text(json_t *node, const char *to, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	if (json_is_string(v))
		json_object_set(node, to, v);
}

static void
copy_platform(json_t *node, const json_t *entry)
{
	const json_t *p = json_object_get(entry, "platform");
	const char *os = json_string_value(json_object_get(p, "os"));
	const char *arch = json_string_value(json_object_get(p, "architecture"));
	encl_auto(encl_free) char *text =
		encl_xasprintf("%s/%s", os ? os : "", arch ? arch : "");

	if (os && arch)
		json_object_set_new(node, "Platform", json_string(text));
}

static json_t *
node_of(const struct encl_oci_descriptor *d, const json_t *entry)
{
	json_t *annotations = json_object_get(entry, "annotations");
	json_t *node = json_pack("{s:s, s:s, s:I}", "Digest", d->text, "MediaType",
				 d->media_type, "Size", (json_int_t)d->size);

	copy_text(node, "ArtifactType", entry, "artifactType");
	copy_platform(node, entry);
	if (json_is_object(annotations) && json_object_size(annotations))
		json_object_set(node, "Annotations", annotations);
	return node;
}

static int grow(struct walk *w, json_t *node, const char *artifact_type, unsigned depth,
		struct encl_err *e);

static int
add(struct walk *w, json_t *to, const json_t *entry, unsigned depth, struct encl_err *e)
{
	struct encl_oci_descriptor d = {.media_type = ""};
	json_t *node;

	if (encl_oci_descriptor(entry, "referrers", &d, e))
		return -1;
	if (json_object_get(w->seen, d.text))
		return 0;
	if (json_object_size(w->seen) == MAX_NODES)
		return encl_fail(e, ENCL_FAILED, "more than %d referrers", MAX_NODES);
	json_object_set_new(w->seen, d.text, json_true());
	node = node_of(&d, entry);
	json_array_append_new(to, node);
	return grow(w, node, NULL, depth + 1, e);
}

/* Puts what refers to a node below it. (recursion: MAX_DEPTH) */
static int
grow(struct walk *w, json_t *node, const char *artifact_type, unsigned depth,
     struct encl_err *e)
{
	const char *digest = json_string_value(json_object_get(node, "Digest"));
	encl_auto(json_decref) json_t *list = NULL;
	json_t *below = json_array();
	json_t *entry;
	size_t i;

	json_object_set_new(node, "Referrers", below);
	if (depth >= MAX_DEPTH)
		return 0;
	if (encl_registry_referrers(w->r, w->where, digest, artifact_type, &list, e))
		return -1;
	json_array_foreach (list, i, entry)
		if (add(w, below, entry, depth, e))
			return -1;
	return 0;
}

static int
walk(struct walk *w, const struct encl_registry_manifest *m, const char *artifact_type,
     json_t *top, struct encl_err *e)
{
	encl_auto(json_decref) json_t *doc = NULL;
	json_t *manifests = json_array();
	json_t *entry;
	size_t i;

	json_object_set_new(top, "Manifests", manifests);
	if (encl_json_parse(m->text, m->n, "manifest", &doc, e))
		return -1;
	copy_text(top, "ArtifactType", doc, "artifactType");
	json_object_set_new(w->seen, json_string_value(json_object_get(top, "Digest")),
			    json_true());
	json_array_foreach (json_object_get(doc, "manifests"), i, entry)
		if (add(w, manifests, entry, 0, e))
			return -1;
	return grow(w, top, artifact_type, 0, e);
}

int
encl_discover(struct encl_registry *r, const struct encl_reference *where,
	      const char *artifact_type, json_t **out, struct encl_err *e)
{
	encl_auto(encl_registry_manifest_clear) struct encl_registry_manifest m = {
		.text = NULL};
	encl_auto(encl_free) char *name = encl_reference_text(where);
	encl_auto(json_decref) json_t *seen = json_object();
	encl_auto(json_decref) json_t *top = NULL;
	struct walk w = {r, where, seen};
	char digest[ENCL_DIGEST_TEXT];

	if (encl_registry_manifest_get(r, where, encl_reference_version(where), &m, NULL,
				       e))
		return -1;
	encl_digest_format(&m.digest, digest);
	top = json_pack("{s:s, s:s, s:s, s:I}", "Reference", name, "Digest", digest,
			"MediaType", m.media_type, "Size", (json_int_t)m.n);
	if (walk(&w, &m, artifact_type, top, e))
		return encl_wrap(e, "%s", name);
	*out = encl_take(top, NULL);
	return 0;
}
