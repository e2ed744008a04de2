/* SPDX-License-Identifier: Apache-2.0 */
/* assemble OUT.eif KERNEL CONFIG CMDLINE RAMDISK…: an EIF of given files, for
 * tests of what comes after the builder.  ARCH=aarch64: for that one. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/stream.h"
#include "eif/eif.h"

enum { MAX_PARTS = 16, MAX_FILE = 512 << 20 };

static int
read_part(const char *path, struct encl_eif_bytes *b, struct encl_err *e)
{
	char *p;

	if (encl_read_file(path, MAX_FILE, &p, &b->n, e))
		return -1;
	b->p = p; /* lives until the program ends */
	return 0;
}

static int
assemble(int argc, char **argv, struct encl_err *e)
{
	struct encl_eif_bytes bytes[MAX_PARTS] = {{NULL, 0}};
	struct encl_eif_part parts[MAX_PARTS];
	struct encl_eif_result result;
	struct encl_eif_bytes config;
	encl_auto(encl_close_fd) int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
	const char *given = getenv("ARCH");
	enum encl_arch arch =
		given && !strcmp(given, "aarch64") ? ENCL_ARCH_AARCH64 : ENCL_ARCH_X86_64;
	size_t n = 3;

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "create %s", argv[1]);
	if (read_part(argv[2], &bytes[0], e) || read_part(argv[3], &config, e))
		return -1;
	bytes[1] = (struct encl_eif_bytes){argv[4], strlen(argv[4])};
	bytes[2].p = encl_metadata_text("test", "1", 0, config.p, NULL);
	bytes[2].n = strlen(bytes[2].p);
	for (int i = 5; i < argc && n < MAX_PARTS; i++, n++)
		if (read_part(argv[i], &bytes[n], e))
			return -1;
	for (size_t i = 0; i < n; i++) {
		static const enum encl_section_type types[] = {
			ENCL_SECTION_KERNEL, ENCL_SECTION_CMDLINE, ENCL_SECTION_METADATA,
			ENCL_SECTION_RAMDISK};

		parts[i] = encl_eif_part_bytes(types[i < 3 ? i : 3], &bytes[i]);
	}
	return encl_eif_write(fd, arch, parts, n, NULL, 1, &result, e);
}

int
main(int argc, char **argv)
{
	struct encl_err e;

	if (argc < 6) {
		fputs("usage: assemble OUT.eif KERNEL CONFIG CMDLINE RAMDISK…\n", stderr);
		return 2;
	}
	if (assemble(argc, argv, &e) == 0)
		return 0;
	fprintf(stderr, "assemble: %s\n", e.msg);
	return 1;
}
