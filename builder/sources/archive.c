/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive: a local tar (plain, gzip, zstd, xz, bzip2) or zip.  A plain tar is
 * used in place; everything else is made plain once, in the cache.
 */
#include <fcntl.h>

#include "base/alloc.h"
#include "sources/expand.h"
#include "sources/inflate.h"
#include "sources/local.h"
#include "sources/readthrough.h"
#include "sources/tar.h"
#include "sources/zip.h"

enum form { FORM_TAR, FORM_COMPRESSED, FORM_ZIP };

struct opened {
	struct encl_blob *blob;
	enum form form;
};

static void
opened_clear(struct opened *o)
{
	encl_blob_unref(o->blob);
	o->blob = NULL;
}
ENCL_AUTO_VAL(struct opened, opened_clear);

static int
open_archive(const struct encl_local *l, struct opened *o, struct encl_err *e)
{
	const char *what = l->layer->path;
	encl_auto(encl_free) char *path = encl_manifest_path(l->m, what);
	uint8_t head[ENCL_CODEC_MAGIC] = {0};
	uint64_t size;
	int fd;

	if (encl_open_regular(AT_FDCWD, path, 0, what, &fd, &size, e))
		return -1;
	o->blob = encl_blob_new(fd, size, what);
	if (encl_pread_full(fd, head, size < sizeof head ? (size_t)size : sizeof head, 0,
			    what, e))
		return -1;
	if (encl_zip_detect(head, sizeof head))
		o->form = FORM_ZIP;
	else if (encl_codec_detect(head, sizeof head) != ENCL_CODEC_NONE)
		o->form = FORM_COMPRESSED;
	return 0;
}

static int
digest_file(const struct opened *o, struct encl_digest *d, struct encl_err *e)
{
	uint32_t crc;

	return encl_read_through(o->blob->fd, o->blob->size, o->blob->what, NULL, d, &crc,
				 e);
}

int
encl_archive_lock(const struct encl_local *l, json_t **pin, struct encl_err *e)
{
	encl_auto(opened_clear) struct opened o = {0};
	struct encl_digest d;

	if (open_archive(l, &o, e) || digest_file(&o, &d, e) ||
	    encl_local_check_manifest(l->layer->sha256, l->layer->path, &d, e))
		return -1;
	*pin = encl_local_pin(&d, o.blob->size);
	return 0;
}

static int
check(const struct encl_local *l, const struct encl_digest *d, uint64_t size,
      struct encl_err *e)
{
	if (encl_local_check_manifest(l->layer->sha256, l->layer->path, d, e))
		return -1;
	return encl_local_check_pin(l->pin, l->layer->path, d, size, e);
}

static struct encl_tar
rules_of(const struct encl_local *l, const struct opened *o)
{
	bool zip = o->form == FORM_ZIP;

	return (struct encl_tar){.blob = o->blob,
				 .size = o->blob->size,
				 .what = l->layer->path,
				 .at = l->layer->at,
				 .strip = l->layer->strip_components,
				 .set_owner = zip || l->owner.given,
				 .uid = l->owner.uid,
				 .gid = l->owner.gid,
				 .set_mtime = zip,
				 .mtime = (int64_t)l->m->source_date_epoch};
}

static int
emit_plain(const struct encl_local *l, struct opened *o, struct encl_err *e)
{
	struct encl_tar tar = rules_of(l, o);
	struct encl_digest d;

	if (encl_tar_scan(l->env, &tar, l->sink, &d, e)) {
		/* a tar that was swapped is a mismatch first, whatever is in it now */
		struct encl_err other = {0};

		if (!digest_file(o, &d, &other) && check(l, &d, o->blob->size, &other))
			*e = other;
		return -1;
	}
	return check(l, &d, o->blob->size, e);
}

static int
emit_expanded(const struct encl_local *l, struct opened *o, struct encl_err *e)
{
	struct encl_expanded plain;
	struct encl_digest d;
	struct encl_tar tar;

	if (digest_file(o, &d, e) || check(l, &d, o->blob->size, e) ||
	    encl_expand(l->env, o->blob->fd, o->blob->size, &d, l->layer->path, &plain,
			e))
		return -1;
	encl_blob_unref(o->blob);
	o->blob = encl_blob_new(plain.fd, plain.size, l->layer->path);
	tar = rules_of(l, o);
	if (encl_tar_scan(l->env, &tar, l->sink, &d, e))
		return encl_expanded_blame(l->env, o->blob->fd, &plain.digest,
					   l->layer->path, e);
	if (!encl_digest_equal(&d, &plain.digest))
		return encl_expanded_damaged(l->env, &plain.digest, l->layer->path, e);
	return 0;
}

int
encl_archive_emit(const struct encl_local *l, struct encl_err *e)
{
	encl_auto(opened_clear) struct opened o = {0};
	struct encl_origin origin = {"archive", l->layer->path};

	if (open_archive(l, &o, e) || l->sink->begin(l->sink, &origin, 0, e) ||
	    (o.form == FORM_TAR ? emit_plain(l, &o, e) : emit_expanded(l, &o, e)))
		return -1;
	return l->sink->end(l->sink, e);
}
