/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild cache du|verify|prune`: look after the cache. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "cmd.h"
#include "sources/cache.h"
#include "verbs.h"

enum { DEFAULT_DAYS = 30, MAX_DAYS = 36500 };

static const struct option_spec options[] = {
	{"older-than", 0, "DAYS",
	 "prune: what was not used for so long (default 30; 0: all)", false},
	{NULL, 0, NULL, NULL, false},
};

static int
du(struct cli *cli, const struct args *args, struct encl_err *e)
{
	struct encl_cache_stats s;

	(void)args;
	if (encl_cache_du(cli->env.cache, &s, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *v = json_pack(
			"{s:s, s:I, s:I}", "folder", encl_cache_dir(cli->env.cache),
			"blobs", (json_int_t)s.blobs, "bytes", (json_int_t)s.bytes);

		report_json(v);
		return 0;
	}
	report("%" PRIu64 " blobs, %" PRIu64 " bytes in %s\n", s.blobs, s.bytes,
	       encl_cache_dir(cli->env.cache));
	return 0;
}

/* Damage was repaired (removed), but whoever asked wants to know: exit 1. */
static int
verify(struct cli *cli, const struct args *args, struct encl_err *e)
{
	struct encl_cache_stats s;

	(void)args;
	if (encl_cache_verify(cli->env.cache, cli->env.log, &s, e))
		return -1;
	cli->exit_code = s.bad_blobs ? (int)ENCL_FAILED : 0;
	if (cli->json) {
		encl_auto(json_decref) json_t *v = json_pack(
			"{s:I, s:I, s:I}", "blobs", (json_int_t)s.blobs, "bytes",
			(json_int_t)s.bytes, "removed", (json_int_t)s.bad_blobs);

		report_json(v);
		return 0;
	}
	report("%" PRIu64 " blobs, %" PRIu64 " bytes checked, %" PRIu64
	       " damaged and removed\n",
	       s.blobs, s.bytes, s.bad_blobs);
	return 0;
}

static int
prune(struct cli *cli, const struct args *args, struct encl_err *e)
{
	struct encl_cache_stats s;
	uint64_t days;

	if (args_number(args, "older-than", 0, MAX_DAYS, DEFAULT_DAYS, &days, e) ||
	    encl_cache_prune(cli->env.cache, (unsigned)days, &s, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *v =
			json_pack("{s:I, s:I}", "removed", (json_int_t)s.removed_blobs,
				  "removedBytes", (json_int_t)s.removed_bytes);

		report_json(v);
		return 0;
	}
	report("%" PRIu64 " blobs, %" PRIu64 " bytes removed\n", s.removed_blobs,
	       s.removed_bytes);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli, const struct args *args, struct encl_err *e);
	} verbs[] = {{"du", du}, {"verify", verify}, {"prune", prune}};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (!strcmp(args->operands[0], verbs[i].name))
			return cli_need_cache(cli, e) ? -1 : verbs[i].run(cli, args, e);
	return encl_fail(e, ENCL_USAGE, "cache: \"%s\" is not one of du, verify, prune",
			 args->operands[0]);
}

const struct command cmd_cache = {
	.name = "cache",
	.summary = "size of the cache, check it, remove what is old",
	.operands = "du|verify|prune",
	.min_operands = 1,
	.max_operands = 1,
	.help = "du counts the blobs; verify hashes every one and removes those whose bytes\n"
		"do not match their name (exit 1 if there were any); prune removes what no\n"
		"build has used for --older-than days.  Everything in the cache can be made\n"
		"or fetched again.",
	.options = options,
	.run = run,
};
