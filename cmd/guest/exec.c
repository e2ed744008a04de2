/* SPDX-License-Identifier: Apache-2.0 */
/* execve with the PATH of the new environment, and a reason when it fails. */
#include "guest/exec.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guest/say.h"

const char *
guest_env(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

int
guest_exec(char *const *argv, char *const *env)
{
	const char *hint = "";
	int sys;

	environ = (char **)env; /* execvp looks PATH up there */
	execvp(argv[0], argv);
	sys = errno;
	/* The file is there: what it asks for is not (#! line, ELF interpreter). */
	if (sys == ENOENT && strchr(argv[0], '/') && access(argv[0], F_OK) == 0)
		hint = " (the file is there: its #! program or dynamic loader is not)";
	if (sys == ENOENT && !strchr(argv[0], '/'))
		hint = " in PATH";
	say("cannot start ", argv[0], ": ", strerror(sys), hint);
	return sys == ENOENT || sys == ENOTDIR ? 127 : 126;
}
