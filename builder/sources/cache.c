/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content-addressed cache.  A blob is written to tmp/ and renamed to its
 * digest, so any number of processes may share the folder: the worst that two
 * of them can do is the same work twice.  A blob's modification time is its
 * last use (access times are off on most machines); prune goes by it.
 */
#include "sources/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "sources/cache_internal.h"

static char *
default_dir(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");

	if (xdg && *xdg == '/')
		return encl_xasprintf("%s/enclavebuild", xdg);
	if (home && *home == '/')
		return encl_xasprintf("%s/.cache/enclavebuild", home);
	return NULL;
}

/* What is read back unverified (links) must not be another user's to write. */
static int
check_private(const char *dir, struct encl_err *e)
{
	struct stat st;

	if (stat(dir, &st))
		return encl_fail_sys(e, ENCL_FAILED, "cache folder %s", dir);
	if (!S_ISDIR(st.st_mode))
		return encl_fail(e, ENCL_HOST, "cache folder %s: not a folder", dir);
	if (st.st_mode & 022)
		return encl_fail(e, ENCL_HOST,
				 "cache folder %s: others may write to it (mode %04o); "
				 "run \"chmod 700 %s\" or give another --cache-dir",
				 dir, (unsigned)(st.st_mode & 07777), dir);
	return 0;
}

int
encl_cache_open(const char *dir, struct encl_cache **out, struct encl_err *e)
{
	static const char *const parts[] = {"/blobs/sha256", "/links", "/tmp"};
	encl_auto(encl_free) char *path = dir ? encl_xstrdup(dir) : default_dir();

	if (!path || !*path)
		return encl_fail(e, ENCL_HOST,
				 "no cache folder: neither XDG_CACHE_HOME nor HOME is an "
				 "absolute path; give --cache-dir");
	if (encl_make_dirs(path, 0700, e) || check_private(path, e))
		return -1;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		encl_auto(encl_free) char *sub = encl_xasprintf("%s%s", path, parts[i]);

		if (encl_make_dirs(sub, 0700, e))
			return -1;
	}
	*out = encl_xcalloc(1, sizeof **out);
	(*out)->dir = encl_take(path, NULL);
	return 0;
}

void
encl_cache_free(struct encl_cache *c)
{
	if (!c)
		return;
	free(c->dir);
	free(c);
}

const char *
encl_cache_dir(const struct encl_cache *c)
{
	return c->dir;
}

char *
encl_cache_blob_path(const struct encl_cache *c, const struct encl_digest *d)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	return encl_xasprintf("%s/blobs/sha256/%s", c->dir, strchr(text, ':') + 1);
}

void
encl_cache_remove(struct encl_cache *c, const struct encl_digest *digest)
{
	encl_auto(encl_free) char *path = encl_cache_blob_path(c, digest);

	unlink(path);
}

int
encl_cache_get_unverified(struct encl_cache *c, const struct encl_digest *digest, int *fd,
			  uint64_t *size, struct encl_err *e)
{
	static const struct timespec used[2] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
	encl_auto(encl_free) char *path = encl_cache_blob_path(c, digest);
	struct stat st;

	*fd = -1;
	if (digest->algo != ENCL_SHA256)
		return 0;
	encl_auto(encl_close_fd) int f = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (f < 0 && errno == ENOENT)
		return 0;
	if (f < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (fstat(f, &st))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: not a regular file", path);
	/* Fails on a cache that is only readable: then nobody prunes it either. */
	(void)!futimens(f, used);
	*size = (uint64_t)st.st_size;
	*fd = encl_take(f, -1);
	return 0;
}

int
encl_cache_get(struct encl_cache *c, const struct encl_digest *digest,
	       struct encl_log *log, int *fd, uint64_t *size, struct encl_err *e)
{
	encl_auto(encl_close_fd) int f = -1;
	struct encl_digest got;
	char text[ENCL_DIGEST_TEXT];

	*fd = -1;
	if (encl_cache_get_unverified(c, digest, &f, size, e))
		return -1;
	if (f < 0)
		return 0;
	encl_digest_format(digest, text);
	if (encl_digest_fd(ENCL_SHA256, f, &got, size, e))
		return encl_wrap(e, "cache blob %s", text);
	if (!encl_digest_equal(digest, &got)) {
		encl_warn(log, "cache blob %s is damaged; removed", text);
		encl_cache_remove(c, digest);
		return 0;
	}
	*fd = encl_take(f, -1);
	return 0;
}

static int
write_blob(struct encl_sink *sink, const void *p, size_t n, struct encl_err *e)
{
	struct encl_cache_writer *w = (struct encl_cache_writer *)sink;

	if (n > w->max - w->size)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %" PRIu64 " bytes",
				 w->what, w->max);
	if (encl_pwrite_full(w->file.fd, p, n, w->size, w->what, e))
		return encl_wrap(e, "cache %s", w->cache->dir);
	encl_hash_update(w->hash, p, n);
	w->size += n;
	return 0;
}

