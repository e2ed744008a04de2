/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's layer: what it must have, what goes, what is made. */
#include "docker/engine.h"

#include "test.h"

static const struct encl_origin package = {"package", "docker.io 20.10.24"};
static const struct encl_origin file = {"file", "/usr/bin/docker"};

static void
add(struct encl_tree *t, const struct encl_origin *origin, const char *path,
    const char *target)
{
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_entry en = {.path = path,
				      .type = target ? ENCL_SYMLINK : ENCL_REG,
				      .link = target,
				      .mode = 0755};

	OK(s->begin(s, origin, 0, &e));
	OK(s->add(s, &en, &e));
	OK(s->end(s, &e));
}

/* Debian's layout: a merged /usr, iptables by alternatives. */
static struct encl_tree *
engine(void)
{
	static const char *const files[] = {
		"usr/sbin/dockerd",
		"usr/bin/docker",
		"usr/bin/ctr",
		"usr/bin/containerd",
		"usr/bin/containerd-shim",
		"usr/bin/containerd-shim-runc-v1",
		"usr/bin/containerd-shim-runc-v2",
		"usr/bin/dnet",
		"usr/bin/tini",
		"usr/bin/tini-static",
		"usr/sbin/ovrouter",
		"usr/sbin/runc",
		"usr/sbin/docker-proxy",
		"usr/sbin/xtables-nft-multi",
		"usr/lib/systemd/system/docker.service",
		"usr/share/bash-completion/completions/docker",
	};
	struct encl_tree *t = encl_tree_new(NULL);

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		add(t, &package, files[i], NULL);
	add(t, &package, "bin", "usr/bin");
	add(t, &package, "usr/bin/docker-init", "tini-static");
	add(t, &package, "usr/sbin/iptables", "/etc/alternatives/iptables");
	add(t, &package, "etc/alternatives/iptables", "/usr/sbin/xtables-nft-multi");
	return t;
}

static const struct encl_manifest plain = {
	.file = "enclave.yaml",
	.name = "cache",
	.docker = {.given = true, .engine = {.pos = {.line = 9, .column = 11}}},
};

static struct encl_docker_choice choice = {"iptables", "nft", "the kernel has it"};
static const struct encl_docker_settings nft = {
	.bridge = true,
	.iptables = ENCL_IPTABLES_NFT,
	.choices = &choice,
	.n_choices = 1,
};
static const struct encl_docker_settings host = {.iptables = ENCL_IPTABLES_NONE};

static void
take_away(struct encl_tree *t, const char *path)
{
	size_t matched;

	OK(encl_tree_remove(t, &path, 1, &matched, &e));
	EQ_INT(1, matched);
}

#define THERE(want, path) EQ_INT(want, encl_tree_find_nofollow(t, path) != NULL)

TEST(docker_engine_trims)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();
	encl_auto(encl_free) char *text = NULL;
	size_t n;

	OK(encl_docker_engine_trim(&plain, &nft, t, &e));
	THERE(false, "/usr/bin/docker");
	THERE(false, "/usr/bin/ctr");
	THERE(false, "/usr/bin/containerd-shim");
	THERE(false, "/usr/bin/containerd-shim-runc-v1");
	THERE(false, "/usr/bin/dnet");
	THERE(false, "/usr/bin/tini");
	THERE(false, "/usr/sbin/ovrouter");
	THERE(false, "/usr/lib/systemd/system/docker.service");
	THERE(false, "/usr/share/bash-completion/completions/docker");
	THERE(true, "/usr/sbin/dockerd");
	THERE(true, "/usr/bin/containerd-shim-runc-v2");
	THERE(true, "/usr/sbin/docker-proxy");
	THERE(true, "/usr/bin/docker-init");
	THERE(true, "/usr/bin/tini-static");
	THERE(true, "/etc/docker");
	EQ_INT(0710, encl_tree_find(t, "/var/lib/docker")->inode->mode);
	OK(encl_tree_read(t, encl_tree_find(t, "/usr/lib/os-release"), 100, &text, &n,
			  &e));
	EQ_STR("ID=enclave\nNAME=\"enclave\"\nPRETTY_NAME=\"enclave cache\"\n", text);
}

