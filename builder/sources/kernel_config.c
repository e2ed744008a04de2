/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of a kernel's .config to yes and no: lines "CONFIG_NAME=value", where
 * "# CONFIG_NAME is not set" and a missing line both mean no.
 */
#include "sources/kernel_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "embedded.h"
#include "sources/table.h"

/* The value of a line "CONFIG_<option>=", or NULL. */
static const char *
find_value(const char *config, const char *option)
{
	size_t n = strlen(option);

	for (const char *p = config; (p = strstr(p, "CONFIG_")); p += 7) {
		if (p != config && p[-1] != '\n')
			continue;
		if (!strncmp(p + 7, option, n) && p[7 + n] == '=')
			return p + 7 + n + 1;
	}
	return NULL;
}

enum encl_kconfig
encl_kernel_config_get(const char *config, const char *option)
{
	const char *v = find_value(config, option);

	if (!v)
		return ENCL_KCONFIG_ABSENT;
	if (v[0] == 'n' && (!v[1] || v[1] == '\n' || v[1] == '\r'))
		return ENCL_KCONFIG_ABSENT;
	if (v[0] == 'y' && (!v[1] || v[1] == '\n' || v[1] == '\r'))
		return ENCL_KCONFIG_BUILTIN;
	if (v[0] == 'm' && (!v[1] || v[1] == '\n' || v[1] == '\r'))
		return ENCL_KCONFIG_MODULE;
	return ENCL_KCONFIG_VALUE;
}

/* "6.1.0-40" -> "6.1" */
static size_t
major_minor(const char *version)
{
	size_t n = strspn(version, "0123456789");

	if (n == 0 || version[n] != '.')
		return 0;
	return n + 1 + strspn(version + n + 1, "0123456789");
}

/* "# Linux/x86 6.1.192 Kernel Configuration": where 6 stands, or NULL. */
static const char *
find_version(const char *config)
{
	const char *p = strstr(config, "# Linux/");

	if (!p)
		return NULL;
	p += strcspn(p + 2, " \n") + 2;
	return p + strspn(p, " ");
}

bool
encl_kernel_config_version(const char *config, unsigned *major, unsigned *minor)
{
	const char *p = find_version(config);

	if (!p || major_minor(p) == 0)
		return false;
	*major = (unsigned)strtoul(p, NULL, 10);
	*minor = (unsigned)strtoul(p + strcspn(p, ".") + 1, NULL, 10);
	return true;
}

static int
check_version(const char *config, const char *what, const char *release,
	      struct encl_err *e)
{
	const char *version = find_version(config);
	size_t want = major_minor(release);
	size_t n;

	if (!version || want == 0)
		return 0;
	n = major_minor(version);
	if (n == want && !strncmp(version, release, n))
		return 0;
	return encl_fail(e, ENCL_USAGE, "%s is of Linux %.*s, but the image is %s", what,
			 (int)(n < 32 ? n : 32), version, release);
}

int
encl_kernel_config_read(const char *config, size_t n, const char *what,
			enum encl_arch arch, const char *release, struct encl_err *e)
{
	const char *mine = arch == ENCL_ARCH_X86_64 ? "X86_64" : "ARM64";
	const char *other = arch == ENCL_ARCH_X86_64 ? "ARM64" : "X86_64";

	if (strlen(config) != n || !strstr(config, "\nCONFIG_"))
		return encl_fail(e, ENCL_USAGE, "%s is not a kernel configuration", what);
	if (encl_kernel_config_get(config, mine) != ENCL_KCONFIG_BUILTIN)
		return encl_fail(
			e, ENCL_USAGE, "%s is %s%s, but arch is %s", what,
			encl_kernel_config_get(config, other) == ENCL_KCONFIG_BUILTIN
				? "for CONFIG_"
				: "without CONFIG_",
			encl_kernel_config_get(config, other) == ENCL_KCONFIG_BUILTIN
				? other
				: mine,
			encl_arch_name(arch));
	return check_version(config, what, release, e);
}

static const char *
init_name(enum encl_init_kind kind)
{
	static const char *const names[] = {"builtin", "aws", "path"};

	return names[kind];
}

/* Does a service have a limit of that kind? */
static bool
is_limited(const struct encl_manifest *m, const char *kind)
{
	for (size_t i = 0; i < m->n_services; i++) {
		const struct encl_limits *l = &m->services[i].unit.limits;

		if ((l->memory_mib && !strcmp(kind, "memory")) ||
		    (l->cpu_milli && !strcmp(kind, "cpus")) ||
		    (l->pids && !strcmp(kind, "pids")))
			return true;
	}
	return false;
}

