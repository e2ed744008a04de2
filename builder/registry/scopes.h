/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of what a token allows: "repository:NAME:pull,push" and others. */
#ifndef ENCL_REGISTRY_SCOPES_H
#define ENCL_REGISTRY_SCOPES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

enum { ENCL_SCOPES_MAX = 16 };
enum {
	ENCL_SCOPE_PULL = 1,
	ENCL_SCOPE_PUSH = 2,
	ENCL_SCOPE_DELETE = 4,
	ENCL_SCOPE_ALL = 8
};

struct encl_scope {
	char *head;	  /* "repository:NAME"; or a whole scope of another kind */
	unsigned actions; /* ENCL_SCOPE_*; 0: of another kind */
};
struct encl_scopes {
	struct encl_scope v[ENCL_SCOPES_MAX];
	size_t n;
};
void encl_scopes_clear(struct encl_scopes *s);
ENCL_AUTO_VAL(struct encl_scopes, encl_scopes_clear);

/* More than ENCL_SCOPES_MAX are passed over. */
void encl_scopes_add_repository(struct encl_scopes *s, const char *name,
				unsigned actions);
void encl_scopes_add_all(struct encl_scopes *s, const struct encl_scopes *more);
/* What a challenge's scope names, separated by spaces. */
void encl_scopes_add_text(struct encl_scopes *s, const char *text);
bool encl_scopes_cover(const struct encl_scopes *s, const struct encl_scopes *needed);
bool encl_scopes_have_head(const struct encl_scopes *s, const char *head);
/* One of them as text, malloc'ed. */
char *encl_scope_text(const struct encl_scope *s);

#endif
