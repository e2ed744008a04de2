/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules of the docker section: that something runs, that images have names, and
 * that containers do not take each other's ports.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "manifest/check.h"
#include "manifest/compose_internal.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

struct docker {
	const struct encl_yaml_node *root;
	const struct encl_yaml_node *node; /* docker */
	const struct encl_manifest *m;
	struct encl_manifest_report *r;
};

/* ---- where things are written ---- */

/* The Compose name of a key, of which n bytes count; else the key itself. */
static const char *
compose_name(const char *key, size_t n)
{
	const struct encl_compose_row *row = encl_compose_service_rows;

	for (; row->name; row++)
		if (row->key && strlen(row->key) == n && !strncmp(row->key, key, n))
			return row->name;
	return NULL;
}

char *
encl_container_path(const struct encl_manifest *m, size_t i, const char *key)
{
	const struct encl_container *c = &m->docker.containers[i];
	size_t n = key ? strcspn(key, ".[") : 0;
	const char *name = key ? compose_name(key, n) : NULL;

	if (!c->service)
		return encl_xasprintf("docker.containers[%zu]%s%s", i, key ? "." : "",
				      key ? key : "");
	if (!key || !strcmp(key, "name"))
		return encl_xasprintf("services.%s", c->service->key);
	return encl_xasprintf("services.%s.%s%s", c->service->key, name ? name : key,
			      name ? key + n : "");
}

const struct encl_yaml_node *
encl_check_container_key(const struct encl_container *c,
			 const struct encl_yaml_node *node, const char *key)
{
	const char *name = compose_name(key, strlen(key));

	return c->service ? encl_manifest_yaml_get(c->service, name ? name : key)
			  : encl_manifest_yaml_get(node, key);
}

/* The node of container i in the manifest, or NULL. */
static const struct encl_yaml_node *
node_of(const struct docker *d, size_t i)
{
	return d->m->docker.containers[i].service
		       ? NULL
		       : encl_manifest_yaml_at(
				 encl_manifest_yaml_get(d->node, "containers"), i);
}

/* Elements that were wrong are not in the struct: then none can be told. */
static bool
is_whole(const struct encl_container *c, const struct encl_yaml_node *list,
	 const char *key)
{
	size_t n = !strcmp(key, "ports")     ? c->publish.n
		   : !strcmp(key, "volumes") ? c->volumes.n
					     : c->tmpfs.n;

	return list && list->kind == ENCL_YAML_LIST && list->n == n;
}

/* Problem at an element of a list of container i, or at the key (-1). */
static void problem(const struct docker *d, size_t i, const char *key, int element,
		    const char *fmt, ...) ENCL_PRINTF(5, 6);

static void
problem(const struct docker *d, size_t i, const char *key, int element, const char *fmt,
	...)
{
	const struct encl_container *c = &d->m->docker.containers[i];
	const struct encl_yaml_node *list =
		encl_check_container_key(c, node_of(d, i), key);
	bool whole = element >= 0 && is_whole(c, list, key);
	const struct encl_yaml_node *node =
		whole ? encl_manifest_yaml_at(list, (size_t)element) : NULL;
	encl_auto(encl_free) char *at =
		!whole ? encl_xstrdup(key) : encl_xasprintf("%s[%d]", key, element);
	encl_auto(encl_free) char *path = encl_container_path(d->m, i, at);
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_manifest_report_add(d->r,
				 node	? node->pos
				 : list ? list->key_pos
					: c->unit.pos,
				 path, "%s", text);
}

/* ---- containers ---- */

static bool
same_port(const struct encl_publish *a, const struct encl_publish *b)
{
	return a->host == b->host && a->udp == b->udp &&
	       (!a->address || !b->address || !strcmp(a->address, b->address));
}

/* The container before (i, n) that publishes the port, or -1. */
static int
taken_by(const struct docker *d, size_t i, size_t n)
{
	const struct encl_container *c = d->m->docker.containers;

	for (size_t j = 0; j <= i; j++)
		for (size_t k = 0; k < (j == i ? n : c[j].n_ports); k++)
			if (same_port(&c[i].ports[n], &c[j].ports[k]))
				return (int)j;
	return -1;
}

static void
check_ports(const struct docker *d, size_t i)
{
	const struct encl_container *c = &d->m->docker.containers[i];

	if (c->n_ports && c->host_network) {
		problem(d, i, "ports", -1,
			"a container on the host's network has the enclave's ports "
			"itself; leave them out, or use the bridge");
		return;
	}
	for (size_t n = 0; n < c->n_ports; n++) {
		int other = taken_by(d, i, n);

		if (other >= 0)
			problem(d, i, "ports", (int)n,
				"port %u of the enclave is taken by \"%s\"",
				c->ports[n].host,
				d->m->docker.containers[other].unit.name
					? d->m->docker.containers[other].unit.name
					: "another");
	}
}

static void
check_network(const struct docker *d, size_t i)
{
	const struct encl_container *c = &d->m->docker.containers[i];

	if (d->m->docker.host_network && !c->host_network)
		problem(d, i, "network", -1,
			"there is no bridge where docker.network is \"host\"");
}

static void
check_mounts(const struct docker *d, size_t i)
{
	const struct encl_container *c = &d->m->docker.containers[i];

	for (size_t n = 0; n < c->n_mounts; n++) {
		bool tmpfs = c->mounts[n].kind == ENCL_MOUNT_TMPFS;
		size_t at = tmpfs ? n - (c->n_mounts - c->tmpfs.n) : n;

		for (size_t k = 0; k < n; k++) {
			if (strcmp(c->mounts[n].target, c->mounts[k].target) != 0)
				continue;
			problem(d, i, tmpfs ? "tmpfs" : "volumes", (int)at,
				"something is mounted on %s already",
				c->mounts[n].target);
			break;
		}
	}
}

