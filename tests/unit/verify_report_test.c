/* SPDX-License-Identifier: Apache-2.0 */
/* A report's pieces: text, treemap, launch's config. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "test.h"
#include "verify/report_area.h"
#include "verify/report_config.h"
#include "verify/report_html.h"
#include "verify/report_text.h"

static void
text_is(const char *want, const char *bytes, size_t n, size_t max)
{
	encl_auto(encl_buf_clear) struct encl_buf b;

	encl_buf_init(&b, 1 << 20);
	encl_report_text(&b, bytes, n, max);
	EQ_STR(want, encl_buf_text(&b));
}
#define TEXT(want, bytes) text_is(want, bytes, sizeof bytes - 1, 400)

TEST(verify_report_text_is_no_markup)
{
	TEXT("", "");
	TEXT("usr/bin/x y", "usr/bin/x y");
	TEXT("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>");
	TEXT("&quot;&gt;&lt;img src=http://x&gt;&amp;amp;&#39;",
	     "\"><img src=http://x>&amp;'");
	TEXT("a\\x00b\\x0a\\x1b[31m\\x7f", "a\0b\n\x1b[31m\x7f");
	TEXT("\\x5cx41", "\\x41");
}

TEST(verify_report_text_shows_what_hides)
{
	TEXT("Grüße, 文", "Grüße, 文");
	TEXT("a\\xe2\\x80\\xaegnp.exe", "a\xe2\x80\xaegnp.exe"); /* U+202E */
	TEXT("a\\xe2\\x80\\x8bb", "a\xe2\x80\x8b"
				  "b"); /* U+200B */
	TEXT("\\xe2\\x81\\xa6x\\xe2\\x81\\xa9",
	     "\xe2\x81\xa6x\xe2\x81\xa9");		  /* U+2066, 9 */
	TEXT("\\xef\\xbb\\xbfx", "\xef\xbb\xbfx");	  /* U+FEFF */
	TEXT("\\xc2\\x85", "\xc2\x85");			  /* U+0085 */
	TEXT("e\\xcc\\x81", "e\xcc\x81");		  /* U+0301 */
	TEXT("\\xf3\\xa0\\x81\\x81", "\xf3\xa0\x81\x81"); /* U+E0041 */
	TEXT("\\xe3\\x85\\xa4", "\xe3\x85\xa4");	  /* U+3164 */
}

TEST(verify_report_text_is_strict_utf8)
{
	TEXT("a\\xff\\xfe", "a\xff\xfe");
	TEXT("\\xc0\\xaf", "\xc0\xaf");			  /* "/" in two bytes */
	TEXT("\\xe0\\x80\\xaf", "\xe0\x80\xaf");	  /* in three */
	TEXT("\\xed\\xa0\\x80", "\xed\xa0\x80");	  /* a surrogate */
	TEXT("\\xf4\\x90\\x80\\x80", "\xf4\x90\x80\x80"); /* above U+10FFFF */
	TEXT("\\xc3", "\xc3");				  /* cut */
	TEXT("\\xc3&lt;", "\xc3<");
	TEXT("\\xe6\\x96&quot;", "\xe6\x96\"");
	TEXT("\xf0\x9f\x94\x92", "\xf0\x9f\x94\x92"); /* U+1F512 */
}

TEST(verify_report_text_is_cut)
{
	text_is("abc… (+3 bytes)", "abcdef", 6, 3);
	text_is("a文… (+1 bytes)", "a文b", 5, 2); /* never inside a character */
	text_is("abc", "abc", 3, 3);
}

TEST(verify_report_columns)
{
	EQ_INT(3, encl_report_columns("abc", 3));
	EQ_INT(5, encl_report_columns("a文文", 7));
	EQ_INT(9, encl_report_columns("a\n\xff", 3));
	EQ_INT(1, encl_report_fit("a文文", 7, 2));
	EQ_INT(4, encl_report_fit("a文文", 7, 3));
	EQ_INT(7, encl_report_fit("a文文", 7, 5));
}

static void
size_is(const char *want, uint64_t bytes)
{
	encl_auto(encl_buf_clear) struct encl_buf b;

	encl_buf_init(&b, 100);
	encl_report_size(&b, bytes);
	EQ_STR(want, encl_buf_text(&b));
}

