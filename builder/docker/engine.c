/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker engine's layer to what an enclave needs of it: every program that
 * dockerd runs is where it looks, and a third of the bytes goes (docs/7-docker.md
 * says which and why).
 */
#include "docker/engine.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/digest.h"

/* dockerd's PATH as launch sets it; the first match is what it runs. */
static const char *const path[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
				   "/usr/bin",	      "/sbin",		"/bin"};
enum { N_PATH = sizeof path / sizeof *path };

struct program {
	const char *name;
	const char *package; /* of Debian */
	bool bridge;	     /* only for the bridge network */
	bool init;	     /* only for containers with an init */
};

static const struct program needed[] = {
	{"dockerd", "docker.io", false, false},
	{"containerd", "containerd", false, false},
	{"containerd-shim-runc-v2", "containerd", false, false},
	{"runc", "runc", false, false},
	{"docker-proxy", "docker.io", true, false},
	{"iptables", "iptables", true, false},
	{"docker-init", "tini", false, true},
};

/* Programs that nothing in an enclave starts; the first two only without a CLI.
 * tini is the dynamically linked one: docker-init is tini-static. */
static const char *const idle[] = {"docker",
				   "ctr",
				   "containerd-shim",
				   "containerd-shim-runc-v1",
				   "containerd-stress",
				   "dnet",
				   "ovrouter",
				   "tini"};
enum { N_CLI = 2 };

/* What starts, completes or describes the engine on a machine with systemd. */
static const char *const leftovers[] = {
	"/etc/default/docker",
	"/etc/init.d/docker",
	"/usr/lib/systemd/system/containerd.service",
	"/usr/lib/systemd/system/docker.service",
	"/usr/lib/systemd/system/docker.socket",
	"/usr/lib/udev/rules.d/80-docker.rules",
	"/usr/share/bash-completion/completions/ctr",
	"/usr/share/bash-completion/completions/docker",
	"/usr/share/bash-completion/completions/runc",
	"/usr/share/docker.io",
	"/usr/share/fish/vendor_completions.d/docker.fish",
	"/usr/share/zsh/vendor-completions/_ctr",
	"/usr/share/zsh/vendor-completions/_docker",
};

static bool
wants_init(const struct encl_docker *d)
{
	for (size_t i = 0; i < d->n_containers; i++)
		if (d->containers[i].init)
			return true;
	return false;
}

/* What dockerd runs by this name, links followed; or NULL. */
static const struct encl_node *
find_program(struct encl_tree *tree, const char *name)
{
	for (size_t i = 0; i < N_PATH; i++) {
		encl_auto(encl_free) char *at = encl_xasprintf("%s/%s", path[i], name);
		const struct encl_node *n = encl_tree_find(tree, at);

		if (n && n->inode->type == ENCL_REG && (n->inode->mode & 0111))
			return n;
	}
	return NULL;
}

/*
 * xtables-nft-multi or xtables-legacy-multi, which alternatives choose: on a
 * kernel without its backend dockerd would not come up.  Any other program may
 * be what it likes.
 */
static int
check_backend(const struct encl_manifest *m, const struct encl_docker_settings *s,
	      struct encl_tree *tree, struct encl_err *e)
{
	const struct encl_node *n = s->bridge ? find_program(tree, "iptables") : NULL;
	const char *wants = encl_docker_iptables_name(s->iptables);
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->docker.engine.pos);
	const char *why = "";

	if (!n || strstr(n->name, wants) ||
	    (!strstr(n->name, "nft") && !strstr(n->name, "legacy")))
		return 0;
	for (size_t i = 0; i < s->n_choices; i++)
		if (!strcmp(s->choices[i].setting, "iptables"))
			why = s->choices[i].reason;
	return encl_fail(e, ENCL_USAGE,
			 "%sdocker.engine: iptables of the image is %s, but it has to be "
			 "%s: %s; give the packages that bring it \"alternatives: "
			 "{iptables: %s}\"",
			 at, n->name, wants, why, wants);
}

