/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "test.h"

static char warned[512];

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	if (level == ENCL_LOG_WARN)
		snprintf(warned, sizeof warned, "%s", text);
}

static struct encl_log event_log = {on_event, NULL};

static struct encl_cache *
open_cache(void)
{
	struct encl_cache *c = NULL;

	warned[0] = 0;
	OK(encl_cache_open(test_path("c"), &c, &e));
	return c;
}

static void
put(struct encl_cache *c, const char *text, struct encl_digest *d)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};

	OK(encl_cache_write(c, &w, 1000, "text", &e));
	OK(encl_sink_write(&w.sink, text, strlen(text), &e));
	OK(encl_cache_commit(&w, NULL, d, NULL, &e));
}

static int
files_in(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	CHECK(d != NULL);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static const char *
blob_file(const struct encl_digest *d)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(d, text);
	return test_path("c/blobs/sha256/%s", strchr(text, ':') + 1);
}

static void
damage(const struct encl_digest *d)
{
	int fd;

	CHECK(chmod(blob_file(d), 0600) == 0);
	fd = open(blob_file(d), O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, "X", 1, 0) == 1);
	close(fd);
}

TEST(sources_cache_put_get)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_close_fd) int fd = -1;
	struct encl_digest d;
	struct encl_digest other;
	uint64_t size = 0;
	char text[ENCL_DIGEST_TEXT];
	struct stat st;

	CHECK(stat(test_path("c"), &st) == 0);
	EQ_INT(0700, st.st_mode & 07777);
	put(c, "hello\n", &d);
	encl_digest_format(&d, text);
	EQ_STR("sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
	       text);
	OK(encl_cache_get(c, &d, &event_log, &fd, &size, &e));
	CHECK(fd >= 0);
	EQ_INT(6, size);
	EQ_INT(0, files_in(test_path("c/tmp")));
	encl_digest_of(ENCL_SHA256, "x", 1, &other);
	encl_close_fd(encl_take(fd, -1));
	OK(encl_cache_get(c, &other, &event_log, &fd, &size, &e));
	EQ_INT(-1, fd);
	encl_digest_of(ENCL_SHA512, "hello\n", 6, &other);
	OK(encl_cache_get(c, &other, &event_log, &fd, &size, &e));
	EQ_INT(-1, fd);
}

TEST(sources_cache_writer_errors)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	struct encl_digest want;

	OK(encl_cache_write(c, &w, 3, "layer x", &e));
	FAILS(encl_sink_write(&w.sink, "abcd", 4, &e), ENCL_FAILED,
	      "layer x is larger than 3 bytes");
	OK(encl_sink_write(&w.sink, "abc", 3, &e));
	encl_digest_of(ENCL_SHA256, "abd", 3, &want);
	FAILS(encl_cache_commit(&w, &want, NULL, NULL, &e), ENCL_FAILED,
	      "layer x: digest mismatch: want sha256:a52d159f262b2c6ddb724a61840befc36eb30c88877a"
	      "4030b65cbe86298449c9, got sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb4"
	      "10ff61f20015ad");
	encl_cache_writer_clear(&w);
	EQ_INT(0, files_in(test_path("c/tmp")));
	EQ_INT(0, files_in(test_path("c/blobs/sha256")));
}

TEST(sources_cache_damaged_blob)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_close_fd) int fd = -1;
	struct encl_digest d;
	uint64_t size;

	put(c, "hello\n", &d);
	damage(&d);
	OK(encl_cache_get(c, &d, &event_log, &fd, &size, &e));
	EQ_INT(-1, fd);
	EQ_STR("cache blob sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e84"
	       "6f6be03 is damaged; removed",
	       warned);
	EQ_INT(0, files_in(test_path("c/blobs/sha256")));
	/* A blob put again replaces what is there, damaged or not. */
	put(c, "hello\n", &d);
	damage(&d);
	put(c, "hello\n", &d);
	OK(encl_cache_get(c, &d, &event_log, &fd, &size, &e));
	CHECK(fd >= 0);
}

