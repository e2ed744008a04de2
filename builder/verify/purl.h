/* SPDX-License-Identifier: Apache-2.0 */
/* Package URLs (github.com/package-url/purl-spec): names of packages for scanners. */
#ifndef ENCL_VERIFY_PURL_H
#define ENCL_VERIFY_PURL_H

#include <stdbool.h>
#include <stddef.h>

/* A qualifier without a value is left out. */
struct encl_purl_qualifier {
	const char *key;
	const char *value;
};

/*
 * "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12": everything escaped, so
 * that any bytes are one URL (what is not UTF-8 as encl_json_text has it).  space and
 * version may be NULL; qualifiers in the order of their keys.  malloc'ed.
 */
char *encl_purl(const char *type, const char *space, const char *name,
		const char *version, const struct encl_purl_qualifier *qualifiers,
		size_t n);

/* One path segment or query value of any URL; malloc'ed. */
char *encl_url_escape(const char *text);

/* An http(s) URL with a host that has a name, of plain characters: may stand where a
 * URL must. */
bool encl_url_is_plain(const char *text);

#endif
