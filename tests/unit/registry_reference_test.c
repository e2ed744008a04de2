/* SPDX-License-Identifier: Apache-2.0 */
/* References to images: the grammar, its defaults and what it refuses. */
#include "registry/reference.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "test.h"

#define HEX64  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256 "sha256:" HEX64
#define SHA512 "sha512:" HEX64 HEX64

TEST(registry_reference_canonical)
{
	static const struct {
		const char *text, *canonical, *version, *api;
	} good[] = {
		{"redis", "docker.io/library/redis", "latest", "registry-1.docker.io"},
		{"redis:7", "docker.io/library/redis:7", "7", "registry-1.docker.io"},
		{"docker.io/redis", "docker.io/library/redis", "latest",
		 "registry-1.docker.io"},
		{"index.docker.io/a/b:c", "docker.io/a/b:c", "c", "registry-1.docker.io"},
		{"team/app", "docker.io/team/app", "latest", "registry-1.docker.io"},
		{"localhost:5000", "docker.io/library/localhost:5000", "5000",
		 "registry-1.docker.io"},
		{"localhost/app", "localhost/app", "latest", "localhost"},
		{"localhost:5000/app:1", "localhost:5000/app:1", "1", "localhost:5000"},
		{"docker://ghcr.io/a/b:1", "ghcr.io/a/b:1", "1", "ghcr.io"},
		{"GHCR.io/a/b", "ghcr.io/a/b", "latest", "ghcr.io"},
		{"127.0.0.1:80/a@" SHA256, "127.0.0.1:80/a@" SHA256, SHA256,
		 "127.0.0.1:80"},
		{"r.io/a:T_a.g-1@" SHA256, "r.io/a:T_a.g-1@" SHA256, SHA256, "r.io"},
		{"r.io/a@" SHA512, "r.io/a@" SHA512, SHA512, "r.io"},
		{"[::1]:5000/a", "[::1]:5000/a", "latest", "[::1]:5000"},
		{"[fe80::1]/a", "[fe80::1]/a", "latest", "[fe80::1]"},
		{"x-y.z:65535/a0.b_c__d---e/f", "x-y.z:65535/a0.b_c__d---e/f", "latest",
		 "x-y.z:65535"},
		{"a:5/b", "a:5/b", "latest", "a:5"},
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		encl_auto(encl_reference_clear) struct encl_reference r = {0};
		encl_auto(encl_free) char *text = NULL;

		OK(encl_reference_parse(good[i].text, &r, &e));
		text = encl_reference_text(&r);
		EQ_STR(good[i].canonical, text);
		EQ_STR(good[i].version, encl_reference_version(&r));
		EQ_STR(good[i].api, encl_reference_api_host(&r));
	}
}

#define IS_NO(text)                                                                      \
	"\"" text "\" is not a reference to an image (HOST/NAME[:TAG][@DIGEST]): "
#define NAME_RULE                                                                         \
	" is not a name (words of a-z and 0-9, joined by \".\", \"_\", \"__\" or \"-\", " \
	"in folders joined by \"/\")"
#define TAG_RULE                                                                         \
	" is not a tag (at most 128 letters, digits, \"_\", \".\" and \"-\"; no \".\" "  \
	"or \"-\" first)"
#define DIGEST_RULE                                                                       \
	" is not a digest (\"sha256:\" and 64 lower-case hex digits, or \"sha512:\" and " \
	"128)"
#define HOST_RULE " is not a host (NAME[:PORT])"

