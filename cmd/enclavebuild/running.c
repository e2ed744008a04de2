/* SPDX-License-Identifier: Apache-2.0 */
/* A name to its state; its console's record to a stream. */
#include "running.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { PAUSE_MS = 100, CHUNK = 65536 };

const char *
running_state(const struct encl_state *s)
{
	const char *state = json_string_value(json_object_get(s->json, "State"));

	if (!state)
		state = "starting";
	return !s->alive && strcmp(state, "ended") != 0 ? "killed" : state;
}

static int
find_only(struct encl_state *out, struct encl_err *e)
{
	struct encl_state *list;
	size_t n, alive = 0;
	size_t found = 0;

	if (encl_state_list(&list, &n, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (list[i].alive) {
			alive++;
			found = i;
		}
	if (alive == 1)
		*out = encl_take(list[found], (struct encl_state){0});
	for (size_t i = 0; i < n; i++)
		encl_state_clear(&list[i]);
	free(list);
	if (alive == 1)
		return 0;
	return encl_fail(e, ENCL_USAGE,
			 alive ? "%zu enclaves run here; name one (\"enclavebuild ps\")"
			       : "no enclave runs here",
			 alive);
}

int
running_find(const char *name, struct encl_state *out, struct encl_err *e)
{
	return name ? encl_state_find(name, out, e) : find_only(out, e);
}

/* ---- the record of the console ---- */

static int
open_log(const struct encl_state *s, const char *name, bool needed, int *fd,
	 struct encl_err *e)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/%s", s->folder, name);

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0 && (needed || errno != ENOENT))
		return encl_fail_sys(e, ENCL_FAILED, "open %s", path);
	return 0;
}

/* False once out takes nothing more. */
static bool
copy(int fd, FILE *out)
{
	char chunk[CHUNK];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		if (fwrite(chunk, 1, (size_t)n, out) != (size_t)n)
			return false;
	return fflush(out) == 0;
}

/* Moves to where the last lines begin; a last line without its newline counts. */
static void
skip_to(int fd, long lines)
{
	off_t at = lseek(fd, 0, SEEK_END);
	bool last = true;
	char chunk[4096];

	if (!lines)
		return;
	while (at > 0) {
		off_t from = at > (off_t)sizeof chunk ? at - (off_t)sizeof chunk : 0;
		ssize_t n = pread(fd, chunk, (size_t)(at - from), from);

		for (ssize_t i = n; i-- > 0; last = false)
			if (chunk[i] == '\n' && !last && lines-- <= 1) {
				lseek(fd, from + i + 1, SEEK_SET);
				return;
			}
		at = n > 0 ? from : 0;
	}
	lseek(fd, 0, SEEK_SET);
}

static bool
is_current(const struct encl_state *s, int fd)
{
	encl_auto(encl_free) char *path = encl_xasprintf("%s/console", s->folder);
	struct stat named, open;

	return stat(path, &named) || fstat(fd, &open) ||
	       (named.st_ino == open.st_ino && named.st_dev == open.st_dev);
}

bool
running_lives(const struct encl_state *s)
{
	struct encl_state now;
	struct encl_err ignored;
	json_int_t pid = json_integer_value(json_object_get(s->json, "Pid"));
	bool alive;

	if (encl_state_find(s->name, &now, &ignored))
		return false;
	/* Another one of that name is not this one. */
	alive = now.alive && json_integer_value(json_object_get(now.json, "Pid")) == pid;
	encl_state_clear(&now);
	return alive;
}

static int
follow_log(const struct encl_state *s, int *fd, FILE *out, struct encl_err *e)
{
	for (;;) {
		bool alive = running_lives(s);

		if (!copy(*fd, out) || (!alive && is_current(s, *fd)))
			return 0;
		if (!alive)
			return 0;
		if (!is_current(s, *fd)) {
			/* what came between the copy and the turn of the file */
			if (!copy(*fd, out))
				return 0;
			encl_close_fd(encl_take(*fd, -1));
			if (open_log(s, "console", true, fd, e))
				return -1;
			continue;
		}
		encl_clock_sleep(PAUSE_MS);
	}
}

int
running_print(const struct encl_state *s, long lines, bool follow, FILE *out,
	      struct encl_err *e)
{
	encl_auto(encl_close_fd) int old = -1;
	encl_auto(encl_close_fd) int fd = -1;

	if (open_log(s, "console", true, &fd, e) ||
	    (lines < 0 && open_log(s, "console.1", false, &old, e)))
		return -1;
	if (old >= 0 && !copy(old, out))
		return 0;
	if (lines >= 0)
		skip_to(fd, lines);
	if (follow)
		return follow_log(s, &fd, out, e);
	copy(fd, out);
	return 0;
}
