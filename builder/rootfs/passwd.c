/* SPDX-License-Identifier: Apache-2.0 */
/* "user:group" and the lines of passwd(5) and group(5) to ids. */
#include "rootfs/passwd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"

enum { FIELDS = 7, GROUPS_MAX = 4096, SPEC_MAX = 255 };

/* A part of a line: not NUL-terminated. */
struct field {
	const char *at;
	size_t n;
};

struct line {
	struct field fields[FIELDS];
	size_t n;
	unsigned number; /* from 1 */
};

/* What is looked for: a number where it is one, else a name. */
struct wanted {
	const char *text;
	uint64_t id;
	bool is_id;
};

struct reader {
	const char *at;
	const char *end;
	unsigned number;
};

void
encl_user_clear(struct encl_user *u)
{
	free(u->groups);
	free(u->home);
	memset(u, 0, sizeof *u);
}

static bool
next_line(struct reader *r, struct line *line)
{
	const char *newline;
	const char *end;

	if (r->at == r->end)
		return false;
	newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	end = newline ? newline : r->end;
	memset(line, 0, sizeof *line);
	line->number = ++r->number;
	for (const char *p = r->at; line->n < FIELDS; p++) {
		const char *colon = memchr(p, ':', (size_t)(end - p));
		const char *stop = colon && line->n + 1 < FIELDS ? colon : end;

		line->fields[line->n++] = (struct field){p, (size_t)(stop - p)};
		if (stop == end)
			break;
		p = stop;
	}
	r->at = newline ? newline + 1 : r->end;
	return true;
}

static struct reader
reader_of(const char *text, size_t len)
{
	return (struct reader){text, text ? text + len : text, 0};
}

static bool
field_is(const struct field *f, const char *text)
{
	return f->n == strlen(text) && memcmp(f->at, text, f->n) == 0;
}

static bool
field_id(const struct field *f, uint64_t *out)
{
	char text[16];

	if (f->n >= sizeof text || memchr(f->at, 0, f->n))
		return false;
	memcpy(text, f->at, f->n);
	text[f->n] = 0;
	return encl_parse_uint(text, 10, UINT32_MAX - 1, out);
}

static struct wanted
wanted_of(const char *text)
{
	struct wanted w = {.text = text};

	w.is_id = encl_parse_uint(text, 10, UINT32_MAX - 1, &w.id);
	return w;
}

/* The first line whose name, or whose id in the third field, is the wanted one. */
static bool
find(struct reader r, const struct wanted *w, struct line *line)
{
	while (next_line(&r, line)) {
		uint64_t id;

		if (w->is_id) {
			if (line->n > 2 && field_id(&line->fields[2], &id) && id == w->id)
				return true;
		} else if (field_is(&line->fields[0], w->text)) {
			return true;
		}
	}
	return false;
}

/* ENCL_USAGE: WHAT "NAME" is not in FILE of the image. */
static int
not_there(const char *what, const char *name, const char *file, bool has_file,
	  struct encl_err *e)
{
	encl_auto(encl_free) char *shown = encl_escape(name, strlen(name));

	if (!has_file)
		return encl_fail(e, ENCL_USAGE, "%s \"%s\": the image has no %s", what,
				 shown, file);
	return encl_fail(e, ENCL_USAGE, "%s \"%s\" is not in %s of the image", what,
			 shown, file);
}

static int
malformed(const char *file, const struct line *line, const char *why, struct encl_err *e)
{
	return encl_fail(e, ENCL_FAILED, "%s:%u of the image: %s", file, line->number,
			 why);
}

static void
add_group(struct encl_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return;
	u->groups = encl_xrealloc(u->groups, u->n_groups + 1, sizeof *u->groups);
	u->groups[u->n_groups++] = gid;
}

static bool
is_member(const struct field *members, const struct field *name)
{
	const char *end = members->at + members->n;

	for (const char *p = members->at; p < end; p++) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - p) == name->n && memcmp(p, name->at, name->n) == 0)
			return true;
		p = stop;
	}
	return false;
}

