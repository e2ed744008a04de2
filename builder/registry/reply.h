/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a registry's reply. */
#ifndef ENCL_REGISTRY_REPLY_H
#define ENCL_REGISTRY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "registry/registry.h"

/* Takes one field into the reply; url is what was asked for.  Fields that are
 * not wanted or not well-formed leave it as it is. */
void encl_reply_field(struct encl_registry_reply *r, const char *url, const char *name,
		      const char *value);
/* As before any field, the body kept. */
void encl_reply_restart(struct encl_registry_reply *r);

/* "bytes 0-9/10", whole and consistent. */
bool encl_content_range(const char *value, uint64_t *first, uint64_t *last,
			uint64_t *total);
/* The target of the first link with rel=next (RFC 8288); malloc'ed, or NULL. */
char *encl_link_next(const char *value);
/* The text of `299 - "text"` (malloc'ed), or NULL. */
char *encl_warning_text(const char *value);

#endif
