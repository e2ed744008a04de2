/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app: a session of its own, stdin from /dev/null, its user, its folder,
 * its environment and nothing of ours.
 */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/exec.h"
#include "guest/file.h"
#include "launch/launch.h"

static bool
failed(const char *what, const char *name)
{
	say("cannot ", what, name, ": ", guest_why());
	return false;
}

/* Output may be reopened by name (/dev/stdout), which only its owner may do. */
static bool
streams(uid_t uid)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return failed("open ", "/dev/null");
	dup2(null, STDIN_FILENO);
	if (null > STDERR_FILENO)
		close(null);
	if (uid && (fchown(STDOUT_FILENO, uid, (gid_t)-1) ||
		    fchown(STDERR_FILENO, uid, (gid_t)-1)))
		say("warning: owner of the console: ", guest_why());
	return true;
}

/* Groups, group, user: in this order, or the right to do the next is gone. */
static bool
become(const struct config *c)
{
	uid_t uid = c->uid.v[0];
	gid_t gid = c->gid.v[0];
	uid_t u[3];
	gid_t g[3];

	if (setgroups(c->groups.n, c->groups.v))
		return failed("set the groups of ", "the app");
	if (setresgid(gid, gid, gid))
		return failed("become group ", guest_dec(gid));
	if (setresuid(uid, uid, uid))
		return failed("become user ", guest_dec(uid));
	/* Believed only when seen. */
	if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2]) ||
	    getgroups(0, NULL) != (int)c->groups.n)
		return failed("read the ids of ", "the app");
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

static int
child(const struct config *c)
{
	struct strings env = c->env;
	sigset_t none;

	setsid();
	launch_cgroup_enter();
	guest_put("/proc/self/oom_score_adj", "0");
	if (!streams(c->uid.v[0]))
		return LAUNCH_FAILED;
	/* Before the rights go: Docker, too, starts in a folder of root's. */
	if (chdir(c->workdir)) {
		failed("enter the working folder ", c->workdir);
		return LAUNCH_FAILED;
	}
	if (!become(c) || !complete_env(&env, c->home))
		return LAUNCH_FAILED;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	return guest_exec(c->argv.v, env.v);
}

pid_t
launch_app(const struct config *c)
{
	pid_t pid = fork();

	if (pid < 0)
		failed("start ", c->argv.v[0]);
	if (pid == 0)
		_exit(child(c));
	return pid;
}
