/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches, expands (several at once, largest first) and emits packages. */
#include "sources/deb_store.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sources/apt_config.h"
#include "sources/cache.h"
#include "sources/deb.h"
#include "sources/fetch.h"
#include "sources/tar.h"

enum { MAX_THREADS = 16 };

#define LINK_KIND "deb-data"

void
encl_debs_clear(struct encl_debs *d)
{
	free(d->v);
	encl_arena_free(d->arena);
	memset(d, 0, sizeof *d);
}

/* ---- fetch ---- */

static void
free_urls(struct encl_fetch *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (v[i].n_urls)
			free(v[i].urls[--v[i].n_urls]);
		free(v[i].urls);
		free((char *)(uintptr_t)v[i].what);
	}
	free(v);
}

static void
add_urls(struct encl_fetch *v, const struct encl_debs *d,
	 const struct encl_apt_repos *repos)
{
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < repos->n; k++) {
			struct encl_fetch *f = &v[i];

			if (strcmp(repos->v[k].suite, d->v[i].suite) != 0)
				continue;
			f->urls = encl_xrealloc(f->urls, f->n_urls + 1, sizeof *f->urls);
			f->urls[f->n_urls++] =
				encl_fetch_url(repos->v[k].uri, d->v[i].filename);
		}
}

/* Where no source can be found any more, the cache may still have it all. */
static int
fetch(struct encl_env *env, const struct encl_manifest *m,
      const struct encl_apt_source *sources, size_t n_sources, const struct encl_debs *d,
      struct encl_err *e)
{
	struct encl_fetch *v = encl_xcalloc(d->n, sizeof *v);
	struct encl_err no_source = {.code = ENCL_OK};
	int rc;

	for (size_t i = 0; i < d->n; i++) {
		v[i].what = encl_xasprintf("%s %s", d->v[i].name, d->v[i].version);
		v[i].digest = d->v[i].deb;
		v[i].size = d->v[i].size;
	}
	for (size_t i = 0; i < n_sources; i++) {
		encl_auto(encl_apt_repos_clear) struct encl_apt_repos repos = {.n = 0};

		if (!encl_apt_repos_find(m, &sources[i], &repos, &no_source))
			add_urls(v, d, &repos);
	}
	rc = encl_fetch_all(env, "packages", v, d->n, e);
	if (rc && e->code == ENCL_HOST && no_source.code)
		*e = no_source;
	free_urls(v, d->n);
	return rc;
}

/* ---- expand ---- */

static int
open_cached(struct encl_env *env, const struct encl_digest *digest, const char *what,
	    int *fd, uint64_t *size, struct encl_err *e)
{
	if (encl_cache_get(env->cache, digest, env->log, fd, size, e))
		return -1;
	if (*fd < 0)
		return encl_fail(e, ENCL_FAILED, "%s has gone from the cache", what);
	return 0;
}

/* The tar that an earlier run made of this .deb. */
static int
find_expanded(struct encl_env *env, struct encl_deb *d, const char *key, bool *found,
	      struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	struct encl_digest data = d->data;
	uint64_t size;

	*found = d->has_data;
	if (!*found && encl_cache_link_get(env->cache, LINK_KIND, key, &data, found, e))
		return -1;
	if (!*found)
		return 0;
	/* every byte is hashed when it is emitted */
	if (encl_cache_get_unverified(env->cache, &data, &fd, &size, e))
		return -1;
	*found = fd >= 0;
	d->data = data;
	d->has_data = d->has_data || *found;
	return 0;
}

/* Several packages are expanded at once, each by one thread. */
static int
inflate(struct encl_env *env, int fd, const struct encl_deb_part *part, const char *what,
	struct encl_sink *out, struct encl_err *e)
{
	const struct encl_inflate in = {.fd = fd,
					.offset = part->offset,
					.size = part->size,
					.codec = part->codec,
					.what = what,
					.log = env->log,
					.threads = 1};

	return encl_inflate(&in, out, e);
}

static int
expand(struct encl_env *env, struct encl_deb *d, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_free) char *what = encl_xasprintf("%s %s", d->name, d->version);
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	char key[2 * ENCL_DIGEST_MAX + 1];
	struct encl_deb_part part;
	bool found;
	uint64_t size;

	encl_hex(d->deb.bytes, encl_digest_size(d->deb.algo), key);
	if (find_expanded(env, d, key, &found, e))
		return -1;
	if (found)
		return 0;
	if (open_cached(env, &d->deb, what, &fd, &size, e) ||
	    encl_deb_data(fd, what, &part, e) ||
	    encl_cache_write(env->cache, &w, ENCL_TAR_MAX_BYTES, what, e) ||
	    inflate(env, fd, &part, what, &w.sink, e) ||
	    encl_cache_commit(&w, d->has_data ? &d->data : NULL, &d->data, NULL, e) ||
	    encl_cache_link_set(env->cache, LINK_KIND, key, &d->data, e))
		return -1;
	d->has_data = true;
	return 0;
}

struct work {
	struct encl_env *env;
	struct encl_deb **v; /* largest first */
	size_t n;
	atomic_size_t next;
	atomic_bool failed;
};

struct worker {
	pthread_t thread;
	struct work *work;
	struct encl_err err;
	bool failed;
};

static void *
run_worker(void *arg)
{
	struct worker *w = arg;

	while (!atomic_load(&w->work->failed)) {
		size_t i = atomic_fetch_add(&w->work->next, 1);

		if (i >= w->work->n)
			break;
		if (expand(w->work->env, w->work->v[i], &w->err)) {
			w->failed = true;
			atomic_store(&w->work->failed, true);
		}
	}
	return NULL;
}

