/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides are known to have: paths to size, mode and time. */
#include <stdlib.h>
#include <string.h>

#include "launch/exchange_internal.h"

static struct encl_exchange_entry **
place(struct encl_exchange_tree *t, const char *path)
{
	uint32_t hash = 2166136261U ^ t->seed;
	struct encl_exchange_entry **at;

	for (const char *p = path; *p; p++)
		hash = (hash ^ (uint8_t)*p) * 16777619U;
	at = &t->buckets[(hash ^ hash >> 16) % EXCHANGE_BUCKETS];
	while (*at && strcmp((*at)->path, path) != 0)
		at = &(*at)->next;
	return at;
}

uint64_t
encl_exchange_pages(uint64_t size)
{
	return (size + 4095) / 4096 * 4096;
}

struct encl_exchange_entry *
encl_exchange_find(struct encl_exchange_tree *t, const char *path)
{
	return *place(t, path);
}

struct encl_exchange_entry *
encl_exchange_know(struct encl_exchange_tree *t, const char *path, const struct stat *st)
{
	struct encl_exchange_entry **at = place(t, path);
	struct encl_exchange_entry *known = *at;
	size_t n = strlen(path) + 1;

	if (!known) {
		if (t->n >= t->max)
			return NULL;
		known = calloc(1, sizeof *known + n);
		if (!known)
			return NULL;
		memcpy(known->path, path, n);
		*at = known;
		t->n++;
	}
	t->bytes -= encl_exchange_pages(known->size);
	known->folder = S_ISDIR(st->st_mode);
	known->mode = st->st_mode & 0777;
	known->seen = t->scan;
	known->size = known->folder ? 0 : (uint64_t)st->st_size;
	known->mtime = known->folder ? (struct timespec){0, 0} : st->st_mtim;
	t->bytes += encl_exchange_pages(known->size);
	return known;
}

void
encl_exchange_forget(struct encl_exchange_tree *t, const char *path)
{
	struct encl_exchange_entry **at = place(t, path);
	struct encl_exchange_entry *known = *at;

	if (!known)
		return;
	*at = known->next;
	t->bytes -= encl_exchange_pages(known->size);
	t->n--;
	free(known);
}

void
encl_exchange_clear(struct encl_exchange_tree *t)
{
	for (size_t i = 0; i < EXCHANGE_BUCKETS; i++)
		while (t->buckets[i])
			encl_exchange_forget(t, t->buckets[i]->path);
}

bool
encl_exchange_same(const struct encl_exchange_entry *known, const struct stat *st)
{
	if (known->folder != !!S_ISDIR(st->st_mode) ||
	    known->mode != (st->st_mode & 0777))
		return false;
	return known->folder || (known->size == (uint64_t)st->st_size &&
				 known->mtime.tv_sec == st->st_mtim.tv_sec &&
				 known->mtime.tv_nsec == st->st_mtim.tv_nsec);
}

bool
encl_exchange_path_ok(const char *path, unsigned n)
{
	unsigned parts = 0;

	if (!n || n > ENCL_EXCHANGE_PATH || memchr(path, 0, n))
		return false;
	for (unsigned at = 0; at <= n;) {
		const char *p = path + at;
		const char *slash = memchr(p, '/', n - at);
		size_t len = slash ? (size_t)(slash - p) : n - at;

		if (!len || len > 255 || ++parts > ENCL_EXCHANGE_DEPTH ||
		    (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.') ||
		    (len == sizeof EXCHANGE_TEMP - 1 && !memcmp(p, EXCHANGE_TEMP, len)))
			return false;
		at += (unsigned)len + 1;
	}
	return true;
}
