/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says what becomes of maintainer scripts that are not run.  A script that
 * only has debhelper's sections is judged by these; any other one must be in
 * the table of scripts that somebody has read, by a hash of what is left when
 * comments, blanks, debhelper's sections and the package's own version are
 * taken out, so that a script that changes is noticed and one that is merely
 * rebuilt is not.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/parse.h"
#include "rootfs/debian_internal.h"

enum { MAX_SCRIPT = 16 << 20 };

#define SECTION	    "# Automatically added by "
#define SECTION_END "# End automatically added section"

static const struct {
	const char *name;
	enum encl_script verdict;
} sections[] = {
	/* no init system, no desktop, no upgrade, no byte code */
	{"dh_apparmor", ENCL_SCRIPT_HARMLESS},
	{"dh_icons", ENCL_SCRIPT_HARMLESS},
	{"dh_installdeb", ENCL_SCRIPT_HARMLESS},
	{"dh_installdebconf", ENCL_SCRIPT_HARMLESS},
	{"dh_installinit", ENCL_SCRIPT_HARMLESS},
	{"dh_installmenu", ENCL_SCRIPT_HARMLESS},
	{"dh_installmime", ENCL_SCRIPT_HARMLESS},
	{"dh_installsystemd", ENCL_SCRIPT_HARMLESS},
	{"dh_installsystemduser", ENCL_SCRIPT_HARMLESS},
	{"dh_installudev", ENCL_SCRIPT_HARMLESS},
	{"dh_makeshlibs", ENCL_SCRIPT_HARMLESS},
	{"dh_py3compile", ENCL_SCRIPT_HARMLESS},
	{"dh_python3", ENCL_SCRIPT_HARMLESS},
	{"dh_runit", ENCL_SCRIPT_HARMLESS},
	{"dh_systemd_enable", ENCL_SCRIPT_HARMLESS},
	{"dh_systemd_start", ENCL_SCRIPT_HARMLESS},
	{"dh_usrlocal", ENCL_SCRIPT_HARMLESS},
	{"pybuild", ENCL_SCRIPT_HARMLESS},
	/* debian_alternatives.c, debian_effects.c, debian_accounts.c */
	{"dh_installalternatives", ENCL_SCRIPT_HANDLED},
	{"dh_installsysusers", ENCL_SCRIPT_HANDLED},
	{"dh_installtmpfiles", ENCL_SCRIPT_HANDLED},
	{"dh_nginx", ENCL_SCRIPT_HANDLED},
	{"dh_sysusers", ENCL_SCRIPT_HANDLED},
};

static enum encl_script
section_verdict(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
		if (strlen(sections[i].name) == n && !strncmp(sections[i].name, name, n))
			return sections[i].verdict;
	return ENCL_SCRIPT_UNHANDLED;
}

/* Lines that do nothing by themselves: the frame of a script. */
static bool
is_frame(const char *line)
{
	static const char *const words[] = {":",
					    ";;",
					    "esac",
					    "set -e",
					    "set -eu",
					    "set -u",
					    "exit 0",
					    "exit 1",
					    "true",
					    "case \"$1\" in",
					    ". /usr/share/debconf/confmodule",
					    "db_stop"};
	size_t n = strlen(line);

	if (!n || *line == '#')
		return true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(line, words[i]))
			return true;
	if (!strncmp(line, "echo ", 5) && !strpbrk(line, "`$|;") &&
	    (!strchr(line, '>') || strstr(line, ">&2")))
		return true;
	if (!strncmp(line, "echo \"postinst called with unknown", 34) ||
	    !strncmp(line, "echo \"preinst called with unknown", 33))
		return true;
	/* a label: "configure)", "abort-upgrade|abort-remove)" */
	return line[n - 1] == ')' &&
	       strspn(line, "abcdefghijklmnopqrstuvwxyz-|*( ") == n - 1;
}

