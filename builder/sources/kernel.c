/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot.kernel to a pin (digest of the image, its configuration, each module in
 * load order, each blob) and a pin back to the files, every one checked
 * against its digest.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "embedded.h"
#include "sources/kernel_config.h"
#include "sources/kernel_expand.h"
#include "sources/kernel_gather.h"
#include "sources/source.h"

static const char *const kind_names[] = {"blobs", "files", "package"};

static void
unref_content(struct encl_content *c)
{
	encl_blob_unref(c->blob);
	memset(c, 0, sizeof *c);
}

void
encl_kernel_files_clear(struct encl_kernel_files *k)
{
	for (size_t i = 0; i < k->n_modules; i++) {
		free(k->modules[i].name);
		unref_content(&k->modules[i].content);
	}
	unref_content(&k->image);
	unref_content(&k->nsm_ko);
	unref_content(&k->aws_init);
	free(k->modules);
	free(k->config);
	free(k->release);
	free(k->blobs_cmdline);
	memset(k, 0, sizeof *k);
}

static int
fail_at(const struct encl_manifest *m, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->boot.kernel.pos);

	return encl_wrap(e, "%sboot.kernel", at);
}

/* ---- lock ---- */

static int
pin_file(json_t *pin, const char *key, const char *name, const struct encl_content *c,
	 struct encl_err *e)
{
	char text[ENCL_DIGEST_TEXT];
	struct encl_digest d;

	if (!c->blob)
		return 0;
	if (encl_kernel_hash(c, name, NULL, &d, e))
		return -1;
	encl_digest_format(&d, text);
	json_object_set_new(pin, key,
			    json_pack("{s:s, s:s, s:I}", "name", name, "digest", text,
				      "size", (json_int_t)c->size));
	return 0;
}

static int
pin_module(struct encl_env *env, struct encl_kernel_found *f, const char *name,
	   json_t *list, struct encl_err *e)
{
	const struct encl_module_file *file = encl_module_find(&f->modules, name);
	char text[ENCL_DIGEST_TEXT];
	struct encl_content c;
	struct encl_digest d;
	int rc;

	if (!file)
		return encl_fail(e, ENCL_FAILED, "kernel module %s is gone", name);
	if (encl_module_open(env, file, &c, e))
		return -1;
	rc = encl_kernel_hash(&c, file->path, NULL, &d, e);
	encl_blob_unref(c.blob);
	if (rc)
		return -1;
	encl_digest_format(&d, text);
	json_array_append_new(list, json_pack("{s:s, s:s, s:I}", "name", name, "digest",
					      text, "size", (json_int_t)c.size));
	return 0;
}

/* AWS's init loads nsm.ko and nothing else.  Blobs bring no other module: what
 * is none there must be built in. */
static int
wanted_modules(struct encl_env *env, const struct encl_manifest *m,
	       struct encl_kernel_found *f, struct encl_module_list *out,
	       struct encl_err *e)
{
	if (m->boot.init == ENCL_INIT_AWS)
		return 0;
	return encl_modules_select(env, &f->modules, (const char *)encl_embedded_modules,
				   f->config_text, f->info.release, m, out, e);
}

static int
pin_modules(struct encl_env *env, const struct encl_manifest *m,
	    struct encl_kernel_found *f, json_t *pin, struct encl_err *e)
{
	encl_auto(encl_module_list_clear) struct encl_module_list list = {NULL, 0};
	encl_auto(json_decref) json_t *array = json_array();

	if (wanted_modules(env, m, f, &list, e))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (pin_module(env, f, list.v[i], array, e))
			return -1;
	json_object_set(pin, "modules", array);
	return 0;
}

static int
pin_found(struct encl_env *env, const struct encl_manifest *m,
	  struct encl_kernel_found *f, json_t *pin, struct encl_err *e)
{
	json_object_set_new(pin, "release", json_string(f->info.release));
	if (pin_file(pin, "image", f->image_name, &f->image, e) ||
	    pin_file(pin, "config", "config", &f->config, e) ||
	    pin_file(pin, "init", "init", &f->init, e) ||
	    pin_file(pin, "nsm", "nsm.ko", &f->nsm_ko, e) ||
	    pin_file(pin, "cmdline", "cmdline", &f->cmdline, e))
		return -1;
	return pin_modules(env, m, f, pin, e);
}

