/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All names of all ramdisks, as the kernel's init/initramfs.c would make them:
 * it unpacks the sections one after another into one root, applies a name that
 * comes twice twice, drops what has no parent, follows symlinks on the way, and
 * writes through further names of a file.  A reader of archives sees none of
 * that, so an image that relies on it is two images.
 */
#include <inttypes.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/parse.h"
#include "base/stream.h"
#include "ramdisk/internal.h"
#include "rootfs/tree.h"
#include "verify/boundary.h"

enum { TOLD = 8, /* problems of one kind that are told one by one */ SHOWN = 200 };
#define NAMES_MAX  (UINT64_C(256) << 20) /* bytes of all names together */
#define PACKED_MAX (UINT64_C(16) << 30)	 /* of all contents that are compressed */

struct name {
	const char *path; /* the key */
	uint32_t type;
	size_t ramdisk;
};

/* A file with several names, in one archive. */
struct inode {
	uint32_t dev_major, dev_minor, ino, type; /* the key */
	uint32_t mode, uid, gid, mtime, rdev_major, rdev_minor;
	bool content;
	const char *path;
};

struct scan {
	struct encl_cpio_visitor visitor; /* first */
	const struct encl_eif *eif;
	struct encl_checks *checks;
	bool nitro_cli;
	struct encl_arena *arena;
	void *names, *inodes; /* tsearch */
	uint64_t n_names, n_bytes, n_packed;
	size_t ramdisk; /* the one that is read */
	uint64_t at;	/* where it begins in the file */
	size_t n_streams, n_archives;
	uint64_t stream_end; /* in the ramdisk */
	enum encl_packing packing;
	size_t boundaries, ambiguous; /* problems so far */
};

static void
keep(void *entry)
{
	(void)entry; /* the arena's */
}

static void
scan_clear(struct scan *s)
{
	tdestroy(s->names, keep);
	tdestroy(s->inodes, keep);
	encl_arena_free(s->arena);
}
ENCL_AUTO_VAL(struct scan, scan_clear);

static void
boundary(struct scan *s, const char *why)
{
	if (s->boundaries++ < TOLD)
		encl_checks_add(s->checks, "boundaries", ENCL_CHECK_FAIL,
				"ramdisk %zu: %s", s->ramdisk, why);
}

static void
ambiguous(struct scan *s, const char *path, const char *why)
{
	encl_auto(encl_free) char *shown = encl_escape(path, strnlen(path, SHOWN));

	if (s->ambiguous++ < TOLD)
		encl_checks_add(s->checks, "ramdisks", ENCL_CHECK_FAIL,
				"ramdisk %zu: %s: %s", s->ramdisk, shown, why);
}

/* ---- names ---- */

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static const struct name *
find_name(const struct scan *s, const char *path)
{
	const struct name key = {.path = path};
	struct name *const *found = tfind(&key, &s->names, compare_names);

	return found ? *found : NULL;
}

static void
add_name(struct scan *s, const struct encl_cpio_entry *entry)
{
	struct name *n = encl_arena_alloc(s->arena, sizeof *n);

	n->path = encl_arena_strdup(s->arena, entry->path);
	n->type = entry->mode & S_IFMT;
	n->ramdisk = s->ramdisk;
	if (!tsearch(n, &s->names, compare_names))
		abort();
	s->n_names++;
	s->n_bytes += strlen(entry->path);
}

/* "a/b" and neither "a//b", "./a" nor "a/./b"; "." is the root itself. */
static bool
is_plain(const struct encl_cpio_entry *entry)
{
	const char *p = entry->path;

	if (!strcmp(p, "."))
		return S_ISDIR(entry->mode);
	while (*p) {
		size_t n = strcspn(p, "/");

		if (!n || (n == 1 && *p == '.') || (p[n] == '/' && !p[n + 1]))
			return false;
		p += n + (p[n] == '/');
	}
	return true;
}

static void
check_again(struct scan *s, const struct encl_cpio_entry *entry, const struct name *was)
{
	encl_auto(encl_free) char *why = NULL;

	if (s->nitro_cli && S_ISDIR(entry->mode) && was->type == S_IFDIR &&
	    !entry->in_squashfs)
		return;
	if (was->ramdisk == s->ramdisk)
		ambiguous(s, entry->path,
			  "stands twice in it; the kernel would take the last one");
	else {
		why = encl_xasprintf(
			"stands in ramdisk %zu too; the kernel would take the last one",
			was->ramdisk);
		ambiguous(s, entry->path, why);
	}
}