/* One condition of the column "when". */
static int
holds(const char *word, size_t n, const struct encl_kernel_files *k,
      const struct encl_manifest *m, bool *yes, struct encl_err *e)
{
	char text[64];

	if (n >= sizeof text)
		return encl_fail(e, ENCL_FAILED, "condition of %zu characters", n);
	memcpy(text, word, n);
	text[n] = 0;
	if (!strcmp(text, "always"))
		*yes = true;
	else if (!strcmp(text, "x86_64") || !strcmp(text, "aarch64"))
		*yes = !strcmp(text, encl_arch_name(m->arch));
	else if (!strcmp(text, "modules"))
		*yes = k->n_modules > 0;
	else if (!strcmp(text, "docker"))
		*yes = m->docker.given;
	else if (!strncmp(text, "compression=", 12))
		*yes = !strcmp(text + 12, encl_compression_name(m->boot.compression));
	else if (!strncmp(text, "format=", 7))
		*yes = !strcmp(text + 7, m->boot.format == ENCL_ROOT_SQUASHFS ? "squashfs"
									      : "cpio");
	else if (!strncmp(text, "init=", 5))
		*yes = !strcmp(text + 5, init_name(m->boot.init));
	else if (!strncmp(text, "limit=", 6))
		*yes = is_limited(m, text + 6);
	else
		return encl_fail(e, ENCL_FAILED, "unknown condition \"%s\"", text);
	return 0;
}

static int
applies(const char *when, const struct encl_kernel_files *k,
	const struct encl_manifest *m, bool *yes, struct encl_err *e)
{
	bool one = true;

	*yes = true;
	while (*when) {
		size_t n = strcspn(when, ",");

		if (holds(when, n, k, m, &one, e))
			return -1;
		*yes = *yes && one;
		when += n + (when[n] == ',');
	}
	return 0;
}

static int
satisfied(const char *wanted, enum encl_kconfig is, bool *yes, struct encl_err *e)
{
	if (!strcmp(wanted, "y"))
		*yes = is == ENCL_KCONFIG_BUILTIN;
	else if (!strcmp(wanted, "m"))
		*yes = is == ENCL_KCONFIG_BUILTIN || is == ENCL_KCONFIG_MODULE;
	else if (!strcmp(wanted, "set"))
		*yes = is != ENCL_KCONFIG_ABSENT;
	else
		return encl_fail(e, ENCL_FAILED, "unknown want \"%s\"", wanted);
	return 0;
}

static int
check_row(const struct encl_table_row *row, const struct encl_kernel_files *k,
	  const struct encl_manifest *m, struct encl_buf *missing, struct encl_err *e)
{
	enum encl_kconfig is;
	bool yes;

	if (applies(row->column[2], k, m, &yes, e))
		return encl_wrap(e, "table line %u", row->line);
	if (!yes)
		return 0;
	is = encl_kernel_config_get(k->config, row->column[0]);
	if (satisfied(row->column[1], is, &yes, e))
		return encl_wrap(e, "table line %u", row->line);
	if (yes)
		return 0;
	encl_buf_add_fmt(missing, "%sCONFIG_%s%s (%s needs it)", missing->len ? "; " : "",
			 row->column[0], is == ENCL_KCONFIG_MODULE ? "=y, not =m" : "",
			 row->column[3]);
	return 0;
}

int
encl_kernel_check_table(const char *table, const struct encl_kernel_files *k,
			const struct encl_manifest *m, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 64 << 10};
	struct encl_table_row row;
	unsigned line = 0;
	bool found;

	for (;;) {
		if (encl_table_next(&table, &line, 4, &row, &found, e))
			return encl_wrap(e, "kernel requirements");
		if (!found)
			break;
		if (check_row(&row, k, m, &missing, e))
			return encl_wrap(e, "kernel requirements");
	}
	if (missing.len == 0)
		return 0;
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->boot.kernel.pos);

	return encl_fail(e, ENCL_USAGE, "%sboot.kernel: the kernel lacks %s", at,
			 encl_buf_text(&missing));
}

int
encl_kernel_check(const struct encl_kernel_files *k, const struct encl_manifest *m,
		  struct encl_err *e)
{
	return encl_kernel_check_table((const char *)encl_embedded_kernel_requirements, k,
				       m, e);
}
