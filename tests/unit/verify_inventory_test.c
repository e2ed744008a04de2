/* SPDX-License-Identifier: Apache-2.0 */
/* What an inventory says of small images: names, links, packages, owners, limits. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "made.h"
#include "test.h"
#include "verify/inventory.h"

#define STATUS                                                                           \
	"Package: libx1\\nStatus: install ok installed\\nArchitecture: amd64\\n"         \
	"Source: libx (1.0)\\nVersion: 1.0+b1\\nMaintainer: A <a@example.org>\\n"        \
	"Description: first line\\n second\\n\\n"                                        \
	"Package: tool\\nStatus: install ok installed\\nArchitecture: amd64\\n"          \
	"Version: 2-1\\nHomepage: https://example.org\\n\\n"                             \
	"Package: gone\\nStatus: deinstall ok config-files\\nArchitecture: amd64\\n"     \
	"Version: 3\\n"
#define DPKG                                                                             \
	"f 644 0:0 7 etc/os-release NAME=X\\nID=debian\\nVERSION_ID=\"12\"\\n\n"         \
	"f 644 0:0 7 var/lib/dpkg/status " STATUS "\n"                                   \
	"f 644 0:0 7 var/lib/dpkg/info/libx1:amd64.list "                                \
	"/.\\n/lib\\n/lib/x.so\\n/usr\\n/usr/share\\n/usr/share/x\\n\n"                  \
	"f 644 0:0 7 var/lib/dpkg/info/tool.md5sums "                                    \
	"00112233445566778899aabbccddeeff  bin/tool\\n"                                  \
	"00112233445566778899aabbccddeeff  usr/share/missing\\n\n"
#define TREE                                                                             \
	"l 777 0:0 5 bin usr/bin\n"                                                      \
	"l 777 0:0 5 lib /usr/lib\n"                                                     \
	"d 755 0:0 5 usr/share/x\n"                                                      \
	"f 755 1:2 6 usr/bin/tool #!/bin/sh\\n\n"                                        \
	"f 644 0:0 6 usr/lib/x.so content\n"                                             \
	"h 0 0:0 0 usr/lib/x.so.1 usr/lib/x.so\n"                                        \
	"c 600 0:0 6 dev/console 5,1\n"                                                  \
	"f 600 0:0 6 srv/own\n"

static const struct encl_item *
item(const struct encl_inventory *i, const char *path)
{
	const struct encl_item *found = encl_inventory_find(i, 1, path);

	if (!found)
		test_fail(__FILE__, __LINE__, "no %s", path);
	return found;
}

static const char *
owner(const struct encl_inventory *i, const char *path)
{
	const struct encl_item *found = item(i, path);

	return found->owner ? found->owner->name : "(none)";
}

static void
check_tree(const struct encl_inventory *i)
{
	const struct encl_item *x = item(i, "rootfs/usr/bin/tool");
	char digest[ENCL_DIGEST_TEXT];

	EQ_INT(0100755, x->mode);
	EQ_INT(1, x->uid);
	EQ_INT(2, x->gid);
	EQ_INT(6, x->mtime);
	EQ_INT(10, x->size);
	EQ_INT(true, x->has_digest);
	encl_digest_format(&x->digest, digest);
	EQ_STR("sha256:"
	       "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf",
	       digest);
	x = item(i, "rootfs/lib");
	EQ_STR("/usr/lib", x->link);
	EQ_INT(0, x->size);
	EQ_INT(false, x->has_digest);
	x = item(i, "rootfs/usr/lib/x.so.1");
	EQ_STR("rootfs/usr/lib/x.so", x->same_as);
	EQ_INT(7, x->size);
	CHECK(encl_digest_equal(&x->digest, &item(i, "rootfs/usr/lib/x.so")->digest));
	CHECK(!item(i, "rootfs/usr/lib/x.so")->same_as);
	x = item(i, "rootfs/dev/console");
	EQ_INT(5, x->dev_major);
	EQ_INT(1, x->dev_minor);
	EQ_INT(0, item(i, "rootfs/srv/own")->size);
	EQ_INT(true, item(i, "rootfs/srv/own")->has_digest);
	CHECK(!encl_inventory_find(i, 1, "rootfs/nothing"));
	CHECK(!encl_inventory_find(i, 0, "rootfs/lib"));
}

static void
check_packages(const struct encl_inventory *i)
{
	const struct encl_image_package *p = i->packages;

	EQ_INT(2, i->n_packages);
	EQ_STR("deb", p->type);
	EQ_STR("libx1", p->name);
	EQ_STR("1.0+b1", p->version);
	EQ_STR("amd64", p->arch);
	EQ_STR("libx", p->source);
	EQ_STR("1.0", p->source_version);
	EQ_STR("A <a@example.org>", p->maintainer);
	EQ_STR("first line", p->summary);
	EQ_STR("debian-12", p->distribution);
	EQ_INT(2, p->n_files); /* x.so, and the link lib */
	EQ_INT(7, p->bytes);
	EQ_STR("tool", p[1].name);
	CHECK(!p[1].source && !p[1].source_version && !p[1].license);
	EQ_STR("https://example.org", p[1].homepage);
	EQ_INT(1, p[1].n_files);
	EQ_INT(10, p[1].bytes);
	EQ_STR("libx1 1.0+b1", owner(i, "rootfs/usr/lib/x.so"));
	EQ_STR("libx1 1.0+b1", owner(i, "rootfs/usr/share/x"));
	EQ_STR("tool 2-1", owner(i, "rootfs/usr/bin/tool"));
	EQ_STR("(none)", owner(i, "rootfs/srv/own"));
	EQ_STR("(none)", owner(i, "rootfs/usr/bin"));
}