static void
check_parent(struct scan *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	encl_auto(encl_free) char *parent = NULL;
	const struct name *found;

	if (!slash)
		return;
	parent = encl_xstrndup(path, (size_t)(slash - path));
	found = find_name(s, parent);
	if (!found)
		ambiguous(s, path,
			  "its folder does not stand before it; the kernel would drop "
			  "it");
	else if (found->type == S_IFLNK)
		ambiguous(s, path,
			  "its folder is a symlink; the kernel would write to where it "
			  "leads");
	else if (found->type != S_IFDIR)
		ambiguous(s, path, "its folder is none; the kernel would drop it");
}

/* What the kernel cannot make, or makes of another owner. */
static void
check_limits(struct scan *s, const struct encl_cpio_entry *entry)
{
	for (const char *p = entry->path; *p;) {
		size_t n = strcspn(p, "/");

		if (n > NAME_MAX) {
			ambiguous(
				s, entry->path,
				"has a name of over 255 bytes; the kernel would drop it");
			break;
		}
		p += n + (p[n] == '/');
	}
	if (entry->uid == UINT32_MAX || entry->gid == UINT32_MAX)
		ambiguous(s, entry->path,
			  "its owner or group is 4294967295; the kernel would leave it "
			  "root's");
}

/* ---- further names of a file ---- */

static int
compare_inodes(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct inode, mode));
}

static void
add_inode(struct scan *s, const struct encl_cpio_entry *entry, const struct inode *key)
{
	struct inode *i = encl_arena_memdup(s->arena, key, sizeof *key);

	i->mode = entry->mode;
	i->uid = entry->uid;
	i->gid = entry->gid;
	i->mtime = entry->mtime;
	i->rdev_major = entry->rdev_major;
	i->rdev_minor = entry->rdev_minor;
	i->content = entry->filesize != 0;
	i->path = encl_arena_strdup(s->arena, entry->path);
	if (!tsearch(i, &s->inodes, compare_inodes))
		abort();
}

/* All names are one file for the kernel, by device, inode number and type: what the
 * last one says of it holds for all, and its content replaces that of the others. */
static void
check_inode(struct scan *s, const struct encl_cpio_entry *entry)
{
	struct inode key;
	struct inode *const *found;

	if (entry->nlink < 2 || S_ISDIR(entry->mode) || S_ISLNK(entry->mode) ||
	    entry->in_squashfs)
		return;
	memset(&key, 0, sizeof key);
	key.dev_major = entry->dev_major;
	key.dev_minor = entry->dev_minor;
	key.ino = entry->ino;
	key.type = entry->mode & S_IFMT;
	found = tfind(&key, &s->inodes, compare_inodes);
	if (!found) {
		add_inode(s, entry, &key);
		return;
	}
	if (entry->filesize && (*found)->content)
		ambiguous(s, entry->path,
			  "is a further name of a file with a content of its own; the "
			  "kernel would write it into both");
	if (entry->mode != (*found)->mode || entry->uid != (*found)->uid ||
	    entry->gid != (*found)->gid || entry->mtime != (*found)->mtime)
		ambiguous(s, entry->path,
			  "is a further name of a file with another mode, owner or time");
	if ((S_ISCHR(entry->mode) || S_ISBLK(entry->mode)) &&
	    (entry->rdev_major != (*found)->rdev_major ||
	     entry->rdev_minor != (*found)->rdev_minor))
		ambiguous(s, entry->path,
			  "is a further name of a device with another number; the kernel "
			  "would make it the first");
	(*found)->content |= entry->filesize != 0;
}

/* ---- the visitor ---- */

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct scan *s = (struct scan *)v;
	const struct name *was;

	(void)sink;
	if (s->n_names >= ENCL_TREE_MAX_NODES || s->n_bytes > NAMES_MAX)
		return encl_fail(e, ENCL_FAILED, "the ramdisks have too many names");
	if (entry->at == UINT64_MAX && !entry->in_squashfs)
		s->n_packed += entry->filesize;
	if (s->n_packed > PACKED_MAX)
		return encl_fail(e, ENCL_FAILED,
				 "the ramdisks unpack to more than 16 GiB");
	if (!is_plain(entry)) {
		ambiguous(s, entry->path, "is not the one spelling of a path");
		return 0;
	}
	was = find_name(s, entry->path);
	if (was)
		check_again(s, entry, was);
	else
		add_name(s, entry);
	check_parent(s, entry->path);
	check_limits(s, entry);
	check_inode(s, entry);
	return 0;
}

/* Inode numbers begin anew. */
static void
see_end(struct encl_cpio_visitor *v)
{
	struct scan *s = (struct scan *)v;

	s->n_archives++;
	tdestroy(s->inodes, keep);
	s->inodes = NULL;
}

/* The kernel passes over a name in a gzip header and over no other field: what it
 * would unpack begins elsewhere. */
