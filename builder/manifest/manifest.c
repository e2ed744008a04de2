/* SPDX-License-Identifier: Apache-2.0 */
/* The stage as one call: file -> nodes -> structs -> checks. */
#include "manifest/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/stream.h"
#include "manifest/check.h"
#include "manifest/compose.h"
#include "manifest/decode.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

const char *
encl_arch_name(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? "x86_64" : "aarch64";
}

const char *
encl_compression_name(enum encl_compression c)
{
	static const char *const names[] = {"none", "gzip", "zstd", "lz4", "xz"};

	return names[c];
}

void
encl_manifest_free(struct encl_manifest *m)
{
	struct encl_arena *arena = m ? m->arena : NULL;

	encl_arena_free(arena); /* m itself lives in it */
}

int
encl_manifest_parse(const char *text, size_t n, const char *file, const char *folder,
		    struct encl_manifest **out, struct encl_problems *problems,
		    struct encl_err *e)
{
	encl_auto(encl_manifest_report_clear) struct encl_manifest_report r = {0};
	encl_auto(encl_arena_free) struct encl_arena *arena = encl_arena_new();
	struct encl_manifest *m = encl_arena_alloc(arena, sizeof *m);
	struct encl_yaml_node *root;

	m->file = encl_arena_strdup(arena, file);
	m->folder = encl_arena_strdup(arena, folder);
	m->arena = arena;
	root = encl_manifest_yaml_parse(text, n, arena, &r);
	if (root) {
		encl_manifest_decode(root, m, &r);
		if (m->docker.compose && !m->docker.n_containers)
			encl_manifest_compose(m, &r);
		encl_manifest_fill(root, m);
		encl_manifest_check(root, m, &r);
	}
	if (r.n)
		return encl_manifest_report_finish(&r, file, problems, e);
	arena = NULL;
	*out = m;
	return 0;
}

/* "a/b.yaml" is in "a", "b.yaml" in ".", "/b.yaml" in "/". */
static char *
folder_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	if (!slash)
		return encl_xstrdup(".");
	return encl_xstrndup(file, slash == file ? 1 : (size_t)(slash - file));
}

/* A file that cannot be read is a problem of the file as a whole. */
static int
unreadable(const char *file, struct encl_problems *problems, struct encl_err *e)
{
	encl_auto(encl_manifest_report_clear) struct encl_manifest_report r = {0};
	const struct encl_pos whole = {.line = 0};

	if (e->sys)
		encl_manifest_report_add(
			&r, whole, "", "%s%s", strerror(e->sys),
			e->sys == ENOENT
				? "; \"enclavebuild init\" writes one to begin with"
				: "");
	else
		encl_manifest_report_add(&r, whole, "", "larger than %d bytes",
					 ENCL_YAML_MAX_FILE);
	return encl_manifest_report_finish(&r, file, problems, e);
}

int
encl_manifest_read(const char *file, struct encl_manifest **out,
		   struct encl_problems *problems, struct encl_err *e)
{
	bool is_stdin = !strcmp(file, "-");
	encl_auto(encl_free) char *folder = folder_of(file);
	encl_auto(encl_free) char *text = NULL;
	const char *name = is_stdin ? "<stdin>" : file;
	struct encl_err inner = {.code = ENCL_OK};
	size_t n;

	if (encl_read_file(is_stdin ? "/dev/stdin" : file, ENCL_YAML_MAX_FILE, &text, &n,
			   &inner)) {
		*e = inner;
		return unreadable(name, problems, e);
	}
	return encl_manifest_parse(text, n, name, folder, out, problems, e);
}

char *
encl_manifest_path(const struct encl_manifest *m, const char *path)
{
	if (*path == '/' || !strcmp(m->folder, "."))
		return encl_xstrdup(path);
	if (!strcmp(m->folder, "/"))
		return encl_xasprintf("/%s", path);
	return encl_xasprintf("%s/%s", m->folder, path);
}

char *
encl_manifest_at(const struct encl_manifest *m, struct encl_pos pos)
{
	return encl_xasprintf("%s:%u:%u: ", pos.file ? pos.file : m->file, pos.line,
			      pos.column);
}

const char *
encl_manifest_debug_warning(const struct encl_manifest *m)
{
	return m->debug.exec
		       ? "debug.exec lets the parent run programs in the enclave and "
			 "read all that is in it; it is measured, so the PCRs are not "
			 "those of the image without it"
		       : NULL;
}
