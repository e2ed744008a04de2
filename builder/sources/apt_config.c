/* SPDX-License-Identifier: Apache-2.0 */
/* The two formats of sources.list(5) and the choice of a suite's entries. */
#include "sources/apt_config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "base/stream.h"
#include "sources/deb822.h"

enum { MAX_CONFIG = 1 << 20, MAX_REPOS = 4096, FINGERPRINT_MIN = 40 };

#define DEFAULT_KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

void
encl_apt_repos_clear(struct encl_apt_repos *r)
{
	free(r->v);
	encl_arena_free(r->arena);
	memset(r, 0, sizeof *r);
}

static void
push(struct encl_arena *a, struct encl_strings *list, const char *s)
{
	const char **v = encl_arena_alloc(a, (list->n + 1) * sizeof *v);

	if (list->n)
		memcpy(v, list->v, list->n * sizeof *v);
	v[list->n++] = encl_arena_strdup(a, s);
	list->v = v;
}

static int
add_repo(struct encl_apt_repos *r, const struct encl_apt_repo *repo, const char *what,
	 struct encl_err *e)
{
	char *uri = encl_arena_strdup(r->arena, repo->uri);
	size_t n = strlen(uri);

	if (r->n == MAX_REPOS)
		return encl_fail(e, ENCL_FAILED, "%s: more than %d entries", what,
				 MAX_REPOS);
	while (n && uri[n - 1] == '/')
		uri[--n] = 0;
	r->v = encl_xrealloc(r->v, r->n + 1, sizeof *r->v);
	r->v[r->n] = *repo;
	r->v[r->n++].uri = uri;
	return 0;
}

static bool
is_fingerprint(const char *s)
{
	size_t n = strlen(s);

	if (n < FINGERPRINT_MIN)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)s[i]) && !(s[i] == '!' && i + 1 == n))
			return false;
	return true;
}

/* "FILE…", "FINGERPRINT…" or the key itself, as in sources.list(5). */
static void
set_signed_by(struct encl_apt_repos *r, struct encl_apt_repo *repo, char *value)
{
	char *p = value;
	char *word;

	if (strstr(value, "-----BEGIN PGP")) {
		repo->key_text = encl_arena_strdup(r->arena, value);
		return;
	}
	for (char *c = value; *c; c++)
		if (*c == ',')
			*c = ' ';
	while ((word = encl_deb822_word(&p))) {
		if (!is_fingerprint(word)) {
			push(r->arena, &repo->keyrings, word);
			continue;
		}
		for (char *c = word; *c; c++)
			*c = *c == '!' ? 0 : (char)toupper((unsigned char)*c);
		push(r->arena, &repo->fingerprints, word);
	}
}

static int
bad_line(const char *what, unsigned line, const char *why, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s:%u: %s", what, line, why);
}

/* "[a=b c=d]" at *p, which is moved behind it. */
static int
read_options(struct encl_apt_repos *r, struct encl_apt_repo *repo, char **p,
	     const char *what, unsigned line, struct encl_err *e)
{
	char *start = *p + strspn(*p, " \t");
	char *close;
	char *word;

	if (*start != '[')
		return 0;
	close = strchr(start, ']');
	if (!close)
		return bad_line(what, line, "\"[\" without \"]\"", e);
	*close = 0;
	*p = close + 1;
	for (start++; (word = encl_deb822_word(&start));) {
		if (!strncmp(word, "signed-by=", 10))
			set_signed_by(r, repo, word + 10);
		else if (!strncmp(word, "check-valid-until=", 18))
			repo->check_valid_until = encl_deb822_yes(word + 18);
	}
	return 0;
}

static int
parse_line(char *text, const char *what, unsigned line, struct encl_apt_repos *r,
	   struct encl_err *e)
{
	struct encl_apt_repo repo = {.check_valid_until = true};
	char *p = text;
	char *word;

	text[strcspn(text, "#")] = 0;
	word = encl_deb822_word(&p);
	if (!word || !strcmp(word, "deb-src"))
		return 0;
	if (strcmp(word, "deb") != 0)
		return bad_line(what, line, "does not begin with deb or deb-src", e);
	if (read_options(r, &repo, &p, what, line, e))
		return -1;
	repo.uri = encl_deb822_word(&p);
	repo.suite = encl_deb822_word(&p);
	if (!repo.uri || !repo.suite)
		return bad_line(what, line, "no address or no suite", e);
	repo.suite = encl_arena_strdup(r->arena, repo.suite);
	while ((word = encl_deb822_word(&p)))
		push(r->arena, &repo.components, word);
	return add_repo(r, &repo, what, e);
}

static int
parse_list(const char *text, size_t n, const char *what, struct encl_apt_repos *r,
	   struct encl_err *e)
{
	unsigned line = 0;

