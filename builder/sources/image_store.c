/* SPDX-License-Identifier: Apache-2.0 */
/* Files of an image in place. */
#include "sources/image_store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "sources/cache.h"
#include "sources/expand.h"
#include "sources/inflate.h"
#include "sources/readthrough.h"

/* The tar inside a compressed archive: from the cache, hashed before use,
 * because its first documents are covered by no other digest. */
static int
make_plain(struct encl_env *env, struct encl_image_store *s, struct encl_err *e)
{
	struct encl_expanded plain;
	struct encl_digest d;
	uint32_t crc;

	if (encl_read_through(s->archive->fd, s->archive->size, s->what, NULL, &d, &crc,
			      e) ||
	    encl_expand(env, s->archive->fd, s->archive->size, &d, s->what, &plain, e))
		return -1;
	encl_blob_unref(s->archive);
	s->archive = encl_blob_new(plain.fd, plain.size, s->what);
	if (encl_digest_fd(ENCL_SHA256, plain.fd, &d, NULL, e))
		return encl_wrap(e, "%s", s->what);
	if (!encl_digest_equal(&d, &plain.digest))
		return encl_expanded_damaged(env, &plain.digest, s->what, e);
	return 0;
}

static int
open_archive(struct encl_env *env, const char *path, struct encl_image_store *s,
	     struct encl_err *e)
{
	enum encl_codec codec;
	uint64_t size;
	int fd;

	if (encl_open_regular(AT_FDCWD, path, 0, s->what, &fd, &size, e))
		return -1;
	s->archive = encl_blob_new(fd, size, s->what);
	if (encl_codec_probe(fd, 0, size, s->what, &codec, e) ||
	    (codec != ENCL_CODEC_NONE && make_plain(env, s, e)))
		return -1;
	return encl_tar_index_read(s->archive->fd, s->archive->size, s->what, &s->index,
				   e);
}

int
encl_image_store_of_tar(int own_fd, uint64_t size, const char *what,
			struct encl_image_store *out, struct encl_err *e)
{
	encl_auto(encl_image_store_clear) struct encl_image_store s = {.what = what,
								       .dirfd = -1};

	s.archive = encl_blob_new(own_fd, size, what);
	if (encl_tar_index_read(own_fd, size, what, &s.index, e))
		return -1;
	*out = s;
	s = (struct encl_image_store){.dirfd = -1};
	return 0;
}

int
encl_image_store_open(struct encl_env *env, const struct encl_manifest *m,
		      const struct encl_image_ref *ref, struct encl_image_store *out,
		      struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_manifest_path(m, ref->path);
	encl_auto(encl_image_store_clear) struct encl_image_store s = {.what = ref->path,
								       .dirfd = -1};

	if (ref->kind == ENCL_IMAGE_OCI) {
		s.dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (s.dirfd < 0)
			return encl_fail_sys(e, ENCL_FAILED, "%s", ref->path);
	} else if (open_archive(env, path, &s, e)) {
		return -1;
	}
	*out = s;
	s = (struct encl_image_store){.dirfd = -1};
	return 0;
}

void
encl_image_store_clear(struct encl_image_store *s)
{
	encl_close_fd(s->dirfd);
	encl_blob_unref(s->archive);
	encl_tar_index_free(s->index);
	*s = (struct encl_image_store){.dirfd = -1};
}

static int
find_in_folder(const struct encl_image_store *s, const char *name,
	       struct encl_image_file *out, struct encl_err *e)
{
	encl_auto(encl_free) char *what = encl_xasprintf("%s/%s", s->what, name);
	uint64_t size;
	int fd;

	if (faccessat(s->dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) && errno == ENOENT)
		return 0;
	if (encl_open_regular(s->dirfd, name, O_NOFOLLOW, what, &fd, &size, e))
		return -1;
	*out = (struct encl_image_file){encl_blob_new(fd, size, what), 0, size};
	return 0;
}

/* "blobs/ALGO/HEX" */
static int
find_in_cache(const struct encl_image_store *s, const char *name,
	      struct encl_image_file *out, struct encl_err *e)
{
	encl_auto(encl_free) char *what = encl_xasprintf("%s: %s", s->what, name);
	encl_auto(encl_free) char *text = encl_xstrdup(name + strlen("blobs/"));
	char *slash = strchr(text, '/');
	struct encl_digest d;
	uint64_t size;
	int fd;

