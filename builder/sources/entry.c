/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a blob: closed when the last content that refers to it goes. */
#include "sources/entry.h"

#include <stdlib.h>

#include "base/alloc.h"

struct encl_blob *
encl_blob_new(int own_fd, uint64_t size, const char *what)
{
	struct encl_blob *b = encl_xcalloc(1, sizeof *b);

	b->fd = own_fd;
	b->refs = 1;
	b->size = size;
	b->what = encl_xstrdup(what);
	return b;
}

struct encl_blob *
encl_blob_ref(struct encl_blob *b)
{
	b->refs++;
	return b;
}

void
encl_blob_unref(struct encl_blob *b)
{
	if (!b || --b->refs)
		return;
	encl_close_fd(b->fd);
	free(b->what);
	free(b);
}
