/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Module files to a load order: the wanted ones by the table of
 * manifests/modules.txt, each after what its .modinfo says it depends on
 * (depth first, in the order of the lists: the same order everywhere).
 */
#include "sources/kernel_modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sources/kernel_config.h"
#include "sources/kernel_expand.h"
#include "sources/kernel_netfilter.h"
#include "sources/table.h"

void
encl_module_index_clear(struct encl_module_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->v[i].name);
		free(x->v[i].path);
		encl_blob_unref(x->v[i].content.blob);
	}
	for (size_t i = 0; i < x->n_builtin; i++)
		free(x->builtin[i]);
	free(x->v);
	free(x->builtin);
	memset(x, 0, sizeof *x);
}

void
encl_module_list_clear(struct encl_module_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof *l);
}

static char *
normalise(const char *name, size_t n)
{
	char *out = encl_xstrndup(name, n);

	for (char *p = out; *p; p++)
		if (*p == '-')
			*p = '_';
	return out;
}

char *
encl_module_name(const char *path)
{
	static const char *const ends[] = {".ko", ".ko.xz", ".ko.zst", ".ko.gz"};
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t n = strlen(base);

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		size_t k = strlen(ends[i]);

		if (n > k && n - k < 128 && !strcmp(base + n - k, ends[i]))
			return normalise(base, n - k);
	}
	return NULL;
}

