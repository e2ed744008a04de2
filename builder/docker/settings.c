/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's configuration to the daemon's settings, each with its reason;
 * what the kernel cannot do although the manifest asks for it is an error that
 * names the option.  docs/7-docker-settings.md has the table.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "docker/daemon.h"
#include "docker/docker.h"
#include "sources/kernel_config.h"
#include "sources/kernel_netfilter.h"

/* In MiB; docs/7-docker-settings.md. */
enum { STORAGE_ENGINE = 64, STORAGE_CONTAINER = 20, CHOICES_MAX = 16 };

struct work {
	const struct encl_manifest *m;
	const char *config;
	bool modules; /* of the kernel can be loaded */
	uint64_t image_bytes;
	struct encl_docker_settings *s;
};

void
encl_docker_settings_clear(struct encl_docker_settings *s)
{
	json_decref(s->daemon);
	encl_arena_free(s->arena);
	memset(s, 0, sizeof *s);
}

const char *
encl_docker_iptables_name(enum encl_docker_iptables i)
{
	static const char *const names[] = {"nft", "legacy", "none"};

	return names[i];
}

static const char *choose(struct work *w, const char *setting, const char *value,
			  const char *reason, ...) ENCL_PRINTF(4, 5);

/* Returns the value's copy. */
static const char *
choose(struct work *w, const char *setting, const char *value, const char *reason, ...)
{
	encl_auto(encl_free) char *text = NULL;
	struct encl_docker_choice *c = &w->s->choices[w->s->n_choices++];
	va_list ap;

	va_start(ap, reason);
	text = encl_xvasprintf(reason, ap);
	va_end(ap);
	c->setting = setting;
	c->value = encl_arena_strdup(w->s->arena, value);
	c->reason = encl_arena_strdup(w->s->arena, text);
	return c->value;
}

static bool
has(const struct work *w, const char *option)
{
	return encl_kernel_has(w->config, option, w->modules);
}

/* Why an option does not count: "CONFIG_X is not set". */
static const char *
lacks(const struct work *w, const char *option)
{
	bool module = encl_kernel_config_get(w->config, option) == ENCL_KCONFIG_MODULE;
	encl_auto(encl_free) char *text = encl_xasprintf(
		"CONFIG_%s is %s", option,
		module ? "=m, and this kernel's modules cannot be loaded" : "not set");

	return encl_arena_strdup(w->s->arena, text);
}

/* ---- cgroup ---- */

static int
choose_cgroup(struct work *w, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_manifest_at(w->m, w->m->docker.pos);
	unsigned major = 0;
	unsigned minor = 0;

	if (w->m->boot.init == ENCL_INIT_AWS) {
		choose(w, "cgroup", "v1", "boot.init: aws mounts version 1");
		return 0;
	}
	if (!encl_kernel_config_version(w->config, &major, &minor)) {
		choose(w, "cgroup", "v2",
		       "mounted by init; the configuration does not tell the version of "
		       "Linux, 5.2 is the oldest that works");
		return 0;
	}
	if (major < 5 || (major == 5 && minor < 2))
		return encl_fail(
			e, ENCL_USAGE,
			"%sdocker: Linux %u.%u is too old for Docker with cgroup "
			"v2 (5.2 is the first with its freezer, cpuset and device "
			"control); take a newer kernel, or boot.init: aws, which "
			"mounts cgroup v1",
			at, major, minor);
	choose(w, "cgroup", "v2", "mounted by init; Linux %u.%u (5.2 is the oldest)",
	       major, minor);
	return 0;
}

/* A limit of a container that the kernel cannot keep. */
static int
check_limit(const struct work *w, const struct encl_container *c, const char *key,
	    uint64_t value, const char *option, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_manifest_at(w->m, c->unit.pos);

	if (!value || has(w, option))
		return 0;
	return encl_fail(e, ENCL_USAGE,
			 "%sdocker: container \"%s\" has %s, but of the kernel %s", at,
			 c->unit.name, key, lacks(w, option));
}

static int
choose_limits(struct work *w, struct encl_err *e)
{
	bool memory = has(w, "MEMCG");
	bool cpu = has(w, "CFS_BANDWIDTH");
	bool pids = has(w, "CGROUP_PIDS");
	char value[32];

	for (size_t i = 0; i < w->m->docker.n_containers; i++) {
		const struct encl_container *c = &w->m->docker.containers[i];
		const struct encl_limits *l = &c->unit.limits;

		if (check_limit(w, c, "a memory limit", l->memory_mib, "MEMCG", e) ||
		    check_limit(w, c, "a CPU limit", l->cpu_milli, "CFS_BANDWIDTH", e) ||
		    check_limit(w, c, "a limit of processes", l->pids, "CGROUP_PIDS", e))
			return -1;
	}
	snprintf(value, sizeof value, "%s%s%s%s", memory ? "memory " : "",
		 cpu ? "cpu " : "", pids ? "pids " : "",
		 memory || cpu || pids ? "" : "none ");
	value[strlen(value) - 1] = 0;
	choose(w, "limits", value,
	       "what the kernel has of MEMCG, CFS_BANDWIDTH, "
	       "CGROUP_PIDS");
	return 0;
}

