/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_spawn with captured output and a time limit.  Input goes by a memfd:
 * no pipe to keep filled, no SIGPIPE, and nothing of it on a disk.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/stream.h"

char *
encl_find_program(const char *name)
{
	const char *path = getenv("PATH");

	if (strchr(name, '/'))
		return access(name, X_OK) ? NULL : encl_xstrdup(name);
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t n = strcspn(p, ":");
		encl_auto(encl_free) char *full =
			encl_xasprintf("%.*s/%s", (int)n, p, name);

		if (n && !access(full, X_OK))
			return encl_take(full, NULL);
		p += n + (p[n] == ':');
	}
	return NULL;
}

struct capture {
	int fd;
	struct encl_buf *buf;
};

static int
drain(struct capture *c, const char *name, struct encl_err *e)
{
	char chunk[8192];
	ssize_t n = read(c->fd, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return encl_fail_sys(e, ENCL_FAILED, "read from %s", name);
	if (n == 0) {
		encl_close_fd(encl_take(c->fd, -1));
		return 0;
	}
	if (!c->buf)
		return 0;
	encl_buf_add(c->buf, chunk, (size_t)n);
	explicit_bzero(chunk, (size_t)n); /* a credential helper's secret */
	return encl_buf_check(c->buf, name, e);
}

static int
collect(struct capture c[2], int pidfd, unsigned timeout_s, const char *name,
	struct encl_err *e)
{
	uint64_t deadline = encl_clock_ms() + (uint64_t)timeout_s * 1000;

	while (c[0].fd >= 0 || c[1].fd >= 0 || pidfd >= 0) {
		bool output = c[0].fd >= 0 || c[1].fd >= 0;
		struct pollfd p[3] = {{c[0].fd, POLLIN, 0},
				      {c[1].fd, POLLIN, 0},
				      {output ? -1 : pidfd, POLLIN, 0}};
		uint64_t now = encl_clock_ms();
		int n = now < deadline ? poll(p, 3, (int)(deadline - now)) : 0;

		if (n < 0 && errno != EINTR)
			return encl_fail_sys(e, ENCL_FAILED, "wait for %s", name);
		if (n == 0)
			return encl_fail(e, ENCL_FAILED, "%s did not end within %u s",
					 name, timeout_s);
		for (int i = 0; n > 0 && i < 2; i++)
			if (p[i].revents && drain(&c[i], name, e))
				return -1;
		if (n > 0 && p[2].revents)
			return 0;
	}
	return 0;
}

/* *fd is what the program reads as its stdin: -1 for nothing. */
static int
open_input(const struct encl_spawn *s, int *fd, struct encl_err *e)
{
	encl_auto(encl_close_fd) int in = -1;

	*fd = -1;
	if (s->input_fd) {
		*fd = fcntl(s->input_fd, F_DUPFD_CLOEXEC, 3);
		return *fd < 0 ? encl_fail_sys(e, ENCL_FAILED, "dup") : 0;
	}
	if (!s->input)
		return 0;
	in = memfd_create("stdin", MFD_CLOEXEC);
	if (in < 0)
		return encl_fail_sys(e, ENCL_FAILED, "memfd_create");
	if (encl_pwrite_full(in, s->input, s->n_input, 0, "stdin", e))
		return -1;
	*fd = encl_take(in, -1);
	return 0;
}

static int
start(const char *program, const struct encl_spawn *s, int in, int out, int err_out,
      pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	sigset_t defaults;
	const char *path = getenv("PATH");
	const char *home = getenv("HOME");
	encl_auto(encl_free) char *env_path =
		encl_xasprintf("PATH=%s", path ? path : "/usr/bin:/bin");
	encl_auto(encl_free) char *env_home =
		encl_xasprintf("HOME=%s", home ? home : "/");
	char lc_all[] = "LC_ALL=C";
	char *plain[] = {env_path, env_home, lc_all, NULL};
	int rc;

	posix_spawn_file_actions_init(&fa);
	if (in < 0)
		posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&fa, in, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	if (!s->show_err)
		posix_spawn_file_actions_adddup2(&fa, err_out, 2);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(pid, program, &fa, &attr, (char *const *)(uintptr_t)s->argv,
			 s->keep_env ? environ : plain);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return rc;
}

int
encl_spawn_run(const struct encl_spawn *s, int *status, struct encl_err *e)
{
	const char *name = s->argv[0];
	encl_auto(encl_free) char *program = encl_find_program(name);
	encl_auto(encl_close_fd) int in = -1;
	int pipes[2][2] = {{-1, -1}, {-1, -1}};
	pid_t pid = -1;
	int wstatus = 0;
	int rc;

	if (!program)
		return encl_fail(e, ENCL_HOST, "%s is not installed", name);
	if (open_input(s, &in, e))
		return -1;
	if (pipe2(pipes[0], O_CLOEXEC))
		return encl_fail_sys(e, ENCL_FAILED, "pipe");
	if (pipe2(pipes[1], O_CLOEXEC)) {
		encl_fail_sys(e, ENCL_FAILED, "pipe");
		close(pipes[0][0]);
		close(pipes[0][1]);
		return -1;
	}
	rc = start(program, s, in, pipes[0][1], pipes[1][1], &pid);
	close(pipes[0][1]);
	close(pipes[1][1]);
	struct capture c[2] = {{pipes[0][0], s->out}, {pipes[1][0], s->err_out}};

	if (rc) {
		close(c[0].fd);
		close(c[1].fd);
		errno = rc;
		return encl_fail_sys(e, ENCL_HOST, "start %s", name);
	}
	encl_auto(encl_close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	rc = collect(c, pidfd, s->timeout_s, name, e);
	encl_close_fd(c[0].fd);
	encl_close_fd(c[1].fd);
	if (rc)
		kill(pid, SIGKILL);
	while (waitpid(pid, &wstatus, 0) < 0 && errno == EINTR)
		;
	if (rc)
		return -1;
	*status = WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
	return 0;
}

int
encl_spawn(const char *const argv[], struct encl_buf *out, struct encl_buf *err_out,
	   unsigned timeout_s, int *status, struct encl_err *e)
{
	struct encl_spawn s = {
		.argv = argv, .timeout_s = timeout_s, .out = out, .err_out = err_out};

	return encl_spawn_run(&s, status, e);
}
