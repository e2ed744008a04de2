/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "launch/template.h"
#include "test.h"

static char *
render(const char *text, json_t *values)
{
	encl_auto(json_decref) json_t *own = values;
	char *out = NULL;

	OK(encl_template_render("t", text, own, &out, &e));
	return out;
}

#define RENDERS(want, text, values)                                                      \
	do {                                                                             \
		encl_auto(encl_free) char *out_ = render(text, values);                  \
		EQ_STR(want, out_ ? out_ : "(nothing)");                                 \
	} while (0)
#define REFUSED(code, message, text, values)                                             \
	do {                                                                             \
		encl_auto(json_decref) json_t *v_ = (values);                            \
		char *none_ = NULL;                                                      \
		FAILS(encl_template_render("t", text, v_, &none_, &e), code, message);   \
	} while (0)

static const char hostile[] = "a'b\"c\\d$(e)`f`%g;\n--h #i";

TEST(template_words_of_a_shell)
{
	RENDERS("x -p 0.0.0.0:80:web '' 'a b' /it/is\n", "x @{sh:v}\n",
		json_pack("{s:[s,s,s,s,s]}", "v", "-p", "0.0.0.0:80:web", "", "a b",
			  "/it/is"));
	RENDERS("v='a'\\''b\"c\\d$(e)`f`%g;\n--h #i'\n", "v=@{sh:v}\n",
		json_pack("{s:s}", "v", hostile));
	RENDERS("'~' '*'", "@{sh:v}", json_pack("{s:[s,s]}", "v", "~", "*"));
}

TEST(template_words_of_a_unit)
{
	RENDERS("ExecStart=/bin/x \"a'b\\\"c\\\\d$$(e)`f`%%g;\\x0a--h #i\" plain\n",
		"ExecStart=@{unit:v}\n",
		json_pack("{s:[s,s,s]}", "v", "/bin/x", hostile, "plain"));
	RENDERS("\"\" \";\" \"\\xc3\\xa9\"", "@{unit:v}",
		json_pack("{s:[s,s,s]}", "v", "", ";", "\xc3\xa9"));
}

TEST(template_strings_of_yaml)
{
	RENDERS("a: \"x: \\\"y\\\" \\\\ # 'z'\"\n", "a: @{yaml:v}\n",
		json_pack("{s:s}", "v", "x: \"y\" \\ # 'z'"));
	RENDERS("[\"no\", \"1\"]", "@{yaml:v}", json_pack("{s:[s,s]}", "v", "no", "1"));
	RENDERS("[]", "@{yaml:v}", json_pack("{s:[]}", "v"));
	REFUSED(ENCL_USAGE,
		"template t, line 2: only printable ASCII can stand here, and one line of it",
		"x\n@{yaml:v}", json_pack("{s:s}", "v", hostile));
	REFUSED(ENCL_USAGE,
		"template t, line 1: only printable ASCII can stand here, and one line of it",
		"# @{line:v}", json_pack("{s:s}", "v", "x\ny"));
	REFUSED(ENCL_USAGE,
		"template t, line 1: only printable ASCII can stand here, and one line of it",
		"# @{line:v}", json_pack("{s:s}", "v", "\xc2\x85"));
}

TEST(template_blocks_and_numbers)
{
	RENDERS("x: |\n  a\n\n    b\n  c\ny: 7\n", "x: |\n  @{block:v}\ny: @{num:n}\n",
		json_pack("{s:s, s:i}", "v", "a\n\n  b\nc\n", "n", 7));
	REFUSED(ENCL_USAGE, "template t, line 1: a control character cannot stand here",
		"@{block:v}", json_pack("{s:s}", "v", "a\rb"));
	REFUSED(ENCL_FAILED, "template t, line 1: \"num\" is no filter for a text",
		"@{num:v}", json_pack("{s:s}", "v", "7"));
	REFUSED(ENCL_FAILED, "template t, line 1: \"v\" is not there, or is no sh",
		"@{sh:v}", json_pack("{s:i}", "v", 7));
}

TEST(template_lines_that_depend)
{
	static const char text[] = "@{?a}a\n@{!a}no a\n@{?b}b @{line:b}\n@{?n}n\n"
				   "@{*l}@{line:x}=@{num:n}@{line:b}\n@{?a}@{*l}never\n";

	RENDERS("no a\nb B\n1=5B\n2=6B\n", text,
		json_pack("{s:s, s:s, s:i, s:[{s:s, s:i}, {s:s, s:i}]}", "a", "", "b",
			  "B", "n", 0, "l", "x", "1", "n", 5, "x", "2", "n", 6));
}

TEST(template_slips)
{
	REFUSED(ENCL_FAILED, "template t, line 1: a placeholder has no end", "x @{sh:v",
		json_object());
	REFUSED(ENCL_FAILED, "template t, line 1: \"v\" is not there, or is no sh",
		"@{sh:v}", json_object());
	REFUSED(ENCL_FAILED, "template t, line 1: \"raw\" is no filter for a text",
		"@{raw:v}", json_pack("{s:s}", "v", "x"));
	REFUSED(ENCL_FAILED, "template t, line 1: \"l\" is no list", "@{*l}x",
		json_pack("{s:s}", "l", "x"));
	REFUSED(ENCL_FAILED, "template t, line 1: a condition has no end", "@{?l",
		json_object());
}

TEST(template_a_word_alone)
{
	encl_auto(encl_free) char *plain = encl_template_shell_word("a-b_c/d.e");
	encl_auto(encl_free) char *quoted = encl_template_shell_word("it's");

	EQ_STR("a-b_c/d.e", plain);
	EQ_STR("'it'\\''s'", quoted);
}
