/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update-alternatives(1): LINK -> /etc/alternatives/NAME -> the choice.  The
 * candidates are the literal "--install LINK NAME PATH PRIORITY [--slave …]"
 * commands of postinst scripts (debhelper writes them so, and so do most
 * others); commands with shell expansions are not understood and not guessed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "rootfs/debian_internal.h"

enum { MAX_WORDS = 512, MAX_COMMAND = 64 << 10 };

struct slave {
	char *link, *name, *path;
};

struct candidate {
	char *link, *name, *path;
	int64_t priority;
	struct slave *slaves;
	size_t n_slaves;
};

struct candidates {
	struct candidate *v;
	size_t n;
	struct encl_arena *arena;
};

static void
candidates_clear(struct candidates *c)
{
	free(c->v);
	encl_arena_free(c->arena);
}
ENCL_AUTO_VAL(struct candidates, candidates_clear);

static bool
is_path(const char *s)
{
	return *s == '/' && !strstr(s, "/..") && !strpbrk(s, "$`'\"*?(){}<>|&;\\");
}

static bool
is_name(const char *s)
{
	return *s && *s != '.' && !strpbrk(s, "/$`'\"*?(){}<>|&;\\");
}

/* "[-]digits" */
static bool
read_priority(const char *s, int64_t *out)
{
	uint64_t v;

	if (!encl_parse_uint(s + (*s == '-'), 10, 1000000, &v))
		return false;
	*out = *s == '-' ? -(int64_t)v : (int64_t)v;
	return true;
}

static bool
read_slaves(char **word, size_t n, struct encl_arena *a, struct candidate *c)
{
	c->slaves = encl_arena_alloc(a, (n / 4 + 1) * sizeof *c->slaves);
	for (size_t i = 0; i < n;) {
		struct slave *s = &c->slaves[c->n_slaves];

		if (!strcmp(word[i], "||") || !strcmp(word[i], ";"))
			return true; /* the command ends */
		if (strcmp(word[i], "--slave") != 0 || n - i < 4)
			return false;
		if (!is_path(word[i + 1]) || !is_name(word[i + 2]) ||
		    !is_path(word[i + 3]))
			return false;
		*s = (struct slave){word[i + 1], word[i + 2], word[i + 3]};
		c->n_slaves++;
		i += 4;
	}
	return true;
}

/* Words behind "update-alternatives"; they live in the arena. */
static void
read_command(char **word, size_t n, struct candidates *all)
{
	struct candidate c = {.link = NULL};
	size_t i = 0;

	while (i < n && !strncmp(word[i], "--", 2) && strcmp(word[i], "--install") != 0)
		i++; /* --quiet, --force */
	if (n - i < 5 || strcmp(word[i], "--install") != 0)
		return;
	c.link = word[i + 1];
	c.name = word[i + 2];
	c.path = word[i + 3];
	if (!is_path(c.link) || !is_name(c.name) || !is_path(c.path) ||
	    !read_priority(word[i + 4], &c.priority) ||
	    !read_slaves(word + i + 5, n - i - 5, all->arena, &c))
		return;
	all->v = encl_xrealloc(all->v, all->n + 1, sizeof *all->v);
	all->v[all->n++] = c;
}

static void
read_script(const char *script, struct candidates *all)
{
	for (const char *p = script; (p = strstr(p, "update-alternatives"));) {
		encl_auto(encl_buf_clear) struct encl_buf line = {.cap = MAX_COMMAND};
		char *word[MAX_WORDS];
		size_t n = 0;
		char *text;

		/* to the end of the line, and on where a backslash ends it */
		for (p += strlen("update-alternatives"); *p && *p != '\n'; p++) {
			if (p[0] == '\\' && p[1] == '\n')
				encl_buf_add_byte(&line, (uint8_t)(*p++ ? ' ' : 0));
			else
				encl_buf_add_byte(&line, (uint8_t)*p);
		}
		text = encl_arena_strdup(all->arena, encl_buf_text(&line));
		for (char *save = NULL, *w = strtok_r(text, " \t\r", &save);
		     w && n < MAX_WORDS; w = strtok_r(NULL, " \t\r", &save))
			word[n++] = w;
		read_command(word, n, all);
	}
}

/* By name, then the one that wins first. */
static int
by_choice(const void *a, const void *b)
{
	const struct candidate *x = a;
	const struct candidate *y = b;
	int order = strcmp(x->name, y->name);

	if (order)
		return order;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->path, y->path);
}

