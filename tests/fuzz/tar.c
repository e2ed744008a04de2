/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tar as a layer: every content that comes out lies where it says and has
 * its CRC; the digest is that of all bytes; one and two threads agree.  And as
 * an image archive: what its index finds lies inside the file.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/stream.h"
#include "fuzz.h"
#include "sources/cache.h"
#include "sources/tar.h"
#include "sources/tar_index.h"

enum { MAX_CONTENT = 1 << 22 };

static struct encl_cache *cache;
static char dir[] = "/tmp/encl-fuzz-XXXXXX";

static void
remove_cache(void)
{
	static const char *const parts[] = {"blobs/sha256", "blobs", "links", "tmp", "."};

	encl_cache_free(cache);
	if (!chdir(dir))
		for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
			rmdir(i < 4 ? parts[i] : dir);
}

static int
begin(struct encl_entry_sink *s, const struct encl_origin *o, int whiteouts,
      struct encl_err *e)
{
	(void)s;
	(void)o;
	(void)whiteouts;
	(void)e;
	return 0;
}

static int
add(struct encl_entry_sink *s, const struct encl_entry *n, struct encl_err *e)
{
	const struct encl_content *c = &n->content;
	uint8_t chunk[4096];
	uint32_t crc = 0;

	(void)s;
	if (!n->path || !*n->path || n->mode > 07777)
		abort();
	if ((n->type == ENCL_SYMLINK || n->type == ENCL_HARDLINK) && !n->link)
		abort();
	if (c->size > MAX_CONTENT) /* a sparse file: fine, but slow */
		return encl_fail(e, ENCL_FAILED, "large");
	for (uint64_t at = 0; at < c->size; at += sizeof chunk) {
		size_t now = c->size - at < sizeof chunk ? (size_t)(c->size - at)
							 : sizeof chunk;

		if (encl_pread_full(c->blob->fd, chunk, now, c->offset + at, "fuzz", e))
			abort();
		crc = encl_crc32(crc, chunk, now);
	}
	if (crc != c->crc)
		abort();
	return 0;
}

static int
end(struct encl_entry_sink *s, struct encl_err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static void
scan(struct encl_blob *b, const uint8_t *data, size_t size)
{
	struct encl_entry_sink sink = {begin, add, end};
	struct encl_tar tar = {.blob = b, .size = size, .what = "fuzz"};
	struct encl_digest want;
	struct encl_digest got;
	struct encl_err e;
	int results[2];

	for (unsigned jobs = 1; jobs <= 2; jobs++) {
		struct encl_env env = {.cache = cache, .jobs = jobs};

		results[jobs - 1] = encl_tar_scan(&env, &tar, &sink, &got, &e);
		encl_digest_of(ENCL_SHA256, data, size, &want);
		if (results[jobs - 1] == 0 && !encl_digest_equal(&want, &got))
			abort();
	}
	if (results[0] != results[1])
		abort();
	tar.at = "/at";
	tar.strip = 1;
	struct encl_env env = {.cache = cache, .jobs = 1};

	if (encl_tar_scan(&env, &tar, &sink, &got, &e) && !*e.msg)
		abort();
}

static void
list(int fd, size_t size)
{
	static const char *const names[] = {"index.json", "manifest.json", "a", "b/c"};
	struct encl_tar_index *t;
	struct encl_err e;

	if (encl_tar_index_read(fd, size, "fuzz", &t, &e))
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		uint64_t offset;
		uint64_t n;
		bool found;

		if (!encl_tar_index_find(t, names[i], &offset, &n, &found, &e) && found &&
		    (offset > size || offset % 512))
			abort();
	}
	encl_tar_index_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct encl_err e;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct encl_blob *b;

	if (!cache &&
	    (!mkdtemp(dir) || encl_cache_open(dir, &cache, &e) || atexit(remove_cache)))
		abort();
	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e))
		abort();
	b = encl_blob_new(fd, size, "fuzz");
	scan(b, data, size);
	list(fd, size);
	encl_blob_unref(b);
	return 0;
}