TEST(verify_inventory_cpio)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};

	made_of("a.eif", TREE DPKG, &eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	EQ_INT(2, i.n_ramdisks);
	EQ_STR("init", i.items[0].path);
	EQ_INT(0, i.items[0].ramdisk);
	EQ_STR("rootfs", i.items[1].path);
	check_tree(&i);
	check_packages(&i);
	CHECK(!i.kernel_release);
}

static struct encl_buf
boot(void)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	struct encl_buf b;
	struct encl_sink_buf sink;

	encl_buf_init(&b, 1 << 20);
	encl_sink_buf_init(&sink, &b, "test");
	OK(encl_ramdisk_add_data(r, "init", 0755, 0, "#!", 2, &e));
	OK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e));
	return b;
}

static void
check_form(const char *name, enum encl_root_format format, enum encl_compression c)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	struct encl_tree *t = made_tree(TREE DPKG, format);
	struct encl_buf ramdisks[2] = {boot()};

	if (format == ENCL_ROOT_SQUASHFS)
		made_squashfs(t, &ramdisks[1]);
	else
		made_ramdisk(t, c, &ramdisks[1]);
	made_image(name, ramdisks, 2, &eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	check_tree(&i);
	check_packages(&i);
	EQ_INT(format == ENCL_ROOT_SQUASHFS, item(&i, "rootfs/lib")->in_squashfs);
	encl_tree_free(t);
	encl_buf_clear(&ramdisks[0]);
	encl_buf_clear(&ramdisks[1]);
}

TEST(verify_inventory_other_forms)
{
	check_form("z.eif", ENCL_ROOT_CPIO, ENCL_COMPRESS_ZSTD);
	check_form("g.eif", ENCL_ROOT_CPIO, ENCL_COMPRESS_GZIP);
	check_form("s.eif", ENCL_ROOT_SQUASHFS, ENCL_COMPRESS_NONE);
}

TEST(verify_inventory_apk)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};

	made_of("a.eif",
		"f 644 0:0 7 usr/lib/os-release ID=alpine\\nVERSION_ID=3.20.1\\n\n"
		"f 644 0:0 7 lib/apk/db/installed C:Q1=\\nP:musl\\nV:1.2.5-r0\\nA:x86_64\\n"
		"T:the C library\\nU:https://musl.libc.org\\nL:MIT\\no:musl-src\\n"
		"m:B <b@example.org>\\nF:\\nR:top\\nF:lib\\nR:ld-musl.so.1\\na:0:0:755\\n\\n"
		"P:noversion\\n\\nP:two\\nV:1\\nF:lib\\nR:../lib/two\\n\n"
		"f 644 0:0 7 lib/ld-musl.so.1 1234\n"
		"f 644 0:0 7 lib/two 12\n"
		"f 644 0:0 7 top 1\n",
		&eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	EQ_INT(2, i.n_packages);
	EQ_STR("apk", i.packages[0].type);
	EQ_STR("musl", i.packages[0].name);
	EQ_STR("1.2.5-r0", i.packages[0].version);
	EQ_STR("x86_64", i.packages[0].arch);
	EQ_STR("musl-src", i.packages[0].source);
	EQ_STR("MIT", i.packages[0].license);
	EQ_STR("the C library", i.packages[0].summary);
	EQ_STR("https://musl.libc.org", i.packages[0].homepage);
	EQ_STR("B <b@example.org>", i.packages[0].maintainer);
	EQ_STR("alpine-3.20.1", i.packages[0].distribution);
	EQ_INT(2, i.packages[0].n_files);
	EQ_INT(5, i.packages[0].bytes);
	EQ_STR("musl 1.2.5-r0", owner(&i, "rootfs/top"));
	EQ_STR("", i.packages[1].arch);
	EQ_STR("two 1", owner(&i, "rootfs/lib/two"));
}

/* distroless: one file a package, without Status. */
TEST(verify_inventory_status_d)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};

	made_of("a.eif",
		"f 644 0:0 7 var/lib/dpkg/status.d/base Package: base-files\\n"
		"Version: 12\\nArchitecture: all\\n\n"
		"f 644 0:0 7 var/lib/dpkg/status.d/base.md5sums "
		"00112233445566778899aabbccddeeff  ./etc/x\\n\n"
		"f 644 0:0 7 etc/x 1\n",
		&eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	EQ_INT(1, i.n_packages);
	EQ_STR("base-files", i.packages[0].name);
	EQ_STR("base-files 12", owner(&i, "rootfs/etc/x"));
	CHECK(!i.packages[0].distribution);
}

