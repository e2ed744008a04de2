/* SPDX-License-Identifier: Apache-2.0 */
/* A lock to the list of what it pins. */
#include "verify/pins.h"

#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"
#include "test.h"

#define HEX16 "0123456789abcdef"
#define HEX   HEX16 HEX16 HEX16 HEX16

static json_t *
parse(const char *text)
{
	json_t *v = NULL;

	OK(encl_json_parse(text, strlen(text), "lock", &v, &e));
	return v;
}

#define PACKAGE(name)                                                                    \
	"{\"name\":\"" name "\",\"version\":\"1-2\",\"arch\":\"amd64\",\"suite\":\"s\"," \
	"\"filename\":\"pool/x.deb\",\"size\":1,\"sha256\":\"" HEX "\"}"
#define PACKAGES(name)                                                                   \
	"{\"sources\":[{\"suite\":\"s\",\"inReleaseSha256\":\"" HEX                      \
	"\"}],\"packages\":[" PACKAGE(name) "]}"
#define FILE_PIN(name) "{\"name\":\"" name "\",\"digest\":\"sha256:" HEX "\",\"size\":1}"

static const char whole[] =
	"{\"rootfs\":["
	"{\"item\":{\"packages\":{}},\"pin\":" PACKAGES(
		"a") "},"
		     "{\"item\":{\"image\":\"oci:./some/layout:tag\"},\"pin\":{\"manifest\":\"sha256:" HEX
		     "\",\"config\":\"sha256:" HEX
		     "\",\"layers\":[{\"digest\":\"sha256:" HEX
		     "\",\"diffId\":\"sha256:" HEX
		     "\",\"mediaType\":\"m\"},{\"diffId\":\"sha256:" HEX "\"}]}},"
		     "{\"item\":{\"directory\":{\"path\":\"../a/dir\"}},\"pin\":{\"tree\":\"sha256:" HEX
		     "\"}},"
		     "{\"item\":{\"file\":{\"path\":\"/srv/x\",\"source\":\"./sub/y\"}},\"pin\":"
		     "{\"sha256\":\"" HEX "\"}},"
		     "{\"item\":{\"file\":{\"path\":\"/srv/z\",\"content\":\"c\"}},\"pin\":"
		     "{\"sha256\":\"" HEX "\"}},"
		     "{\"item\":{\"archive\":{\"path\":\"/home/me/t.tar\"}},\"pin\":{\"sha256\":\"" HEX
		     "\"}},"
		     "{\"item\":{\"remove\":[\"/x\"]},\"pin\":{}}],"
		     "\"docker\":{\"engine\":{\"item\":{\"packages\":{}},\"pin\":" PACKAGES(
			     "d") "},"
				  "\"images\":[{\"item\":{\"name\":\"n\",\"image\":\"docker.io/library/redis:7\"},"
				  "\"pin\":{\"index\":\"sha256:" HEX
				  "\",\"manifest\":\"sha256:" HEX
				  "\",\"config\":\"sha256:" HEX "\",\"layers\":[]}},"
				  "{\"item\":{\"name\":\"m\",\"rootfs\":[{\"packages\":{}}]},\"pin\":{\"layers\":[" PACKAGES(
					  "e") "]}}]},"
					       "\"kernel\":{\"item\":{},\"pin\":{\"kind\":\"package\",\"package\":" PACKAGES(
						       "k") ","
							    "\"release\":\"6.1\",\"image\":" FILE_PIN("vmlinuz") ",\"config\":" FILE_PIN(
								    "config") ",\"modules\":[" FILE_PIN("virtio") "]}},"
														  "\"guest\":{\"init\":\"sha256:" HEX
														  "\",\"launch\":\"sha256:" HEX
														  "\"}}";

TEST(verify_pins_all)
{
	encl_auto(json_decref) json_t *lock = parse(whole);
	encl_auto(encl_pins_clear) struct encl_pins pins = {.n = 0};
	encl_auto(encl_buf_clear) struct encl_buf text = {.cap = 1 << 16};
	struct encl_digest want;

	OK(encl_pins_read(lock, &pins, &e));
	CHECK(encl_digest_parse("sha256:" HEX, &want));
	for (size_t i = 0; i < pins.n; i++) {
		const struct encl_pin *p = &pins.v[i];

		encl_buf_add_fmt(&text, "%s|%s|%s|%s\n", p->item,
				 encl_pin_kind_name(p->kind), p->name,
				 p->version ? p->version : "");
		CHECK(encl_digest_equal(&want, &p->digest));
	}
	EQ_STR("rootfs[0]|package index|InRelease|\n"
	       "rootfs[0]|package|a|1-2\n"
	       "rootfs[1]|image manifest|layout:tag|\n"
	       "rootfs[1]|image config|layout:tag|\n"
	       "rootfs[1]|image layer|layout:tag|\n"
	       "rootfs[1]|image layer|layout:tag|\n"
	       "rootfs[2]|directory|dir|\n"
	       "rootfs[3]|file|y|\n"
	       "rootfs[4]|file|z|\n"
	       "rootfs[5]|archive|t.tar|\n"
	       "docker.engine|package index|InRelease|\n"
	       "docker.engine|package|d|1-2\n"
	       "docker.images[0]|image index|docker.io/library/redis:7|\n"
	       "docker.images[0]|image manifest|docker.io/library/redis:7|\n"
	       "docker.images[0]|image config|docker.io/library/redis:7|\n"
	       "docker.images[1].rootfs[0]|package index|InRelease|\n"
	       "docker.images[1].rootfs[0]|package|e|1-2\n"
	       "kernel|package index|InRelease|\n"
	       "kernel|package|k|1-2\n"
	       "kernel|kernel|vmlinuz|6.1\n"
	       "kernel|kernel file|config|6.1\n"
	       "kernel|kernel module|virtio|\n"
	       "init|program|init|\n"
	       "launch|program|launch|\n",
	       encl_buf_text(&text));
	EQ_INT(true, pins.v[4].has_diff_id);
	EQ_STR("m", pins.v[4].media_type);
	EQ_STR("docker.io/library/redis:7", pins.v[13].reference);
	CHECK(!pins.v[2].reference);
	EQ_STR("amd64", pins.v[1].arch);
	EQ_STR("pool/x.deb", pins.v[1].filename);
}

TEST(verify_pins_refused)
{
	static const struct {
		const char *lock, *message;
	} cases[] = {
		{"{\"rootfs\":[{\"item\":{\"packages\":{}},\"pin\":{\"packages\":[{\"name\":"
		 "\"a\"}]}}]}",
		 "lock: rootfs[0]: the digest of the package is none; run \"enclavebuild "
		 "lock\""},
		{"{\"rootfs\":[{\"item\":{\"file\":{}},\"pin\":{\"sha256\":\"00\"}}]}",
		 "lock: rootfs[0]: the digest of the file is none; run \"enclavebuild "
		 "lock\""},
		{"{\"kernel\":{\"pin\":{\"modules\":[7]}}}",
		 "lock: kernel: the digest of the kernel module is none; run "
		 "\"enclavebuild lock\""},
		{"{\"guest\":{\"init\":\"sha256:zz\"}}",
		 "lock: init: the digest of the program is none; run \"enclavebuild lock\""},
	};
	struct encl_pins pins = {.n = 0};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		encl_auto(json_decref) json_t *lock = parse(cases[i].lock);

		FAILS(encl_pins_read(lock, &pins, &e), ENCL_MISMATCH, cases[i].message);
	}
	CHECK(!pins.v);
}