/* "legacy" is /usr/sbin/iptables-legacy of iptables; a whole path is itself. */
static bool
is_choice(const struct candidate *c, const char *choice)
{
	const char *base = strrchr(c->path, '/') + 1;
	size_t n = strlen(c->name);

	if (!strcmp(c->path, choice) || !strcmp(base, choice))
		return true;
	return !strncmp(base, c->name, n) && strchr("-._", base[n]) && base[n] &&
	       !strcmp(base + n + 1, choice);
}

/* What the manifest says for a name; ip6tables follows iptables. */
static const char *
wanted(const struct encl_debian *d, const char *name)
{
	const struct encl_pairs *p = &d->options->alternatives;

	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].key, name))
			return p->v[i].value;
	return !strcmp(name, "ip6tables") ? wanted(d, "iptables") : NULL;
}

static int
bad_choice(const struct candidate *v, size_t n, const char *choice, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 512};

	for (size_t i = 0; i < n; i++)
		encl_buf_add_fmt(&list, "%s%s", i ? ", " : "", v[i].path);
	return encl_fail(e, ENCL_USAGE,
			 "alternatives: %s has no choice \"%s\"; there are %s", v->name,
			 choice, encl_buf_text(&list));
}

static int
link_pair(struct encl_debian *d, const char *link, const char *name, const char *path,
	  struct encl_err *e)
{
	encl_auto(encl_free) char *middle = encl_xasprintf("etc/alternatives/%s", name);
	encl_auto(encl_free) char *target = encl_xasprintf("/%s", middle);
	const struct encl_node *old = encl_tree_find_nofollow(d->tree, link);

	/* as update-alternatives: never over a file that a package ships */
	if (old && old->inode->type != ENCL_SYMLINK)
		return 0;
	return encl_debian_link(d, middle, path, e) ||
			       encl_debian_link(d, link + 1, target, e)
		       ? -1
		       : 0;
}

static int
install(struct encl_debian *d, const struct candidate *c, struct encl_err *e)
{
	if (link_pair(d, c->link, c->name, c->path, e))
		return -1;
	for (size_t i = 0; i < c->n_slaves; i++) {
		const struct slave *s = &c->slaves[i];

		if (encl_tree_find(d->tree, s->path) &&
		    link_pair(d, s->link, s->name, s->path, e))
			return -1;
	}
	return 0;
}

/* The candidates of one name, best first. */
static int
decide(struct encl_debian *d, const struct candidate *v, size_t n, struct encl_err *e)
{
	const char *choice = wanted(d, v->name);

	for (size_t i = 0; i < n; i++)
		if (!choice || is_choice(&v[i], choice))
			return install(d, &v[i], e);
	if (strcmp(v->name, "ip6tables") != 0)
		return bad_choice(v, n, choice, e);
	return install(d, &v[0], e);
}

/* Every name of the manifest must be an alternative. */
static int
check_names(const struct encl_debian *d, const struct candidates *all, struct encl_err *e)
{
	const struct encl_pairs *p = &d->options->alternatives;

	for (size_t i = 0; i < p->n; i++) {
		encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 512};
		bool found = false;

		for (size_t k = 0; k < all->n; k++) {
			found = found || !strcmp(all->v[k].name, p->v[i].key);
			if (!k || strcmp(all->v[k].name, all->v[k - 1].name) != 0)
				encl_buf_add_fmt(&list, "%s%s", k ? ", " : "",
						 all->v[k].name);
		}
		if (!found)
			return encl_fail(e, ENCL_USAGE,
					 "alternatives: no package has \"%s\"; there "
					 "are %s",
					 p->v[i].key,
					 list.len ? encl_buf_text(&list) : "none");
	}
	return 0;
}

int
encl_debian_alternatives(struct encl_debian *d, struct encl_err *e)
{
	encl_auto(candidates_clear) struct candidates all = {.n = 0};
	size_t kept = 0;

	all.arena = encl_arena_new();
	for (size_t i = 0; i < d->set->n; i++)
		if (d->set->v[i].postinst)
			read_script(d->set->v[i].postinst, &all);
	for (size_t i = 0; i < all.n; i++)
		if (encl_tree_find(d->tree, all.v[i].path))
			all.v[kept++] = all.v[i];
	all.n = kept;
	if (all.n)
		qsort(all.v, all.n, sizeof *all.v, by_choice);
	if (check_names(d, &all, e) || encl_debian_begin(d, "alternatives", e))
		return -1;
	for (size_t i = 0; i < all.n;) {
		size_t n = 1;

		while (i + n < all.n && !strcmp(all.v[i + n].name, all.v[i].name))
			n++;
		if (decide(d, &all.v[i], n, e))
			return -1;
		i += n;
	}
	return encl_debian_end(d, e);
}
