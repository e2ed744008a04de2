/* SPDX-License-Identifier: Apache-2.0 */
/* An inventory (and a lock) to components: what SPDX and CycloneDX are printed of. */
#include "verify/sbom.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "verify/purl.h"
#include "verify/sbom_internal.h"

void
encl_sbom_clear(struct encl_sbom *s)
{
	free(s->v);
	json_decref(s->ids);
	encl_arena_free(s->arena);
	memset(s, 0, sizeof *s);
}

const char *
encl_sbom_keep(struct encl_sbom_collector *c, char *own_text)
{
	encl_auto(encl_free) char *text = own_text;

	return encl_arena_strdup(c->out->arena, text);
}

/* ---- ids ---- */

static const char *const kind_names[] = {
	[ENCL_COMPONENT_IMAGE] = "image",
	[ENCL_COMPONENT_DISTRIBUTION] = "distribution",
	[ENCL_COMPONENT_KERNEL] = "kernel",
	[ENCL_COMPONENT_PACKAGE] = "package",
	[ENCL_COMPONENT_SOURCE] = "source",
	[ENCL_COMPONENT_TOOL] = "tool",
	[ENCL_COMPONENT_CONTAINER] = "container",
	[ENCL_COMPONENT_LAYER] = "layer",
	[ENCL_COMPONENT_ARCHIVE] = "archive",
	[ENCL_COMPONENT_FILE] = "file",
};

/* "package-libc6-0123456789abcdef": the name for readers, as far as an id can have
 * it, the digest so that no two are the same. */
static const char *
make_id(struct encl_sbom_collector *c, const struct encl_component *one, const char *key)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789.-"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	char name[33] = "";
	char hex[17];
	struct encl_digest d;

	encl_hash_update(h, kind_names[one->kind], strlen(kind_names[one->kind]) + 1);
	encl_hash_update(h, one->name, strlen(one->name) + 1);
	encl_hash_update(h, key, strlen(key));
	encl_hash_final(h, &d);
	encl_hash_free(h);
	encl_hex(d.bytes, 8, hex);
	for (size_t i = 0; i < sizeof name - 1 && one->name[i]; i++)
		name[i] = strchr(plain, one->name[i]) ? one->name[i] : '-';
	return encl_sbom_keep(
		c, encl_xasprintf("%s-%s-%s", kind_names[one->kind], name, hex));
}

static const char *
copied(struct encl_sbom_collector *c, const char *text)
{
	return text && *text ? encl_arena_strdup(c->out->arena, text) : NULL;
}

size_t
encl_sbom_add(struct encl_sbom_collector *c, const struct encl_component *one,
	      const char *key)
{
	struct encl_sbom *s = c->out;
	const char *id = make_id(c, one, key);
	const json_t *have = json_object_get(s->ids, id);
	struct encl_component *v;

	if (have)
		return (size_t)json_integer_value(have);
	if (!(s->n & (s->n - 1)))
		s->v = encl_xrealloc(s->v, s->n ? 2 * s->n : 1, sizeof *s->v);
	v = &s->v[s->n];
	*v = *one;
	v->id = id;
	v->name = encl_arena_strdup(s->arena, one->name);
	v->version = copied(c, one->version);
	v->purl = copied(c, one->purl);
	v->maintainer = copied(c, one->maintainer);
	v->homepage = copied(c, one->homepage);
	v->license = copied(c, one->license);
	v->summary = copied(c, one->summary);
	v->comment = copied(c, one->comment);
	json_object_set_new(s->ids, id, json_integer((json_int_t)s->n));
	return s->n++;
}

/* ---- the image itself ---- */

static bool
is_form(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '0' ? *text < '0' || *text > '9' : *text != *form)
			return false;
	return true;
}

/* As SPDX wants it; what is no time of UTC, or none at all, is 1970's beginning. */
static const char *
created(struct encl_sbom_collector *c, const json_t *metadata)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(metadata, "BuildMetadata"), "BuildTime"));
	const char *zone = text;

	if (!text || !is_form(text, "0000-00-00T00:00:00") || text[5] > '1' ||
	    text[8] > '3' || text[11] > '2' || text[14] > '5' || text[17] > '5' ||
	    !memcmp(text + 5, "00", 2) || !memcmp(text + 8, "00", 2))
		return "1970-01-01T00:00:00Z";
	zone += strlen("0000-00-00T00:00:00");
	if (*zone == '.')
		zone += 1 + strspn(zone + 1, "0123456789");
	if (strcmp(zone, "Z") != 0 && strcmp(zone, "+00:00") != 0)
		return "1970-01-01T00:00:00Z";
	return encl_sbom_keep(c, encl_xasprintf("%.19sZ", text));
}