TEST(verify_report_numbers)
{
	size_is("0\xc2\xa0"
		"B",
		0);
	size_is("1023\xc2\xa0"
		"B",
		1023);
	size_is("1.0\xc2\xa0KiB", 1024);
	size_is("1023.9\xc2\xa0KiB", 1048575);
	size_is("39.8\xc2\xa0MiB", 41745403);
	size_is("8.0\xc2\xa0GiB", UINT64_C(1) << 33);
	size_is("16777215.9\xc2\xa0TiB", UINT64_MAX);
}

TEST(verify_report_count)
{
	encl_auto(encl_buf_clear) struct encl_buf b;

	encl_buf_init(&b, 100);
	encl_report_count(&b, 41745403);
	EQ_STR("41\xe2\x80\xaf"
	       "745\xe2\x80\xaf"
	       "403",
	       encl_buf_text(&b));
	encl_buf_clear(&b);
	encl_report_count(&b, 999);
	EQ_STR("999", encl_buf_text(&b));
}

TEST(verify_report_share)
{
	EQ_INT(0, encl_area_share(100, 0, 7));
	EQ_INT(100, encl_area_share(100, 7, 7));
	EQ_INT(42, encl_area_share(100, 3, 7));
	EQ_INT(0, encl_area_share(100, 0, 0));
	EQ_INT(0, encl_area_share(0, 3, 7));
	/* products beyond 64 bits */
	CHECK(encl_area_share(UINT64_C(1) << 39, UINT64_C(1) << 39, UINT64_C(1) << 40) ==
	      UINT64_C(1) << 38);
	CHECK(encl_area_share(UINT64_C(1) << 62, 1, 2) == UINT64_C(1) << 61);
}

/* ---- treemap ---- */

enum { W = 1000000, H = 580000 };

static struct encl_area *
tree_of(struct encl_arena *arena, const uint64_t *bytes, size_t n)
{
	struct encl_area *root = encl_arena_alloc(arena, sizeof *root);

	root->name = root->about = "";
	for (size_t i = 0; i < n; i++) {
		struct encl_area *a = encl_area_add(arena, root, "x", "x");

		a->bytes = bytes[i];
		a->files = 1;
	}
	encl_area_sum(root);
	return root;
}

/* Leaves: bytes, drawn area, and that none leaves the one it is in. */
static void
add_up(const struct encl_area *a, uint64_t *bytes, uint64_t *area)
{
	if (!a->first || a->cut) {
		*bytes += a->bytes;
		*area += (uint64_t)a->w * a->h;
		return;
	}
	for (const struct encl_area *c = a->first; c; c = c->next) {
		CHECK(c->x >= a->x && c->y >= a->y);
		CHECK(c->x + c->w <= a->x + a->w && c->y + c->h <= a->y + a->h);
		add_up(c, bytes, area);
	}
}

TEST(verify_report_treemap_of_the_paper)
{
	/* Bruls, Huizing, van Wijk: 6 x 4 */
	static const uint64_t bytes[] = {6, 6, 4, 3, 2, 2, 1};
	static const uint32_t want[][4] = {{0, 0, 300, 200},	 {0, 200, 300, 200},
					   {300, 0, 171, 233},	 {471, 0, 129, 233},
					   {300, 233, 120, 167}, {420, 233, 120, 167},
					   {540, 233, 60, 167}};
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	struct encl_area *root = tree_of(arena, bytes, 7);
	size_t i = 0;

	encl_area_layout(arena, root, 600, 400, 1);
	for (struct encl_area *a = root->first; a; a = a->next, i++) {
		EQ_INT(want[i][0], a->x);
		EQ_INT(want[i][1], a->y);
		EQ_INT(want[i][2], a->w);
		EQ_INT(want[i][3], a->h);
	}
	EQ_INT(7, i);
}

TEST(verify_report_treemap_tiles)
{
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	uint64_t bytes[500];
	uint64_t whole = 0;
	uint64_t sum = 0;
	uint64_t area = 0;
	uint32_t seed = 1;
	struct encl_area *root;

	for (size_t i = 0; i < 500; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = i % 50 ? seed >> (seed >> 28) : (uint64_t)seed << 8;
		whole += bytes[i];
	}
	root = tree_of(arena, bytes, 500);
	CHECK(root->bytes == whole);
	encl_area_layout(arena, root, W, H, (uint64_t)W * H / 3000);
	add_up(root, &sum, &area);
	CHECK(sum == whole);
	CHECK(area == (uint64_t)W * H);
	/* each its share, but for what rounding takes from its edges */
	for (struct encl_area *a = root->first; a; a = a->next) {
		double want = (double)a->bytes * W * H / (double)whole;
		double got = (double)a->w * a->h;

		CHECK(got - want < 2.0 * (a->w + a->h + 2) &&
		      want - got < 2.0 * (a->w + a->h + 2));
	}
}

