/* SPDX-License-Identifier: Apache-2.0 */
#include "sources/kernel_modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/stream.h"
#include "embedded.h"
#include "test.h"

static void
put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void
section(uint8_t *p, uint32_t name, uint32_t type, uint64_t offset, uint64_t size)
{
	put(p, name, 4);
	put(p + 4, type, 4);
	put(p + 24, offset, 8);
	put(p + 32, size, 8);
}

/* The smallest ELF object with a .modinfo: depends and vermagic. */
static void
add_module(struct encl_module_index *x, const char *path, const char *depends,
	   const char *vermagic)
{
	static const char names[] = "\0.modinfo\0.shstrtab";
	uint8_t elf[1024] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
	uint8_t *info = elf + 512;
	size_t n = 0;
	int fd = memfd_create(path, MFD_CLOEXEC);

	put(elf + 16, 1, 2);  /* relocatable */
	put(elf + 18, 62, 2); /* x86-64 */
	put(elf + 20, 1, 4);
	put(elf + 40, 64, 8); /* section headers */
	put(elf + 52, 64, 2);
	put(elf + 58, 64, 2);
	put(elf + 60, 3, 2);
	put(elf + 62, 2, 2);
	n = (size_t)snprintf((char *)info, 500, "vermagic=%s SMP%cdepends=%s", vermagic,
			     0, depends) +
	    1;
	memcpy(elf + 256, names, sizeof names);
	section(elf + 128, 1, 1, 512, n);
	section(elf + 192, 10, 3, 256, sizeof names);
	OK(encl_pwrite_full(fd, elf, sizeof elf, 0, "module", &e));

	encl_auto(encl_blob_unref) struct encl_blob *b =
		encl_blob_new(fd, sizeof elf, path);
	struct encl_content c = {.blob = b, .size = sizeof elf};

	OK(encl_module_index_add(x, path, &c, &e));
}

static const struct encl_strings nothing = {NULL, 0};
static enum encl_root_format format;

static int
pick_for(struct encl_module_index *x, const char *table, const char *config,
	 const struct encl_manifest *m, char text[512])
{
	encl_auto(encl_module_list_clear) struct encl_module_list l = {NULL, 0};
	struct encl_env env = {.jobs = 1};
	size_t n = 0;

	*text = 0;
	if (encl_modules_select(&env, x, table, config, "6.1.0-4", m, &l, &e))
		return -1;
	for (size_t i = 0; i < l.n; i++)
		n += (size_t)snprintf(text + n, 512 - n, "%s%s", i ? " " : "", l.v[i]);
	return 0;
}

static int
pick(struct encl_module_index *x, const char *table, const char *config,
     const struct encl_strings *extra, char text[512])
{
	struct encl_manifest m = {.boot.format = format};

	m.boot.kernel.extra_modules = *extra;
	return pick_for(x, table, config, &m, text);
}

