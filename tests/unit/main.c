/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the registered tests: PASS or FAIL a line each; exit 1 on any failure. */
#include "test.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct encl_err e;
static struct test *tests;
static jmp_buf back;
static char dir[64];

void
test_register(struct test *t)
{
	struct test **at = &tests;

	while (*at && strcmp((*at)->name, t->name) < 0)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

void
test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	longjmp(back, 1);
}

void
test_eq_mem(const char *file, int line, const void *want, size_t want_n, const void *got,
	    size_t got_n)
{
	const uint8_t *w = want;
	const uint8_t *g = got;

	for (size_t i = 0; i < want_n && i < got_n; i++)
		if (w[i] != g[i])
			test_fail(file, line, "byte %zu: want %02x, got %02x", i, w[i],
				  g[i]);
	if (want_n != got_n)
		test_fail(file, line, "want %zu bytes, got %zu", want_n, got_n);
}

const char *
test_dir(void)
{
	if (!*dir) {
		const char *tmp = getenv("TMPDIR");

		snprintf(dir, sizeof dir, "%.40s/encl-unit-XXXXXX", tmp ? tmp : "/tmp");
		if (!mkdtemp(dir))
			abort();
	}
	return dir;
}

const char *
test_path(const char *fmt, ...)
{
	static char paths[8][4096];
	static unsigned next;
	char *p = paths[next++ % 8];
	va_list ap;
	int n = snprintf(p, 4096, "%s/", test_dir());

	va_start(ap, fmt);
	vsnprintf(p + n, 4096 - (size_t)n, fmt, ap);
	va_end(ap);
	return p;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static bool
run_one(const struct test *t)
{
	volatile bool ok = false;

	memset(&e, 0, sizeof e);
	dir[0] = 0;
	if (setjmp(back) == 0) {
		t->run();
		ok = true;
	}
	if (ok && *dir)
		nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	else if (*dir)
		printf("kept %s\n", dir);
	printf("%s unit/%s\n", ok ? "PASS" : "FAIL", t->name);
	fflush(stdout);
	return ok;
}

int
main(int argc, char **argv)
{
	int failed = 0;
	int ran = 0;

	for (const struct test *t = tests; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		ran++;
		failed += !run_one(t);
	}
	return failed || !ran;
}
