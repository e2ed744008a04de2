/* SPDX-License-Identifier: Apache-2.0 */
/* Header, metadata, signature and packages of two images: what differs, by name. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "verify/diff_internal.h"

/* ---- header ---- */

static void
compare_number(struct encl_differ *d, const char *field, uint64_t a, uint64_t b)
{
	if (a != b)
		encl_diff_row(d, "Header", "Field", field, json_integer((json_int_t)a),
			      json_integer((json_int_t)b));
}

static char *
section_order(const struct encl_differ *d, const struct encl_eif *eif)
{
	struct encl_buf b;

	encl_buf_init(&b, 4096);
	for (size_t i = 0; i < eif->n_sections; i++) {
		/* what is there or not is told by the sections */
		if (eif->sections[i].type == ENCL_SECTION_SIGNATURE)
			continue;
		if (eif->sections[i].type == ENCL_SECTION_RAMDISK && i &&
		    eif->sections[i - 1].type == ENCL_SECTION_RAMDISK)
			continue;
		encl_buf_add_fmt(&b, "%s%s", b.len ? " " : "",
				 encl_section_name(eif->sections[i].type));
	}
	(void)d;
	return (char *)encl_buf_steal(&b, NULL);
}

static json_t *
crc_json(const struct encl_image_state *s, const struct encl_eif *eif)
{
	encl_auto(encl_free) char *text =
		s->crc_ok ? encl_xasprintf("%08" PRIx32, eif->crc)
			  : encl_xasprintf("%08" PRIx32 ", but the bytes have %08" PRIx32,
					   eif->crc, s->crc);

	return json_string(text);
}

void
encl_diff_header(struct encl_differ *d)
{
	const struct encl_eif *a = d->a->eif;
	const struct encl_eif *b = d->b->eif;
	encl_auto(encl_free) char *order_a = section_order(d, a);
	encl_auto(encl_free) char *order_b = section_order(d, b);

	compare_number(d, "Version", a->version, b->version);
	if (a->arch != b->arch)
		encl_diff_row(d, "Header", "Field", "Architecture",
			      json_string(encl_arch_name(a->arch)),
			      json_string(encl_arch_name(b->arch)));
	compare_number(d, "DefaultMemory", a->default_mem, b->default_mem);
	compare_number(d, "DefaultCpus", a->default_cpus, b->default_cpus);
	if (strcmp(order_a, order_b) != 0)
		encl_diff_row(d, "Header", "Field", "SectionOrder", json_string(order_a),
			      json_string(order_b));
	/* A right one follows from the rest. */
	if (d->state_a.crc_ok != d->state_b.crc_ok ||
	    (!d->state_a.crc_ok && a->crc != b->crc))
		encl_diff_row(d, "Header", "Field", "CRC", crc_json(&d->state_a, a),
			      crc_json(&d->state_b, b));
}

/* ---- metadata ---- */

enum { MAX_DEPTH = 64, MAX_KEY = 1024 };

static void compare_values(struct encl_differ *d, const char *key, const json_t *a,
			   const json_t *b, unsigned depth);

static void
compare_members(struct encl_differ *d, const char *key, const json_t *a, const json_t *b,
		unsigned depth)
{
	const char *name;
	json_t *value;
	char below[MAX_KEY];

	json_object_foreach ((json_t *)(uintptr_t)a, name, value) {
		(void)snprintf(below, sizeof below, "%s%s%s", key, *key ? "." : "", name);
		compare_values(d, below, value, json_object_get(b, name), depth);
	}
	json_object_foreach ((json_t *)(uintptr_t)b, name, value) {
		if (json_object_get(a, name))
			continue;
		(void)snprintf(below, sizeof below, "%s%s%s", key, *key ? "." : "", name);
		compare_values(d, below, NULL, value, depth);
	}
}

static void
compare_elements(struct encl_differ *d, const char *key, const json_t *a, const json_t *b,
		 unsigned depth)
{
	size_t n_a = json_array_size(a);
	size_t n_b = json_array_size(b);
	char below[MAX_KEY];

	for (size_t i = 0; i < n_a || i < n_b; i++) {
		(void)snprintf(below, sizeof below, "%s[%zu]", key, i);
		compare_values(d, below, json_array_get(a, i), json_array_get(b, i),
			       depth);
	}
}