TEST(sources_cache_links)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	struct encl_digest d;
	struct encl_digest got;
	bool found = true;

	put(c, "hello\n", &d);
	OK(encl_cache_link_get(c, "expanded", "k", &got, &found, &e));
	CHECK(!found);
	OK(encl_cache_link_set(c, "expanded", "k", &d, &e));
	OK(encl_cache_link_set(c, "expanded", "k", &d, &e));
	OK(encl_cache_link_get(c, "expanded", "k", &got, &found, &e));
	CHECK(found && encl_digest_equal(&d, &got));
	OK(encl_cache_link_get(c, "other", "k", &got, &found, &e));
	CHECK(!found);
}

TEST(sources_cache_private)
{
	struct encl_cache *c = NULL;
	char want[256];
	const char *dir = test_path("c");

	CHECK(mkdir(dir, 0700) == 0 && chmod(dir, 0777) == 0);
	snprintf(
		want, sizeof want,
		"cache folder %.60s: others may write to it (mode 0777); run \"chmod 700 "
		"%.60s\" or give another --cache-dir",
		dir, dir);
	FAILS(encl_cache_open(dir, &c, &e), ENCL_HOST, want);
}

TEST(sources_cache_sweep)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	static const struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct encl_cache_stats s;
	struct encl_digest a;
	struct encl_digest b;
	struct encl_digest got;
	bool found;

	put(c, "aaaa", &a);
	put(c, "bb", &b);
	OK(encl_cache_link_set(c, "expanded", "a", &a, &e));
	OK(encl_cache_link_set(c, "expanded", "b", &b, &e));
	OK(encl_cache_du(c, &s, &e));
	EQ_INT(2, s.blobs);
	EQ_INT(6, s.bytes);
	CHECK(utimensat(AT_FDCWD, blob_file(&a), old, 0) == 0);
	OK(encl_cache_prune(c, 30, &s, &e));
	EQ_INT(1, s.removed_blobs);
	EQ_INT(4, s.removed_bytes);
	OK(encl_cache_link_get(c, "expanded", "a", &got, &found, &e));
	CHECK(!found);
	OK(encl_cache_link_get(c, "expanded", "b", &got, &found, &e));
	CHECK(found);
	damage(&b);
	OK(encl_cache_verify(c, &event_log, &s, &e));
	EQ_INT(1, s.blobs);
	EQ_INT(1, s.bad_blobs);
	put(c, "bb", &b);
	OK(encl_cache_prune(c, 0, &s, &e));
	EQ_INT(1, s.removed_blobs);
	OK(encl_cache_du(c, &s, &e));
	EQ_INT(0, s.blobs);
}

/* ---- downloads ---- */

static int
open_partial(struct encl_cache *c, const struct encl_digest *d, uint64_t size,
	     struct encl_cache_partial *p, bool *there)
{
	return encl_cache_partial_open(c, NULL, d, size, 100, "blob", p, there, &e);
}

TEST(sources_cache_partial_goes_on_and_is_found)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	struct encl_digest d;
	uint64_t size;
	bool there;
	int fd;

	encl_digest_of(ENCL_SHA256, "hello world", 11, &d);
	OK(open_partial(c, &d, 11, &p, &there));
	CHECK(!there);
	EQ_INT(0, p.done);
	OK(encl_sink_write(&p.sink, "hello", 5, &e));
	encl_cache_partial_clear(&p); /* a kill would leave the same */
	EQ_INT(1, files_in(test_path("c/partial")));

	OK(open_partial(c, &d, 11, &p, &there));
	EQ_INT(5, p.done);
	OK(encl_sink_write(&p.sink, " world", 6, &e));
	OK(encl_cache_partial_commit(&p, &e));
	encl_cache_partial_clear(&p);
	EQ_INT(0, files_in(test_path("c/partial")));
	OK(encl_cache_get(c, &d, NULL, &fd, &size, &e));
	EQ_INT(11, size);
	close(fd);
	OK(open_partial(c, &d, 11, &p, &there));
	CHECK(there);
}

