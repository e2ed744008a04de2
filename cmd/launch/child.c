/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: a session and a cgroup of their own, stdin from /dev/null, the
 * unit's user, folder, environment and limits, and nothing of ours.  Whether
 * the program was started is known by a pipe that its start closes: until then
 * the child writes into it why it cannot.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/exec.h"
#include "guest/file.h"
#include "launch/launch.h"
#include "launch/process.h"

static bool
failed(const char *what, const char *name)
{
	say("cannot ", what, name, ": ", guest_why());
	return false;
}

/*
 * output: -1 for /dev/null, or a pipe's end.  It may be reopened by name
 * (/dev/stdout), which only its owner may do.
 */
static bool
streams(uid_t uid, int output)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return failed("open ", "/dev/null");
	dup2(null, STDIN_FILENO);
	if (output != STDOUT_FILENO) {
		dup2(output < 0 ? null : output, STDOUT_FILENO);
		dup2(output < 0 ? null : output, STDERR_FILENO);
	}
	if (output < 0)
		return true;
	if (uid && (fchown(STDOUT_FILENO, uid, (gid_t)-1) ||
		    fchown(STDERR_FILENO, uid, (gid_t)-1)))
		say("warning: owner of the console: ", guest_why());
	return true;
}

/* Groups, group, user: in this order, or the right to do the next is gone. */
static bool
become(const struct unit_config *c)
{
	uid_t uid = c->uid.v[0];
	gid_t gid = c->gid.v[0];
	uid_t u[3];
	gid_t g[3];

	if (setgroups(c->groups.n, c->groups.v))
		return failed("set the groups of ", c->name);
	if (setresgid(gid, gid, gid))
		return failed("become group ", guest_dec(gid));
	if (setresuid(uid, uid, uid))
		return failed("become user ", guest_dec(uid));
	/* Believed only when seen. */
	if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2]) ||
	    getgroups(0, NULL) != (int)c->groups.n)
		return failed("read the ids of ", c->name);
	for (int i = 0; i < 3; i++)
		if (u[i] != uid || g[i] != gid) {
			say("the kernel did not change user and group");
			return false;
		}
	if (uid && (setuid(0) == 0 || (gid && setgid(0) == 0))) {
		say("the rights of root could be taken back");
		return false;
	}
	return true;
}

/* NAME=value as a new string; NULL where memory is short. */
static char *
variable(const char *name, const char *value)
{
	size_t n = strlen(name);
	size_t v = strlen(value) + 1;
	char *s = malloc(n + v);

	if (s) {
		memcpy(s, name, n);
		memcpy(s + n, value, v);
	}
	return s;
}

/* PATH and HOME are there whatever the image says. */
static bool
complete_env(struct strings *env, const char *home)
{
	static char path[] = GUEST_PATH;
	char *home_is;

	if ((!env->n || !guest_env(env->v, "PATH")) && strings_add(env, path))
		return failed("set ", "PATH");
	if (guest_env(env->v, "HOME"))
		return true;
	home_is = variable("HOME=", home && *home ? home : "/");
	if (!home_is || strings_add(env, home_is))
		return failed("set ", "HOME");
	return true;
}

static bool
limits(const struct unit_config *c)
{
	struct rlimit files = {c->nofile, c->nofile};

	if (c->nofile && setrlimit(RLIMIT_NOFILE, &files))
		return failed("set the limit of ", "open files");
	return true;
}

static int
run(const struct unit_config *c, const struct strings *argv, const char *cgroup,
    int output)
{
	struct strings env = c->env;
	sigset_t none;

	setsid();
	if (cgroup)
		cgroup_enter(cgroup);
	/* As Docker's service file has it: when memory runs out it is a container
	 * that ends (they have 0), not the daemon and with it all of them. */
	guest_put("/proc/self/oom_score_adj", c->kind == UNIT_DOCKERD ? "-500" : "0");
	if (!streams(c->uid.v[0], output))
		return LAUNCH_FAILED;
	/* Before the rights go: Docker, too, starts in a folder of root's. */
	if (chdir(c->workdir)) {
		failed("enter the working folder ", c->workdir);
		return LAUNCH_FAILED;
	}
	if (!limits(c) || !become(c) || !complete_env(&env, c->home))
		return LAUNCH_FAILED;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return guest_exec(argv->v, env.v);
}

static struct child *children;

/* The write end for the child: -1 drops its output, 1 is the console. */
static bool
output_of(const struct unit_config *c, struct log *log, int *fd)
{
	*fd = log ? log_open(log, log->name, log->quiet) : -1;
	if (!log && c->raw_output)
		*fd = STDOUT_FILENO;
	return *fd >= 0 || !log || failed("make a pipe for ", c->name);
}

/* Both ends close on exec; the write end is the child's. */
static bool
why_pipe(struct child *child, int *why)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return failed("make a ", "pipe");
	child->why = ends[0];
	*why = ends[1];
	return true;
}

int
child_start(struct child *child, const struct unit_config *c, const struct strings *argv,
	    const char *cgroup, struct log *log)
{
	int output;
	int why = -1;

	if (!why_pipe(child, &why))
		return -1;
	if (!output_of(c, log, &output)) {
		close(child->why);
		close(why);
		return -1;
	}
	child->pid = fork();
	if (child->pid == 0) {
		/* the app's trouble goes to the console, as its output does */
		if (output != STDOUT_FILENO && !(log && log->raw))
			guest_say_to = why;
		_exit(run(c, argv, cgroup, output));
	}
	close(why);
	if (output > STDERR_FILENO)
		close(output);
	if (child->pid < 0) {
		child->pid = 0;
		failed("start ", argv->v[0]);
		close(child->why);
		if (log)
			log_close(log);
		return -1;
	}
	child_adopt(child, child->pid);
	return 0;
}

void
child_adopt(struct child *child, int pid)
{
	child->pid = pid;
	child->next = children;
	children = child;
}

enum child_why
child_why(struct child *child, char *text, size_t room)
{
	ssize_t n;

	if (child->why < 0)
		return CHILD_STARTED;
	n = read(child->why, text, room - 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return CHILD_STARTING;
	close(child->why);
	child->why = -1;
	if (n <= 0)
		return CHILD_STARTED;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	if (strncmp(text, "launch: ", 8) == 0)
		memmove(text, text + 8, strlen(text + 8) + 1);
	return CHILD_FAILED;
}

void
child_signal(const struct child *child, int sig)
{
	if (child->pid)
		kill(child->pid, sig);
}

void
child_kill(const struct child *child)
{
	if (!child->pid)
		return;
	kill(-child->pid, SIGKILL);
	kill(child->pid, SIGKILL); /* not a leader of its group any more */
}

static void
reaped(pid_t pid, int status)
{
	for (struct child **p = &children; *p; p = &(*p)->next) {
		struct child *child = *p;

		if (child->pid != pid)
			continue;
		*p = child->next;
		child->pid = 0;
		child->ended(child, status);
		return;
	}
}

void
child_reap(void)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		reaped(pid, status);
}
