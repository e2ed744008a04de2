/* SPDX-License-Identifier: Apache-2.0 */
/* What the supervisor says of ends and times (record.c). */
#ifndef LAUNCH_RECORD_H
#define LAUNCH_RECORD_H

#include <stdint.h>
#include <time.h>

struct unit;
struct unit_end;

void record_now(struct timespec *t); /* CLOCK_BOOTTIME */

/* "launch: NAME exited: code=... signal=... oom=... started=... finished=..." */
void record_end(const struct unit *u, const struct unit_end *end);

/* 1234 as "1.2"; 1500 as "1.5" and 2000 as "2"; in rotating buffers. */
const char *record_tenths(uint64_t ms);
const char *record_seconds(uint64_t ms);
/* "SIGTERM", or "signal 3" for those without a name here. */
const char *record_signal(unsigned number);

#endif