TEST(verify_inventory_origins_first)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_origins_free) struct encl_origins *o = encl_origins_new();
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	const struct encl_owner mine = {"file", "app.conf", "rootfs[2]", 7};

	encl_origins_add(o, "rootfs/usr/lib/x.so", &mine);
	made_of("a.eif", TREE DPKG, &eif);
	OK(encl_inventory_read(&eif, o, &i, &e));
	EQ_STR("app.conf", owner(&i, "rootfs/usr/lib/x.so"));
	EQ_STR("tool 2-1", owner(&i, "rootfs/usr/bin/tool"));
}

/* What leads nowhere, around, or out of the tree owns nothing. */
TEST(verify_inventory_hostile_links)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};

	made_of("a.eif",
		"l 777 0:0 1 a b\n"
		"l 777 0:0 1 b a\n"
		"l 777 0:0 1 out ../../../../srv\n"
		"f 644 0:0 1 srv/x 1\n"
		"f 644 0:0 7 var/lib/dpkg/status Package: p\\nVersion: 1\\n\n"
		"f 644 0:0 7 var/lib/dpkg/info/p.list "
		"/a/x\\n//out//./x\\n/../..\\n///\\n\\n/srv/x/y\\n\n",
		&eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	EQ_INT(1, i.packages[0].n_files);
	EQ_STR("p 1", owner(&i, "rootfs/srv/x"));
	EQ_STR("(none)", owner(&i, "rootfs/a"));
}

struct seen {
	char text[256];
};

static int
see(void *arg, const struct encl_item *one, const uint8_t *p, size_t n,
    struct encl_err *err)
{
	struct seen *s = arg;
	size_t have = strlen(s->text);

	(void)err;
	(void)snprintf(s->text + have, sizeof s->text - have, "%s=%.*s;", one->path,
		       (int)n, (const char *)p);
	return 0;
}

TEST(verify_inventory_contents)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	struct seen s = {""};
	const struct encl_item *wanted[3];

	made_of("a.eif", TREE DPKG, &eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	wanted[0] = item(&i, "rootfs/usr/lib/x.so.1");
	wanted[1] = item(&i, "rootfs/usr/bin/tool");
	wanted[2] = item(&i, "rootfs/srv/own");
	OK(encl_inventory_contents(&i, wanted, 3, 4, see, &s, &e));
	EQ_STR("rootfs/srv/own=;rootfs/usr/bin/tool=#!/b;rootfs/usr/lib/x.so.1=cont;",
	       s.text);
}

/* The kernel leaves the last of two entries: so does the inventory. */
TEST(verify_inventory_last_one_counts)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	struct encl_tree *one = made_tree("f 600 0:0 1 x first\n", ENCL_ROOT_CPIO);
	struct encl_tree *two = made_tree("f 644 0:0 1 x 2nd\n", ENCL_ROOT_CPIO);
	struct encl_buf ramdisks[2] = {boot()};
	struct encl_buf more;
	struct seen s = {""};
	const struct encl_item *wanted[1];

	made_ramdisk(one, ENCL_COMPRESS_NONE, &ramdisks[1]);
	made_ramdisk(two, ENCL_COMPRESS_NONE, &more);
	encl_buf_add(&ramdisks[1], more.data, more.len);
	made_image("a.eif", ramdisks, 2, &eif);
	OK(encl_inventory_read(&eif, NULL, &i, &e));
	EQ_INT(3, i.n_items);
	EQ_INT(0100644, item(&i, "rootfs/x")->mode);
	EQ_INT(3, item(&i, "rootfs/x")->size);
	wanted[0] = item(&i, "rootfs/x");
	OK(encl_inventory_contents(&i, wanted, 1, 10, see, &s, &e));
	EQ_STR("rootfs/x=2nd;", s.text);
	encl_buf_clear(&ramdisks[0]);
	encl_buf_clear(&ramdisks[1]);
	encl_buf_clear(&more);
	encl_tree_free(one);
	encl_tree_free(two);
}

TEST(verify_inventory_damaged)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(encl_inventory_clear) struct encl_inventory i = {.n_items = 0};
	struct encl_buf ramdisks[2] = {boot()};

	encl_buf_init(&ramdisks[1], 100);
	encl_buf_add_str(&ramdisks[1], "no archive");
	made_image("a.eif", ramdisks, 2, &eif);
	FAILS(encl_inventory_read(&eif, NULL, &i, &e), ENCL_FAILED,
	      "a.eif: ramdisk 1: ramdisk: at byte 0: neither a cpio archive nor "
	      "compressed by gzip, zstd, lz4 or xz");
	encl_buf_clear(&ramdisks[0]);
	encl_buf_clear(&ramdisks[1]);
}
