/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements, what of the file each covers, as a picture and as tables. */
#include <inttypes.h>
#include <string.h>

#include "base/parse.h"
#include "verify/report_internal.h"
#include "verify/report_view.h"

enum {
	LEFT = 52, /* of the picture: names of the registers */
	WIDE = 1000 - LEFT,
	LEAST = 26, /* of a section */
	BAR = 46,
	ROW = 20,
	ROWS = 22 + BAR + 8, /* where the registers begin */
	LETTER = 8,
	REGISTERS = 4
};

static const unsigned registers[REGISTERS] = {0, 1, 2, 8};

struct segment {
	const char *name;
	uint64_t size;
	enum encl_moves moves;
	unsigned x, w;
};

static bool
covers(unsigned pcr, enum encl_moves m)
{
	switch (pcr) {
	case 0:
		return m == ENCL_MOVES_BOOT || m == ENCL_MOVES_APP;
	case 1:
		return m == ENCL_MOVES_BOOT;
	case 2:
		return m == ENCL_MOVES_APP;
	default:
		return m == ENCL_MOVES_SIGNER;
	}
}

/* The header, then the sections, not quite to scale: each can be seen. */
static size_t
segments(const struct encl_report_state *s, struct segment out[ENCL_EIF_MAX_SECTIONS + 1])
{
	const struct encl_eif *eif = s->r->eif;
	size_t n = eif->n_sections + 1;
	unsigned least = LEAST * n > WIDE / 2 ? (unsigned)(WIDE / 2 / n) : LEAST;
	uint64_t rest = WIDE - least * n;
	unsigned at = LEFT;
	size_t ramdisks = 0;

	out[0] = (struct segment){"headers", s->shares.headers, ENCL_MOVES_NONE, 0, 0};
	for (size_t i = 1; i < n; i++) {
		const struct encl_eif_section *x = &eif->sections[i - 1];

		out[i].name = encl_section_name(x->type);
		out[i].size = x->size;
		out[i].moves = encl_section_moves(x->type, ramdisks);
		ramdisks += x->type == ENCL_SECTION_RAMDISK;
	}
	for (size_t i = 0; i < n; i++) {
		out[i].x = at;
		out[i].w =
			least + (unsigned)encl_area_share(rest, out[i].size, eif->size);
		at += out[i].w;
	}
	return n;
}

static void
draw_bar(struct encl_page *p, const struct segment *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		encl_page_fmt(p,
			      "<rect class=\"a %s\" x=\"%u\" y=\"18\" width=\"%u\" "
			      "height=\"%d\"><title>%s: ",
			      encl_moves_class(v[i].moves), v[i].x, v[i].w, BAR,
			      v[i].name);
		encl_page_size(p, v[i].size);
		encl_page_fmt(p, ", %s</title></rect>\n", encl_moves_name(v[i].moves));
		if (i)
			encl_page_fmt(
				p, "<text class=\"t num\" x=\"%u\" y=\"12\">%zu</text>\n",
				v[i].x + v[i].w / 2, i - 1);
		if (v[i].w < LETTER * strlen(v[i].name) + LETTER)
			continue;
		encl_page_fmt(p, "<text class=\"t mid\" x=\"%u\" y=\"38\">%s</text>\n",
			      v[i].x + v[i].w / 2, v[i].name);
		encl_page_fmt(p, "<text class=\"t mid\" x=\"%u\" y=\"54\">",
			      v[i].x + v[i].w / 2);
		encl_page_size(p, v[i].size);
		encl_page_raw(p, "</text>\n");
	}
}

static void
draw_registers(const struct encl_report_state *s, const struct segment *v, size_t n)
{
	static const char *const classes[REGISTERS] = {"all", "boot", "app", "signer"};
	unsigned row = 0;

	for (size_t k = 0; k < REGISTERS; k++) {
		unsigned y = ROWS + ROW * row;

		if (registers[k] == 8 && !s->r->state->measurements.has_pcr8)
			continue;
		encl_page_fmt(s->p,
			      "<text class=\"t gl\" x=\"0\" y=\"%u\">PCR%u</text>\n"
			      "<rect class=\"rail\" x=\"%d\" y=\"%u\" width=\"%d\" "
			      "height=\"1\"/>\n",
			      y + 10, registers[k], LEFT, y + 6, WIDE);
		for (size_t i = 0; i < n; i++)
			if (covers(registers[k], v[i].moves))
				encl_page_fmt(s->p,
					      "<rect class=\"cover %s\" x=\"%u\" "
					      "y=\"%u\" width=\"%u\" height=\"9\"/>\n",
					      classes[k], v[i].x + 1, y + 2, v[i].w - 2);
		row++;
	}
}

