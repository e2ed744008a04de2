/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/debian.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rootfs/tree.h"
#include "test.h"

static char warned[512];

static void
on_event(struct encl_log *log, enum encl_level level, const char *text)
{
	(void)log;
	if (level == ENCL_LOG_WARN)
		snprintf(warned, sizeof warned, "%s", text);
}

static struct encl_log event_log = {on_event, NULL};

static void
add(struct encl_tree *t, enum encl_entry_type type, const char *path, const char *text)
{
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_origin origin = {"package", "test 1"};
	struct encl_entry entry = {.path = path, .type = type, .mode = 0755};

	if (type == ENCL_REG) {
		entry.content.data = (const uint8_t *)text;
		entry.content.size = strlen(text);
	} else {
		entry.link = text;
	}
	OK(s->begin(s, &origin, 0, &e));
	OK(s->add(s, &entry, &e));
	OK(s->end(s, &e));
}

static void
link_is(struct encl_tree *t, const char *path, const char *want)
{
	const struct encl_node *n = encl_tree_find_nofollow(t, path);

	EQ_STR(want, n && n->inode->type == ENCL_SYMLINK ? n->inode->link : "(none)");
}

static void
text_has(struct encl_tree *t, const char *path, const char *want)
{
	const struct encl_node *n = encl_tree_find(t, path);
	encl_auto(encl_free) char *text = NULL;
	size_t len;

	if (!n) {
		EQ_STR(want, "(none)");
		return;
	}
	OK(encl_tree_read(t, n, 100000, &text, &len, &e));
	if (!strstr(text, want))
		EQ_STR(want, text);
}

static int
finish(struct encl_tree *t, struct encl_package *v, size_t n, struct encl_pairs choices,
       bool strict)
{
	const struct encl_layer_packages p = {.alternatives = choices,
					      .dpkg_status = true};
	const struct encl_package_set s = {v, n, NULL};

	return encl_debian_finish(t, &p, &s, &event_log, strict, &e);
}

TEST(rootfs_debian_prepare)
{
	encl_auto(encl_tree_free) struct encl_tree *x = encl_tree_new(NULL);
	encl_auto(encl_tree_free) struct encl_tree *a = encl_tree_new(NULL);

	OK(encl_debian_prepare(x, ENCL_ARCH_X86_64, &e));
	link_is(x, "bin", "usr/bin");
	link_is(x, "lib64", "usr/lib64");
	CHECK(encl_tree_find(x, "lib64")->inode->type == ENCL_DIR);
	OK(encl_debian_prepare(x, ENCL_ARCH_X86_64, &e)); /* again: nothing to do */
	add(a, ENCL_DIR, "bin", NULL);
	OK(encl_debian_prepare(a, ENCL_ARCH_AARCH64, &e));
	link_is(a, "bin", "(none)");
	link_is(a, "sbin", "usr/sbin");
	link_is(a, "lib64", "(none)");
}

TEST(rootfs_debian_accounts)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	struct encl_package v[] = {{"docker.io", "1", "amd64", "Package: docker.io", NULL,
				    NULL, NULL, NULL, NULL, NULL, NULL, NULL},
				   {"memcached", "1", "amd64", "Package: memcached", NULL,
				    NULL, NULL, NULL, NULL, NULL, NULL, NULL}};

	add(t, ENCL_REG, "usr/lib/sysusers.d/a.conf",
	    "# x\nu web 300 \"A web\" /srv/web\ng grp -\nm web grp\nu |bad:name -\n");
	OK(finish(t, v, 2, (struct encl_pairs){NULL, 0}, true));
	text_has(t, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
	text_has(t, "etc/passwd",
		 "memcache:x:106:106:memcache:/nonexistent:/bin/false\n");
	text_has(t, "etc/passwd", "web:x:300:300:A web:/srv/web:/usr/sbin/nologin\n");
	text_has(t, "etc/group", "docker:x:999:\n");
	text_has(t, "etc/group", "grp:x:990:web\n");
	text_has(t, "etc/shadow", "web:*::0:99999:7:::\n");
	EQ_INT(0640, encl_tree_find(t, "etc/shadow")->inode->mode);
	EQ_INT(42, encl_tree_find(t, "etc/shadow")->inode->gid);
	EQ_INT(01777, encl_tree_find(t, "tmp")->inode->mode);
	link_is(t, "var/run", "/run");
	text_has(t, "var/lib/dpkg/status",
		 "Package: docker.io\nStatus: install ok installed\n\n"
		 "Package: memcached\nStatus: install ok installed\n\n");
}

TEST(rootfs_debian_accounts_over_an_image)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	struct encl_package v[] = {{"memcached", "1", "amd64", "Package: memcached", NULL,
				    NULL, NULL, NULL, NULL, NULL, NULL, NULL}};

	add(t, ENCL_REG, "etc/passwd",
	    "root:x:0:0::/:/bin/sh\nmine:x:106:106::/:/bin/sh");
	add(t, ENCL_REG, "etc/group", "root:x:0:\nmine:x:106:\n");
	add(t, ENCL_REG, "var/lib/dpkg/status",
	    "Package: memcached\nStatus: old\n\nPackage: base\nStatus: kept\n");
	OK(finish(t, v, 1, (struct encl_pairs){NULL, 0}, false));
	text_has(t, "etc/passwd", "mine:x:106:106::/:/bin/sh\nmemcache:x:990:990:");
	CHECK(!encl_tree_find(t, "etc/shadow"));
	text_has(t, "var/lib/dpkg/status",
		 "Package: base\nStatus: kept\n\nPackage: memcached\nStatus: install ok "
		 "installed\n\n");
}

