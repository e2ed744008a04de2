/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release: the only clean-up mechanism (no goto).
 *
 *	encl_auto(encl_close_fd) int fd = open(...);
 *	encl_auto(encl_free) char *text = encl_xstrdup(...);
 *	...
 *	*out = encl_take(fd, -1);	the only way out of a scope
 */
#ifndef ENCL_BASE_CLEANUP_H
#define ENCL_BASE_CLEANUP_H

#include <stdio.h>

#define encl_auto(fn) __attribute__((cleanup(fn##_at)))

#define encl_take(var, empty)                                                            \
	__extension__({                                                                  \
		__typeof__(var) encl_taken_ = (var);                                     \
		(var) = (empty);                                                         \
		encl_taken_;                                                             \
	})

/* For a type T with `void f(T *)`: defines the `f_at(T **)` that encl_auto wants. */
#define ENCL_AUTO_PTR(type, fn)                                                          \
	static inline void fn##_at(type **p)                                             \
	{                                                                                \
		if (*p)                                                                  \
			fn(*p);                                                          \
	}                                                                                \
	struct encl_auto_ptr_semicolon_

/* For a struct T with `void f(struct T *)` (S_clear form): defines `f_at(struct T *)`. */
#define ENCL_AUTO_VAL(type, fn)                                                          \
	static inline void fn##_at(type *p)                                              \
	{                                                                                \
		fn(p);                                                                   \
	}                                                                                \
	struct encl_auto_ptr_semicolon_

/* Closes and keeps errno; -1 is a no-op. */
void encl_close_fd(int fd);
void encl_close_fd_at(int *fd);
void encl_free_at(void *p); /* p is the address of a pointer from malloc */
void encl_fclose_at(FILE **f);

#endif