/* Blanks at both ends go, runs of them become one. */
static void
squeeze(char *line)
{
	char *out = line;

	for (char *p = line + strspn(line, " \t\r"); *p; p++) {
		if (!strchr(" \t\r", *p))
			*out++ = *p;
		else if (p[1] && !strchr(" \t\r", p[1]))
			*out++ = ' ';
	}
	*out = 0;
}

static void
add_line(struct encl_buf *out, const char *line, const char *version)
{
	size_t n = strlen(version);

	for (const char *p; n && (p = strstr(line, version)); line = p + n) {
		encl_buf_add(out, line, (size_t)(p - line));
		encl_buf_add_byte(out, '@');
	}
	encl_buf_add_str(out, line);
	encl_buf_add_byte(out, '\n');
}

static char *
residue(const struct encl_package *p, const char *script, enum encl_script *worst)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(script);
	struct encl_buf out = {.cap = MAX_SCRIPT};
	bool inside = false;

	for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		squeeze(line);
		if (!inside && !strncmp(line, SECTION, strlen(SECTION))) {
			const char *name = line + strlen(SECTION);
			enum encl_script v = section_verdict(name, strcspn(name, "/ "));

			*worst = v > *worst ? v : *worst;
			inside = true;
		} else if (!strncmp(line, SECTION_END, strlen(SECTION_END))) {
			inside = false;
		} else if (!inside && !is_frame(line)) {
			add_line(&out, line, p->version);
		}
	}
	return (char *)encl_buf_steal(&out, NULL);
}

char *
encl_debian_residue(const struct encl_package *p, const char *script, bool *known)
{
	enum encl_script worst = ENCL_SCRIPT_NONE;
	char *text = residue(p, script, &worst);

	*known = worst != ENCL_SCRIPT_UNHANDLED;
	return text;
}

static enum encl_script
look_up(const struct encl_package *p, const char *name, const char *text)
{
	struct encl_digest digest;
	char hex[2 * ENCL_DIGEST_MAX + 1];

	encl_digest_of(ENCL_SHA256, text, strlen(text), &digest);
	encl_hex(digest.bytes, 8, hex);
	for (size_t i = 0; i < encl_debian_n_known; i++) {
		const struct encl_debian_known *k = &encl_debian_known[i];

		if (!strcmp(k->package, p->name) && !strcmp(k->script, name) &&
		    !strcmp(k->hash, hex))
			return k->verdict;
	}
	return ENCL_SCRIPT_UNHANDLED;
}

enum encl_script
encl_debian_script(const struct encl_package *p, const char *name)
{
	const char *script = strcmp(name, "preinst") != 0 ? p->postinst : p->preinst;
	encl_auto(encl_free) char *text = NULL;
	enum encl_script worst = ENCL_SCRIPT_HARMLESS;
	enum encl_script verdict;

	if (!script)
		return ENCL_SCRIPT_NONE;
	text = residue(p, script, &worst);
	if (!*text)
		return worst;
	verdict = look_up(p, name, text);
	return verdict > worst ? verdict : worst;
}

int
encl_debian_scripts(struct encl_debian *d, bool strict, struct encl_err *e)
{
	static const char *const names[] = {"preinst", "postinst"};
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 700};

	for (size_t i = 0; i < d->set->n; i++)
		for (size_t k = 0; k < 2; k++) {
			const struct encl_package *p = &d->set->v[i];

			if (encl_debian_script(p, names[k]) == ENCL_SCRIPT_UNHANDLED)
				encl_buf_add_fmt(&list, "%s%s (%s)", list.len ? ", " : "",
						 p->name, names[k]);
		}
	if (!list.len)
		return 0;
	if (strict)
		return encl_fail(e, ENCL_FAILED,
				 "maintainer scripts with effects that are not made: "
				 "%s%s; leave out --strict-scripts if the enclave does "
				 "not need them",
				 encl_buf_text(&list), list.over ? ", …" : "");
	encl_warn(d->log, "maintainer scripts with effects that are not made: %s%s",
		  encl_buf_text(&list), list.over ? ", …" : "");
	return 0;
}
