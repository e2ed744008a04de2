/* SPDX-License-Identifier: Apache-2.0 */
/* Section by section: what is told of one byte that differs, and where. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "rebuild_internal.h"
#include "test.h"

#define UNSIGNED "tests/golden/vectors/unsigned.eif"
#define SIGNED	 "tests/golden/vectors/signed.eif"

static bool any_metadata;

/* "NAME VERDICT TEXT\n" of each check. */
static char *
compared(const char *a, const char *b, bool *same)
{
	encl_auto(encl_eif_close) struct encl_eif image = {.fd = -1};
	encl_auto(encl_eif_close) struct encl_eif rebuilt = {.fd = -1};
	encl_auto(encl_checks_clear) struct encl_checks checks = {0};
	char *text = encl_xstrdup("");

	OK(encl_eif_open(a, &image, &e));
	OK(encl_eif_open(b, &rebuilt, &e));
	OK(encl_rebuild_compare(&image, &rebuilt, "rebuild of x.yaml", any_metadata,
				&checks, same, &e));
	CHECK(encl_checks_compared(&checks));
	for (size_t i = 0; i < checks.n; i++) {
		const struct encl_check *c = &checks.v[i];
		char *more = encl_xasprintf("%s%s %s %s\n", text, c->name,
					    encl_verdict_name(c->verdict), c->text);

		EQ_STR("rebuild of x.yaml", c->source);
		if (c->expected)
			EQ_INT(c->verdict == ENCL_CHECK_PASS,
			       !strcmp(c->expected, c->got));
		free(text);
		text = more;
	}
	return text;
}

/* A copy of the unsigned vector with bytes of it changed. */
static const char *
changed(uint64_t at, const char *bytes, size_t n)
{
	encl_auto(encl_free) char *all = NULL;
	const char *path = test_path("changed.eif");
	size_t size;

	OK(encl_read_file(UNSIGNED, 1 << 24, &all, &size, &e));
	CHECK(at + n <= size);
	memcpy(all + at, bytes, n);
	OK(encl_write_file(path, all, size, 0600, &e));
	return path;
}

TEST(rebuild_compare_signed)
{
	bool same;
	encl_auto(encl_free) char *text = compared(SIGNED, UNSIGNED, &same);

	CHECK(same);
	CHECK(!strstr(text, " fail "));
	CHECK(strstr(text, "rebuild.header pass the same, but for the signature's part"));
	free(encl_take(text, NULL));
	text = compared(UNSIGNED, UNSIGNED, &same);
	CHECK(same && strstr(text, "rebuild.header pass the same\n"));
}

TEST(rebuild_compare_one_byte)
{
	static const struct {
		enum encl_section_type type;
		size_t nth, at;
		const char *want;
	} rows[] = {
		{ENCL_SECTION_KERNEL, 0, 3,
		 "rebuild.kernel fail differs from byte 3 on (PCR0, PCR1)\n"},
		{ENCL_SECTION_CMDLINE, 0, 0,
		 "rebuild.cmdline fail differs from byte 0 on (PCR0, PCR1)\n"},
		{ENCL_SECTION_RAMDISK, 0, 1,
		 "rebuild.ramdisk0 fail differs from byte 1 on (PCR0, PCR1)\n"},
		{ENCL_SECTION_RAMDISK, 1, 2,
		 "rebuild.ramdisk1 fail differs from byte 2 on (PCR0, PCR2)\n"},
	};
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};

	OK(encl_eif_open(UNSIGNED, &eif, &e));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *first;
		size_t n = 0;
		size_t s = 0;
		bool same;

		while (eif.sections[s].type != rows[i].type || n++ < rows[i].nth)
			s++;
		encl_auto(encl_free) char *text =
			compared(changed(eif.sections[s].offset + rows[i].at, "~", 1),
				 UNSIGNED, &same);

		CHECK(!same);
		CHECK(strstr(text, rows[i].want));
		first = strstr(text, " fail ");
		CHECK(first && !strstr(first + 1, " fail ")); /* and nothing else */
	}
}

TEST(rebuild_compare_header)
{
	static const struct {
		uint64_t at;
		const char *bytes, *want;
	} rows[] = {
		{7, "\1", "rebuild.header fail differs: flags (architecture)\n"},
		{15, "\1", "rebuild.header fail differs: default memory\n"},
		{23, "\5", "rebuild.header fail differs: default CPUs\n"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool same;
		encl_auto(encl_free) char *text =
			compared(changed(rows[i].at, rows[i].bytes, 1), UNSIGNED, &same);

		CHECK(same); /* the sections are */
		CHECK(strstr(text, rows[i].want));
	}
}

/* nitro-cli's metadata say when it built; other sections count as ever. */
TEST(rebuild_compare_any_metadata)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	const char *time;
	size_t s = 0;
	bool same;

	OK(encl_eif_open(UNSIGNED, &eif, &e));
	while (eif.sections[s].type != ENCL_SECTION_METADATA)
		s++;
	time = strstr(eif.metadata, "BuildTime");
	CHECK(time);
	const char *path = changed(
		eif.sections[s].offset + (size_t)(time - eif.metadata) + 12, "7", 1);
	encl_auto(encl_free) char *strict = compared(path, UNSIGNED, &same);

	CHECK(!same && strstr(strict, "rebuild.metadata fail differs from byte "));
	any_metadata = true;
	encl_auto(encl_free) char *text = compared(path, UNSIGNED, &same);

	any_metadata = false;
	CHECK(same && !strstr(text, " fail "));
	CHECK(strstr(text, "rebuild.metadata note others: nitro-cli tells when and "
			   "where it built (no PCR)\n"));
}
