/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pinned packages: their line in the lock, their .deb and the tar that it
 * expands to in the cache, and their files as entries.
 */
#ifndef ENCL_SOURCES_DEB_STORE_H
#define ENCL_SOURCES_DEB_STORE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/source.h"

struct encl_deb {
	const char *name;
	const char *version;
	const char *arch;
	const char *suite;    /* of the source that it came from */
	const char *filename; /* below the archive's root */
	const char *why;      /* "manifest", or a package that wants it */
	uint64_t size;
	struct encl_digest deb;
	struct encl_digest data; /* of the plain data.tar */
	bool has_data;		 /* data is known */
};
struct encl_debs {
	struct encl_deb *v;
	size_t n;
	struct encl_arena *arena; /* owns the strings */
};
void encl_debs_clear(struct encl_debs *d);
ENCL_AUTO_VAL(struct encl_debs, encl_debs_clear);

/* The list as it stands in a pin. */
json_t *encl_debs_to_json(const struct encl_debs *d);
int encl_debs_from_json(const json_t *list, struct encl_debs *out,
			struct encl_err *e) ENCL_MUST_CHECK;

/*
 * Every .deb is in the cache afterwards, and its expanded data too; data is
 * filled in where it was not known, and checked where it was.
 */
int encl_debs_prepare(struct encl_env *env, const struct encl_manifest *m,
		      const struct encl_apt_source *sources, size_t n_sources,
		      struct encl_debs *d, struct encl_err *e) ENCL_MUST_CHECK;

/* One prepared package into the sink, without its documentation (but with its
 * copyright) where docs is false; *package (may be NULL) gets its control
 * files, which live in a. */
int encl_deb_emit_one(struct encl_env *env, const struct encl_deb *d, bool docs,
		      struct encl_entry_sink *sink, struct encl_arena *a,
		      struct encl_package *package, struct encl_err *e) ENCL_MUST_CHECK;

/* Whether a path of a package is documentation: below /usr/share/man, info,
 * locale and lintian, and all of /usr/share/doc/NAME but copyright. */
bool encl_deb_is_documentation(const char *path);

#endif
