/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Over the whole cache: count, verify, prune.  Other processes may work in it
 * at the same time, so an entry that is gone when it is looked at is no error,
 * and a blob that somebody holds open stays readable after it was removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "sources/cache_internal.h"

enum { DAY = 24 * 60 * 60 };

struct sweep {
	struct encl_cache *cache;
	struct encl_log *log;
	struct encl_cache_stats *stats;
	int64_t before; /* prune: last use earlier than this */
};

typedef int (*visit_fn)(struct sweep *s, const char *path, const char *name,
			const struct stat *st, struct encl_err *e);

static void
close_dir_at(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Calls fn for everything in the folder, links not followed. */
static int
for_each(struct sweep *s, const char *dir, visit_fn fn, struct encl_err *e)
{
	encl_auto(close_dir) DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0
				       : encl_fail_sys(e, ENCL_FAILED, "open %s", dir);
	while ((errno = 0, entry = readdir(d))) {
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/%s", dir, entry->d_name);
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (lstat(path, &st)) {
			if (errno == ENOENT)
				continue;
			return encl_fail_sys(e, ENCL_FAILED, "stat %s", path);
		}
		if (fn(s, path, entry->d_name, &st, e))
			return -1;
	}
	return errno ? encl_fail_sys(e, ENCL_FAILED, "read %s", dir) : 0;
}

static int
for_each_blob(struct sweep *s, visit_fn fn, struct encl_err *e)
{
	encl_auto(encl_free) char *dir = encl_xasprintf("%s/blobs/sha256", s->cache->dir);

	return for_each(s, dir, fn, e);
}

static int
count(struct sweep *s, const char *path, const char *name, const struct stat *st,
      struct encl_err *e)
{
	(void)path;
	(void)name;
	(void)e;
	s->stats->blobs++;
	s->stats->bytes += (uint64_t)st->st_size;
	return 0;
}

int
encl_cache_du(struct encl_cache *c, struct encl_cache_stats *stats, struct encl_err *e)
{
	struct encl_cache_stats got = {0};
	struct sweep s = {.cache = c, .stats = &got};

	if (for_each_blob(&s, count, e))
		return -1;
	*stats = got;
	return 0;
}

static int
matches(const char *path, const char *name, bool *ok, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	encl_auto(encl_free) char *text = encl_xasprintf("sha256:%s", name);
	struct encl_digest want;
	struct encl_digest got;

	*ok = false;
	if (fd < 0) {
		*ok = errno == ENOENT; /* pruned meanwhile */
		return *ok || errno == ELOOP
			       ? 0
			       : encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	}
	if (!encl_digest_parse(text, &want))
		return 0;
	if (encl_digest_fd(ENCL_SHA256, fd, &got, NULL, e))
		return encl_wrap(e, "%s", path);
	*ok = encl_digest_equal(&want, &got);
	return 0;
}

static int
verify(struct sweep *s, const char *path, const char *name, const struct stat *st,
       struct encl_err *e)
{
	bool ok = false;

	count(s, path, name, st, e);
	if (S_ISREG(st->st_mode) && matches(path, name, &ok, e))
		return -1;
	encl_progress(s->log, "verify", s->stats->bytes, 0);
	if (ok)
		return 0;
	encl_warn(s->log, "%s: bytes do not match the name; removed", path);
	s->stats->bad_blobs++;
	if (unlink(path) && errno != ENOENT)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	return 0;
}

int
encl_cache_verify(struct encl_cache *c, struct encl_log *log,
		  struct encl_cache_stats *stats, struct encl_err *e)
{
	struct encl_cache_stats got = {0};
	struct sweep s = {.cache = c, .log = log, .stats = &got};

	if (for_each_blob(&s, verify, e))
		return -1;
	*stats = got;
	return 0;
}

static int
remove_old(struct sweep *s, const char *path, const char *name, const struct stat *st,
	   struct encl_err *e)
{
	count(s, path, name, st, e);
	if (st->st_mtim.tv_sec >= s->before)
		return 0;
	if (unlink(path))
		return errno == ENOENT ? 0
				       : encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	s->stats->removed_blobs++;
	s->stats->removed_bytes += (uint64_t)st->st_size;
	return 0;
}

static int
remove_temporary(struct sweep *s, const char *path, const char *name,
		 const struct stat *st, struct encl_err *e)
{
	(void)name;
	if (st->st_mtim.tv_sec >= s->before)
		return 0;
	if (unlink(path) && errno != ENOENT)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	return 0;
}

/* A download that nobody works at; its lock is what tells. */
static int
remove_partial(struct sweep *s, const char *path, const char *name, const struct stat *st,
	       struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;

	(void)name;
	if (st->st_mtim.tv_sec >= s->before || !S_ISREG(st->st_mode))
		return 0;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB))
		return 0;
	if (unlink(path) && errno != ENOENT)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	s->stats->removed_bytes += (uint64_t)st->st_size;
	return 0;
}

static int
remove_dangling(struct sweep *s, const char *path, const char *name,
		const struct stat *st, struct encl_err *e)
{
	struct encl_digest d;
	bool found;

	(void)name;
	(void)st;
	if (encl_cache_read_link(path, &d, &found))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	if (found) {
		char text[ENCL_DIGEST_TEXT];

		encl_digest_format(&d, text);
		encl_auto(encl_free) char *blob = encl_xasprintf(
			"%s/blobs/sha256/%s", s->cache->dir, strchr(text, ':') + 1);

		if (!access(blob, F_OK))
			return 0;
	}
	if (unlink(path) && errno != ENOENT)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	return 0;
}

static int
sweep_links(struct sweep *s, const char *path, const char *name, const struct stat *st,
	    struct encl_err *e)
{
	(void)name;
	return S_ISDIR(st->st_mode) ? for_each(s, path, remove_dangling, e) : 0;
}

int
encl_cache_prune(struct encl_cache *c, unsigned older_than_days,
		 struct encl_cache_stats *stats, struct encl_err *e)
{
	struct encl_cache_stats got = {0};
	int64_t now = (int64_t)encl_now();
	struct sweep s = {.cache = c, .stats = &got};
	encl_auto(encl_free) char *links = encl_xasprintf("%s/links", c->dir);
	encl_auto(encl_free) char *tmp = encl_xasprintf("%s/tmp", c->dir);
	encl_auto(encl_free) char *partial = encl_xasprintf("%s/partial", c->dir);

	s.before = older_than_days ? now - (int64_t)older_than_days * DAY : INT64_MAX;
	if (for_each_blob(&s, remove_old, e) || for_each(&s, links, sweep_links, e))
		return -1;
	if (older_than_days)
		s.before = now - DAY;
	if (for_each(&s, partial, remove_partial, e))
		return -1;
	s.before = now - DAY;
	if (for_each(&s, tmp, remove_temporary, e))
		return -1;
	*stats = got;
	return 0;
}
