/* SPDX-License-Identifier: Apache-2.0 */
/* Content without a place of its own, appended to one scratch file. */
#include "sources/spool.h"

#include <inttypes.h>
#include <string.h>

#include "sources/cache.h"

static int
append(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct encl_spool *s = (struct encl_spool *)sink;

	if (!s->blob) {
		int fd;

		if (encl_cache_scratch(s->cache, &fd, e))
			return -1;
		s->blob = encl_blob_new(fd, 0, s->what);
	}
	if (n > s->max - s->blob->size)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %" PRIu64 " bytes",
				 s->what, s->max);
	if (encl_pwrite_full(s->blob->fd, p, n, s->blob->size, s->what, e))
		return encl_wrap(e, "cache %s", encl_cache_dir(s->cache));
	s->blob->size += n;
	return 0;
}

void
encl_spool_init(struct encl_spool *s, struct encl_cache *cache, uint64_t max,
		const char *what)
{
	*s = (struct encl_spool){{append}, cache, NULL, max, what};
}

void
encl_spool_clear(struct encl_spool *s)
{
	encl_blob_unref(s->blob);
	memset(s, 0, sizeof *s);
}

uint64_t
encl_spool_size(const struct encl_spool *s)
{
	return s->blob ? s->blob->size : 0;
}
