/* SPDX-License-Identifier: Apache-2.0 */
/* file: one file from the manifest's text or from a local file. */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "sources/local.h"
#include "sources/readthrough.h"

/* Smaller files are read into memory, so that a manifest with hundreds of
 * them needs no descriptor for each. */
enum { SMALL = 64 * 1024, DEFAULT_MODE = 0644 };

struct opened {
	struct encl_blob *blob; /* large */
	uint8_t *data;		/* small, malloc'ed */
	struct encl_content content;
	struct encl_digest sha256;
};

static void
opened_clear(struct opened *o)
{
	encl_blob_unref(o->blob);
	encl_free_at(&o->data);
	memset(o, 0, sizeof *o);
}
ENCL_AUTO_VAL(struct opened, opened_clear);

static const char *
name_of(const struct encl_layer *layer)
{
	return layer->source ? layer->source : "content";
}

static int
open_small(int fd, uint64_t size, const char *what, struct opened *o, struct encl_err *e)
{
	o->data = encl_xmalloc(size + 1);
	if (encl_pread_full(fd, o->data, size, 0, what, e))
		return -1;
	encl_digest_of(ENCL_SHA256, o->data, size, &o->sha256);
	o->content = (struct encl_content){
		.data = o->data, .size = size, .crc = encl_crc32(0, o->data, size)};
	return 0;
}

static int
open_source(const struct encl_local *l, struct opened *o, struct encl_err *e)
{
	const char *what = l->layer->source;
	encl_auto(encl_free) char *path = encl_manifest_path(l->m, what);
	encl_auto(encl_close_fd) int fd = -1;
	uint64_t size;

	if (encl_open_regular(AT_FDCWD, path, 0, what, &fd, &size, e))
		return -1;
	if (size <= SMALL)
		return open_small(fd, size, what, o, e);
	o->blob = encl_blob_new(encl_take(fd, -1), size, what);
	o->content = (struct encl_content){.blob = o->blob, .size = size};
	return encl_read_through(o->blob->fd, size, what, NULL, &o->sha256,
				 &o->content.crc, e);
}

/* Content, digest and CRC; checked against the manifest's own sha256. */
static int
open_file(const struct encl_local *l, struct opened *o, struct encl_err *e)
{
	const char *text = l->layer->content;

	if (!text) {
		if (open_source(l, o, e))
			return -1;
	} else {
		size_t n = strlen(text);

		o->content = (struct encl_content){.data = (const uint8_t *)text,
						   .size = n,
						   .crc = encl_crc32(0, text, n)};
		encl_digest_of(ENCL_SHA256, text, n, &o->sha256);
	}
	return encl_local_check_manifest(l->layer->sha256, name_of(l->layer), &o->sha256,
					 e);
}

int
encl_file_lock(const struct encl_local *l, json_t **pin, struct encl_err *e)
{
	encl_auto(opened_clear) struct opened o = {0};

	if (open_file(l, &o, e))
		return -1;
	*pin = encl_local_pin(&o.sha256, o.content.size);
	return 0;
}

int
encl_file_emit(const struct encl_local *l, struct encl_err *e)
{
	encl_auto(opened_clear) struct opened o = {0};
	const struct encl_layer *layer = l->layer;
	struct encl_origin origin = {"file", layer->path};
	encl_auto(encl_free) char *path = encl_local_join("/", layer->path);
	struct encl_entry entry = {.path = path,
				   .type = ENCL_REG,
				   .mode = layer->mode == (uint32_t)-1 ? DEFAULT_MODE
								       : layer->mode,
				   .uid = l->owner.uid,
				   .gid = l->owner.gid,
				   .mtime = (int64_t)l->m->source_date_epoch};

	if (open_file(l, &o, e) ||
	    encl_local_check_pin(l->pin, name_of(layer), &o.sha256, o.content.size, e))
		return -1;
	entry.content = o.content;
	if (l->sink->begin(l->sink, &origin, 0, e) || l->sink->add(l->sink, &entry, e))
		return -1;
	return l->sink->end(l->sink, e);
}
