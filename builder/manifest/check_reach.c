/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways into the enclave: names and ports that exclude each other.  An element
 * whose node is bad has been reported and is left out.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

/* What uses these ports in every enclave; or would, in one that has it. */
static const char *
port_owner(unsigned port)
{
	switch (port) {
	case 9000:
		return "is the heartbeat's";
	case 9001:
		return "is the status channel's";
	case 9002:
		return "is that of debug.exec";
	case 9003:
		return "is that of the way out (network.egress)";
	default:
		return NULL;
	}
}

/* What the three lists' elements have in common. */
struct entry {
	const char *list; /* "network.ingress" */
	size_t index;
	struct encl_pos pos;
	const char *name;
	unsigned vsock; /* 0: has none */
};

static void
add_entry(struct entry *all, size_t *n, const struct encl_yaml_node *list,
	  struct entry entry)
{
	const struct encl_yaml_node *node = encl_manifest_yaml_at(list, entry.index);

	if (node && !node->bad && entry.name)
		all[(*n)++] = entry;
}

static void ENCL_PRINTF(4, 5)
	problem(struct encl_manifest_report *r, const struct entry *at, const char *key,
		const char *fmt, ...)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("%s[%zu].%s", at->list, at->index, key);
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_manifest_report_add(r, at->pos, path, "%s", text);
}

static void
check_entry(const struct entry *all, size_t i, struct encl_manifest_report *r)
{
	const struct entry *me = &all[i];
	bool name_taken = false;
	bool port_taken = false;

	if (me->name[strspn(me->name, "0123456789")] == 0)
		problem(r, me, "name", "\"%s\" could be a port; give it a letter",
			me->name);
	if (port_owner(me->vsock))
		problem(r, me, "vsock",
			"%u %s; 9000 to 9003 are the tool's, take another one", me->vsock,
			port_owner(me->vsock));
	for (size_t j = 0; j < i; j++) {
		/* ports are named by run -p, folders by run --exchange */
		name_taken = name_taken || (!strcmp(all[j].list, me->list) &&
					    !strcmp(all[j].name, me->name));
		port_taken = port_taken || (me->vsock && all[j].vsock == me->vsock);
	}
	if (name_taken)
		problem(r, me, "name", "\"%s\" is there twice", me->name);
	if (port_taken && !port_owner(me->vsock))
		problem(r, me, "vsock", "%u is taken by an entry above", me->vsock);
}

static const struct encl_ingress *
find_ingress(const struct encl_manifest *m, const char *name)
{
	for (size_t i = 0; i < m->n_ingress; i++)
		if (m->ingress[i].name && !strcmp(m->ingress[i].name, name))
			return &m->ingress[i];
	return NULL;
}

static void
check_ports(const struct encl_manifest *m, const struct encl_yaml_node *list,
	    struct encl_manifest_report *r)
{
	for (size_t i = 0; i < m->n_ports; i++) {
		const struct encl_port *p = &m->ports[i];
		const struct encl_yaml_node *node = encl_manifest_yaml_at(list, i);
		struct entry at = {"deploy.ports", i, p->pos, p->ingress, 0};
		bool name_taken = false;
		bool port_taken = false;

		if (!node || node->bad || !p->ingress)
			continue;
		for (size_t j = 0; j < i; j++) {
			name_taken =
				name_taken || (m->ports[j].ingress &&
					       !strcmp(m->ports[j].ingress, p->ingress));
			port_taken =
				port_taken || (p->port && m->ports[j].port == p->port);
		}
		if (!find_ingress(m, p->ingress))
			problem(r, &at, "name", "network.ingress has no \"%s\"",
				p->ingress);
		else if (name_taken)
			problem(r, &at, "name", "\"%s\" is there twice", p->ingress);
		if (port_taken)
			problem(r, &at, "port", "%u is taken by an entry above", p->port);
	}
}

/* What the parent sends is not measured: it must not stand where programs do. */
static const char *
taken_place(const char *path, bool docker)
{
	static const char *const kernels[] = {"/dev", "/proc", "/sys"};
	static const char *const daemons[] = {"/run/docker", "/run/containerd",
					      "/run/docker.sock", "/var/lib/docker",
					      "/var/lib/containerd"};
	static const char *const system[] = {
		"/bin",	      "/etc",	   "/lib", "/lib32",   "/lib64",
		"/run",	      "/sbin",	   "/usr", "/usr/bin", "/usr/lib",
		"/usr/local", "/usr/sbin", "/var", "/var/lib", "/var/run"};

	for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
		if (encl_path_within(path, kernels[i]))
			return "is in a file system of the kernel";
	for (size_t i = 0; docker && i < sizeof daemons / sizeof *daemons; i++)
		if (encl_path_within(path, daemons[i]))
			return "is the Docker daemon's; take a folder of its own";
	for (size_t i = 0; i < sizeof system / sizeof *system; i++)
		if (!strcmp(path, system[i]))
			return "holds what the enclave runs on; take a folder of its "
			       "own, such as \"/exchange\"";
	return NULL;
}

