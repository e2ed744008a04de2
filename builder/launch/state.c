/* SPDX-License-Identifier: Apache-2.0 */
/* The run folder, read: who runs here, and how to speak to it. */
#include "launch/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "launch/state_internal.h"
#include "launch/wall.h"

/* ---- names and places ---- */

bool
encl_state_name_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789._-");

	return n && n <= ENCL_STATE_NAME_MAX && !name[n] && name[0] != '.' &&
	       name[0] != '-';
}

/* Others must not be able to put something there for us. */
static int
check_folder(const char *path, struct encl_err *e)
{
	struct stat st;

	if (lstat(path, &st))
		return encl_fail_sys(e, ENCL_HOST, "run folder %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return encl_fail(e, ENCL_HOST,
				 "run folder %s: not a folder of yours alone; set "
				 "ENCLAVEBUILD_RUN to one",
				 path);
	return 0;
}

int
encl_state_folder(char **out, struct encl_err *e)
{
	const char *given = getenv("ENCLAVEBUILD_RUN");
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	encl_auto(encl_free) char *path = NULL;

	if (given && *given)
		path = encl_xstrdup(given);
	else if (geteuid() == 0)
		path = encl_xstrdup("/run/enclavebuild");
	else if (runtime && *runtime == '/')
		path = encl_xasprintf("%s/enclavebuild", runtime);
	else
		path = encl_xasprintf("/tmp/enclavebuild-%u", (unsigned)geteuid());
	if (encl_make_dirs(path, 0700, e) || check_folder(path, e))
		return -1;
	*out = encl_take(path, NULL);
	return 0;
}

int
encl_state_address(const char *run_folder, const char *name, uid_t uid,
		   struct sockaddr_un *out, socklen_t *n, struct encl_err *e)
{
	encl_auto(encl_free) char *real = realpath(run_folder, NULL);
	struct encl_digest digest;
	char hex[17];
	int length;

	if (!real)
		return encl_fail_sys(e, ENCL_HOST, "run folder %s", run_folder);
	encl_digest_of(ENCL_SHA256, real, strlen(real), &digest);
	encl_hex(digest.bytes, 8, hex);
	memset(out, 0, sizeof *out);
	out->sun_family = AF_UNIX;
	length = snprintf(out->sun_path + 1, sizeof out->sun_path - 1,
			  "enclavebuild/%u/%s/%s", (unsigned)uid, hex, name);
	*n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	return 0;
}

/* ---- one ---- */

void
encl_state_clear(struct encl_state *s)
{
	free(s->name);
	free(s->folder);
	json_decref(s->json);
	memset(s, 0, sizeof *s);
}

static bool
is_locked(const char *folder)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/" ENCL_STATE_LOCK, folder);
	encl_auto(encl_close_fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fd >= 0 && !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

static int
read_one(const char *run_folder, const char *name, struct encl_state *out,
	 struct encl_err *e)
{
	encl_auto(encl_state_clear) struct encl_state s = {
		.name = encl_xstrdup(name),
		.folder = encl_xasprintf("%s/%s", run_folder, name)};
	encl_auto(encl_free) char *path = encl_xasprintf("%s/" ENCL_STATE_JSON, s.folder);

	/* In this order: one that ends meanwhile has written its end. */
	s.alive = is_locked(s.folder);
	if (encl_json_read(path, ENCL_STATE_JSON_MAX, &s.json, e))
		return -1;
	if (!json_is_object(s.json))
		return encl_fail(e, ENCL_FAILED, "%s: not an object", path);
	*out = encl_take(s, (struct encl_state){0});
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct encl_state *)a)->name,
		      ((const struct encl_state *)b)->name);
}

int
encl_state_list(struct encl_state **out, size_t *n, struct encl_err *e)
{
	encl_auto(encl_free) char *folder = NULL;
	struct encl_state *list = NULL;
	size_t found = 0;
	struct dirent *d;
	DIR *dir;

	if (encl_state_folder(&folder, e))
		return -1;
	dir = opendir(folder);
	if (!dir)
		return encl_fail_sys(e, ENCL_HOST, "open folder %s", folder);
	while ((d = readdir(dir))) {
		struct encl_err ignored;

		if (!encl_state_name_ok(d->d_name))
			continue;
		list = encl_xrealloc(list, found + 1, sizeof *list);
		/* One that is just being made has no state yet. */
		if (!read_one(folder, d->d_name, &list[found], &ignored))
			found++;
	}
	closedir(dir);
	if (found)
		qsort(list, found, sizeof *list, by_name);
	*out = list;
	*n = found;
	return 0;
}

