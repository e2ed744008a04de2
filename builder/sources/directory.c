/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory: a local folder, walked in the byte order of names.  Of the host's
 * attributes only the type and the owner's x bit count, so the result is the
 * same in every checkout.  The pin is the tree digest (docs/2-sources.md): the
 * SHA-256 over one line for everything below the folder,
 *
 *	TYPE " " MODE " " PATH "\0" HEX "\n"
 *
 * TYPE d, f or l; MODE 0755, 0644 or 0777; PATH relative, "/" between names;
 * HEX the SHA-256 of a file's bytes or of a link's target, nothing for d.  A
 * folder's line comes before those of what is in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "sources/local.h"
#include "sources/readthrough.h"
#include "sources/spool.h"

/*
 * Files of BIG bytes and more are read in place later and keep a descriptor
 * each, as long as there are few; all others are copied into one scratch file.
 */
enum { MAX_DEPTH = 128, MAX_ENTRIES = 1000000, BIG = 1024 * 1024, MAX_OPEN = 128 };
static const uint64_t max_spool = UINT64_C(16) << 30;

struct walk {
	const struct encl_local *l;
	struct encl_hash *tree;
	struct encl_spool spool;
	uint64_t files;
	uint64_t bytes;
	unsigned entries;
	unsigned open;
};

struct names {
	char **v;
	size_t n;
};

static void
names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}
ENCL_AUTO_VAL(struct names, names_clear);

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
close_dir_at(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Takes the descriptor. */
static int
read_names(struct walk *w, int own_fd, const char *path, struct names *out,
	   struct encl_err *e)
{
	encl_auto(close_dir) DIR *d = fdopendir(own_fd);
	struct dirent *entry;

	if (!d) {
		encl_fail_sys(e, ENCL_FAILED, "%s", path);
		encl_close_fd(own_fd);
		return -1;
	}
	while ((errno = 0, entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (++w->entries > MAX_ENTRIES)
			return encl_fail(e, ENCL_FAILED, "%s: more than %d entries",
					 w->l->layer->path, MAX_ENTRIES);
		if ((out->n & (out->n - 1)) == 0)
			out->v = encl_xrealloc(out->v, out->n ? out->n * 2 : 1,
					       sizeof *out->v);
		out->v[out->n++] = encl_xstrdup(entry->d_name);
	}
	if (errno)
		return encl_fail_sys(e, ENCL_FAILED, "read %s", path);
	if (out->n)
		qsort(out->v, out->n, sizeof *out->v, compare_names);
	return 0;
}

static void
hash_line(struct walk *w, char type, const char *mode, const char *path,
	  const struct encl_digest *d)
{
	encl_auto(encl_free) char *head = encl_xasprintf("%c %s %s", type, mode, path);
	char text[ENCL_DIGEST_TEXT] = "sha256:";

	if (d)
		encl_digest_format(d, text);
	encl_hash_update(w->tree, head, strlen(head) + 1);
	encl_hash_update(w->tree, text + 7, strlen(text + 7));
	encl_hash_update(w->tree, "\n", 1);
}

static int
add(struct walk *w, const char *path, struct encl_entry *entry, struct encl_err *e)
{
	const struct encl_local *l = w->l;
	encl_auto(encl_free) char *full = encl_local_join(l->layer->at, path);

	if (!l->sink)
		return 0;
	entry->path = full;
	entry->uid = l->owner.uid;
	entry->gid = l->owner.gid;
	entry->mtime = (int64_t)l->m->source_date_epoch;
	if (l->sink->add(l->sink, entry, e))
		return -1;
	return 0;
}

/* Where the bytes will be read from: the file itself or the scratch file. */
static int
read_content(struct walk *w, int own_fd, uint64_t size, const char *path,
	     struct encl_content *c, struct encl_digest *d, struct encl_err *e)
{
	bool in_place = !w->l->sink || (size >= BIG && w->open < MAX_OPEN);
	encl_auto(encl_blob_unref) struct encl_blob *b =
		encl_blob_new(own_fd, size, path);

	*c = (struct encl_content){.size = size, .offset = encl_spool_size(&w->spool)};
	if (encl_read_through(b->fd, size, path, in_place ? NULL : &w->spool.sink, d,
			      &c->crc, e))
		return -1;
	if (!w->l->sink)
		return 0;
	if (in_place) {
		c->offset = 0;
		c->blob = encl_take(b, NULL);
		w->open++;
	} else if (size) {
		c->blob = encl_blob_ref(w->spool.blob);
	}
	return 0;
}

static int
add_file(struct walk *w, int dirfd, const char *name, const char *path, mode_t mode,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *what =
		encl_xasprintf("%s/%s", w->l->layer->path, path);
	bool x = mode & S_IXUSR;
	struct encl_entry entry = {.type = ENCL_REG, .mode = x ? 0755 : 0644};
	struct encl_digest d;
	uint64_t size;
	int fd;
	int rc;

	if (encl_open_regular(dirfd, name, O_NOFOLLOW, what, &fd, &size, e) ||
	    read_content(w, fd, size, what, &entry.content, &d, e))
		return -1;
	hash_line(w, 'f', x ? "0755" : "0644", path, &d);
	w->files++;
	w->bytes += size;
	encl_progress(w->l->env->log, w->l->layer->path, w->bytes, 0);
	rc = add(w, path, &entry, e);
	encl_blob_unref(entry.content.blob);
	return rc;
}

static int
add_symlink(struct walk *w, int dirfd, const char *name, const char *path,
	    struct encl_err *e)
{
	char target[4096];
	ssize_t n = readlinkat(dirfd, name, target, sizeof target);
	struct encl_entry entry = {.type = ENCL_SYMLINK, .mode = 0777, .link = target};
	struct encl_digest d;

	if (n < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s/%s", w->l->layer->path, path);
	if (n == (ssize_t)sizeof target)
		return encl_fail(e, ENCL_FAILED, "%s/%s: link target over 4095 bytes",
				 w->l->layer->path, path);
	target[n] = 0;
	encl_digest_of(ENCL_SHA256, target, (size_t)n, &d);
	hash_line(w, 'l', "0777", path, &d);
	return add(w, path, &entry, e);
}

static const char *
type_name(mode_t mode)
{
	if (S_ISSOCK(mode))
		return "a socket";
	if (S_ISFIFO(mode))
		return "a fifo";
	return "a device";
}

static int walk_folder(struct walk *w, int own_fd, const char *path, unsigned depth,
		       struct encl_err *e);

static int
add_folder(struct walk *w, int dirfd, const char *name, const char *path, unsigned depth,
	   struct encl_err *e)
{
	struct encl_entry entry = {.type = ENCL_DIR, .mode = 0755, .merge = true};
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s/%s", w->l->layer->path, path);
	hash_line(w, 'd', "0755", path, NULL);
	if (add(w, path, &entry, e)) {
		encl_close_fd(fd);
		return -1;
	}
	return walk_folder(w, fd, path, depth + 1, e);
}

static int
add_one(struct walk *w, int dirfd, const char *name, const char *path, unsigned depth,
	struct encl_err *e)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
		return encl_fail_sys(e, ENCL_FAILED, "%s/%s", w->l->layer->path, path);
	if (S_ISREG(st.st_mode))
		return add_file(w, dirfd, name, path, st.st_mode, e);
	if (S_ISLNK(st.st_mode))
		return add_symlink(w, dirfd, name, path, e);
	if (S_ISDIR(st.st_mode))
		return add_folder(w, dirfd, name, path, depth, e);
	return encl_fail(e, ENCL_FAILED,
			 "%s/%s: is %s; a directory source takes files, folders and "
			 "symbolic links",
			 w->l->layer->path, path, type_name(st.st_mode));
}

/* Takes the descriptor.  path is "" for the top. */
static int
walk_folder(struct walk *w, int own_fd, const char *path, unsigned depth,
	    struct encl_err *e)
{
	encl_auto(encl_close_fd) int dirfd = own_fd;
	encl_auto(names_clear) struct names names = {NULL, 0};
	int again;

	if (depth > MAX_DEPTH)
		return encl_fail(e, ENCL_FAILED, "%s/%s: nested deeper than %d folders",
				 w->l->layer->path, path, MAX_DEPTH);
	again = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s/%s", w->l->layer->path, path);
	if (read_names(w, again, *path ? path : w->l->layer->path, &names, e))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		encl_auto(encl_free) char *child =
			encl_xasprintf("%s%s%s", path, *path ? "/" : "", names.v[i]);

		if (add_one(w, dirfd, names.v[i], child, depth, e))
			return -1;
	}
	return 0;
}

static void
walk_clear(struct walk *w)
{
	encl_spool_clear(&w->spool);
	encl_hash_free(w->tree);
}
ENCL_AUTO_VAL(struct walk, walk_clear);

static int
walk_all(const struct encl_local *l, struct walk *w, struct encl_digest *tree,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_manifest_path(l->m, l->layer->path);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "%s", l->layer->path);
	w->l = l;
	w->tree = encl_hash_new(ENCL_SHA256);
	encl_spool_init(&w->spool, l->env->cache, max_spool, l->layer->path);
	if (walk_folder(w, fd, "", 0, e))
		return -1;
	encl_hash_final(w->tree, tree);
	return 0;
}

