/* SPDX-License-Identifier: Apache-2.0 */
/* What diff looks into: two texts, parted by a zero, whose hunks make the second of
 * the first; and all of it as a program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/stream.h"
#include "fuzz.h"
#include "verify/diff_internal.h"

/* Bytes of n lines. */
static size_t
lines(const char *p, const char *end, size_t n)
{
	const char *at = p;

	for (; n && at < end; n--) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		at = nl ? nl + 1 : end;
	}
	if (n)
		abort();
	return (size_t)(at - p);
}

/* One line of a hunk, without the newline that stands for none. */
static size_t
body(const char *line, size_t n)
{
	static const char none[] = "\\ No newline at end of file\n";

	return strncmp(line + n, none, sizeof none - 1) ? n : n - 1;
}

static void
apply(const char *a, size_t n_a, const char *hunks, struct encl_buf *out)
{
	const char *end = a + n_a;
	size_t at = 0; /* lines of a that are behind */

	while (*hunks) {
		size_t from, n, to, m, copy;
		int head = 0;

		if (sscanf(hunks, "@@ -%zu,%zu +%zu,%zu @@%n", &from, &n, &to, &m,
			   &head) != 4 ||
		    !head)
			abort();
		hunks += head + 1;
		copy = lines(a, end, from - (n > 0) - at);
		encl_buf_add(out, a, copy);
		a += copy;
		at = from - (n > 0) + n;
		while (n || m) {
			char sign = *hunks;
			size_t len = strcspn(hunks, "\n") + 1;
			size_t real = body(hunks, len) - 1;

			if (sign != '+') {
				size_t is = lines(a, end, 1);

				if (is != real || memcmp(a, hunks + 1, real) != 0 || !n--)
					abort();
				a += is;
			}
			if (sign != '-') {
				encl_buf_add(out, hunks + 1, real);
				if (!m--)
					abort();
			}
			hunks += len;
			if (*hunks == '\\')
				hunks += strcspn(hunks, "\n") + 1;
		}
	}
	encl_buf_add(out, a, (size_t)(end - a));
}

static void
check_lines(const uint8_t *data, size_t size)
{
	encl_auto(encl_buf_clear) struct encl_buf out = {.cap = 1 << 24};
	const uint8_t *zero = memchr(data, 0, size);
	size_t n_a = zero ? (size_t)(zero - data) : size;
	const char *b = (const char *)data + n_a + (zero != NULL);
	size_t n_b = size - n_a - (zero != NULL);
	uint64_t budget = ENCL_DIFF_BUDGET;
	char *hunks;

	if (memchr(b, 0, n_b))
		return;
	hunks = encl_diff_lines((const char *)data, n_a, b, n_b, SIZE_MAX, &budget);
	apply((const char *)data, n_a, hunks, &out);
	free(hunks);
	if (out.len != n_b || memcmp(encl_buf_text(&out), b, n_b) != 0)
		abort();
}

static void
check_elf(const uint8_t *data, size_t size)
{
	struct encl_range r = {memfd_create("fuzz", MFD_CLOEXEC), 0, size};
	struct encl_elf_notes notes;
	struct encl_err e;

	if (r.fd < 0 || encl_pwrite_full(r.fd, data, size, 0, "memfd", &e) ||
	    encl_elf_read(&r, &notes, &e))
		abort();
	close(r.fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_elf(data, size);
	if (size < 1 << 14)
		check_lines(data, size);
	return 0;
}
