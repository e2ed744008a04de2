/* SPDX-License-Identifier: Apache-2.0 */
/* The .modinfo section of a module, read by libkmod. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libkmod.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "sources/kernel_modules.h"

static void
free_ctx(struct kmod_ctx *c)
{
	kmod_unref(c);
}
ENCL_AUTO_PTR(struct kmod_ctx, free_ctx);

static void
free_module(struct kmod_module *m)
{
	kmod_module_unref(m);
}
ENCL_AUTO_PTR(struct kmod_module, free_module);

static void
free_info(struct kmod_list *l)
{
	kmod_module_info_free_list(l);
}
ENCL_AUTO_PTR(struct kmod_list, free_info);

void
encl_module_info_clear(struct encl_module_info *i)
{
	free(i->depends);
	free(i->vermagic);
	*i = (struct encl_module_info){NULL, NULL};
}

/* libkmod wants a path. */
static int
to_memfd(const struct encl_content *c, const char *what, int *out, struct encl_err *e)
{
	encl_auto(encl_close_fd) int fd = memfd_create("module", MFD_CLOEXEC);
	uint8_t chunk[65536];

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "memfd for %s", what);
	for (uint64_t at = 0; at < c->size;) {
		size_t n = c->size - at < sizeof chunk ? (size_t)(c->size - at)
						       : sizeof chunk;

		if (encl_pread_full(c->blob->fd, chunk, n, c->offset + at, what, e) ||
		    encl_pwrite_full(fd, chunk, n, at, what, e))
			return -1;
		at += n;
	}
	*out = encl_take(fd, -1);
	return 0;
}

static int
fail_kmod(int rc, const char *what, struct encl_err *e)
{
	errno = -rc;
	return encl_fail_sys(e, ENCL_USAGE, "%s is not a kernel module", what);
}

int
encl_module_info_read(const struct encl_content *content, const char *what,
		      struct encl_module_info *out, struct encl_err *e)
{
	static const char *const no_config[] = {NULL};
	encl_auto(encl_close_fd) int fd = -1;
	encl_auto(free_ctx) struct kmod_ctx *ctx = NULL;
	encl_auto(free_module) struct kmod_module *mod = NULL;
	encl_auto(free_info) struct kmod_list *list = NULL;
	struct encl_module_info info = {NULL, NULL};
	struct kmod_list *item;
	char path[64];
	int rc;

	if (content->size > ENCL_MODULE_MAX)
		return encl_fail(e, ENCL_USAGE, "%s is larger than %d bytes", what,
				 ENCL_MODULE_MAX);
	if (to_memfd(content, what, &fd, e))
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	ctx = kmod_new("/nonexistent", no_config);
	if (!ctx)
		return encl_fail(e, ENCL_FAILED, "libkmod cannot be started");
	kmod_set_log_priority(ctx, 0);
	rc = kmod_module_new_from_path(ctx, path, &mod);
	if (rc >= 0)
		rc = kmod_module_get_info(mod, &list);
	if (rc < 0)
		return fail_kmod(rc, what, e);
	kmod_list_foreach(item, list)
	{
		const char *key = kmod_module_info_get_key(item);
		const char *value = kmod_module_info_get_value(item);

		if (!strcmp(key, "depends") && !info.depends)
			info.depends = encl_xstrdup(value);
		if (!strcmp(key, "vermagic") && !info.vermagic)
			info.vermagic = encl_xstrdup(value);
	}
	out->depends = info.depends ? info.depends : encl_xstrdup("");
	out->vermagic = info.vermagic ? info.vermagic : encl_xstrdup("");
	return 0;
}
