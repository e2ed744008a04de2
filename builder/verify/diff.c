/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two inventories to one document of what differs.  Nothing that differs stays
 * without a name: where no field, section or entry explains it, the first byte does.
 */
#include "verify/diff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "verify/diff_internal.h"

static void
differ_clear(struct encl_differ *d)
{
	encl_image_state_clear(&d->state_a);
	encl_image_state_clear(&d->state_b);
	json_decref(d->out);
	free(d->pairs);
	free(d->dumped[0]);
	free(d->dumped[1]);
}
ENCL_AUTO_VAL(struct encl_differ, differ_clear);

json_t *
encl_diff_values(json_t *a, json_t *b)
{
	json_t *v = json_array();

	json_array_append_new(v, a ? a : json_null());
	json_array_append_new(v, b ? b : json_null());
	return v;
}

void
encl_diff_row(struct encl_differ *d, const char *list, const char *key, const char *name,
	      json_t *a, json_t *b)
{
	json_t *row = json_object();

	json_object_set_new(row, key, encl_json_text(name));
	if (a)
		json_object_set_new(row, "A", a);
	if (b)
		json_object_set_new(row, "B", b);
	json_array_append_new(json_object_get(d->out, list), row);
}

json_t *
encl_diff_pcrs(const struct encl_differ *d, enum encl_section_type type, size_t ramdisk)
{
	json_t *v = json_array();
	bool boot = type == ENCL_SECTION_KERNEL || type == ENCL_SECTION_CMDLINE ||
		    (type == ENCL_SECTION_RAMDISK && !ramdisk);
	bool app = type == ENCL_SECTION_RAMDISK && ramdisk;

	if ((boot || app) && d->moved[0])
		json_array_append_new(v, json_string("PCR0"));
	if (boot && d->moved[1])
		json_array_append_new(v, json_string("PCR1"));
	if (app && d->moved[2])
		json_array_append_new(v, json_string("PCR2"));
	if (type == ENCL_SECTION_SIGNATURE && d->moved[8])
		json_array_append_new(v, json_string("PCR8"));
	return v;
}

/* ---- registers ---- */

static json_t *
pcr_json(const struct encl_pcr *pcr)
{
	char hex[2 * ENCL_PCR_SIZE + 1];

	if (!pcr)
		return NULL;
	encl_hex(pcr->bytes, ENCL_PCR_SIZE, hex);
	return json_string(hex);
}

static void
compare_registers(struct encl_differ *d)
{
	static const struct {
		unsigned number;
		const char *name;
	} known[] = {{0, "PCR0"}, {1, "PCR1"}, {2, "PCR2"}, {8, "PCR8"}};
	const struct encl_measurements *a = &d->state_a.measurements;
	const struct encl_measurements *b = &d->state_b.measurements;
	const struct encl_pcr *of_a[9] = {&a->pcr0, &a->pcr1, &a->pcr2};
	const struct encl_pcr *of_b[9] = {&b->pcr0, &b->pcr1, &b->pcr2};

	of_a[8] = a->has_pcr8 ? &a->pcr8 : NULL;
	of_b[8] = b->has_pcr8 ? &b->pcr8 : NULL;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const struct encl_pcr *x = of_a[known[i].number];
		const struct encl_pcr *y = of_b[known[i].number];

		if ((!x && !y) || (x && y && !memcmp(x, y, sizeof *x)))
			continue;
		if (known[i].number == 8 && d->o->ignore_signature)
			continue;
		d->moved[known[i].number] = true;
		encl_diff_row(d, "Measurements", "PCR", known[i].name, pcr_json(x),
			      pcr_json(y));
	}
}

/* ---- the whole ---- */

static bool
nothing_named(const struct encl_differ *d)
{
	static const char *const lists[] = {"Measurements", "Header",	 "Sections",
					    "Metadata",	    "Signature", "Packages",
					    "Files"};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (json_array_size(json_object_get(d->out, lists[i])))
			return false;
	return true;
}

/* Files that are not the same have a reason, whatever it is. */
static int
name_the_rest(struct encl_differ *d, struct encl_err *e)
{
	const struct encl_range a = {d->a->eif->fd, 0, d->a->eif->size};
	const struct encl_range b = {d->b->eif->fd, 0, d->b->eif->size};
	encl_auto(encl_free) char *text = NULL;
	uint64_t differ;
	uint64_t first;

	if (encl_range_compare(&a, &b, &differ, &first, e))
		return -1;
	if (first == UINT64_MAX)
		first = a.size < b.size ? a.size : b.size;
	text = encl_xasprintf("the first byte that differs is %" PRIu64, first);
	encl_diff_row(d, "Header", "Field", "Bytes", NULL, json_string(text));
	return 0;
}

static void
summarize(struct encl_differ *d)
{
	static const struct {
		unsigned number;
		const char *name;
	} known[] = {{0, "PCR0"}, {1, "PCR1"}, {2, "PCR2"}, {8, "PCR8"}};
	encl_auto(encl_free) char *text = encl_diff_explain(d);
	json_t *pcrs = json_array();

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (d->moved[known[i].number])
			json_array_append_new(pcrs, json_string(known[i].name));
	json_object_set_new(
		d->out, "Summary",
		json_pack("{s:I, s:I, s:I, s:o, s:s}", "Added", (json_int_t)d->added,
			  "Removed", (json_int_t)d->removed, "Changed",
			  (json_int_t)d->changed, "PCRs", pcrs, "Text", text));
}