static int
check_gzip(struct scan *s, uint64_t at, struct encl_err *e)
{
	enum { FLAGS = 3, HAS_NAME = 8 };
	uint8_t head[4];

	if (encl_pread_full(s->eif->fd, head, sizeof head, at, "the ramdisk", e))
		return -1;
	if (head[FLAGS] & ~HAS_NAME)
		boundary(s, "its gzip header has fields that the kernel does not pass "
			    "over");
	return 0;
}

static int
see_stream(struct encl_cpio_visitor *v, uint64_t at, uint64_t size,
	   enum encl_packing packing, struct encl_err *e)
{
	struct scan *s = (struct scan *)v;
	char why[96];

	if (packing == ENCL_PACKED_GZIP && check_gzip(s, at, e))
		return -1;
	at -= s->at;
	if (s->n_streams++ == 0) {
		if (at)
			boundary(s, "begins with zeros, which are the end of what "
				    "stands before it");
	} else {
		(void)snprintf(why, sizeof why,
			       "a second archive begins at byte %" PRIu64
			       ", behind the end of the first",
			       at);
		boundary(s, why);
	}
	s->stream_end = at + size;
	s->packing = packing;
	return 0;
}

/* ---- one ramdisk ---- */

/* lz4's old format has no end mark: a stream ends at four zeros, and goes on where
 * another one begins. */
static bool
lz4_goes_astray(const struct scan *s, const struct encl_eif_section *section,
		const struct encl_eif_section *next)
{
	uint8_t head[ENCL_INPUT_PEEK];
	uint64_t zeros = section->size - s->stream_end;
	struct encl_err ignored;

	if (s->packing != ENCL_PACKED_LZ4 || zeros >= 4)
		return false;
	return zeros || next->size < sizeof head ||
	       encl_pread_full(s->eif->fd, head, sizeof head, next->offset, "",
			       &ignored) ||
	       encl_packing_of(head, sizeof head) != ENCL_PACKED_LZ4;
}

/* The kernel gets all ramdisks as one piece of memory; next is NULL for the last. */
static void
check_end(struct scan *s, const struct encl_eif_section *section,
	  const struct encl_eif_section *next)
{
	if (!s->n_archives)
		boundary(s, "has no archive in it");
	else if (s->n_streams == 1 && s->n_archives > 1)
		boundary(s, "several archives are compressed into one");
	if (next && section->size % 4)
		boundary(s, "its size is not a multiple of 4, so the kernel would not "
			    "find the next one");
	else if (next && lz4_goes_astray(s, section, next))
		boundary(s, "no zeros end its lz4 data, so the kernel would take the "
			    "next one for more of it");
}

static void
scan_ramdisk(struct scan *s, const struct encl_eif_section *section,
	     const struct encl_eif_section *next)
{
	struct encl_err why;

	s->at = section->offset;
	s->n_streams = s->n_archives = 0;
	s->stream_end = 0;
	s->packing = ENCL_PACKED_UNKNOWN;
	if (encl_ramdisk_read(s->eif->fd, section->offset, section->size, &s->visitor,
			      &why))
		boundary(s, why.msg);
	else
		check_end(s, section, next);
	see_end(&s->visitor);
}

static void
tell_more(struct scan *s, const char *name, size_t n)
{
	if (n > TOLD)
		encl_checks_add(s->checks, name, ENCL_CHECK_FAIL, "and %zu more",
				n - TOLD);
}

void
encl_verify_ramdisks(const struct encl_eif *eif, bool nitro_cli,
		     struct encl_checks *checks)
{
	encl_auto(scan_clear) struct scan s = {
		.visitor = {see_entry, NULL, see_end, see_stream},
		.eif = eif,
		.checks = checks,
		.nitro_cli = nitro_cli,
		.arena = encl_arena_new(),
	};
	const struct encl_eif_section *ramdisks[ENCL_EIF_MAX_SECTIONS + 1] = {NULL};
	size_t n = 0;

	for (size_t i = 0; i < eif->n_sections; i++)
		if (eif->sections[i].type == ENCL_SECTION_RAMDISK)
			ramdisks[n++] = &eif->sections[i];
	for (; s.ramdisk < n; s.ramdisk++)
		scan_ramdisk(&s, ramdisks[s.ramdisk], ramdisks[s.ramdisk + 1]);
	tell_more(&s, "boundaries", s.boundaries);
	tell_more(&s, "ramdisks", s.ambiguous);
	if (!s.boundaries)
		encl_checks_add(checks, "boundaries", ENCL_CHECK_PASS,
				"%zu ramdisk%s, each one archive from its first byte to "
				"the zeros behind it",
				n, n == 1 ? "" : "s");
	if (!s.boundaries && !s.ambiguous)
		encl_checks_add(checks, "ramdisks", ENCL_CHECK_PASS,
				"%" PRIu64 " names, each once", s.n_names);
}
