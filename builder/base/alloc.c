/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts on failure. */
#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
must(void *p)
{
	if (!p) {
		fputs("enclavebuild: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *
encl_xmalloc(size_t n)
{
	return must(malloc(n ? n : 1));
}

void *
encl_xcalloc(size_t count, size_t size)
{
	return must(calloc(count ? count : 1, size ? size : 1));
}

void *
encl_xrealloc(void *p, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		must(NULL);
	return must(realloc(p, count && size ? count * size : 1));
}

char *
encl_xstrdup(const char *s)
{
	return must(strdup(s));
}

char *
encl_xstrndup(const char *s, size_t n)
{
	return must(strndup(s, n));
}

void *
encl_xmemdup(const void *p, size_t n)
{
	void *q = encl_xmalloc(n);

	if (n)
		memcpy(q, p, n);
	return q;
}

char *
encl_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = encl_xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

char *
encl_xvasprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	return must(vasprintf(&s, fmt, ap) < 0 ? NULL : s);
}
