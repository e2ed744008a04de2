/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table of keys -> docs/enclave.yaml.md and docs/man/enclave.yaml.5.  One walk
 * over the table, one set of words for a key, two ways to set them.
 */
#include "manifest/reference.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "manifest/format.h"
#include "manifest/schema.h"

enum { MAX_TEXT = 256 * 1024 };

/* How one key is set. */
struct setter {
	void (*section)(struct encl_buf *b, const char *path, const char *help);
	void (*key)(struct encl_buf *b, const struct encl_key *k, const char *facts);
	void (*end)(struct encl_buf *b);
};

static void add_fact(struct encl_buf *b, const char *fmt, ...) ENCL_PRINTF(2, 3);

/* Facts stand in one line with semicolons. */
static void
add_fact(struct encl_buf *b, const char *fmt, ...)
{
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_buf_add_fmt(b, "%s%s", b->len ? "; " : "", text);
}

/* `a`, `b` or `c` */
static void
add_list(struct encl_buf *b, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		encl_buf_add_fmt(b, "%s`%s`",
				 !i		? ""
				 : words[i + 1] ? ", "
						: " or ",
				 words[i]);
}

static void
add_words(struct encl_buf *b, const struct encl_key *k)
{
	add_fact(b, "%s", "");
	add_list(b, k->words);
	if (k->keys)
		encl_buf_add_str(b, ", or a map");
}

static void
add_decimal(struct encl_buf *b, const struct encl_key *k)
{
	encl_auto(encl_free) char *min = encl_manifest_decimal(k->min);
	encl_auto(encl_free) char *max = encl_manifest_decimal(k->max);

	add_fact(b, "a decimal from %s to %s", min, max);
}

static void
add_type(struct encl_buf *b, const struct encl_key *k)
{
	switch (k->type) {
	case ENCL_KEY_TEXT:
		if (k->null_word)
			add_fact(b, "`%s` or %s", k->null_word, k->format->what);
		else
			add_fact(b, "%s", k->format->what);
		if (k->keys)
			encl_buf_add_str(b, ", or a map");
		if (k->format->free_text)
			add_fact(b, "at most %zu bytes", k->format->max);
		break;
	case ENCL_KEY_NUMBER:
		add_fact(b, "a number from %llu to %llu", (unsigned long long)k->min,
			 (unsigned long long)k->max);
		if (k->null_word)
			encl_buf_add_fmt(b, ", or `%s`", k->null_word);
		break;
	case ENCL_KEY_BOOL:
		add_fact(b, "`true` or `false`");
		break;
	case ENCL_KEY_ENUM:
	case ENCL_KEY_WORD:
		add_words(b, k);
		break;
	case ENCL_KEY_TEXTS:
		add_fact(b, "a list, each %s", k->format->what);
		break;
	case ENCL_KEY_PAIRS:
		add_fact(b, "a map, each key %s, each value %s", k->name_format->what,
			 k->format->what);
		break;
	case ENCL_KEY_DECIMAL:
		add_decimal(b, k);
		break;
	case ENCL_KEY_DEPENDS:
		add_fact(b, "a map, each key %s, each value ", k->name_format->what);
		add_list(b, k->words);
		break;
	case ENCL_KEY_MAP:
		add_fact(b, "a map");
		break;
	case ENCL_KEY_MAPS:
		add_fact(b, "a list of maps");
		break;
	case ENCL_KEY_LATER:
		break;
	}
}

/* "`image`, `archive` or `file`": the others of the group. */
static void
add_group(struct encl_buf *b, const struct encl_key *keys, const struct encl_key *self)
{
	encl_auto(encl_buf_clear) struct encl_buf names;
	const char *last = NULL;

	encl_buf_init(&names, 1024);
	for (const struct encl_key *k = keys; k->name; k++) {
		if (!(k->flags & ENCL_KEY_ONE_OF) || k == self)
			continue;
		if (last)
			encl_buf_add_fmt(&names, "%s`%s`", names.len ? ", " : "", last);
		last = k->name;
	}
	if (last)
		add_fact(b, "instead of %s%s`%s`", encl_buf_text(&names),
			 names.len ? " or " : "", last);
}

static void
add_needs(struct encl_buf *b, const struct encl_key *k)
{
	const char *bar;

	add_fact(b, "%swith ", k->needs_me ? "required " : "");
	for (const char *p = k->needs; p; p = bar ? bar + 1 : NULL) {
		bar = strchr(p, '|');
		encl_buf_add_fmt(b, "%s`%.*s`",
				 p == k->needs ? ""
				 : bar	       ? ", "
					       : " or ",
				 (int)strcspn(p, "|"), p);
	}
}

/* "required; a number from 0 to 64; default `0`" */
static void
facts_of(struct encl_buf *b, const struct encl_key *keys, const struct encl_key *k)
{
	encl_buf_init(b, 4096);
	if (k->flags & ENCL_KEY_REQUIRED)
		add_fact(b, "required");
	add_type(b, k);
	if (k->flags & ENCL_KEY_ONE_OF)
		add_group(b, keys, k);
	if (k->needs)
		add_needs(b, k);
	if (k->fallback)
		add_fact(b, k->type == ENCL_KEY_TEXTS ? "default `[%s]`" : "default `%s`",
			 k->fallback);
	if (k->example)
		add_fact(b, "such as `%s`", k->example);
}