static int
memberships(const struct encl_passwd *files, const struct field *name,
	    struct encl_user *u, struct encl_err *e)
{
	struct reader r = reader_of(files->group, files->group_len);
	struct line line;
	uint64_t gid;

	while (next_line(&r, &line)) {
		if (line.n < 4 || !is_member(&line.fields[3], name))
			continue;
		if (!field_id(&line.fields[2], &gid))
			return malformed("/etc/group", &line, "the group has no number",
					 e);
		if (u->n_groups >= GROUPS_MAX)
			return malformed("/etc/group", &line,
					 "the user is in more than 4096 groups", e);
		add_group(u, (uint32_t)gid);
	}
	return 0;
}

/* Fills uid, gid, home; *line is the user's, and line->n == 0 where there is none. */
static int
take_user(const struct encl_passwd *files, const char *name, struct encl_user *u,
	  struct line *line, struct encl_err *e)
{
	struct wanted w = wanted_of(*name ? name : "0");
	uint64_t uid;
	uint64_t gid;

	if (!find(reader_of(files->passwd, files->passwd_len), &w, line)) {
		memset(line, 0, sizeof *line);
		if (!w.is_id)
			return not_there("user", name, "/etc/passwd", files->passwd, e);
		u->uid = (uint32_t)w.id;
		u->home = encl_xstrdup("/");
		return 0;
	}
	if (line->n < 4 || !field_id(&line->fields[2], &uid) ||
	    !field_id(&line->fields[3], &gid))
		return malformed("/etc/passwd", line, "the user has no numbers", e);
	u->uid = (uint32_t)uid;
	u->gid = (uint32_t)gid;
	/* Login falls back to / as well. */
	u->home = line->n > 5 && line->fields[5].n && line->fields[5].at[0] == '/'
			  ? encl_xstrndup(line->fields[5].at, line->fields[5].n)
			  : encl_xstrdup("/");
	return 0;
}

static int
take_group(const struct encl_passwd *files, const char *name, struct encl_user *u,
	   struct encl_err *e)
{
	struct wanted w = wanted_of(name);
	struct line line;
	uint64_t gid;

	if (w.is_id) {
		u->gid = (uint32_t)w.id;
		return 0;
	}
	if (!find(reader_of(files->group, files->group_len), &w, &line))
		return not_there("group", name, "/etc/group", files->group, e);
	if (line.n < 3 || !field_id(&line.fields[2], &gid))
		return malformed("/etc/group", &line, "the group has no number", e);
	u->gid = (uint32_t)gid;
	return 0;
}

int
encl_passwd_lookup(const struct encl_passwd *files, const char *spec,
		   struct encl_user *out, struct encl_err *e)
{
	encl_auto(encl_user_clear) struct encl_user u = {0};
	char user[SPEC_MAX + 1];
	struct line line;
	char *group;

	spec = spec ? spec : "";
	if (strlen(spec) > SPEC_MAX)
		return encl_fail(e, ENCL_USAGE, "the user is longer than %d bytes",
				 SPEC_MAX);
	memcpy(user, spec, strlen(spec) + 1);
	group = strchr(user, ':');
	if (group)
		*group++ = 0;
	if (group && strchr(group, ':')) {
		encl_auto(encl_free) char *shown = encl_escape(spec, strlen(spec));

		return encl_fail(e, ENCL_USAGE, "user \"%s\" is not user or user:group",
				 shown);
	}
	if (take_user(files, user, &u, &line, e))
		return -1;
	if (group && *group && take_group(files, group, &u, e))
		return -1;
	add_group(&u, u.gid);
	if (!(group && *group) && line.n && memberships(files, &line.fields[0], &u, e))
		return -1;
	*out = u;
	memset(&u, 0, sizeof u);
	return 0;
}
