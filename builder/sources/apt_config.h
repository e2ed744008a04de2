/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where packages come from: an apt source of the manifest, or where that has
 * no mirror the entries of the machine's apt configuration (sources.list(5):
 * sources.list, sources.list.d/ *.list and *.sources) for its suite.
 */
#ifndef ENCL_SOURCES_APT_CONFIG_H
#define ENCL_SOURCES_APT_CONFIG_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "manifest/manifest.h"

/* One place to fetch a suite from, and whom to believe about it. */
struct encl_apt_repo {
	const char *uri; /* without trailing slash */
	const char *suite;
	struct encl_strings components;
	bool check_valid_until;
	struct encl_strings keyrings; /* files; at least one unless key_text is there */
	const char *key_text;	      /* an armored key given in place; or NULL */
	struct encl_strings
		fingerprints; /* upper-case; n == 0: any key of the keyrings */
};
struct encl_apt_repos {
	struct encl_apt_repo *v;
	size_t n;
	struct encl_arena *arena;
};
void encl_apt_repos_clear(struct encl_apt_repos *r);
ENCL_AUTO_VAL(struct encl_apt_repos, encl_apt_repos_clear);

/*
 * The repositories of one source; at least one.  Fails with ENCL_HOST where
 * the machine's configuration has none for the suite.  The folder of that
 * configuration is /etc/apt, or $ENCLAVEBUILD_APT_DIR.
 */
int encl_apt_repos_find(const struct encl_manifest *m,
			const struct encl_apt_source *source, struct encl_apt_repos *out,
			struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Adds the entries of one file to r (its arena is made where it is NULL);
 * deb822: the .sources format.  Lines that are not valid are errors.
 */
int encl_apt_parse(const char *text, size_t n, bool deb822, const char *what,
		   struct encl_apt_repos *r, struct encl_err *e) ENCL_MUST_CHECK;

#endif
