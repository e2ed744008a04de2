/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of network.egress across keys: repetitions, and the proxy's port. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

struct range {
	unsigned long from, to;
};

static struct range
range_of(const char *text)
{
	const char *dash = strchr(text, '-');
	struct range r = {.from = strtoul(text, NULL, 10)};

	r.to = dash ? strtoul(dash + 1, NULL, 10) : r.from;
	return r;
}

static void
check_ports(const struct encl_allow *rule, size_t i, const struct encl_yaml_node *node,
	    struct encl_manifest_report *r)
{
	const struct encl_yaml_node *list = encl_manifest_yaml_get(node, "ports");

	for (size_t j = 0; j < rule->ports.n; j++)
		for (size_t k = 0; k < j; k++) {
			struct range a = range_of(rule->ports.v[j]);
			struct range b = range_of(rule->ports.v[k]);
			const struct encl_yaml_node *at = encl_manifest_yaml_at(list, j);
			encl_auto(encl_free) char *path = NULL;

			if (a.to < b.from || b.to < a.from || !at || at->bad)
				continue;
			path = encl_xasprintf("network.egress.allow[%zu].ports[%zu]", i,
					      j);
			encl_manifest_report_add(r, at->pos, path, "%s overlaps with %s",
						 rule->ports.v[j], rule->ports.v[k]);
			break;
		}
}

static bool
same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void
check_repetition(const struct encl_outgoing *egress, size_t i,
		 const struct encl_yaml_node *node, struct encl_manifest_report *r)
{
	const struct encl_allow *rule = &egress->allow[i];
	const char *key = rule->host ? "host" : "cidr";
	const struct encl_yaml_node *at = encl_manifest_yaml_get(node, key);
	encl_auto(encl_free) char *path = NULL;

	for (size_t j = 0; at && j < i; j++) {
		if (!same(egress->allow[j].host, rule->host) &&
		    !same(egress->allow[j].cidr, rule->cidr))
			continue;
		path = encl_xasprintf("network.egress.allow[%zu].%s", i, key);
		encl_manifest_report_add(
			r, at->pos, path,
			"\"%s\" is there twice; put all its ports into one entry",
			rule->host ? rule->host : rule->cidr);
		return;
	}
}

char *
encl_manifest_port_taken(const struct encl_manifest *m, unsigned port)
{
	for (size_t i = 0; i < m->n_ingress; i++)
		if (m->ingress[i].tcp == port)
			return encl_xasprintf("network.ingress[%zu] leads to", i);
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		for (size_t j = 0; j < c->n_ports; j++)
			if (c->ports[j].host == port && !c->ports[j].udp)
				return encl_xasprintf("container \"%s\" publishes",
						      c->unit.name);
	}
	return NULL;
}

void
encl_manifest_check_egress(const struct encl_yaml_node *root,
			   const struct encl_manifest *m, struct encl_manifest_report *r)
{
	const struct encl_outgoing *egress = &m->egress;
	const struct encl_yaml_node *map =
		encl_manifest_yaml_get(encl_manifest_yaml_get(root, "network"), "egress");
	const struct encl_yaml_node *list = encl_manifest_yaml_get(map, "allow");
	const struct encl_yaml_node *port = encl_manifest_yaml_get(map, "proxyPort");
	encl_auto(encl_free) char *who = NULL;

	if (!egress->given || map->bad)
		return;
	who = encl_manifest_port_taken(m, egress->proxy_port);
	if (who && (!port || !port->bad))
		encl_manifest_report_add(
			r, port ? port->pos : map->key_pos, "network.egress.proxyPort",
			"%u is the port that %s; take another", egress->proxy_port, who);
	for (size_t i = 0; i < egress->n_allow; i++) {
		const struct encl_yaml_node *node = encl_manifest_yaml_at(list, i);

		if (!node || node->bad)
			continue;
		check_repetition(egress, i, node, r);
		check_ports(&egress->allow[i], i, node, r);
	}
}
