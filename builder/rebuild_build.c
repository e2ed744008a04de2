/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build of a rebuild: in a process of its own, with another time zone, locale,
 * umask, home, working folder and number of threads than ours, and an empty cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/tmpfile.h"
#include "build_internal.h"
#include "lock/lock.h"
#include "rebuild_internal.h"
#include "sources/cache.h"

/* What comes back over a pipe; both ends are this program. */
struct answer {
	int rc;
	struct encl_rebuilt rebuilt;
	struct encl_err err;
};

/* ---- another environment ---- */

static void
set_other(const char *name, const char *one, const char *two)
{
	const char *is = getenv(name);

	setenv(name, is && !strcmp(is, one) ? two : one, 1);
}

/* Another home, in which credentials and the helpers that know them are found. */
static int
change_home(const char *folder, struct encl_err *e)
{
	static const char *const kept[] = {".aws", ".config", ".docker", ".gnupg",
					   ".password-store"};
	encl_auto(encl_free) char *home = encl_xasprintf("%s/home", folder);
	const char *old = getenv("HOME");

	if (mkdir(home, 0700))
		return encl_fail_sys(e, ENCL_FAILED, "make folder %s", home);
	for (size_t i = 0; old && i < sizeof kept / sizeof *kept; i++) {
		encl_auto(encl_free) char *from = encl_xasprintf("%s/%s", old, kept[i]);
		encl_auto(encl_free) char *to = encl_xasprintf("%s/%s", home, kept[i]);

		if (!access(from, F_OK) && symlink(from, to))
			return encl_fail_sys(e, ENCL_FAILED, "link %s", to);
	}
	setenv("HOME", home, 1);
	return 0;
}

static int
change_environment(struct encl_env *env, const char *folder, struct encl_err *e)
{
	if (change_home(folder, e))
		return -1;
	if (chdir(folder))
		return encl_fail_sys(e, ENCL_FAILED, "enter %s", folder);
	set_other("TZ", "Asia/Kathmandu", "America/St_Johns");
	set_other("LANG", "de_DE.UTF-8", "ja_JP.UTF-8");
	set_other("LC_ALL", "C", "C.UTF-8");
	set_other("USER", "rebuild", "other");
	tzset();
	umask(umask(077) == 077 ? 022 : 077);
	env->jobs = env->jobs == 1 ? 2 : env->jobs - 1;
	return 0;
}

/* ---- the build ---- */

struct rebuilding {
	struct encl_env *env;
	const struct encl_manifest *m;
	const char *folder;
	const struct encl_rebuild_options *o;
};

static int
build_from(const struct rebuilding *r, json_t *lock, struct encl_err *e)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/" ENCL_REBUILD_IMAGE, r->folder);
	encl_auto(encl_free) char *init_bytes = NULL;
	encl_auto(encl_build_clear) struct encl_build b = {
		.env = r->env,
		.m = r->m,
		.lock = json_incref(lock),
		.nitro_cli = r->o->nitro_cli,
	};
	encl_auto(encl_close_fd) int fd = -1;
	struct encl_eif_result result;
	bool locked;

	if (encl_build_prepare(&b, true, &locked, &init_bytes, e))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "create %s", path);
	return encl_build_image(&b, fd, &result, e);
}

/* Local inputs as they are now, what is fetched as the lock has it; NULL where that
 * is the lock. */
static json_t *
lock_of_inputs(const struct rebuilding *r, const json_t *lock)
{
	const struct encl_resolve_request request = {.old = lock};
	encl_auto(json_decref) json_t *now = NULL;
	struct encl_err ignored;

	if (encl_resolve(r->env, r->m, &request, &now, &ignored) || json_equal(now, lock))
		return NULL;
	return encl_take(now, NULL);
}

static int
build(const struct rebuilding *r, json_t *lock, struct encl_rebuilt *out,
      struct encl_err *e)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s/" ENCL_REBUILD_LOCK, r->folder);
	encl_auto(encl_build_clear) struct encl_build b = {
		.env = r->env, .m = r->m, .lock = json_incref(lock)};
	encl_auto(json_decref) json_t *now = NULL;
	struct encl_err other;
	bool locked;

	if (encl_build_lock(&b, true, &locked, e))
		return -1;
	if (!build_from(r, lock, e))
		return encl_lock_write(path, lock, e);
	if (e->code == ENCL_MISMATCH)
		now = lock_of_inputs(r, lock);
	if (!now || build_from(r, now, &other))
		return -1;
	out->lock_differs = true;
	memcpy(out->why, e->msg, sizeof out->why);
	return encl_lock_write(path, now, e);
}

/* ---- its process ---- */

static int
build_apart(struct encl_env *env, const struct encl_manifest *m, json_t *lock,
	    const char *folder, const struct encl_rebuild_options *o,
	    struct encl_rebuilt *out, struct encl_err *e)
{
	encl_auto(encl_free) char *cache =
		encl_xasprintf("%s/" ENCL_REBUILD_CACHE, folder);
	const struct rebuilding r = {env, m, folder, o};

	if (change_environment(env, folder, e))
		return -1;
	if (!o->use_cache) {
		env->cache = NULL;
		if (encl_cache_open(cache, &env->cache, e))
			return -1;
		env->cache_dir = encl_cache_dir(env->cache);
	}
	/* our parent's has its connections */
	env->registry = NULL;
	if (encl_registry_open(env, o->registry, &env->registry, e))
		return -1;
	return build(&r, lock, out, e);
}

static int
receive(int fd, pid_t pid, struct answer *a, struct encl_err *e)
{
	size_t n = 0;
	int status = 0;

	while (n < sizeof *a) {
		ssize_t got = read(fd, (char *)a + n, sizeof *a - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n == sizeof *a)
		return 0;
	return encl_fail(e, ENCL_FAILED, "the process that builds ended by %s %d",
			 WIFSIGNALED(status) ? "signal" : "code",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int
encl_rebuild_run(struct encl_env *env, const struct encl_manifest *m, json_t *lock,
		 const char *folder, const struct encl_rebuild_options *o,
		 struct encl_rebuilt *out, struct encl_err *e)
{
	struct answer a = {0};
	pid_t parent = getpid();
	int rc = 0;
	int p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		return encl_fail_sys(e, ENCL_FAILED, "pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			a.rc = build_apart(env, m, lock, folder, o, &a.rebuilt, &a.err);
		if (o->leave)
			o->leave();
		rc = write(p[1], &a, sizeof a) == (ssize_t)sizeof a ? 0 : 1;
		_exit(rc);
	}
	close(p[1]);
	if (pid < 0)
		encl_fail_sys(e, ENCL_FAILED, "fork");
	rc = pid < 0 ? -1 : receive(p[0], pid, &a, e);
	close(p[0]);
	if (rc)
		return -1;
	*out = a.rebuilt;
	*e = a.rc ? a.err : *e;
	return a.rc;
}
