/* SPDX-License-Identifier: Apache-2.0 */
/* Reads WWW-Authenticate: schemes, tokens and quoted strings (RFC 9110 11.2, 5.6.4). */
#include "registry/challenge.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define TOKEN                                                                            \
	"!#$%&'*+-.^_`|~0123456789"                                                      \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

enum { VALUE_MAX = 4096 };

struct scanner {
	const char *at;
	struct encl_challenge *out;
	enum encl_challenge_kind kind; /* of the challenge that at is in */
};

static void
skip(struct scanner *s, const char *what)
{
	s->at += strspn(s->at, what);
}

/* Control bytes have no place in what is sent on or shown. */
static bool
is_plain(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

/* "text \"with\" escapes"; NULL where the quote never ends. */
static char *
quoted(struct scanner *s)
{
	char *out = encl_xmalloc(strlen(s->at) + 1);
	char *p = out;

	for (s->at++; *s->at && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && s->at[1])
			s->at++;
		*p++ = *s->at;
	}
	*p = 0;
	if (*s->at == '"') {
		s->at++;
		return out;
	}
	free(out);
	return NULL;
}

static char *
bare(struct scanner *s)
{
	size_t n = strcspn(s->at, ", \t");
	char *out = encl_xstrndup(s->at, n);

	s->at += n;
	return out;
}

/* The first of two of a name counts. */
static void
keep(struct scanner *s, const char *name, size_t n, char *own_value)
{
	static const char *const names[] = {"realm", "service", "scope", "error"};
	char **const places[] = {&s->out->realm, &s->out->service, &s->out->scope,
				 &s->out->error};
	encl_auto(encl_free) char *value = own_value;

	if (!value || s->kind == ENCL_CHALLENGE_NONE || !is_plain(value) ||
	    strlen(value) > VALUE_MAX)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && !strncasecmp(names[i], name, n) &&
		    !*places[i])
			*places[i] = encl_take(value, NULL);
}

static void
begin(struct scanner *s, const char *scheme, size_t n)
{
	s->kind = ENCL_CHALLENGE_NONE;
	if (s->out->kind != ENCL_CHALLENGE_NONE)
		return;
	if (n == 5 && !strncasecmp(scheme, "Basic", 5))
		s->kind = ENCL_CHALLENGE_BASIC;
	else if (n == 6 && !strncasecmp(scheme, "Bearer", 6))
		s->kind = ENCL_CHALLENGE_BEARER;
	s->out->kind = s->kind;
}

void
encl_challenge_read(const char *value, struct encl_challenge *out)
{
	struct scanner s = {.at = value, .out = out};

	if (out->kind != ENCL_CHALLENGE_NONE)
		return;
	for (;;) {
		const char *word;
		size_t n;

		skip(&s, ", \t");
		if (!*s.at)
			return;
		word = s.at;
		n = strspn(word, TOKEN);
		s.at += n;
		if (!n) { /* no grammar begins like this: on to the next comma */
			s.at += strcspn(s.at, ",");
			s.kind = ENCL_CHALLENGE_NONE;
			continue;
		}
		skip(&s, " \t");
		if (*s.at != '=') {
			begin(&s, word, n);
			continue;
		}
		s.at++;
		skip(&s, " \t");
		keep(&s, word, n, *s.at == '"' ? quoted(&s) : bare(&s));
	}
}

void
encl_challenge_clear(struct encl_challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	memset(c, 0, sizeof *c);
}
