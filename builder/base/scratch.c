/* SPDX-License-Identifier: Apache-2.0 */
/* A folder, and a process that waits for a pipe's end of file to remove it. */
#include "base/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"

enum { OPEN_FOLDERS = 16 };

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	remove(path); /* what cannot go must not keep the rest */
	return 0;
}

static _Noreturn void
wait_and_remove(const char *path, int end)
{
	sigset_t none;
	char byte;

	setsid();
	prctl(PR_SET_NAME, "encl-janitor");
	for (int sig = 1; sig < 32; sig++)
		signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* a lock, a terminal or a pipe is not to live on in us */
	if (chdir("/") || dup2(end, 0) < 0)
		_exit(1);
	syscall(SYS_close_range, 1U, ~0U, 0U);
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	nftw(path, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
	_exit(0);
}

static char *
make_folder(const char *name, struct encl_err *e)
{
	const char *wanted = getenv("TMPDIR");
	const char *base = wanted && *wanted ? wanted : "/tmp";
	encl_auto(encl_free) char *top = realpath(base, NULL);
	encl_auto(encl_free) char *path = NULL;

	if (!top) {
		encl_fail_sys(e, ENCL_HOST, "temporary folder %s", base);
		return NULL;
	}
	path = encl_xasprintf("%s/%s-XXXXXX", strcmp(top, "/") != 0 ? top : "", name);
	if (!mkdtemp(path)) {
		encl_fail_sys(e, ENCL_HOST, "make a folder in %s", base);
		return NULL;
	}
	return encl_take(path, NULL);
}

int
encl_scratch_open(const char *name, struct encl_scratch *out, struct encl_err *e)
{
	encl_auto(encl_free) char *path = NULL;
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return encl_fail_sys(e, ENCL_FAILED, "pipe");
	path = make_folder(name, e);
	pid = path ? fork() : -1;
	if (pid == 0) {
		close(p[1]);
		wait_and_remove(path, p[0]);
	}
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		if (!path)
			return -1;
		encl_fail_sys(e, ENCL_FAILED, "fork");
		rmdir(path);
		return -1;
	}
	*out = (struct encl_scratch){encl_take(path, NULL), pid, p[1]};
	return 0;
}

void
encl_scratch_clear(struct encl_scratch *s)
{
	if (!s->path)
		return;
	close(s->fd);
	while (waitpid(s->janitor, NULL, 0) < 0 && errno == EINTR)
		;
	free(s->path);
	memset(s, 0, sizeof *s);
}
