/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components to a CycloneDX 1.6 document (cyclonedx.org/docs/1.6/json): the image is
 * metadata.component; what things were made from stands in their pedigree.
 */
#include <string.h>

#include "base/json.h"
#include "base/parse.h"
#include "verify/purl.h"
#include "verify/sbom.h"

static void
set_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, encl_json_text(text));
}

static void
add_hash(json_t *list, const struct encl_digest *d)
{
	static const char *const names[] = {[ENCL_SHA256] = "SHA-256",
					    [ENCL_SHA384] = "SHA-384",
					    [ENCL_SHA512] = "SHA-512",
					    [ENCL_SHA1] = "SHA-1"};
	char hex[2 * ENCL_DIGEST_MAX + 1];

	encl_hex(d->bytes, encl_digest_size(d->algo), hex);
	json_array_append_new(
		list, json_pack("{s:s, s:s}", "alg", names[d->algo], "content", hex));
}

static void
add_property(json_t *list, const char *name, const char *value)
{
	json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "value",
					      encl_json_text(value)));
}

static void
add_pcr(json_t *list, const char *name, const struct encl_pcr *pcr)
{
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	add_property(list, name, hex);
}

static void
set_properties(json_t *o, const struct encl_sbom *s, const struct encl_component *c)
{
	const struct encl_measurements *m = s->measurements;
	json_t *list = json_array();

	if (c->kind == ENCL_COMPONENT_IMAGE) {
		add_pcr(list, "enclavebuild:PCR0", &m->pcr0);
		add_pcr(list, "enclavebuild:PCR1", &m->pcr1);
		add_pcr(list, "enclavebuild:PCR2", &m->pcr2);
		if (m->has_pcr8)
			add_pcr(list, "enclavebuild:PCR8", &m->pcr8);
	}
	if (c->kind == ENCL_COMPONENT_LAYER && c->comment)
		add_property(list, "enclavebuild:diffId", c->comment);
	else if (c->comment)
		add_property(list, "enclavebuild:where", c->comment);
	if (json_array_size(list))
		json_object_set(o, "properties", list);
	json_decref(list);
}

static const char *
type_of(const struct encl_component *c)
{
	static const char *const names[] = {
		[ENCL_COMPONENT_IMAGE] = "container",
		[ENCL_COMPONENT_DISTRIBUTION] = "operating-system",
		[ENCL_COMPONENT_KERNEL] = "platform",
		[ENCL_COMPONENT_PACKAGE] = "library",
		[ENCL_COMPONENT_SOURCE] = "library",
		[ENCL_COMPONENT_TOOL] = "application",
		[ENCL_COMPONENT_CONTAINER] = "container",
		[ENCL_COMPONENT_LAYER] = "data",
		[ENCL_COMPONENT_ARCHIVE] = "data",
		[ENCL_COMPONENT_FILE] = "file",
	};

	return names[c->kind];
}

/* Ancestors have no reference of their own, and none of theirs is told. */
static json_t *
component_json(const struct encl_sbom *s, const struct encl_component *c, bool ancestor)
{
	json_t *o = json_pack("{s:s}", "type", type_of(c));

	if (!ancestor)
		json_object_set_new(o, "bom-ref", json_string(c->id));
	if (c->maintainer)
		json_object_set_new(
			o, "supplier",
			json_pack("{s:o}", "name", encl_json_text(c->maintainer)));
	json_object_set_new(o, "name", encl_json_text(*c->name ? c->name : "unnamed"));
	set_text(o, "version", c->version);
	set_text(o, "description", c->summary);
	if (c->has_digest) {
		json_t *hashes = json_array();

		if (c->kind == ENCL_COMPONENT_FILE)
			add_hash(hashes, &c->sha1);
		add_hash(hashes, &c->digest);
		json_object_set_new(o, "hashes", hashes);
	}
	if (c->license)
		json_object_set_new(o, "licenses",
				    json_pack("[{s:{s:o}}]", "license", "name",
					      encl_json_text(c->license)));
	set_text(o, "purl", c->purl);
	if (c->homepage && encl_url_is_plain(c->homepage))
		json_object_set_new(
			o, "externalReferences",
			json_pack("[{s:s, s:s}]", "type", "website", "url", c->homepage));
	if (!ancestor && c->from < s->n)
		json_object_set_new(o, "pedigree",
				    json_pack("{s:[o]}", "ancestors",
					      component_json(s, &s->v[c->from], true)));
	set_properties(o, s, c);
	return o;
}

/* What stands in the document by itself, and not only as what others were made of. */
static bool
is_own(const struct encl_sbom *s, const struct encl_component *c)
{
	return c->parent < s->n;
}

static json_t *
dependencies(const struct encl_sbom *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n; i++) {
		json_t *on = NULL;

		if (s->v[i].kind != ENCL_COMPONENT_IMAGE &&
		    s->v[i].kind != ENCL_COMPONENT_CONTAINER)
			continue;
		on = json_array();
		for (size_t k = 0; k < s->n; k++)
			if (s->v[k].parent == i)
				json_array_append_new(on, json_string(s->v[k].id));
		json_array_append_new(list, json_pack("{s:s, s:o}", "ref", s->v[i].id,
						      "dependsOn", on));
	}
	return list;
}

json_t *
encl_sbom_cyclonedx(const struct encl_sbom *s)
{
	json_t *components = json_array();

	for (size_t i = 1; i < s->n; i++)
		if (is_own(s, &s->v[i]))
			json_array_append_new(components,
					      component_json(s, &s->v[i], false));
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:i, s:{s:s, s:{s:[{s:s, s:s, s:s}]}, s:o}, s:o, "
		"s:o}",
		"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat",
		"CycloneDX", "specVersion", "1.6", "serialNumber",
		json_sprintf("urn:uuid:%s", s->uuid), "version", 1, "metadata",
		"timestamp", s->created, "tools", "components", "type", "application",
		"name", "enclavebuild", "version", ENCL_VERSION, "component",
		component_json(s, &s->v[0], false), "components", components,
		"dependencies", dependencies(s));
}
