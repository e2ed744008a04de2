/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests: self-registering, both values printed on failure.
 *
 *	TEST(stage_file_topic) { EQ_INT(1, f()); OK(g(&e)); FAILS(h(&e), "text"); }
 *
 * The first failed check ends the test (longjmp), the run goes on.
 */
#ifndef ENCL_TEST_H
#define ENCL_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};
void test_register(struct test *t);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...)
	ENCL_PRINTF(3, 4);
void test_eq_mem(const char *file, int line, const void *want, size_t want_n,
		 const void *got, size_t got_n);
/* A folder for this test, removed when it passes; valid until the test ends. */
const char *test_dir(void);
/* Path below test_dir(), in one of 8 rotating buffers. */
const char *test_path(const char *fmt, ...) ENCL_PRINTF(1, 2);
/* Path of a file of the repository (tests run from its top). */
extern struct encl_err e; /* shared error object, cleared before each test */

#define TEST(id)                                                                         \
	static void test_##id(void);                                                     \
	__attribute__((constructor)) static void register_##id(void)                     \
	{                                                                                \
		static struct test t = {#id, test_##id, NULL};                           \
		test_register(&t);                                                       \
	}                                                                                \
	static void test_##id(void)

#define CHECK(cond)                                                                      \
	((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "not true: %s", #cond))
#define EQ_INT(want, got)                                                                \
	do {                                                                             \
		long long w_ = (long long)(want);                                        \
		long long g_ = (long long)(got);                                         \
		if (w_ != g_)                                                            \
			test_fail(__FILE__, __LINE__, "%s: want %lld, got %lld", #got,   \
				  w_, g_);                                               \
	} while (0)
#define EQ_STR(want, got)                                                                \
	do {                                                                             \
		const char *w_ = (want);                                                 \
		const char *g_ = (got);                                                  \
		if (!g_ || strcmp(w_, g_) != 0)                                          \
			test_fail(__FILE__, __LINE__,                                    \
				  "%s:\n  want \"%s\"\n   got \"%s\"", #got, w_,         \
				  g_ ? g_ : "(null)");                                   \
	} while (0)
#define EQ_MEM(want, want_n, got, got_n)                                                 \
	test_eq_mem(__FILE__, __LINE__, want, want_n, got, got_n)
/* The call succeeded (returned 0); otherwise its error is shown. */
#define OK(call)                                                                         \
	do {                                                                             \
		if ((call) != 0)                                                         \
			test_fail(__FILE__, __LINE__, "%s: %s", #call, e.msg);           \
	} while (0)
/* The call failed with exactly this code and message. */
#define FAILS(call, want_code, want_msg)                                                 \
	do {                                                                             \
		if ((call) != -1)                                                        \
			test_fail(__FILE__, __LINE__, "%s: did not fail", #call);        \
		EQ_STR(want_msg, e.msg);                                                 \
		EQ_INT(want_code, e.code);                                               \
	} while (0)

#endif
