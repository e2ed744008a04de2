/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild diff`: what differs between two images, and who brought it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "build.h"
#include "cmd.h"
#include "manifests.h"
#include "operand.h"
#include "verbs.h"
#include "verify/diff.h"

enum { MAX_TEXT = 1 << 20, MAX_LINES = 200 };

static const struct option_spec options[] = {
	{"stat", 0, NULL, "one line a file, and nothing of what is in it", false},
	{"dump", 0, "DIR", "write what differs to DIR/A and DIR/B, for diffoscope",
	 false},
	{"manifest", 0, "FILE", "the manifest of B: what brought each file", false},
	{"ignore-signature", 0, NULL, "a signature, or another one, is no difference",
	 false},
	{NULL, 0, NULL, NULL, false},
};

/* One side: the image, and what is in it. */
struct side {
	struct encl_eif eif;
	struct encl_inventory inventory;
};

static void
side_clear(struct side *s)
{
	encl_inventory_clear(&s->inventory);
	encl_eif_close(&s->eif);
}
ENCL_AUTO_VAL(struct side, side_clear);

static int
open_side(struct cli *cli, const char *operand, const struct encl_origins *origins,
	  struct side *out, struct encl_err *e)
{
	return operand_open(cli, operand, &out->eif, e) ||
			       encl_inventory_read(&out->eif, origins, &out->inventory, e)
		       ? -1
		       : 0;
}

static int
read_origins(struct cli *cli, const char *path, struct encl_origins **out,
	     struct encl_err *e)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;

	if (!path)
		return 0;
	if (cli_need_cache(cli, e) || cli_need_registry(cli, e) ||
	    read_manifest(path, &m, e))
		return -1;
	return encl_build_origins(&cli->env, m, out, e);
}

/* A folder that is there has to be empty: what is in it is nobody's to mix up. */
static int
check_dump(const char *path, struct encl_err *e)
{
	const struct dirent *entry;
	DIR *dir;
	bool empty = true;

	if (!path)
		return 0;
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0
				       : encl_fail_sys(e, ENCL_USAGE, "--dump %s", path);
	while (empty && (entry = readdir(dir)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	closedir(dir);
	return empty ? 0
		     : encl_fail(e, ENCL_USAGE, "--dump %s: the folder is not empty",
				 path);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(side_clear) struct side a = {.eif = {.fd = -1}};
	encl_auto(side_clear) struct side b = {.eif = {.fd = -1}};
	encl_auto(encl_origins_free) struct encl_origins *origins = NULL;
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *text = NULL;
	const char *manifest = args_get(args, "manifest");
	bool stat = args_has(args, "stat");
	const struct encl_diff_options o = {
		.name_a = args->operands[0],
		.name_b = args->operands[1],
		.jobs = cli->env.jobs,
		.contents = !stat,
		.max_text = MAX_TEXT,
		.max_lines = MAX_LINES,
		.dump = args_get(args, "dump"),
		.ignore_signature = args_has(args, "ignore-signature"),
	};

	if (check_dump(o.dump, e) || read_origins(cli, manifest, &origins, e) ||
	    open_side(cli, o.name_a, NULL, &a, e) ||
	    open_side(cli, o.name_b, origins, &b, e) ||
	    encl_diff(&a.inventory, &b.inventory, &o, &v, e))
		return -1;
	if (cli->json) {
		report_json(v);
	} else {
		text = encl_diff_text(v, manifest, stat);
		report("%s", text);
	}
	if (!json_is_true(json_object_get(v, "Same")))
		cli->exit_code = ENCL_MISMATCH;
	return 0;
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "show what differs between two images, and what brought it",
	.operands = "A B",
	.min_operands = 2,
	.max_operands = 2,
	.help = "A and B are images or references.  Header, sections, metadata, signature,\n"
		"packages, and every name in the ramdisks: mode, owner, time, link and\n"
		"content; of text the lines, of programs the build-id and the compiler.\n"
		"Each with the PCRs that it moves and the package or the input that it\n"
		"comes from.  Exit 0 where the images are the same, 3 where they differ.\n"
		"--dump leaves links out of its folders; its lists have them.",
	.options = options,
	.run = run,
};
