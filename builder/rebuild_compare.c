/* SPDX-License-Identifier: Apache-2.0 */
/* Two images section by section, each one check; what failed is explained by what
 * differs inside and where that came from. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/stream.h"
#include "eif/format.h"
#include "rebuild_internal.h"

enum { CHUNK = 1 << 20, NAMED = 3 /* files in a check's text */, SECTIONS = 5 };

/* A section that the build makes, and what it moves. */
struct section {
	const char *check;
	enum encl_section_type type;
	size_t nth; /* of its type */
	const char *pcrs;
	const char *origin; /* of the section as a whole; NULL: its files have theirs */
};
static const struct section table[SECTIONS] = {
	{"rebuild.kernel", ENCL_SECTION_KERNEL, 0, "PCR0, PCR1", "kernel"},
	{"rebuild.cmdline", ENCL_SECTION_CMDLINE, 0, "PCR0, PCR1", "cmdline"},
	{"rebuild.ramdisk0", ENCL_SECTION_RAMDISK, 0, "PCR0, PCR1", NULL},
	{"rebuild.ramdisk1", ENCL_SECTION_RAMDISK, 1, "PCR0, PCR2", NULL},
	{"rebuild.metadata", ENCL_SECTION_METADATA, 0, "no PCR", "metadata"},
};

static const struct encl_eif_section *
find(const struct encl_eif *eif, const struct section *s)
{
	size_t n = 0;

	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == s->type && n++ == s->nth)
			return &eif->sections[i];
	return NULL;
}

static size_t
count_ramdisks(const struct encl_eif *eif)
{
	size_t n = 0;

	for (size_t i = 0; i < eif->n_sections; i++)
		n += eif->sections[i].type == ENCL_SECTION_RAMDISK;
	return n;
}

/* ---- bytes ---- */

struct reading {
	const struct encl_eif *eif;
	const struct encl_eif_section *section;
	struct encl_hash *hash;
	uint8_t *buf;
	size_t n;
};

static void
reading_clear(struct reading *r)
{
	encl_hash_free(r->hash);
	free(r->buf);
}
ENCL_AUTO_VAL(struct reading, reading_clear);

static int
next(struct reading *r, uint64_t off, struct encl_err *e)
{
	uint64_t left = off < r->section->size ? r->section->size - off : 0;

	r->n = left < CHUNK ? (size_t)left : CHUNK;
	if (encl_pread_full(r->eif->fd, r->buf, r->n, r->section->offset + off,
			    r->eif->path, e))
		return -1;
	encl_hash_update(r->hash, r->buf, r->n);
	return 0;
}

/* *at: the first byte that differs; both sizes where none does. */
static int
compare_bytes(struct reading *a, struct reading *b, uint64_t *at, struct encl_err *e)
{
	uint64_t most =
		a->section->size > b->section->size ? a->section->size : b->section->size;
	bool same = true;

	*at = 0;
	for (uint64_t off = 0; off < most; off += CHUNK) {
		size_t n, i = 0;

		if (next(a, off, e) || next(b, off, e))
			return -1;
		n = a->n < b->n ? a->n : b->n;
		if (!same)
			continue;
		while (i < n && a->buf[i] == b->buf[i])
			i++;
		*at = off + i;
		same = i == n && a->n == b->n;
	}
	return 0;
}

static char *
digest_text(struct encl_hash *h)
{
	struct encl_digest digest;
	char text[ENCL_DIGEST_TEXT];

	encl_hash_final(h, &digest);
	encl_digest_format(&digest, text);
	return encl_xstrdup(text);
}

static int
compare_section(const struct section *s, struct reading *a, struct reading *b,
		struct encl_checks *checks, bool *same, struct encl_err *e)
{
	struct encl_check *c;
	uint64_t at;