/* Docker creates no container with more than there are. */
static void
check_cpus(const struct docker *d, size_t i)
{
	const struct encl_container *c = &d->m->docker.containers[i];
	unsigned cpus = d->m->resources.cpus;

	if (cpus && c->unit.limits.cpu_milli > (uint64_t)cpus * 1000)
		problem(d, i, "cpus", -1,
			"the enclave has %u processor%s, and Docker gives no container "
			"more; raise resources.cpus, or take less",
			cpus, cpus == 1 ? "" : "s");
}

/* Names of images as written; NULL where one leaves them to its source. */
static char *
image_names(const struct encl_docker *docker)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	size_t n;

	encl_buf_init(&b, 65536);
	for (size_t i = 0; i < docker->n_images; i++) {
		if (!docker->images[i].name)
			return NULL;
		encl_buf_add_fmt(&b, "%s%s", i ? ", " : "", docker->images[i].name);
	}
	if (!b.len)
		encl_buf_add_str(&b, "there are none");
	return (char *)encl_buf_steal(&b, &n);
}

/* Where all names are known; else encl_docker_match_images looks again. */
static void
check_image(const struct docker *d, size_t i)
{
	const struct encl_docker *docker = &d->m->docker;
	const char *image = docker->containers[i].image;
	encl_auto(encl_free) char *names = NULL;

	if (!image || strstr(image, "sha256:"))
		return;
	for (size_t n = 0; n < docker->n_images; n++)
		if (docker->images[n].name && !strcmp(docker->images[n].name, image))
			return;
	names = image_names(docker);
	if (names)
		problem(d, i, "image", -1,
			"\"%s\" is none of the preloaded images (%s); add it to "
			"docker.images",
			image, names);
}

/* ---- the section ---- */

static void
check_images(const struct docker *d)
{
	const struct encl_yaml_node *list = encl_manifest_yaml_get(d->node, "images");
	const struct encl_docker_image *v = d->m->docker.images;

	for (size_t i = 0; i < d->m->docker.n_images; i++) {
		const struct encl_yaml_node *node = encl_manifest_yaml_at(list, i);
		const struct encl_yaml_node *name = encl_manifest_yaml_get(node, "name");
		encl_auto(encl_free) char *rootfs =
			encl_xasprintf("docker.images[%zu].rootfs", i);
		encl_auto(encl_free) char *at =
			encl_xasprintf("docker.images[%zu].name", i);

		encl_manifest_check_layers(encl_manifest_yaml_get(node, "rootfs"),
					   v[i].layers, v[i].n_layers, rootfs, false,
					   d->r);
		if (v[i].n_layers && !name)
			encl_manifest_report_add(
				d->r, v[i].pos, at,
				"required beside \"rootfs\", but not there");
		for (size_t j = 0; v[i].name && j < i; j++)
			if (v[j].name && !strcmp(v[i].name, v[j].name))
				encl_manifest_report_add(
					d->r, name ? name->pos : v[i].pos, at,
					"\"%s\" is the name of docker.images[%zu] too",
					v[i].name, j);
	}
}

static void
check_what_runs(const struct docker *d)
{
	const struct encl_yaml_node *compose = encl_manifest_yaml_get(d->node, "compose");
	const struct encl_yaml_node *containers =
		encl_manifest_yaml_get(d->node, "containers");

	if (compose && containers)
		encl_manifest_report_add(
			d->r, compose->key_pos, "docker.compose",
			"cannot stand beside \"containers\"; give one of "
			"them");
	if (compose || (containers && (containers->bad || containers->n)) ||
	    encl_manifest_yaml_get(d->root, "app") ||
	    encl_manifest_yaml_get(d->root, "services"))
		return;
	encl_manifest_report_add(
		d->r, d->node->key_pos, "docker",
		"nothing is run; give containers, compose, or outside of "
		"it app or services");
}

static void
check_boot(const struct docker *d)
{
	const struct encl_yaml_node *init =
		encl_manifest_yaml_get(encl_manifest_yaml_get(d->root, "boot"), "init");

	if (init && !init->bad && d->m->boot.init == ENCL_INIT_AWS)
		encl_manifest_report_add(
			d->r, init->pos, "boot.init",
			"docker needs \"builtin\": AWS's init mounts cgroup v1 and a /run "
			"that nothing can be started from");
	if (d->m->docker.driver == ENCL_DRIVER_VFS &&
	    d->m->docker.preload == ENCL_PRELOAD_LAYERS)
		encl_manifest_report_add(
			d->r, d->m->docker.pos, "docker.storage.preload",
			"\"layers\" are those of overlay2; with vfs, use \"archive\"");
}

void
encl_manifest_check_docker(const struct encl_yaml_node *root,
			   const struct encl_manifest *m, struct encl_manifest_report *r)
{
	struct docker d = {root, encl_manifest_yaml_get(root, "docker"), m, r};

	if (!d.node || d.node->kind != ENCL_YAML_MAP)
		return;
	encl_manifest_check_packages(
		encl_manifest_yaml_get(encl_manifest_yaml_get(d.node, "engine"),
				       "packages"),
		&m->docker.engine.layer.packages, "docker.engine.packages", r);
	check_images(&d);
	check_what_runs(&d);
	check_boot(&d);
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		check_image(&d, i);
		check_ports(&d, i);
		check_network(&d, i);
		check_mounts(&d, i);
		check_cpus(&d, i);
	}
}
