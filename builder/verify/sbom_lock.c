/* SPDX-License-Identifier: Apache-2.0 */
/* What a lock adds to a bill of materials: images and their layers, archives, the
 * package that the kernel came in, packages of images inside. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "registry/reference.h"
#include "verify/purl.h"
#include "verify/sbom_internal.h"

static size_t
add_deb(struct encl_sbom_collector *c, const struct encl_pin *p, size_t parent)
{
	const struct encl_purl_qualifier q[] = {{"arch", p->arch}, {"distro", p->suite}};
	encl_auto(encl_free) char *purl =
		encl_purl("deb", "debian", p->name, p->version, q, 2);
	encl_auto(encl_free) char *key = encl_xasprintf("%zu %s", parent, purl);

	return encl_sbom_add(c,
			     &(struct encl_component){.kind = ENCL_COMPONENT_PACKAGE,
						      .name = p->name,
						      .version = p->version,
						      .purl = purl,
						      .has_digest = true,
						      .digest = p->digest,
						      .parent = parent,
						      .from = ENCL_COMPONENT_NONE},
			     key);
}

/* "pkg:oci/redis@sha256:…?repository_url=docker.io/library/redis&tag=7"; NULL: it is
 * of no registry. */
static char *
oci_purl(const struct encl_pin *p)
{
	encl_auto(encl_reference_clear) struct encl_reference ref = {.host = NULL};
	encl_auto(encl_free) char *where = NULL;
	char digest[ENCL_DIGEST_TEXT];
	const char *slash;
	struct encl_err ignored;

	if (!p->reference || encl_reference_parse(p->reference, &ref, &ignored))
		return NULL;
	encl_digest_format(&p->digest, digest);
	where = encl_xasprintf("%s/%s", ref.host, ref.repository);
	slash = strrchr(where, '/');
	return encl_purl("oci", NULL, slash + 1, digest,
			 (const struct encl_purl_qualifier[]){{"repository_url", where},
							      {"tag", ref.tag}},
			 2);
}

/* Of an image that is made here, which the pins do not name. */
static const char *
made_name(const struct encl_sbom_collector *c, const char *item)
{
	static const char head[] = "docker.images[";
	const json_t *images =
		json_object_get(json_object_get(c->r->lock, "docker"), "images");
	const json_t *part = json_array_get(
		images, strtoul(item + sizeof head - 1, NULL, 10)); /* our own text */
	const char *name =
		json_string_value(json_object_get(json_object_get(part, "item"), "name"));

	return name ? name : item;
}

static bool
is_image_part(const struct encl_pin *p)
{
	return p->kind == ENCL_PIN_INDEX || p->kind == ENCL_PIN_MANIFEST ||
	       p->kind == ENCL_PIN_CONFIG || p->kind == ENCL_PIN_LAYER;
}

/* What says which image: its manifest, else its config. */
static const struct encl_pin *
chief(const struct encl_sbom_collector *c, const struct encl_pin *p)
{
	const struct encl_pin *end = c->pins.v + c->pins.n;
	const struct encl_pin *config = NULL;

	for (const struct encl_pin *q = p; q < end && !strcmp(q->item, p->item); q++) {
		if (q->kind == ENCL_PIN_MANIFEST)
			return q;
		if (q->kind == ENCL_PIN_CONFIG)
			config = q;
	}
	return config;
}

/* The component of the image that item is (a part of). */
static size_t
container_of(struct encl_sbom_collector *c, const struct encl_pin *p)
{
	encl_auto(encl_free) char *item =
		encl_xstrndup(p->item, strcspn(p->item, "]") + 1);
	const struct encl_pin *best = is_image_part(p) ? chief(c, p) : NULL;
	encl_auto(encl_free) char *purl = best ? oci_purl(best) : NULL;
	char digest[ENCL_DIGEST_TEXT] = "";

	if (best)
		encl_digest_format(&best->digest, digest);
	return encl_sbom_add(
		c,
		&(struct encl_component){
			.kind = ENCL_COMPONENT_CONTAINER,
			.name = is_image_part(p) ? p->name : made_name(c, item),
			.version = digest,
			.purl = purl,
			.comment = item,
			.has_digest = best != NULL,
			.digest = best ? best->digest
				       : (struct encl_digest){.algo = ENCL_SHA256},
			.parent = 0,
			.from = ENCL_COMPONENT_NONE},
		item);
}

