/* SPDX-License-Identifier: Apache-2.0 */
/* The document of two images' differences to lines for people.  All that images say
 * is escaped. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "verify/diff.h"

enum { TEXT_MAX = 1 << 28 };

struct printer {
	struct encl_buf out;
	const char *manifest;
	bool stat;
};

static const char *
str(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s ? s : "";
}

/* Control and non-ASCII bytes as \xHH; a backslash too, but in lines of files. */
static void
put(struct printer *p, const char *s, bool is_line)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= ' ' && c < 0x7f && (c != '\\' || is_line)) ||
		    (c == '\t' && is_line))
			encl_buf_add_byte(&p->out, c);
		else
			encl_buf_add_fmt(&p->out, "\\x%02x", c);
	}
}

/* A value as it would stand in a sentence. */
static void
put_value(struct printer *p, const json_t *v)
{
	encl_auto(encl_free) char *text = NULL;

	if (!v || json_is_null(v)) {
		encl_buf_add_str(&p->out, "none");
	} else if (json_is_string(v)) {
		put(p, json_string_value(v), false);
	} else {
		text = encl_json_compact(v);
		put(p, text, false);
	}
}

static void
put_pair(struct printer *p, const json_t *a, const json_t *b)
{
	put_value(p, a);
	encl_buf_add_str(&p->out, " -> ");
	put_value(p, b);
}

static void
put_rows(struct printer *p, const json_t *diff, const char *list, const char *what,
	 const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(diff, list), i, row) {
		encl_buf_add_str(&p->out, what);
		put(p, str(row, key), false);
		encl_buf_add_str(&p->out, ": ");
		put_pair(p, json_object_get(row, "A"), json_object_get(row, "B"));
		encl_buf_add_str(&p->out, "\n");
	}
}

static void
put_list(struct printer *p, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v)
		encl_buf_add_fmt(&p->out, "%s%s", i ? " " : "", json_string_value(v));
}

static char *
owner_text(const json_t *o, const char *manifest)
{
	struct encl_owner owner = {.kind = str(o, "Kind"), .name = str(o, "Name")};

	if (json_object_get(o, "Item"))
		owner.item = str(o, "Item");
	owner.line = (unsigned)json_integer_value(json_object_get(o, "Line"));
	return encl_owner_text(&owner, manifest);
}

/* "  [PCR0 PCR2] package x 1 (rootfs[1], enclave.yaml:12)" */
static void
put_cause(struct printer *p, const json_t *row)
{
	const json_t *pcrs = json_object_get(row, "PCRs");
	const json_t *owner = json_object_get(row, "Owner");
	const json_t *before = json_object_get(row, "OwnerA");

	if (json_array_size(pcrs)) {
		encl_buf_add_str(&p->out, "  [");
		put_list(p, pcrs);
		encl_buf_add_str(&p->out, "]");
	}
	if (owner) {
		encl_auto(encl_free) char *text = owner_text(owner, p->manifest);

		encl_buf_add_str(&p->out, "  ");
		put(p, text, false);
	}
	if (before) {
		encl_auto(encl_free) char *text = owner_text(before, NULL);

		encl_buf_add_str(&p->out, ", before: ");
		put(p, text, false);
	}
	encl_buf_add_str(&p->out, "\n");
}

static void
put_sections(struct printer *p, const json_t *diff)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(diff, "Sections"), i, row) {
		const json_t *ramdisk = json_object_get(row, "Ramdisk");
		const json_t *a = json_object_get(row, "SizeA");
		const json_t *b = json_object_get(row, "SizeB");

		encl_buf_add_fmt(&p->out, "section %s", str(row, "Type"));
		if (ramdisk)
			encl_buf_add_fmt(&p->out, " %d",
					 (int)json_integer_value(ramdisk));
		encl_buf_add_fmt(&p->out, " %s", str(row, "Change"));
		if (a && b && !json_equal(a, b)) {
			encl_buf_add_str(&p->out, ", bytes: ");
			put_pair(p, a, b);
		}
		if (*str(row, "Text")) {
			encl_buf_add_str(&p->out, ": ");
			put(p, str(row, "Text"), false);
		}
		put_cause(p, row);
	}
}

static void
put_packages(struct printer *p, const json_t *diff)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(diff, "Packages"), i, row) {
		encl_buf_add_str(&p->out, "package ");
		put(p, str(row, "Name"), false);
		if (*str(row, "Arch")) {
			encl_buf_add_str(&p->out, " (");
			put(p, str(row, "Arch"), false);
			encl_buf_add_str(&p->out, ")");
		}
		encl_buf_add_str(&p->out, ": ");
		put_pair(p, json_object_get(row, "A"), json_object_get(row, "B"));
		encl_buf_add_str(&p->out, "\n");
	}
}

