/* SPDX-License-Identifier: Apache-2.0 */
/* Console bytes to lines, and the few lines that mean something. */
#include "launch/console.h"

#include <string.h>

#include "base/parse.h"

bool
encl_console_parse_end(const char *line, int *code, int *signal)
{
	uint64_t v;

	if (!strncmp(line, "init: end code=", 15) &&
	    encl_parse_uint(line + 15, 10, 255, &v)) {
		*code = (int)v;
		*signal = 0;
		return true;
	}
	if (!strncmp(line, "init: end signal=", 17) &&
	    encl_parse_uint(line + 17, 10, 64, &v) && v) {
		*code = -1;
		*signal = (int)v;
		return true;
	}
	return false;
}

/* The kernel's lines begin with "[   time]". */
static bool
is_user_space(const char *line)
{
	return line[0] != '[' || strstr(line, "] Run /init as init process");
}

static void
take_line(struct encl_console *c)
{
	const char *panic;

	while (c->n && (c->line[c->n - 1] == '\r' || c->line[c->n - 1] == ' '))
		c->n--;
	c->line[c->n] = 0;
	if (c->n == 0)
		return;
	memcpy(c->last, c->line, c->n + 1);
	panic = strstr(c->line, "Kernel panic - not syncing");
	if (panic && !c->panicked) {
		c->panicked = true;
		memcpy(c->panic, panic, strlen(panic) + 1);
	}
	if (encl_console_parse_end(c->line, &c->code, &c->signal))
		c->ended = true;
	if (is_user_space(c->line))
		c->up = true;
	c->n = 0;
}

void
encl_console_feed(struct encl_console *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->any = true;
		if (p[i] == '\n')
			take_line(c);
		else if (c->n < sizeof c->line - 1)
			c->line[c->n++] = (char)(p[i] ? p[i] : ' ');
	}
}
