/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections of two images: those that differ, with sizes, digests, the registers that
 * they move and a reason in words (diff_why.c).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/stream.h"
#include "verify/diff_internal.h"

enum { TEXT_MAX = 1 << 18 };

static const struct encl_eif_section *
find(const struct encl_eif *eif, enum encl_section_type type, size_t ramdisk)
{
	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == type &&
		    (type != ENCL_SECTION_RAMDISK || !ramdisk--))
			return &eif->sections[i];
	return NULL;
}

static struct encl_digest
digest_of(const struct encl_inventory *i, enum encl_section_type type, size_t ramdisk)
{
	struct encl_digest digest;

	switch (type) {
	case ENCL_SECTION_KERNEL:
		return i->kernel;
	case ENCL_SECTION_CMDLINE:
		return i->cmdline;
	case ENCL_SECTION_METADATA:
		return i->metadata;
	case ENCL_SECTION_RAMDISK:
		return i->ramdisks[ramdisk];
	default:
		encl_digest_of(ENCL_SHA256, i->eif->signature, i->eif->signature_size,
			       &digest);
		return digest;
	}
}

static void
set_side(json_t *row, const char *size, const char *digest,
	 const struct encl_eif_section *s, const struct encl_digest *value)
{
	char text[ENCL_DIGEST_TEXT];

	if (!s)
		return;
	encl_digest_format(value, text);
	json_object_set_new(row, size, json_integer((json_int_t)s->size));
	json_object_set_new(row, digest, json_string(text));
}

static json_t *
new_row(const struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	const struct encl_eif_section *a, const struct encl_eif_section *b)
{
	const struct encl_digest none = {.algo = ENCL_SHA256};
	const struct encl_digest of_a = a ? digest_of(d->a, type, ramdisk) : none;
	const struct encl_digest of_b = b ? digest_of(d->b, type, ramdisk) : none;
	const struct encl_owner *owner =
		type <= ENCL_SECTION_METADATA ? d->b->sections[type] : NULL;
	json_t *row;

	if (a && b && a->size == b->size && encl_digest_equal(&of_a, &of_b))
		return NULL;
	row = json_object();
	json_object_set_new(row, "Type", json_string(encl_section_name(type)));
	if (type == ENCL_SECTION_RAMDISK)
		json_object_set_new(row, "Ramdisk", json_integer((json_int_t)ramdisk));
	json_object_set_new(row, "Change",
			    json_string(!a   ? "added"
					: !b ? "removed"
					     : "changed"));
	set_side(row, "SizeA", "DigestA", a, &of_a);
	set_side(row, "SizeB", "DigestB", b, &of_b);
	json_object_set_new(row, "PCRs", encl_diff_pcrs(d, type, ramdisk));
	if (owner)
		json_object_set_new(row, "Owner", encl_owner_json(owner));
	return row;
}

static bool
is_measured(enum encl_section_type type)
{
	return type == ENCL_SECTION_KERNEL || type == ENCL_SECTION_CMDLINE ||
	       type == ENCL_SECTION_RAMDISK;
}

static int
compare(struct encl_differ *d, enum encl_section_type type, size_t ramdisk,
	struct encl_err *e)
{
	const struct encl_eif_section *a = find(d->a->eif, type, ramdisk);
	const struct encl_eif_section *b = find(d->b->eif, type, ramdisk);
	encl_auto(encl_buf_clear) struct encl_buf why = {.cap = TEXT_MAX};
	encl_auto(json_decref) json_t *row = NULL;

	if (!a && !b)
		return 0;
	row = new_row(d, type, ramdisk, a, b);
	if (!row)
		return 0;
	if (a && b) {
		const struct encl_range x = {d->a->eif->fd, a->offset, a->size};
		const struct encl_range y = {d->b->eif->fd, b->offset, b->size};

		if (encl_diff_why(d, type, ramdisk, &x, &y, &why, e))
			return -1;
	}
	if (is_measured(type) && !json_array_size(json_object_get(row, "PCRs")))
		encl_diff_reason(
			&why, "the registers do not show it: bytes have moved from one "
			      "section to another");
	if (why.len)
		json_object_set_new(row, "Text", encl_json_text(encl_buf_text(&why)));
	json_array_append(json_object_get(d->out, "Sections"), row);
	return 0;
}

int
encl_diff_sections(struct encl_differ *d, struct encl_err *e)
{
	size_t n =
		d->a->n_ramdisks > d->b->n_ramdisks ? d->a->n_ramdisks : d->b->n_ramdisks;

	if (compare(d, ENCL_SECTION_KERNEL, 0, e) ||
	    compare(d, ENCL_SECTION_CMDLINE, 0, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (compare(d, ENCL_SECTION_RAMDISK, i, e))
			return -1;
	if (compare(d, ENCL_SECTION_METADATA, 0, e))
		return -1;
	return d->o->ignore_signature ? 0 : compare(d, ENCL_SECTION_SIGNATURE, 0, e);
}
