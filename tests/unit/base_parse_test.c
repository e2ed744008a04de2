/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include "base/cleanup.h"
#include "test.h"

TEST(base_parse_uint)
{
	static const struct {
		const char *text;
		int base;
		uint64_t max;
		bool ok;
		uint64_t value;
	} rows[] = {
		{"0", 10, 9, true, 0},
		{"9", 10, 9, true, 9},
		{"10", 10, 9, false, 0},
		{"", 10, 9, false, 0},
		{"-1", 10, 9, false, 0},
		{"+1", 10, 9, false, 0},
		{" 1", 10, 9, false, 0},
		{"1 ", 10, 9, false, 0},
		{"01", 10, 9, false, 0},
		{"0755", 8, 07777, true, 0755},
		{"8", 8, 99, false, 0},
		{"fF", 16, 255, true, 255},
		{"18446744073709551615", 10, UINT64_MAX, true, UINT64_MAX},
		{"18446744073709551616", 10, UINT64_MAX, false, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t v = 77;

		EQ_INT(rows[i].ok,
		       encl_parse_uint(rows[i].text, rows[i].base, rows[i].max, &v));
		EQ_INT(rows[i].ok ? rows[i].value : 77, v);
	}
}

TEST(base_parse_time)
{
	char text[32];

	encl_format_time(0, text);
	EQ_STR("1970-01-01T00:00:00+00:00", text);
	encl_format_time(951782399, text);
	EQ_STR("2000-02-28T23:59:59+00:00", text);
	encl_format_time(951782400, text);
	EQ_STR("2000-02-29T00:00:00+00:00", text);
	encl_format_time(1492533000, text);
	EQ_STR("2017-04-18T16:30:00+00:00", text);
}

TEST(base_parse_edit_distance)
{
	EQ_INT(0, encl_edit_distance("rootfs", "rootfs"));
	EQ_INT(1, encl_edit_distance("rootf", "rootfs"));
	EQ_INT(3, encl_edit_distance("kitten", "sitting"));
}

TEST(base_parse_escape)
{
	encl_auto(encl_free) char *s = encl_escape("a b\\\n\x1b\xff", 7);

	EQ_STR("a\\x20b\\x5c\\x0a\\x1b\\xff", s);
}

TEST(base_parse_thousandths)
{
	static const struct {
		const char *text;
		uint64_t max;
		long long want; /* -1: refused */
	} rows[] = {
		{"0", 5, 0},
		{"1", 1000, 1000},
		{"1.5", 2000, 1500},
		{"0.25", 1000, 250},
		{"0.001", 1000, 1},
		{"12.340", 20000, 12340},
		{"1", 999, -1},
		{"", 1, -1},
		{".5", 1000, -1},
		{"1.", 2000, -1},
		{"01", 2000, -1},
		{"1.0001", 2000, -1},
		{"-1", 2000, -1},
		{"1.-1", 2000, -1},
		{"1e3", UINT64_MAX, -1},
		{" 1", 2000, -1},
		{"1.5.5", 20000, -1},
		{"1,5", 2000, -1},
		{"9999999999999999", UINT64_MAX, -1},
		{"999999999999999.999", UINT64_MAX, 999999999999999999},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t v = 7;
		bool ok = encl_parse_thousandths(rows[i].text, rows[i].max, &v);

		EQ_INT(rows[i].want < 0 ? 7 : rows[i].want, v);
		EQ_INT(rows[i].want >= 0, ok);
	}
}

TEST(base_parse_signal)
{
	static const struct {
		const char *text;
		unsigned want;
	} rows[] = {
		{"SIGHUP", 1},	    {"TERM", 15},     {"SIGKILL", 9},  {"SIGWINCH", 28},
		{"SIGSYS", 31},	    {"15", 15},	      {"64", 64},      {"65", 0},
		{"0", 0},	    {"SIGRTMIN", 34}, {"RTMIN+3", 37}, {"RTMAX-1", 63},
		{"SIGRTMIN+31", 0}, {"SIG", 0},	      {"", 0},	       {"sigterm", 0},
		{"SIGSIGTERM", 0},  {"SIG15", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		EQ_INT(rows[i].want, encl_parse_signal(rows[i].text));
}

/* Each signal has one name, which is read again. */
TEST(base_parse_signal_names)
{
	static const struct {
		unsigned number;
		const char *want;
	} rows[] = {{1, "SIGHUP"},	 {15, "SIGTERM"},     {31, "SIGSYS"},
		    {32, "32"},		 {34, "SIGRTMIN"},    {37, "SIGRTMIN+3"},
		    {49, "SIGRTMIN+15"}, {50, "SIGRTMAX-14"}, {64, "SIGRTMAX"}};
	char text[ENCL_SIGNAL_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_format_signal_number(rows[i].number, text);
		EQ_STR(rows[i].want, text);
	}
	for (unsigned n = 1; n <= 64; n++) {
		encl_format_signal_number(n, text);
		EQ_INT(n, encl_parse_signal(text));
	}
}

TEST(base_parse_path_within)
{
	CHECK(encl_path_within("/a", "/a"));
	CHECK(encl_path_within("/a/b", "/a"));
	CHECK(encl_path_within("/a", "/"));
	CHECK(!encl_path_within("/ab", "/a"));
	CHECK(!encl_path_within("/", "/a"));
	CHECK(!encl_path_within("/a", "/a/b"));
}

TEST(base_parse_time_read)
{
	static const struct {
		const char *text;
		uint64_t want;
	} rows[] = {{"1970-01-01T00:00:00Z", 0},
		    {"1970-01-01T01:00:00+01:00", 0},
		    {"1969-12-31T23:00:00-01:00", UINT64_MAX}, /* years from 1970 on */
		    {"2000-02-29T23:59:59Z", 951868799},
		    {"2026-01-31T12:00:00Z", 1769860800},
		    {"2026-01-31T12:00:00.25-00:30", 1769862600},
		    {"2100-03-01T00:00:00Z", 4107542400},
		    {"9999-12-31T23:59:59Z", 253402300799}};
	static const char *const bad[] = {"",
					  "now",
					  "2026-01-31",
					  "2026-01-31T12:00:00",
					  "2026-01-31 12:00:00Z",
					  "2026-02-29T12:00:00Z",
					  "2100-02-29T12:00:00Z",
					  "2026-00-10T12:00:00Z",
					  "2026-13-10T12:00:00Z",
					  "2026-01-00T12:00:00Z",
					  "2026-01-31T24:00:00Z",
					  "2026-01-31T12:60:00Z",
					  "2026-01-31T12:00:60Z",
					  "2026-01-31T12:00:00.Z",
					  "2026-01-31T12:00:00Zx",
					  "2026-01-31T12:00:00+1:00",
					  "2026-01-31T12:00:00+01:00x",
					  "1970-01-01T00:00:00+00:01",
					  "-026-01-31T12:00:00Z"};
	char text[32];
	uint64_t t;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].want == UINT64_MAX) {
			CHECK(!encl_parse_time(rows[i].text, &t));
			continue;
		}
		CHECK(encl_parse_time(rows[i].text, &t));
		EQ_INT(rows[i].want, t);
		encl_format_time(t, text);
		CHECK(encl_parse_time(text, &t));
		EQ_INT(rows[i].want, t);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t = 7;
		CHECK(!encl_parse_time(bad[i], &t));
		EQ_INT(7, t);
	}
}
