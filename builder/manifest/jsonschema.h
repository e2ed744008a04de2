/* SPDX-License-Identifier: Apache-2.0 */
/* The table of keys for editors and for readers. */
#ifndef ENCL_MANIFEST_JSONSCHEMA_H
#define ENCL_MANIFEST_JSONSCHEMA_H

#include <jansson.h>

/*
 * JSON Schema, draft 2020-12.  What it accepts, the parser accepts where no
 * rule needs more than one map or a look at a text's meaning.  New reference.
 */
json_t *encl_manifest_json_schema(void);

#endif