static const char iptables[] =
	"#!/bin/sh\n# Automatically added by dh_installalternatives/13\n"
	"	update-alternatives \\\n  --install /usr/sbin/iptables iptables "
	"/usr/sbin/iptables-legacy 10 \\\n"
	"  --slave /usr/sbin/iptables-save iptables-save /usr/sbin/iptables-legacy-save\n"
	"update-alternatives --quiet --install /usr/sbin/iptables iptables "
	"/usr/sbin/iptables-nft 20 || true\n"
	"update-alternatives --install /usr/sbin/x x $path 20\n"
	"# End automatically added section\n";

static struct encl_tree *
iptables_tree(void)
{
	struct encl_tree *t = encl_tree_new(NULL);

	add(t, ENCL_REG, "usr/sbin/iptables-legacy", "l");
	add(t, ENCL_REG, "usr/sbin/iptables-legacy-save", "s");
	add(t, ENCL_REG, "usr/sbin/iptables-nft", "n");
	return t;
}

TEST(rootfs_debian_alternatives)
{
	encl_auto(encl_tree_free) struct encl_tree *t = iptables_tree();
	encl_auto(encl_tree_free) struct encl_tree *u = iptables_tree();
	encl_auto(encl_tree_free) struct encl_tree *w = iptables_tree();
	struct encl_package v[] = {{"iptables", "1", "amd64", "Package: iptables", NULL,
				    NULL, NULL, iptables, NULL, NULL, NULL, NULL}};
	struct encl_pair legacy = {"iptables", "legacy"};
	struct encl_pair wrong = {"iptables", "ipfw"};
	struct encl_pair none = {"awk", "gawk"};

	OK(finish(t, v, 1, (struct encl_pairs){NULL, 0}, true));
	link_is(t, "usr/sbin/iptables", "/etc/alternatives/iptables");
	link_is(t, "etc/alternatives/iptables", "/usr/sbin/iptables-nft");
	link_is(t, "usr/sbin/iptables-save", "(none)");
	OK(finish(u, v, 1, (struct encl_pairs){&legacy, 1}, true));
	link_is(u, "etc/alternatives/iptables", "/usr/sbin/iptables-legacy");
	link_is(u, "etc/alternatives/iptables-save", "/usr/sbin/iptables-legacy-save");
	FAILS(finish(w, v, 1, (struct encl_pairs){&wrong, 1}, true), ENCL_USAGE,
	      "alternatives: iptables has no choice \"ipfw\"; there are "
	      "/usr/sbin/iptables-nft, /usr/sbin/iptables-legacy");
	FAILS(finish(w, v, 1, (struct encl_pairs){&none, 1}, true), ENCL_USAGE,
	      "alternatives: no package has \"awk\"; there are iptables");
}

static enum encl_script
verdict(const char *postinst)
{
	const struct encl_package p = {.name = "p", .version = "1", .postinst = postinst};

	return encl_debian_script(&p, "postinst");
}

TEST(rootfs_debian_scripts)
{
	encl_auto(encl_tree_free) struct encl_tree *t = encl_tree_new(NULL);
	struct encl_package v[] = {{"p", "1", "amd64", "Package: p", NULL, NULL, NULL,
				    "useradd x\n", NULL, NULL, NULL, NULL}};

	EQ_INT(ENCL_SCRIPT_NONE, verdict(NULL));
	EQ_INT(ENCL_SCRIPT_HARMLESS,
	       verdict("#!/bin/sh\nset -e\n\ncase \"$1\" in\n    configure)\n    ;;\n"
		       "  abort-upgrade|abort-remove)\n  ;;\n  *)\n"
		       "   echo \"bad\" >&2\n   exit 1\n ;;\nesac\nexit 0\n"));
	EQ_INT(ENCL_SCRIPT_HARMLESS,
	       verdict("# Automatically added by dh_installsystemd/13\nanything\n"
		       "# End automatically added section\n"));
	EQ_INT(ENCL_SCRIPT_UNHANDLED,
	       verdict("# Automatically added by dh_unheard_of/13\n:\n"
		       "# End automatically added section\n"));
	EQ_INT(ENCL_SCRIPT_UNHANDLED, verdict("set -e\nrm -rf /\n"));
	EQ_INT(ENCL_SCRIPT_UNHANDLED, verdict("echo x > /etc/x\n"));
	FAILS(finish(t, v, 1, (struct encl_pairs){NULL, 0}, true), ENCL_FAILED,
	      "maintainer scripts with effects that are not made: p (postinst); leave out "
	      "--strict-scripts if the enclave does not need them");
	OK(finish(t, v, 1, (struct encl_pairs){NULL, 0}, false));
	EQ_STR("maintainer scripts with effects that are not made: p (postinst)", warned);
}
