/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two images, and all that differs: header, sections, names in the ramdisks and
 * their fields, contents, packages; what PCR each moves and which input brought it.
 */
#ifndef ENCL_VERIFY_DIFF_H
#define ENCL_VERIFY_DIFF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "verify/inventory.h"

struct encl_diff_options {
	const char *name_a, *name_b; /* for the result */
	unsigned jobs;
	bool contents;	       /* look into changed files */
	size_t max_text;       /* bytes of a file that are compared as text */
	size_t max_lines;      /* of one file's text diff */
	const char *dump;      /* folder for A/… and B/… of what differs; or NULL */
	bool ignore_signature; /* unsigned against signed: only what is measured counts,
				  metadata, header (but size and CRC) */
};

enum { ENCL_DIFF_MAX_FILES = 200000 };

/*
 * *out (new reference), lists empty where nothing differs:
 * {"A", "B", "Same": bool,
 *  "Measurements": [{"PCR": "PCR0", "A", "B"}],	that differ
 *  "Header": [{"Field", "A", "B"}],	CRC: where it is not that of the bytes; Bytes:
 *					only where nothing else differs
 *  "Sections": [{"Type", "Ramdisk", "Change": "added|removed|changed", "SizeA", "SizeB",
 *	"DigestA", "DigestB", "PCRs": ["PCR0", …], "Text", "Owner"}],
 *  "Metadata": [{"Key": "BuildMetadata.BuildTime", "A", "B"}],
 *  "Signature": [{"Field", "A", "B"}],
 *  "Packages": [{"Name", "Type", "Arch", "Change", "A", "B"}],	A, B: versions
 *  "Files": [{"Path", "Ramdisk", "Change": "added|removed|changed",
 *	"Fields": {"type"|"mode"|"owner"|"mtime"|"size"|"content"|"link"|"hardlink"|
 *		"device"|"xattrs": [A, B]}, "PCRs": [...],
 *	"Owner", "OwnerA": {…owner.h} where they are known (of B; of A where it
 *	differs), "Diff": "unified text", "Binary": {"Differ", "First"},
 *	"Elf": {"BuildId": [A, B], "Comment": [A, B]}, "Text"}],
 *  "Summary": {"Added", "Removed", "Changed", "PCRs": [...], "Text"}}
 * A list of files ends at ENCL_DIFF_MAX_FILES; the summary counts all.
 * Dumping makes the folder, which may be there if it is empty.
 */
int encl_diff(const struct encl_inventory *a, const struct encl_inventory *b,
	      const struct encl_diff_options *o, json_t **out,
	      struct encl_err *e) ENCL_MUST_CHECK;

/* The result as lines for people, safe for a terminal; malloc'ed.  manifest: its
 * name for lines of owners, or NULL.  stat: one line a file, no contents. */
char *encl_diff_text(const json_t *diff, const char *manifest, bool stat);

#endif
