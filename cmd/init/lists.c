/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the app ramdisk says: that it is whole (its last entry is a marker; a
 * kernel that runs out of memory while it unpacks boots on with a part), and
 * AWS's /cmd and /env, one argument or variable a line.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guest/file.h"
#include "init/init.h"

#define MARKER "/~complete"

enum { LIST_MAX = 16 << 20 }; /* the kernel takes no larger argument list */

void
init_check_complete(void)
{
	if (access(MARKER, F_OK))
		init_fatal("the app ramdisk is incomplete (" MARKER
			   " is missing): too little memory to unpack it; "
			   "give the enclave more memory");
}

char **
init_read_list(const char *path)
{
	size_t len;
	size_t n;
	char *text = guest_read_file(path, LIST_MAX, &len);
	char **list;

	if (!text)
		init_fatal("the app ramdisk has no usable ", path, ": ", guest_why());
	if (memchr(text, 0, len))
		init_fatal(path, " holds a NUL byte");
	list = guest_lines(text, len, &n);
	if (!list)
		init_fatal(path, ": ", guest_why());
	return list;
}

void
init_remove_lists(void)
{
	unlink("/cmd");
	unlink("/env");
	unlink(MARKER);
}