static json_t *
pin_of(const struct walk *w, const char *tree)
{
	return json_pack("{s:s, s:I, s:I}", "tree", tree, "files", (json_int_t)w->files,
			 "size", (json_int_t)w->bytes);
}

int
encl_directory_lock(const struct encl_local *l, json_t **pin, struct encl_err *e)
{
	encl_auto(walk_clear) struct walk w = {0};
	struct encl_digest tree;
	char text[ENCL_DIGEST_TEXT];

	if (walk_all(l, &w, &tree, e))
		return -1;
	encl_digest_format(&tree, text);
	*pin = pin_of(&w, text);
	return 0;
}

/* The folder that the content lands in, unless it is the root itself. */
static int
add_top(struct walk *w, struct encl_err *e)
{
	struct encl_entry entry = {.type = ENCL_DIR, .mode = 0755, .merge = true};
	encl_auto(encl_free) char *at = encl_local_join(w->l->layer->at, "");

	return strcmp(at, ".") ? add(w, "", &entry, e) : 0;
}

int
encl_directory_emit(const struct encl_local *l, struct encl_err *e)
{
	encl_auto(walk_clear) struct walk w = {.l = l};
	struct encl_origin origin = {"directory", l->layer->path};
	struct encl_digest tree;
	char text[ENCL_DIGEST_TEXT];
	const char *want;

	if (encl_json_str(l->pin, "tree", "enclave.lock", &want, e) ||
	    l->sink->begin(l->sink, &origin, 0, e) || add_top(&w, e) ||
	    walk_all(l, &w, &tree, e) || l->sink->end(l->sink, e))
		return -1;
	encl_digest_format(&tree, text);

	encl_auto(json_decref) json_t *fresh = pin_of(&w, text);

	if (json_equal(l->pin, fresh))
		return 0;
	if (!strcmp(want, text))
		return encl_local_fail_pin(l->layer->path, e);
	return encl_fail(e, ENCL_MISMATCH,
			 "%s: lock has tree %s, the folder has %s; run \"enclavebuild "
			 "lock\"",
			 l->layer->path, want, text);
}
