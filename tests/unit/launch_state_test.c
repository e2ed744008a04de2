/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/state.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tmpfile.h"
#include "launch/state_write.h"
#include "launch/wall.h"
#include "test.h"

static void
use_folder(const char *name)
{
	setenv("ENCLAVEBUILD_RUN", test_path("%s", name), 1);
}

static void
save(struct encl_record *r, const char *state)
{
	encl_record_set(r, "State", json_string(state));
	encl_record_save(r, true, NULL);
}

TEST(launch_state_names)
{
	CHECK(encl_state_name_ok("a"));
	CHECK(encl_state_name_ok("Web_1.2-x"));
	CHECK(encl_state_name_ok("0123456789012345678901234567890123456789"));
	CHECK(!encl_state_name_ok("01234567890123456789012345678901234567890"));
	CHECK(!encl_state_name_ok(""));
	CHECK(!encl_state_name_ok(".a"));
	CHECK(!encl_state_name_ok(".."));
	CHECK(!encl_state_name_ok("-a"));
	CHECK(!encl_state_name_ok("a/b"));
	CHECK(!encl_state_name_ok("a b"));
	CHECK(!encl_state_name_ok("\xc3\xa4"));
}

TEST(launch_state_lives_and_ends)
{
	struct encl_record *r, *second;
	struct encl_state s, *list;
	size_t n;

	use_folder("run1");
	OK(encl_record_open("web", true, &r, &e));
	save(r, "running");
	OK(encl_state_find("web", &s, &e));
	CHECK(s.alive);
	EQ_STR("running", json_string_value(json_object_get(s.json, "State")));
	FAILS(encl_state_remove(&s, &e), ENCL_USAGE, "web runs still");
	encl_state_clear(&s);
	FAILS(encl_record_open("web", true, &second, &e), ENCL_USAGE,
	      "an enclave named web runs already; give this one another --name, or "
	      "\"enclavebuild stop web\"");
	OK(encl_record_open("web", false, &second, &e));
	EQ_STR("web-2", encl_record_name(second));
	save(second, "starting");
	OK(encl_state_list(&list, &n, &e));
	EQ_INT(2, n);
	EQ_STR("web", list[0].name);
	EQ_STR("web-2", list[1].name);
	for (size_t i = 0; i < n; i++)
		encl_state_clear(&list[i]);
	free(list);
	encl_record_free(second);
	encl_record_free(r);
	OK(encl_state_find("web", &s, &e));
	CHECK(!s.alive);
	OK(encl_state_remove(&s, &e));
	encl_state_clear(&s);
	FAILS(encl_state_find("web", &s, &e), ENCL_USAGE,
	      "no enclave \"web\" runs here; there are: web-2");
}

TEST(launch_state_removed_while_taken)
{
	struct encl_record *r;
	struct encl_state s;
	pid_t pid;

	use_folder("run-prune");
	OK(encl_record_open("web", true, &r, &e));
	save(r, "ended");
	encl_record_free(r);
	OK(encl_state_find("web", &s, &e));
	pid = fork();
	if (pid == 0) {
		/* a test that fails ends us too */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			(void)!encl_state_remove(&s, &e);
			usleep(50);
		}
	}
	/* Whoever has the name has its folder too, until it gives it up. */
	for (int i = 0; i < 100; i++) {
		struct encl_state now;

		OK(encl_record_open("web", true, &r, &e));
		save(r, "running");
		OK(encl_state_find("web", &now, &e));
		CHECK(now.alive);
		encl_state_clear(&now);
		encl_record_free(r);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	encl_state_clear(&s);
}

TEST(launch_state_requests)
{
	struct encl_record *r;
	struct encl_request q;
	struct encl_state s;
	char byte;
	int fd, bad;

	use_folder("run2");
	OK(encl_record_open("web", true, &r, &e));
	save(r, "ready");
	OK(encl_state_find("web", &s, &e));
	OK(encl_state_request(&s, "reboot", &bad, &e));
	OK(encl_state_request(&s, "stop 86401", &fd, &e));
	q = encl_record_request(r);
	EQ_INT(ENCL_REQUEST_NONE, q.kind);
	close(fd);
	OK(encl_state_request(&s, "stop 7", &fd, &e));
	q = encl_record_request(r);
	EQ_INT(ENCL_REQUEST_STOP, q.kind);
	EQ_INT(7, q.seconds);
	/* who asks for what there is not is sent away; the other one waits for the end */
	EQ_INT(0, read(bad, &byte, 1));
	EQ_INT(ENCL_REQUEST_NONE, encl_record_request(r).kind);
	encl_record_free(r);
	EQ_INT(0, read(fd, &byte, 1));
	close(fd);
	close(bad);
	FAILS(encl_state_request(&s, "stop 7", &fd, &e), ENCL_HOST,
	      "web does not answer: Connection refused");
	encl_state_clear(&s);
}

TEST(launch_state_wall)
{
	struct encl_wall wall;
	struct encl_record *r;
	struct encl_state s;

	use_folder("run3");
	OK(encl_record_open("web", true, &r, &e));
	save(r, "ready");
	OK(encl_state_find("web", &s, &e));
	FAILS(encl_state_wall(&s, &wall, &e), ENCL_HOST,
	      "web has no vsock, so no way into it");
	json_object_set_new(s.json, "CID", json_integer(3));
	FAILS(encl_state_wall(&s, &wall, &e), ENCL_HOST,
	      "web has no vsock, so no way into it");
	json_object_set_new(s.json, "CID", json_integer(16));
	OK(encl_state_wall(&s, &wall, &e));
	EQ_INT(16, wall.cid);
	CHECK(!wall.socket);
	json_object_set_new(s.json, "Socket", json_string("/x/vm"));
	OK(encl_state_wall(&s, &wall, &e));
	EQ_STR("/x/vm", wall.socket);
	encl_wall_clear(&wall);
	encl_record_free(r);
	s.alive = false;
	FAILS(encl_state_wall(&s, &wall, &e), ENCL_HOST, "web does not run any more");
	encl_state_clear(&s);
}

/* The newest 16 MiB and the part before are kept, never more. */
TEST(launch_state_console)
{
	static char block[1 << 20];
	struct encl_record *r;
	struct stat st;

	use_folder("run4");
	OK(encl_record_open("web", true, &r, &e));
	for (int i = 0; i < 40; i++) {
		memset(block, 'a' + i % 26, sizeof block);
		encl_record_console(r, block, sizeof block);
	}
	CHECK(!stat(test_path("run4/web/console"), &st));
	EQ_INT(8 << 20, st.st_size);
	CHECK(!stat(test_path("run4/web/console.1"), &st));
	EQ_INT(16 << 20, st.st_size);
	encl_record_free(r);
}

static void
refuse_folder(const char *name)
{
	char want[512], *folder;

	use_folder(name);
	snprintf(
		want, sizeof want,
		"run folder %s: not a folder of yours alone; set ENCLAVEBUILD_RUN to one",
		getenv("ENCLAVEBUILD_RUN"));
	FAILS(encl_state_folder(&folder, &e), ENCL_HOST, want);
}

TEST(launch_state_folder)
{
	CHECK(!mkdir(test_path("open"), 0777) && !chmod(test_path("open"), 0777));
	refuse_folder("open");
	CHECK(!symlink("open", test_path("link")));
	refuse_folder("link");
}