/* A folder that is in another one would be seen by both. */
static void
check_paths(const struct encl_manifest *m, struct encl_manifest_report *r)
{
	for (size_t i = 0; i < m->n_exchanges; i++) {
		const char *a = m->exchanges[i].path;
		struct entry at = {"exchange", i, m->exchanges[i].pos, "", 0};

		if (a && taken_place(a, m->docker.given))
			problem(r, &at, "path", "%s", taken_place(a, m->docker.given));
		for (size_t j = 0; a && j < i; j++) {
			const char *b = m->exchanges[j].path;
			size_t n = b ? strlen(b) : 0;
			size_t shorter = n < strlen(a) ? n : strlen(a);

			if (!b || strncmp(a, b, shorter) != 0 ||
			    (a[shorter] && a[shorter] != '/') ||
			    (b[shorter] && b[shorter] != '/'))
				continue;
			problem(r, &at, "path", "is in the same place as \"%s\"", b);
			break;
		}
	}
}

/* A container that may open ports which the manifest does not tell of. */
static bool
is_free(const struct encl_container *c)
{
	for (size_t i = 0; i < c->n_mounts; i++) {
		const char *source = c->mounts[i].source;

		if (c->mounts[i].kind == ENCL_MOUNT_BIND &&
		    (encl_path_within("/run/docker.sock", source) ||
		     encl_path_within("/var/run/docker.sock", source)))
			return true;
	}
	return c->host_network || c->privileged;
}

static bool
publishes(const struct encl_container *c, unsigned port)
{
	for (size_t i = 0; i < c->n_ports; i++) {
		const struct encl_publish *p = &c->ports[i];

		if (p->host == port && !p->udp &&
		    (!p->address || !strcmp(p->address, "127.0.0.1") ||
		     !strcmp(p->address, "0.0.0.0")))
			return true;
	}
	return false;
}

/* Where containers on a bridge are all that runs, each port has to be theirs. */
static void
check_published(const struct encl_manifest *m, const struct encl_yaml_node *root,
		const struct encl_yaml_node *list, struct encl_manifest_report *r)
{
	const struct encl_docker *d = &m->docker;

	if (r->n || !d->n_containers || encl_manifest_yaml_get(root, "app") ||
	    encl_manifest_yaml_get(root, "services"))
		return;
	for (size_t i = 0; i < d->n_containers; i++)
		if (is_free(&d->containers[i]))
			return;
	for (size_t i = 0; i < m->n_ingress; i++) {
		const struct encl_yaml_node *node =
			encl_manifest_yaml_get(encl_manifest_yaml_at(list, i), "tcp");
		struct entry at = {"network.ingress", i,
				   node ? node->pos : m->ingress[i].pos, "", 0};
		bool found = false;

		for (size_t j = 0; j < d->n_containers && !found; j++)
			found = publishes(&d->containers[j], m->ingress[i].tcp);
		if (!found)
			problem(r, &at, "tcp",
				"nothing answers there: no container publishes port %u "
				"on 127.0.0.1; write \"%u:PORT\" under its ports",
				m->ingress[i].tcp, m->ingress[i].tcp);
	}
}

void
encl_manifest_check_reach(const struct encl_yaml_node *root,
			  const struct encl_manifest *m, struct encl_manifest_report *r)
{
	const struct encl_yaml_node *ingress = encl_manifest_yaml_get(
		encl_manifest_yaml_get(root, "network"), "ingress");
	const struct encl_yaml_node *exchange = encl_manifest_yaml_get(root, "exchange");
	const struct encl_yaml_node *ports =
		encl_manifest_yaml_get(encl_manifest_yaml_get(root, "deploy"), "ports");
	encl_auto(encl_free) struct entry *all =
		encl_xcalloc(m->n_ingress + m->n_exchanges + 1, sizeof *all);
	size_t n = 0;

	for (size_t i = 0; i < m->n_ingress; i++)
		add_entry(all, &n, ingress,
			  (struct entry){"network.ingress", i, m->ingress[i].pos,
					 m->ingress[i].name, m->ingress[i].vsock});
	for (size_t i = 0; i < m->n_exchanges; i++)
		add_entry(all, &n, exchange,
			  (struct entry){"exchange", i, m->exchanges[i].pos,
					 m->exchanges[i].name, m->exchanges[i].vsock});
	for (size_t i = 0; i < n; i++)
		check_entry(all, i, r);
	check_ports(m, ports, r);
	check_paths(m, r);
	check_published(m, root, ingress, r);
}
