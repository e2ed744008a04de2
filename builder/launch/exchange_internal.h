/* SPDX-License-Identifier: Apache-2.0 */
/* What exchange.c (messages), exchange_tree.c (what is known) and
 * exchange_apply.c (changes to the folder) share. */
#ifndef ENCL_LAUNCH_EXCHANGE_INTERNAL_H
#define ENCL_LAUNCH_EXCHANGE_INTERNAL_H

#include <stddef.h>
#include <sys/stat.h>

#include "launch/exchange.h"

enum { EXCHANGE_BUCKETS = 1 << 14, EXCHANGE_HEAD = 8, EXCHANGE_CHUNK = 32768 };

/* Where a file is while it comes in, beside its place. */
#define EXCHANGE_TEMP ".enclave-exchange.part"

/* One entry as both sides have it. */
struct encl_exchange_entry {
	struct encl_exchange_entry *next;
	bool folder;
	unsigned mode;
	uint64_t size;
	struct timespec mtime;
	unsigned seen; /* number of the scan */
	char path[];
};

struct encl_exchange_tree {
	struct encl_exchange_entry *buckets[EXCHANGE_BUCKETS];
	unsigned n, max;
	unsigned scan;	/* number of the current one; what is made known was seen */
	uint64_t bytes; /* in pages */
	uint32_t seed;	/* so that nobody chooses paths that share a bucket */
};

struct encl_exchange_entry *encl_exchange_find(struct encl_exchange_tree *t,
					       const char *path);
/* Adds or changes; NULL where memory or the limit of entries is over. */
struct encl_exchange_entry *encl_exchange_know(struct encl_exchange_tree *t,
					       const char *path, const struct stat *st);
void encl_exchange_forget(struct encl_exchange_tree *t, const char *path);
void encl_exchange_clear(struct encl_exchange_tree *t);
bool encl_exchange_same(const struct encl_exchange_entry *known, const struct stat *st);
/* A file's memory: whole pages. */
uint64_t encl_exchange_pages(uint64_t size);

/* Opens the folder that path is in, step by step and never through a link; *name
 * is its last part.  -1 and errno. */
int encl_exchange_parent(int root, const char *path, const char **name);

/* A file that comes in. */
struct encl_exchange_incoming {
	bool open;
	bool dropped; /* its bytes are thrown away */
	char path[ENCL_EXCHANGE_PATH + 1];
	int parent, fd;
	unsigned mode;
	struct timespec mtime;
	uint64_t size, got;
};

/* 0; 1 where it could not be (errno), which is no reason to end. */
int encl_exchange_make_folder(int root, struct encl_exchange_tree *t, const char *path,
			      unsigned mode);
int encl_exchange_remove(int root, struct encl_exchange_tree *t, const char *path);
void encl_exchange_begin(int root, struct encl_exchange_tree *t,
			 struct encl_exchange_incoming *in);
bool encl_exchange_bytes(struct encl_exchange_incoming *in, const char *p, size_t n);
int encl_exchange_finish(struct encl_exchange_tree *t, struct encl_exchange_incoming *in);
void encl_exchange_drop(struct encl_exchange_incoming *in);

#endif
