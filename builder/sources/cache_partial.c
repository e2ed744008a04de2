/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads into the cache.  The file partial/<algo>-<hex> is both what came so
 * far and the lock (flock) of who writes it; whole and verified it is renamed to
 * its blob.  Whoever waited for the lock then finds the name gone or taken by
 * another file, and looks into the cache again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sources/cache_internal.h"

enum { MAX_ROUNDS = 1000, CHUNK = 256 * 1024 };

static const char link_kind[] = "digest";

/* By another algorithm than sha256: the blob that it stands for. */
static int
sha256_of(struct encl_cache *c, const struct encl_digest *d, struct encl_digest *out,
	  bool *found, struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];

	*found = true;
	*out = *d;
	if (d->algo == ENCL_SHA256)
		return 0;
	encl_digest_format(d, text);
	return encl_cache_link_get(c, link_kind, text, out, found, e);
}

int
encl_cache_find(struct encl_cache *c, const struct encl_digest *digest, int *fd,
		uint64_t *size, struct encl_err *e)
{
	struct encl_digest d;
	bool found;

	*fd = -1;
	if (sha256_of(c, digest, &d, &found, e))
		return -1;
	return found ? encl_cache_get_unverified(c, &d, fd, size, e) : 0;
}

static void
update(struct encl_cache_partial *p, const void *data, size_t n)
{
	encl_hash_update(p->hash, data, n);
	if (p->sha256)
		encl_hash_update(p->sha256, data, n);
}

static void
new_hashes(struct encl_cache_partial *p)
{
	encl_hash_free(p->hash);
	encl_hash_free(p->sha256);
	p->hash = encl_hash_new(p->want.algo);
	p->sha256 = p->want.algo == ENCL_SHA256 ? NULL : encl_hash_new(ENCL_SHA256);
}

static uint64_t
limit(const struct encl_cache_partial *p)
{
	return p->size == UINT64_MAX ? p->max : p->size;
}

static int
write_partial(struct encl_sink *sink, const void *data, size_t n, struct encl_err *e)
{
	struct encl_cache_partial *p = (struct encl_cache_partial *)sink;

	if (n > limit(p) - p->done)
		return encl_fail(e, ENCL_FAILED, "%s is larger than %" PRIu64 " bytes",
				 p->what, limit(p));
	if (encl_pwrite_full(p->fd, data, n, p->done, p->what, e)) {
		bool full = e->sys == ENOSPC || e->sys == EDQUOT;

		/* whoever makes room is not to look for it here */
		if (full && !ftruncate(p->fd, 0))
			p->done = 0;
		return encl_wrap(e, "cache %s", p->cache->dir);
	}
	update(p, data, n);
	p->done += n;
	return 0;
}

/* Locks the file that has the name; *same is false where that changed while
 * it was waited for. */
static int
lock(struct encl_log *log, const struct encl_cache_partial *p, bool *same,
     struct encl_err *e)
{
	struct stat mine;
	struct stat named;

	if (flock(p->fd, LOCK_EX | LOCK_NB)) {
		encl_debug(log, "%s: waiting for another download of it", p->what);
		while (flock(p->fd, LOCK_EX))
			if (errno != EINTR)
				return encl_fail_sys(e, ENCL_FAILED, "lock %s", p->path);
	}
	if (fstat(p->fd, &mine))
		return encl_fail_sys(e, ENCL_FAILED, "lock %s", p->path);
	*same = !lstat(p->path, &named) && mine.st_dev == named.st_dev &&
		mine.st_ino == named.st_ino;
	return 0;
}

static int
is_there(struct encl_cache *c, const struct encl_digest *want, bool *there,
	 struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t size;

	if (encl_cache_find(c, want, &fd, &size, e))
		return -1;
	*there = fd >= 0;
	return 0;
}

/* Hashes what an earlier download left; more than there can be is dropped. */
static int
take_up(struct encl_cache_partial *p, struct encl_err *e)
{
	encl_auto(encl_free) uint8_t *buf = NULL;
	struct stat st;

	new_hashes(p);
	if (fstat(p->fd, &st))
		return encl_fail_sys(e, ENCL_FAILED, "%s", p->path);
	if (!S_ISREG(st.st_mode))
		return encl_fail(e, ENCL_FAILED, "%s: not a regular file", p->path);
	if ((uint64_t)st.st_size > limit(p))
		return encl_cache_partial_restart(p, e);
	buf = st.st_size ? encl_xmalloc(CHUNK) : NULL;
	while (p->done < (uint64_t)st.st_size) {
		uint64_t left = (uint64_t)st.st_size - p->done;
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		if (encl_pread_full(p->fd, buf, n, p->done, p->path, e))
			return -1;
		update(p, buf, n);
		p->done += n;
	}
	return 0;
}

