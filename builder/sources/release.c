/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a Release file (deb822, one stanza) once its signature is checked. */
#include "sources/release.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"
#include "base/parse.h"
#include "sources/deb822.h"
#include "sources/openpgp.h"

enum { MAX_RELEASE = 16 << 20 };

void
encl_release_clear(struct encl_release *r)
{
	free(r->text);
	free(r->date);
	encl_arena_free(r->arena);
	memset(r, 0, sizeof *r);
}

static bool
read_number(const char **p, size_t digits_max, int64_t *out)
{
	size_t n = 0;
	int64_t v = 0;

	while (n < digits_max && isdigit((unsigned char)(*p)[n]))
		v = v * 10 + ((*p)[n++] - '0');
	*p += n;
	*out = v;
	return n > 0;
}

static bool
skip(const char **p, const char *text)
{
	size_t n = strlen(text);

	if (strncmp(*p, text, n) != 0)
		return false;
	*p += n;
	return true;
}

/* "Jul" -> 6 */
static bool
read_month(const char **p, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++) {
		if (strncmp(*p, names + 3 * (size_t)i, 3) != 0)
			continue;
		*p += 3;
		*month = i;
		return true;
	}
	return false;
}

bool
encl_release_date(const char *text, int64_t *out)
{
	const char *p = strchr(text, ',');
	struct tm t = {.tm_sec = 0};
	int64_t day;
	int64_t year;
	int64_t hour;
	int64_t minute;
	int64_t second;

	p = p ? p + 1 : text;
	p += strspn(p, " ");
	if (!read_number(&p, 2, &day) || !skip(&p, " ") || !read_month(&p, &t.tm_mon) ||
	    !skip(&p, " ") || !read_number(&p, 4, &year) || !skip(&p, " ") ||
	    !read_number(&p, 2, &hour) || !skip(&p, ":") ||
	    !read_number(&p, 2, &minute) || !skip(&p, ":") ||
	    !read_number(&p, 2, &second) || !skip(&p, " "))
		return false;
	if (strcmp(p, "UTC") != 0 && strcmp(p, "GMT") != 0 && strcmp(p, "Z") != 0 &&
	    strcmp(p, "+0000") != 0)
		return false;
	if (day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 60)
		return false;
	t.tm_mday = (int)day;
	t.tm_year = (int)year - 1900;
	t.tm_hour = (int)hour;
	t.tm_min = (int)minute;
	t.tm_sec = (int)second;
	*out = timegm(&t);
	return true;
}

/* The suite that was asked for, by either of its names: a mirror must not be
 * able to give an older suite's signed file for a newer one. */
static int
check_suite(const struct encl_release *r, struct encl_err *e)
{
	encl_auto(encl_free) char *suite = encl_deb822_field(r->text, r->n, "Suite");
	encl_auto(encl_free) char *codename =
		encl_deb822_field(r->text, r->n, "Codename");
	encl_auto(encl_free) char *a = NULL;
	encl_auto(encl_free) char *b = NULL;

	if ((suite && !strcmp(suite, r->repo->suite)) ||
	    (codename && !strcmp(codename, r->repo->suite)))
		return 0;
	a = encl_escape(suite ? suite : "", suite ? strlen(suite) : 0);
	b = encl_escape(codename ? codename : "", codename ? strlen(codename) : 0);
	return encl_fail(e, ENCL_FAILED,
			 "InRelease is of suite \"%s\" (\"%s\"), not of \"%s\"", a, b,
			 r->repo->suite);
}

static int
check_time(const struct encl_release *r, uint64_t now, struct encl_err *e)
{
	encl_auto(encl_free) char *until =
		encl_deb822_field(r->text, r->n, "Valid-Until");
	int64_t end;

	if (!until || !r->repo->check_valid_until)
		return 0;
	if (!encl_release_date(until, &end))
		return encl_fail(e, ENCL_FAILED,
				 "InRelease: Valid-Until is not a date in UTC");
	if (end < 0 || now > (uint64_t)end)
		return encl_fail(e, ENCL_FAILED,
				 "InRelease of suite \"%s\" was valid until %s; if the "
				 "clock is right the mirror is stale (a snapshot? then "
				 "set checkValidUntil: false)",
				 r->repo->suite, until);
	return 0;
}

