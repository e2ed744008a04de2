/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed to plain through the cache, by the digest of the compressed file. */
#include "sources/expand.h"

#include "base/log.h"
#include "base/stream.h"
#include "sources/cache.h"
#include "sources/inflate.h"
#include "sources/tar.h"
#include "sources/zip.h"

static int
expand_now(struct encl_env *env, int fd, uint64_t size, const char *what,
	   struct encl_expanded *out, struct encl_err *e)
{
	encl_auto(encl_cache_writer_clear) struct encl_cache_writer w = {.cache = NULL};
	struct encl_inflate in = {.fd = fd, .size = size, .what = what, .log = env->log};
	uint8_t head[4] = {0};

	if (encl_pread_full(fd, head, size < 4 ? (size_t)size : 4, 0, what, e) ||
	    encl_codec_probe(fd, 0, size, what, &in.codec, e) ||
	    encl_cache_write(env->cache, &w, ENCL_TAR_MAX_BYTES, what, e))
		return -1;
	if (encl_zip_detect(head, sizeof head)
		    ? encl_zip_to_tar(fd, size, what, &w.sink, e)
		    : encl_inflate(&in, &w.sink, e))
		return -1;
	out->size = w.size;
	return encl_cache_commit(&w, NULL, &out->digest, &out->fd, e);
}

int
encl_expand(struct encl_env *env, int fd, uint64_t size, const struct encl_digest *sha256,
	    const char *what, struct encl_expanded *out, struct encl_err *e)
{
	struct encl_expanded got = {.fd = -1};
	char key[ENCL_DIGEST_TEXT];
	bool found;

	encl_digest_format(sha256, key);
	if (encl_cache_link_get(env->cache, "expanded", key, &got.digest, &found, e) ||
	    (found &&
	     encl_cache_get_unverified(env->cache, &got.digest, &got.fd, &got.size, e)))
		return -1;
	if (got.fd < 0 &&
	    (expand_now(env, fd, size, what, &got, e) ||
	     encl_cache_link_set(env->cache, "expanded", key, &got.digest, e))) {
		encl_close_fd(got.fd);
		return -1;
	}
	*out = got;
	return 0;
}

int
encl_expanded_damaged(struct encl_env *env, const struct encl_digest *digest,
		      const char *what, struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];

	encl_digest_format(digest, text);
	encl_cache_remove(env->cache, digest);
	return encl_fail(e, ENCL_FAILED,
			 "%s: cache blob %s was damaged and is removed; run the command "
			 "again",
			 what, text);
}

int
encl_expanded_blame(struct encl_env *env, int fd, const struct encl_digest *digest,
		    const char *what, struct encl_err *e)
{
	struct encl_err other = {0};
	struct encl_digest got;

	if (encl_digest_fd(ENCL_SHA256, fd, &got, NULL, &other) ||
	    encl_digest_equal(&got, digest))
		return -1;
	return encl_expanded_damaged(env, digest, what, e);
}