static void
picture(struct encl_report_state *s)
{
	struct segment v[ENCL_EIF_MAX_SECTIONS + 1];
	size_t n = segments(s, v);
	int rows = s->r->state->measurements.has_pcr8 ? 4 : 3;

	encl_page_fmt(s->p,
		      "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		      "aria-label=\"Sections and the PCRs that cover them\">"
		      "<svg class=\"bar\" viewBox=\"0 0 1000 %d\" role=\"img\" "
		      "aria-label=\"The file from its first byte to its last, and which "
		      "sections each PCR covers\">\n",
		      ROWS + ROW * rows);
	draw_bar(s->p, v, n);
	draw_registers(s, v, n);
	encl_page_raw(s->p,
		      "</svg></div>\n<figcaption>The file from its first byte to its "
		      "last, sections numbered as below; small ones are drawn wider "
		      "than they are. What no line covers, nobody measures.</figcaption>"
		      "</figure>\n");
}

static void
compared(struct encl_report_state *s, unsigned pcr)
{
	const struct encl_checks *c = s->r->checks;
	char name[8];
	bool any = false;

	(void)snprintf(name, sizeof name, "PCR%u", pcr);
	encl_page_raw(s->p, "<td class=\"held\">");
	for (size_t i = 0; i < c->n; i++) {
		const struct encl_check *k = &c->v[i];

		if (strcmp(k->name, name) != 0 || !k->source)
			continue;
		encl_page_fmt(s->p, "%s<span class=\"v %s\">%s</span> ",
			      any ? "<br>" : "", encl_verdict_name(k->verdict),
			      k->verdict == ENCL_CHECK_PASS ? "✓ as" : "✕ not as");
		encl_page_text(s->p, k->source);
		any = true;
	}
	encl_page_raw(s->p,
		      any ? "</td>" : "<span class=\"quiet\">with nothing</span></td>");
}

static void
table_row(struct encl_report_state *s, unsigned pcr, const struct encl_pcr *value)
{
	static const char *const what[] = {"kernel, command line, all ramdisks",
					   "kernel, command line, boot ramdisk",
					   "ramdisks after the first: the application",
					   "the signing certificate"};
	static const enum encl_moves moves[] = {ENCL_MOVES_NONE, ENCL_MOVES_BOOT,
						ENCL_MOVES_APP, ENCL_MOVES_SIGNER};
	size_t i = pcr < 3 ? pcr : 3;
	char hex[2 * ENCL_PCR_SIZE + 1];

	encl_hex(value->bytes, ENCL_PCR_SIZE, hex);
	encl_page_fmt(
		s->p,
		"<tr><th scope=\"row\"><span class=\"pcr %s\">PCR%u</span></th>"
		"<td class=\"covers\">%s</td><td><code class=\"hex\">%s</code></td>",
		i ? encl_moves_class(moves[i]) : "all", pcr, what[i], hex);
	compared(s, pcr);
	encl_page_row_end(s->p);
}

static void
sections_table(struct encl_report_state *s)
{
	const struct encl_eif *eif = s->r->eif;
	struct encl_page *p = s->p;
	size_t ramdisks = 0;

	encl_page_table(p, "Sections, in file order", "#No.|Section|#Offset|#Size|Moves");
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *x = &eif->sections[i];

		encl_page_row(p, NULL);
		encl_page_count_cell(p, i);
		encl_page_fmt(p, "<th scope=\"row\">%s", encl_section_name(x->type));
		if (x->type == ENCL_SECTION_RAMDISK)
			encl_page_fmt(p, " %zu%s", ramdisks,
				      s->shares.ramdisks[ramdisks].packed
					      ? " (compressed)"
					      : "");
		encl_page_raw(p, "</th>");
		encl_page_count_cell(p, x->offset);
		encl_page_raw(p, "<td class=\"n\">");
		encl_page_count(p, x->size);
		encl_page_raw(p, "</td><td>");
		encl_report_mark(p, encl_section_moves(x->type, ramdisks));
		encl_page_raw(p, "</td>");
		encl_page_row_end(p);
		ramdisks += x->type == ENCL_SECTION_RAMDISK;
	}
	encl_page_table_end(p);
}

void
encl_report_measurements(struct encl_report_state *s)
{
	const struct encl_measurements *m = &s->r->state->measurements;
	struct encl_page *p = s->p;

	encl_page_section(p, "measurements", "Measurements");
	encl_page_raw(p, "<p>A verifier who holds an attestation document against these "
			 "values knows which bytes run. Colour means the same "
			 "everywhere on this page: which PCR a thing moves.</p>\n");
	encl_page_table(p, "Platform configuration registers, computed from the file",
			"PCR|Covers|Value (SHA-384)|Compared");
	table_row(s, 0, &m->pcr0);
	table_row(s, 1, &m->pcr1);
	table_row(s, 2, &m->pcr2);
	if (m->has_pcr8)
		table_row(s, 8, &m->pcr8);
	encl_page_table_end(p);
	picture(s);
	sections_table(s);
	encl_page_section_end(p);
}
