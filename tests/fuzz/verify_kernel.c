/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ramdisks as verify reads them and as the kernel unpacks them (a model of Linux's
 * init/initramfs.c, plain cpio only): where verify passes, the files that the reader
 * shows are the files that the kernel has made, and no others.
 * Input: a byte that says where the second ramdisk begins (in 1/256), then both.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "base/stream.h"
#include "ramdisk/ramdisk.h"
#include "verify/boundary.h"

enum { NODES = 256, HOPS = 40, HEAD = 110, NAME = 4096 };

/* ---- the kernel's side ---- */

struct inode {
	uint32_t mode, uid, gid;
	const uint8_t *content; /* of a file, or a symlink's target */
	size_t size;
	uint32_t key[4]; /* device, number, type of what has further names */
	bool linked;
};
struct node {
	int parent; /* -1: the root, -2: removed */
	char name[256];
	struct inode *inode;
};
struct machine {
	struct node nodes[NODES];
	struct inode inodes[NODES];
	int n_nodes, n_inodes;
	bool full; /* the model gives up */
	int table; /* inodes from here on can be linked to: one archive */
};

static int
child(const struct machine *m, int parent, const char *name, size_t n)
{
	for (int i = 1; i < m->n_nodes; i++)
		if (m->nodes[i].parent == parent && strlen(m->nodes[i].name) == n &&
		    !memcmp(m->nodes[i].name, name, n))
			return i;
	return -1;
}

/* All but the last part of a path, which *last gets; symlinks on the way are followed.
 * -1: there is no such folder. */
static int
walk(const struct machine *m, int at, const char *path, const char **last, size_t *n,
     int hops)
{
	if (*path == '/')
		at = 0;
	for (;;) {
		size_t len;
		int next;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len > 255)
			return -1;
		if (!path[len] || !path[len + strspn(path + len, "/")]) {
			*last = path;
			*n = len;
			return at;
		}
		if (len == 1 && *path == '.')
			next = at;
		else if (len == 2 && path[0] == '.' && path[1] == '.')
			next = at ? m->nodes[at].parent : 0;
		else
			next = child(m, at, path, len);
		if (next >= 0 && S_ISLNK(m->nodes[next].inode->mode)) {
			char target[NAME];
			const char *end;
			size_t end_n;

			if (!hops || m->nodes[next].inode->size >= sizeof target - 3)
				return -1;
			memcpy(target, m->nodes[next].inode->content,
			       m->nodes[next].inode->size);
			strcpy(target + m->nodes[next].inode->size, "/.");
			next = walk(m, at, target, &end, &end_n, hops - 1);
		}
		if (next < 0 || !S_ISDIR(m->nodes[next].inode->mode))
			return -1;
		at = next;
		path += len;
	}
}

static struct inode *
inode_new(struct machine *m, uint32_t mode)
{
	struct inode *i = &m->inodes[m->n_inodes];

	if (m->n_inodes == NODES) {
		m->full = true;
		return NULL;
	}
	m->n_inodes++;
	*i = (struct inode){.mode = mode};
	return i;
}

static void
add(struct machine *m, int parent, const char *name, size_t n, struct inode *inode)
{
	struct node *at = &m->nodes[m->n_nodes];

	if (m->n_nodes == NODES || !inode) {
		m->full = true;
		return;
	}
	m->n_nodes++;
	at->parent = parent;
	memcpy(at->name, name, n);
	at->name[n] = 0;
	at->inode = inode;
}

static bool
empty(const struct machine *m, int folder)
{
	for (int i = 1; i < m->n_nodes; i++)
		if (m->nodes[i].parent == folder)
			return false;
	return true;
}

struct head {
	uint32_t ino, mode, uid, gid, nlink, size, major, minor, n_name;
};

/* One entry; body is its content, or target. */
static void
make(struct machine *m, const struct head *h, const char *name, const uint8_t *body)
{
	const char *last;
	size_t n;
	uint32_t type = h->mode & S_IFMT;
	int parent = walk(m, 0, name, &last, &n, HOPS);
	bool slash = *name && name[strlen(name) - 1] == '/';
	struct inode *old = NULL;
	struct inode *i = NULL;
	int at;

	if (parent < 0)
		return;
	if (!n || (n == 1 && *last == '.') || (n == 2 && !memcmp(last, "..", 2))) {
		if (S_ISDIR(h->mode)) /* of a folder that is there: mode and owner */
			m->nodes[n == 2 && parent ? m->nodes[parent].parent : parent]
				.inode->mode = h->mode;
		return;
	}
	at = child(m, parent, last, n);
	/* clean_path: what is of another type goes, a symlink's place in any case */
	if (at >= 0 && ((m->nodes[at].inode->mode & S_IFMT) != type || type == S_IFLNK) &&
	    (!S_ISDIR(m->nodes[at].inode->mode) || empty(m, at))) {
		m->nodes[at].parent = -2;
		at = -1;
	}
	if (slash && !S_ISDIR(h->mode))
		return;
	if (h->nlink >= 2 && !S_ISDIR(h->mode) && type != S_IFLNK) {
		const uint32_t key[4] = {h->major, h->minor, h->ino, type};

		for (int k = m->table; k < m->n_inodes; k++)
			if (m->inodes[k].linked &&
			    !memcmp(m->inodes[k].key, key, sizeof key))
				old = &m->inodes[k];
		if (old && at >= 0) {
			m->nodes[at].parent = -2;
			at = -1;
		}
	}
	if (at >= 0) { /* written over */
		i = m->nodes[at].inode;
		if ((i->mode & S_IFMT) != type)
			return;
	} else {
		i = old ? old : inode_new(m, h->mode);
		add(m, parent, last, n, i);
	}
	if (!i)
		return;
	if (h->nlink >= 2 && !old) {
		memcpy(i->key, (uint32_t[]){h->major, h->minor, h->ino, type},
		       sizeof i->key);
		i->linked = true;
	}
	i->mode = h->mode;
	i->uid = h->uid;
	i->gid = h->gid;
	if (!old || h->size) {
		i->content = body;
		i->size = h->size;
	}
}

