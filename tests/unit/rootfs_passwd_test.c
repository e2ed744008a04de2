/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/passwd.h"

#include "test.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "# a comment\n"
			     "\n"
			     "short\n"
			     "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
			     "app:x:1000:100::/home/app:\n"
			     "bare:x:7:8\n"
			     "bad:x:seven:8::/:/bin/sh\n"
			     "badgid:x:9:-8::/:/bin/sh\n"
			     "nohome:x:10:10:::\n"
			     "odd:x:11:11::relative:\n"
			     "1234:x:77:77::/x:\n"
			     "last:x:4294967294:4294967294::/l:/bin/sh";
static const char group[] = "root:x:0:\n"
			    "users:x:100:\n"
			    "sudo:x:27:app,other\n"
			    "video:x:44:other,app\n"
			    "twin:x:27:app\n"
			    "appx:x:45:apps,xapp\n"
			    "malformed:x\n"
			    "nonumber:x:many:daemon\n"
			    "nowhere:x:bad:\n";
static const struct encl_passwd files = {passwd, sizeof passwd - 1, group,
					 sizeof group - 1};

TEST(rootfs_passwd_finds)
{
	static const struct {
		const char *spec;
		uint32_t uid, gid;
		const char *home;
		uint32_t groups[4];
		size_t n;
	} rows[] = {
		{NULL, 0, 0, "/root", {0}, 1},
		{"", 0, 0, "/root", {0}, 1},
		{"root", 0, 0, "/root", {0}, 1},
		{"app", 1000, 100, "/home/app", {100, 27, 44}, 3},
		{"1000", 1000, 100, "/home/app", {100, 27, 44}, 3},
		{"app:", 1000, 100, "/home/app", {100, 27, 44}, 3},
		{"app:sudo", 1000, 27, "/home/app", {27}, 1},
		{"app:5", 1000, 5, "/home/app", {5}, 1},
		{":sudo", 0, 27, "/root", {27}, 1},
		{"bare", 7, 8, "/", {8}, 1},
		{"nohome", 10, 10, "/", {10}, 1},
		{"odd", 11, 11, "/", {11}, 1},
		/* a number is an id, even where a user has it for a name */
		{"1234", 1234, 0, "/", {0}, 1},
		{"65534:65534", 65534, 65534, "/", {65534}, 1},
		{"last", 4294967294, 4294967294, "/l", {4294967294}, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_user_clear) struct encl_user u = {0};

		OK(encl_passwd_lookup(&files, rows[i].spec, &u, &e));
		EQ_INT(rows[i].uid, u.uid);
		EQ_INT(rows[i].gid, u.gid);
		EQ_STR(rows[i].home, u.home);
		EQ_MEM(rows[i].groups, rows[i].n * sizeof *u.groups, u.groups,
		       u.n_groups * sizeof *u.groups);
	}
}

TEST(rootfs_passwd_without_files)
{
	static const struct encl_passwd none = {0};
	encl_auto(encl_user_clear) struct encl_user u = {0};
	encl_auto(encl_user_clear) struct encl_user root = {0};

	OK(encl_passwd_lookup(&none, "1000:1001", &u, &e));
	EQ_INT(1000, u.uid);
	EQ_INT(1001, u.gid);
	EQ_STR("/", u.home);
	OK(encl_passwd_lookup(&none, NULL, &root, &e));
	EQ_INT(0, root.uid);
	FAILS(encl_passwd_lookup(&none, "app", &u, &e), ENCL_USAGE,
	      "user \"app\": the image has no /etc/passwd");
	FAILS(encl_passwd_lookup(&none, "1:app", &u, &e), ENCL_USAGE,
	      "group \"app\": the image has no /etc/group");
}

TEST(rootfs_passwd_refuses)
{
	static const struct {
		const char *spec;
		enum encl_code code;
		const char *message;
	} rows[] = {
		{"nobdy", ENCL_USAGE,
		 "user \"nobdy\" is not in /etc/passwd of the image"},
		{"a\nb", ENCL_USAGE,
		 "user \"a\\x0ab\" is not in /etc/passwd of the image"},
		{"ap", ENCL_USAGE, "user \"ap\" is not in /etc/passwd of the image"},
		{"4294967295", ENCL_USAGE,
		 "user \"4294967295\" is not in /etc/passwd of the image"},
		{"app:none", ENCL_USAGE,
		 "group \"none\" is not in /etc/group of the image"},
		{"a:b:c", ENCL_USAGE, "user \"a:b:c\" is not user or user:group"},
		{"bad", ENCL_FAILED,
		 "/etc/passwd:8 of the image: the user has no numbers"},
		{"badgid", ENCL_FAILED,
		 "/etc/passwd:9 of the image: the user has no numbers"},
		{"short", ENCL_FAILED,
		 "/etc/passwd:4 of the image: the user has no numbers"},
		{"daemon", ENCL_FAILED,
		 "/etc/group:8 of the image: the group has no number"},
		{"app:malformed", ENCL_FAILED,
		 "/etc/group:7 of the image: the group has no number"},
		{"app:nowhere", ENCL_FAILED,
		 "/etc/group:9 of the image: the group has no number"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_user_clear) struct encl_user u = {0};

		FAILS(encl_passwd_lookup(&files, rows[i].spec, &u, &e), rows[i].code,
		      rows[i].message);
		EQ_INT(0, u.n_groups);
	}
}

TEST(rootfs_passwd_spec_too_long)
{
	char spec[300];
	encl_auto(encl_user_clear) struct encl_user u = {0};

	memset(spec, 'a', sizeof spec - 1);
	spec[sizeof spec - 1] = 0;
	FAILS(encl_passwd_lookup(&files, spec, &u, &e), ENCL_USAGE,
	      "the user is longer than 255 bytes");
}
