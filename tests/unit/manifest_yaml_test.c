/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/yaml.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buf.h"
#include "manifest/report.h"
#include "test.h"

/* The node for text, or NULL and the first problem as "LINE:COLUMN: MESSAGE". */
static struct encl_yaml_node *
parse(struct encl_arena *a, const char *text, size_t n, char problem[256])
{
	encl_auto(encl_manifest_report_clear) struct encl_manifest_report r = {0};
	struct encl_yaml_node *root = encl_manifest_yaml_parse(text, n, a, &r);

	problem[0] = 0;
	if (r.n)
		snprintf(problem, 256, "%u:%u: %s", r.v[0].pos.line, r.v[0].pos.column,
			 r.v[0].message);
	return root;
}

TEST(manifest_yaml_positions)
{
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	static const char text[] =
		"# c\na: 1\nb:\n  - \"x y\"\n  - {é: no, d: [q]}\nc: |\n  t\n";
	char problem[256];
	struct encl_yaml_node *root = parse(a, text, strlen(text), problem);
	const struct encl_yaml_node *n;

	EQ_STR("", problem);
	EQ_INT(ENCL_YAML_MAP, root->kind);
	EQ_INT(3, root->n);
	n = encl_manifest_yaml_get(root, "a");
	EQ_STR("1", n->text);
	CHECK(n->plain);
	EQ_INT(2, n->pos.line);
	EQ_INT(4, n->pos.column);
	EQ_INT(1, n->key_pos.column);
	n = encl_manifest_yaml_get(root, "b");
	EQ_INT(2, n->n);
	EQ_STR("x y", encl_manifest_yaml_at(n, 0)->text);
	CHECK(!encl_manifest_yaml_at(n, 0)->plain);
	n = encl_manifest_yaml_at(n, 1);
	EQ_STR("no", encl_manifest_yaml_get(n, "é")->text);
	/* columns count characters, not bytes */
	EQ_INT(13, encl_manifest_yaml_get(n, "d")->key_pos.column);
	EQ_STR("t\n", encl_manifest_yaml_get(root, "c")->text);
	CHECK(!encl_manifest_yaml_get(root, "z"));
	CHECK(!encl_manifest_yaml_get(NULL, "z"));
	CHECK(!encl_manifest_yaml_at(n, 9));
}

TEST(manifest_yaml_refuses)
{
	static const struct {
		const char *text, *problem;
	} rows[] = {
		{"",
		 "1:1: the file is empty; \"enclavebuild init\" writes one to begin with"},
		{"a: *x", "1:4: aliases (*x) are not allowed; write the value out"},
		{"a: &x 1", "1:4: anchors (&x) are not allowed; write the value out"},
		{"a: !!int 1",
		 "1:4: tags (\"tag:yaml.org,2002:int\") are not allowed; the key "
		 "decides the type"},
		{"a: {<<: 1}",
		 "1:5: merge keys (<<) are not allowed; write the keys out"},
		{"a: 1\n---\nb: 1", "2:1: a second document; one file is one manifest"},
		{"a: 1\n'a': 2",
		 "2:1: key \"a\" is given twice; it is already at line 1"},
		{"a: 1\n[b]: 2", "2:1: a key must be text"},
		{"a: \"\\0\"", "1:4: a value contains a NUL character"},
		{"a:\n\t- 1", "2:1: not valid YAML: a tab cannot indent; use spaces"},
		{"a: [1",
		 "2:1: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence that began at line 1"},
		{"\xef\xbb\xbf"
		 "a: 1",
		 "1:1: a byte order mark; save the file without one"},
		{"a: 1\nb: \xc0\x80", "2:4: byte 0xc0 is not UTF-8"},
		{"a: \xed\xa0\x80", "1:4: byte 0xed is not UTF-8"},
		{"a: \xf4\x90\x80\x80", "1:4: byte 0xf4 is not UTF-8"},
		{"a: \xe2\x82", "1:4: byte 0xe2 is not UTF-8"},
		{"a: \x07", "1:4: a control character (U+0007)"},
		{"a: \xc2\x9b", "1:4: a control character (U+009B)"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
		char problem[256];

		parse(a, rows[i].text, strlen(rows[i].text), problem);
		EQ_STR(rows[i].problem, problem);
	}
}

/* `"<<"` in quotes is a key like any other. */
TEST(manifest_yaml_quoted_merge_key)
{
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	char problem[256];
	struct encl_yaml_node *root = parse(a, "\"<<\": 1", 7, problem);

	EQ_STR("", problem);
	EQ_STR("1", encl_manifest_yaml_get(root, "<<")->text);
}

static void
limit(const char *before, const char *each, size_t count, const char *after,
      const char *want)
{
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 4 << 20};
	char problem[256];

	encl_buf_add_str(&b, before);
	while (count-- > 0)
		encl_buf_add_str(&b, each);
	encl_buf_add_str(&b, after);
	parse(a, encl_buf_text(&b), b.len, problem);
	EQ_STR(want, problem);
}

TEST(manifest_yaml_limits)
{
	limit("", "[", 32, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "");
	limit("", "[", 33, "", "1:33: more than 32 levels of nesting");
	limit("[", "a,", 19999, "]", "");
	limit("[", "a,", 20000, "]", "1:40000: more than 20000 keys and values");
	limit("a: ", "x", 262144, "", "");
	limit("a: ", "x", 262145, "", "1:4: a value longer than 262144 bytes");
	limit("a: 1\n", "#", 1048576 - 5, "", "");
	limit("a: 1\n", "#", 1048576 - 4, "", "0:0: larger than 1048576 bytes");
}
