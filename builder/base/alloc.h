/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts: no error path in the library is about memory. */
#ifndef ENCL_BASE_ALLOC_H
#define ENCL_BASE_ALLOC_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

/* All return memory to be released with free(); none returns NULL. */
void *encl_xmalloc(size_t n);
void *encl_xcalloc(size_t count, size_t size); /* zeroed; overflow aborts */
void *encl_xrealloc(void *p, size_t count, size_t size);
char *encl_xstrdup(const char *s);
char *encl_xstrndup(const char *s, size_t n);
void *encl_xmemdup(const void *p, size_t n);
char *encl_xasprintf(const char *fmt, ...) ENCL_PRINTF(1, 2);
char *encl_xvasprintf(const char *fmt, va_list ap) ENCL_PRINTF(1, 0);

#endif