/* What can never fit is not begun: its size is whatever a registry says. */
static int
check_room(const struct encl_cache_partial *p, struct encl_err *e)
{
	struct statvfs v;
	uint64_t room;

	if (p->size == UINT64_MAX || fstatvfs(p->fd, &v) || !v.f_blocks)
		return 0;
	if (__builtin_mul_overflow((uint64_t)v.f_bavail, (uint64_t)v.f_frsize, &room) ||
	    p->size - p->done <= room)
		return 0;
	return encl_fail(e, ENCL_HOST,
			 "cache %s: %s: %" PRIu64 " bytes are to come, and the disk has "
			 "room for %" PRIu64 "; make room, or give another --cache-dir",
			 p->cache->dir, p->what, p->size - p->done, room);
}

static char *
path_of(const struct encl_cache *c, const struct encl_digest *want)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(want, text);
	*strchr(text, ':') = '-';
	return encl_xasprintf("%s/partial/%s", c->dir, text);
}

int
encl_cache_partial_open(struct encl_cache *c, struct encl_log *log,
			const struct encl_digest *want, uint64_t size, uint64_t max,
			const char *what, struct encl_cache_partial *p, bool *there,
			struct encl_err *e)
{
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial n = {
		.sink = {write_partial},
		.cache = c,
		.want = *want,
		.fd = -1,
		.size = size,
		.max = max,
		.what = encl_xstrdup(what),
		.path = path_of(c, want)};
	encl_auto(encl_free) char *dir = encl_xasprintf("%s/partial", c->dir);
	bool same = false;

	for (unsigned round = 0; !same; round++) {
		if (is_there(c, want, there, e))
			return -1;
		if (*there)
			return 0;
		if (round == MAX_ROUNDS)
			return encl_fail(e, ENCL_FAILED, "%s: changes all the time",
					 n.path);
		encl_close_fd(n.fd);
		if (!round && encl_make_dirs(dir, 0700, e))
			return -1;
		n.fd = open(n.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (n.fd < 0)
			return encl_fail_sys(e, ENCL_FAILED, "open %s", n.path);
		if (lock(log, &n, &same, e))
			return -1;
	}
	/* it may have been finished between the look and the lock */
	if (is_there(c, want, there, e))
		return -1;
	if (!*there && (take_up(&n, e) || check_room(&n, e)))
		return -1;
	if (*there) {
		unlink(n.path);
		return 0;
	}
	*p = n;
	n = (struct encl_cache_partial){.fd = -1};
	return 0;
}

int
encl_cache_partial_restart(struct encl_cache_partial *p, struct encl_err *e)
{
	if (ftruncate(p->fd, 0))
		return encl_fail_sys(e, ENCL_FAILED, "%s", p->path);
	new_hashes(p);
	p->done = 0;
	return 0;
}

static int
check(struct encl_cache_partial *p, struct encl_digest *name, struct encl_err *e)
{
	struct encl_digest got;
	char want[ENCL_DIGEST_TEXT];
	char have[ENCL_DIGEST_TEXT];

	if (p->size != UINT64_MAX && p->done != p->size)
		return encl_fail(e, ENCL_FAILED,
				 "%s: %" PRIu64 " bytes, not the %" PRIu64 " expected",
				 p->what, p->done, p->size);
	encl_hash_final(p->hash, &got);
	*name = got;
	if (p->sha256)
		encl_hash_final(p->sha256, name);
	if (encl_digest_equal(&got, &p->want))
		return 0;
	encl_digest_format(&p->want, want);
	encl_digest_format(&got, have);
	return encl_fail(e, ENCL_FAILED, "%s: digest mismatch: want %s, got %s", p->what,
			 want, have);
}

int
encl_cache_partial_commit(struct encl_cache_partial *p, struct encl_err *e)
{
	encl_auto(encl_free) char *blob = NULL;
	struct encl_digest name;
	struct encl_err ignored;
	char text[ENCL_DIGEST_TEXT];

	if (check(p, &name, e)) {
		(void)!encl_cache_partial_restart(p, &ignored);
		return -1;
	}
	encl_digest_format(&p->want, text);
	blob = encl_cache_blob_path(p->cache, &name);
	if (fchmod(p->fd, 0400) || rename(p->path, blob))
		return encl_fail_sys(e, ENCL_FAILED, "cache %s: %s", p->cache->dir,
				     p->path);
	p->done = UINT64_MAX; /* nothing of it is left to remove */
	return p->sha256 ? encl_cache_link_set(p->cache, link_kind, text, &name, e) : 0;
}

void
encl_cache_partial_clear(struct encl_cache_partial *p)
{
	if (!p->cache)
		return;
	if (p->fd >= 0 && p->hash && p->done == 0)
		unlink(p->path); /* still locked, so it is ours */
	encl_close_fd(p->fd);
	encl_hash_free(p->hash);
	encl_hash_free(p->sha256);
	free(p->path);
	free(p->what);
	*p = (struct encl_cache_partial){.fd = -1};
}