TEST(sources_cache_partial_refuses_wrong_bytes)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	struct encl_digest d;
	bool there;

	encl_digest_of(ENCL_SHA256, "hello", 5, &d);
	OK(open_partial(c, &d, 5, &p, &there));
	FAILS(encl_sink_write(&p.sink, "hello!", 6, &e), ENCL_FAILED,
	      "blob is larger than 5 bytes");
	OK(encl_sink_write(&p.sink, "hell", 4, &e));
	FAILS(encl_cache_partial_commit(&p, &e), ENCL_FAILED,
	      "blob: 4 bytes, not the 5 expected");
	EQ_INT(0, p.done);
	OK(encl_sink_write(&p.sink, "HELLO", 5, &e));
	FAILS(encl_cache_partial_commit(&p, &e), ENCL_FAILED,
	      "blob: digest mismatch: want "
	      "sha256:"
	      "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824, got "
	      "sha256:"
	      "3733cd977ff8eb18b987357e22ced99f46097f31ecb239e878ae63760e83e4d5");
	encl_cache_partial_clear(&p);
	EQ_INT(0, files_in(test_path("c/partial")));
	EQ_INT(0, files_in(test_path("c/blobs/sha256")));
}

TEST(sources_cache_partial_of_another_algorithm)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	struct encl_digest d;
	uint64_t size;
	bool there;
	int fd;

	encl_digest_of(ENCL_SHA512, "hello", 5, &d);
	OK(open_partial(c, &d, UINT64_MAX, &p, &there));
	OK(encl_sink_write(&p.sink, "hello", 5, &e));
	OK(encl_cache_partial_commit(&p, &e));
	encl_cache_partial_clear(&p);
	OK(encl_cache_find(c, &d, &fd, &size, &e));
	CHECK(fd >= 0);
	EQ_INT(5, size);
	close(fd);
	OK(open_partial(c, &d, 5, &p, &there));
	CHECK(there);
}

struct downloader {
	struct encl_cache *cache;
	struct encl_digest digest;
	unsigned *downloads;
	struct encl_err e;
	int rc;
};

static void *
download(void *arg)
{
	struct downloader *d = arg;
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	bool there;

	d->rc = encl_cache_partial_open(d->cache, NULL, &d->digest, 11, 0, "blob", &p,
					&there, &d->e);
	if (d->rc || there)
		return NULL;
	__atomic_add_fetch(d->downloads, 1, __ATOMIC_SEQ_CST);
	d->rc = encl_sink_write(&p.sink, "hello", 5, &d->e) || usleep(20000) ||
		encl_sink_write(&p.sink, " world", 6, &d->e) ||
		encl_cache_partial_commit(&p, &d->e);
	return NULL;
}

TEST(sources_cache_partial_is_written_by_one_of_many)
{
	enum { N = 16 };
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	pthread_t threads[N];
	struct downloader v[N];
	unsigned downloads = 0;

	for (size_t i = 0; i < N; i++) {
		v[i] = (struct downloader){.cache = c, .downloads = &downloads};
		encl_digest_of(ENCL_SHA256, "hello world", 11, &v[i].digest);
		CHECK(!pthread_create(&threads[i], NULL, download, &v[i]));
	}
	for (size_t i = 0; i < N; i++) {
		pthread_join(threads[i], NULL);
		EQ_INT(0, (uint64_t)v[i].rc);
	}
	EQ_INT(1, downloads);
	EQ_INT(0, files_in(test_path("c/partial")));
}

TEST(sources_cache_prune_leaves_downloads_at_work)
{
	encl_auto(encl_cache_free) struct encl_cache *c = open_cache();
	encl_auto(encl_cache_partial_clear) struct encl_cache_partial p = {.fd = -1};
	struct encl_cache_stats stats;
	struct encl_digest d;
	bool there;

	encl_digest_of(ENCL_SHA256, "hello world", 11, &d);
	OK(open_partial(c, &d, 11, &p, &there));
	OK(encl_sink_write(&p.sink, "hello", 5, &e));
	OK(encl_cache_prune(c, 0, &stats, &e));
	EQ_INT(1, files_in(test_path("c/partial")));
	encl_cache_partial_clear(&p);
	OK(encl_cache_prune(c, 30, &stats, &e));
	EQ_INT(1, files_in(test_path("c/partial"))); /* of today */
	OK(encl_cache_prune(c, 0, &stats, &e));
	EQ_INT(5, stats.removed_bytes);
	EQ_INT(0, files_in(test_path("c/partial")));
}
