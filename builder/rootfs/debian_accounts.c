/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/passwd, group, shadow and gshadow (passwd(5)…): Debian's base accounts
 * where an image has none, then the accounts that packages declare in
 * sysusers.d(5) or make in their scripts.  Ids never depend on what else is
 * installed: they come from the table, and what the table lacks is counted
 * down from 990 in the order of names.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "rootfs/debian_internal.h"

enum { FIRST_FREE_ID = 990, LAST_FREE_ID = 100, GID_SHADOW = 42, NOGROUP = 65534 };

#define NOLOGIN "/usr/sbin/nologin"

/* The accounts of base-passwd's masters; a group of the same name and id
 * goes with each. */
static const struct {
	const char *name;
	uint32_t uid, gid;
	const char *home, *shell;
} base_users[] = {
	{"root", 0, 0, "/root", "/bin/bash"},
	{"daemon", 1, 1, "/usr/sbin", NOLOGIN},
	{"bin", 2, 2, "/bin", NOLOGIN},
	{"sys", 3, 3, "/dev", NOLOGIN},
	{"sync", 4, 65534, "/bin", "/bin/sync"},
	{"games", 5, 60, "/usr/games", NOLOGIN},
	{"man", 6, 12, "/var/cache/man", NOLOGIN},
	{"lp", 7, 7, "/var/spool/lpd", NOLOGIN},
	{"mail", 8, 8, "/var/mail", NOLOGIN},
	{"news", 9, 9, "/var/spool/news", NOLOGIN},
	{"uucp", 10, 10, "/var/spool/uucp", NOLOGIN},
	{"proxy", 13, 13, "/bin", NOLOGIN},
	{"www-data", 33, 33, "/var/www", NOLOGIN},
	{"backup", 34, 34, "/var/backups", NOLOGIN},
	{"list", 38, 38, "/var/list", NOLOGIN},
	{"irc", 39, 39, "/run/ircd", NOLOGIN},
	{"_apt", 42, 65534, "/nonexistent", NOLOGIN},
	{"nobody", 65534, 65534, "/nonexistent", NOLOGIN},
};

static const struct {
	const char *name;
	uint32_t gid;
} base_groups[] = {
	{"root", 0},	{"daemon", 1},	    {"bin", 2},	     {"sys", 3},
	{"adm", 4},	{"tty", 5},	    {"disk", 6},     {"lp", 7},
	{"mail", 8},	{"news", 9},	    {"uucp", 10},    {"man", 12},
	{"proxy", 13},	{"kmem", 15},	    {"dialout", 20}, {"fax", 21},
	{"voice", 22},	{"cdrom", 24},	    {"floppy", 25},  {"tape", 26},
	{"sudo", 27},	{"audio", 29},	    {"dip", 30},     {"www-data", 33},
	{"backup", 34}, {"operator", 37},   {"list", 38},    {"irc", 39},
	{"src", 40},	{"shadow", 42},	    {"utmp", 43},    {"video", 44},
	{"sasl", 45},	{"plugdev", 46},    {"staff", 50},   {"games", 60},
	{"users", 100}, {"nogroup", 65534},
};

/* Start of the line of a name, or NULL. */
static const char *
find_line(const struct encl_buf *file, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = encl_buf_text(file); *p;) {
		if (!strncmp(p, name, n) && p[n] == ':')
			return p;
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return NULL;
}

/* The third field of a line. */
static bool
line_id(const char *line, uint32_t *id)
{
	char text[16];
	uint64_t v;
	size_t n;

	for (int i = 0; i < 2; i++) {
		line += strcspn(line, ":\n");
		if (*line++ != ':')
			return false;
	}
	n = strcspn(line, ":\n");
	if (n >= sizeof text)
		return false;
	memcpy(text, line, n);
	text[n] = 0;
	if (!encl_parse_uint(text, 10, UINT32_MAX, &v))
		return false;
	*id = (uint32_t)v;
	return true;
}

bool
encl_debian_uid(const struct encl_debian *d, const char *name, uint32_t *uid)
{
	const char *line = find_line(&d->passwd, name);

	return line && line_id(line, uid);
}

bool
encl_debian_gid(const struct encl_debian *d, const char *name, uint32_t *gid)
{
	const char *line = find_line(&d->group, name);

	return line && line_id(line, gid);
}