/* The nsm.ko of a kernel that is not nitro-cli's, for AWS's init. */
static int
find_nsm(struct encl_env *env, const struct encl_manifest *m, struct encl_kernel_found *f,
	 struct encl_err *e)
{
	const struct encl_module_file *file;

	if (m->boot.init != ENCL_INIT_AWS || f->nsm_ko.blob)
		return 0;
	file = encl_module_find(&f->modules, "nsm");
	return file ? encl_module_open(env, file, &f->nsm_ko, e) : 0;
}

static int
lock(struct encl_env *env, const struct encl_manifest *m, const json_t *old_pin,
     json_t *pin, struct encl_err *e)
{
	encl_auto(encl_kernel_found_clear) struct encl_kernel_found f = {.arena = NULL};
	encl_auto(json_decref) json_t *deb =
		json_incref(json_object_get(old_pin, "package"));

	json_object_set_new(pin, "kind", json_string(kind_names[m->boot.kernel.kind]));
	if (m->boot.kernel.kind == ENCL_KERNEL_PACKAGE) {
		if (!deb &&
		    encl_deb_lock(env, m, &m->boot.kernel.source, m->boot.kernel.package,
				  "linux-image-", &deb, e))
			return -1;
		json_object_set(pin, "package", deb);
	}
	if (encl_kernel_gather(env, m, deb, &f, e) || find_nsm(env, m, &f, e))
		return -1;
	return pin_found(env, m, &f, pin, e);
}

int
encl_kernel_lock(struct encl_env *env, const struct encl_manifest *m,
		 const json_t *old_pin, json_t **pin, struct encl_err *e)
{
	encl_auto(json_decref) json_t *out = json_object();

	if (lock(env, m, old_pin, out, e))
		return fail_at(m, e);
	*pin = encl_take(out, NULL);
	return 0;
}

/* ---- open ---- */

static int
check_digest(const json_t *pin, const char *what, const struct encl_content *c,
	     struct encl_err *e)
{
	char got[ENCL_DIGEST_TEXT];
	const char *want;
	struct encl_digest d;

	if (encl_json_str(pin, "digest", what, &want, e) ||
	    encl_kernel_hash(c, what, NULL, &d, e))
		return -1;
	encl_digest_format(&d, got);
	if (!strcmp(want, got))
		return 0;
	return encl_fail(e, ENCL_MISMATCH,
			 "%s differs from the lock (locked %s, found %s); run "
			 "\"enclavebuild lock\"",
			 what, want, got);
}

static int
check_file(const json_t *pin, const char *key, const struct encl_content *c,
	   struct encl_err *e)
{
	const json_t *p = json_object_get(pin, key);

	if (!p && !c->blob)
		return 0;
	if (!p || !c->blob)
		return encl_fail(e, ENCL_MISMATCH, "%s is %s; run \"enclavebuild lock\"",
				 key,
				 p ? "locked, but not there" : "there, but not locked");
	return check_digest(p, key, c, e);
}

static int
open_module(struct encl_env *env, struct encl_kernel_found *f, const json_t *pin,
	    struct encl_module *out, struct encl_err *e)
{
	const struct encl_module_file *file;
	struct encl_content c;
	const char *name;

	if (encl_json_str(pin, "name", "modules", &name, e))
		return -1;
	file = encl_module_find(&f->modules, name);
	if (!file)
		return encl_fail(e, ENCL_MISMATCH,
				 "kernel module %s is locked, but not there", name);
	if (encl_module_open(env, file, &c, e))
		return -1;
	if (check_digest(pin, file->path, &c, e)) {
		encl_blob_unref(c.blob);
		return -1;
	}
	*out = (struct encl_module){encl_xstrdup(name), c};
	return 0;
}

static int
open_modules(struct encl_env *env, struct encl_kernel_found *f, const json_t *pin,
	     struct encl_kernel_files *k, struct encl_err *e)
{
	json_t *list;

