/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Components to an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3): the image is
 * what it describes; what is inside it is CONTAINed, what things were made from is
 * GENERATED_FROM.  Files of no package are in a package of their own, because only
 * one whose files were all looked at may contain files (7.8).
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "verify/purl.h"
#include "verify/sbom.h"

#define FILES "SPDXRef-files"

static json_t *
ref(const struct encl_component *c)
{
	return json_sprintf("SPDXRef-%s", c->id);
}

static void
set_text(json_t *o, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(o, key, encl_json_text(text));
}

static json_t *
hex_of(const struct encl_digest *d)
{
	char hex[2 * ENCL_DIGEST_MAX + 1];

	encl_hex(d->bytes, encl_digest_size(d->algo), hex);
	return json_string(hex);
}

static void
add_checksum(json_t *list, const struct encl_digest *d)
{
	static const char *const names[] = {[ENCL_SHA256] = "SHA256",
					    [ENCL_SHA384] = "SHA384",
					    [ENCL_SHA512] = "SHA512",
					    [ENCL_SHA1] = "SHA1"};

	json_array_append_new(list, json_pack("{s:s, s:o}", "algorithm", names[d->algo],
					      "checksumValue", hex_of(d)));
}

/* "Organization: NAME (EMAIL)" of "NAME <EMAIL>"; the form has no other parentheses
 * and no line breaks. */
static json_t *
supplier(const char *maintainer)
{
	encl_auto(encl_free) char *text = encl_xstrdup(maintainer);
	char *open;
	char *close;

	for (char *p = text; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
		if (*p == '(' || *p == ')')
			*p = *p == '(' ? '[' : ']';
	}
	for (size_t n = strlen(text); n && text[n - 1] == ' '; n--)
		text[n - 1] = 0;
	open = strrchr(text, '<');
	close = open ? strchr(open, '>') : NULL;
	if (open && close && open > text && close > open + 1 && !close[1]) {
		*open = '(';
		*close = ')';
	}
	if (!*text || *text == '(')
		return json_string("NOASSERTION");

	encl_auto(encl_free) char *whole = encl_xasprintf("Organization: %s", text);

	return encl_json_text(whole);
}

static const char *
purpose(const struct encl_component *c)
{
	static const char *const names[] = {
		[ENCL_COMPONENT_IMAGE] = "CONTAINER",
		[ENCL_COMPONENT_DISTRIBUTION] = "OPERATING-SYSTEM",
		[ENCL_COMPONENT_KERNEL] = "APPLICATION",
		[ENCL_COMPONENT_PACKAGE] = "LIBRARY",
		[ENCL_COMPONENT_SOURCE] = "SOURCE",
		[ENCL_COMPONENT_TOOL] = "APPLICATION",
		[ENCL_COMPONENT_CONTAINER] = "CONTAINER",
		[ENCL_COMPONENT_LAYER] = "ARCHIVE",
		[ENCL_COMPONENT_ARCHIVE] = "ARCHIVE",
	};

	return names[c->kind];
}

/* The registers, a line each; the comment of others is their own. */
static void
set_comment(json_t *o, const struct encl_sbom *s, const struct encl_component *c)
{
	const struct encl_measurements *m = s->measurements;
	const struct encl_pcr *const pcrs[] = {&m->pcr0, &m->pcr1, &m->pcr2, &m->pcr8};
	static const unsigned numbers[] = {0, 1, 2, 8};
	encl_auto(encl_free) char *text = encl_xstrdup("");

	set_text(o, "comment", c->comment);
	if (c->kind != ENCL_COMPONENT_IMAGE)
		return;
	for (size_t i = 0; i < (m->has_pcr8 ? 4 : 3); i++) {
		char hex[2 * ENCL_PCR_SIZE + 1];
		char *longer;

		encl_hex(pcrs[i]->bytes, ENCL_PCR_SIZE, hex);
		longer = encl_xasprintf("%s%sPCR%u %s", text, i ? "\n" : "", numbers[i],
					hex);
		free(text);
		text = longer;
	}
	json_object_set_new(o, "comment", json_string(text));
}

static void
set_unknown(json_t *o)
{
	json_object_set_new(o, "licenseConcluded", json_string("NOASSERTION"));
	json_object_set_new(o, "licenseDeclared", json_string("NOASSERTION"));
	json_object_set_new(o, "copyrightText", json_string("NOASSERTION"));
}

static json_t *
package_json(const struct encl_sbom *s, const struct encl_component *c)
{
	json_t *o = json_pack("{s:o, s:o}", "SPDXID", ref(c), "name",
			      encl_json_text(*c->name ? c->name : "unnamed"));

	set_text(o, "versionInfo", c->version);
	json_object_set_new(o, "supplier",
			    c->maintainer ? supplier(c->maintainer)
					  : json_string("NOASSERTION"));
	json_object_set_new(o, "downloadLocation", json_string("NOASSERTION"));
	json_object_set_new(o, "filesAnalyzed", json_false());
	if (c->has_digest) {
		json_t *list = json_array();

		add_checksum(list, &c->digest);
		json_object_set_new(o, "checksums", list);
	}
	if (c->homepage && encl_url_is_plain(c->homepage))
		set_text(o, "homepage", c->homepage);
	set_unknown(o);
	if (c->license) {
		encl_auto(encl_free) char *text =
			encl_xasprintf("the package says: %s", c->license);

		set_text(o, "licenseComments", text);
	}
	set_text(o, "summary", c->summary);
	set_comment(o, s, c);
	if (c->purl)
		json_object_set_new(o, "externalRefs",
				    json_pack("[{s:s, s:s, s:s}]", "referenceCategory",
					      "PACKAGE-MANAGER", "referenceType", "purl",
					      "referenceLocator", c->purl));
	json_object_set_new(o, "primaryPackagePurpose", json_string(purpose(c)));
	return o;
}