/* ---- storage ---- */

static int
choose_driver(struct work *w, struct encl_err *e)
{
	const struct encl_docker *d = &w->m->docker;
	const char *missing = !has(w, "OVERLAY_FS")    ? "OVERLAY_FS"
			      : !has(w, "TMPFS_XATTR") ? "TMPFS_XATTR"
						       : NULL;
	encl_auto(encl_free) char *at = encl_manifest_at(w->m, d->pos);

	if (d->driver == ENCL_DRIVER_OVERLAY2 && missing)
		return encl_fail(
			e, ENCL_USAGE,
			"%sdocker.storage.driver: overlay2, but of the kernel %s; "
			"take vfs or auto",
			at, lacks(w, missing));
	w->s->overlay2 = d->driver != ENCL_DRIVER_VFS && !missing;
	if (w->s->overlay2)
		choose(w, "storage driver", "overlay2",
		       "the kernel has OVERLAY_FS and TMPFS_XATTR");
	else if (missing && d->driver == ENCL_DRIVER_AUTO)
		choose(w, "storage driver", "vfs",
		       "of the kernel %s; every layer is a full copy", lacks(w, missing));
	else
		choose(w, "storage driver", "vfs", "docker.storage.driver asks for it");
	return 0;
}

static int
choose_preload(struct work *w, struct encl_err *e)
{
	const struct encl_docker *d = &w->m->docker;
	encl_auto(encl_free) char *at = encl_manifest_at(w->m, d->pos);

	if (d->preload == ENCL_PRELOAD_LAYERS && !w->s->overlay2)
		return encl_fail(
			e, ENCL_USAGE,
			"%sdocker.storage.preload: layers needs the storage driver "
			"overlay2, which this kernel or docker.storage.driver "
			"excludes; take archive or auto",
			at);
	w->s->layers = w->s->overlay2 && d->preload != ENCL_PRELOAD_ARCHIVE;
	if (!d->n_images)
		choose(w, "preload", "none", "docker.images is empty");
	else if (w->s->layers)
		choose(w, "preload", "layers",
		       "overlay2 takes them where they lie; nothing is loaded at boot");
	else if (d->preload == ENCL_PRELOAD_ARCHIVE)
		choose(w, "preload", "archive", "docker.storage.preload asks for it");
	else
		choose(w, "preload", "archive",
		       "vfs has no layers in place; loaded at boot");
	return 0;
}

/* In tenths, how often the images' bytes lie in the data root: none as layers;
 * once unpacked from the archive and once as layers; with vfs a layer holds
 * those below it too, and a container is two more copies. */
static unsigned
image_tenths(const struct work *w)
{
	size_t n = w->m->docker.n_containers;

	if (w->s->layers || !w->image_bytes)
		return 0;
	if (w->s->overlay2)
		return 22;
	return (3 + 2 * (unsigned)(n < 1000 ? n : 1000)) * 11;
}

static void
choose_storage(struct work *w)
{
	const struct encl_docker *d = &w->m->docker;
	unsigned tenths = image_tenths(w);
	uint64_t mib = (w->image_bytes + (1 << 20) - 1) >> 20;
	encl_auto(encl_free) char *images =
		encl_xasprintf(" + %u.%u x %llu of images", tenths / 10, tenths % 10,
			       (unsigned long long)mib);
	encl_auto(encl_free) char *value = NULL;

	w->s->storage_mib = d->storage_mib ? d->storage_mib
					   : STORAGE_ENGINE +
						     STORAGE_CONTAINER * d->n_containers +
						     (mib * tenths + 9) / 10;
	value = encl_xasprintf("%llu MiB", (unsigned long long)w->s->storage_mib);
	if (d->storage_mib)
		choose(w, "storage size", value, "docker.storage.sizeMiB");
	else
		choose(w, "storage size", value,
		       "tmpfs, used as written: %d of the engine + %d x %zu containers%s",
		       STORAGE_ENGINE, STORAGE_CONTAINER, d->n_containers,
		       tenths ? images : "");
}

/* ---- network ---- */

static const struct encl_container *
first_on_bridge(const struct encl_manifest *m)
{
	for (size_t i = 0; i < m->docker.n_containers; i++)
		if (!m->docker.containers[i].host_network)
			return &m->docker.containers[i];
	return NULL;
}

static void
choose_none(struct work *w, const char *why, const char *more)
{
	w->s->iptables = ENCL_IPTABLES_NONE;
	choose(w, "network", "host", "%s%s", why, more);
	choose(w, "iptables", "none", "no bridge");
}

