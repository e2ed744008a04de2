/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild lock`: every input by digest into enclave.lock. */
#include "lock/lock.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/log.h"
#include "build.h"
#include "cmd.h"
#include "manifests.h"
#include "verbs.h"

enum { MAX_NAMES = 32 };

static json_t *
text_of(const json_t *v)
{
	return v ? json_incref((json_t *)(uintptr_t)v) : json_null();
}

static void
collect(void *arg, const char *path, const json_t *a, const json_t *b)
{
	json_array_append_new(arg, json_pack("{s:s, s:o, s:o}", "path", path, "old",
					     text_of(a), "new", text_of(b)));
}

static void
print_changes(const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)changes, i, change) {
		encl_auto(encl_free) char *old =
			encl_json_compact(json_object_get(change, "old"));
		encl_auto(encl_free) char *new =
			encl_json_compact(json_object_get(change, "new"));

		report("%s: %s -> %s\n",
		       json_string_value(json_object_get(change, "path")), old, new);
	}
}

static int
finish(struct cli *cli, const struct args *args, const char *path, const json_t *old,
       const json_t *lock, struct encl_err *e)
{
	bool check = args_has(args, "check");
	encl_auto(json_decref) json_t *changes = json_array();

	encl_json_differences(old, lock, "", collect, changes);
	if (!check && encl_lock_write(path, lock, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *doc =
			json_pack("{s:s, s:b, s:O}", "Lock", path, "Written", !check,
				  "Changes", changes);

		report_json(doc);
	} else if (old) {
		print_changes(changes);
	}
	if (check && json_array_size(changes))
		return encl_fail(e, ENCL_MISMATCH,
				 "%s: %zu places would move; run \"enclavebuild lock "
				 "--update\"",
				 path, json_array_size(changes));
	if (!cli->json && !check)
		encl_info(&cli->log, "%s written%s", path,
			  old && !json_array_size(changes) ? ", nothing moved" : "");
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *names[MAX_NAMES];
	bool update = args_has(args, "update");
	bool check = args_has(args, "check");
	struct encl_resolve_request request = {.update = names};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(json_decref) json_t *old = NULL;
	encl_auto(json_decref) json_t *lock = NULL;
	const char *file = args_get(args, "file");

	cli->env.strict_scripts = args_has(args, "strict-scripts");
	if (!update && args->n_operands + (file != NULL) > 1)
		return encl_fail(e, ENCL_USAGE,
				 "lock: one manifest at a time; \"%s\" is one too many",
				 args->operands[args->n_operands - 1]);
	if (args->n_operands && !update)
		file = args->operands[0];
	for (size_t i = 0; update && i < args->n_operands; i++)
		names[request.n_update++] = args->operands[i];
	request.update_all = check || (update && !request.n_update);
	if (read_manifest(file ? file : "enclave.yaml", &m, e) ||
	    cli_need_cache(cli, e) || cli_need_registry(cli, e))
		return -1;

	encl_auto(encl_free) char *path = encl_lock_path(m);

	if (encl_lock_read(path, &old, e)) {
		if (e->code != ENCL_MISMATCH || check)
			return -1;
		encl_warn(&cli->log, "%s; writing it anew", e->msg);
	}
	if (check && !old)
		return encl_fail(e, ENCL_MISMATCH,
				 "%s is not there; run \"enclavebuild lock\"", path);
	request.old = old;
	if (encl_resolve(&cli->env, m, &request, &lock, e))
		return -1;
	return finish(cli, args, path, old, lock, e);
}

static const struct option_spec options[] = {
	{"file", 'f', "MANIFEST", "the manifest (default: enclave.yaml)", false},
	{"update", 'u', NULL, "move everything, or what the arguments name", false},
	{"check", 0, NULL, "tell what would move and write nothing; exit 3 if anything",
	 false},
	{"strict-scripts", 0, NULL, "maintainer scripts with no equivalent are errors",
	 false},
	{NULL, 0, NULL, NULL, false},
};

const struct command cmd_lock = {
	.name = "lock",
	.summary = "pin every input of a manifest by digest",
	.operands = "[MANIFEST | --update NAME...]",
	.max_operands = MAX_NAMES,
	.help = "Writes enclave.lock beside the manifest.  What a lock pins already and the\n"
		"manifest still asks for stays where it is, but for local files, which are\n"
		"hashed anew.  --update moves all of it, or only the names that follow: a\n"
		"package, \"kernel\", or an item such as \"rootfs[0]\".",
	.options = options,
	.run = run,
};
