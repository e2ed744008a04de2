/* SPDX-License-Identifier: Apache-2.0 */
/* Error object: a code and a message in the caller's memory, nothing to free. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
encl_fail(struct encl_err *e, enum encl_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	e->code = code;
	e->sys = 0;
	return -1;
}

int
encl_fail_sys(struct encl_err *e, enum encl_code code, const char *fmt, ...)
{
	int sys = errno;
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, ": %s", strerror(sys));
	e->code = code;
	e->sys = sys;
	return -1;
}

int
encl_wrap(struct encl_err *e, const char *fmt, ...)
{
	char inner[sizeof e->msg];
	va_list ap;
	size_t len;

	memcpy(inner, e->msg, sizeof inner);
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	snprintf(e->msg + len, sizeof e->msg - len, ": %s", inner);
	return -1;
}