static void
choose_raw(struct work *w)
{
	w->s->no_raw = w->s->iptables == ENCL_IPTABLES_LEGACY && !has(w, "IP_NF_RAW");
	if (w->s->iptables == ENCL_IPTABLES_NFT)
		choose(w, "raw table", "used", "nf_tables needs no option for it");
	else if (!w->s->no_raw)
		choose(w, "raw table", "used", "the kernel has IP_NF_RAW");
	else
		choose(w, "raw table", "not used",
		       "of the kernel %s: DOCKER_INSECURE_NO_IPTABLES_RAW=1 for Docker 28 "
		       "and later; a container's unpublished ports can then be reached "
		       "from whoever can route to the bridge, which in an enclave is only "
		       "the enclave itself",
		       lacks(w, "IP_NF_RAW"));
}

static int
choose_network(struct work *w, struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf missing = {.cap = 8192};
	const struct encl_container *c = first_on_bridge(w->m);
	enum encl_netfilter asked = encl_netfilter_asked(w->m);
	enum encl_netfilter backend =
		encl_kernel_netfilter(w->config, w->modules, asked, &missing);
	encl_auto(encl_free) char *at =
		encl_manifest_at(w->m, c ? c->unit.pos : w->m->docker.pos);

	if (!encl_netfilter_wanted(w->m)) {
		choose_none(w,
			    w->m->docker.host_network
				    ? "docker.network: host"
				    : "every container has the host's network",
			    "");
		return 0;
	}
	if (backend == ENCL_NETFILTER_NONE && c)
		return encl_fail(e, ENCL_USAGE,
				 "%sdocker: container \"%s\" is on a bridge network, but "
				 "the kernel lacks %s; give it network: host, or take "
				 "another kernel",
				 at, c->unit.name, encl_buf_text(&missing));
	if (backend == ENCL_NETFILTER_NONE) {
		choose_none(w, "the kernel lacks ", encl_buf_text(&missing));
		return 0;
	}
	w->s->bridge = true;
	choose(w, "network", "bridge", "the kernel has BRIDGE, VETH and NAT");
	w->s->iptables =
		backend == ENCL_NETFILTER_NFT ? ENCL_IPTABLES_NFT : ENCL_IPTABLES_LEGACY;
	if (backend == ENCL_NETFILTER_NFT)
		choose(w, "iptables", "nft", "the kernel has NF_TABLES and NFT_COMPAT");
	else if (asked == ENCL_NETFILTER_LEGACY)
		choose(w, "iptables", "legacy",
		       "alternatives of docker.engine ask for it, and the kernel has "
		       "IP_NF_IPTABLES");
	else
		choose(w, "iptables", "legacy",
		       "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT");
	choose_raw(w);
	choose(w, "userland proxy", "on",
	       "127.0.0.1, where ingress connects, reaches published ports");
	return 0;
}

/* ---- the rest ---- */

static void
choose_dns(struct work *w)
{
	encl_auto(encl_buf_clear) struct encl_buf list = {.cap = 65536};
	encl_auto(json_decref) json_t *servers = encl_docker_dns(w->m, w->s->bridge);
	json_t *server;
	size_t i;

	json_array_foreach (servers, i, server)
		encl_buf_add_fmt(&list, "%s%s", i ? " " : "", json_string_value(server));
	if (!servers && w->m->nameservers.n)
		choose(w, "dns", "/etc/resolv.conf",
		       w->s->bridge ? "a name server of the enclave's loopback: Docker's "
				      "own resolver asks it there"
				    : "containers have the enclave's network");
	else if (!servers)
		choose(w, "dns", "none", "no name server, and no bridge");
	else if (w->m->nameservers.n)
		choose(w, "dns", encl_buf_text(&list), "network.nameservers");
	else
		choose(w, "dns", encl_buf_text(&list),
		       "no name server: a look-up fails at once on the bridge's gateway, "
		       "not late at 8.8.8.8");
}

static void
choose_rest(struct work *w)
{
	choose_dns(w);
	if (has(w, "SECCOMP_FILTER"))
		choose(w, "seccomp", "default", "the kernel has SECCOMP_FILTER");
	else
		choose(w, "seccomp", "unconfined",
		       "of the kernel %s: no system call is refused to containers",
		       lacks(w, "SECCOMP_FILTER"));
	choose(w, "log driver", "local",
	       "4 files of 1 MiB a container; launch prints what they say");
	choose(w, "live restore", "off", "the daemon's end is the containers' end");
}

int
encl_docker_settings(const struct encl_manifest *m, const char *config,
		     uint64_t image_bytes, struct encl_docker_settings *out,
		     struct encl_err *e)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {
		.arena = encl_arena_new()};
	struct work w = {m, config, encl_kernel_loads_modules(m), image_bytes, &s};

	s.choices = encl_arena_alloc(s.arena, CHOICES_MAX * sizeof *s.choices);
	if (choose_cgroup(&w, e) || choose_limits(&w, e) || choose_driver(&w, e) ||
	    choose_preload(&w, e))
		return -1;
	choose_storage(&w);
	if (choose_network(&w, e))
		return -1;
	choose_rest(&w);
	s.daemon = encl_docker_daemon(m, &s);
	*out = encl_take(s, (struct encl_docker_settings){0});
	return 0;
}
