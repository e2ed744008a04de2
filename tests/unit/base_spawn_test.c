/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spawn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "test.h"

static const char *
sh(const char *script, const char *input, size_t n, bool keep_env, struct encl_buf *out,
   int *status)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct encl_spawn s = {.argv = argv,
			       .input = input,
			       .n_input = n,
			       .keep_env = keep_env,
			       .timeout_s = 30,
			       .out = out};

	encl_buf_clear(out);
	OK(encl_spawn_run(&s, status, &e));
	return encl_buf_text(out);
}

TEST(base_spawn_input)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	int status;

	encl_buf_init(&out, 1 << 20);
	EQ_STR("registry.example",
	       sh("cat", "registry.example", 16, false, &out, &status));
	EQ_INT(0, status);
	EQ_STR("", sh("cat", NULL, 0, false, &out, &status));
	EQ_STR("", sh("cat", "", 0, false, &out, &status));
	EQ_STR("", sh("exit 3", "unread", 6, false, &out, &status));
	EQ_INT(3, status);
	sh("kill -9 $$", NULL, 0, false, &out, &status);
	EQ_INT(128 + 9, status);
}

/* More than any pipe holds, to a program that writes before it reads all. */
TEST(base_spawn_input_large)
{
	const size_t n = 900 * 1024;
	encl_auto(encl_free) char *big = encl_xmalloc(n);
	encl_auto(encl_buf_clear) struct encl_buf out;
	int status;

	encl_buf_init(&out, 1 << 20);
	memset(big, 'x', n);
	sh("cat", big, n, false, &out, &status);
	EQ_MEM(big, n, out.data, out.len);
}

TEST(base_spawn_environment)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	int status;

	encl_buf_init(&out, 4096);
	setenv("ENCL_SPAWN_TEST", "seen", 1);
	EQ_STR("C unset\n", sh("echo $LC_ALL ${ENCL_SPAWN_TEST-unset}", NULL, 0, false,
			       &out, &status));
	EQ_STR("seen\n", sh("echo $ENCL_SPAWN_TEST", NULL, 0, true, &out, &status));
	unsetenv("ENCL_SPAWN_TEST");
}

/* Also where it never stops talking. */
TEST(base_spawn_timeout)
{
	const char *argv[] = {"sh", "-c", "while :; do echo; sleep 0.1; done", NULL};
	uint64_t start = encl_clock_ms();
	int status;

	FAILS(encl_spawn(argv, NULL, NULL, 1, &status, &e), ENCL_FAILED,
	      "sh did not end within 1 s");
	CHECK(encl_clock_ms() - start < 10000);
}

TEST(base_spawn_input_from_a_descriptor)
{
	const char *argv[] = {"sh", "-c", "cat; exit 3", NULL};
	encl_auto(encl_buf_clear) struct encl_buf out;
	int fd = memfd_create("in", MFD_CLOEXEC);
	struct encl_spawn s = {
		.argv = argv, .input_fd = fd, .timeout_s = 30, .out = &out};
	int status = -1;

	encl_buf_init(&out, 99);
	EQ_INT(6, write(fd, "abcdef", 6));
	EQ_INT(2, lseek(fd, 2, SEEK_SET));
	OK(encl_spawn_run(&s, &status, &e));
	EQ_INT(3, status);
	EQ_STR("cdef", encl_buf_text(&out)); /* from where it stands */
	close(fd);
}

/* What it says on stderr is not taken, but ours to see. */
TEST(base_spawn_shows_errors)
{
	const char *argv[] = {"sh", "-c", "readlink /proc/self/fd/2", NULL};
	encl_auto(encl_buf_clear) struct encl_buf out;
	char ours[4096];
	ssize_t n = readlink("/proc/self/fd/2", ours, sizeof ours - 1);
	struct encl_spawn s = {
		.argv = argv, .show_err = true, .timeout_s = 30, .out = &out};
	int status = -1;

	encl_buf_init(&out, 5000);
	CHECK(n > 0);
	ours[n > 0 ? n : 0] = 0;
	OK(encl_spawn_run(&s, &status, &e));
	EQ_INT(0, status);
	CHECK(!strncmp(ours, encl_buf_text(&out), strlen(ours)));
}

TEST(base_spawn_refuses)
{
	const char *none[] = {"encl-no-such-program", NULL};
	const char *loud[] = {"sh", "-c", "printf %100s x", NULL};
	encl_auto(encl_buf_clear) struct encl_buf out;
	int status;

	encl_buf_init(&out, 99);
	FAILS(encl_spawn(none, NULL, NULL, 1, &status, &e), ENCL_HOST,
	      "encl-no-such-program is not installed");
	FAILS(encl_spawn(loud, &out, NULL, 30, &status, &e), ENCL_FAILED,
	      "sh is larger than 99 bytes");
}
