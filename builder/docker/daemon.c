/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings to /etc/docker/daemon.json.  Everything that matters is written
 * out, so that another version of Docker has no default of its own; every key
 * is known to Docker 20.10 and later.
 */
#include "docker/daemon.h"

#include <string.h>

#include "base/json.h"

#define BIP	       ENCL_DOCKER_BIP_GATEWAY "/16"
#define NETWORK_SUBNET "172.18.0.0/16"

static bool
is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

json_t *
encl_docker_dns(const struct encl_manifest *m, bool bridge)
{
	json_t *list = json_array();

	for (size_t i = 0; bridge && i < m->nameservers.n; i++)
		if (is_loopback(m->nameservers.v[i]))
			bridge = false;
	if (!bridge) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < m->nameservers.n; i++)
		json_array_append_new(list, json_string(m->nameservers.v[i]));
	if (!m->nameservers.n)
		json_array_append_new(list, json_string(ENCL_DOCKER_BIP_GATEWAY));
	return list;
}

json_t *
encl_docker_daemon(const struct encl_manifest *m, const struct encl_docker_settings *s)
{
	json_t *d = json_object();
	json_t *dns = encl_docker_dns(m, s->bridge);

	if (s->bridge)
		json_object_set_new(d, "bip", json_string(BIP));
	else
		json_object_set_new(d, "bridge", json_string("none"));
	json_object_set_new(d, "data-root", json_string(ENCL_DOCKER_DATA_ROOT));
	if (dns)
		json_object_set_new(d, "dns", dns);
	json_object_set_new(d, "exec-opts",
			    json_pack("[s]", "native.cgroupdriver=cgroupfs"));
	json_object_set_new(d, "exec-root", json_string("/run/docker"));
	json_object_set_new(d, "features",
			    json_pack("{s:b}", "containerd-snapshotter", 0));
	json_object_set_new(d, "hosts", json_pack("[s]", "unix://" ENCL_DOCKER_SOCKET));
	/* No container has an IPv6 address. */
	json_object_set_new(d, "ip6tables", json_false());
	json_object_set_new(d, "iptables", json_boolean(s->bridge));
	json_object_set_new(d, "live-restore", json_false());
	json_object_set_new(d, "log-driver", json_string("local"));
	json_object_set_new(d, "log-level", json_string("warn"));
	json_object_set_new(d, "log-opts",
			    json_pack("{s:s, s:s, s:s}", "compress", "false", "max-file",
				      "4", "max-size", "1m"));
	json_object_set_new(d, "pidfile", json_string("/run/docker.pid"));
	json_object_set_new(d, "storage-driver",
			    json_string(s->overlay2 ? "overlay2" : "vfs"));
	/* On, Docker looks for docker-proxy even where nothing is published. */
	json_object_set_new(d, "userland-proxy", json_boolean(s->bridge));
	return d;
}

char *
encl_docker_network(const struct encl_docker_settings *s)
{
	encl_auto(json_decref) json_t *body = NULL;

	if (!s->bridge)
		return NULL;
	body = json_pack("{s:b, s:s, s:b, s:{s:[{s:s, s:s}], s:s}, s:s}",
			 "CheckDuplicate", 1, "Driver", "bridge", "EnableIPv6", 0, "IPAM",
			 "Config", "Gateway", ENCL_DOCKER_GATEWAY, "Subnet",
			 NETWORK_SUBNET, "Driver", "default", "Name",
			 ENCL_DOCKER_NETWORK);
	return encl_json_compact(body);
}
