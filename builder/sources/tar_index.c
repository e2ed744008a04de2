/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of an image archive (oci-archive, docker-archive), over
 * libarchive.  Whatever is read at the offsets is verified by digest, but for
 * index.json and manifest.json, of which everything else follows.
 */
#include "sources/tar_index.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "base/stream.h"

enum { MAX_FILES = 100000, MAX_HOPS = 8, CHUNK = 64 * 1024 };

struct file {
	char *name;
	char *link;  /* name in the archive, or NULL: a regular file */
	bool sparse; /* its bytes are not in one piece */
	uint64_t offset;
	uint64_t size;
	size_t order;
};

struct encl_tar_index {
	char *what;
	struct file *files; /* by name, later ones first */
	size_t n;
};

struct reader {
	int fd;
	uint64_t size;
	uint64_t at;
	const char *what;
	uint8_t *chunk;
	bool failed;
	struct encl_err *e;
};

static la_ssize_t
read_chunk(struct archive *a, void *arg, const void **p)
{
	struct reader *r = arg;
	size_t n = r->size - r->at < CHUNK ? (size_t)(r->size - r->at) : CHUNK;

	if (encl_pread_full(r->fd, r->chunk, n, r->at, r->what, r->e)) {
		r->failed = true;
		archive_set_error(a, -1, "read");
		return -1;
	}
	r->at += n;
	*p = r->chunk;
	return (la_ssize_t)n;
}

static la_int64_t
skip(struct archive *a, void *arg, la_int64_t n)
{
	struct reader *r = arg;
	uint64_t left = r->size - r->at;
	uint64_t step = n > 0 && (uint64_t)n < left ? (uint64_t)n : left;

	(void)a;
	if (n <= 0)
		return 0;
	r->at += step;
	return (la_int64_t)step;
}

static void
read_free_at(struct archive **a)
{
	archive_read_free(*a);
}

/* "./a//b/../c" -> "a/c"; NULL where it leaves the root. */
static char *
clean(const char *path)
{
	encl_auto(encl_free) char *out = encl_xcalloc(1, strlen(path) + 2);
	size_t n = 0;

	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2)) {
			if (!n)
				return NULL;
			while (n && out[--n] != '/')
				;
		} else if (len && !(len == 1 && *path == '.')) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, path, len);
			n += len;
		}
		path += len + (path[len] == '/');
	}
	out[n] = 0;
	return encl_take(out, NULL);
}

static char *
link_target(struct archive_entry *ae, const char *name)
{
	const char *hard = archive_entry_hardlink(ae);
	const char *sym = archive_entry_symlink(ae);
	const char *slash = strrchr(name, '/');

	if (hard)
		return clean(hard);
	if (!sym || *sym == '/')
		return NULL;
	encl_auto(encl_free) char *joined =
		encl_xasprintf("%.*s/%s", slash ? (int)(slash - name) : 0, name, sym);

	return clean(joined);
}

static int
take(struct encl_tar_index *t, struct archive *a, struct archive_entry *ae,
     struct encl_err *e)
{
	const char *path = archive_entry_pathname(ae);
	char *name = path ? clean(path) : NULL;
	bool regular =
		archive_entry_filetype(ae) == AE_IFREG && !archive_entry_hardlink(ae);
	char *link = name && !regular ? link_target(ae, name) : NULL;

	if (!name || (!regular && !link)) { /* folders, and links to nowhere */
		free(name);
		return 0;
	}
	if (t->n == MAX_FILES) {
		free(name);
		free(link);
		return encl_fail(e, ENCL_FAILED, "%s: more than %d files", t->what,
				 MAX_FILES);
	}
	if ((t->n & (t->n - 1)) == 0)
		t->files = encl_xrealloc(t->files, t->n ? t->n * 2 : 1, sizeof *t->files);
	t->files[t->n] = (struct file){
		.name = name,
		.link = link,
		.sparse = archive_entry_sparse_count(ae) > 0,
		.offset = (uint64_t)archive_filter_bytes(a, 0),
		.size = (uint64_t)archive_entry_size(ae),
		.order = t->n,
	};
	t->n++;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct file *x = a;
	const struct file *y = b;
	int rc = strcmp(x->name, y->name);

	if (rc)
		return rc;
	return x->order > y->order ? -1 : x->order < y->order;
}

static int
read_all(struct encl_tar_index *t, struct archive *a, struct reader *r)
{
	struct archive_entry *ae;
	int rc;

	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_set_skip_callback(a, skip) != ARCHIVE_OK ||
	    archive_read_set_read_callback(a, read_chunk) != ARCHIVE_OK ||
	    archive_read_set_callback_data(a, r) != ARCHIVE_OK)
		return encl_fail(r->e, ENCL_FAILED, "%s: libarchive does not start",
				 t->what);
	rc = archive_read_open1(a);
	while (rc == ARCHIVE_OK) {
		rc = archive_read_next_header(a, &ae);
		if (rc == ARCHIVE_WARN)
			rc = ARCHIVE_OK; /* names are ASCII where they matter */
		if (rc == ARCHIVE_OK && take(t, a, ae, r->e))
			return -1;
	}
	if (rc == ARCHIVE_EOF)
		return 0;
	if (r->failed)
		return -1;
	return encl_fail(r->e, ENCL_FAILED, "%s: %s", t->what, archive_error_string(a));
}

int
encl_tar_index_read(int fd, uint64_t size, const char *what, struct encl_tar_index **out,
		    struct encl_err *e)
{
	encl_auto(encl_tar_index_free) struct encl_tar_index *t =
		encl_xcalloc(1, sizeof *t);
	encl_auto(read_free) struct archive *a = archive_read_new();
	encl_auto(encl_free) uint8_t *chunk = encl_xmalloc(CHUNK);
	struct reader r = {.fd = fd, .size = size, .what = what, .chunk = chunk, .e = e};

	t->what = encl_xstrdup(what);
	if (read_all(t, a, &r))
		return -1;
	if (t->n)
		qsort(t->files, t->n, sizeof *t->files, by_name);
	*out = encl_take(t, NULL);
	return 0;
}

void
encl_tar_index_free(struct encl_tar_index *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->files[i].name);
		free(t->files[i].link);
	}
	free(t->files);
	free(t->what);
	free(t);
}

/* The first of equal names, which is the one that came last. */
static const struct file *
lookup(const struct encl_tar_index *t, const char *name)
{
	size_t low = 0;
	size_t high = t->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(t->files[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < t->n && !strcmp(t->files[low].name, name) ? &t->files[low] : NULL;
}

int
encl_tar_index_find(const struct encl_tar_index *t, const char *name, uint64_t *offset,
		    uint64_t *size, bool *found, struct encl_err *e)
{
	const struct file *f = lookup(t, name);

	for (unsigned hops = 0; f && f->link; hops++) {
		if (hops == MAX_HOPS)
			return encl_fail(e, ENCL_FAILED, "%s: %s: more than %d links",
					 t->what, name, MAX_HOPS);
		f = lookup(t, f->link);
	}
	*found = f != NULL;
	if (!f)
		return 0;
	if (f->sparse)
		return encl_fail(e, ENCL_FAILED, "%s: %s: is a sparse file", t->what,
				 name);
	*offset = f->offset;
	*size = f->size;
	return 0;
}
