/* SPDX-License-Identifier: Apache-2.0 */
/* A folder that is gone when we are. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/scratch.h"
#include "base/tmpfile.h"
#include "test.h"

static void
fill(const char *folder)
{
	encl_auto(encl_free) char *deep = encl_xasprintf("%s/a/b/c", folder);
	encl_auto(encl_free) char *file = encl_xasprintf("%s/a/b/c/file", folder);
	encl_auto(encl_free) char *closed = encl_xasprintf("%s/a/closed", folder);
	encl_auto(encl_free) char *link = encl_xasprintf("%s/outside", folder);

	OK(encl_make_dirs(deep, 0755, &e));
	OK(encl_write_file(file, "x", 1, 0400, &e));
	OK(mkdir(closed, 0500));
	OK(symlink(test_path("kept"), link));
}

static bool
is_gone(const char *path)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	uint64_t until = encl_clock_ms() + 30000;

	while (!access(path, F_OK) && encl_clock_ms() < until)
		nanosleep(&pause, NULL);
	return access(path, F_OK) != 0;
}

TEST(base_scratch_clear)
{
	struct encl_scratch s = {0};
	struct stat st;

	OK(encl_make_dirs(test_path("kept/in"), 0755, &e));
	setenv("TMPDIR", test_path("."), 1);
	OK(encl_scratch_open("some", &s, &e));
	unsetenv("TMPDIR");
	CHECK(!strncmp(strrchr(s.path, '/'), "/some-", 6));
	OK(stat(s.path, &st));
	EQ_INT(0700, st.st_mode & 07777);
	fill(s.path);

	encl_auto(encl_free) char *path = encl_xstrdup(s.path);

	encl_scratch_clear(&s);
	CHECK(access(path, F_OK) != 0);
	CHECK(!access(test_path("kept/in"), F_OK)); /* links are not followed */
	encl_scratch_clear(&s);
}

TEST(base_scratch_of_who_is_killed)
{
	char path[512] = "";
	int p[2];
	pid_t pid;

	OK(pipe(p));
	setenv("TMPDIR", test_path("."), 1);
	pid = fork();
	if (pid == 0) {
		struct encl_scratch s;

		if (encl_scratch_open("some", &s, &e) ||
		    write(p[1], s.path, strlen(s.path)) < 0)
			_exit(1);
		fill(s.path);
		if (write(p[1], "\n", 1) != 1)
			_exit(1);
		pause();
	}
	unsetenv("TMPDIR");
	close(p[1]);
	for (size_t n = 0; n < sizeof path - 1 && read(p[0], path + n, 1) == 1; n++)
		if (path[n] == '\n') {
			path[n] = 0;
			break;
		}
	close(p[0]);
	CHECK(!access(path, F_OK));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(is_gone(path));
}

TEST(base_scratch_no_place)
{
	struct encl_scratch s = {0};

	setenv("TMPDIR", "/nowhere/at/all", 1);
	FAILS(encl_scratch_open("some", &s, &e), ENCL_HOST,
	      "temporary folder /nowhere/at/all: No such file or directory");
	unsetenv("TMPDIR");
}
