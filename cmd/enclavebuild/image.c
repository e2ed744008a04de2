/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that look at images share. */
#include "image.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"

void
report_measurements(const struct cli *cli, const struct encl_measurements *m)
{
	encl_auto(json_decref) json_t *v = encl_measurements_json(m);
	const char *key;
	json_t *value;

	if (cli->json) {
		report_json(v);
		return;
	}
	json_object_foreach (json_object_get(v, "Measurements"), key, value)
		if (key[0] == 'P')
			report("%s %s\n", key, json_string_value(value));
}

void
report_extended(const json_t *extended, int width)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)extended, key, value)
		report("%-*s %s\n", width, key, json_string_value(value));
}

char *
printable(const char *text)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = SIZE_MAX / 8};

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c > 0x7e || c == '\\')
			encl_buf_add_fmt(&b, "\\x%02x", c);
		else
			encl_buf_add_byte(&b, c);
	}
	return (char *)encl_buf_steal(&b, NULL);
}