/* The parser of the metadata allows no deeper nesting than MAX_DEPTH. */
static void
compare_values(struct encl_differ *d, const char *key, const json_t *a, const json_t *b,
	       unsigned depth)
{
	if (a && b && json_equal(a, b))
		return;
	if (depth < MAX_DEPTH && json_is_object(a) && json_is_object(b)) {
		compare_members(d, key, a, b, depth + 1);
		return;
	}
	if (depth < MAX_DEPTH && json_is_array(a) && json_is_array(b)) {
		compare_elements(d, key, a, b, depth + 1);
		return;
	}
	encl_diff_row(d, "Metadata", "Key", key, a ? json_deep_copy(a) : NULL,
		      b ? json_deep_copy(b) : NULL);
}

static json_t *
parse_metadata(const struct encl_eif *eif)
{
	struct encl_err unused;
	json_t *v = NULL;

	if (!eif->metadata || encl_json_parse(eif->metadata, strlen(eif->metadata),
					      "metadata", &v, &unused))
		return NULL;
	return v;
}

void
encl_diff_metadata(struct encl_differ *d)
{
	encl_auto(json_decref) json_t *a = NULL;
	encl_auto(json_decref) json_t *b = NULL;

	if (encl_digest_equal(&d->a->metadata, &d->b->metadata))
		return;
	a = parse_metadata(d->a->eif);
	b = parse_metadata(d->b->eif);
	compare_values(d, "", a, b, 0);
}

/* ---- signature ---- */

static void
compare_text(struct encl_differ *d, const char *field, const char *a, const char *b)
{
	if (!a || !b || strcmp(a, b) != 0)
		encl_diff_row(d, "Signature", "Field", field,
			      a ? encl_json_text(a) : NULL, b ? encl_json_text(b) : NULL);
}

static json_t *
issuer_json(const char *text)
{
	json_t *v = text ? json_loads(text, 0, NULL) : NULL;

	return v ? v : encl_json_text(text ? text : "");
}

static const char *
state_text(const struct encl_image_state *s)
{
	return s->signature_ok ? "ok" : s->why;
}

static void
compare_certificates(struct encl_differ *d)
{
	const struct encl_signature_info *a = &d->state_a.signature;
	const struct encl_signature_info *b = &d->state_b.signature;
	char x[ENCL_DIGEST_TEXT];
	char y[ENCL_DIGEST_TEXT];

	if (strcmp(a->issuer ? a->issuer : "", b->issuer ? b->issuer : "") != 0)
		encl_diff_row(d, "Signature", "Field", "IssuerName",
			      issuer_json(a->issuer), issuer_json(b->issuer));
	compare_text(d, "Algorithm", a->algorithm, b->algorithm);
	compare_text(d, "NotBefore", a->not_before, b->not_before);
	compare_text(d, "NotAfter", a->not_after, b->not_after);
	compare_text(d, "Verdict", state_text(&d->state_a), state_text(&d->state_b));
	if (json_array_size(json_object_get(d->out, "Signature")) || d->moved[8] ||
	    d->moved[0])
		return; /* another signature follows from any of these */
	if (d->a->eif->signature_size == d->b->eif->signature_size &&
	    !memcmp(d->a->eif->signature, d->b->eif->signature,
		    d->a->eif->signature_size))
		return;
	{
		struct encl_digest digest;

		encl_digest_of(ENCL_SHA256, d->a->eif->signature,
			       d->a->eif->signature_size, &digest);
		encl_digest_format(&digest, x);
		encl_digest_of(ENCL_SHA256, d->b->eif->signature,
			       d->b->eif->signature_size, &digest);
		encl_digest_format(&digest, y);
	}
	compare_text(d, "Bytes", x, y);
}

void
encl_diff_signature(struct encl_differ *d)
{
	if (!d->state_a.is_signed && !d->state_b.is_signed)
		return;
	if (d->state_a.is_signed != d->state_b.is_signed) {
		encl_diff_row(d, "Signature", "Field", "Signed",
			      json_boolean(d->state_a.is_signed),
			      json_boolean(d->state_b.is_signed));
		return;
	}
	if (d->state_a.has_signature && d->state_b.has_signature)
		compare_certificates(d);
	else
		compare_text(d, "Verdict", state_text(&d->state_a),
			     state_text(&d->state_b));
}