static bool
id_taken(const struct encl_buf *file, uint32_t id)
{
	for (const char *p = encl_buf_text(file); *p;) {
		uint32_t other;

		if (line_id(p, &other) && other == id)
			return true;
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	return false;
}

/* The wanted id, or the next free one below 991; group ids are kept free too,
 * so that a user and its group can have the same. */
static uint32_t
free_id(const struct encl_debian *d, uint32_t wanted, bool given)
{
	if (given && !id_taken(&d->passwd, wanted) && !id_taken(&d->group, wanted))
		return wanted;
	for (uint32_t id = FIRST_FREE_ID; id > LAST_FREE_ID; id--)
		if (!id_taken(&d->passwd, id) && !id_taken(&d->group, id))
			return id;
	return wanted;
}

static void
end_line(struct encl_buf *file)
{
	if (file->len && file->data[file->len - 1] != '\n')
		encl_buf_add_byte(file, '\n');
}

static void
add_group(struct encl_debian *d, const char *name, uint32_t gid)
{
	if (find_line(&d->group, name))
		return;
	encl_buf_add_fmt(&d->group, "%s:x:%" PRIu32 ":\n", name, gid);
	encl_buf_add_fmt(&d->gshadow, "%s:*::\n", name);
}

static void
add_user(struct encl_debian *d, const char *name, uint32_t uid, uint32_t gid,
	 const char *gecos, const char *home, const char *shell)
{
	if (find_line(&d->passwd, name))
		return;
	encl_buf_add_fmt(&d->passwd, "%s:x:%" PRIu32 ":%" PRIu32 ":%s:%s:%s\n", name, uid,
			 gid, gecos, home, shell);
	/* no date of last change: the real one would be a clock's */
	encl_buf_add_fmt(&d->shadow, "%s:*::0:99999:7:::\n", name);
}

/* Adds a member at the end of a group's line. */
static void
add_member(struct encl_debian *d, const char *user, const char *group)
{
	const char *line = find_line(&d->group, group);
	encl_auto(encl_free) char *rest = NULL;
	const char *end;
	bool first;

	if (!line || strpbrk(user, ":,\n"))
		return;
	end = line + strcspn(line, "\n");
	first = end[-1] == ':';
	rest = encl_xstrdup(end);
	d->group.len = (size_t)(end - encl_buf_text(&d->group));
	encl_buf_add_fmt(&d->group, "%s%s%s", first ? "" : ",", user, rest);
}

static void
add_base(struct encl_debian *d)
{
	for (size_t i = 0; i < sizeof base_groups / sizeof *base_groups; i++)
		add_group(d, base_groups[i].name, base_groups[i].gid);
	for (size_t i = 0; i < sizeof base_users / sizeof *base_users; i++)
		add_user(d, base_users[i].name, base_users[i].uid, base_users[i].gid,
			 base_users[i].name, base_users[i].home, base_users[i].shell);
}

static int
load(struct encl_debian *d, const char *path, struct encl_buf *file, bool *there,
     struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	if (encl_debian_read(d, path, &text, &n, e))
		return -1;
	*there = text != NULL;
	encl_buf_add(file, text, n);
	end_line(file);
	return encl_buf_check(file, path, e);
}

/* Where there is no shadow file, one is made for the accounts that are there. */
static void
make_shadow(const struct encl_buf *from, struct encl_buf *to, const char *rest)
{
	for (const char *p = encl_buf_text(from); *p;) {
		size_t n = strcspn(p, ":\n");

		if (n && p[n] == ':')
			encl_buf_add_fmt(to, "%.*s:*%s\n", (int)n, p, rest);
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
}

static int
load_all(struct encl_debian *d, struct encl_err *e)
{
	bool passwd;
	bool group;
	bool shadow;
	bool gshadow;

	if (load(d, "etc/passwd", &d->passwd, &passwd, e) ||
	    load(d, "etc/group", &d->group, &group, e) ||
	    load(d, "etc/shadow", &d->shadow, &shadow, e) ||
	    load(d, "etc/gshadow", &d->gshadow, &gshadow, e))
		return -1;
	/* an image that has accounts and no shadow files keeps their passwords
	 * in passwd: none are made, they would lock them */
	d->shadow_known = !passwd || shadow;
	if (!passwd && !shadow)
		make_shadow(&d->passwd, &d->shadow, "::0:99999:7:::");
	if (!group && !gshadow)
		make_shadow(&d->group, &d->gshadow, "::");
	if (!passwd || !group)
		add_base(d);
	return 0;
}

/* ---- sysusers.d ---- */

/* Next field of a line: a word, or text in double quotes.  Cuts the text. */
static char *
next_field(char **p)
{
	char *start = *p + strspn(*p, " \t");
	char end = *start == '"' ? '"' : ' ';
	size_t n;

	if (!*start)
		return NULL;
	start += end == '"';
	n = end == '"' ? strcspn(start, "\"") : strcspn(start, " \t");
	*p = start + n + (start[n] != 0);
	start[n] = 0;
	return start;
}

static bool
is_name(const char *s)
{
	return s && *s && !strpbrk(s, ":,\n/ ") && strlen(s) < 32;
}

static void
apply_sysuser(struct encl_debian *d, char type, char *name, char *id_text, char *gecos,
	      char *home, char *shell)
{
	uint64_t id = 0;
	bool given = id_text && encl_parse_uint(id_text, 10, UINT32_MAX - 1, &id);
	uint32_t gid;

	for (size_t i = 0; !given && i < encl_debian_n_users; i++)
		if (!strcmp(encl_debian_users[i].name, name)) {
			id = encl_debian_users[i].id;
			given = true;
		}
	if (type == 'm') {
		if (is_name(id_text))
			add_member(d, name, id_text);
		return;
	}
	if (!encl_debian_gid(d, name, &gid)) {
		gid = free_id(d, (uint32_t)id, given);
		add_group(d, name, gid);
	}
	if (type != 'u' || find_line(&d->passwd, name))
		return;
	if (!gecos || strpbrk(gecos, ":\n") || !strcmp(gecos, "-"))
		gecos = name;
	add_user(d, name, id_taken(&d->passwd, gid) ? free_id(d, 0, false) : gid, gid,
		 gecos, home && *home == '/' ? home : "/",
		 shell && *shell == '/' ? shell : NOLOGIN);
}

static int
read_sysusers(struct encl_debian *d, const char *file, char *text, struct encl_err *e)
{
	(void)file;
	(void)e;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *p = line;
		char *type = next_field(&p);
		char *name = next_field(&p);
		char *id = next_field(&p);
		char *gecos = next_field(&p);
		char *home = next_field(&p);
		char *shell = next_field(&p);

		if (type && is_name(name) && strchr("ugm", type[0]))
			apply_sysuser(d, type[0], name, id, gecos, home, shell);
	}
	return 0;
}

static void
add_known(struct encl_debian *d, const struct encl_debian_user *u)
{
	uint32_t gid = u->id;

	if (!u->group) {
		if (!encl_debian_gid(d, u->name, &gid)) {
			gid = free_id(d, u->id, true);
			add_group(d, u->name, gid);
		}
	} else if (!encl_debian_gid(d, u->group, &gid)) {
		gid = NOGROUP;
	}
	if (!u->home || find_line(&d->passwd, u->name))
		return;
	add_user(d, u->name,
		 !u->group && !id_taken(&d->passwd, gid) ? gid : free_id(d, u->id, true),
		 gid, u->name, u->home, u->shell ? u->shell : NOLOGIN);
}

static int
store(struct encl_debian *d, struct encl_err *e)
{
	const struct {
		const char *path;
		const struct encl_buf *text;
		uint32_t mode, gid;
		bool write;
	} files[] = {{"etc/passwd", &d->passwd, 0644, 0, true},
		     {"etc/group", &d->group, 0644, 0, true},
		     {"etc/shadow", &d->shadow, 0640, GID_SHADOW, d->shadow_known},
		     {"etc/gshadow", &d->gshadow, 0640, GID_SHADOW, d->shadow_known}};

	if (encl_debian_begin(d, "accounts", e))
		return -1;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (encl_buf_check(files[i].text, files[i].path, e) ||
		    (files[i].write &&
		     encl_debian_file(d, files[i].path, files[i].mode, files[i].gid,
				      encl_buf_text(files[i].text), files[i].text->len,
				      e)))
			return -1;
	return encl_debian_end(d, e);
}

int
encl_debian_accounts(struct encl_debian *d, struct encl_err *e)
{
	if (load_all(d, e))
		return -1;
	for (size_t i = 0; i < encl_debian_n_users; i++)
		if (encl_debian_package(d, encl_debian_users[i].package))
			add_known(d, &encl_debian_users[i]);
	if (encl_debian_each(d, "usr/lib/sysusers.d", ".conf", read_sysusers, e))
		return -1;
	return store(d, e);
}
