/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies the table of effects, then the folders that packages declare in
 * tmpfiles.d(5).  Those below /run and /tmp are left out: both are empty when
 * an enclave starts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "rootfs/debian_internal.h"

/* "user:group" or NULL; ids of names that are not there are root's. */
static void
resolve_owner(const struct encl_debian *d, const char *owner, uint32_t *uid,
	      uint32_t *gid)
{
	size_t n = owner ? strcspn(owner, ":") : 0;
	encl_auto(encl_free) char *user = encl_xstrndup(owner ? owner : "", n);

	*uid = *gid = 0;
	if (!owner)
		return;
	(void)encl_debian_uid(d, user, uid);
	(void)encl_debian_gid(d, owner + n + 1, gid);
}

static bool
is_empty_folder(struct encl_debian *d, const char *path)
{
	const struct encl_node *n = encl_tree_find_nofollow(d->tree, path);

	return !n || (n->inode->type == ENCL_DIR && !n->n_children);
}

static int
make_file(struct encl_debian *d, const struct encl_debian_effect *f, uint32_t uid,
	  uint32_t gid, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n = 0;

	if (f->op == ENCL_DEBIAN_FILE) {
		text = encl_xstrdup(f->arg);
		n = strlen(text);
	} else if (encl_debian_read(d, f->arg, &text, &n, e)) {
		return -1;
	}
	if (!text)
		return 0;
	if (encl_debian_file(d, f->path, f->mode, gid, text, n, e))
		return -1;
	return uid ? encl_debian_own(d, f->path, f->mode, uid, gid, e) : 0;
}

static int
apply(struct encl_debian *d, const struct encl_debian_effect *f, struct encl_err *e)
{
	uint32_t uid;
	uint32_t gid;

	resolve_owner(d, f->owner, &uid, &gid);
	switch (f->op) {
	case ENCL_DEBIAN_DIR:
		return encl_debian_dir(d, f->path, f->mode, uid, gid, e);
	case ENCL_DEBIAN_OWN:
		return encl_debian_own(d, f->path, f->mode, uid, gid, e);
	case ENCL_DEBIAN_MOVE:
		if (!is_empty_folder(d, f->path))
			return 0;
		return encl_debian_link(d, f->path, f->arg, e);
	case ENCL_DEBIAN_LINK:
		if (encl_debian_exists(d, f->path))
			return 0;
		return encl_debian_link(d, f->path, f->arg, e);
	case ENCL_DEBIAN_FILE:
	case ENCL_DEBIAN_COPY:
		if (encl_debian_exists(d, f->path))
			return 0;
		return make_file(d, f, uid, gid, e);
	}
	return 0;
}

/* A folder in the table may be a link already (trixie's var/run): through a
 * link that leads nowhere nothing can be made. */
static bool
is_blocked(struct encl_debian *d, const struct encl_debian_effect *f)
{
	const struct encl_node *n = encl_tree_find_nofollow(d->tree, f->path);

	return f->op == ENCL_DEBIAN_DIR && n && n->inode->type != ENCL_DIR;
}

/* ---- tmpfiles.d ---- */