/* ---- packages ---- */

static int
by_identity(const struct encl_image_package *x, const struct encl_image_package *y)
{
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->arch, y->arch);
}

static int
by_identity_any(const void *a, const void *b)
{
	const struct encl_image_package *x = *(const struct encl_image_package *const *)a;
	const struct encl_image_package *y = *(const struct encl_image_package *const *)b;
	int c = by_identity(x, y);

	if (!c)
		c = strcmp(x->type, y->type);
	return c ? c : strcmp(x->version, y->version);
}

/* By name, arch, type; inventories sort by version before arch. */
static const struct encl_image_package **
sorted(const struct encl_inventory *i)
{
	const struct encl_image_package **v = encl_xcalloc(i->n_packages + 1, sizeof *v);

	for (size_t k = 0; k < i->n_packages; k++)
		v[k] = &i->packages[k];
	qsort(v, i->n_packages, sizeof *v, by_identity_any);
	return v;
}

static void
package_row(struct encl_differ *d, const struct encl_image_package *p,
	    const struct encl_image_package *a, const struct encl_image_package *b)
{
	json_t *row = json_object();

	json_object_set_new(row, "Name", encl_json_text(p->name));
	json_object_set_new(row, "Type", json_string(p->type));
	json_object_set_new(row, "Arch", encl_json_text(p->arch));
	json_object_set_new(row, "Change",
			    json_string(a && b ? "changed"
					: b    ? "added"
					       : "removed"));
	if (a)
		json_object_set_new(row, "A", encl_json_text(a->version));
	if (b)
		json_object_set_new(row, "B", encl_json_text(b->version));
	json_array_append_new(json_object_get(d->out, "Packages"), row);
}

/* Packages of one name, of A and of B: by version. */
struct versions {
	const struct encl_image_package **v;
	size_t n;
};

static struct versions
take_name(const struct encl_image_package **v, size_t n,
	  const struct encl_image_package *like)
{
	struct versions out = {v, 0};

	while (out.n < n && !by_identity(v[out.n], like) &&
	       !strcmp(v[out.n]->type, like->type))
		out.n++;
	return out;
}

/* Those of x whose version y does not have; room for x->n. */
static size_t
without(const struct versions *x, const struct versions *y,
	const struct encl_image_package **out)
{
	size_t n = 0;
	size_t k = 0;

	for (size_t i = 0; i < x->n; i++) {
		while (k < y->n && strcmp(y->v[k]->version, x->v[i]->version) < 0)
			k++;
		if (k < y->n && !strcmp(y->v[k]->version, x->v[i]->version))
			k++;
		else
			out[n++] = x->v[i];
	}
	return n;
}

static void
compare_name(struct encl_differ *d, const struct versions *a, const struct versions *b)
{
	encl_auto(encl_free) const struct encl_image_package **x =
		encl_xcalloc(a->n + 1, sizeof *x);
	encl_auto(encl_free) const struct encl_image_package **y =
		encl_xcalloc(b->n + 1, sizeof *y);
	size_t n = without(a, b, x);
	size_t m = without(b, a, y);

	for (size_t i = 0; i < n && i < m; i++)
		package_row(d, y[i], x[i], y[i]);
	for (size_t i = m; i < n; i++)
		package_row(d, x[i], x[i], NULL);
	for (size_t i = n; i < m; i++)
		package_row(d, y[i], NULL, y[i]);
}

void
encl_diff_packages(struct encl_differ *d)
{
	encl_auto(encl_free) const struct encl_image_package **a = sorted(d->a);
	encl_auto(encl_free) const struct encl_image_package **b = sorted(d->b);
	size_t n = d->a->n_packages;
	size_t m = d->b->n_packages;
	size_t i = 0;
	size_t k = 0;

	while (i < n || k < m) {
		const struct encl_image_package *next =
			i == n	 ? b[k]
			: k == m ? a[i]
				 : (by_identity_any(&a[i], &b[k]) < 0 ? a[i] : b[k]);
		const struct versions x = take_name(a + i, n - i, next);
		const struct versions y = take_name(b + k, m - k, next);

		compare_name(d, &x, &y);
		i += x.n;
		k += y.n;
	}
}