TEST(verify_report_treemap_gathers)
{
	static const uint64_t bytes[] = {1000000, 1, 2, 3, 0};
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	struct encl_area *root = tree_of(arena, bytes, 5);

	EQ_INT(1000006, root->bytes);
	EQ_INT(5, root->files);
	encl_area_layout(arena, root, W, H, (uint64_t)W * H / 1000);
	EQ_INT(1000000, root->first->bytes);
	EQ_STR("3 smaller", root->first->next->name);
	EQ_INT(6, root->first->next->bytes);
	CHECK(!root->first->next->next);
}

TEST(verify_report_treemap_of_nothing)
{
	static const uint64_t bytes[] = {0, 0};
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	struct encl_area *root = tree_of(arena, bytes, 2);

	EQ_INT(0, root->bytes);
	encl_area_layout(arena, root, W, H, 1);
	CHECK(!root->first);
}

/* ---- launch's config ---- */

#define CONFIG                                                                           \
	"enclave-launch 2\nhostname 1\nh\nexec 0\n\nunit 3\napp\nkind 7\nprocess\n"      \
	"argv 5\na\nb c\nunit 1\nz\nend 0\n\n"

TEST(verify_report_config)
{
	encl_auto(encl_config_clear) struct encl_config c = {.n = 0};

	CHECK(encl_config_read(CONFIG, strlen(CONFIG), &c));
	EQ_INT(6, c.n);
	EQ_INT(2, c.n_global);
	EQ_STR("h", encl_config_find(&c, 0, c.n_global, "hostname"));
	EQ_STR("", encl_config_find(&c, 0, c.n_global, "exec"));
	CHECK(!encl_config_find(&c, 0, c.n_global, "kind"));
	EQ_INT(5, encl_config_unit_end(&c, 2));
	EQ_STR("a\nb c", encl_config_find(&c, 2, 5, "argv"));
	EQ_INT(6, encl_config_unit_end(&c, 5));
}

TEST(verify_report_config_refused)
{
	static const char *const bad[] = {
		"",
		"enclave-launch 1\nend 0\n\n",
		"enclave-launch 2\n",
		"enclave-launch 2\nend 0\n",
		"enclave-launch 2\nend 0\n\nx",
		"enclave-launch 2\nunit 9\napp\nend 0\n\n",
		"enclave-launch 2\nunit 4294967295\napp\nend 0\n\n",
		"enclave-launch 2\nunit -1\napp\nend 0\n\n",
		"enclave-launch 2\n 3\napp\nend 0\n\n",
		"enclave-launch 2\nunit 2\napp\nend 0\n\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		encl_auto(encl_config_clear) struct encl_config c = {.n = 0};
		bool good = encl_config_read(bad[i], strlen(bad[i]), &c);

		EQ_INT(false, good);
		EQ_INT(0, c.n);
	}
}

TEST(verify_report_config_with_a_nul)
{
	static const char text[] = "enclave-launch 2\nunit 3\na\0p\nend 0\n\n";
	encl_auto(encl_config_clear) struct encl_config c = {.n = 0};

	EQ_INT(false, encl_config_read(text, sizeof text - 1, &c));
}

/* ---- pieces of the page ---- */

static int
refuse(struct encl_sink *s, const void *p, size_t n, struct encl_err *err)
{
	(void)s;
	(void)p;
	(void)n;
	return encl_fail(err, ENCL_FAILED, "the disk is full");
}

TEST(verify_report_page_tells_of_a_failed_write)
{
	struct encl_sink sink = {refuse};
	encl_auto(encl_page_clear) struct encl_page p;

	encl_page_init(&p, &sink, &e);
	encl_page_section(&p, "a", "A");
	encl_page_section_end(&p);
	FAILS(encl_page_end(&p), ENCL_FAILED, "the disk is full");
}
