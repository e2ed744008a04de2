/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes by Distribution's token specification: type:name:action,action. */
#include "registry/scopes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { SCOPE_MAX = 512 };

static const struct {
	const char *name;
	unsigned bit;
} actions[] = {
	{"delete", ENCL_SCOPE_DELETE},
	{"pull", ENCL_SCOPE_PULL},
	{"push", ENCL_SCOPE_PUSH},
	{"*", ENCL_SCOPE_ALL},
};

void
encl_scopes_clear(struct encl_scopes *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].head);
	memset(s, 0, sizeof *s);
}

static void
add(struct encl_scopes *s, const char *head, unsigned bits)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].head, head)) {
			s->v[i].actions |= bits;
			return;
		}
	if (s->n == ENCL_SCOPES_MAX)
		return;
	s->v[s->n].head = encl_xstrdup(head);
	s->v[s->n++].actions = bits;
}

void
encl_scopes_add_repository(struct encl_scopes *s, const char *name, unsigned bits)
{
	encl_auto(encl_free) char *head = encl_xasprintf("repository:%s", name);

	add(s, head, bits);
}

void
encl_scopes_add_all(struct encl_scopes *s, const struct encl_scopes *more)
{
	for (size_t i = 0; i < more->n; i++)
		add(s, more->v[i].head, more->v[i].actions);
}

/* The bits of "pull,push"; 0 where one has no name here. */
static unsigned
bits_of(const char *text)
{
	unsigned bits = 0;

	while (*text) {
		size_t n = strcspn(text, ",");
		unsigned bit = 0;

		for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
			if (strlen(actions[i].name) == n &&
			    !strncmp(actions[i].name, text, n))
				bit = actions[i].bit;
		if (!bit)
			return 0;
		bits |= bit;
		text += n + (text[n] == ',');
	}
	return bits;
}

/* A name may hold a port's colon: the type is what the first one ends, the
 * actions what the last one begins. */
static void
add_word(struct encl_scopes *s, char *word)
{
	char *last = strrchr(word, ':');
	unsigned bits;

	if (strlen(word) > SCOPE_MAX)
		return;
	if (!strncmp(word, "repository:", 11) && last > word + 10 &&
	    (bits = bits_of(last + 1))) {
		*last = 0;
		add(s, word, bits);
		return;
	}
	add(s, word, 0);
}

void
encl_scopes_add_text(struct encl_scopes *s, const char *text)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(text);
	char *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		add_word(s, w);
}

static const struct encl_scope *
find(const struct encl_scopes *s, const char *head)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].head, head))
			return &s->v[i];
	return NULL;
}

bool
encl_scopes_have_head(const struct encl_scopes *s, const char *head)
{
	return find(s, head) != NULL;
}

bool
encl_scopes_cover(const struct encl_scopes *s, const struct encl_scopes *needed)
{
	for (size_t i = 0; i < needed->n; i++) {
		const struct encl_scope *have = find(s, needed->v[i].head);

		if (!have)
			return false;
		if (!(have->actions & ENCL_SCOPE_ALL) &&
		    (needed->v[i].actions & ~have->actions))
			return false;
	}
	return true;
}

char *
encl_scope_text(const struct encl_scope *s)
{
	char list[64] = "";
	size_t n = 0;

	if (!s->actions)
		return encl_xstrdup(s->head);
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (s->actions & actions[i].bit) {
			size_t length = strlen(actions[i].name);

			if (n)
				list[n++] = ',';
			memcpy(list + n, actions[i].name, length + 1);
			n += length;
		}
	return encl_xasprintf("%s:%s", s->head, list);
}