static int
check(const struct encl_manifest *m, const struct encl_docker_settings *s,
      struct encl_tree *tree, struct encl_err *e)
{
	const struct encl_docker *d = &m->docker;
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 400};
	encl_auto(encl_free) char *at = encl_manifest_at(m, d->engine.pos);
	bool init = wants_init(d);

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		const struct program *p = &needed[i];

		if ((p->bridge && !s->bridge) || (p->init && !init) ||
		    find_program(tree, p->name))
			continue;
		encl_buf_add_fmt(&missing, "%s%s (package %s)", missing.len ? ", " : "",
				 p->name, p->package);
	}
	if (!missing.len)
		return check_backend(m, s, tree, e);
	return encl_fail(e, ENCL_USAGE,
			 "%sdocker.engine: the image lacks what the engine needs in its "
			 "PATH: %s; add it to docker.engine or rootfs",
			 at, encl_buf_text(&missing));
}

/* What the manifest put there by name is meant to be there. */
static bool
is_ours(const struct encl_node *n)
{
	const struct encl_origin *o = n->inode->origin;

	return o && (!strcmp(o->kind, "package") || !strcmp(o->kind, "archive"));
}

/* By its real path: /bin/docker of a merged /usr is /usr/bin/docker. */
static int
drop(struct encl_tree *tree, const char *at, struct encl_err *e)
{
	const struct encl_node *n = encl_tree_find_nofollow(tree, at);
	size_t matched;

	if (!n || !is_ours(n))
		return 0;

	encl_auto(encl_free) char *name = encl_node_path(n);
	encl_auto(encl_free) char *real = encl_xasprintf("/%s", name);
	const char *const globs[] = {real};

	return encl_tree_remove(tree, globs, 1, &matched, e);
}

static int
drop_idle(const struct encl_docker *d, struct encl_tree *tree, struct encl_err *e)
{
	for (size_t i = d->engine.cli ? N_CLI : 0; i < sizeof idle / sizeof *idle; i++)
		for (size_t p = 0; p < N_PATH; p++) {
			encl_auto(encl_free) char *at =
				encl_xasprintf("%s/%s", path[p], idle[i]);

			if (drop(tree, at, e))
				return -1;
		}
	for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
		if (drop(tree, leftovers[i], e))
			return -1;
	return 0;
}

/* dockerd warns four times of a system without a name. */
static int
add_release(const struct encl_manifest *m, struct encl_entry_sink *sink,
	    struct encl_err *e)
{
	encl_auto(encl_free) char *text = encl_xasprintf(
		"ID=enclave\nNAME=\"enclave\"\nPRETTY_NAME=\"enclave %s\"\n", m->name);
	struct encl_entry entry = {
		.path = "usr/lib/os-release",
		.type = ENCL_REG,
		.mode = 0644,
		.mtime = (int64_t)m->source_date_epoch,
		.content = {.data = (const uint8_t *)text, .size = strlen(text)},
	};

	entry.content.crc = encl_crc32(0, text, strlen(text));
	return sink->add(sink, &entry, e);
}

static int
add_folders(const struct encl_manifest *m, struct encl_tree *tree, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker"};
	static const struct encl_entry folders[] = {
		{.path = "etc/docker", .type = ENCL_DIR, .mode = 0755, .merge = true},
		{.path = "var/lib/docker", .type = ENCL_DIR, .mode = 0710, .merge = true},
	};
	bool nameless = !encl_tree_find(tree, "/etc/os-release") &&
			!encl_tree_find(tree, "/usr/lib/os-release");
	struct encl_entry_sink *sink = encl_tree_sink(tree);

	if (sink->begin(sink, &origin, 0, e))
		return -1;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		struct encl_entry entry = folders[i];

		entry.mtime = (int64_t)m->source_date_epoch;
		if (sink->add(sink, &entry, e))
			return -1;
	}
	if (nameless && add_release(m, sink, e))
		return -1;
	return sink->end(sink, e);
}

int
encl_docker_engine_trim(const struct encl_manifest *m,
			const struct encl_docker_settings *s, struct encl_tree *tree,
			struct encl_err *e)
{
	if (check(m, s, tree, e) || drop_idle(&m->docker, tree, e))
		return -1;
	return add_folders(m, tree, e);
}
