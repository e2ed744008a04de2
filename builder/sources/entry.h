/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source emits: entries with tar's meaning, in the source's order.
 * Content is a reference into a blob, never bytes in memory unless it was
 * generated; blobs stay open until the tree that refers to them is freed.
 */
#ifndef ENCL_SOURCES_ENTRY_H
#define ENCL_SOURCES_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

/* An open, verified, uncompressed file: a layer's tar, a .deb's data.tar, a
 * local file.  Reference-counted (not thread-safe: one thread builds). */
struct encl_blob {
	int fd;
	unsigned refs;
	uint64_t size;
	char *what; /* for errors */
};
/* Takes the descriptor. */
struct encl_blob *encl_blob_new(int own_fd, uint64_t size, const char *what);
struct encl_blob *encl_blob_ref(struct encl_blob *b);
void encl_blob_unref(struct encl_blob *b); /* NULL is a no-op */
ENCL_AUTO_PTR(struct encl_blob, encl_blob_unref);

struct encl_content {
	struct encl_blob *blob; /* NULL: data */
	const uint8_t *data;	/* generated content; copied by who keeps it */
	uint64_t offset;	/* in blob */
	uint64_t size;
	uint32_t crc; /* CRC-32 of the content, computed when it was scanned */
};

/*
 * Extended attributes, sorted by name.  Sources give security.capability and
 * user.* (without user.overlay.*); a squashfs holds whatever begins with
 * user., trusted. or security.
 */
struct encl_xattr {
	const char *name;
	const void *value;
	size_t size;
};
enum { ENCL_XATTR_MAX_COUNT = 64, ENCL_XATTR_MAX_BYTES = 65536 /* of one file */ };

enum encl_entry_type {
	ENCL_REG,
	ENCL_DIR,
	ENCL_SYMLINK,
	ENCL_HARDLINK,
	ENCL_CHR,
	ENCL_BLK,
	ENCL_FIFO
};

/* Where an entry came from: for the size report, listings and diff. */
struct encl_origin {
	const char *kind; /* "image", "package", "archive", "directory", "file",
			     "generated" */
	const char *name; /* layer digest, "libc6 2.36-9", path */
};

struct encl_entry {
	const char *path; /* as the source spells it: "./usr/bin/x", "usr/bin/x" */
	enum encl_entry_type type;
	uint32_t mode; /* permission bits 07777 */
	uint32_t uid;
	uint32_t gid;
	bool merge; /* DIR: a folder that is there already keeps owner, mode and time */
	int64_t mtime;	    /* seconds; may be negative or huge: the tree clamps */
	uint32_t dev_major; /* CHR, BLK */
	uint32_t dev_minor;
	const char *link;	     /* SYMLINK: target; HARDLINK: path in the tree */
	struct encl_content content; /* REG (HARDLINK with data: content.size > 0) */
	const struct encl_xattr *xattrs;
	size_t n_xattrs;
	const char *lost_xattr; /* another, "security.selinux" …: named in a warning; or
				   NULL */
};

/*
 * Takes entries; struct encl_entry_sink is embedded first in what implements
 * it.  begin starts a layer: whiteouts of OCI layers act on what came before
 * it.  The entry and what it points to are valid during the call only, but
 * for the blob, of which add takes its own reference.
 */
struct encl_entry_sink {
	/* whiteouts: .wh. names have the meaning of OCI layers */
	int (*begin)(struct encl_entry_sink *s, const struct encl_origin *origin,
		     int whiteouts, struct encl_err *e);
	int (*add)(struct encl_entry_sink *s, const struct encl_entry *entry,
		   struct encl_err *e);
	int (*end)(struct encl_entry_sink *s, struct encl_err *e);
};

#endif
