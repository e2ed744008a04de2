/* SPDX-License-Identifier: Apache-2.0 */
/* What the console's lines say of the boot and of its end. */
#ifndef ENCL_LAUNCH_CONSOLE_H
#define ENCL_LAUNCH_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

enum { ENCL_CONSOLE_LINE = 512 };

struct encl_console {
	char line[ENCL_CONSOLE_LINE]; /* the one that is being read; longer: its begin */
	size_t n;
	bool any;   /* some output came */
	bool up;    /* user space runs */
	bool ended; /* init's last line came: */
	int code;   /* -1: a signal */
	int signal;
	bool panicked;
	char panic[ENCL_CONSOLE_LINE]; /* "Kernel panic - not syncing: …" */
	char last[ENCL_CONSOLE_LINE];  /* the last line that was not empty */
};

void encl_console_feed(struct encl_console *c, const char *p, size_t n);

/* "init: end code=N" (0..255), "init: end signal=N" (1..64); false otherwise. */
bool encl_console_parse_end(const char *line, int *code, int *signal);

#endif
