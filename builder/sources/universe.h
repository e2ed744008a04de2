/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All packages of a list of apt sources for one architecture, in a libsolv
 * pool with Debian semantics.
 */
#ifndef ENCL_SOURCES_UNIVERSE_H
#define ENCL_SOURCES_UNIVERSE_H

#include <solv/pool.h>
#include <solv/repo.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/release.h"

/* One suite at one address; its packages are the libsolv repo that has this
 * as its appdata. */
struct encl_suite {
	struct encl_release release;
	Repo *repo;
};

struct encl_universe {
	Pool *pool;
	struct encl_suite *v;
	size_t n;
	struct encl_apt_repos *repos; /* one list a source */
	size_t n_repos;
	/* by the Id of a package's name; 0: not seen */
	uint8_t *priority; /* 1 required … 5 extra */
	uint8_t *essential;
	Id names; /* Ids below this have an element above */
	/* by the Id of a solvable: its Size field, which libsolv does not keep */
	uint64_t *size;
	Id solvables;
	bool prepared; /* solve.c */
};
void encl_universe_clear(struct encl_universe *u);
ENCL_AUTO_VAL(struct encl_universe, encl_universe_clear);

/* "amd64", "arm64" */
const char *encl_universe_arch(enum encl_arch arch);

/* Fetches and verifies what it needs. */
int encl_universe_load(struct encl_env *env, const struct encl_manifest *m,
		       const struct encl_apt_source *sources, size_t n,
		       struct encl_universe *out, struct encl_err *e) ENCL_MUST_CHECK;

/* The same from an open Packages file: for tests. */
int encl_universe_add(struct encl_universe *u, struct encl_suite *suite, FILE *packages,
		      const char *what, struct encl_err *e) ENCL_MUST_CHECK;
void encl_universe_init(struct encl_universe *u, enum encl_arch arch);

/* The parts of a dependency that has any; NULL for a plain name. */
static inline Reldep *
encl_reldep(const Pool *pool, Id id)
{
	return (uint32_t)id & 0x80000000U ? pool->rels + ((uint32_t)id ^ 0x80000000U)
					  : NULL;
}

/* What the index says of a solvable.  filename is checked: it stays below the
 * archive's root. */
struct encl_solvable {
	const char *name;
	const char *version;
	const char *arch;
	char *filename; /* malloc'ed */
	uint64_t size;
	struct encl_digest digest;
	const struct encl_suite *suite;
};
void encl_solvable_clear(struct encl_solvable *s);
ENCL_AUTO_VAL(struct encl_solvable, encl_solvable_clear);
int encl_solvable_read(const struct encl_universe *u, Id p, struct encl_solvable *out,
		       struct encl_err *e) ENCL_MUST_CHECK;

/* "pool/main/b/busybox/busybox_1.35.0-4+b3_amd64.deb": relative, no "..", no
 * empty component, printable, ends in .deb. */
bool encl_deb_filename_ok(const char *path);

#endif