	a->hash = encl_hash_new(ENCL_SHA256);
	b->hash = encl_hash_new(ENCL_SHA256);
	a->buf = encl_xmalloc(CHUNK);
	b->buf = encl_xmalloc(CHUNK);
	if (compare_bytes(a, b, &at, e))
		return -1;
	*same = at == a->section->size && at == b->section->size;
	if (*same)
		c = encl_checks_add(checks, s->check, ENCL_CHECK_PASS,
				    "the same %" PRIu64 " bytes", at);
	else
		c = encl_checks_add(checks, s->check, ENCL_CHECK_FAIL,
				    "differs from byte %" PRIu64 " on (%s)", at, s->pcrs);
	c->got = digest_text(a->hash);
	c->expected = digest_text(b->hash);
	return 0;
}

static int
check_section(const struct section *s, const struct encl_eif *image,
	      const struct encl_eif *rebuilt, const char *source,
	      struct encl_checks *checks, bool *all, struct encl_err *e)
{
	encl_auto(reading_clear) struct reading a = {image, find(image, s), NULL, NULL,
						     0};
	encl_auto(reading_clear) struct reading b = {rebuilt, find(rebuilt, s), NULL,
						     NULL, 0};
	bool same = false;
	struct encl_check *c;

	if (!a.section && !b.section)
		return 0;
	if (!a.section || !b.section)
		encl_checks_add(checks, s->check, ENCL_CHECK_FAIL,
				"only the %s has it (%s)",
				a.section ? "image" : "rebuild", s->pcrs);
	else if (compare_section(s, &a, &b, checks, &same, e))
		return -1;
	c = &checks->v[checks->n - 1];
	c->source = encl_xstrdup(source);
	c->compares = true;
	*all = *all && same;
	return 0;
}

/* ---- the header ---- */

/* The first word in which they differ, of what a signature leaves alone; or NULL. */
static const char *
compare_headers(const struct encl_eif_header *a, const struct encl_eif_header *b,
		bool a_signed, bool b_signed, bool places)
{
	size_t n_a = (size_t)a->n_sections - a_signed;
	size_t n_b = (size_t)b->n_sections - b_signed;

	if (a->version != b->version)
		return "version";
	if (a->flags != b->flags)
		return "flags (architecture)";
	if (a->default_mem != b->default_mem)
		return "default memory";
	if (a->default_cpus != b->default_cpus)
		return "default CPUs";
	if (a->reserved != b->reserved || a->unused != b->unused)
		return "unused bytes";
	if (n_a != n_b)
		return "number of sections";
	for (size_t i = 0; places && i < n_a && i < ENCL_EIF_MAX_SECTIONS; i++)
		if (a->offsets[i] != b->offsets[i] || a->sizes[i] != b->sizes[i])
			return "place of sections";
	return NULL;
}

static int
read_header(const struct encl_eif *eif, struct encl_eif_header *out, struct encl_err *e)
{
	uint8_t bytes[ENCL_EIF_HEADER_SIZE];

	if (encl_pread_full(eif->fd, bytes, sizeof bytes, 0, eif->path, e))
		return -1;
	encl_eif_header_decode(bytes, out);
	return 0;
}

static int
check_header(const struct encl_eif *image, const struct encl_eif *rebuilt,
	     const char *source, bool any_metadata, struct encl_checks *checks,
	     struct encl_err *e)
{
	struct encl_eif_header a;
	struct encl_eif_header b;
	struct encl_check *c;
	const char *what;

	if (read_header(image, &a, e) || read_header(rebuilt, &b, e))
		return -1;
	what = compare_headers(&a, &b, image->signature, rebuilt->signature,
			       !any_metadata);
	for (size_t i = 0; !what && i < rebuilt->n_sections; i++)
		if (image->sections[i].type != rebuilt->sections[i].type)
			what = "order of sections";
	if (what)
		c = encl_checks_add(checks, "rebuild.header", ENCL_CHECK_FAIL,
				    "differs: %s", what);
	else
		c = encl_checks_add(
			checks, "rebuild.header", ENCL_CHECK_PASS, "the same%s",
			image->signature ? ", but for the signature's part" : "");
	c->source = encl_xstrdup(source);
	c->compares = true;
	return 0;
}

