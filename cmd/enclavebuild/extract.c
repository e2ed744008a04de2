/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild extract`: an image's sections, and its files, to a folder. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "cmd.h"
#include "eif/eif.h"
#include "operand.h"
#include "ramdisk/extract.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"output", 'o', "DIR", "folder to write into; made where it is not there", false},
	{"files", 0, NULL, "also the files of the root file system, below DIR/rootfs",
	 false},
	{NULL, 0, NULL, NULL, false},
};

/* What a ramdisk is compressed with, by its first bytes. */
static const char *
suffix(const struct encl_eif *eif, const struct encl_eif_section *s)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *suffix;
	} formats[] = {
		{"\x1f\x8b", 2, ".gz"},		 {"\x28\xb5\x2f\xfd", 4, ".zst"},
		{"\x02\x21\x4c\x18", 4, ".lz4"}, {"\xfd\x37zXZ", 5, ".xz"},
		{"hsqs", 4, ".squashfs"},
	};
	uint8_t head[8] = {0};

	if (pread(eif->fd, head, sizeof head, (off_t)s->offset) < 0)
		return "";
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (!memcmp(head, formats[i].magic, formats[i].n))
			return formats[i].suffix;
	return "";
}

static char *
section_name(const struct encl_eif *eif, const struct encl_eif_section *s, size_t ramdisk)
{
	switch (s->type) {
	case ENCL_SECTION_RAMDISK:
		return encl_xasprintf("ramdisk%zu.cpio%s", ramdisk, suffix(eif, s));
	case ENCL_SECTION_METADATA:
		return encl_xstrdup("metadata.json");
	case ENCL_SECTION_SIGNATURE:
		return encl_xstrdup("signature.cbor");
	default:
		return encl_xstrdup(encl_section_name(s->type));
	}
}

static int
copy_section(const struct encl_eif *eif, const struct encl_eif_section *s,
	     const char *path, struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile t = {.fd = -1};
	struct encl_eif_range range = {eif->fd, s->offset, s->size, eif->path};
	struct encl_eif_part part = encl_eif_part_range(s->type, &range);
	struct encl_sink_fd sink;

	if (encl_tmpfile_open(&t, path, 0644, e))
		return -1;
	encl_sink_fd_init(&sink, t.fd, path);
	if (part.produce(part.arg, &sink.sink, e))
		return -1;
	return encl_tmpfile_commit(&t, e);
}

/* Files only go where nothing is yet: what a former run left would mix in. */
static int
open_rootfs(const char *dir, int *out, struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/rootfs", dir);
	encl_auto(encl_close_fd) int fd = -1;

	if (mkdir(path, 0755))
		return errno == EEXIST
			       ? encl_fail(e, ENCL_FAILED,
					   "%s is there already; remove it first", path)
			       : encl_fail_sys(e, ENCL_FAILED, "create folder %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	*out = encl_take(fd, -1);
	return 0;
}

static int
extract_files(struct cli *cli, const struct encl_eif *eif, const char *dir,
	      struct encl_err *e)
{
	encl_auto(encl_close_fd) int root = -1;
	size_t ramdisk = 0;

	if (open_rootfs(dir, &root, e))
		return -1;
	for (size_t i = 0; i < eif->n_sections; i++) {
		const struct encl_eif_section *s = &eif->sections[i];

		if (s->type != ENCL_SECTION_RAMDISK)
			continue;
		if (encl_ramdisk_extract(eif->fd, s->offset, s->size, "rootfs", root,
					 cli->env.log, e))
			return encl_wrap(e, "%s: ramdisk %zu", eif->path, ramdisk);
		ramdisk++;
	}
	return 0;
}

static int
run(struct cli *cli, const struct args *a, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(json_decref) json_t *names = json_array();
	const char *dir = args_get(a, "output");
	size_t ramdisk = 0;

	if (!dir)
		return encl_fail(e, ENCL_USAGE, "extract: --output DIR is missing");
	if (operand_open(cli, a->operands[0], &eif, e) || encl_make_dirs(dir, 0755, e))
		return -1;
	for (size_t i = 0; i < eif.n_sections; i++) {
		const struct encl_eif_section *s = &eif.sections[i];
		encl_auto(encl_free) char *name = section_name(&eif, s, ramdisk);
		encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", dir, name);

		ramdisk += s->type == ENCL_SECTION_RAMDISK;
		if (copy_section(&eif, s, path, e))
			return -1;
		json_array_append_new(names, json_string(name));
		if (!cli->json)
			report("%s %llu\n", name, (unsigned long long)s->size);
	}
	if (args_has(a, "files") && extract_files(cli, &eif, dir, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *v =
			json_pack("{s:s, s:O}", "Folder", dir, "Sections", names);

		report_json(v);
	}
	return 0;
}

const struct command cmd_extract = {
	.name = "extract",
	.summary = "write an image's sections, and its files, to a folder",
	.operands = "IMAGE|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "kernel, cmdline, metadata.json, ramdisk0.cpio … and signature.cbor as\n"
		"they are in the image.  With --files, the root file system: owned by\n"
		"you, without set-id bits, devices left out, and no link is followed.",
	.options = options,
	.run = run,
};
