/* SPDX-License-Identifier: Apache-2.0 */
/* Events to a callback. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void ENCL_PRINTF(3, 0)
	event(struct encl_log *log, enum encl_level level, const char *fmt, va_list ap)
{
	char text[1024];

	if (!log || !log->event)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	log->event(log, level, text);
}

#define EVENT_FUNCTION(name, level)                                                      \
	void name(struct encl_log *log, const char *fmt, ...)                            \
	{                                                                                \
		va_list ap;                                                              \
                                                                                         \
		va_start(ap, fmt);                                                       \
		event(log, level, fmt, ap);                                              \
		va_end(ap);                                                              \
	}

EVENT_FUNCTION(encl_debug, ENCL_LOG_DEBUG)
EVENT_FUNCTION(encl_info, ENCL_LOG_INFO)
EVENT_FUNCTION(encl_warn, ENCL_LOG_WARN)

void
encl_progress(struct encl_log *log, const char *what, uint64_t done, uint64_t total)
{
	if (log && log->progress)
		log->progress(log, what, done, total);
}
