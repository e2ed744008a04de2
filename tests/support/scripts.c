/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For .deb files: "PACKAGE SCRIPT VERDICT HASH" a line, with -r the residue
 * too.  What builder/rootfs/debian_known.c is made from, by reading.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/parse.h"
#include "rootfs/debian.h"
#include "sources/deb.h"

static void
show(const struct encl_package *p, const char *name, const char *script, bool text)
{
	static const char *const verdicts[] = {"none", "harmless", "handled",
					       "UNHANDLED"};
	char hex[2 * ENCL_DIGEST_MAX + 1] = "-";
	encl_auto(encl_free) char *rest = NULL;
	struct encl_digest d;
	bool known;

	if (!script)
		return;
	rest = encl_debian_residue(p, script, &known);
	encl_digest_of(ENCL_SHA256, rest, strlen(rest), &d);
	if (*rest)
		encl_hex(d.bytes, 8, hex);
	printf("%s %s %s %s%s\n", p->name, name, verdicts[encl_debian_script(p, name)],
	       hex, known ? "" : " (unknown section)");
	if (text)
		printf("%s\n", rest);
}

int
main(int argc, char **argv)
{
	bool text = argc > 1 && !strcmp(argv[1], "-r");

	for (int i = 1 + text; i < argc; i++) {
		encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
		encl_auto(encl_close_fd) int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		struct encl_package p;
		struct encl_err e;

		if (fd < 0 || encl_deb_control(fd, argv[i], a, &p, &e)) {
			fprintf(stderr, "%s\n", fd < 0 ? "cannot open" : e.msg);
			return 1;
		}
		show(&p, "preinst", p.preinst, text);
		show(&p, "postinst", p.postinst, text);
	}
	return 0;
}
