/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe that nobody writes to: its end of file is the end of who made it. */
#include "launch/janitor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The kernel's own listing: after fork in a program with threads only system calls
 * are safe. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

static void
remove_all(int folder)
{
	_Alignas(struct entry) char bytes[4096];
	long n;

	while ((n = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0)
		for (long at = 0; at < n;) {
			const struct entry *d = (const void *)(bytes + at);

			at += d->length;
			if (d->name[0] != '.' || (d->name[1] && d->name[1] != '.'))
				unlinkat(folder, d->name, 0);
		}
}

static _Noreturn void
wait_and_remove(const char *path, int folder, int end)
{
	sigset_t none;
	char byte;

	setsid();
	prctl(PR_SET_NAME, "encl-janitor");
	for (int sig = 1; sig < 32; sig++)
		signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* All but these two go: a lock, a socket or a pipe is not to live on in us. */
	if (dup2(folder, 0) < 0 || dup2(end, 1) < 0)
		_exit(1);
	syscall(SYS_close_range, 2U, ~0U, 0U);
	while (read(1, &byte, 1) < 0 && errno == EINTR)
		;
	remove_all(0);
	rmdir(path);
	_exit(0);
}

int
encl_janitor_start(const char *path, struct encl_janitor *j, struct encl_err *e)
{
	encl_auto(encl_close_fd) int folder =
		open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int p[2];
	pid_t pid;

	if (folder < 0)
		return encl_fail_sys(e, ENCL_HOST, "open folder %s", path);
	if (pipe2(p, O_CLOEXEC))
		return encl_fail_sys(e, ENCL_FAILED, "pipe");
	pid = fork();
	if (pid == 0) {
		close(p[1]);
		wait_and_remove(path, folder, p[0]);
	}
	close(p[0]);
	if (pid < 0) {
		close(p[1]);
		return encl_fail_sys(e, ENCL_FAILED, "fork");
	}
	*j = (struct encl_janitor){pid, p[1]};
	return 0;
}

void
encl_janitor_end(struct encl_janitor *j)
{
	if (j->pid <= 0)
		return;
	close(j->fd);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	memset(j, 0, sizeof *j);
}