static json_t *
file_json(const struct encl_component *c)
{
	json_t *sums = json_array();
	encl_auto(encl_free) char *name = encl_xasprintf("./%s", c->name);
	json_t *o = json_pack("{s:o, s:o}", "SPDXID", ref(c), "fileName",
			      encl_json_text(name));

	add_checksum(sums, &c->sha1);
	add_checksum(sums, &c->digest);
	json_object_set_new(o, "checksums", sums);
	json_object_set_new(o, "licenseConcluded", json_string("NOASSERTION"));
	json_object_set_new(o, "licenseInfoInFiles", json_pack("[s]", "NOASSERTION"));
	json_object_set_new(o, "copyrightText", json_string("NOASSERTION"));
	set_text(o, "comment", c->comment);
	return o;
}

/* ---- files of no package ---- */

static int
by_text(const void *a, const void *b)
{
	return memcmp(a, b, 40);
}

/* 7.9: SHA-1 of the sorted SHA-1s of the files, as hex digits in a row. */
static json_t *
verification_code(const struct encl_sbom *s)
{
	encl_auto(encl_free) char *all = encl_xcalloc(s->n + 1, 40);
	struct encl_digest d;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		char hex[2 * ENCL_DIGEST_MAX + 1];

		if (s->v[i].kind != ENCL_COMPONENT_FILE)
			continue;
		encl_hex(s->v[i].sha1.bytes, encl_digest_size(ENCL_SHA1), hex);
		memcpy(all + 40 * n++, hex, 40);
	}
	qsort(all, n, 40, by_text);
	encl_digest_of(ENCL_SHA1, all, 40 * n, &d);
	return hex_of(&d);
}

static json_t *
files_package(const struct encl_sbom *s)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:{s:o}}", "SPDXID", FILES,
			      "name", "files of no package", "supplier", "NOASSERTION",
			      "downloadLocation", "NOASSERTION", "filesAnalyzed", 1,
			      "packageVerificationCode", "packageVerificationCodeValue",
			      verification_code(s));

	set_unknown(o);
	json_object_set_new(o, "licenseInfoFromFiles", json_pack("[s]", "NOASSERTION"));
	json_object_set_new(o, "primaryPackagePurpose", json_string("FILE"));
	return o;
}

/* ---- relationships ---- */

static void
relate(json_t *list, json_t *own_from, const char *type, json_t *own_to)
{
	json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "spdxElementId",
					      own_from, "relationshipType", type,
					      "relatedSpdxElement", own_to));
}

static json_t *
relationships(const struct encl_sbom *s, bool has_files)
{
	json_t *list = json_array();

	relate(list, json_string("SPDXRef-DOCUMENT"), "DESCRIBES", ref(&s->v[0]));
	if (has_files)
		relate(list, ref(&s->v[0]), "CONTAINS", json_string(FILES));
	for (size_t i = 1; i < s->n; i++) {
		const struct encl_component *c = &s->v[i];

		if (c->kind == ENCL_COMPONENT_FILE)
			relate(list, json_string(FILES), "CONTAINS", ref(c));
		else if (c->parent < s->n)
			relate(list, ref(&s->v[c->parent]), "CONTAINS", ref(c));
		if (c->from < s->n)
			relate(list, ref(c), "GENERATED_FROM", ref(&s->v[c->from]));
	}
	return list;
}

json_t *
encl_sbom_spdx(const struct encl_sbom *s)
{
	json_t *packages = json_array();
	json_t *files = json_array();
	encl_auto(encl_free) char *name = encl_url_escape(s->v[0].name);
	json_t *doc;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].kind == ENCL_COMPONENT_FILE)
			json_array_append_new(files, file_json(&s->v[i]));
		else
			json_array_append_new(packages, package_json(s, &s->v[i]));
	if (json_array_size(files))
		json_array_append_new(packages, files_package(s));
	doc = json_pack("{s:s, s:s, s:s, s:o, s:o, s:{s:s, s:[s]}, s:o}", "spdxVersion",
			"SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID",
			"SPDXRef-DOCUMENT", "name", encl_json_text(s->v[0].name),
			"documentNamespace",
			json_sprintf("https://spdx.org/spdxdocs/%s-%s", name, s->uuid),
			"creationInfo", "created", s->created, "creators",
			"Tool: enclavebuild-" ENCL_VERSION, "packages", packages);
	if (json_array_size(files))
		json_object_set(doc, "files", files);
	json_object_set_new(doc, "relationships",
			    relationships(s, json_array_size(files) > 0));
	json_decref(files);
	return doc;
}