/* Was it no other than the metadata, or what they moved? */
static void
forgive_metadata(struct encl_checks *checks, size_t from, bool *same)
{
	bool others = false;
	struct encl_check *metadata = NULL;

	for (size_t i = from; i < checks->n; i++) {
		struct encl_check *c = &checks->v[i];

		if (!strcmp(c->name, "rebuild.metadata"))
			metadata = c;
		else if (c->verdict == ENCL_CHECK_FAIL)
			others = true;
	}
	if (!metadata || metadata->verdict != ENCL_CHECK_FAIL)
		return;
	metadata->verdict = ENCL_CHECK_NOTE;
	free(metadata->text);
	metadata->text = encl_xstrdup("others: nitro-cli tells when and where it built "
				      "(no PCR)");
	*same = !others;
}

int
encl_rebuild_compare(const struct encl_eif *image, const struct encl_eif *rebuilt,
		     const char *source, bool any_metadata, struct encl_checks *checks,
		     bool *same, struct encl_err *e)
{
	size_t from = checks->n;

	*same = true;
	for (size_t i = 0; i < SECTIONS; i++)
		if (check_section(&table[i], image, rebuilt, source, checks, same, e))
			return -1;
	if (any_metadata)
		forgive_metadata(checks, from, same);
	*same = *same && count_ramdisks(image) == count_ramdisks(rebuilt);
	return check_header(image, rebuilt, source, any_metadata, checks, e);
}

/* ---- why ---- */

static void
add_owner(struct encl_buf *text, const struct encl_owner *o, const char *manifest)
{
	encl_auto(encl_free) char *words = encl_owner_text(o, manifest);

	encl_buf_add_fmt(text, ", from %s", words);
}

static void
add_file(struct encl_buf *text, const json_t *file, const struct encl_owner *o,
	 const char *manifest)
{
	const char *path = json_string_value(json_object_get(file, "Path"));
	const char *change = json_string_value(json_object_get(file, "Change"));

	if (!path || !change)
		return;
	encl_buf_add_fmt(text, "; %s %s", path,
			 !strcmp(change, "added")     ? "only in the rebuild"
			 : !strcmp(change, "removed") ? "only in the image"
						      : "changed");
	if (o)
		add_owner(text, o, manifest);
}

/* Of a ramdisk: first what items of the manifest brought, then what follows of it. */
static void
add_files(struct encl_buf *text, const json_t *diff, size_t ramdisk,
	  const struct encl_origins *origins, const char *manifest)
{
	size_t n = 0;

	for (int pass = 0; pass < 2; pass++) {
		const json_t *file;
		size_t i;

		json_array_foreach (json_object_get(diff, "Files"), i, file) {
			const char *path =
				json_string_value(json_object_get(file, "Path"));
			const json_t *in = json_object_get(file, "Ramdisk");
			const struct encl_owner *o =
				path ? encl_origins_find(origins, path) : NULL;

			if ((size_t)json_integer_value(in) != ramdisk ||
			    (o && o->item) != (pass == 0))
				continue;
			if (n++ < NAMED)
				add_file(text, file, o, manifest);
		}
	}
	if (n > NAMED)
		encl_buf_add_fmt(text, "; and %zu more", n - NAMED);
	if (!n)
		encl_buf_add_str(text, "; the same files, otherwise laid out");
}

void
encl_rebuild_explain(struct encl_checks *checks, const json_t *diff,
		     const struct encl_origins *origins, const char *manifest)
{
	for (size_t i = 0; i < checks->n; i++) {
		struct encl_check *c = &checks->v[i];
		encl_auto(encl_buf_clear) struct encl_buf text = {.cap = 1 << 16};
		const struct encl_owner *o;
		size_t at = 0;

		while (at < SECTIONS && strcmp(c->name, table[at].check) != 0)
			at++;
		if (at == SECTIONS || c->verdict != ENCL_CHECK_FAIL)
			continue;
		encl_buf_add_str(&text, c->text);
		o = table[at].origin ? encl_origins_find(origins, table[at].origin)
				     : NULL;
		if (o)
			add_owner(&text, o, manifest);
		if (!table[at].origin)
			add_files(&text, diff, table[at].nth, origins, manifest);
		free(c->text);
		c->text = encl_xstrdup(encl_buf_text(&text));
	}
}