	for (size_t at = 0; at < n;) {
		const char *nl = memchr(text + at, '\n', n - at);
		size_t len = nl ? (size_t)(nl - text) - at : n - at;
		encl_auto(encl_free) char *copy = encl_xstrndup(text + at, len);

		if (parse_line(copy, what, ++line, r, e))
			return -1;
		at += len + 1;
	}
	return 0;
}

static bool
has_word(char *list, const char *wanted)
{
	char *word;

	while ((word = encl_deb822_word(&list)))
		if (!strcmp(word, wanted))
			return true;
	return false;
}

/* Comment lines go: they may stand between the lines of a field. */
static char *
without_comments(const char *text, size_t n, size_t *out_n)
{
	struct encl_buf b = {.cap = n + 1};

	for (size_t at = 0; at < n;) {
		const char *nl = memchr(text + at, '\n', n - at);
		size_t len = nl ? (size_t)(nl - text) - at + 1 : n - at;

		if (text[at] != '#')
			encl_buf_add(&b, text + at, len);
		at += len;
	}
	return (char *)encl_buf_steal(&b, out_n);
}

static int
parse_stanza(const char *s, size_t n, const char *what, struct encl_apt_repos *r,
	     struct encl_err *e)
{
	struct encl_apt_repo repo = {.check_valid_until = true};
	encl_auto(encl_free) char *types = encl_deb822_field(s, n, "Types");
	encl_auto(encl_free) char *enabled = encl_deb822_field(s, n, "Enabled");
	encl_auto(encl_free) char *uris = encl_deb822_field(s, n, "URIs");
	encl_auto(encl_free) char *suites = encl_deb822_field(s, n, "Suites");
	encl_auto(encl_free) char *components = encl_deb822_field(s, n, "Components");
	encl_auto(encl_free) char *signed_by = encl_deb822_field(s, n, "Signed-By");
	encl_auto(encl_free) char *check = encl_deb822_field(s, n, "Check-Valid-Until");
	char *p;
	char *uri;
	char *suite;

	if (enabled && !encl_deb822_yes(enabled))
		return 0;
	if (!types || !uris || !suites)
		return encl_fail(e, ENCL_FAILED,
				 "%s: a stanza has no Types, URIs or Suites", what);
	if (!has_word(types, "deb"))
		return 0;
	repo.check_valid_until = !check || encl_deb822_yes(check);
	if (signed_by)
		set_signed_by(r, &repo, signed_by);
	for (p = components; p && (suite = encl_deb822_word(&p));)
		push(r->arena, &repo.components, suite);
	for (p = uris; (uri = encl_deb822_word(&p));) {
		encl_auto(encl_free) char *copy = encl_xstrdup(suites);

		repo.uri = uri;
		for (char *q = copy; (suite = encl_deb822_word(&q));) {
			repo.suite = encl_arena_strdup(r->arena, suite);
			if (add_repo(r, &repo, what, e))
				return -1;
		}
	}
	return 0;
}

int
encl_apt_parse(const char *text, size_t n, bool deb822, const char *what,
	       struct encl_apt_repos *r, struct encl_err *e)
{
	encl_auto(encl_free) char *clean = NULL;
	struct encl_deb822 reader;
	const char *stanza;
	size_t len;

	if (!r->arena)
		r->arena = encl_arena_new();
	if (memchr(text, 0, n))
		return encl_fail(e, ENCL_FAILED, "%s: not a text file", what);
	if (!deb822)
		return parse_list(text, n, what, r, e);
	clean = without_comments(text, n, &n);
	reader = (struct encl_deb822){clean, clean + n};
	while (encl_deb822_next(&reader, &stanza, &len))
		if (parse_stanza(stanza, len, what, r, e))
			return -1;
	return 0;
}

static int
parse_file(const char *path, bool deb822, struct encl_apt_repos *r, struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	return encl_read_file(path, MAX_CONFIG, &text, &n, e) ||
			       encl_apt_parse(text, n, deb822, path, r, e)
		       ? -1
		       : 0;
}

static bool
ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n > m && !strcmp(s + n - m, suffix);
}

static int
keep_sources(const struct dirent *d)
{
	return ends_with(d->d_name, ".list") || ends_with(d->d_name, ".sources");
}

static int
keep_keyrings(const struct dirent *d)
{
	return ends_with(d->d_name, ".gpg") || ends_with(d->d_name, ".asc");
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Calls fn for the paths of a folder's files in byte order. */
static int
each_file(const char *folder, int (*keep)(const struct dirent *),
	  int (*fn)(const char *path, struct encl_apt_repos *r, struct encl_err *e),
	  struct encl_apt_repos *r, struct encl_err *e)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, keep, by_bytes);
	int rc = 0;

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", folder);
	for (int i = 0; i < n; i++) {
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/%s", folder, list[i]->d_name);

		free(list[i]);
		if (!rc)
			rc = fn(path, r, e);
	}
	free(list);
	return rc;
}

