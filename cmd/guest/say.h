/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the guest programs: strings put together and written with one
 * write(2), so that a line stays a line.  No format engine: it would be half
 * of the program, and the program is part of what is measured.
 */
#ifndef GUEST_SAY_H
#define GUEST_SAY_H

/* "init" or "launch": defined by each program's main.c. */
extern const char guest_name[];

/* "NAME: part part …" and a newline, on stderr; longer than 1 KiB is cut. */
#define say(...) guest_say((const char *const[]){guest_name, ": ", __VA_ARGS__, 0})
void guest_say(const char *const *parts);
/* Where to, if not stderr. */
extern int guest_say_to;

/* n in decimal, in one of 8 rotating buffers. */
const char *guest_dec(unsigned long n);

/* strerror(errno). */
const char *guest_why(void);

#endif