static void
add_layer(struct encl_sbom_collector *c, const struct encl_pin *p)
{
	char digest[ENCL_DIGEST_TEXT];
	char diff[ENCL_DIGEST_TEXT] = "";
	size_t parent = container_of(c, p);

	encl_digest_format(&p->digest, digest);
	if (p->has_diff_id)
		encl_digest_format(&p->diff_id, diff);
	encl_sbom_add(c,
		      &(struct encl_component){.kind = ENCL_COMPONENT_LAYER,
					       .name = digest,
					       .comment = diff,
					       .has_digest = true,
					       .digest = p->digest,
					       .parent = parent,
					       .from = ENCL_COMPONENT_NONE},
		      c->out->v[parent].id);
}

static void
add_archive(struct encl_sbom_collector *c, const struct encl_pin *p)
{
	encl_sbom_add(c,
		      &(struct encl_component){.kind = ENCL_COMPONENT_ARCHIVE,
					       .name = p->name,
					       .comment = p->item,
					       .has_digest = true,
					       .digest = p->digest,
					       .parent = 0,
					       .from = ENCL_COMPONENT_NONE},
		      p->item);
}

static void
add_tool(struct encl_sbom_collector *c)
{
	const json_t *tool = json_object_get(c->r->lock, "tool");
	const char *name = json_string_value(json_object_get(tool, "name"));
	const char *version = json_string_value(json_object_get(tool, "version"));

	if (name && version)
		c->tool = encl_sbom_add(
			c,
			&(struct encl_component){.kind = ENCL_COMPONENT_TOOL,
						 .name = name,
						 .version = version,
						 .parent = ENCL_COMPONENT_NONE,
						 .from = ENCL_COMPONENT_NONE},
			version);
}

/* linux-image-RELEASE, not the one that only depends on it. */
static void
add_kernel_package(struct encl_sbom_collector *c, const struct encl_pin *p)
{
	const char *release = c->r->inventory->kernel_release;

	if (!release || !strstr(p->name, release))
		return;
	c->kernel_package = add_deb(c, p, ENCL_COMPONENT_NONE);
	c->out->v[c->kernel].from = c->kernel_package;
}

static bool
has_debs(const struct encl_inventory *i)
{
	for (size_t k = 0; k < i->n_packages; k++)
		if (!strcmp(i->packages[k].type, "deb"))
			return true;
	return false;
}

/* Packages that the image itself tells of are there already; those of images that
 * are made here, and of an image without a database, only the lock knows. */
static void
add_package(struct encl_sbom_collector *c, const struct encl_pin *p)
{
	if (!strcmp(p->item, "kernel"))
		add_kernel_package(c, p);
	else if (!strncmp(p->item, "docker.images[", 14))
		add_deb(c, p, container_of(c, p));
	else if (!has_debs(c->r->inventory))
		add_deb(c, p, 0);
}

void
encl_sbom_lock(struct encl_sbom_collector *c)
{
	for (size_t i = 0; i < c->pins.n; i++) {
		const struct encl_pin *p = &c->pins.v[i];

		if (p->kind == ENCL_PIN_PACKAGE)
			add_package(c, p);
		else if (p->kind == ENCL_PIN_LAYER)
			add_layer(c, p);
		else if (p->kind == ENCL_PIN_MANIFEST || p->kind == ENCL_PIN_CONFIG)
			(void)container_of(c, p);
		else if (p->kind == ENCL_PIN_ARCHIVE)
			add_archive(c, p);
	}
	if (c->r->lock)
		add_tool(c);
}