int
encl_cache_write(struct encl_cache *c, struct encl_cache_writer *w, uint64_t max,
		 const char *what, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/tmp/blob", c->dir);
	struct encl_tmpfile file = {.fd = -1};

	if (encl_tmpfile_open(&file, path, 0400, e))
		return encl_wrap(e, "cache %s", c->dir);
	*w = (struct encl_cache_writer){.sink = {write_blob},
					.cache = c,
					.hash = encl_hash_new(ENCL_SHA256),
					.file = file,
					.max = max,
					.what = encl_xstrdup(what)};
	return 0;
}

void
encl_cache_writer_clear(struct encl_cache_writer *w)
{
	if (!w->cache)
		return;
	encl_tmpfile_clear(&w->file);
	encl_hash_free(w->hash);
	free(w->what);
	memset(w, 0, sizeof *w);
}

static int
open_temp(const struct encl_cache_writer *w, int *fd, struct encl_err *e)
{
	*fd = open(w->file.temp, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", w->file.temp);
	return 0;
}

int
encl_cache_commit(struct encl_cache_writer *w, const struct encl_digest *expected,
		  struct encl_digest *digest, int *fd, struct encl_err *e)
{
	encl_auto(encl_close_fd) int f = -1;
	struct encl_digest got;

	encl_hash_final(w->hash, &got);
	if (expected && !encl_digest_equal(expected, &got)) {
		char want[ENCL_DIGEST_TEXT];
		char have[ENCL_DIGEST_TEXT];

		encl_digest_format(expected, want);
		encl_digest_format(&got, have);
		return encl_fail(e, ENCL_FAILED, "%s: digest mismatch: want %s, got %s",
				 w->what, want, have);
	}
	if (fd && open_temp(w, &f, e))
		return -1;
	free(w->file.path);
	w->file.path = encl_cache_blob_path(w->cache, &got);
	if (encl_tmpfile_place(&w->file, e))
		return -1;
	if (digest)
		*digest = got;
	if (fd)
		*fd = encl_take(f, -1);
	encl_cache_writer_clear(w);
	return 0;
}

int
encl_cache_scratch(struct encl_cache *c, int *fd, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/tmp/scratch", c->dir);
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};

	if (encl_tmpfile_open(&t, path, 0600, e))
		return encl_wrap(e, "cache %s", c->dir);
	*fd = encl_take(t.fd, -1);
	return 0;
}

/* Kinds are ours; keys may be URLs of any length, so their digest is the name. */
static char *
link_path(const struct encl_cache *c, const char *kind, const char *key)
{
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	encl_digest_of(ENCL_SHA256, key, strlen(key), &d);
	encl_digest_format(&d, text);
	return encl_xasprintf("%s/links/%s/%s", c->dir, kind, strchr(text, ':') + 1);
}

/* A link that cannot be read counts as none: it only saves work. */
int
encl_cache_read_link(const char *path, struct encl_digest *out, bool *found)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[ENCL_DIGEST_TEXT + 1];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	*found = false;
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (n < 1 || text[n - 1] != '\n')
		return 0;
	text[n - 1] = 0;
	*found = encl_digest_parse(text, out);
	return 0;
}

int
encl_cache_link_get(struct encl_cache *c, const char *kind, const char *key,
		    struct encl_digest *out, bool *found, struct encl_err *e)
{
	encl_auto(encl_free) char *path = link_path(c, kind, key);

	if (encl_cache_read_link(path, out, found))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	return 0;
}

int
encl_cache_link_set(struct encl_cache *c, const char *kind, const char *key,
		    const struct encl_digest *digest, struct encl_err *e)
{
	encl_auto(encl_free) char *dir = encl_xasprintf("%s/links/%s", c->dir, kind);
	encl_auto(encl_free) char *path = link_path(c, kind, key);
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};
	char text[ENCL_DIGEST_TEXT];
	encl_auto(encl_free) char *line = NULL;

	encl_digest_format(digest, text);
	line = encl_xasprintf("%s\n", text);
	if (encl_make_dirs(dir, 0700, e) || encl_tmpfile_open(&t, path, 0600, e) ||
	    encl_pwrite_full(t.fd, line, strlen(line), 0, path, e))
		return encl_wrap(e, "cache %s", c->dir);
	return encl_tmpfile_place(&t, e);
}
