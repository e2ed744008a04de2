/* SPDX-License-Identifier: Apache-2.0 */
/* Values out of the Docker daemon's replies, by path ("State.ExitCode"). */
#ifndef LAUNCH_JSON_H
#define LAUNCH_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_TOKENS_MAX = 65536 };

/* The text must outlive it. */
struct json {
	const char *text;
	void *tokens; /* private; NULL: not JSON, or too much of it */
	int n;
};

/* False where text is no JSON object; json_clear either way. */
bool json_parse(struct json *j, const char *text, size_t n);
void json_clear(struct json *j);

/*
 * Is the text one object and nothing behind it, each key one of keys (NULL-ended),
 * as it is written, and there once?
 */
bool json_is_of(const struct json *j, const char *const *keys);

enum json_kind { JSON_ABSENT, JSON_NULL, JSON_TEXT, JSON_OTHER };
enum json_kind json_kind(const struct json *j, const char *path);

/*
 * The string at path, unescaped, as one line: control characters become
 * blanks, what does not fit is cut at a character's border.  False, and out
 * empty, where there is no string.
 */
bool json_text(const struct json *j, const char *path, char *out, size_t room);
bool json_int(const struct json *j, const char *path, long *out);
bool json_flag(const struct json *j, const char *path); /* there, and true */

#endif
