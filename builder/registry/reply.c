/* SPDX-License-Identifier: Apache-2.0 */
/* Header fields into struct encl_registry_reply, strictly. */
#include "registry/reply.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "registry/address.h"

enum { FIELD_MAX = 8192 };

void
encl_reply_restart(struct encl_registry_reply *r)
{
	char **const texts[] = {&r->content_type, &r->location, &r->digest, &r->subject,
				&r->filters,	  &r->next,	&r->etag};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		free(*texts[i]);
		*texts[i] = NULL;
	}
	r->length = UINT64_MAX;
	r->has_range = false;
	r->first = r->last = r->total = 0;
}

void
encl_registry_reply_clear(struct encl_registry_reply *r)
{
	encl_reply_restart(r);
	encl_buf_clear(&r->body);
	memset(r, 0, sizeof *r);
}

static void
set(char **place, char *own_value)
{
	free(*place);
	*place = own_value;
}

static char *
media_type(const char *value)
{
	char *text = encl_xstrndup(value, strcspn(value, "; \t"));

	for (char *c = text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

static void
take_digest(char **place, const char *value)
{
	struct encl_digest d;

	if (encl_digest_parse(value, &d))
		set(place, encl_xstrdup(value));
}

static bool
is_printable(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			return false;
	return true;
}

void
encl_reply_field(struct encl_registry_reply *r, const char *url, const char *name,
		 const char *value)
{
	encl_auto(encl_free) char *link = NULL;

	if (!is_printable(value) || strlen(value) > FIELD_MAX)
		return;
	if (!strcasecmp(name, "Content-Type")) {
		set(&r->content_type, media_type(value));
	} else if (!strcasecmp(name, "Content-Length")) {
		if (!encl_parse_uint(value, 10, INT64_MAX, &r->length))
			r->length = UINT64_MAX;
	} else if (!strcasecmp(name, "Location")) {
		set(&r->location, encl_address_resolve(url, value));
	} else if (!strcasecmp(name, "Docker-Content-Digest")) {
		take_digest(&r->digest, value);
	} else if (!strcasecmp(name, "OCI-Subject")) {
		take_digest(&r->subject, value);
	} else if (!strcasecmp(name, "OCI-Filters-Applied")) {
		set(&r->filters, encl_xstrdup(value));
	} else if (!strcasecmp(name, "ETag")) {
		set(&r->etag, encl_xstrdup(value));
	} else if (!strcasecmp(name, "Content-Range")) {
		r->has_range = encl_content_range(value, &r->first, &r->last, &r->total);
	} else if (!strcasecmp(name, "Link") && !r->next) {
		link = encl_link_next(value);
		if (link)
			set(&r->next, encl_address_resolve(url, link));
	}
}

/* A number that ends in one of `ends`; *at is moved to it. */
static bool
number(const char **at, char end, uint64_t *out)
{
	size_t n = strspn(*at, "0123456789");
	encl_auto(encl_free) char *digits = encl_xstrndup(*at, n);

	if ((*at)[n] != end || !encl_parse_uint(digits, 10, INT64_MAX, out))
		return false;
	*at += n + (end != 0);
	return true;
}

bool
encl_content_range(const char *value, uint64_t *first, uint64_t *last, uint64_t *total)
{
	uint64_t a;
	uint64_t b;
	uint64_t size;

	if (strncasecmp(value, "bytes", 5) != 0 || (value[5] != ' ' && value[5] != '\t'))
		return false;
	value += 5 + strspn(value + 5, " \t");
	if (!number(&value, '-', &a) || !number(&value, '/', &b) ||
	    !number(&value, 0, &size) || a > b || b >= size)
		return false;
	*first = a;
	*last = b;
	*total = size;
	return true;
}

/* Where the next such byte is outside of quotes, or the end. */
static const char *
find_bare(const char *s, const char *end, char what)
{
	bool inside = false;

	for (; s < end && *s && (inside || *s != what); s++) {
		if (*s == '"')
			inside = !inside;
		else if (inside && *s == '\\' && s[1])
			s++;
	}
	return s < end ? s : end;
}

static bool
has_word(const char *s, const char *end, const char *word)
{
	size_t n = strlen(word);

	while (s < end) {
		const char *stop;

		while (s < end && strchr(" \t\"", *s))
			s++;
		for (stop = s; stop < end && !strchr(" \t\"", *stop);)
			stop++;
		if ((size_t)(stop - s) == n && !strncasecmp(s, word, n))
			return true;
		s = stop;
	}
	return false;
}

/* Whether rel among the parameters behind ">" holds the word "next". */
static bool
is_next(const char *s, const char *end)
{
	while (s < end) {
		const char *stop = find_bare(s, end, ';');

		s += strspn(s, " \t");
		if (stop - s > 3 && !strncasecmp(s, "rel", 3)) {
			s += 3 + strspn(s + 3, " \t");
			if (*s == '=' && has_word(s + 1, stop, "next"))
				return true;
		}
		s = stop + 1;
	}
	return false;
}

char *
encl_link_next(const char *value)
{
	while (*value) {
		const char *open = value + strspn(value, ", \t");
		const char *close = *open == '<' ? strchr(open, '>') : NULL;
		const char *end;

		if (!close)
			return NULL;
		end = find_bare(close + 1, value + strlen(value), ',');
		if (is_next(close + 1, end))
			return encl_xstrndup(open + 1, (size_t)(close - open - 1));
		value = end;
	}
	return NULL;
}

char *
encl_warning_text(const char *value)
{
	char *out;
	char *p;

	if (strncmp(value, "299 ", 4) != 0)
		return NULL;
	value += 4;
	value += strspn(value, " ");
	value += strcspn(value, " "); /* the agent */
	value += strspn(value, " ");
	if (*value != '"' || strlen(value) > FIELD_MAX)
		return NULL;
	p = out = encl_xmalloc(strlen(value) + 1);
	for (value++; *value && *value != '"'; value++) {
		if (*value == '\\' && value[1])
			value++;
		*p++ = *value;
	}
	*p = 0;
	return out;
}
