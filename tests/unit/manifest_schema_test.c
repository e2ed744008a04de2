/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "manifest/format.h"
#include "manifest/report.h"
#include "test.h"

static bool
fallback_fits(const struct encl_key *k)
{
	encl_auto(encl_free) char *wrong = NULL;
	uint64_t v;

	if (!k->fallback || (k->null_word && !strcmp(k->fallback, k->null_word)))
		return true;
	for (size_t i = 0; k->words && k->words[i]; i++)
		if (!strcmp(k->words[i], k->fallback))
			return true;
	if (k->type == ENCL_KEY_NUMBER)
		return encl_parse_uint(k->fallback, 10, k->max, &v) && v >= k->min;
	if (k->type == ENCL_KEY_DECIMAL)
		return encl_parse_thousandths(k->fallback, k->max, &v) && v >= k->min;
	if (k->type == ENCL_KEY_BOOL)
		return !strcmp(k->fallback, "true") || !strcmp(k->fallback, "false");
	if (!k->format)
		return false;
	wrong = encl_manifest_format_check(k->format, k->fallback, strlen(k->fallback));
	return !wrong;
}

/* Each row is complete for its type, so that no walk over the table can trip. */
static void
check_table(const struct encl_key *keys, int level)
{
	CHECK(level < 8);
	for (const struct encl_key *k = keys; k->name; k++) {
		if (encl_manifest_key(keys, k->name) != k)
			test_fail(__FILE__, __LINE__, "%s is twice in its table",
				  k->name);
		if (!k->help || !*k->help)
			test_fail(__FILE__, __LINE__, "%s has no help", k->name);
		if (!fallback_fits(k))
			test_fail(__FILE__, __LINE__, "%s: its default does not fit",
				  k->name);
		if (k->needs_me && strchr(k->needs, '|'))
			test_fail(__FILE__, __LINE__, "%s: needs_me with a choice",
				  k->name);
		CHECK(k->type != ENCL_KEY_TEXT || k->format);
		CHECK(k->type != ENCL_KEY_TEXTS || (k->format && k->max));
		CHECK(k->type != ENCL_KEY_PAIRS ||
		      (k->format && k->name_format && k->name_format->pattern && k->max));
		CHECK(k->type != ENCL_KEY_NUMBER || (k->max && k->field_size));
		CHECK(k->type != ENCL_KEY_BOOL || k->fallback);
		CHECK((k->type != ENCL_KEY_ENUM && k->type != ENCL_KEY_WORD) || k->words);
		CHECK((k->type != ENCL_KEY_MAP && k->type != ENCL_KEY_MAPS) || k->keys);
		CHECK(k->type != ENCL_KEY_MAPS || (k->item_size && k->item_pos));
		if (k->keys)
			check_table(k->keys, level + 1);
	}
}

TEST(manifest_schema_rows)
{
	check_table(encl_manifest_keys, 0);
}

TEST(manifest_schema_nearest)
{
	static const struct {
		const char *typed, *near;
	} rows[] = {
		{"rootf", "rootfs"},
		{"rootsf", "rootfs"},
		{"bot", "boot"},
		{"foo", NULL},
		{"x", NULL},
		{"", NULL},
		{"api_version", "apiVersion"},
		{"apiversion", "apiVersion"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *near =
			encl_manifest_nearest(encl_manifest_keys, rows[i].typed);

		EQ_STR(rows[i].near ? rows[i].near : "(none)", near ? near : "(none)");
	}
}

TEST(manifest_schema_words)
{
	CHECK(encl_manifest_in_words("a|bc|d", "bc"));
	CHECK(encl_manifest_in_words("a|bc|d", "d"));
	CHECK(!encl_manifest_in_words("a|bc|d", "b"));
	CHECK(!encl_manifest_in_words("a|bc|d", ""));
	CHECK(!encl_manifest_in_words(NULL, "a"));
}

TEST(manifest_format_accepts)
{
	static const struct {
		const struct encl_format *f;
		const char *text;
		bool ok;
	} rows[] = {
		{&encl_format_name, "a", true},
		{&encl_format_name, "0a.b_c-d", true},
		{&encl_format_name, "-a", false},
		{&encl_format_name, "a\nb", false},
		{&encl_format_image, "oci:a:b", true},
		{&encl_format_image, "docker-archive:a.tar:x/y:z", true},
		{&encl_format_image, "oci-archive:@x", false},
		{&encl_format_folder_in_image, "/", true},
		{&encl_format_folder_in_image, "/a/.b/..c", true},
		{&encl_format_folder_in_image, "/a//b", false},
		{&encl_format_folder_in_image, "/a/.", false},
		{&encl_format_folder_in_image, "/.enclaves", true},
		{&encl_format_folder_in_image, "/.enclave/x", false},
		{&encl_format_glob, "/usr/share/*", true},
		{&encl_format_glob, "/a b/[x]?", true},
		{&encl_format_mode, "0000", true},
		{&encl_format_mode, "7777", true},
		{&encl_format_mode, "8000", false},
		{&encl_format_owner, "0:0", true},
		{&encl_format_owner, "4294967294:4294967294", true},
		{&encl_format_owner, "a:4294967295", false},
		{&encl_format_owner, "0:0:0", false},
		{&encl_format_owner, "007:0", false},
		{&encl_format_user, "www-data", true},
		{&encl_format_user, "1000", true},
		{&encl_format_user, ":0", false},
		{&encl_format_argument, "", true},
		{&encl_format_argument, "a\tb", true},
		{&encl_format_env_name, "_A1", true},
		{&encl_format_env_name, "A-B", false},
		{&encl_format_address, "::ffff:1.2.3.4", true},
		{&encl_format_address, "1.2.3", false},
		{&encl_format_host, "a.b-c.d", true},
		{&encl_format_host, "a..b", false},
		{&encl_format_suite, "bookworm-updates", true},
		{&encl_format_suite, "stable/updates", true},
		{&encl_format_suite, "a/../b", false},
		{&encl_format_mirror, "http://[::1]:80/x", true},
		{&encl_format_mirror, "file:///srv/debian", true},
		{&encl_format_mirror, "http:///x", false},
		{&encl_format_mirror, "http://a b/", false},
		{&encl_format_mirror, "http://h/a@b", true},
		{&encl_format_package, "libstdc++6=1:12.2.0-14~x", true},
		{&encl_format_package, "curl/sid", true},
		{&encl_format_package, "curl=", false},
		{&encl_format_package, "c", false},
		{&encl_format_package, "-o", false},
		{&encl_format_alternative_choice, "/usr/sbin/x", true},
		{&encl_format_alternative_choice, "/usr/../x", false},
		{&encl_format_module, "nf_tables", true},
		{&encl_format_module, "a.ko", false},
		{&encl_format_pcr, "00", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *wrong = encl_manifest_format_check(
			rows[i].f, rows[i].text, strlen(rows[i].text));

		if (!wrong != rows[i].ok)
			test_fail(__FILE__, __LINE__, "\"%s\": %s", rows[i].text,
				  wrong ? wrong : "accepted");
	}
}

TEST(manifest_report_quote)
{
	encl_auto(encl_free) char *q = encl_manifest_quote("a \"\x1b\xc3\xa9\\", 7);

	EQ_STR("\"a \\x22\\x1b\\xc3\\xa9\\x5c\"", q);
}