TEST(sources_kernel_modules_name)
{
	static const char *const rows[][2] = {
		{"kernel/a/virtio-rng.ko", "virtio_rng"},
		{"x.ko.xz", "x"},
		{"a/b.ko.zst", "b"},
		{"b.ko.gz", "b"},
		{".ko", NULL},
		{"a/.ko", NULL},
		{"x.ko.bz2", NULL},
		{"a.ko/x", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *name = encl_module_name(rows[i][0]);

		if (rows[i][1])
			EQ_STR(rows[i][1], name);
		else
			CHECK(!name);
	}
}

TEST(sources_kernel_modules_order)
{
	encl_auto(encl_module_index_clear) struct encl_module_index x = {.v = NULL};
	const char *more[] = {"extra-one"};
	const struct encl_strings extra = {more, 1};
	char text[512];

	add_module(&x, "k/top.ko", "mid-a,mid-b", "6.1.0-4");
	add_module(&x, "k/mid-b.ko", "base", "6.1.0-4");
	add_module(&x, "k/mid-a.ko", "base,built-in", "6.1.0-4");
	add_module(&x, "k/base.ko", "", "6.1.0-4");
	add_module(&x, "k/extra_one.ko", "mid_b", "6.1.0-4");
	encl_module_index_builtin(&x, "kernel/z/z.ko\nkernel/a/built-in.ko\n");
	OK(pick(&x, "f top TOP required\n", "\nCONFIG_TOP=m\n", &extra, text));
	EQ_STR("base mid_a mid_b top extra_one", text);
	/* of a feature that not every image wants */
	OK(pick(&x, "squashfs gone GONE required\n", "\nCONFIG_GONE=m\n", &nothing,
		text));
	EQ_STR("", text);
	format = ENCL_ROOT_SQUASHFS;
	CHECK(pick(&x, "squashfs gone GONE required\n", "\nCONFIG_GONE=m\n", &nothing,
		   text) == -1);
	EQ_STR("kernel module gone is missing (squashfs needs it; the kernel has "
	       "CONFIG_GONE=m)",
	       e.msg);
	format = ENCL_ROOT_CPIO;
	/* built in, or not there and optional */
	OK(pick(&x, "f top TOP required\nf gone GONE optional\n", "\nCONFIG_TOP=y\n",
		&nothing, text));
	EQ_STR("", text);
	FAILS(pick(&x, "f gone GONE required\n", "\nCONFIG_GONE=m\n", &nothing, text),
	      ENCL_USAGE,
	      "kernel module gone is missing (f needs it; the kernel has CONFIG_GONE=m)");
}

/* The tool's own table: a bridge's modules only where there is one. */
TEST(sources_kernel_modules_docker)
{
	encl_auto(encl_module_index_clear) struct encl_module_index x = {.v = NULL};
	static const char *const names[] = {
		"bridge",    "veth",	     "nf_tables",      "nft_compat",
		"ip_tables", "iptable_nat",  "iptable_filter", "nft_chain_nat",
		"xt_nat",    "xt_conntrack", "xt_addrtype",    "xt_MASQUERADE",
		"xt_tcpudp", "overlay",
	};
	static const char *const options[] = {
		"BRIDGE",
		"VETH",
		"NETFILTER_XTABLES",
		"NF_CONNTRACK",
		"NF_NAT",
		"NETFILTER_XT_MATCH_ADDRTYPE",
		"NETFILTER_XT_MATCH_CONNTRACK",
		"NETFILTER_XT_NAT",
		"NETFILTER_XT_TARGET_MASQUERADE",
		"IP_NF_IPTABLES",
		"IP_NF_FILTER",
		"IP_NF_NAT",
		"OVERLAY_FS",
		"NFT_COMPAT",
		"NFT_NAT",
		"NF_TABLES_IPV4",
		"NF_TABLES",
	};
	const char *table = (const char *)encl_embedded_modules;
	encl_auto(encl_buf_clear) struct encl_buf config = {.cap = 4096};
	struct encl_manifest m = {.arch = ENCL_ARCH_X86_64};
	struct encl_pair legacy = {"iptables", "legacy"};
	char text[512];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[64];

		snprintf(path, sizeof path, "k/%s.ko", names[i]);
		add_module(&x, path, "", "6.1.0-4");
	}
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		encl_buf_add_fmt(&config, "CONFIG_%s=m\n", options[i]);
	OK(pick_for(&x, table, encl_buf_text(&config), &m, text));
	EQ_STR("overlay", text);
	m.docker.given = true;
	OK(pick_for(&x, table, encl_buf_text(&config), &m, text));
	EQ_STR("overlay bridge veth nf_tables nft_compat nft_chain_nat xt_conntrack "
	       "xt_addrtype xt_nat xt_tcpudp xt_MASQUERADE",
	       text);
	m.docker.host_network = true;
	OK(pick_for(&x, table, encl_buf_text(&config), &m, text));
	EQ_STR("overlay", text);
	m.docker.host_network = false;
	/* the backend that the engine's packages choose */
	m.docker.engine.layer.kind = ENCL_LAYER_PACKAGES;
	m.docker.engine.layer.packages.alternatives = (struct encl_pairs){&legacy, 1};
	OK(pick_for(&x, table, encl_buf_text(&config), &m, text));
	EQ_STR("overlay bridge veth ip_tables iptable_filter iptable_nat xt_conntrack "
	       "xt_addrtype xt_nat xt_tcpudp xt_MASQUERADE",
	       text);
	m.docker.engine.layer.packages.alternatives.n = 0;
	*strrchr((char *)config.data, 'C') = '#'; /* no NF_TABLES */
	OK(pick_for(&x, table, encl_buf_text(&config), &m, text));
	EQ_STR("overlay bridge veth ip_tables iptable_filter iptable_nat xt_conntrack "
	       "xt_addrtype xt_nat xt_tcpudp xt_MASQUERADE",
	       text);
}

TEST(sources_kernel_modules_bad)
{
	encl_auto(encl_module_index_clear) struct encl_module_index x = {.v = NULL};
	const char *more[] = {"a"};
	struct encl_strings extra = {more, 1};
	char text[512];

	add_module(&x, "k/a.ko", "b", "6.1.0-4");
	add_module(&x, "k/b.ko", "a", "6.1.0-4");
	add_module(&x, "k/old.ko", "", "5.10.0-1");
	add_module(&x, "k/lost.ko", "gone", "6.1.0-4");
	FAILS(pick(&x, "", "", &extra, text), ENCL_USAGE,
	      "kernel module a: dependencies deeper than 32, or a cycle");
	more[0] = "old";
	FAILS(pick(&x, "", "", &extra, text), ENCL_USAGE,
	      "module k/old.ko is for kernel 5.10.0-1, the image is 6.1.0-4");
	more[0] = "lost";
	FAILS(pick(&x, "", "", &extra, text), ENCL_USAGE,
	      "kernel module gone is missing (lost needs it)");
	more[0] = "none";
	FAILS(pick(&x, "", "", &extra, text), ENCL_USAGE,
	      "kernel module none is missing (boot.kernel.extraModules needs it)");
	FAILS(pick(&x, "f a A perhaps\n", "", &nothing, text), ENCL_FAILED,
	      "table line 1: unknown need \"perhaps\"");
}

TEST(sources_kernel_modules_not_elf)
{
	encl_auto(encl_module_info_clear) struct encl_module_info info = {NULL, NULL};
	int fd = memfd_create("x", MFD_CLOEXEC);

	OK(encl_pwrite_full(fd, "hello", 5, 0, "x", &e));
	encl_auto(encl_blob_unref) struct encl_blob *b = encl_blob_new(fd, 5, "x");
	struct encl_content c = {.blob = b, .size = 5};

	FAILS(encl_module_info_read(&c, "x.ko", &info, &e), ENCL_USAGE,
	      "x.ko is not a kernel module: Invalid argument");
}
