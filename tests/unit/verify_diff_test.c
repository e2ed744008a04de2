/* SPDX-License-Identifier: Apache-2.0 */
/* Lines, ELF notes, ranges; documents of two small images. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "made.h"
#include "test.h"
#include "verify/diff_internal.h"

static void
lines(const char *a, const char *b, size_t max, const char *want)
{
	uint64_t budget = ENCL_DIFF_BUDGET;
	encl_auto(encl_free) char *got =
		encl_diff_lines(a, strlen(a), b, strlen(b), max, &budget);

	EQ_STR(want, got);
}

TEST(verify_diff_lines)
{
	lines("", "", 10, "");
	lines("a\n", "a\n", 10, "");
	lines("", "a\n", 10, "@@ -0,0 +1,1 @@\n+a\n");
	lines("a\n", "", 10, "@@ -1,1 +0,0 @@\n-a\n");
	lines("a\nb\nc\n", "a\nc\n", 10, "@@ -1,3 +1,2 @@\n a\n-b\n c\n");
	lines("a", "a\n", 10, "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
	/* two hunks: six lines between them are one, seven are two */
	lines("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n", 99,
	      "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n"
	      "@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n");
	lines("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n", 99,
	      "@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
	lines("1\n2\n3\n", "a\nb\nc\n", 2, "@@ -1,3 +1,3 @@\n-1\n-2\n... 4 more lines\n");
	/* the shortest way, not the first */
	lines("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n", 99,
	      "@@ -1,7 +1,6 @@\n-a\n-b\n c\n+b\n a\n b\n-b\n a\n+c\n");
}

/* More edits than are looked for: everything between is told as replaced. */
TEST(verify_diff_lines_limits)
{
	enum { N = 3000 };
	char *a = encl_xmalloc(16L * N);
	char *b = encl_xmalloc(16L * N);
	size_t n_a = 0;
	size_t n_b = 0;
	uint64_t budget = ENCL_DIFF_BUDGET;
	char *got;

	for (int i = 0; i < N; i++) {
		n_a += (size_t)sprintf(a + n_a, "a%d\n", i);
		n_b += (size_t)sprintf(b + n_b, "%c%d\n", i % 2 ? 'a' : 'b', i);
	}
	got = encl_diff_lines(a, n_a, b, n_b, 1, &budget);
	EQ_STR("@@ -1,3000 +1,3000 @@\n-a0\n... 5998 more lines\n", got);
	free(got);
	/* nothing left: as if every line were another */
	CHECK(budget < ENCL_DIFF_BUDGET);
	budget = 0;
	got = encl_diff_lines("1\n2\n3\n4\n", 8, "x\n2\n3\ny\n", 8, 9, &budget);
	EQ_STR("@@ -1,4 +1,4 @@\n-1\n-2\n-3\n-4\n+x\n+2\n+3\n+y\n", got);
	free(got);
	free(a);
	free(b);
}

static struct encl_range
range(const void *p, size_t n)
{
	struct encl_range r = {memfd_create("range", MFD_CLOEXEC), 3, n};

	OK(encl_pwrite_full(r.fd, p, n, 3, "memfd", &e));
	return r;
}

TEST(verify_diff_ranges)
{
	struct encl_range a = range("0123456789", 10);
	struct encl_range b = range("01x34y67", 8);
	uint64_t differ, first;

	OK(encl_range_compare(&a, &b, &differ, &first, &e));
	EQ_INT(2, differ);
	EQ_INT(2, first);
	OK(encl_range_compare(&a, &a, &differ, &first, &e));
	EQ_INT(0, differ);
	CHECK(first == UINT64_MAX);
	close(a.fd);
	close(b.fd);
}