static bool
is_volatile(const char *path)
{
	static const char *const roots[] = {"/run", "/tmp",  "/var/run", "/var/lock",
					    "/dev", "/proc", "/sys"};

	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		size_t n = strlen(roots[i]);

		if (!strncmp(path, roots[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* "d /var/lib/x 0750 user group …" */
static int
make_declared(struct encl_debian *d, char *line, struct encl_err *e)
{
	char *word[5] = {NULL};
	size_t n = 0;
	uint64_t mode = 0755;
	uint32_t uid = 0;
	uint32_t gid = 0;

	for (char *save = NULL, *w = strtok_r(line, " \t", &save); w && n < 5;
	     w = strtok_r(NULL, " \t", &save))
		word[n++] = w;
	if (n < 2 || !strchr("dDvqQ", word[0][0]) || word[1][0] != '/' ||
	    strpbrk(word[1], "%*?[") || strstr(word[1], "/../") || is_volatile(word[1]))
		return 0;
	if (word[2] && !encl_parse_uint(word[2] + (word[2][0] == '~'), 8, 07777, &mode))
		mode = 0755;
	if (word[3])
		(void)encl_debian_uid(d, word[3], &uid);
	if (word[4])
		(void)encl_debian_gid(d, word[4], &gid);
	return encl_debian_dir(d, word[1] + 1, (uint32_t)mode, uid, gid, e);
}

static int
read_tmpfiles(struct encl_debian *d, const char *name, char *text, struct encl_err *e)
{
	int rc = 0;

	if (encl_debian_begin(d, name, e))
		return -1;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && !rc;
	     line = strtok_r(NULL, "\n", &save))
		rc = *line == '#' ? 0 : make_declared(d, line, e);
	return rc ? -1 : encl_debian_end(d, e);
}

/* Folders that stand below /etc/shells' header, one a package. */
static int
add_shells(struct encl_debian *d, const char *name, char *text, struct encl_err *e)
{
	encl_auto(encl_free) char *old = NULL;
	encl_auto(encl_buf_clear) struct encl_buf all = {.cap = 1 << 20};
	size_t n;

	(void)name;
	if (encl_debian_read(d, "etc/shells", &old, &n, e))
		return -1;
	encl_buf_add(&all, old, n);
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		encl_auto(encl_free) char *whole = encl_xasprintf("%s\n", line);

		if (*line == '/' && !strstr(encl_buf_text(&all), whole))
			encl_buf_add_str(&all, whole);
	}
	if (encl_buf_check(&all, "etc/shells", e) || encl_debian_begin(d, "shells", e) ||
	    encl_debian_file(d, "etc/shells", 0644, 0, encl_buf_text(&all), all.len, e))
		return -1;
	return encl_debian_end(d, e);
}

/* The usr-merge links that only some packages need. */
static int
link_foreign(struct encl_debian *d, struct encl_err *e)
{
	static const char *const names[] = {"lib32", "libx32"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		encl_auto(encl_free) char *target = encl_xasprintf("usr/%s", names[i]);

		if (encl_debian_exists(d, target) && !encl_debian_exists(d, names[i]) &&
		    encl_debian_link(d, names[i], target, e))
			return -1;
	}
	return 0;
}

/* dh_nginx: "for confpair in mod-x.conf:50-mod-x.conf …" enables modules. */
static int
enable_modules(struct encl_debian *d, const struct encl_package *p, struct encl_err *e)
{
	const char *list = p->postinst ? strstr(p->postinst, "for confpair in ") : NULL;
	encl_auto(encl_free) char *copy = NULL;

	if (!list || strncmp(p->name, "libnginx-mod-", 13) != 0)
		return 0;
	list += strlen("for confpair in ");
	copy = encl_xstrndup(list, strcspn(list, ";\n"));
	for (char *save = NULL, *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		char *to = strchr(w, ':');
		encl_auto(encl_free) char *path = NULL;
		encl_auto(encl_free) char *target = NULL;

		if (!to || strpbrk(w, "/$`"))
			continue;
		*to++ = 0;
		path = encl_xasprintf("etc/nginx/modules-enabled/%s", to);
		target = encl_xasprintf("/usr/share/nginx/modules-available/%s", w);
		if (encl_debian_link(d, path, target, e))
			return -1;
	}
	return 0;
}

int
encl_debian_apply(struct encl_debian *d, struct encl_err *e)
{
	if (encl_debian_begin(d, "system files", e))
		return -1;
	for (size_t i = 0; i < encl_debian_n_effects; i++) {
		const struct encl_debian_effect *f = &encl_debian_effects[i];

		if (*f->package && !encl_debian_package(d, f->package))
			continue;
		if (!is_blocked(d, f) && apply(d, f, e))
			return -1;
	}
	if (link_foreign(d, e))
		return -1;
	for (size_t i = 0; i < d->set->n; i++)
		if (enable_modules(d, &d->set->v[i], e))
			return -1;
	if (encl_debian_end(d, e))
		return -1;
	if (encl_debian_package(d, "debianutils") &&
	    encl_debian_each(d, "usr/share/debianutils/shells.d", "", add_shells, e))
		return -1;
	return encl_debian_each(d, "usr/lib/tmpfiles.d", ".conf", read_tmpfiles, e);
}