static bool
number(const uint8_t *p, uint32_t *out)
{
	uint64_t v;

	if (!encl_parse_hex((const char *)p, 8, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

/* Archives one after another; stops where the kernel does. */
static void
unpack(struct machine *m, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n && !m->full) {
		struct head h;
		uint32_t f[13];
		char name[NAME];
		size_t name_at = at + HEAD;
		size_t body, end;

		if (!p[at]) {
			at++;
			continue;
		}
		if (at % 4 || n - at < HEAD || memcmp(p + at, "07070", 5) != 0 ||
		    (p[at + 5] != '1' && p[at + 5] != '2'))
			return;
		for (size_t k = 0; k < 13; k++)
			if (!number(p + at + 6 + 8 * k, &f[k]))
				return; /* the kernel takes some digits; verify does not
					 */
		h = (struct head){f[0], f[1], f[2], f[3], f[4], f[6], f[7], f[8], f[11]};
		body = (name_at + h.n_name + 3) & ~(size_t)3;
		if (h.n_name > n || body > n || h.size > n - body)
			return;
		end = (body + h.size + 3) & ~(size_t)3;
		if (h.n_name && h.n_name <= sizeof name) {
			memcpy(name, p + name_at, h.n_name);
			name[h.n_name - 1] = 0;
			if (!strcmp(name, "TRAILER!!!") && !S_ISLNK(h.mode))
				m->table = m->n_inodes;
			else if (S_ISLNK(h.mode) ? h.size && h.size < NAME
						 : S_ISREG(h.mode) || !h.size)
				make(m, &h, name, p + body);
		}
		at = end;
	}
}

/* ---- the reader's side ---- */

struct reader {
	struct encl_cpio_visitor visitor; /* first */
	struct machine *m;
	size_t n;
};

static int
see_entry(struct encl_cpio_visitor *v, const struct encl_cpio_entry *entry,
	  struct encl_sink **sink, struct encl_err *e)
{
	struct reader *r = (struct reader *)v;
	const char *last;
	size_t n;
	int at = walk(r->m, 0, entry->path, &last, &n, 0);
	const struct inode *i;

	(void)sink;
	(void)e;
	if (!strcmp(entry->path, "."))
		return 0;
	at = at < 0 ? -1 : child(r->m, at, last, n);
	if (at < 0) {
		fprintf(stderr, "\"%s\" is not there for the kernel\n", entry->path);
		abort();
	}
	i = r->m->nodes[at].inode;
	if (i->mode != entry->mode || i->uid != entry->uid || i->gid != entry->gid ||
	    (entry->filesize && i->size != entry->filesize) ||
	    (entry->link && memcmp(entry->link, i->content, i->size) != 0)) {
		fprintf(stderr, "\"%s\" is another one for the kernel\n", entry->path);
		abort();
	}
	r->n++;
	return 0;
}

static size_t
living(const struct machine *m)
{
	size_t n = 0;

	for (int i = 1; i < m->n_nodes; i++)
		n += m->nodes[i].parent != -2;
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	encl_auto(encl_checks_clear) struct encl_checks checks = {.n = 0};
	encl_auto(encl_close_fd) int fd = memfd_create("eif", MFD_CLOEXEC);
	struct reader r = {.visitor = {.entry = see_entry}, .m = &m};
	struct encl_eif eif = {.fd = fd, .n_sections = 2};
	struct encl_err e;
	size_t split;

	if (!size || size > 1 << 20)
		return 0;
	split = (size - 1) * data[0] / 256;
	data++;
	size--;
	if (fd < 0 || encl_pwrite_full(fd, data, size, 0, "memfd", &e))
		abort();
	eif.sections[0] = (struct encl_eif_section){ENCL_SECTION_RAMDISK, 0, split};
	eif.sections[1] =
		(struct encl_eif_section){ENCL_SECTION_RAMDISK, split, size - split};
	encl_verify_ramdisks(&eif, false, &checks);
	if (!encl_checks_passed(&checks))
		return 0;
	if (split && data[0] != '0') /* compressed: not modelled */
		return 0;
	if (split < size && data[split] != '0')
		return 0;
	memset(&m, 0, sizeof m);
	add(&m, -1, "", 0, inode_new(&m, S_IFDIR | 0755));
	unpack(&m, data, size);
	if (m.full)
		return 0;
	for (size_t i = 0; i < 2; i++)
		if (encl_ramdisk_read(fd, eif.sections[i].offset, eif.sections[i].size,
				      &r.visitor, &e))
			abort();
	if (r.n != living(&m)) {
		fprintf(stderr, "%zu names for the reader, %zu for the kernel\n", r.n,
			living(&m));
		abort();
	}
	return 0;
}