static int
fail_to_find(const char *name, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf names;
	struct encl_state *list = NULL;
	struct encl_err ignored;
	size_t n = 0;

	encl_buf_init(&names, 4096);
	if (!encl_state_list(&list, &n, &ignored)) {
		for (size_t i = 0; i < n; i++) {
			if (i < 10)
				encl_buf_add_fmt(&names, "%s%s", i ? ", " : "",
						 list[i].name);
			encl_state_clear(&list[i]);
		}
		free(list);
	}
	return encl_fail(e, ENCL_USAGE, "no enclave \"%s\" runs here%s%s", name,
			 n ? "; there are: " : "", encl_buf_text(&names));
}

int
encl_state_find(const char *name, struct encl_state *out, struct encl_err *e)
{
	encl_auto(encl_free) char *folder = NULL;
	struct encl_err ignored;

	if (!encl_state_name_ok(name))
		return encl_fail(
			e, ENCL_USAGE,
			"\"%s\" is no name of an enclave; \"enclavebuild ps -a\" "
			"lists them",
			name);
	if (encl_state_folder(&folder, e))
		return -1;
	return read_one(folder, name, out, &ignored) ? fail_to_find(name, e) : 0;
}

bool
encl_state_is_there(int fd, const char *path)
{
	struct stat named, open;

	return !stat(path, &named) && !fstat(fd, &open) && named.st_ino == open.st_ino &&
	       named.st_dev == open.st_dev;
}

int
encl_state_remove(const struct encl_state *s, struct encl_err *e)
{
	static const char *const files[] = {ENCL_STATE_JSON, ENCL_STATE_LOG,
					    ENCL_STATE_LOG_OLD, ENCL_STATE_LOCK};

	encl_auto(encl_free) char *lock_path =
		encl_xasprintf("%s/" ENCL_STATE_LOCK, s->folder);
	/* Held while all of it goes: a run of that name waits for a folder of its own. */
	encl_auto(encl_close_fd) int fd =
		open(lock_path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fd < 0 && errno != ENOENT)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", s->folder);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock))
		return encl_fail(e, ENCL_USAGE, "%s runs still", s->name);
	/* The lock goes last: without it there is at most an empty folder of ours. */
	if (fd >= 0 && !encl_state_is_there(fd, lock_path))
		return 0;
	for (size_t i = 0; fd >= 0 && i < sizeof files / sizeof *files; i++) {
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/%s", s->folder, files[i]);

		if (unlink(path) && errno != ENOENT)
			return encl_fail_sys(e, ENCL_FAILED, "remove %s", path);
	}
	if (rmdir(s->folder) && errno != ENOENT && errno != ENOTEMPTY)
		return encl_fail_sys(e, ENCL_FAILED, "remove %s", s->folder);
	return 0;
}

/* ---- the way to it ---- */

int
encl_state_wall(const struct encl_state *s, struct encl_wall *out, struct encl_err *e)
{
	const char *socket = json_string_value(json_object_get(s->json, "Socket"));
	json_int_t cid = json_integer_value(json_object_get(s->json, "CID"));

	if (!s->alive)
		return encl_fail(e, ENCL_HOST, "%s does not run any more", s->name);
	if (!socket && (cid < 4 || cid >= UINT32_MAX))
		return encl_fail(e, ENCL_HOST, "%s has no vsock, so no way into it",
				 s->name);
	*out = (struct encl_wall){.socket = socket ? encl_xstrdup(socket) : NULL,
				  .cid = socket ? 0 : (uint32_t)cid};
	return 0;
}

static int
check_peer(int fd, struct encl_err *e)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) ||
	    (peer.uid != geteuid() && peer.uid != 0))
		return encl_fail(e, ENCL_HOST, "another user answers there");
	return 0;
}

int
encl_state_request(const struct encl_state *s, const char *request, int *fd,
		   struct encl_err *e)
{
	encl_auto(encl_close_fd) int to = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	encl_auto(encl_free) char *line = encl_xasprintf("%s\n", request);
	encl_auto(encl_free) char *folder = encl_xstrdup(s->folder);
	struct sockaddr_un a;
	socklen_t n = 0;

	folder[strlen(folder) - strlen(s->name) - 1] = 0;
	if (encl_state_address(folder, s->name, geteuid(), &a, &n, e))
		return -1;
	if (to < 0 || connect(to, (struct sockaddr *)&a, n))
		return encl_fail_sys(e, ENCL_HOST, "%s does not answer", s->name);
	if (check_peer(to, e))
		return encl_wrap(e, "%s", s->name);
	/* Sent away already, or it just ended: the connection's end says so too. */
	if (send(to, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line) &&
	    errno != EPIPE)
		return encl_fail_sys(e, ENCL_HOST, "ask %s", s->name);
	*fd = encl_take(to, -1);
	return 0;
}