	if (encl_json_array(pin, "modules", "kernel", &list, e))
		return -1;
	if (json_array_size(list) == 0)
		return 0;
	k->modules = encl_xcalloc(json_array_size(list), sizeof *k->modules);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (open_module(env, f, json_array_get(list, i), &k->modules[i], e))
			return -1;
		k->n_modules++;
	}
	return 0;
}

static bool
is_locked(const json_t *list, const char *name)
{
	json_t *module;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, module)
		if (!strcmp(name, json_string_value(json_object_get(module, "name"))))
			return true;
	return false;
}

/* Which modules there are depends on parts of the manifest beside the kernel. */
static int
check_modules(struct encl_env *env, const struct encl_manifest *m,
	      struct encl_kernel_found *f, const json_t *pin, struct encl_err *e)
{
	encl_auto(encl_module_list_clear) struct encl_module_list list = {NULL, 0};

	if (!m->docker.given && m->boot.format == ENCL_ROOT_CPIO)
		return 0;
	if (wanted_modules(env, m, f, &list, e))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (!is_locked(json_object_get(pin, "modules"), list.v[i]))
			return encl_fail(e, ENCL_MISMATCH,
					 "the manifest asks for kernel module %s, which "
					 "is not locked; run \"enclavebuild lock\"",
					 list.v[i]);
	return 0;
}

static int
check_found(const struct encl_manifest *m, const struct encl_kernel_found *f,
	    const json_t *pin, struct encl_err *e)
{
	const char *cmdline = m->boot.cmdline ? m->boot.cmdline : f->cmdline_text;

	if (check_file(pin, "image", &f->image, e) ||
	    check_file(pin, "config", &f->config, e) ||
	    check_file(pin, "init", &f->init, e) ||
	    check_file(pin, "nsm", &f->nsm_ko, e) ||
	    check_file(pin, "cmdline", &f->cmdline, e))
		return -1;
	if (cmdline && f->info.cmdline_size && strlen(cmdline) > f->info.cmdline_size)
		return encl_fail(e, ENCL_USAGE,
				 "the command line has %zu bytes; this kernel takes %u",
				 strlen(cmdline), f->info.cmdline_size);
	return 0;
}

static int
open_pinned(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
	    struct encl_kernel_files *k, struct encl_err *e)
{
	encl_auto(encl_kernel_found_clear) struct encl_kernel_found f = {.arena = NULL};
	json_t *deb = NULL;
	const char *kind;

	if (encl_json_str(pin, "kind", "kernel", &kind, e))
		return -1;
	if (strcmp(kind, kind_names[m->boot.kernel.kind]) != 0)
		return encl_fail(
			e, ENCL_MISMATCH,
			"the lock has a kernel of kind %s; run \"enclavebuild lock\"",
			kind);
	if (m->boot.kernel.kind == ENCL_KERNEL_PACKAGE)
		deb = json_object_get(pin, "package");
	if (encl_kernel_gather(env, m, deb, &f, e) || find_nsm(env, m, &f, e) ||
	    check_found(m, &f, pin, e) || open_modules(env, &f, pin, k, e) ||
	    check_modules(env, m, &f, pin, e))
		return -1;
	k->image = f.image;
	k->nsm_ko = f.nsm_ko;
	k->aws_init = f.init;
	memset(&f.image, 0, sizeof f.image);
	memset(&f.nsm_ko, 0, sizeof f.nsm_ko);
	memset(&f.init, 0, sizeof f.init);
	k->config = encl_take(f.config_text, NULL);
	k->blobs_cmdline = encl_take(f.cmdline_text, NULL);
	k->release = encl_xstrdup(f.info.release);
	return 0;
}

int
encl_kernel_open(struct encl_env *env, const struct encl_manifest *m, const json_t *pin,
		 struct encl_kernel_files *out, struct encl_err *e)
{
	encl_auto(encl_kernel_files_clear) struct encl_kernel_files k = {.config = NULL};

	if (open_pinned(env, m, pin, &k, e))
		return fail_at(m, e);
	*out = k;
	memset(&k, 0, sizeof k);
	return 0;
}
