/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build-once memory: for the parsed manifest and the rootfs tree.  Everything
 * in it lives until the arena is freed; there is no way to free a part.
 */
#ifndef ENCL_BASE_ARENA_H
#define ENCL_BASE_ARENA_H

#include <stddef.h>

#include "base/cleanup.h"

struct encl_arena;

struct encl_arena *encl_arena_new(void);
void encl_arena_free(struct encl_arena *a); /* NULL is a no-op */
ENCL_AUTO_PTR(struct encl_arena, encl_arena_free);

/* Zeroed, aligned for any type; never NULL. */
void *encl_arena_alloc(struct encl_arena *a, size_t n);
char *encl_arena_strdup(struct encl_arena *a, const char *s);
char *encl_arena_strndup(struct encl_arena *a, const char *s, size_t n);
void *encl_arena_memdup(struct encl_arena *a, const void *p, size_t n);

#endif