TEST(docker_engine_keeps_what_is_meant)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();
	struct encl_manifest m = plain;

	m.docker.engine.cli = true;
	add(t, &file, "etc/os-release", NULL);
	OK(encl_docker_engine_trim(&m, &nft, t, &e));
	THERE(true, "/usr/bin/docker");
	THERE(true, "/usr/bin/ctr");
	THERE(false, "/usr/bin/dnet");
	THERE(false, "/usr/lib/os-release");

	/* one that the manifest placed by name */
	m.docker.engine.cli = false;
	add(t, &file, "usr/bin/docker", NULL);
	OK(encl_docker_engine_trim(&m, &nft, t, &e));
	THERE(true, "/usr/bin/docker");
	THERE(false, "/usr/bin/ctr");
}

TEST(docker_engine_missing)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();

	take_away(t, "/usr/bin/containerd-shim-runc-v2");
	take_away(t, "/usr/sbin/xtables-nft-multi"); /* a link to nowhere is none */
	FAILS(encl_docker_engine_trim(&plain, &nft, t, &e), ENCL_USAGE,
	      "enclave.yaml:9:11: docker.engine: the image lacks what the engine needs in "
	      "its PATH: containerd-shim-runc-v2 (package containerd), iptables (package "
	      "iptables); add it to docker.engine or rootfs");
	add(t, &package, "usr/local/bin/containerd-shim-runc-v2", NULL);
	OK(encl_docker_engine_trim(&plain, &host, t, &e)); /* needs no iptables */
}

/* iptables of the wrong backend: dockerd would not come up. */
TEST(docker_engine_backend)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();
	struct encl_docker_choice why = {"iptables", "legacy",
					 "the kernel has no NF_TABLES"};
	struct encl_docker_settings legacy = nft;

	legacy.iptables = ENCL_IPTABLES_LEGACY;
	legacy.choices = &why;
	FAILS(encl_docker_engine_trim(&plain, &legacy, t, &e), ENCL_USAGE,
	      "enclave.yaml:9:11: docker.engine: iptables of the image is "
	      "xtables-nft-multi, but it has to be legacy: the kernel has no NF_TABLES; "
	      "give the packages that bring it \"alternatives: {iptables: legacy}\"");
	OK(encl_docker_engine_trim(&plain, &host, t, &e));
	add(t, &package, "usr/sbin/xtables-legacy-multi", NULL);
	add(t, &package, "etc/alternatives/iptables", "/usr/sbin/xtables-legacy-multi");
	OK(encl_docker_engine_trim(&plain, &legacy, t, &e));
	FAILS(encl_docker_engine_trim(&plain, &nft, t, &e), ENCL_USAGE,
	      "enclave.yaml:9:11: docker.engine: iptables of the image is "
	      "xtables-legacy-multi, but it has to be nft: the kernel has it; give the "
	      "packages that bring it \"alternatives: {iptables: nft}\"");
	add(t, &file, "usr/sbin/iptables", NULL); /* a program of one's own */
	OK(encl_docker_engine_trim(&plain, &nft, t, &e));
}

TEST(docker_engine_not_executable)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();
	struct encl_entry_sink *s = encl_tree_sink(t);
	const struct encl_entry en = {
		.path = "usr/sbin/runc", .type = ENCL_REG, .mode = 0644};

	OK(s->begin(s, &package, 0, &e));
	OK(s->add(s, &en, &e));
	OK(s->end(s, &e));
	FAILS(encl_docker_engine_trim(&plain, &nft, t, &e), ENCL_USAGE,
	      "enclave.yaml:9:11: docker.engine: the image lacks what the engine needs in "
	      "its PATH: runc (package runc); add it to docker.engine or rootfs");
}

TEST(docker_engine_init)
{
	encl_auto(encl_tree_free) struct encl_tree *t = engine();
	struct encl_container c = {.init = true};
	struct encl_manifest m = plain;

	m.docker.containers = &c;
	m.docker.n_containers = 1;
	take_away(t, "/usr/bin/docker-init");
	FAILS(encl_docker_engine_trim(&m, &nft, t, &e), ENCL_USAGE,
	      "enclave.yaml:9:11: docker.engine: the image lacks what the engine needs in "
	      "its PATH: docker-init (package tini); add it to docker.engine or rootfs");
	c.init = false;
	OK(encl_docker_engine_trim(&m, &nft, t, &e));
}
