/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a launch config, which may be anybody's. */
#include <string.h>

#include "base/parse.h"
#include "ramdisk/launch_config.h"

static const char first_line[] = "enclave-launch 2\n";

size_t
encl_launch_config_begin(const char *text, size_t n)
{
	const size_t length = sizeof first_line - 1;

	return n < length || memcmp(text, first_line, length) != 0 ? 0 : length;
}

/* "KEY LENGTH\n", LENGTH bytes, "\n" */
size_t
encl_launch_config_next(const char *text, size_t n, struct encl_launch_item *out)
{
	const size_t line = 2 * sizeof out->key;
	const char *newline = memchr(text, '\n', n < line ? n : line);
	const char *space = newline ? memchr(text, ' ', (size_t)(newline - text)) : NULL;
	char digits[12] = {0};
	size_t head;
	uint64_t length;

	if (!space || (size_t)(space - text) >= sizeof out->key ||
	    (size_t)(newline - space) > sizeof digits)
		return 0;
	head = (size_t)(newline - text) + 1;
	memset(out, 0, sizeof *out);
	memcpy(out->key, text, (size_t)(space - text));
	memcpy(digits, space + 1, (size_t)(newline - space) - 1);
	if (!encl_parse_uint(digits, 10, ENCL_LAUNCH_CONFIG_MAX, &length) ||
	    head + length + 1 > n || text[head + length] != '\n')
		return 0;
	out->value = text + head;
	out->n = (size_t)length;
	return head + out->n + 1;
}
