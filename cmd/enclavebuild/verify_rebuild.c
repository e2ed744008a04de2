/* SPDX-License-Identifier: Apache-2.0 */
/* `verify --rebuild`: the image against what its manifest and lock give. */
#include <string.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "lock/lock.h"
#include "manifests.h"
#include "progress.h"
#include "rebuild.h"
#include "verify.h"
#include "verify/diff.h"

enum { MAX_DOCUMENT = 64 << 20 };

static int
add_input(struct verification *v, const char *path, struct encl_err *e)
{
	encl_auto(encl_free) char *bytes = NULL;
	size_t n;

	if (encl_read_file(path, MAX_DOCUMENT, &bytes, &n, e))
		return -1;
	verification_add_input(v, path, bytes, n);
	return 0;
}

int
verify_rebuild(struct verification *v, struct encl_err *e)
{
	const char *file = args_get(v->args, "rebuild");
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_free) char *lock = NULL;
	const struct encl_rebuild_options o = {
		.name = v->operand,
		.use_cache = args_has(v->args, "use-cache") || v->cli->env.offline,
		.nitro_cli = args_has(v->args, "compat"),
		.registry = &v->cli->registry,
		.leave = progress_end,
	};

	if (!file)
		return 0;
	if (!strcmp(file, "-"))
		return encl_fail(e, ENCL_USAGE,
				 "--rebuild: \"-\" has no lock beside it; give the "
				 "manifest's name");
	if (read_manifest(file, &m, e) || (o.use_cache && cli_need_cache(v->cli, e)) ||
	    encl_rebuild(&v->cli->env, m, &v->eif, &v->state, &o, &v->checks, &v->diff,
			 e))
		return -1;
	lock = encl_lock_path(m);
	return add_input(v, file, e) || add_input(v, lock, e) ? -1 : 0;
}

void
verify_rebuild_show(const struct verification *v)
{
	encl_auto(encl_free) char *text = NULL;

	if (!v->diff)
		return;
	text = encl_diff_text(v->diff, args_get(v->args, "rebuild"), false);
	report("\n%s", text);
}
