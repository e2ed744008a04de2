/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "test.h"

static int
parse(const char *text, struct encl_err *err)
{
	encl_auto(json_decref) json_t *v = NULL;

	return encl_json_parse(text, strlen(text), "j", &v, err);
}

/* head, n times unit and a comma, then unit and tail */
static char *
many(const char *head, const char *unit, size_t n, const char *tail)
{
	size_t m = strlen(unit) + 1;
	char *out = encl_xmalloc(strlen(head) + n * m + m + strlen(tail) + 1);
	char *p = out + strlen(head);

	memcpy(out, head, strlen(head));
	for (size_t i = 0; i < n; i++, p += m) {
		memcpy(p, unit, m - 1);
		p[m - 1] = ',';
	}
	memcpy(p, unit, m - 1);
	memcpy(p + m - 1, tail, strlen(tail) + 1);
	return out;
}

TEST(base_json_limits)
{
	encl_auto(encl_free) char *most = many("[", "0", (1 << 18) - 2, "]");
	encl_auto(encl_free) char *more = many("[", "{}", 1 << 17, "]");
	encl_auto(encl_free) char *text = many("[", "\"[,{\"", 1 << 17, "]");
	encl_auto(encl_free) char *large = many("[", "\"0123456789abcde\"", 1 << 19, "]");
	encl_auto(encl_free) char *deep = many("", "[", 64, "");

	OK(parse(most, &e));
	OK(parse(text, &e));
	OK(parse(large, &e)); /* of which each value has its bytes */
	FAILS(parse(more, &e), ENCL_FAILED, "j: more than 262144 values");
	memset(deep, '[', strlen(deep));
	FAILS(parse(deep, &e), ENCL_FAILED, "j: nested deeper than 64 levels");
	FAILS(parse("{\"a\":1,\"a\":2}", &e), ENCL_FAILED,
	      "j:1:10: not valid JSON: duplicate object key near '\"a\"'");
	FAILS(parse("{}x", &e), ENCL_FAILED,
	      "j:1:3: not valid JSON: end of file expected near 'x'");
}

TEST(base_json_text)
{
	static const struct {
		const char *bytes, *text;
	} cases[] = {{"", ""},
		     {"plain \t\n\x01\x7f", "plain \t\n\x01\x7f"},
		     {"\xc3\xa9 \xf0\x9f\x94\x92", "\xc3\xa9 \xf0\x9f\x94\x92"},
		     {"a\xff\xc3\xa9", "a\\xff\xc3\xa9"},
		     {"\xc3", "\\xc3"},
		     {"\xc0\xaf", "\\xc0\\xaf"},	    /* overlong */
		     {"\xed\xa0\x80!", "\\xed\\xa0\\x80!"}, /* a surrogate */
		     {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(json_decref) json_t *v = encl_json_text(cases[i].bytes);

		EQ_STR(cases[i].text, json_string_value(v));
	}
}
