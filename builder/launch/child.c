/* SPDX-License-Identifier: Apache-2.0 */
/* fork and exec with pipes; only async-signal-safe calls between the two. */
#include "launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void
become(const char *program, const char *const argv[], const int *keep, int out,
       int err_out, pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err_out, 2) < 0)
		_exit(127);
	for (; *keep >= 0; keep++)
		fcntl(*keep, F_SETFD, 0);
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A session of its own: a terminal's ^C reaches us only. */
	setsid();
	execv(program, (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int
open_pipe(int p[2], bool quiet, struct encl_err *e)
{
	if (!quiet)
		return pipe2(p, O_CLOEXEC) ? encl_fail_sys(e, ENCL_FAILED, "pipe") : 0;
	p[0] = -1;
	p[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return p[1] < 0 ? encl_fail_sys(e, ENCL_FAILED, "open /dev/null") : 0;
}

int
encl_child_start(struct encl_child *c, const char *program, const char *const argv[],
		 const int *keep, bool quiet, struct encl_err *e)
{
	int out[2], err_out[2];
	pid_t parent = getpid();
	pid_t pid;

	if (open_pipe(out, quiet, e))
		return -1;
	if (open_pipe(err_out, quiet, e)) {
		encl_close_fd(out[0]);
		encl_close_fd(out[1]);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		become(program, argv, keep, out[1], err_out[1], parent);
	encl_close_fd(out[1]);
	encl_close_fd(err_out[1]);
	if (pid < 0) {
		encl_close_fd(out[0]);
		encl_close_fd(err_out[0]);
		return encl_fail_sys(e, ENCL_FAILED, "start %s", program);
	}
	*c = (struct encl_child){pid, (int)syscall(SYS_pidfd_open, pid, 0), out[0],
				 err_out[0]};
	return 0;
}

int
encl_child_wait(struct encl_child *c)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void
encl_child_clear(struct encl_child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		encl_child_wait(c);
		encl_close_fd(c->pidfd);
		encl_close_fd(c->out);
		encl_close_fd(c->err_out);
	} else if (c->out || c->err_out || c->pidfd) {
		encl_close_fd(c->pidfd);
		encl_close_fd(c->out);
		encl_close_fd(c->err_out);
	}
	memset(c, 0, sizeof *c);
}
