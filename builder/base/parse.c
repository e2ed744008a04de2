/* SPDX-License-Identifier: Apache-2.0 */
/* Strict numbers, hex, escapes, RFC 3339 time, edit distance. */
#include "base/parse.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

bool
encl_parse_uint(const char *text, int base, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*text || (base == 10 && text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		int d = digit_of(*text);

		if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool
encl_parse_thousandths(const char *text, uint64_t max, uint64_t *out)
{
	size_t whole = strcspn(text, ".");
	size_t digits = text[whole] ? strlen(text + whole + 1) : 0;
	char joined[24] = "";
	uint64_t v;

	if (!whole || whole > 15 || (text[whole] && !digits) || digits > 3 ||
	    (text[0] == '0' && whole > 1) || strspn(text, "0123456789") != whole)
		return false;
	memcpy(joined, text, whole);
	memset(joined + whole, '0', 3);
	if (digits)
		memcpy(joined + whole, text + whole + 1, digits);
	for (text = joined; text[0] == '0' && text[1]; text++)
		;
	if (!encl_parse_uint(text, 10, max, &v))
		return false;
	*out = v;
	return true;
}

enum { SIGNALS = 31, RTMIN = 34, RTMIN_LAST = 49, LAST = 64 };

static const char *const signals[SIGNALS] = {
	"HUP",	"INT",	  "QUIT", "ILL",   "TRAP", "ABRT", "BUS",  "FPE",
	"KILL", "USR1",	  "SEGV", "USR2",  "PIPE", "ALRM", "TERM", "STKFLT",
	"CHLD", "CONT",	  "STOP", "TSTP",  "TTIN", "TTOU", "URG",  "XCPU",
	"XFSZ", "VTALRM", "PROF", "WINCH", "IO",   "PWR",  "SYS",
};

unsigned
encl_parse_signal(const char *text)
{
	uint64_t n;

	if (encl_parse_uint(text, 10, LAST, &n))
		return (unsigned)n;
	if (!strncmp(text, "SIG", 3))
		text += 3;
	for (unsigned i = 0; i < SIGNALS; i++)
		if (!strcmp(signals[i], text))
			return i + 1;
	if (!strcmp(text, "RTMIN"))
		return RTMIN;
	if (!strcmp(text, "RTMAX"))
		return LAST;
	if (!strncmp(text, "RTMIN+", 6) &&
	    encl_parse_uint(text + 6, 10, LAST - RTMIN, &n))
		return RTMIN + (unsigned)n;
	if (!strncmp(text, "RTMAX-", 6) &&
	    encl_parse_uint(text + 6, 10, LAST - RTMIN, &n))
		return LAST - (unsigned)n;
	return 0;
}

void
encl_format_signal_number(unsigned number, char out[ENCL_SIGNAL_TEXT])
{
	const size_t room = ENCL_SIGNAL_TEXT;

	if (number >= 1 && number <= SIGNALS)
		snprintf(out, room, "SIG%s", signals[number - 1]);
	else if (number == RTMIN || number == LAST)
		snprintf(out, room, number == LAST ? "SIGRTMAX" : "SIGRTMIN");
	else if (number > RTMIN && number <= RTMIN_LAST)
		snprintf(out, room, "SIGRTMIN+%u", number - RTMIN);
	else if (number > RTMIN_LAST && number < LAST)
		snprintf(out, room, "SIGRTMAX-%u", LAST - number);
	else
		snprintf(out, room, "%u", number % 1000);
}

bool
encl_path_within(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return !strncmp(path, folder, n) &&
	       (!path[n] || path[n] == '/' || (n && folder[n - 1] == '/'));
}

bool
encl_parse_hex(const char *text, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++) {
		int d = digit_of(text[i]);

		if (d >= 16)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*out = v;
	return true;
}

void
encl_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = 0;
}

bool
encl_unhex(const char *text, uint8_t *bytes, size_t n)
{
	if (strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int hi = digit_of(text[2 * i]);
		int lo = digit_of(text[2 * i + 1]);

		if (hi >= 16 || lo >= 16)
			return false;
		bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

char *
encl_escape(const char *bytes, size_t n)
{
	char *out = encl_xmalloc(n * 4 + 1);
	char *p = out;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '\'')
			*p++ = (char)c;
		else
			p += snprintf(p, 5, "\\x%02x", c);
	}
	*p = 0;
	return out;
}

/* Days to civil date: proleptic Gregorian, era of 400 years from 0000-03-01. */
void
encl_format_time(uint64_t epoch, char out[32])
{
	uint64_t days = epoch / 86400;
	uint64_t secs = epoch % 86400;
	uint64_t z = days + 719468;
	uint64_t era = z / 146097;
	uint64_t doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153;
	unsigned day = (unsigned)(doy - (153 * mp + 2) / 5 + 1) % 100;
	unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9) % 100;
	unsigned year = (unsigned)((yoe + era * 400 + (month <= 2)) % 10000);

	snprintf(out, 32, "%04u-%02u-%02uT%02u:%02u:%02u+00:00", year, month, day,
		 (unsigned)(secs / 3600) % 24, (unsigned)(secs / 60 % 60),
		 (unsigned)(secs % 60));
}