static int
by_size(const void *a, const void *b)
{
	const struct encl_deb *x = *(struct encl_deb *const *)a;
	const struct encl_deb *y = *(struct encl_deb *const *)b;

	return (x->size < y->size) - (x->size > y->size);
}

static int
expand_all(struct encl_env *env, struct encl_debs *d, struct encl_err *e)
{
	encl_auto(encl_free) struct encl_deb **order = encl_xcalloc(d->n, sizeof *order);
	struct worker workers[MAX_THREADS] = {{.failed = false}};
	struct work work = {.env = env, .v = order, .n = d->n};
	size_t n = env->jobs < d->n ? env->jobs : d->n;
	size_t started = 1;
	int rc = 0;

	for (size_t i = 0; i < d->n; i++)
		order[i] = &d->v[i];
	qsort(order, d->n, sizeof(struct encl_deb *), by_size);
	for (size_t i = 0; i < MAX_THREADS; i++)
		workers[i].work = &work;
	while (started < n && started < MAX_THREADS &&
	       !pthread_create(&workers[started].thread, NULL, run_worker,
			       &workers[started]))
		started++;
	run_worker(&workers[0]);
	for (size_t i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (size_t i = 0; i < started && !rc; i++)
		if (workers[i].failed) {
			*e = workers[i].err;
			rc = -1;
		}
	return rc;
}

int
encl_debs_prepare(struct encl_env *env, const struct encl_manifest *m,
		  const struct encl_apt_source *sources, size_t n_sources,
		  struct encl_debs *d, struct encl_err *e)
{
	if (!d->n)
		return 0;
	return fetch(env, m, sources, n_sources, d, e) || expand_all(env, d, e) ? -1 : 0;
}

/* ---- emit ---- */

static int
read_control(struct encl_env *env, const struct encl_deb *d, const char *what,
	     struct encl_arena *a, struct encl_package *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t size;

	if (open_cached(env, &d->deb, what, &fd, &size, e) ||
	    encl_deb_control(fd, what, a, out, e))
		return -1;
	if (strcmp(out->name, d->name) != 0 || strcmp(out->version, d->version) != 0 ||
	    strcmp(out->arch, d->arch) != 0)
		return encl_fail(e, ENCL_FAILED,
				 "%s: the package says that it is %s %s for %s", what,
				 out->name, out->version, out->arch);
	return 0;
}

/* Package folders are as dpkg leaves them: one that is there already keeps its
 * owner and mode, except that base-files is right about its own. */
struct folder_sink {
	struct encl_entry_sink sink;
	struct encl_entry_sink *next;
	bool merge;
	bool docs;
};

bool
encl_deb_is_documentation(const char *path)
{
	static const char *const folders[] = {"man", "info", "locale", "lintian"};
	static const char share[] = "usr/share/";

	path += !strncmp(path, "./", 2) ? 2 : 0;
	path += *path == '/';
	if (strncmp(path, share, strlen(share)) != 0)
		return false;
	path += strlen(share);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		size_t n = strlen(folders[i]);

		if (!strncmp(path, folders[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	if (strncmp(path, "doc/", 4) != 0)
		return false;
	path = strchr(path + 4, '/'); /* behind the package's name */
	return path && path[1] && strcmp(path, "/copyright") != 0;
}

static int
add_entry(struct encl_entry_sink *s, const struct encl_entry *entry, struct encl_err *e)
{
	const struct folder_sink *f = (const struct folder_sink *)s;
	struct encl_entry changed = *entry;

	if (!f->docs && encl_deb_is_documentation(entry->path))
		return 0;
	changed.merge = f->merge && entry->type == ENCL_DIR;
	return f->next->add(f->next, &changed, e);
}

/* The digest is known when the last byte was read: what was emitted by then
 * counts only if this succeeds. */
static int
emit_data(struct encl_env *env, const struct encl_deb *d, const char *what, bool docs,
	  struct encl_entry_sink *sink, struct encl_err *e)
{
	encl_auto(encl_blob_unref) struct encl_blob *blob = NULL;
	struct folder_sink f = {.sink = {.add = add_entry},
				.next = sink,
				.docs = docs,
				.merge = strcmp(d->name, "base-files") != 0};
	struct encl_tar tar = {.what = what};
	struct encl_digest digest;
	int fd;

	if (encl_cache_get_unverified(env->cache, &d->data, &fd, &tar.size, e))
		return -1;
	if (fd < 0)
		return encl_fail(e, ENCL_FAILED, "%s has gone from the cache", what);
	tar.blob = blob = encl_blob_new(fd, tar.size, what);
	if (encl_tar_scan(env, &tar, &f.sink, &digest, e))
		return -1;
	if (encl_digest_equal(&digest, &d->data))
		return 0;
	encl_cache_remove(env->cache, &d->data);
	return encl_fail(e, ENCL_FAILED,
			 "%s: its expanded form in the cache was damaged and has been "
			 "removed; try again",
			 what);
}

int
encl_deb_emit_one(struct encl_env *env, const struct encl_deb *d, bool docs,
		  struct encl_entry_sink *sink, struct encl_arena *a,
		  struct encl_package *package, struct encl_err *e)
{
	encl_auto(encl_free) char *what = encl_xasprintf("%s %s", d->name, d->version);
	struct encl_origin origin = {"package", what};

	if (package && read_control(env, d, what, a, package, e))
		return -1;
	if (sink->begin(sink, &origin, 0, e) || emit_data(env, d, what, docs, sink, e) ||
	    sink->end(sink, e))
		return -1;
	return 0;
}