	if (slash)
		*slash = ':';
	if (!encl_digest_parse(text, &d))
		return encl_fail(e, ENCL_FAILED, "%s: not a blob", what);
	if (encl_cache_find(s->env->cache, &d, &fd, &size, e))
		return -1;
	if (fd >= 0)
		*out = (struct encl_image_file){encl_blob_new(fd, size, what), 0, size};
	return 0;
}

int
encl_image_store_find(const struct encl_image_store *s, const char *name,
		      struct encl_image_file *out, struct encl_err *e)
{
	uint64_t offset;
	uint64_t size;
	bool found;

	*out = (struct encl_image_file){0};
	if (s->dirfd >= 0)
		return find_in_folder(s, name, out, e);
	if (s->where)
		return find_in_cache(s, name, out, e);
	if (encl_tar_index_find(s->index, name, &offset, &size, &found, e))
		return -1;
	if (found)
		*out = (struct encl_image_file){encl_blob_ref(s->archive), offset, size};
	return 0;
}

void
encl_image_file_clear(struct encl_image_file *f)
{
	encl_blob_unref(f->blob);
	*f = (struct encl_image_file){0};
}

int
encl_image_store_text(const struct encl_image_store *s, const char *name, char **text,
		      size_t *n, struct encl_err *e)
{
	encl_auto(encl_image_file_clear) struct encl_image_file f = {0};
	encl_auto(encl_free) char *buf = NULL;

	*text = NULL;
	if (encl_image_store_find(s, name, &f, e))
		return -1;
	if (!f.blob)
		return 0;
	if (f.size > ENCL_IMAGE_JSON_MAX)
		return encl_fail(e, ENCL_FAILED, "%s: %s is larger than %d bytes",
				 s->what, name, ENCL_IMAGE_JSON_MAX);
	buf = encl_xcalloc(1, f.size + 1);
	if (encl_pread_full(f.blob->fd, buf, f.size, f.offset, name, e))
		return encl_wrap(e, "%s", s->what);
	*n = f.size;
	*text = encl_take(buf, NULL);
	return 0;
}

int
encl_image_store_json(const struct encl_image_store *s, const char *name, json_t **out,
		      struct encl_digest *digest, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	*out = NULL;
	if (encl_image_store_text(s, name, &text, &n, e))
		return -1;
	if (!text)
		return 0;
	if (digest)
		encl_digest_of(ENCL_SHA256, text, n, digest);
	if (encl_json_parse(text, n, name, out, e))
		return encl_wrap(e, "%s", s->what);
	return 0;
}

char *
encl_image_blob_name(const struct encl_digest *d)
{
	char text[ENCL_DIGEST_TEXT];
	char *colon;

	encl_digest_format(d, text);
	colon = strchr(text, ':');
	*colon = 0;
	return encl_xasprintf("blobs/%s/%s", text, colon + 1);
}

int
encl_image_store_blob(const struct encl_image_store *s, const struct encl_digest *d,
		      uint64_t size, json_t **out, struct encl_err *e)
{
	encl_auto(encl_free) char *name = encl_image_blob_name(d);
	encl_auto(encl_free) char *text = NULL;
	struct encl_digest got;
	char have[ENCL_DIGEST_TEXT];
	size_t n;

	if (encl_image_store_text(s, name, &text, &n, e))
		return -1;
	if (!text)
		return encl_fail(e, ENCL_FAILED, "%s: %s is not there", s->what, name);
	if (size != UINT64_MAX && n != size)
		return encl_fail(e, ENCL_FAILED,
				 "%s: %s has %zu bytes, its descriptor says %" PRIu64,
				 s->what, name, n, size);
	encl_digest_of(d->algo, text, n, &got);
	encl_digest_format(&got, have);
	if (!encl_digest_equal(d, &got))
		return encl_fail(e, ENCL_FAILED,
				 "%s: %s: digest mismatch: its bytes have %s", s->what,
				 name, have);
	if (encl_json_parse(text, n, name, out, e))
		return encl_wrap(e, "%s", s->what);
	return 0;
}