int
encl_module_index_add(struct encl_module_index *x, const char *path,
		      const struct encl_content *content, struct encl_err *e)
{
	char *name = encl_module_name(path);

	if (!name)
		return 0;
	if (x->n == ENCL_MODULES_MAX) {
		free(name);
		return encl_fail(e, ENCL_FAILED, "more than %d kernel modules",
				 ENCL_MODULES_MAX);
	}
	if (x->n == x->room) {
		x->room = x->room ? x->room * 2 : 64;
		x->v = encl_xrealloc(x->v, x->room, sizeof *x->v);
	}
	x->v[x->n] = (struct encl_module_file){.name = name, .path = encl_xstrdup(path)};
	if (content) {
		x->v[x->n].content = *content;
		encl_blob_ref(content->blob);
	}
	x->n++;
	x->sorted = false;
	return 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void
encl_module_index_builtin(struct encl_module_index *x, const char *text)
{
	size_t room = x->n_builtin;

	while (*text) {
		size_t n = strcspn(text, "\n");
		encl_auto(encl_free) char *line = encl_xstrndup(text, n);
		char *name = encl_module_name(line);

		text += n + (text[n] == '\n');
		if (!name)
			continue;
		if (x->n_builtin == room) {
			room = room ? room * 2 : 64;
			x->builtin = encl_xrealloc(x->builtin, room, sizeof *x->builtin);
		}
		x->builtin[x->n_builtin++] = name;
	}
	if (x->n_builtin)
		qsort(x->builtin, x->n_builtin, sizeof *x->builtin, by_text);
}

static int
by_name(const void *a, const void *b)
{
	const struct encl_module_file *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c ? c : strcmp(x->path, y->path);
}

const struct encl_module_file *
encl_module_find(struct encl_module_index *x, const char *name)
{
	size_t low = 0, high = x->n;

	if (!x->sorted && x->n)
		qsort(x->v, x->n, sizeof *x->v, by_name);
	x->sorted = true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(x->v[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < x->n && !strcmp(x->v[low].name, name) ? &x->v[low] : NULL;
}

int
encl_module_open(struct encl_env *env, const struct encl_module_file *file,
		 struct encl_content *out, struct encl_err *e)
{
	struct encl_content local = file->content;
	int rc;

	if (local.blob)
		return encl_kernel_expand(env, &local, ENCL_MODULE_MAX, file->path, out,
					  e);
	if (encl_kernel_open_file(file->path, "kernel module", ENCL_MODULE_MAX, &local,
				  e))
		return -1;
	rc = encl_kernel_expand(env, &local, ENCL_MODULE_MAX, file->path, out, e);
	encl_blob_unref(local.blob);
	return rc;
}

/* ---- selection ---- */

struct selection {
	struct encl_env *env;
	struct encl_module_index *x;
	const char *release;
	struct encl_module_list *out;
	unsigned depth;
};

static bool
is_built_in(const struct encl_module_index *x, const char *name)
{
	return x->n_builtin &&
	       bsearch(&name, x->builtin, x->n_builtin, sizeof *x->builtin, by_text);
}

static bool
is_taken(const struct encl_module_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->v[i], name))
			return true;
	return false;
}

static void
append(struct encl_module_list *l, const char *name)
{
	l->v = encl_xrealloc(l->v, l->n + 1, sizeof *l->v);
	l->v[l->n++] = encl_xstrdup(name);
}

static int
check_release(const struct selection *s, const struct encl_module_file *file,
	      const struct encl_module_info *info, struct encl_err *e)
{
	size_t n = strcspn(info->vermagic, " ");

	if (!*s->release || !n)
		return 0;
	if (n == strlen(s->release) && !strncmp(info->vermagic, s->release, n))
		return 0;
	return encl_fail(e, ENCL_USAGE, "module %s is for kernel %.*s, the image is %s",
			 file->path, (int)n, info->vermagic, s->release);
}

static int select_one(struct selection *s, const char *name, const char *why,
		      struct encl_err *e);

static int
select_depends(struct selection *s, const char *name, const char *depends,
	       struct encl_err *e)
{
	while (*depends) {
		size_t n = strcspn(depends, ",");
		encl_auto(encl_free) char *one = normalise(depends, n);

		if (n && select_one(s, one, name, e))
			return -1;
		depends += n + (depends[n] == ',');
	}
	return 0;
}

/* Limited by ENCL_MODULE_DEPTH, which a cycle runs into as well. */
static int
select_one(struct selection *s, const char *name, const char *why, struct encl_err *e)
{
	encl_auto(encl_module_info_clear) struct encl_module_info info = {NULL, NULL};
	const struct encl_module_file *file;
	struct encl_content content;
	int rc;

	if (is_taken(s->out, name) || is_built_in(s->x, name))
		return 0;
	file = encl_module_find(s->x, name);
	if (!file)
		return encl_fail(e, ENCL_USAGE,
				 "kernel module %s is missing (%s needs it)", name, why);
	if (++s->depth > ENCL_MODULE_DEPTH)
		return encl_fail(
			e, ENCL_USAGE,
			"kernel module %s: dependencies deeper than %d, or a cycle", name,
			ENCL_MODULE_DEPTH);
	if (encl_module_open(s->env, file, &content, e))
		return -1;
	rc = encl_module_info_read(&content, file->path, &info, e);
	encl_blob_unref(content.blob);
	if (rc || check_release(s, file, &info, e) ||
	    select_depends(s, name, info.depends, e))
		return -1;
	s->depth--;
	append(s->out, name);
	return 0;
}

/* Features that are not for every image; the others of the table are. */
static bool
wants_squashfs(const struct encl_manifest *m, const char *config)
{
	(void)config;
	return m->boot.format == ENCL_ROOT_SQUASHFS;
}

static enum encl_netfilter
backend(const struct encl_manifest *m, const char *config)
{
	if (!encl_netfilter_wanted(m))
		return ENCL_NETFILTER_NONE;
	return encl_kernel_netfilter(config, true, encl_netfilter_asked(m), NULL);
}

static bool
wants_bridge(const struct encl_manifest *m, const char *config)
{
	return backend(m, config) != ENCL_NETFILTER_NONE;
}

static bool
wants_nft(const struct encl_manifest *m, const char *config)
{
	return backend(m, config) == ENCL_NETFILTER_NFT;
}

static bool
wants_legacy(const struct encl_manifest *m, const char *config)
{
	return backend(m, config) == ENCL_NETFILTER_LEGACY;
}

static const struct {
	const char *name;
	bool (*wanted)(const struct encl_manifest *m, const char *config);
} features[] = {
	{"squashfs", wants_squashfs},
	{"docker-bridge", wants_bridge},
	{"docker-nft", wants_nft},
	{"docker-legacy", wants_legacy},
};

static bool
feature_wanted(const struct encl_manifest *m, const char *config, const char *feature)
{
	for (size_t i = 0; i < sizeof features / sizeof *features; i++)
		if (!strcmp(features[i].name, feature))
			return features[i].wanted(m, config);
	return true;
}

/* column: feature, module, option, need */
static int
select_row(struct selection *s, const struct encl_table_row *row, const char *config,
	   const struct encl_manifest *m, struct encl_err *e)
{
	enum encl_kconfig is = encl_kernel_config_get(config, row->column[2]);
	bool required = !strcmp(row->column[3], "required");

	if (!required && strcmp(row->column[3], "optional") != 0)
		return encl_fail(e, ENCL_FAILED, "table line %u: unknown need \"%s\"",
				 row->line, row->column[3]);
	if (!feature_wanted(m, config, row->column[0]))
		return 0;
	/* Not set at all: the table of requirements has the say. */
	if (is == ENCL_KCONFIG_BUILTIN ||
	    (is == ENCL_KCONFIG_ABSENT && !encl_module_find(s->x, row->column[1])))
		return 0;
	if (!required && !encl_module_find(s->x, row->column[1])) {
		if (s->x->n) /* of blobs, nsm.ko lies apart */
			encl_info(s->env->log, "kernel module %s is not there: no %s",
				  row->column[1], row->column[0]);
		return 0;
	}
	if (is == ENCL_KCONFIG_MODULE && !encl_module_find(s->x, row->column[1]))
		return encl_fail(e, ENCL_USAGE,
				 "kernel module %s is missing (%s needs it; the kernel "
				 "has CONFIG_%s=m)",
				 row->column[1], row->column[0], row->column[2]);
	return select_one(s, row->column[1], row->column[0], e);
}

int
encl_modules_select(struct encl_env *env, struct encl_module_index *x, const char *table,
		    const char *config, const char *release,
		    const struct encl_manifest *m, struct encl_module_list *out,
		    struct encl_err *e)
{
	const struct encl_strings *extra = &m->boot.kernel.extra_modules;
	encl_auto(encl_module_list_clear) struct encl_module_list list = {NULL, 0};
	struct selection s = {env, x, release, &list, 0};
	struct encl_table_row row;
	unsigned line = 0;
	bool found;

	for (;;) {
		if (encl_table_next(&table, &line, 4, &row, &found, e))
			return encl_wrap(e, "module list");
		if (!found)
			break;
		if (select_row(&s, &row, config, m, e))
			return -1;
	}
	for (size_t i = 0; i < extra->n; i++) {
		encl_auto(encl_free) char *name =
			normalise(extra->v[i], strlen(extra->v[i]));

		if (select_one(&s, name, "boot.kernel.extraModules", e))
			return -1;
	}
	*out = list;
	list = (struct encl_module_list){NULL, 0};
	return 0;
}