/* n digits at *p as a number of at most max, then the character end (0: any). */
static bool
take_digits(const char **p, unsigned n, unsigned min, unsigned max, char end,
	    unsigned *out)
{
	unsigned v = 0;

	for (; n; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = 10 * v + (unsigned)(**p - '0');
	}
	if (v < min || v > max || (end && *(*p)++ != end))
		return false;
	*out = v;
	return true;
}

/* "Z" or "+HH:MM": seconds east of Greenwich. */
static bool
take_zone(const char *p, int64_t *out)
{
	unsigned hours;
	unsigned minutes;
	bool west = *p == '-';

	*out = 0;
	if (!strcmp(p, "Z"))
		return true;
	if (*p != '+' && !west)
		return false;
	p++;
	if (!take_digits(&p, 2, 0, 23, ':', &hours) ||
	    !take_digits(&p, 2, 0, 59, 0, &minutes) || *p)
		return false;
	*out = (int64_t)(3600 * hours + 60 * minutes) * (west ? -1 : 1);
	return true;
}

static unsigned
days_of(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool
encl_parse_time(const char *text, uint64_t *out)
{
	unsigned year, month, day, hour, minute, second;
	int64_t zone;
	int64_t days = 0;
	int64_t t;

	if (!take_digits(&text, 4, 1970, 9999, '-', &year) ||
	    !take_digits(&text, 2, 1, 12, '-', &month) ||
	    !take_digits(&text, 2, 1, days_of(year, month), 'T', &day) ||
	    !take_digits(&text, 2, 0, 23, ':', &hour) ||
	    !take_digits(&text, 2, 0, 59, ':', &minute) ||
	    !take_digits(&text, 2, 0, 59, 0, &second))
		return false;
	if (*text == '.') {
		size_t n = strspn(++text, "0123456789");

		if (!n || n > 9)
			return false;
		text += n;
	}
	if (!take_zone(text, &zone))
		return false;
	for (unsigned y = 1970; y < year; y++)
		days += 337 + days_of(y, 2);
	for (unsigned m = 1; m < month; m++)
		days += days_of(year, m);
	t = (days + day - 1) * 86400 + 3600 * (int64_t)hour + 60 * (int64_t)minute +
	    second - zone;
	if (t < 0)
		return false;
	*out = (uint64_t)t;
	return true;
}

unsigned
encl_edit_distance(const char *a, const char *b)
{
	unsigned row[65];
	size_t na = strnlen(a, 64);
	size_t nb = strnlen(b, 64);

	for (size_t j = 0; j <= nb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned above = row[j];
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[nb];
}
