/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/console.h"

#include "test.h"

static void
feed(struct encl_console *c, const char *text)
{
	encl_console_feed(c, text, strlen(text));
}

TEST(launch_console_end)
{
	static const struct {
		const char *line;
		bool ok;
		int code, signal;
	} rows[] = {
		{"init: end code=0", true, 0, 0},
		{"init: end code=255", true, 255, 0},
		{"init: end signal=9", true, -1, 9},
		{"init: end code=256", false, 7, 7},
		{"init: end code=", false, 7, 7},
		{"init: end code=-1", false, 7, 7},
		{"init: end signal=0", false, 7, 7},
		{"init: end signal=65", false, 7, 7},
		{" init: end code=0", false, 7, 7},
		{"init: end code=0 x", false, 7, 7},
		{"", false, 7, 7},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int code = 7;
		int signal = 7;

		EQ_INT(rows[i].ok, encl_console_parse_end(rows[i].line, &code, &signal));
		EQ_INT(rows[i].code, code);
		EQ_INT(rows[i].signal, signal);
	}
}

TEST(launch_console_lines)
{
	struct encl_console c = {.n = 0};

	feed(&c, "\r\n");
	CHECK(c.any && !c.up);
	feed(&c, "[    1.0] kernel\r\n[    1.1] mo");
	CHECK(!c.up);
	EQ_STR("[    1.0] kernel", c.last);
	feed(&c, "re\r\ninit: en");
	CHECK(!c.up);
	feed(&c, "d code=3\r\n");
	CHECK(c.up && c.ended);
	EQ_INT(3, c.code);
	feed(&c, "init: end signal=6\n[  2.0] reboot: machine restart\n");
	EQ_INT(-1, c.code);
	EQ_INT(6, c.signal);
	EQ_STR("[  2.0] reboot: machine restart", c.last);
}

TEST(launch_console_long_line)
{
	struct encl_console c = {.n = 0};

	for (int i = 0; i < 100000; i++)
		feed(&c, "x");
	feed(&c, "\n");
	EQ_INT(ENCL_CONSOLE_LINE - 1, strlen(c.last));
}

TEST(launch_console_panic)
{
	struct encl_console c = {.n = 0};

	feed(&c, "[    1.0] Run /init as init process\n");
	CHECK(c.up);
	feed(&c, "[    2.0] Kernel panic - not syncing: Attempted to kill init!\n"
		 "[    2.1] Kernel panic - not syncing: again\n");
	CHECK(c.panicked && !c.ended);
	EQ_STR("Kernel panic - not syncing: Attempted to kill init!", c.panic);
}