int
encl_release_parse(struct encl_release *r, uint64_t now, struct encl_err *e)
{
	encl_auto(encl_free) char *list = NULL;
	encl_auto(encl_free) char *automatic = NULL;
	encl_auto(encl_free) char *by_hash = NULL;
	int64_t date;

	if (memchr(r->text, 0, r->n))
		return encl_fail(e, ENCL_FAILED, "InRelease: not a text file");
	list = encl_deb822_field(r->text, r->n, "SHA256");
	if (!list)
		return encl_fail(e, ENCL_FAILED, "InRelease: no SHA256 list");
	if (check_suite(r, e) || check_time(r, now, e))
		return -1;
	r->date = encl_deb822_field(r->text, r->n, "Date");
	if (!r->date || !encl_release_date(r->date, &date))
		return encl_fail(e, ENCL_FAILED, "InRelease: no Date in UTC");
	automatic = encl_deb822_field(r->text, r->n, "NotAutomatic");
	by_hash = encl_deb822_field(r->text, r->n, "Acquire-By-Hash");
	r->not_automatic = encl_deb822_yes(automatic);
	r->by_hash = encl_deb822_yes(by_hash);
	return 0;
}

int
encl_release_file(const struct encl_release *r, const char *path,
		  struct encl_digest *digest, uint64_t *size, bool *found,
		  struct encl_err *e)
{
	encl_auto(encl_free) char *list = encl_deb822_field(r->text, r->n, "SHA256");
	char *p = list ? list : (char[]){""};
	char *hex;

	*found = false;
	while ((hex = encl_deb822_word(&p))) {
		char *length = encl_deb822_word(&p);
		char *name = encl_deb822_word(&p);
		struct encl_digest d = {.algo = ENCL_SHA256};

		if (!name)
			break;
		if (strcmp(name, path) != 0)
			continue;
		if (!encl_unhex(hex, d.bytes, encl_digest_size(ENCL_SHA256)) ||
		    !encl_parse_uint(length, 10, INT64_MAX, size))
			return encl_fail(e, ENCL_FAILED, "InRelease: broken entry for %s",
					 path);
		*digest = d;
		*found = true;
		return 0;
	}
	return 0;
}

/* Only what cannot leave dists/ and needs no escaping in a URL. */
static int
check_suite_name(const char *suite, struct encl_err *e)
{
	size_t n = strlen(suite);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)suite[i]) && !strchr("-._+~/", suite[i]))
			n = 0;
	if (!n || suite[0] == '/' || suite[0] == '.' || strstr(suite, "/."))
		return encl_fail(e, ENCL_USAGE, "\"%s\" is not a suite's name", suite);
	if (suite[n - 1] == '/')
		return encl_fail(e, ENCL_USAGE,
				 "suite \"%s\": repositories without dists/ are not "
				 "supported",
				 suite);
	return 0;
}

int
encl_release_fetch(struct encl_env *env, const struct encl_apt_repo *repo,
		   struct encl_release *out, struct encl_err *e)
{
	encl_auto(encl_release_clear) struct encl_release r = {.repo = repo};
	encl_auto(encl_buf_clear) struct encl_buf file = {.cap = MAX_RELEASE};
	encl_auto(encl_free) char *url =
		encl_xasprintf("%s/dists/%s/InRelease", repo->uri, repo->suite);
	encl_auto(encl_free) char *shown = encl_http_redact(url);

	if (check_suite_name(repo->suite, e) || encl_http_get_buf(env, url, &file, e))
		return -1;
	encl_digest_of(ENCL_SHA256, file.data, file.len, &r.digest);
	r.arena = encl_arena_new();
	if (encl_openpgp_verify(encl_buf_text(&file), file.len, shown, repo, r.arena,
				&r.text, &r.n, &r.signers, e))
		return -1;
	if (encl_release_parse(&r, encl_now(), e))
		return encl_wrap(e, "%s", shown);
	if (!repo->check_valid_until)
		encl_debug(env->log, "%s: Valid-Until is not checked", shown);
	*out = r;
	memset(&r, 0, sizeof r);
	return 0;
}