static void
set_map(struct encl_buf *b, const struct setter *s, const struct encl_key *keys,
	const char *path, const char *help)
{
	s->section(b, path, help);
	for (const struct encl_key *k = keys; k->name; k++) {
		encl_auto(encl_buf_clear) struct encl_buf facts = {0};

		if (k->type == ENCL_KEY_LATER)
			continue;
		facts_of(&facts, keys, k);
		s->key(b, k, encl_buf_text(&facts));
	}
	s->end(b);
	for (const struct encl_key *k = keys; k->name; k++) {
		encl_auto(encl_free) char *inner =
			encl_xasprintf("%s%s%s%s", path, *path ? "." : "", k->name,
				       k->type == ENCL_KEY_MAPS ? "[]" : "");

		if (k->keys)
			set_map(b, s, k->keys, inner, k->help);
	}
}

static void
markdown_section(struct encl_buf *b, const char *path, const char *help)
{
	if (*path)
		encl_buf_add_fmt(b, "\n## %s\n\n%s\n\n", path, help);
	else
		encl_buf_add_str(b, "\n## The top level\n\n");
	encl_buf_add_str(b, "| key | value | meaning |\n|---|---|---|\n");
}

static void
markdown_key(struct encl_buf *b, const struct encl_key *k, const char *facts)
{
	encl_buf_add_fmt(b, "| `%s` | %s | %s |\n", k->name, facts, k->help);
}

static void
markdown_end(struct encl_buf *b)
{
	(void)b;
}

char *
encl_manifest_reference_markdown(void)
{
	static const struct setter s = {markdown_section, markdown_key, markdown_end};
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t n;

	encl_buf_init(&b, MAX_TEXT);
	encl_buf_add_str(&b,
			 "# enclave.yaml, key by key\n\n"
			 "Made by `enclavebuild schema --reference` from the table that "
			 "the parser uses; [1-manifest.md](1-manifest.md) explains the "
			 "ideas.\n");
	set_map(&b, &s, encl_manifest_keys, "", "");
	return (char *)encl_buf_steal(&b, &n);
}

/* Text for roff: no line may begin with a dot or quote, backslashes and
 * hyphens keep their meaning, `x` becomes bold. */
static void
mdoc_text(struct encl_buf *b, const char *text)
{
	bool bold = false;

	for (const char *p = text; *p; p++) {
		bool starts = p == text || p[-1] == '\n';

		if (starts && (*p == '.' || *p == '\''))
			encl_buf_add_str(b, "\\&");
		if (*p == '`') {
			bold = !bold;
			encl_buf_add_str(b, bold ? "\\fB" : "\\fR");
		} else if (*p == '\\') {
			encl_buf_add_str(b, "\\e");
		} else if (*p == '-') {
			encl_buf_add_str(b, "\\-");
		} else if (*p == ' ' && p[1] == ' ') {
			/* a sentence ends where its line does */
			encl_buf_add_byte(b, '\n');
			p++;
		} else {
			encl_buf_add_byte(b, (uint8_t)*p);
		}
	}
}

static void
mdoc_section(struct encl_buf *b, const char *path, const char *help)
{
	if (*path) {
		encl_buf_add_fmt(b, ".Ss %s\n", path);
		mdoc_text(b, help);
		encl_buf_add_byte(b, '\n');
	} else {
		encl_buf_add_str(b, ".Ss The top level\n");
	}
	encl_buf_add_str(b, ".Bl -tag -width Ds\n");
}

static void
mdoc_key(struct encl_buf *b, const struct encl_key *k, const char *facts)
{
	encl_buf_add_fmt(b, ".It Ic %s\n", k->name);
	mdoc_text(b, k->help);
	encl_buf_add_str(b, "\n.br\n");
	encl_buf_add_str(b, "(");
	mdoc_text(b, facts);
	encl_buf_add_str(b, ")\n");
}

static void
mdoc_end(struct encl_buf *b)
{
	encl_buf_add_str(b, ".El\n");
}

static const char mdoc_head[] =
	".\\\" SPDX-License-Identifier: Apache-2.0\n"
	".\\\" Made by \"enclavebuild schema --man\".\n"
	".Dd November 21, 2026\n"
	".Dt ENCLAVE.YAML 5\n"
	".Os enclavebuild\n"
	".Sh NAME\n"
	".Nm enclave.yaml\n"
	".Nd what an enclave image is made of\n"
	".Sh DESCRIPTION\n"
	"A YAML file, read by\n"
	".Xr enclavebuild 1 .\n"
	"Unknown keys, keys given twice, anchors, aliases, merge keys, tags,\n"
	"directives and further documents are errors.\n"
	"The key decides the type of a value, never the look of its text.\n"
	"Paths of this machine may be relative to the folder of the file.\n"
	".Sh KEYS\n";

static const char mdoc_tail[] =
	".Sh EXAMPLES\n"
	".Bd -literal -offset indent\n"
	"apiVersion: enclavebuild/v1alpha1\n"
	"kind: Enclave\n"
	"name: hello\n"
	"version: \"1.0\"\n"
	"arch: x86_64\n"
	"rootfs:\n"
	"  - packages: {distribution: debian, suite: bookworm, install: [busybox]}\n"
	"boot:\n"
	"  kernel: {package: linux-image-cloud-amd64, suite: bookworm}\n"
	"app:\n"
	"  command: [busybox, echo, hello]\n"
	".Ed\n"
	".Sh SEE ALSO\n"
	".Xr enclavebuild 1\n";

char *
encl_manifest_reference_mdoc(void)
{
	static const struct setter s = {mdoc_section, mdoc_key, mdoc_end};
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t n;

	encl_buf_init(&b, MAX_TEXT);
	encl_buf_add_str(&b, mdoc_head);
	set_map(&b, &s, encl_manifest_keys, "", "");
	encl_buf_add_str(&b, mdoc_tail);
	return (char *)encl_buf_steal(&b, &n);
}
