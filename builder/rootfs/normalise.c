/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step before a ramdisk is laid out: times into [0,
 * sourceDateEpoch], and an error for what newc or the kernel's unpacker cannot
 * hold (they would truncate it, or skip it without a word).
 */
#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "rootfs/internal.h"

enum { MAX_NAMED = 10, NAME_MAX_BYTES = 255, LOST_CAP = 65536 };

struct normaliser {
	int64_t sde;
	bool xattrs; /* the image holds them */
	size_t n_lost;
	struct encl_buf lost; /* "a (security.capability), b (…)" */
};

static void
clamp_time(struct encl_inode *i, int64_t sde)
{
	if (i->mtime < 0)
		i->mtime = 0;
	if (i->mtime > sde)
		i->mtime = sde;
}

static int
refuse(const struct encl_inode *i, const char *shown, const char *why, struct encl_err *e)
{
	if (!i->origin)
		return encl_fail(e, ENCL_FAILED, "%s: %s", shown, why);
	return encl_fail(e, ENCL_FAILED, "%s (%s %s): %s", shown, i->origin->kind,
			 i->origin->name, why);
}

/* The most telling one that will be missing, or NULL. */
static const char *
lost_of(const struct normaliser *s, const struct encl_inode *i)
{
	const char *first = i->lost_xattr;

	for (size_t x = 0; !s->xattrs && x < i->n_xattrs; x++) {
		const char *name = i->xattrs[x].name;

		if (!strcmp(name, "security.capability"))
			return name;
		if (!first || strcmp(name, first) < 0)
			first = name;
	}
	return first;
}

static void
note_lost(struct normaliser *s, const char *name, const char *path)
{
	encl_auto(encl_free) char *shown = NULL;

	if (s->n_lost++ >= MAX_NAMED)
		return;
	shown = encl_tree_shown(path);
	encl_buf_add_fmt(&s->lost, "%s%s (%s)", s->n_lost > 1 ? ", " : "", shown, name);
}

static int
normalise_one(void *arg, const struct encl_node *n, const char *path, struct encl_err *e)
{
	struct normaliser *s = arg;
	struct encl_inode *i = n->inode;
	const char *lost = lost_of(s, i);
	const char *why = NULL;

	clamp_time(i, s->sde);
	if (lost)
		note_lost(s, lost, path);
	if (strlen(path) > ENCL_PATH_MAX)
		why = "the path is longer than 4095 bytes";
	else if (strlen(n->name) > NAME_MAX_BYTES)
		why = "the name is longer than 255 bytes, which Linux cannot hold";
	else if (i->type == ENCL_REG && i->content.size > UINT32_MAX)
		why = "the file has 4 GiB or more, which a ramdisk cannot hold; leave it "
		      "out with \"remove\", or split it";
	else if (i->type == ENCL_HARDLINK || i->type > ENCL_FIFO)
		why = "a type that a ramdisk cannot hold";
	if (why) {
		encl_auto(encl_free) char *shown = encl_tree_shown(path);

		return refuse(i, shown, why, e);
	}
	return 0;
}

int
encl_tree_normalise(struct encl_tree *t, uint64_t sde, enum encl_root_format format,
		    struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf lost = {.cap = LOST_CAP};
	struct normaliser s = {.sde = (int64_t)sde,
			       .xattrs = format == ENCL_ROOT_SQUASHFS,
			       .lost = lost};
	int rc;

	if (sde > UINT32_MAX)
		return encl_fail(
			e, ENCL_USAGE,
			"sourceDateEpoch: %" PRIu64
			" does not fit the 32 bits that a ramdisk has for a time",
			sde);
	clamp_time(t->root->inode, s.sde);
	rc = encl_tree_walk(t, normalise_one, &s, e);
	lost = s.lost;
	if (rc == 0 && s.n_lost)
		encl_warn(t->log,
			  "extended attributes are lost, as a %s has none%s, on %zu "
			  "files: %s%s",
			  s.xattrs ? "squashfs" : "ramdisk",
			  s.xattrs ? " of that kind" : "", s.n_lost, encl_buf_text(&lost),
			  s.n_lost > MAX_NAMED ? " …" : "");
	return rc;
}
