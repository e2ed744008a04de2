/* SPDX-License-Identifier: Apache-2.0 */
/* Packages files into libsolv. */
#include "sources/universe.h"

#include <inttypes.h>
#include <solv/chksum.h>
#include <solv/poolarch.h>
#include <solv/repo.h>
#include <solv/repo_deb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "sources/deb.h"
#include "sources/index.h"

enum {
	PRIORITY_NORMAL = 500,
	PRIORITY_NOT_AUTOMATIC = 100, /* what apt gives such suites, or less */
	MAX_LINE = 4 << 20,
	MAX_FILENAME = 1024
};

void
encl_universe_clear(struct encl_universe *u)
{
	for (size_t i = 0; i < u->n; i++)
		encl_release_clear(&u->v[i].release);
	for (size_t i = 0; i < u->n_repos; i++)
		encl_apt_repos_clear(&u->repos[i]);
	free(u->v);
	free(u->repos);
	free(u->priority);
	free(u->essential);
	free(u->size);
	if (u->pool)
		pool_free(u->pool);
	memset(u, 0, sizeof *u);
}

const char *
encl_universe_arch(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? "amd64" : "arm64";
}

void
encl_universe_init(struct encl_universe *u, enum encl_arch arch)
{
	memset(u, 0, sizeof *u);
	u->pool = pool_create();
	pool_setdisttype(u->pool, DISTTYPE_DEB);
	pool_setarch(u->pool, encl_universe_arch(arch));
}

static uint8_t
priority_number(const char *text)
{
	static const char *const names[] = {"required", "important", "standard",
					    "optional", "extra"};

	for (uint8_t i = 0; i < 5; i++)
		if (!strcasecmp(text, names[i]))
			return i + 1;
	return 4;
}

/* Makes room for the elements of every name that the pool knows. */
static void
grow(struct encl_universe *u)
{
	Id n = u->pool->ss.nstrings;

	if (n <= u->names)
		return;
	u->priority = encl_xrealloc(u->priority, (size_t)n, 1);
	u->essential = encl_xrealloc(u->essential, (size_t)n, 1);
	memset(u->priority + u->names, 0, (size_t)(n - u->names));
	memset(u->essential + u->names, 0, (size_t)(n - u->names));
	u->names = n;
}

