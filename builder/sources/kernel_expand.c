/* SPDX-License-Identifier: Apache-2.0 */
/* A content that may be compressed to one that is not, by libarchive's raw format. */
#include "sources/kernel_expand.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <string.h>

#include "base/stream.h"
#include "sources/cache.h"
#include "sources/readthrough.h"

enum { CHUNK = 65536 };

static void
free_reader(struct archive *a)
{
	archive_read_free(a);
}
ENCL_AUTO_PTR(struct archive, free_reader);

int
encl_kernel_hash(const struct encl_content *c, const char *what, uint32_t *crc,
		 struct encl_digest *sha256, struct encl_err *e)
{
	encl_auto(encl_hash_free) struct encl_hash *h = encl_hash_new(ENCL_SHA256);
	uint8_t chunk[CHUNK];
	uint32_t sum = 0;

	for (uint64_t at = 0; at < c->size;) {
		size_t n = c->size - at < CHUNK ? (size_t)(c->size - at) : CHUNK;

		if (encl_pread_full(c->blob->fd, chunk, n, c->offset + at, what, e))
			return -1;
		encl_hash_update(h, chunk, n);
		sum = encl_crc32(sum, chunk, n);
		at += n;
	}
	if (crc)
		*crc = sum;
	if (sha256)
		encl_hash_final(h, sha256);
	return 0;
}

struct reader {
	const struct encl_content *c;
	const char *what;
	uint64_t at;
	struct encl_err *e;
	uint8_t chunk[CHUNK];
};

static la_ssize_t
read_more(struct archive *a, void *arg, const void **out)
{
	struct reader *r = arg;
	uint64_t left = r->c->size - r->at;
	size_t n = left < CHUNK ? (size_t)left : CHUNK;

	if (encl_pread_full(r->c->blob->fd, r->chunk, n, r->c->offset + r->at, r->what,
			    r->e)) {
		archive_set_error(a, r->e->sys, "%s", r->e->msg);
		return -1;
	}
	r->at += n;
	*out = r->chunk;
	return (la_ssize_t)n;
}

static int
pump(struct archive *a, struct reader *r, struct encl_sink *out, struct encl_err *e)
{
	struct archive_entry *entry;
	uint8_t chunk[CHUNK];
	la_ssize_t n;

	if (archive_read_support_filter_gzip(a) || archive_read_support_filter_xz(a) ||
	    archive_read_support_filter_zstd(a) || archive_read_support_format_raw(a) ||
	    archive_read_open(a, r, NULL, read_more, NULL) ||
	    archive_read_next_header(a, &entry))
		return encl_fail(e, ENCL_FAILED, "expand %s: %s", r->what,
				 archive_error_string(a));
	while ((n = archive_read_data(a, chunk, sizeof chunk)) > 0)
		if (encl_sink_write(out, chunk, (size_t)n, e))
			return -1;
	if (n < 0)
		return encl_fail(e, ENCL_FAILED, "expand %s: %s", r->what,
				 archive_error_string(a));
	return 0;
}

static int
is_compressed(const struct encl_content *c, const char *what, bool *yes,
	      struct encl_err *e)
{
	uint8_t h[6] = {0};
	size_t n = c->size < sizeof h ? (size_t)c->size : sizeof h;

	if (encl_pread_full(c->blob->fd, h, n, c->offset, what, e))
		return -1;
	*yes = !memcmp(h, "\x1f\x8b", 2) ||
	       !memcmp(h,
		       "\xfd"
		       "7zXZ",
		       6) ||
	       !memcmp(h, "\x28\xb5\x2f\xfd", 4);
	return 0;
}

/* The cache's blob of it, made where it is not there yet. */
static int
expand_cached(struct encl_env *env, const struct encl_content *in, uint64_t max,
	      const char *what, int *fd, uint64_t *size, struct encl_err *e)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	encl_auto(free_reader) struct archive *a = NULL;
	struct reader r = {.c = in, .what = what, .e = e};
	struct encl_digest from, to;
	char key[ENCL_DIGEST_TEXT];
	bool found;

	if (encl_kernel_hash(in, what, NULL, &from, e))
		return -1;
	encl_digest_format(&from, key);
	if (encl_cache_link_get(env->cache, "expanded", key, &to, &found, e))
		return -1;
	if (found && encl_cache_get(env->cache, &to, env->log, fd, size, e))
		return -1;
	if (found && *fd >= 0)
		return 0;
	a = archive_read_new();
	if (encl_cache_write(env->cache, &w, max, what, e) || pump(a, &r, &w.sink, e))
		return -1;
	*size = w.size;
	if (encl_cache_commit(&w, NULL, &to, fd, e))
		return -1;
	return encl_cache_link_set(env->cache, "expanded", key, &to, e);
}

int
encl_kernel_expand(struct encl_env *env, const struct encl_content *in, uint64_t max,
		   const char *what, struct encl_content *out, struct encl_err *e)
{
	struct encl_content c = *in;
	uint64_t size = 0;
	bool compressed;
	int fd = -1;

	if (is_compressed(in, what, &compressed, e))
		return -1;
	if (!compressed) {
		if (encl_kernel_hash(in, what, &c.crc, NULL, e))
			return -1;
		encl_blob_ref(c.blob);
		*out = c;
		return 0;
	}
	if (expand_cached(env, in, max, what, &fd, &size, e)) {
		encl_close_fd(fd);
		return -1;
	}
	encl_auto(encl_blob_unref) struct encl_blob *blob = encl_blob_new(fd, size, what);

	c = (struct encl_content){.blob = blob, .size = size};
	if (encl_kernel_hash(&c, what, &c.crc, NULL, e))
		return -1;
	c.blob = encl_take(blob, NULL);
	*out = c;
	return 0;
}

int
encl_kernel_open_file(const char *path, const char *what, uint64_t max,
		      struct encl_content *out, struct encl_err *e)
{
	uint64_t size;
	int fd;

	if (encl_open_regular(AT_FDCWD, path, 0, path, &fd, &size, e)) {
		e->code = ENCL_USAGE;
		return encl_wrap(e, "%s", what);
	}
	encl_auto(encl_blob_unref) struct encl_blob *blob = encl_blob_new(fd, size, path);
	struct encl_content c = {.blob = blob, .size = size};

	if (size > max)
		return encl_fail(e, ENCL_USAGE, "%s: %s is larger than %llu bytes", what,
				 path, (unsigned long long)max);
	if (encl_kernel_hash(&c, path, &c.crc, NULL, e))
		return -1;
	c.blob = encl_take(blob, NULL);
	*out = c;
	return 0;
}
