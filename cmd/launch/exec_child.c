/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of the parent's: on pipes or a terminal of its own, as a unit's
 * user in its folder, or in a container: its namespaces and cgroup are entered,
 * by a process that stays outside, passes signals on and ends as it does (only
 * children are in a PID namespace).  In a container it has all rights that
 * launch has, as with docker exec --privileged.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/exec.h"
#include "guest/file.h"
#include "launch/docker.h"
#include "launch/launch.h"
#include "launch/session.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

enum { ENVIRON_MAX = 1 << 20 };

struct who {
	uid_t uid;
	gid_t gid;
	const char *name; /* for its groups, or NULL */
	char home[256];
};

static _Noreturn void
give_up(const char *what, const char *name)
{
	say("cannot ", what, name, ": ", guest_why());
	_exit(LAUNCH_FAILED);
}

/* ---- who ---- */

static bool
is_id(const char *text, unsigned *out)
{
	uint64_t v = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9' && v < UINT32_MAX; p++)
		v = v * 10 + (unsigned)(*p - '0');
	*out = (unsigned)v;
	return p != text && !*p && v < UINT32_MAX;
}

static void
take_account(struct who *who, const struct passwd *p)
{
	if (!p)
		return;
	who->gid = p->pw_gid;
	who->name = strdup(p->pw_name);
	join_texts(who->home, sizeof who->home, (const char *const[]){p->pw_dir, 0});
}

/* "USER[:GROUP]", by the files of the place; nothing: root. */
static void
find_user(const char *text, struct who *who)
{
	char user[128];
	char *group;
	unsigned id;

	*who = (struct who){.uid = 0, .home = "/root"};
	join(user, text && *text ? text : "0");
	group = strchr(user, ':');
	if (group)
		*group++ = 0;
	if (is_id(user, &id)) {
		who->uid = id;
		take_account(who, getpwuid(id));
	} else {
		const struct passwd *p = getpwnam(user);

		errno = ENOENT;
		if (p) {
			who->uid = p->pw_uid;
			take_account(who, p);
		} else {
			give_up("find the user ", user);
		}
	}
	if (group && is_id(group, &id)) {
		who->gid = id;
	} else if (group) {
		const struct group *g = getgrnam(group);

		errno = ENOENT;
		if (g)
			who->gid = g->gr_gid;
		else
			give_up("find the group ", group);
	}
}

static void
become(const struct who *who, const struct unit_config *unit)
{
	bool own = unit && !who->name && unit->uid.n && unit->uid.v[0] == who->uid;
	int r = own	    ? setgroups(unit->groups.n, unit->groups.v)
		: who->name ? initgroups(who->name, who->gid)
			    : setgroups(0, NULL);

	if (r || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid))
		give_up("become user ", guest_dec(who->uid));
}

/* ---- where ---- */

static const char *
proc(int pid, const char *what)
{
	static char text[64];

	join(text, "/proc/", guest_dec((unsigned)pid), "/", what);
	return text;
}

/* "0::/PATH" of cgroup v2: what is run counts as the container's. */
static void
enter_cgroup(int pid)
{
	char path[4096];
	size_t len;
	char *text = guest_read_file(proc(pid, "cgroup"), sizeof path / 2, &len);

	if (!text || strncmp(text, "0::", 3) != 0)
		return;
	text[strcspn(text, "\n")] = 0;
	join(path, "/sys/fs/cgroup", text + 3, "/cgroup.procs");
	guest_put(path, "0");
}

static void
enter_namespaces(int pid)
{
	static const char *const names[] = {"ipc", "uts", "net", "pid", "cgroup", "mnt"};
	enum { N = sizeof names / sizeof *names };
	int fds[N];

	for (int i = 0; i < N; i++) {
		char what[16];

		join(what, "ns/", names[i]);
		fds[i] = open(proc(pid, what), O_RDONLY | O_CLOEXEC);
		/* one that the kernel does not have */
		if (fds[i] < 0 && errno != ENOENT)
			give_up("open the container's namespace ", names[i]);
	}
	enter_cgroup(pid);
	for (int i = 0; i < N; i++)
		if (fds[i] >= 0 && setns(fds[i], 0))
			give_up("enter the container's namespace ", names[i]);
}

/* Outside of the container: does as the one inside. */
static _Noreturn void
stand_by(int pid)
{
	sigset_t all;
	int sig, status;

	setsid();
	/* it never executes anything: what is closed on exec stays open, and who
	 * waits for an end of it (the program, for that of its input) waits for us */
	syscall(SYS_close_range, 0U, ~0U, 0U);
	sigfillset(&all);
	for (;;) {
		if (sigwait(&all, &sig))
			continue;
		if (sig != SIGCHLD) {
			kill(pid, sig);
			continue;
		}
		if (waitpid(pid, &status, WNOHANG) != pid)
			continue;
		_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static void
go_in(int pid)
{
	pid_t inner;

	enter_namespaces(pid);
	inner = fork();
	if (inner < 0)
		give_up("start a process in ", "the container");
	if (inner)
		stand_by(inner);
}

/* ---- environment ---- */

/* A later one of a name replaces it. */
static void
set(struct strings *env, char *text)
{
	size_t n = strcspn(text, "=") + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], text, n) == 0) {
			env->v[i] = text;
			return;
		}
	if (strings_add(env, text))
		give_up("set ", "the environment");
}

