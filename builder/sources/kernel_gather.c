/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three kinds of boot.kernel to one set of files: nitro-cli's blobs folder
 * (bzImage or Image, its .config, init, nsm.ko, cmdline), single files, and
 * the data of a Debian linux-image package.
 */
#include "sources/kernel_gather.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/stream.h"
#include "sources/kernel_config.h"
#include "sources/kernel_expand.h"
#include "sources/source.h"

void
encl_kernel_found_clear(struct encl_kernel_found *f)
{
	encl_blob_unref(f->image.blob);
	encl_blob_unref(f->config.blob);
	encl_blob_unref(f->init.blob);
	encl_blob_unref(f->nsm_ko.blob);
	encl_blob_unref(f->cmdline.blob);
	free(f->config_text);
	free(f->cmdline_text);
	encl_module_index_clear(&f->modules);
	encl_arena_free(f->arena);
	memset(f, 0, sizeof *f);
}

static int
read_text(const struct encl_content *c, const char *what, char **out, struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_xmalloc(c->size + 1);

	if (encl_pread_full(c->blob->fd, text, c->size, c->offset, what, e))
		return -1;
	text[c->size] = 0;
	*out = encl_take(text, NULL);
	return 0;
}

/* ---- blobs ---- */

static int
open_blob(const struct encl_manifest *m, const char *name, bool required, uint64_t max,
	  struct encl_content *out, struct encl_err *e)
{
	encl_auto(encl_free) char *folder = encl_manifest_path(m, m->boot.kernel.blobs);
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", folder, name);

	if (!required && access(path, F_OK) && errno == ENOENT)
		return 0;
	return encl_kernel_open_file(path, "blobs", max, out, e);
}

static int
trim_cmdline(struct encl_kernel_found *f, struct encl_err *e)
{
	size_t n;

	if (read_text(&f->cmdline, "cmdline", &f->cmdline_text, e))
		return -1;
	n = strlen(f->cmdline_text);
	if (n != f->cmdline.size)
		return encl_fail(e, ENCL_USAGE, "cmdline has a NUL byte");
	while (n && strchr(" \t\r\n", f->cmdline_text[n - 1]))
		f->cmdline_text[--n] = 0;
	if (strpbrk(f->cmdline_text, "\r\n"))
		return encl_fail(e, ENCL_USAGE, "cmdline has several lines");
	n = strspn(f->cmdline_text, " \t");
	memmove(f->cmdline_text, f->cmdline_text + n, strlen(f->cmdline_text + n) + 1);
	return 0;
}

static int
gather_blobs(const struct encl_manifest *m, struct encl_kernel_found *f,
	     struct encl_err *e)
{
	bool x86 = m->arch == ENCL_ARCH_X86_64;
	bool aws = m->boot.init == ENCL_INIT_AWS;

	f->image_name = x86 ? "bzImage" : "Image";
	if (open_blob(m, f->image_name, true, ENCL_KERNEL_MAX, &f->image, e) ||
	    open_blob(m, x86 ? "bzImage.config" : "Image.config", true,
		      ENCL_KERNEL_CONFIG_MAX, &f->config, e) ||
	    open_blob(m, "init", aws, ENCL_KERNEL_BLOB_MAX, &f->init, e) ||
	    open_blob(m, "nsm.ko", aws, ENCL_KERNEL_BLOB_MAX, &f->nsm_ko, e) ||
	    open_blob(m, "cmdline", false, 65536, &f->cmdline, e))
		return -1;
	return f->cmdline.blob ? trim_cmdline(f, e) : 0;
}

/* ---- files ---- */

static int
by_fts_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void
close_fts(FTS *fts)
{
	fts_close(fts);
}
ENCL_AUTO_PTR(FTS, close_fts);

static int
take_file(struct encl_kernel_found *f, const FTSENT *entry, struct encl_err *e)
{
	if (!strcmp(entry->fts_name, "modules.builtin")) {
		encl_auto(encl_free) char *text = NULL;
		size_t n;

		if (encl_read_file(entry->fts_accpath, 4 << 20, &text, &n, e))
			return -1;
		encl_module_index_builtin(&f->modules, text);
		return 0;
	}
	return encl_module_index_add(&f->modules, entry->fts_path, NULL, e);
}

