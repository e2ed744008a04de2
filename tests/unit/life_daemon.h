/* SPDX-License-Identifier: Apache-2.0 */
/* What life.c and life_daemon.c share. */
#ifndef TEST_LIFE_DAEMON_H
#define TEST_LIFE_DAEMON_H

/* Onto the text of what was printed. */
void life_note(const char *s);
void life_reset_daemon(void);

#endif