static void
set_default(struct strings *env, const char *name, const char *value)
{
	char *text;

	if (env->n && guest_env(env->v, name))
		return;
	text = malloc(strlen(name) + strlen(value) + 2);
	if (!text)
		give_up("set ", name);
	join_texts(text, strlen(name) + strlen(value) + 2,
		   (const char *const[]){name, "=", value, 0});
	set(env, text);
}

/* What the container's first process was given; read before its root is ours. */
static void
take_environ(struct strings *env, int pid)
{
	size_t len;
	char *text = guest_read_file(proc(pid, "environ"), ENVIRON_MAX, &len);

	for (size_t at = 0; text && at < len; at += strlen(text + at) + 1)
		if (strchr(text + at, '=') && text[at] != '=')
			set(env, text + at);
}

/* ---- the process ---- */

static void
take_streams(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		dup2(fds[i], i);
}

static _Noreturn void
run(const struct encl_exec_request *r, const struct exec_place *place, const int fds[3])
{
	const struct unit_config *unit = place->unit;
	const char *dir = place->container ? place->dir : unit ? unit->workdir : NULL;
	struct strings env = {0};
	struct who who;
	sigset_t none;

	take_streams(fds);
	guest_put("/proc/self/oom_score_adj", "0");
	for (size_t i = 0; unit && i < unit->env.n; i++)
		set(&env, unit->env.v[i]);
	if (place->container) {
		take_environ(&env, place->container);
		go_in(place->container);
	}
	setsid();
	if (r->tty && ioctl(0, TIOCSCTTY, 0))
		give_up("take ", "the terminal");
	for (size_t i = 0; i < r->n_env; i++)
		set(&env, (char *)(uintptr_t)r->env[i]);
	find_user(r->user ? r->user : place->container ? place->user : NULL, &who);
	if (!r->user && unit && unit->uid.n) {
		who = (struct who){.uid = unit->uid.v[0], .gid = unit->gid.v[0]};
		join(who.home, unit->home ? unit->home : "/");
	}
	set_default(&env, "PATH", GUEST_PATH + sizeof "PATH=" - 1);
	set_default(&env, "HOME", *who.home ? who.home : "/");
	if (r->tty)
		set_default(&env, "TERM", "xterm");
	dir = r->dir ? r->dir : dir && *dir ? dir : "/";
	if (chdir(dir))
		give_up("enter the folder ", dir);
	if (r->tty && fchown(0, who.uid, (gid_t)-1))
		say("warning: owner of the terminal: ", guest_why());
	become(&who, unit);
	/* only now: new credentials clear it */
	if (place->container)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	_exit(guest_exec((char *const *)(uintptr_t)r->argv, env.v));
}

/* ---- launch's side ---- */

static bool
open_tty(const struct exec_place *place, int *master, int *slave)
{
	int unlocked = 0;

	*slave = -1;
	*master = open(place->container ? proc(place->container, "root/dev/pts/ptmx")
					: "/dev/pts/ptmx",
		       O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0)
		*master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (*master < 0)
		return false;
	if (ioctl(*master, TIOCSPTLCK, &unlocked) == 0)
		*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *slave >= 0;
}

/* ours: in, out, err; fds: the child's.  All that was opened is there. */
static bool
open_streams(const struct encl_exec_request *r, const struct exec_place *place,
	     int ours[3], int fds[3])
{
	int ends[2];

	if (r->tty) {
		if (!open_tty(place, &ours[1], &fds[0]))
			return false;
		ours[0] = r->input ? fcntl(ours[1], F_DUPFD_CLOEXEC, 3) : -1;
		fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
		fds[2] = fcntl(fds[0], F_DUPFD_CLOEXEC, 3);
		return fds[1] >= 0 && fds[2] >= 0 && (ours[0] >= 0 || !r->input);
	}
	for (int i = 0; i < 3; i++) {
		bool in = i == 0;

		if (in && !r->input) {
			fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
			continue;
		}
		if (pipe2(ends, O_CLOEXEC))
			return false;
		ours[i] = ends[in ? 1 : 0];
		fds[i] = ends[in ? 0 : 1];
		if (fcntl(ours[i], F_SETFL, O_NONBLOCK))
			return false;
	}
	return fds[0] >= 0;
}

static void
close_all(const int fds[3])
{
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

bool
exec_child_start(struct exec_child *x, const struct encl_exec_request *r,
		 const struct exec_place *place, const char **why)
{
	int ours[3] = {-1, -1, -1};
	int fds[3] = {-1, -1, -1};
	int pid = -1;

	if (open_streams(r, place, ours, fds)) {
		x->tty = r->tty;
		x->out = ours[1];
		if (r->tty)
			exec_child_resize(x, r->columns, r->rows);
		pid = fork();
	}
	if (pid == 0) {
		close_all(ours); /* see stand_by(), where there is no close_range */
		run(r, place, fds);
	}
	*why = guest_why();
	close_all(fds);
	if (pid < 0) {
		close_all(ours);
		x->in = x->out = x->err = -1;
		return false;
	}
	x->in = ours[0];
	x->out = ours[1];
	x->err = ours[2];
	child_adopt(&x->child, pid);
	return true;
}

void
exec_child_resize(const struct exec_child *x, unsigned columns, unsigned rows)
{
	const struct winsize size = {.ws_col = (unsigned short)columns,
				     .ws_row = (unsigned short)rows};

	if (x->tty && x->out >= 0)
		ioctl(x->out, TIOCSWINSZ, &size);
}