static int
walk_modules(const char *folder, struct encl_kernel_found *f, struct encl_err *e)
{
	encl_auto(encl_free) char *copy = encl_xstrdup(folder);
	char *const roots[] = {copy, NULL};
	encl_auto(close_fts) FTS *fts =
		fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_fts_name);
	FTSENT *entry;

	if (!fts)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", folder);
	while (errno = 0, (entry = fts_read(fts))) {
		if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR ||
		    entry->fts_info == FTS_NS) {
			errno = entry->fts_errno;
			return encl_fail_sys(e, ENCL_USAGE, "modules: read %s",
					     entry->fts_path);
		}
		if (entry->fts_info == FTS_F && take_file(f, entry, e))
			return -1;
	}
	if (errno)
		return encl_fail_sys(e, ENCL_FAILED, "read folder %s", folder);
	return 0;
}

/* The folder itself, or the release's folder in it (as in lib/modules). */
static int
gather_modules(const struct encl_manifest *m, struct encl_kernel_found *f,
	       struct encl_err *e)
{
	encl_auto(encl_free) char *folder = encl_manifest_path(m, m->boot.kernel.modules);
	encl_auto(encl_free) char *inner =
		encl_xasprintf("%s/%s", folder, f->info.release);
	struct stat st;

	if (stat(folder, &st))
		return encl_fail_sys(e, ENCL_USAGE, "modules: %s", folder);
	if (!S_ISDIR(st.st_mode))
		return encl_fail(e, ENCL_USAGE, "modules: %s is not a folder", folder);
	if (*f->info.release && !stat(inner, &st) && S_ISDIR(st.st_mode))
		return walk_modules(inner, f, e);
	return walk_modules(folder, f, e);
}

static int
gather_files(const struct encl_manifest *m, struct encl_kernel_found *f,
	     struct encl_err *e)
{
	encl_auto(encl_free) char *image = encl_manifest_path(m, m->boot.kernel.image);
	encl_auto(encl_free) char *config = encl_manifest_path(m, m->boot.kernel.config);
	const char *slash = strrchr(m->boot.kernel.image, '/');

	f->image_name =
		encl_arena_strdup(f->arena, slash ? slash + 1 : m->boot.kernel.image);
	if (encl_kernel_open_file(image, "image", ENCL_KERNEL_MAX, &f->image, e))
		return -1;
	return encl_kernel_open_file(config, "config", ENCL_KERNEL_CONFIG_MAX, &f->config,
				     e);
}

/* ---- package ---- */

struct collect {
	struct encl_entry_sink sink;
	struct encl_kernel_found *found;
};

static int
begin(struct encl_entry_sink *s, const struct encl_origin *origin, int whiteouts,
      struct encl_err *e)
{
	(void)s;
	(void)origin;
	(void)whiteouts;
	(void)e;
	return 0;
}

static int
end(struct encl_entry_sink *s, struct encl_err *e)
{
	(void)s;
	(void)e;
	return 0;
}

static int
take_content(struct encl_content *slot, const struct encl_entry *entry,
	     struct encl_err *e)
{
	if (slot->blob)
		return encl_fail(e, ENCL_USAGE, "the packages have more than one %s",
				 strncmp(entry->path, "boot/config-", 12)
					 ? "kernel image"
					 : "configuration");
	*slot = entry->content;
	encl_blob_ref(slot->blob);
	return 0;
}

static int
add_builtin(struct encl_kernel_found *f, const struct encl_entry *entry,
	    struct encl_err *e)
{
	encl_auto(encl_free) char *text = NULL;

	if (entry->content.size > 4 << 20)
		return encl_fail(e, ENCL_FAILED, "%s is too large", entry->path);
	if (read_text(&entry->content, entry->path, &text, e))
		return -1;
	encl_module_index_builtin(&f->modules, text);
	return 0;
}

