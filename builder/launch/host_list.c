/* SPDX-License-Identifier: Apache-2.0 */
/* Small files of sysfs, and its lists of numbers: "0-3,8" to 0 1 2 3 8, and back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "launch/host.h"
#include "launch/host_internal.h"

enum { TEXT_MAX = 65536, SHOWN = 60 };

char *
encl_host_path(const char *path)
{
	const char *root = getenv("ENCLAVEBUILD_HOST_ROOT");
	size_t n = root ? strlen(root) : 0;

	while (n && root[n - 1] == '/')
		n--;
	return encl_xasprintf("%.*s%s", (int)n, n ? root : "", path);
}

int
encl_host_text(const char *path, char **out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = TEXT_MAX};
	struct stat st;
	char chunk[4096];
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*out = NULL;
		return 0;
	}
	if (fd < 0 || fstat(fd, &st))
		return encl_fail_sys(e, ENCL_HOST, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_HOST, "%s is not a file", path);
	while ((n = read(fd, chunk, sizeof chunk)) > 0) {
		encl_buf_add(&b, chunk, (size_t)n);
		if (b.over)
			return encl_fail(e, ENCL_HOST, "%s is larger than %d bytes", path,
					 TEXT_MAX);
	}
	if (n < 0)
		return encl_fail_sys(e, ENCL_HOST, "read %s", path);
	*out = encl_xstrdup(encl_buf_text(&b));
	return 0;
}

/* ---- lists ---- */

static bool
parse_id(const char *text, size_t n, uint64_t *out)
{
	char digits[8] = {0};

	if (n >= sizeof digits)
		return false;
	memcpy(digits, text, n);
	return encl_parse_uint(digits, 10, ENCL_HOST_CPUS - 1, out);
}

/* "3" or "0-3", n bytes. */
static bool
parse_range(const char *text, size_t n, bool *set)
{
	const char *dash = memchr(text, '-', n);
	size_t n_first = dash ? (size_t)(dash - text) : n;
	uint64_t first, last;

	if (!parse_id(text, n_first, &first))
		return false;
	last = first;
	if (dash && (!parse_id(dash + 1, n - n_first - 1, &last) || last < first))
		return false;
	for (uint64_t i = first; i <= last; i++)
		set[i] = true;
	return true;
}

static int
fail_list(const char *text, size_t n, struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(text, n < SHOWN ? n : SHOWN);

	return encl_fail(e, ENCL_HOST,
			 "\"%s%s\" is not a list of numbers below %d such as 0-3,8",
			 shown, n < SHOWN ? "" : "…", ENCL_HOST_CPUS);
}

int
encl_host_parse_list(const char *text, unsigned **ids, size_t *n, struct encl_err *e)
{
	encl_auto(encl_free) bool *set = encl_xcalloc(ENCL_HOST_CPUS, sizeof *set);
	size_t length = strcspn(text, "\n");
	size_t at = 0, count = 0;
	unsigned *list;

	/* what was written to a module's parameter keeps its newline, and gets one more
	 */
	if (text[length + strspn(text + length, "\n")])
		return fail_list(text, strlen(text), e);
	while (at < length) {
		size_t one = strcspn(text + at, ",\n");

		if (!parse_range(text + at, one, set) || at + one + 1 == length)
			return fail_list(text, length, e);
		at += one + 1;
	}
	for (size_t i = 0; i < ENCL_HOST_CPUS; i++)
		count += set[i];
	list = encl_xcalloc(count + 1, sizeof *list);
	for (unsigned i = 0, j = 0; i < ENCL_HOST_CPUS; i++)
		if (set[i])
			list[j++] = i;
	*ids = list;
	*n = count;
	return 0;
}

char *
encl_host_format_list(const unsigned *ids, size_t n)
{
	enum { LIST_MAX = 1 << 20 };
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = LIST_MAX};

	for (size_t i = 0; i < n;) {
		size_t last = i;

		while (last + 1 < n && ids[last + 1] == ids[last] + 1)
			last++;
		encl_buf_add_fmt(&b, "%s%u", i ? "," : "", ids[i]);
		if (last > i)
			encl_buf_add_fmt(&b, "-%u", ids[last]);
		i = last + 1;
	}
	return encl_xstrdup(encl_buf_text(&b));
}
