/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that is in an image: every name of every ramdisk with its digest and where
 * it came from, and the packages, as the image itself tells it (dpkg's and apk's
 * databases) or as a manifest does (owner.h).  What diff, sbom and report read.
 */
#ifndef ENCL_VERIFY_INVENTORY_H
#define ENCL_VERIFY_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/stream.h"
#include "eif/eif.h"
#include "sources/entry.h"
#include "verify/owner.h"

struct encl_item {
	const char *path; /* "rootfs/usr/bin/x"; no leading slash */
	size_t ramdisk;	  /* which one, from 0 */
	uint32_t mode;	  /* with type bits, as in st_mode */
	uint32_t uid, gid;
	int64_t mtime;
	uint64_t size; /* of a regular file's content */
	uint32_t dev_major, dev_minor;
	const char *link;	   /* symlinks */
	const char *same_as;	   /* further names of a file: its first; or NULL */
	struct encl_digest digest; /* SHA-256 of a file's content */
	bool has_digest;	   /* regular files, same_as included */
	bool in_squashfs;
	uint64_t at; /* of the content, or of its first name's, in the image's file;
			UINT64_MAX: it is packed */
	const struct encl_xattr *xattrs;
	size_t n_xattrs;
	size_t order;			  /* in the ramdisk */
	size_t data;			  /* order of the entry that has the content */
	const struct encl_owner *owner;	  /* NULL: not known */
	const struct encl_owner *package; /* as the image's databases say; or NULL */
};

struct encl_image_package {
	const char *type; /* "deb", "apk" */
	const char *name, *version, *arch;
	const char *source;	    /* "glibc", or NULL: as the name */
	const char *source_version; /* or NULL: as the version */
	const char *maintainer, *homepage, *license, *summary; /* or NULL */
	const char
		*distribution; /* os-release's ID and VERSION_ID: "debian-12"; or NULL */
	size_t n_files;
	uint64_t bytes; /* of the files that are in the image, each once */
};

struct encl_inventory {
	const struct encl_eif *eif; /* borrowed */
	struct encl_item *items;    /* by ramdisk, then by path in byte order */
	size_t n_items;
	struct encl_image_package *packages; /* by name, version, arch */
	size_t n_packages;
	size_t n_ramdisks;
	char *kernel_release; /* "6.1.0-40-cloud-amd64", from the kernel's own header,
				 of an arm64 one, which has none, as the metadata
				 says; or NULL */
	struct encl_digest kernel, cmdline, metadata; /* SHA-256 of the sections */
	struct encl_digest ramdisks[ENCL_EIF_MAX_SECTIONS];
	size_t entries[ENCL_EIF_MAX_SECTIONS]; /* of each ramdisk, with those that
						  another of the same name replaces */
	/* of kernel, cmdline and metadata, where origins tell it; by section type */
	const struct encl_owner *sections[ENCL_SECTION_METADATA + 1];
	struct encl_arena *arena;
};
void encl_inventory_clear(struct encl_inventory *i);
ENCL_AUTO_VAL(struct encl_inventory, encl_inventory_clear);

/*
 * One pass over the entries, one over the sections.  origins (or NULL; borrowed, it
 * must live as long) decides owners where it knows the path; else the databases do,
 * by the names that folders have once links are followed.  Two entries of one path
 * in a ramdisk: the last one counts, as for the kernel (verify refuses such images).
 * ENCL_FAILED: what cannot be read, more than ENCL_INVENTORY_MAX names, databases of
 * more than 256 MiB.
 */
enum { ENCL_INVENTORY_MAX = 2000000 };
int encl_inventory_read(const struct encl_eif *eif, const struct encl_origins *origins,
			struct encl_inventory *out, struct encl_err *e) ENCL_MUST_CHECK;

/* By its path in a ramdisk; NULL: not there. */
const struct encl_item *encl_inventory_find(const struct encl_inventory *i,
					    size_t ramdisk, const char *path);

/* Contents of regular files, in one pass; wanted is of items of one ramdisk.  fn is
 * called with each, at most max bytes of it. */
int encl_inventory_contents(const struct encl_inventory *i,
			    const struct encl_item *const *wanted, size_t n, size_t max,
			    int (*fn)(void *arg, const struct encl_item *item,
				      const uint8_t *p, size_t n, struct encl_err *e),
			    void *arg, struct encl_err *e) ENCL_MUST_CHECK;

#endif
