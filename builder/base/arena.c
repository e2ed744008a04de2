/* SPDX-License-Identifier: Apache-2.0 */
/* Arena: a list of blocks, bump allocation in the newest. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_SIZE = 256 * 1024, ALIGN = alignof(max_align_t) };

struct block {
	struct block *next;
	size_t used;
	size_t cap;
	alignas(max_align_t) uint8_t data[];
};

struct encl_arena {
	struct block *newest;
};

struct encl_arena *
encl_arena_new(void)
{
	return encl_xcalloc(1, sizeof(struct encl_arena));
}

void
encl_arena_free(struct encl_arena *a)
{
	if (!a)
		return;
	while (a->newest) {
		struct block *b = a->newest;

		a->newest = b->next;
		free(b);
	}
	free(a);
}

void *
encl_arena_alloc(struct encl_arena *a, size_t n)
{
	size_t need = (n + ALIGN - 1) & ~((size_t)ALIGN - 1);
	struct block *b = a->newest;
	void *p;

	if (need < n)
		abort();
	if (!b || b->cap - b->used < need) {
		size_t cap = need > BLOCK_SIZE ? need : BLOCK_SIZE;

		/* calloc: fresh pages are zero already, so this costs nothing */
		b = encl_xcalloc(1, sizeof *b + cap);
		b->cap = cap;
		b->next = a->newest;
		a->newest = b;
	}
	p = b->data + b->used;
	b->used += need;
	return p;
}

void *
encl_arena_memdup(struct encl_arena *a, const void *p, size_t n)
{
	void *q = encl_arena_alloc(a, n);

	if (n)
		memcpy(q, p, n);
	return q;
}

char *
encl_arena_strndup(struct encl_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *q = encl_arena_alloc(a, len + 1);

	memcpy(q, s, len);
	return q;
}

char *
encl_arena_strdup(struct encl_arena *a, const char *s)
{
	return encl_arena_strndup(a, s, strlen(s));
}