TEST(registry_reference_refused)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", IS_NO("") "\"\"" NAME_RULE},
		{"docker://", IS_NO("docker://") "\"\"" NAME_RULE},
		{"r.io/", IS_NO("r.io/") "\"\"" NAME_RULE},
		{"/a", IS_NO("/a") "\"/a\"" NAME_RULE},
		{"r.io//a", IS_NO("r.io//a") "\"/a\"" NAME_RULE},
		{"r.io/a/", IS_NO("r.io/a/") "\"a/\"" NAME_RULE},
		{"r.io/a___b", IS_NO("r.io/a___b") "\"a___b\"" NAME_RULE},
		{"r.io/a..b", IS_NO("r.io/a..b") "\"a..b\"" NAME_RULE},
		{"r.io/../b", IS_NO("r.io/../b") "\"../b\"" NAME_RULE},
		{"r.io/a-", IS_NO("r.io/a-") "\"a-\"" NAME_RULE},
		{"r.io/a b", IS_NO("r.io/a\\x20"
				   "b") "\"a\\x20"
					"b\"" NAME_RULE},
		{"r.io/a?b", IS_NO("r.io/a?b") "\"a?b\"" NAME_RULE},
		{"r.io/App",
		 IS_NO("r.io/App") "\"App\" is not a name: it must be in lower case"},
		{"r.io/a:", IS_NO("r.io/a:") "\"\"" TAG_RULE},
		{"r.io/a:-b", IS_NO("r.io/a:-b") "\"-b\"" TAG_RULE},
		{"r.io/a:.b", IS_NO("r.io/a:.b") "\".b\"" TAG_RULE},
		{"r.io/a:b:c", IS_NO("r.io/a:b:c") "\"b:c\"" TAG_RULE},
		{"r.io/a:b/c", IS_NO("r.io/a:b/c") "\"b/c\"" TAG_RULE},
		{"r.io/a@", IS_NO("r.io/a@") "\"\"" DIGEST_RULE},
		{"r.io/a@sha256:12",
		 IS_NO("r.io/a@sha256:12") "\"sha256:12\"" DIGEST_RULE},
		{"r.io/a@md5:12", IS_NO("r.io/a@md5:12") "\"md5:12\"" DIGEST_RULE},
		{"user:pass@r.io/a", IS_NO("*@r.io/a") "\"*@r.io\"" HOST_RULE},
		{"https://user:p@ss@r.io/a",
		 IS_NO("https://*@r.io/a") "\"https:\"" HOST_RULE
					   "; begin with the host"},
		{"@r.io/a", IS_NO("@r.io/a") "\"@r.io\"" HOST_RULE},
		{"r.io:/a", IS_NO("r.io:/a") "\"r.io:\"" HOST_RULE},
		{"r.io:0/a", IS_NO("r.io:0/a") "\"r.io:0\"" HOST_RULE},
		{"r.io:65536/a", IS_NO("r.io:65536/a") "\"r.io:65536\"" HOST_RULE},
		{"r.io:1:2/a", IS_NO("r.io:1:2/a") "\"r.io:1:2\"" HOST_RULE},
		{"-r.io/a", IS_NO("-r.io/a") "\"-r.io\"" HOST_RULE},
		{"r-.io/a", IS_NO("r-.io/a") "\"r-.io\"" HOST_RULE},
		{"r..io/a", IS_NO("r..io/a") "\"r..io\"" HOST_RULE},
		{"./a", IS_NO("./a") "\".\"" HOST_RULE},
		{"../a", IS_NO("../a") "\"..\"" HOST_RULE},
		{"r_x.io/a", IS_NO("r_x.io/a") "\"r_x.io\"" HOST_RULE},
		{"[::1/a", IS_NO("[::1/a") "\"[::1\"" HOST_RULE},
		{"[::g]/a", IS_NO("[::g]/a") "\"[::g]\"" HOST_RULE},
		{"[::1]x/a", IS_NO("[::1]x/a") "\"[::1]x\"" HOST_RULE},
		{"[fe80::1%25eth0]/a",
		 IS_NO("[fe80::1%25eth0]/a") "\"[fe80::1%25eth0]\"" HOST_RULE},
		{"https://r.io/a",
		 IS_NO("https://r.io/a") "\"https:\"" HOST_RULE "; begin with the host"},
		{"oci:folder", NULL},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		encl_auto(encl_reference_clear) struct encl_reference r = {0};

		if (bad[i].message)
			FAILS(encl_reference_parse(bad[i].text, &r, &e), ENCL_USAGE,
			      bad[i].message);
		else
			OK(encl_reference_parse(bad[i].text, &r, &e));
	}
}

TEST(registry_reference_lengths)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	char text[1100] = "r.io/";
	char tag[160] = "r.io/a:";

	memset(tag + 7, 't', 128);
	OK(encl_reference_parse(tag, &r, &e));
	encl_reference_clear(&r);
	tag[7 + 128] = 't';
	EQ_INT(-1, encl_reference_parse(tag, &r, &e));

	memset(text + 5, 'a', 255);
	OK(encl_reference_parse(text, &r, &e));
	encl_reference_clear(&r);
	text[5 + 255] = 'a';
	EQ_INT(-1, encl_reference_parse(text, &r, &e));
	EQ_INT(ENCL_USAGE, e.code);
	CHECK(strstr(e.msg, "...\" is a name longer than 255 bytes"));

	memset(text, 'a', sizeof text - 1);
	EQ_INT(-1, encl_reference_parse(text, &r, &e));
	CHECK(strstr(e.msg, "...\" is longer than 1024 bytes"));
}

TEST(registry_reference_or_file)
{
	char file[4200];
	int fd;

	CHECK(encl_reference_looks_like("r.io/a:1"));
	CHECK(encl_reference_looks_like("localhost:5000/a"));
	CHECK(encl_reference_looks_like("docker://redis"));
	CHECK(!encl_reference_looks_like("redis"));
	CHECK(!encl_reference_looks_like("out/app.eif"));
	CHECK(!encl_reference_looks_like("app.eif"));
	CHECK(!encl_reference_looks_like("./app.eif"));
	CHECK(!encl_reference_looks_like("../app.eif"));
	CHECK(!encl_reference_looks_like("/r.io/app"));
	CHECK(!encl_reference_looks_like("r.io/App.eif"));
	snprintf(file, sizeof file, "%s", test_path("r.io"));
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	close(fd);
	CHECK(!encl_reference_looks_like(file));
}
