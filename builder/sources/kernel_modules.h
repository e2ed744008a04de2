/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel modules: which are wanted, what they depend on, in which order. */
#ifndef ENCL_SOURCES_KERNEL_MODULES_H
#define ENCL_SOURCES_KERNEL_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/env.h"
#include "base/err.h"
#include "manifest/manifest.h"
#include "sources/entry.h"

enum { ENCL_MODULE_MAX = 64 << 20, ENCL_MODULE_DEPTH = 32, ENCL_MODULES_MAX = 65536 };

/* A module file that was seen; contents stay references. */
struct encl_module_file {
	char *name; /* normalised: '-' is '_', no ".ko…" */
	char *path; /* as the source spells it */
	/* maybe compressed; holds a reference; blob NULL: the local file path */
	struct encl_content content;
};
struct encl_module_index {
	struct encl_module_file *v;
	size_t n, room;
	char **builtin; /* names from modules.builtin, sorted */
	size_t n_builtin;
	bool sorted;
};
void encl_module_index_clear(struct encl_module_index *x);
ENCL_AUTO_VAL(struct encl_module_index, encl_module_index_clear);

/* "kernel/net/vmw-vsock.ko.xz" -> "vmw_vsock" (malloc'ed), NULL where the path
 * is not a module's. */
char *encl_module_name(const char *path);

/* Takes its own reference on the content's blob; content NULL: path is a local
 * file, opened when it is needed.  What is not a module is passed over. */
int encl_module_index_add(struct encl_module_index *x, const char *path,
			  const struct encl_content *content,
			  struct encl_err *e) ENCL_MUST_CHECK;
/* The text of modules.builtin. */
void encl_module_index_builtin(struct encl_module_index *x, const char *text);
/* NULL where it is not there.  Among several of a name the first path in
 * byte order is meant. */
const struct encl_module_file *encl_module_find(struct encl_module_index *x,
						const char *name);

/* The file's content without its compression: itself, or a blob of the cache. */
int encl_module_open(struct encl_env *env, const struct encl_module_file *file,
		     struct encl_content *out, struct encl_err *e) ENCL_MUST_CHECK;

/* What the modules' own information says (libkmod). */
struct encl_module_info {
	char *depends;	/* "a,b" */
	char *vermagic; /* first word: the kernel's release */
};
void encl_module_info_clear(struct encl_module_info *i);
ENCL_AUTO_VAL(struct encl_module_info, encl_module_info_clear);
int encl_module_info_read(const struct encl_content *content, const char *what,
			  struct encl_module_info *out,
			  struct encl_err *e) ENCL_MUST_CHECK;

/* Names in load order; malloc'ed. */
struct encl_module_list {
	char **v;
	size_t n;
};
void encl_module_list_clear(struct encl_module_list *l);
ENCL_AUTO_VAL(struct encl_module_list, encl_module_list_clear);

/*
 * The wanted modules of the table (rows of a feature that not every image has
 * count where the manifest wants it) that are neither built in (option =y in
 * config, or in modules.builtin) nor left out (optional and not there), then
 * boot.kernel.extraModules, each after its dependencies.  release "": vermagic
 * is not compared.  ENCL_USAGE names a module that is missing and who asks for
 * it.
 */
int encl_modules_select(struct encl_env *env, struct encl_module_index *x,
			const char *table, const char *config, const char *release,
			const struct encl_manifest *m, struct encl_module_list *out,
			struct encl_err *e) ENCL_MUST_CHECK;

#endif
