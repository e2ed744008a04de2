/* SPDX-License-Identifier: Apache-2.0 */
/* Packages, the largest files, files that nothing accounts for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "verify/report_internal.h"
#include "verify/report_view.h"

enum { PACKAGES_MAX = 2000, LARGEST_MAX = 25, OWNERLESS_MAX = 100, OPEN_MAX = 30 };

/* <details>, open where it is short. */
static void
details(struct encl_page *p, uint64_t n, const char *what)
{
	encl_page_fmt(p, "<details%s><summary>", n <= OPEN_MAX ? " open" : "");
	encl_page_count(p, n);
	encl_page_fmt(p, " %s</summary>\n", what);
}

static void
package_row(struct encl_page *p, const struct encl_image_package *k)
{
	encl_page_row(p, NULL);
	encl_page_head_cell(p, k->name, true);
	encl_page_code_cell(p, k->version);
	encl_page_raw(p, "<td>");
	encl_page_text(p, k->type);
	if (k->arch) {
		encl_page_raw(p, ", ");
		encl_page_text(p, k->arch);
	}
	encl_page_raw(p, "</td><td>");
	encl_page_text(p, k->source ? k->source : k->name);
	if (k->source_version) {
		encl_page_raw(p, " ");
		encl_page_text(p, k->source_version);
	}
	encl_page_raw(p, "</td>");
	encl_page_count_cell(p, k->n_files);
	encl_page_size_cell(p, k->bytes);
	encl_page_row_end(p);
}

void
encl_report_packages(struct encl_report_state *s)
{
	const struct encl_inventory *i = s->r->inventory;
	size_t n = i->n_packages < PACKAGES_MAX ? i->n_packages : PACKAGES_MAX;
	struct encl_page *p = s->p;

	encl_page_section(p, "packages", "Packages");
	if (!i->n_packages) {
		encl_page_raw(p, "<p>The image has no database of packages (dpkg's or "
				 "apk's).</p>\n");
		encl_page_section_end(p);
		return;
	}
	encl_page_raw(p, "<p>As the databases inside the image have them");
	if (i->packages[0].distribution) {
		encl_page_raw(p, ", of <strong>");
		encl_page_text(p, i->packages[0].distribution);
		encl_page_raw(p, "</strong>");
	}
	encl_page_raw(p, ". Sizes are those of unpacked files.</p>\n");
	details(p, i->n_packages, i->n_packages == 1 ? "package" : "packages");
	encl_page_table(p, "Packages by name",
			"Package|Version|Type|Source|#Files|#Size");
	for (size_t k = 0; k < n; k++)
		package_row(p, &i->packages[k]);
	encl_page_more_row(p, 6, i->n_packages - n, "packages");
	encl_page_table_end(p);
	encl_page_raw(p, "</details>\n");
	encl_page_section_end(p);
}

/* ---- files ---- */

static bool
has_content(const struct encl_item *f)
{
	return S_ISREG(f->mode) && !f->same_as;
}

/* Larger ones first; then as the ramdisks have them. */
static int
by_size(const void *a, const void *b)
{
	const struct encl_item *x = *(const struct encl_item *const *)a;
	const struct encl_item *y = *(const struct encl_item *const *)b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (x->ramdisk != y->ramdisk)
		return x->ramdisk < y->ramdisk ? -1 : 1;
	return strcmp(x->path, y->path);
}

static void
file_row(struct encl_report_state *s, const struct encl_item *f, bool owner)
{
	struct encl_page *p = s->p;

	encl_page_row(p, NULL);
	encl_page_head_cell(p, f->path, true);
	encl_page_size_cell(p, f->size);
	encl_page_raw(p, "<td>");
	encl_report_mark(p, encl_section_moves(ENCL_SECTION_RAMDISK, f->ramdisk));
	encl_page_raw(p, "</td>");
	if (owner && f->owner) {
		encl_auto(encl_free) char *text =
			encl_owner_text(f->owner, s->r->manifest);

		encl_page_cell(p, text);
	} else if (owner) {
		encl_page_raw(p, "<td class=\"quiet\">not known</td>");
	}
	encl_page_row_end(p);
}

/* Those that keep() wants, by size; malloc'ed. */
static const struct encl_item **
choose(const struct encl_inventory *i, bool (*keep)(const struct encl_item *), size_t *n)
{
	const struct encl_item **v = encl_xcalloc(i->n_items + 1, sizeof(void *));

	*n = 0;
	for (size_t k = 0; k < i->n_items; k++)
		if (keep(&i->items[k]))
			v[(*n)++] = &i->items[k];
	if (*n)
		qsort(v, *n, sizeof(void *), by_size);
	return v;
}

void
encl_report_largest(struct encl_report_state *s)
{
	size_t n;
	encl_auto(encl_free) const struct encl_item **v =
		choose(s->r->inventory, has_content, &n);
	size_t rows = n < LARGEST_MAX ? n : LARGEST_MAX;

	encl_page_section(s->p, "largest", "Largest files");
	encl_page_table(s->p, "The largest files of the ramdisks, unpacked",
			"File|#Size|Moves|Came from");
	for (size_t k = 0; k < rows; k++)
		file_row(s, v[k], true);
	encl_page_more_row(s->p, 4, n - rows, "files");
	encl_page_table_end(s->p);
	encl_page_section_end(s->p);
}

static bool
is_ownerless(const struct encl_item *f)
{
	return !f->owner && has_content(f) && f->ramdisk;
}

void
encl_report_ownerless(struct encl_report_state *s)
{
	size_t n;
	encl_auto(encl_free) const struct encl_item **v =
		choose(s->r->inventory, is_ownerless, &n);
	size_t rows = n < OWNERLESS_MAX ? n : OWNERLESS_MAX;

	encl_page_section(s->p, "ownerless", "Files of unknown origin");
	if (!n) {
		encl_page_raw(s->p,
			      "<p>None: a package or the manifest accounts for each "
			      "file after the boot ramdisk.</p>\n");
		encl_page_section_end(s->p);
		return;
	}
	encl_page_raw(s->p, "<p>In no package's list of files");
	encl_page_raw(s->p, s->r->manifest
				    ? ", and not of the manifest.</p>\n"
				    : ". With <code>--manifest</code> this page says "
				      "which item of it brought them.</p>\n");
	details(s->p, n, n == 1 ? "file" : "files");
	encl_page_table(s->p, "~Files of unknown origin, by size", "File|#Size|Moves");
	for (size_t k = 0; k < rows; k++)
		file_row(s, v[k], false);
	encl_page_more_row(s->p, 3, n - rows, "files");
	encl_page_table_end(s->p);
	encl_page_raw(s->p, "</details>\n");
	encl_page_section_end(s->p);
}
