/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild list`: the files of an image's ramdisks, one a line. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "cmd.h"
#include "eif/eif.h"
#include "operand.h"
#include "ramdisk/ramdisk.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"ramdisk", 0, "N", "only this one, from 0", false},
	{"digests", 0, NULL, "with the SHA-256 of every file", false},
	{NULL, 0, NULL, NULL, false},
};

enum { JSON_MAX = 1 << 29 }; /* with --json, a ramdisk's lines are in memory */

static int
write_stdout(struct encl_sink *s, const void *p, size_t n, struct encl_err *e)
{
	(void)s;
	if (fwrite(p, 1, n, stdout) != n)
		return encl_fail_sys(e, ENCL_FAILED, "write to standard output");
	return 0;
}

static int
list_text(const struct encl_eif *eif, const struct encl_eif_section *s, bool digests,
	  struct encl_err *e)
{
	struct encl_sink sink = {write_stdout};

	return encl_ramdisk_list(eif->fd, s->offset, s->size, digests, &sink, e);
}

static int
list_json(const struct encl_eif *eif, const struct encl_eif_section *s, bool digests,
	  json_t *all, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = JSON_MAX};
	struct encl_sink_buf sink;
	json_t *lines = json_array();
	const char *at;

	json_array_append_new(all, lines);
	encl_sink_buf_init(&sink, &b, "the list");
	if (encl_ramdisk_list(eif->fd, s->offset, s->size, digests, &sink.sink, e))
		return -1;
	for (at = encl_buf_text(&b); *at;) {
		size_t n = strcspn(at, "\n");

		json_array_append_new(lines, json_stringn(at, n));
		at += n + (at[n] == '\n');
	}
	return 0;
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(json_decref) json_t *all = json_pack("{s:[]}", "Ramdisks");
	bool digests = args_has(a, "digests");
	bool one = args_has(a, "ramdisk");
	uint64_t wanted;
	size_t ramdisk = 0;

	if (args_number(a, "ramdisk", 0, ENCL_EIF_MAX_SECTIONS, 0, &wanted, e) ||
	    operand_open(cli, a->operands[0], &eif, e))
		return -1;
	for (size_t i = 0; i < eif.n_sections; i++) {
		const struct encl_eif_section *s = &eif.sections[i];

		if (s->type != ENCL_SECTION_RAMDISK || (ramdisk++ != wanted && one))
			continue;
		if (!one && !cli->json)
			report("# ramdisk %zu\n", ramdisk - 1);
		if (cli->json ? list_json(&eif, s, digests,
					  json_object_get(all, "Ramdisks"), e)
			      : list_text(&eif, s, digests, e))
			return encl_wrap(e, "%s: ramdisk %zu", eif.path, ramdisk - 1);
	}
	if (one && wanted >= ramdisk)
		return encl_fail(e, ENCL_USAGE, "%s has %zu ramdisks, counted from 0",
				 eif.path, ramdisk);
	if (cli->json)
		report_json(all);
	return 0;
}

const struct command cmd_list = {
	.name = "list",
	.summary = "list the files of an image's ramdisks",
	.operands = "IMAGE|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "One name a line, in the order of the archive, in a format that does not\n"
		"change (docs/3-rootfs.md), so that two lists can be compared with diff.",
	.options = options,
	.run = run,
};