static int
compare_all(struct encl_differ *d, struct encl_err *e)
{
	bool equal = encl_digest_equal(&d->state_a.sha256, &d->state_b.sha256);

	compare_registers(d);
	encl_diff_header(d);
	encl_diff_files(d);
	if (encl_diff_sections(d, e))
		return -1;
	encl_diff_metadata(d);
	if (!d->o->ignore_signature)
		encl_diff_signature(d);
	encl_diff_packages(d);
	if (!equal && !d->o->ignore_signature && nothing_named(d) && name_the_rest(d, e))
		return -1;
	json_object_set_new(d->out, "Same", json_boolean(nothing_named(d)));
	summarize(d);
	if (d->o->contents && encl_diff_contents(d, e))
		return -1;
	return d->o->dump ? encl_diff_dump(d, e) : 0;
}

int
encl_diff(const struct encl_inventory *a, const struct encl_inventory *b,
	  const struct encl_diff_options *o, json_t **out, struct encl_err *e)
{
	encl_auto(differ_clear) struct encl_differ d = {.a = a, .b = b, .o = o};

	d.out = json_object();
	json_object_set_new(d.out, "A", encl_json_text(o->name_a));
	json_object_set_new(d.out, "B", encl_json_text(o->name_b));
	json_object_set_new(d.out, "Same", json_false());
	json_object_set_new(d.out, "Measurements", json_array());
	json_object_set_new(d.out, "Header", json_array());
	json_object_set_new(d.out, "Sections", json_array());
	json_object_set_new(d.out, "Metadata", json_array());
	json_object_set_new(d.out, "Signature", json_array());
	json_object_set_new(d.out, "Packages", json_array());
	json_object_set_new(d.out, "Files", json_array());
	if (encl_image_check(a->eif, o->jobs, &d.state_a, e) ||
	    encl_image_check(b->eif, o->jobs, &d.state_b, e) || compare_all(&d, e))
		return -1;
	*out = encl_take(d.out, NULL);
	return 0;
}

/* ---- in words ---- */

static bool
section_named(const struct encl_differ *d, const char *type, int ramdisk)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(d->out, "Sections"), i, row) {
		const char *is = json_string_value(json_object_get(row, "Type"));
		json_int_t n = json_integer_value(json_object_get(row, "Ramdisk"));

		if (!strcmp(is, type) && (ramdisk < 0 || !ramdisk == !n))
			return true;
	}
	return false;
}

/* Names as a sentence has them: "x, y and z". */
struct names {
	const char *v[8];
	size_t n;
};

static char *
joined(const struct names *names)
{
	struct encl_buf b;

	encl_buf_init(&b, 4096);
	for (size_t i = 0; i < names->n; i++)
		encl_buf_add_fmt(&b, "%s%s",
				 !i		     ? ""
				 : i + 1 == names->n ? " and "
						     : ", ",
				 names->v[i]);
	return b.len ? (char *)encl_buf_steal(&b, NULL) : encl_xstrdup("nothing");
}

static void
what_changed(const struct encl_differ *d, struct names *measured, struct names *other)
{
	static const struct {
		const char *type;
		int ramdisk;
		const char *name;
	} parts[] = {
		{"kernel", -1, "the kernel"},	    {"cmdline", -1, "the command line"},
		{"ramdisk", 0, "the boot ramdisk"}, {"ramdisk", 1, "the app ramdisk"},
		{"metadata", -1, "the metadata"},   {"signature", -1, "the signature"},
	};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct names *to = i < 4 ? measured : other;

		if (section_named(d, parts[i].type, parts[i].ramdisk))
			to->v[to->n++] = parts[i].name;
	}
	if (json_array_size(json_object_get(d->out, "Header")))
		other->v[other->n++] = "the header";
}

char *
encl_diff_explain(const struct encl_differ *d)
{
	static const char *const registers[] = {"PCR0", "PCR1", "PCR2"};
	struct names moved = {.n = 0};
	struct names kept = {.n = 0};
	struct names measured = {.n = 0};
	struct names other = {.n = 0};
	encl_auto(encl_free) char *moved_text = NULL;
	encl_auto(encl_free) char *kept_text = NULL;
	encl_auto(encl_free) char *parts = NULL;
	encl_auto(encl_free) char *others = NULL;
	struct encl_buf b;

	if (nothing_named(d))
		return encl_xstrdup(d->o->ignore_signature
					    ? "the images are the same but for signatures"
					    : "the images are the same");
	what_changed(d, &measured, &other);
	for (size_t i = 0; i < 3; i++) {
		struct names *to = d->moved[i] ? &moved : &kept;

		to->v[to->n++] = registers[i];
	}
	if (d->moved[8])
		moved.v[moved.n++] = "PCR8";
	moved_text = joined(&moved);
	kept_text = joined(&kept);
	parts = joined(&measured);
	others = joined(&other);
	encl_buf_init(&b, 4096);
	if (moved.n)
		encl_buf_add_fmt(&b, "%s %s", moved_text,
				 moved.n == 1 ? "differs" : "differ");
	if (kept.n)
		encl_buf_add_fmt(&b, "%s%s %s the same", moved.n ? ", " : "", kept_text,
				 kept.n == 1 ? "is" : "are");
	if (measured.n)
		encl_buf_add_fmt(&b, ": %s%s changed", measured.n == 1 ? "only " : "",
				 parts);
	if (other.n)
		encl_buf_add_fmt(&b, "%s %s changed, which is in none of PCR0 to PCR2",
				 measured.n ? "; besides," : ": only", others);
	return (char *)encl_buf_steal(&b, NULL);
}