TEST(verify_diff_elf_that_lies)
{
	static const uint8_t head[64] = {
		0x7f, 'E',  'L',  'F',	2,	   1, 1,    [40] = 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0x7f, [58] = 64, 0, 0xff, 0xff,	 0xff, 0xff};
	struct encl_range r = range(head, sizeof head);
	struct encl_range none = range("\x7f"
				       "EL",
				       3);
	struct encl_elf_notes notes;

	OK(encl_elf_read(&r, &notes, &e));
	EQ_INT(true, notes.is_elf);
	EQ_STR("", notes.build_id);
	EQ_STR("", notes.comment);
	OK(encl_elf_read(&none, &notes, &e));
	EQ_INT(false, notes.is_elf);
	close(r.fd);
	close(none.fd);
}

static json_t *
compare(const char *a, const char *b)
{
	encl_auto(encl_eif_close) struct encl_eif x = {.fd = -1};
	encl_auto(encl_eif_close) struct encl_eif y = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	encl_auto(encl_inventory_clear) struct encl_inventory k = {.n_items = 0};
	const struct encl_diff_options o = {.name_a = "a",
					    .name_b = "b",
					    .jobs = 1,
					    .contents = true,
					    .max_text = 1 << 20,
					    .max_lines = 100};
	json_t *v = NULL;

	made_of("a.eif", a, &x);
	made_of("b.eif", b, &y);
	OK(encl_inventory_read(&x, NULL, &i, &e));
	OK(encl_inventory_read(&y, NULL, &k, &e));
	OK(encl_diff(&i, &k, &o, &v, &e));
	return v;
}

TEST(verify_diff_same)
{
	encl_auto(json_decref) json_t *v =
		compare("f 644 0:0 1 x 1\n", "f 644 0:0 1 x 1\n");
	encl_auto(encl_free) char *text = encl_json_compact(v);
	encl_auto(encl_free) char *words = encl_diff_text(v, NULL, false);

	EQ_STR("{\"A\":\"a\",\"B\":\"b\",\"Same\":true,\"Measurements\":[],\"Header\":[],"
	       "\"Sections\":[],\"Metadata\":[],\"Signature\":[],\"Packages\":[],"
	       "\"Files\":[],\"Summary\":{\"Added\":0,\"Removed\":0,\"Changed\":0,"
	       "\"PCRs\":[],\"Text\":\"the images are the same\"}}",
	       text);
	EQ_STR("the images are the same\n", words);
}

/* Two versions of one package, and one that is gone. */
TEST(verify_diff_packages)
{
	encl_auto(json_decref) json_t *v =
		compare("f 644 0:0 1 var/lib/dpkg/status Package: p\\nVersion: 1\\n\\n"
			"Package: p\\nVersion: 2\\n\\nPackage: q\\nVersion: 1\\n\n",
			"f 644 0:0 1 var/lib/dpkg/status Package: p\\nVersion: 2\\n\\n"
			"Package: p\\nVersion: 3\\n\n");
	encl_auto(encl_free) char *text =
		encl_json_compact(json_object_get(v, "Packages"));

	EQ_STR("[{\"Name\":\"p\",\"Type\":\"deb\",\"Arch\":\"\",\"Change\":\"changed\","
	       "\"A\":\"1\",\"B\":\"3\"},"
	       "{\"Name\":\"q\",\"Type\":\"deb\",\"Arch\":\"\",\"Change\":\"removed\","
	       "\"A\":\"1\"}]",
	       text);
}

/* What an image says cannot write to a terminal. */
TEST(verify_diff_text_is_safe)
{
	encl_auto(json_decref) json_t *v =
		compare("f 644 0:0 1 \x1b[31m\xff a\x1b[2J\\n\n",
			"f 600 0:0 1 \x1b[31m\xff b\\n\n");
	encl_auto(encl_free) char *words = encl_diff_text(v, NULL, false);

	CHECK(strstr(words, "changed rootfs/\\x1b[31m\\x5cxff  [PCR0 PCR2]\n"));
	CHECK(strstr(words, "    -a\\x1b[2J\n"));
	for (const char *c = words; *c; c++)
		CHECK(*c == '\n' || (*c >= ' ' && *c < 0x7f));
}