static const char *
value_of(const char *line, const char *field)
{
	size_t n = strlen(field);

	if (strncasecmp(line, field, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

/* What the scan finds of one stanza, in the order of the file. */
struct stanza {
	Id name;
	uint64_t size;
};
struct stanzas {
	struct stanza *v;
	size_t n;
};

static void
stanzas_clear(struct stanzas *s)
{
	free(s->v);
	memset(s, 0, sizeof *s);
}
ENCL_AUTO_VAL(struct stanzas, stanzas_clear);

static void
begin_stanza(struct encl_universe *u, struct stanzas *s, const char *package)
{
	/* doubled room: 2^k elements are full exactly when n is a power of two */
	if (!(s->n & (s->n - 1)))
		s->v = encl_xrealloc(s->v, s->n ? s->n * 2 : 1, sizeof *s->v);
	s->v[s->n++] = (struct stanza){pool_str2id(u->pool, package, 1), 0};
	grow(u);
}

static void
scan_line(struct encl_universe *u, struct stanzas *s, const char *line)
{
	struct stanza *last = &s->v[s->n - 1];
	const char *value;

	if ((value = value_of(line, "Essential")))
		u->essential[last->name] |= !strcasecmp(value, "yes");
	else if ((value = value_of(line, "Priority")))
		u->priority[last->name] = priority_number(value);
	else if ((value = value_of(line, "Size")) &&
		 !encl_parse_uint(value, 10, INT64_MAX, &last->size))
		last->size = 0;
}

/* The fields that libsolv does not keep. */
static int
scan(struct encl_universe *u, FILE *f, const char *what, struct stanzas *s,
     struct encl_err *e)
{
	encl_auto(encl_free) char *line = NULL;
	size_t room = 0;
	bool inside = false;
	ssize_t n;

	while ((n = getline(&line, &room, f)) >= 0) {
		const char *value;

		if (n > MAX_LINE || memchr(line, 0, (size_t)n))
			return encl_fail(e, ENCL_FAILED, "%s: not a list of packages",
					 what);
		while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = 0;
		if (!n) {
			inside = false;
		} else if ((value = value_of(line, "Package"))) {
			begin_stanza(u, s, value);
			inside = true;
		} else if (inside) {
			scan_line(u, s, line);
		}
	}
	if (ferror(f))
		return encl_fail_sys(e, ENCL_FAILED, "read %s", what);
	rewind(f);
	return 0;
}

/* libsolv makes one solvable a stanza, in the same order. */
static int
join(struct encl_universe *u, Id first, const struct stanzas *s, const char *what,
     struct encl_err *e)
{
	Id end = u->pool->nsolvables;
	bool same = (size_t)(end - first) == s->n;

	for (size_t i = 0; same && i < s->n; i++)
		same = u->pool->solvables[first + (Id)i].name == s->v[i].name;
	if (!same)
		return encl_fail(e, ENCL_FAILED, "%s: not a list of packages", what);
	u->size = encl_xrealloc(u->size, (size_t)end, sizeof *u->size);
	for (size_t i = 0; i < s->n; i++)
		u->size[first + (Id)i] = s->v[i].size;
	u->solvables = end;
	return 0;
}

int
encl_universe_add(struct encl_universe *u, struct encl_suite *suite, FILE *packages,
		  const char *what, struct encl_err *e)
{
	encl_auto(stanzas_clear) struct stanzas s = {.n = 0};
	Id first = u->pool->nsolvables;

	if (!suite->repo) {
		suite->repo = repo_create(u->pool, suite->release.repo->suite);
		suite->repo->appdata = suite;
		suite->repo->priority = suite->release.not_automatic
						? PRIORITY_NOT_AUTOMATIC
						: PRIORITY_NORMAL;
	}
	if (scan(u, packages, what, &s, e))
		return -1;
	if (repo_add_debpackages(suite->repo, packages, 0))
		return encl_fail(e, ENCL_FAILED, "%s: %s", what, pool_errstr(u->pool));
	return join(u, first, &s, what, e);
}

static int
add_components(struct encl_env *env, struct encl_universe *u, struct encl_suite *suite,
	       const char *arch, struct encl_err *e)
{
	const struct encl_apt_repo *repo = suite->release.repo;

	for (size_t i = 0; i < repo->components.n; i++) {
		encl_auto(encl_fclose) FILE *f = NULL;
		encl_auto(encl_free) char *what = encl_xasprintf(
			"%s/%s/Packages", repo->suite, repo->components.v[i]);

		if (encl_index_open(env, &suite->release, repo->components.v[i], arch, &f,
				    e) ||
		    encl_universe_add(u, suite, f, what, e))
			return -1;
	}
	return 0;
}

/* The same InRelease from another address is only another mirror. */
static bool
is_known(const struct encl_universe *u, size_t n, const struct encl_release *r)
{
	for (size_t i = 0; i < n; i++)
		if (encl_digest_equal(&u->v[i].release.digest, &r->digest))
			return true;
	return false;
}

static int
load_suites(struct encl_env *env, struct encl_universe *u, const char *arch,
	    struct encl_err *e)
{
	for (size_t i = 0; i < u->n_repos; i++)
		for (size_t k = 0; k < u->repos[i].n; k++) {
			struct encl_suite *s = &u->v[u->n];

			if (encl_release_fetch(env, &u->repos[i].v[k], &s->release, e))
				return -1;
			u->n++;
			if (is_known(u, u->n - 1, &s->release)) {
				encl_release_clear(&s->release);
				u->n--;
				continue;
			}
			if (add_components(env, u, s, arch, e))
				return -1;
		}
	return 0;
}

int
encl_universe_load(struct encl_env *env, const struct encl_manifest *m,
		   const struct encl_apt_source *sources, size_t n,
		   struct encl_universe *out, struct encl_err *e)
{
	encl_auto(encl_universe_clear) struct encl_universe u;
	size_t total = 0;

	encl_universe_init(&u, m->arch);
	u.repos = encl_xcalloc(n, sizeof *u.repos);
	for (size_t i = 0; i < n; i++) {
		if (encl_apt_repos_find(m, &sources[i], &u.repos[i], e)) {
			encl_auto(encl_free) char *at =
				encl_manifest_at(m, sources[i].pos);

			return encl_wrap(e, "%s%s", at, sources[i].suite);
		}
		u.n_repos++;
		total += u.repos[i].n;
	}
	u.v = encl_xcalloc(total, sizeof *u.v);
	if (load_suites(env, &u, encl_universe_arch(m->arch), e))
		return -1;
	grow(&u);
	*out = u;
	memset(&u, 0, sizeof u);
	return 0;
}

void
encl_solvable_clear(struct encl_solvable *s)
{
	free(s->filename);
	memset(s, 0, sizeof *s);
}

bool
encl_deb_filename_ok(const char *path)
{
	size_t n = strlen(path);

	if (n < 5 || n > MAX_FILENAME || strcmp(path + n - 4, ".deb") != 0)
		return false;
	for (const char *p = path; *p; p++) {
		bool start = p == path || p[-1] == '/';

		if (*p <= ' ' || *p > '~' || strchr("\\?#\"", *p))
			return false;
		if (start && (*p == '/' || *p == '.'))
			return false;
	}
	return true;
}

int
encl_solvable_read(const struct encl_universe *u, Id p, struct encl_solvable *out,
		   struct encl_err *e)
{
	Solvable *s = pool_id2solvable(u->pool, p);
	struct encl_solvable r = {.name = pool_id2str(u->pool, s->name),
				  .version = pool_id2str(u->pool, s->evr),
				  .arch = pool_id2str(u->pool, s->arch),
				  .suite = s->repo->appdata,
				  .digest = {.algo = ENCL_SHA256}};
	const char *file = solvable_lookup_location(s, NULL);
	const unsigned char *sum;
	Id type = 0;

	if (file && !strncmp(file, "./", 2))
		file += 2;
	if (!file || !encl_deb_filename_ok(file))
		return encl_fail(e, ENCL_FAILED,
				 "%s %s: its Filename in the index is not acceptable",
				 r.name, r.version);
	sum = solvable_lookup_bin_checksum(s, SOLVABLE_CHECKSUM, &type);
	if (!sum || type != REPOKEY_TYPE_SHA256)
		return encl_fail(e, ENCL_FAILED, "%s %s: no SHA256 in the index", r.name,
				 r.version);
	memcpy(r.digest.bytes, sum, encl_digest_size(ENCL_SHA256));
	r.size = p < u->solvables ? u->size[p] : 0;
	if (!r.size)
		return encl_fail(e, ENCL_FAILED, "%s %s: no Size in the index", r.name,
				 r.version);
	r.filename = encl_xstrdup(file);
	*out = r;
	return 0;
}