static int
add(struct encl_entry_sink *s, const struct encl_entry *original, struct encl_err *e)
{
	struct encl_kernel_found *f = ((struct collect *)s)->found;
	struct encl_entry entry = *original;
	const char *base;

	while (!strncmp(entry.path, "./", 2) || entry.path[0] == '/')
		entry.path += entry.path[0] == '/' ? 1 : 2;
	if (entry.type != ENCL_REG || !entry.content.blob)
		return 0;
	if (!strncmp(entry.path, "boot/vmlinuz-", 13)) {
		f->image_name = encl_arena_strdup(f->arena, entry.path + 5);
		return take_content(&f->image, &entry, e);
	}
	if (!strncmp(entry.path, "boot/config-", 12))
		return take_content(&f->config, &entry, e);
	if (!strncmp(entry.path, "usr/", 4))
		entry.path += 4;
	if (strncmp(entry.path, "lib/modules/", 12) != 0)
		return 0;
	base = strrchr(entry.path, '/');
	if (!strcmp(base, "/modules.builtin"))
		return add_builtin(f, &entry, e);
	return encl_module_index_add(&f->modules, entry.path, &entry.content, e);
}

static int
gather_package(struct encl_env *env, const struct encl_manifest *m, const json_t *deb_pin,
	       struct encl_kernel_found *f, struct encl_err *e)
{
	struct collect c = {{begin, add, end}, f};

	if (encl_deb_emit(env, m, deb_pin, &c.sink, e))
		return -1;
	if (!f->image.blob)
		return encl_fail(e, ENCL_USAGE, "package %s has no boot/vmlinuz-*",
				 m->boot.kernel.package);
	if (!f->config.blob)
		return encl_fail(e, ENCL_USAGE, "package %s has no boot/config-*",
				 m->boot.kernel.package);
	return 0;
}

/* ---- all ---- */

static int
recognise(struct encl_env *env, const struct encl_manifest *m,
	  struct encl_kernel_found *f, struct encl_err *e)
{
	struct encl_content plain;

	if (encl_kernel_image_read(f->image.blob->fd, f->image.offset, f->image.size,
				   f->image_name, m->arch, true, &f->info, e))
		return -1;
	if (!f->info.gzip)
		return 0;
	if (encl_kernel_expand(env, &f->image, ENCL_KERNEL_MAX, f->image_name, &plain, e))
		return -1;
	encl_blob_unref(f->image.blob);
	f->image = plain;
	return encl_kernel_image_read(plain.blob->fd, plain.offset, plain.size,
				      f->image_name, m->arch, false, &f->info, e);
}

/* An arm64 Image does not carry its release; the package's file name does. */
static void
release_from_name(const struct encl_manifest *m, struct encl_kernel_found *f)
{
	if (m->boot.kernel.kind != ENCL_KERNEL_PACKAGE || *f->info.release ||
	    strncmp(f->image_name, "vmlinuz-", 8) != 0 ||
	    strlen(f->image_name + 8) >= sizeof f->info.release)
		return;
	memcpy(f->info.release, f->image_name + 8, strlen(f->image_name + 8) + 1);
}

static int
gather_kind(struct encl_env *env, const struct encl_manifest *m, const json_t *deb_pin,
	    struct encl_kernel_found *f, struct encl_err *e)
{
	switch (m->boot.kernel.kind) {
	case ENCL_KERNEL_BLOBS:
		return gather_blobs(m, f, e);
	case ENCL_KERNEL_FILES:
		return gather_files(m, f, e);
	case ENCL_KERNEL_PACKAGE:
		return gather_package(env, m, deb_pin, f, e);
	}
	return encl_fail(e, ENCL_USAGE, "unknown kind of kernel");
}

int
encl_kernel_gather(struct encl_env *env, const struct encl_manifest *m,
		   const json_t *deb_pin, struct encl_kernel_found *out,
		   struct encl_err *e)
{
	encl_auto(encl_kernel_found_clear) struct encl_kernel_found f = {
		.arena = encl_arena_new()};

	if (gather_kind(env, m, deb_pin, &f, e) || recognise(env, m, &f, e))
		return -1;
	release_from_name(m, &f);
	if (f.config.size > ENCL_KERNEL_CONFIG_MAX)
		return encl_fail(e, ENCL_USAGE, "kernel configuration is too large");
	if (read_text(&f.config, "kernel configuration", &f.config_text, e) ||
	    encl_kernel_config_read(f.config_text, f.config.size, "kernel configuration",
				    m->arch, f.info.release, e))
		return -1;
	if (m->boot.kernel.kind == ENCL_KERNEL_FILES && m->boot.kernel.modules &&
	    gather_modules(m, &f, e))
		return -1;
	*out = f;
	memset(&f, 0, sizeof f);
	return 0;
}
