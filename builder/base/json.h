/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON from outside by jansson under limits (size, depth 64, number of values,
 * no duplicate keys, whole input), typed access with errors that name the key, and JSON
 * out in insertion order, so that bytes never depend on hashing.
 */
#ifndef ENCL_BASE_JSON_H
#define ENCL_BASE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

ENCL_AUTO_PTR(json_t, json_decref);

/* what names the document in errors.  The result is owned by the caller. */
int encl_json_parse(const char *text, size_t n, const char *what, json_t **out,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_json_read(const char *path, size_t max, json_t **out,
		   struct encl_err *e) ENCL_MUST_CHECK;

/* Members of an object, required and typed; results are borrowed. */
int encl_json_str(const json_t *obj, const char *key, const char *what, const char **out,
		  struct encl_err *e) ENCL_MUST_CHECK;
int encl_json_u64(const json_t *obj, const char *key, const char *what, uint64_t *out,
		  struct encl_err *e) ENCL_MUST_CHECK;
int encl_json_array(const json_t *obj, const char *key, const char *what, json_t **out,
		    struct encl_err *e) ENCL_MUST_CHECK;
int encl_json_object(const json_t *obj, const char *key, const char *what, json_t **out,
		     struct encl_err *e) ENCL_MUST_CHECK;

/* Bytes from outside as a string, whatever they are: what is not UTF-8 becomes
 * "\\xHH" (of each byte).  New reference. */
json_t *encl_json_text(const char *bytes);

/* malloc'ed text.  Pretty: two spaces and a final newline.  Compact: neither.
 * Both escape everything outside ASCII. */
char *encl_json_pretty(const json_t *v);
char *encl_json_compact(const json_t *v);

#endif