/* RFC 9562's version 8: of what makes the document what it is. */
static const char *
uuid_of(struct encl_sbom_collector *c)
{
	encl_auto(encl_free) char *lock =
		c->r->lock ? encl_json_compact(c->r->lock) : encl_xstrdup("");
	struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	struct encl_digest d;
	char hex[33];

	encl_hash_update(h, "enclavebuild " ENCL_VERSION,
			 sizeof "enclavebuild " ENCL_VERSION);
	encl_hash_update(h, c->r->sha256->bytes, encl_digest_size(ENCL_SHA256));
	encl_hash_update(h, lock, strlen(lock));
	encl_hash_final(h, &d);
	encl_hash_free(h);
	d.bytes[6] = (uint8_t)((d.bytes[6] & 0x0f) | 0x80);
	d.bytes[8] = (uint8_t)((d.bytes[8] & 0x3f) | 0x80);
	encl_hex(d.bytes, 16, hex);
	return encl_sbom_keep(c, encl_xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
						hex + 12, hex + 16, hex + 20));
}

static void
add_image(struct encl_sbom_collector *c, const json_t *metadata)
{
	const char *name = json_string_value(json_object_get(metadata, "ImageName"));
	const char *version =
		json_string_value(json_object_get(metadata, "ImageVersion"));
	struct encl_component one = {.kind = ENCL_COMPONENT_IMAGE,
				     .name = name && *name ? name : "enclave",
				     .version = version,
				     .has_digest = true,
				     .digest = *c->r->sha256,
				     .parent = ENCL_COMPONENT_NONE,
				     .from = ENCL_COMPONENT_NONE};
	char digest[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *purl = NULL;

	encl_digest_format(c->r->sha256, digest);
	purl = encl_purl("generic", NULL, one.name, version && *version ? version : NULL,
			 &(struct encl_purl_qualifier){"checksum", digest}, 1);
	one.purl = purl;
	encl_sbom_add(c, &one, digest);
}

/* ---- packages ---- */

/* "debian-12": the name; "12" is left in *version, NULL where there is none. */
static char *
split_distribution(const char *text, const char **version)
{
	const char *dash = text ? strrchr(text, '-') : NULL;

	*version = dash && dash[1] ? dash + 1 : NULL;
	if (!text)
		return NULL;
	return dash ? encl_xstrndup(text, (size_t)(dash - text)) : encl_xstrdup(text);
}

static void
add_distribution(struct encl_sbom_collector *c, const char *text)
{
	const char *version;
	encl_auto(encl_free) char *name = split_distribution(text, &version);

	if (name && *name)
		encl_sbom_add(
			c,
			&(struct encl_component){.kind = ENCL_COMPONENT_DISTRIBUTION,
						 .name = name,
						 .version = version,
						 .parent = 0,
						 .from = ENCL_COMPONENT_NONE},
			version ? version : "");
}

/* The os-release that this tool makes where Docker wants one names no distribution. */
static const char *
distribution_of(const struct encl_image_package *p)
{
	return p->distribution && strcmp(p->distribution, "enclave") != 0
		       ? p->distribution
		       : NULL;
}

/* Without an os-release, the suite that the lock took it from stands for it. */
static char *
package_purl(const struct encl_image_package *p, const char *suite, const char *name,
	     const char *version, const char *arch)
{
	const char *release;
	const char *from = distribution_of(p);
	encl_auto(encl_free) char *space = split_distribution(from, &release);
	const struct encl_purl_qualifier q[] = {{"arch", arch},
						{"distro", from ? from : suite}};

	if (!space || !*space) {
		free(space);
		space = encl_xstrdup(!strcmp(p->type, "apk") ? "alpine" : "debian");
	}
	return encl_purl(p->type, space, name, version, q, 2);
}

static size_t
add_source(struct encl_sbom_collector *c, const struct encl_image_package *p,
	   const char *suite)
{
	const char *name = p->source ? p->source : p->name;
	const char *version = p->source_version ? p->source_version : p->version;
	encl_auto(encl_free) char *purl = NULL;

	if (strcmp(p->type, "deb") != 0)
		return ENCL_COMPONENT_NONE;
	purl = package_purl(p, suite, name, version, "source");
	return encl_sbom_add(c,
			     &(struct encl_component){.kind = ENCL_COMPONENT_SOURCE,
						      .name = name,
						      .version = version,
						      .purl = purl,
						      .parent = ENCL_COMPONENT_NONE,
						      .from = ENCL_COMPONENT_NONE},
			     purl);
}

static const struct encl_pin *
find_deb(const struct encl_sbom_collector *c, const struct encl_image_package *p)
{
	for (size_t i = 0; i < c->pins.n; i++) {
		const struct encl_pin *pin = &c->pins.v[i];

		if (pin->kind == ENCL_PIN_PACKAGE && pin->version && pin->arch &&
		    !strcmp(pin->name, p->name) && !strcmp(pin->version, p->version) &&
		    !strcmp(pin->arch, p->arch))
			return pin;
	}
	return NULL;
}

static void
add_package(struct encl_sbom_collector *c, const struct encl_image_package *p)
{
	const struct encl_pin *pin =
		!strcmp(p->type, "deb") && p->arch ? find_deb(c, p) : NULL;
	const char *suite = pin ? pin->suite : NULL;
	encl_auto(encl_free) char *purl =
		package_purl(p, suite, p->name, p->version, p->arch ? p->arch : "");
	struct encl_component one = {.kind = ENCL_COMPONENT_PACKAGE,
				     .name = p->name,
				     .version = p->version,
				     .purl = purl,
				     .maintainer = p->maintainer,
				     .homepage = p->homepage,
				     .license = p->license,
				     .summary = p->summary,
				     .parent = 0};

	if (pin) {
		one.has_digest = true;
		one.digest = pin->digest;
	}
	add_distribution(c, distribution_of(p));
	one.from = add_source(c, p, suite);
	encl_sbom_add(c, &one, purl);
}

static void
add_kernel(struct encl_sbom_collector *c)
{
	const struct encl_inventory *i = c->r->inventory;
	const char *release = i->kernel_release;
	char digest[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *purl = NULL;

	encl_digest_format(&i->kernel, digest);
	purl = encl_purl("generic", NULL, "linux", release,
			 &(struct encl_purl_qualifier){"checksum", digest}, 1);
	c->kernel = encl_sbom_add(c,
				  &(struct encl_component){.kind = ENCL_COMPONENT_KERNEL,
							   .name = "linux",
							   .version = release,
							   .purl = purl,
							   .has_digest = true,
							   .digest = i->kernel,
							   .parent = 0,
							   .from = ENCL_COMPONENT_NONE},
				  digest);
}

int
encl_sbom_collect(const struct encl_sbom_request *r, struct encl_sbom *out,
		  struct encl_err *e)
{
	encl_auto(encl_sbom_clear) struct encl_sbom s = {.measurements = r->measurements,
							 .arena = encl_arena_new(),
							 .ids = json_object()};
	encl_auto(json_decref) json_t *metadata =
		json_loads(r->inventory->eif->metadata, 0, NULL);
	struct encl_sbom_collector c = {.r = r,
					.out = &s,
					.kernel_package = ENCL_COMPONENT_NONE,
					.tool = ENCL_COMPONENT_NONE};
	int rc;

	if (r->lock && encl_pins_read(r->lock, &c.pins, e))
		return -1;
	s.created = created(&c, metadata);
	s.uuid = uuid_of(&c);
	add_image(&c, metadata);
	add_kernel(&c);
	for (size_t i = 0; i < r->inventory->n_packages; i++)
		add_package(&c, &r->inventory->packages[i]);
	encl_sbom_lock(&c);
	rc = encl_sbom_files(&c, e);
	encl_pins_clear(&c.pins);
	if (rc)
		return -1;
	*out = encl_take(s, (struct encl_sbom){.v = NULL});
	return 0;
}
