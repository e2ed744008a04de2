/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library tells while it works: events to a callback, never to a
 * stream.  Every function takes NULL for "nobody listens".
 */
#ifndef ENCL_BASE_LOG_H
#define ENCL_BASE_LOG_H

#include <stdint.h>

#include "base/err.h"

enum encl_level { ENCL_LOG_DEBUG, ENCL_LOG_INFO, ENCL_LOG_WARN };

struct encl_log {
	void (*event)(struct encl_log *log, enum encl_level level, const char *text);
	/* Called often and from any thread; total 0 = unknown; done == total ends. */
	void (*progress)(struct encl_log *log, const char *what, uint64_t done,
			 uint64_t total);
};

void encl_debug(struct encl_log *log, const char *fmt, ...) ENCL_PRINTF(2, 3);
void encl_info(struct encl_log *log, const char *fmt, ...) ENCL_PRINTF(2, 3);
void encl_warn(struct encl_log *log, const char *fmt, ...) ENCL_PRINTF(2, 3);
void encl_progress(struct encl_log *log, const char *what, uint64_t done, uint64_t total);

#endif
