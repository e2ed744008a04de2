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
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

enum { HEARTBEAT = 9000 };

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
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
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
	if (me->vsock == HEARTBEAT)
		problem(r, me, "vsock", "%u is the heartbeat's", me->vsock);
	for (size_t j = 0; j < i; j++) {
		/* ports are named by run -p, folders by run --exchange */
		name_taken = name_taken || (!strcmp(all[j].list, me->list) &&
					    !strcmp(all[j].name, me->name));
		port_taken = port_taken || (me->vsock && all[j].vsock == me->vsock);
	}
	if (name_taken)
		problem(r, me, "name", "\"%s\" is there twice", me->name);
	if (port_taken && me->vsock != HEARTBEAT)
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
			port_taken = port_taken || m->ports[j].port == p->port;
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

static bool
is_kernels(const char *path)
{
	static const char *const folders[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(folders[i]);

		if (!strncmp(path, folders[i], n) && (!path[n] || path[n] == '/'))
			return true;
	}
	return false;
}

/* A folder that is in another one would be seen by both. */
static void
check_paths(const struct encl_manifest *m, struct encl_manifest_report *r)
{
	for (size_t i = 0; i < m->n_exchanges; i++) {
		const char *a = m->exchanges[i].path;
		struct entry at = {"exchange", i, m->exchanges[i].pos, "", 0};

		if (a && is_kernels(a))
			problem(r, &at, "path", "is in a file system of the kernel");
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
}