/* ---- files ---- */

static void
put_fields(struct printer *p, const json_t *row)
{
	bool looked = json_object_get(row, "Diff") || json_object_get(row, "Binary");
	const char *name;
	json_t *v;

	json_object_foreach (json_object_get(row, "Fields"), name, v) {
		if (!strcmp(name, "content") && looked)
			continue; /* there is more to say than digests */
		encl_buf_add_fmt(&p->out, "    %s: ", name);
		put_pair(p, json_array_get(v, 0), json_array_get(v, 1));
		encl_buf_add_str(&p->out, "\n");
	}
}

static void
put_diff(struct printer *p, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		encl_auto(encl_free) char *line = encl_xstrndup(text, n);

		encl_buf_add_str(&p->out, "    ");
		put(p, line, true);
		encl_buf_add_str(&p->out, "\n");
		text += n + (text[n] == '\n');
	}
}

static void
put_content(struct printer *p, const json_t *row)
{
	const json_t *binary = json_object_get(row, "Binary");
	const char *name;
	json_t *v;

	if (*str(row, "Text")) {
		encl_buf_add_str(&p->out, "    ");
		put(p, str(row, "Text"), false);
		encl_buf_add_str(&p->out, "\n");
	}
	if (binary)
		encl_buf_add_fmt(
			&p->out,
			"    binary: %lld bytes differ, the first difference is at %lld\n",
			(long long)json_integer_value(json_object_get(binary, "Differ")),
			(long long)json_integer_value(json_object_get(binary, "First")));
	json_object_foreach (json_object_get(row, "Elf"), name, v) {
		encl_buf_add_fmt(&p->out, "    %s: ",
				 strcmp(name, "BuildId") != 0 ? "compiler" : "build-id");
		put_pair(p, json_array_get(v, 0), json_array_get(v, 1));
		encl_buf_add_str(&p->out, "\n");
	}
	put_diff(p, str(row, "Diff"));
}

static void
put_names(struct printer *p, json_t *fields)
{
	const char *name;
	json_t *v;
	bool first = true;

	json_object_foreach (fields, name, v) {
		encl_buf_add_fmt(&p->out, "%s%s", first ? "  " : ",", name);
		first = false;
	}
}

static void
put_file(struct printer *p, const json_t *row)
{
	const char *change = str(row, "Change");
	bool changed = !strcmp(change, "changed");

	if (p->stat)
		encl_buf_add_fmt(&p->out, "%c ",
				 changed		    ? 'M'
				 : !strcmp(change, "added") ? 'A'
							    : 'D');
	else
		encl_buf_add_fmt(&p->out, "%s ", change);
	put(p, str(row, "Path"), false);
	if (p->stat && changed)
		put_names(p, json_object_get(row, "Fields"));
	put_cause(p, row);
	if (p->stat)
		return;
	if (changed)
		put_fields(p, row);
	put_content(p, row);
}

static void
put_files(struct printer *p, const json_t *diff)
{
	const json_t *files = json_object_get(diff, "Files");
	const json_t *summary = json_object_get(diff, "Summary");
	long long added = json_integer_value(json_object_get(summary, "Added"));
	long long removed = json_integer_value(json_object_get(summary, "Removed"));
	long long changed = json_integer_value(json_object_get(summary, "Changed"));
	const json_t *row;
	size_t i;

	json_array_foreach (files, i, row)
		put_file(p, row);
	if (json_array_size(files) < (size_t)(added + removed + changed))
		encl_buf_add_fmt(&p->out, "... %lld more\n",
				 added + removed + changed -
					 (long long)json_array_size(files));
	if (added + removed + changed)
		encl_buf_add_fmt(&p->out,
				 "files: %lld added, %lld removed, %lld changed\n", added,
				 removed, changed);
}

char *
encl_diff_text(const json_t *diff, const char *manifest, bool stat)
{
	struct printer p = {.manifest = manifest, .stat = stat};

	encl_buf_init(&p.out, TEXT_MAX);
	if (!stat) {
		put_rows(&p, diff, "Measurements", "", "PCR");
		put_rows(&p, diff, "Header", "header ", "Field");
	}
	put_sections(&p, diff);
	put_rows(&p, diff, "Metadata", "metadata ", "Key");
	put_rows(&p, diff, "Signature", "signature ", "Field");
	put_packages(&p, diff);
	put_files(&p, diff);
	encl_buf_add_fmt(&p.out, "%s\n", str(json_object_get(diff, "Summary"), "Text"));
	return (char *)encl_buf_steal(&p.out, NULL);
}
