/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images, as Docker shows them. */
#include "base/alloc.h"
#include "docker/image.h"
#include "test.h"

TEST(docker_names_right)
{
	static const char *const rows[][2] = {
		{"memcached", "memcached:latest"},
		{"memcached:1.6", "memcached:1.6"},
		{"docker.io/library/redis:7", "redis:7"},
		{"index.docker.io/library/redis", "redis:latest"},
		{"docker.io/team/app", "team/app:latest"},
		{"docker.io/library/a/b", "library/a/b:latest"},
		{"localhost/x:1", "localhost/x:1"},
		{"host:5000/x/y_z:V1.2-b_", "host:5000/x/y_z:V1.2-b_"},
		{"Reg.example.com/a.b/c__d/e---f",
		 "reg.example.com/a.b/c__d/e---f:latest"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *got = NULL;

		OK(encl_docker_name(rows[i][0], &got, &e));
		EQ_STR(rows[i][1], got);
	}
}

TEST(docker_names_wrong)
{
	static const char *const rows[] = {
		"",	  "UPPER",    "a:",	    ":1",	  "a:-x",
		"a//b",	  "/a",	      "a/",	    "a..b",	  "a___b",
		"-a",	  "a-",	      "a b",	    "a\nb",	  "<none>:<none>",
		"a:b:c",  "host:x/a", "h:50000a/b", "a@b",	  "../a",
		".a.b/c", "a-.b/c",   "a..b/c",	    "a./b",	  "h:/a",
		"a/../b", ".",	      "docker.io/", "a:\xc3\xa9",
	};
	char *got;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (encl_docker_name(rows[i], &got, &e) == 0)
			test_fail(__FILE__, __LINE__, "\"%s\" is taken as %s", rows[i],
				  got);
	FAILS(encl_docker_name("Memcached\n", &got, &e), ENCL_USAGE,
	      "\"Memcached\\x0a\" is not a name that Docker gives an image (NAME:TAG, in "
	      "lower case)");
}
