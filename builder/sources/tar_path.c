/* SPDX-License-Identifier: Apache-2.0 */
/* stripComponents and `at` of an archive, applied to one name. */
#include "sources/tar_path.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "sources/local.h"

static char *
without_final_slashes(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return encl_xstrndup(path, n);
}

int
encl_tar_path(const struct encl_tar *tar, const char *path, char **out,
	      struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf kept = {.cap = (size_t)1 << 21};
	unsigned seen = 0;

	if (!tar->at && !tar->strip) {
		*out = without_final_slashes(path);
		return 0;
	}
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		bool dot = n == 0 || (n == 1 && *p == '.');

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return encl_fail(e, ENCL_FAILED, "\"..\" in a name");
		if (!dot && seen++ >= tar->strip) {
			if (kept.len)
				encl_buf_add_byte(&kept, '/');
			encl_buf_add(&kept, p, n);
		}
		p += n + (p[n] == '/');
	}
	if (encl_buf_check(&kept, "name", e))
		return -1;
	*out = NULL;
	if (kept.len || !tar->strip)
		*out = encl_local_join(tar->at ? tar->at : "/", encl_buf_text(&kept));
	return 0;
}

bool
encl_tar_is_top(const struct encl_tar *tar, const char *path)
{
	encl_auto(encl_free) char *top = encl_local_join(tar->at, "");

	return !strcmp(top, path);
}