static int
add_sources(const char *path, struct encl_apt_repos *r, struct encl_err *e)
{
	return parse_file(path, ends_with(path, ".sources"), r, e);
}

/* A repo without Signed-By is believed where a key of trusted.gpg.d signed. */
static int
add_trusted(const char *path, struct encl_apt_repos *r, struct encl_err *e)
{
	(void)e;
	for (size_t i = 0; i < r->n; i++)
		if (!r->v[i].key_text)
			push(r->arena, &r->v[i].keyrings, path);
	return 0;
}

static const char *
apt_folder(void)
{
	const char *dir = getenv("ENCLAVEBUILD_APT_DIR");

	return dir && *dir ? dir : "/etc/apt";
}

static int
no_suite(const struct encl_apt_repos *all, const char *suite, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf known = {.cap = 512};

	for (size_t i = 0; i < all->n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(all->v[k].suite, all->v[i].suite);
		if (!seen)
			encl_buf_add_fmt(&known, "%s%s", known.len ? ", " : "",
					 all->v[i].suite);
	}
	return encl_fail(
		e, ENCL_HOST,
		"the machine's apt sources have no suite \"%s\" (they have: %s); "
		"give the source a \"mirror\"",
		suite, known.len ? encl_buf_text(&known) : "none");
}

/* Takes the entries of one suite out of all. */
static int
select_suite(struct encl_apt_repos *all, const struct encl_apt_source *source,
	     struct encl_apt_repos *out, struct encl_err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		struct encl_apt_repo repo = all->v[i];
		bool seen = false;

		if (strcmp(repo.suite, source->suite) != 0)
			continue;
		for (size_t k = 0; k < out->n && !seen; k++)
			seen = !strcmp(out->v[k].uri, repo.uri);
		if (seen)
			continue;
		repo.components = source->components;
		repo.check_valid_until &= source->check_valid_until;
		if (source->keyring) {
			repo.keyrings.n = repo.fingerprints.n = 0;
			repo.key_text = NULL;
			push(out->arena, &repo.keyrings, source->keyring);
		}
		if (add_repo(out, &repo, "apt sources", e))
			return -1;
	}
	return out->n ? 0 : no_suite(all, source->suite, e);
}

static int
from_machine(const struct encl_apt_source *source, struct encl_apt_repos *out,
	     struct encl_err *e)
{
	encl_auto(encl_apt_repos_clear) struct encl_apt_repos all = {.v = NULL};
	const char *dir = apt_folder();
	encl_auto(encl_free) char *list = encl_xasprintf("%s/sources.list", dir);
	encl_auto(encl_free) char *parts = encl_xasprintf("%s/sources.list.d", dir);
	encl_auto(encl_free) char *keys = encl_xasprintf("%s/trusted.gpg.d", dir);

	all.arena = encl_arena_new();
	if (parse_file(list, false, &all, e) ||
	    each_file(parts, keep_sources, add_sources, &all, e))
		return -1;
	for (size_t i = 0; i < all.n; i++) {
		struct encl_apt_repos one = {&all.v[i], 1, all.arena};

		if (!all.v[i].keyrings.n && !all.v[i].key_text &&
		    each_file(keys, keep_keyrings, add_trusted, &one, e))
			return -1;
	}
	/* what is chosen points into the arena that was parsed into */
	encl_arena_free(out->arena);
	out->arena = encl_take(all.arena, NULL);
	return select_suite(&all, source, out, e);
}

int
encl_apt_repos_find(const struct encl_manifest *m, const struct encl_apt_source *source,
		    struct encl_apt_repos *out, struct encl_err *e)
{
	encl_auto(encl_apt_repos_clear) struct encl_apt_repos r = {.v = NULL};
	encl_auto(encl_free) char *keyring = NULL;
	struct encl_apt_source s = *source;

	r.arena = encl_arena_new();
	if (s.keyring)
		s.keyring = keyring = encl_manifest_path(m, s.keyring);
	if (s.mirror) {
		struct encl_apt_repo repo = {.uri = s.mirror,
					     .suite = encl_arena_strdup(r.arena, s.suite),
					     .components = s.components,
					     .check_valid_until = s.check_valid_until};

		push(r.arena, &repo.keyrings, s.keyring ? s.keyring : DEFAULT_KEYRING);
		if (add_repo(&r, &repo, "mirror", e))
			return -1;
	} else if (from_machine(&s, &r, e)) {
		return -1;
	}
	*out = r;
	memset(&r, 0, sizeof r);
	return 0;
}
