/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel modules: /modules/order names them, one a line, in load order; then
 * the one that AWS's layout has, /nsm.ko.  A module that does not load is a
 * warning: what needs it fails by name later, with a console to read it on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest/file.h"
#include "init/init.h"

/* The kernel says "No such file" for a symbol that nobody exports. */
static const char *
load_failure(void)
{
	return errno == ENOENT ? "a module that it needs is not loaded (unknown symbol)"
			       : guest_why();
}

/* Loads a file of the current folder and removes it: its memory is the app's. */
static void
load(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		say("warning: module ", name, ": ", guest_why());
		return;
	}
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		say("warning: module ", name, ": ", load_failure());
	close(fd);
	unlink(name);
}

static void
load_listed(void)
{
	size_t len;
	size_t n;
	char *text = guest_read_file("order", 1 << 20, &len);
	char **names = text ? guest_lines(text, len, &n) : NULL;

	for (size_t i = 0; names && i < n; i++)
		if (*names[i])
			load(names[i]);
	if (!names && errno != ENOENT)
		say("warning: /modules/order: ", guest_why());
	unlink("order");
	free(names);
	free(text);
}

void
init_modules(void)
{
	if (chdir("/modules") == 0) {
		load_listed();
		chdir("/");
		rmdir("/modules");
	}
	if (access("/nsm.ko", F_OK) == 0)
		load("/nsm.ko");
}
