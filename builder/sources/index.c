/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses, fetches and expands a Packages file. */
#include "sources/index.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "sources/cache.h"
#include "sources/fetch.h"
#include "sources/inflate.h"

#define MAX_INDEX ((uint64_t)512 << 20)

/* The smallest form that the suite has. */
static int
choose(const struct encl_release *r, const char *folder, char **path,
       struct encl_fetch *f, struct encl_err *e)
{
	static const char *const forms[] = {"Packages.xz", "Packages.gz", "Packages"};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		encl_auto(encl_free) char *name =
			encl_xasprintf("%s/%s", folder, forms[i]);
		bool found;

		if (encl_release_file(r, name, &f->digest, &f->size, &found, e))
			return -1;
		if (!found)
			continue;
		if (f->size > MAX_INDEX)
			return encl_fail(e, ENCL_FAILED, "%s is too large", name);
		*path = encl_take(name, NULL);
		return 0;
	}
	return encl_fail(e, ENCL_FAILED,
			 "suite \"%s\" has no %s/Packages; check its components",
			 r->repo->suite, folder);
}

static int
fetch(struct encl_env *env, const struct encl_release *r, const char *folder,
      const char *path, struct encl_fetch *f, struct encl_err *e)
{
	char hex[2 * ENCL_DIGEST_MAX + 1];
	encl_auto(encl_free) char *by_hash = NULL;
	encl_auto(encl_free) char *by_name = NULL;
	char *urls[2];

	encl_hex(f->digest.bytes, encl_digest_size(ENCL_SHA256), hex);
	by_hash = encl_xasprintf("%s/dists/%s/%s/by-hash/SHA256/%s", r->repo->uri,
				 r->repo->suite, folder, hex);
	by_name = encl_xasprintf("%s/dists/%s/%s", r->repo->uri, r->repo->suite, path);
	f->what = path;
	f->urls = urls;
	if (r->by_hash)
		urls[f->n_urls++] = by_hash;
	urls[f->n_urls++] = by_name;
	return encl_fetch_all(env, path, f, 1, e);
}

/* libsolv reads a stream: a file without a name, of at most MAX_INDEX bytes. */
static int
expand(struct encl_env *env, int fd, uint64_t size, const char *path, int plain,
       struct encl_err *e)
{
	struct encl_inflate in = {
		.fd = fd, .size = size, .what = path, .log = env->log, .threads = 1};
	struct encl_sink_fd to_file;
	struct encl_sink_digest limit;

	if (encl_codec_probe(fd, 0, size, path, &in.codec, e))
		return -1;
	encl_sink_fd_init(&to_file, plain, path);
	encl_sink_digest_init(&limit, NULL, &to_file.sink, MAX_INDEX, path);
	return encl_inflate(&in, &limit.sink, e);
}

int
encl_index_open(struct encl_env *env, const struct encl_release *r, const char *component,
		const char *arch, FILE **out, struct encl_err *e)
{
	encl_auto(encl_free) char *folder =
		encl_xasprintf("%s/binary-%s", component, arch);
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(encl_close_fd) int plain = -1;
	struct encl_fetch f = {.n_urls = 0};
	uint64_t size;
	FILE *file;

	if (choose(r, folder, &path, &f, e) || fetch(env, r, folder, path, &f, e) ||
	    encl_cache_get(env->cache, &f.digest, env->log, &fd, &size, e))
		return -1;
	if (fd < 0)
		return encl_fail(e, ENCL_FAILED, "%s has gone from the cache", path);
	if (encl_cache_scratch(env->cache, &plain, e))
		return -1;
	if (expand(env, fd, size, path, plain, e))
		return -1;
	if (lseek(plain, 0, SEEK_SET) < 0 || !(file = fdopen(plain, "r")))
		return encl_fail_sys(e, ENCL_FAILED, "%s", path);
	plain = -1; /* the stream owns it */
	*out = file;
	return 0;
}
