/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a Compose service (compose-spec, "services"): each is a key of
 * docker.containers in other words, or refused by name.
 */
#include <string.h>

#include "manifest/compose_internal.h"

#define IN_MANIFEST "only docker.containers has it; write the containers there"
#define ONE_NETWORK "all containers share one network; leave it out"
#define NO_PLACE    "it has no counterpart in the enclave; leave it out"
#define USE_FILES   "put the file into the image, or bind a folder of the enclave"

const struct encl_compose_row encl_compose_service_rows[] = {
	{"image", "image", NULL, NULL},
	{"container_name", "name", NULL, NULL},
	{"command", "command", encl_compose_words, NULL},
	{"entrypoint", "entrypoint", encl_compose_words, NULL},
	{"environment", "env", encl_compose_environment, NULL},
	{"ports", "ports", encl_compose_ports, NULL},
	{"volumes", "volumes", encl_compose_volumes, NULL},
	{"tmpfs", "tmpfs", encl_compose_list, NULL},
	{"working_dir", "workdir", NULL, NULL},
	{"user", "user", NULL, NULL},
	{"hostname", "hostname", NULL, NULL},
	{"depends_on", "dependsOn", encl_compose_depends, NULL},
	{"healthcheck", "healthcheck", NULL, NULL},
	{"restart", "restart", encl_compose_restart, NULL},
	{"mem_limit", "memoryMiB", encl_compose_memory, NULL},
	{"cpus", "cpus", NULL, NULL},
	{"pids_limit", "pids", NULL, NULL},
	{"ulimits", "ulimits", encl_compose_ulimits, NULL},
	{"cap_add", "capAdd", NULL, NULL},
	{"cap_drop", "capDrop", NULL, NULL},
	{"read_only", "readOnly", NULL, NULL},
	{"extra_hosts", "hosts", encl_compose_hosts, NULL},
	{"network_mode", "network", NULL, NULL},
	{"stop_signal", "stopSignal", NULL, NULL},
	{"stop_grace_period", "stopTimeoutSeconds", encl_compose_seconds, NULL},
	{"init", "init", NULL, NULL},
	{"labels", "labels", encl_compose_labels, NULL},
	{"group_add", "groupAdd", NULL, NULL},
	{"x-critical", "critical", NULL, NULL},
	{"build", NULL, NULL,
	 "images are made before; give image, and the image under docker.images"},
	{"privileged", NULL, NULL, IN_MANIFEST},
	{"devices", NULL, NULL, IN_MANIFEST},
	{"logging", NULL, NULL,
	 "every container's lines go to the enclave's console, with its name; leave it "
	 "out"},
	{"deploy", NULL, NULL, "use mem_limit, cpus, pids_limit and restart"},
	{"networks", NULL, NULL, ONE_NETWORK},
	{"links", NULL, NULL, ONE_NETWORK},
	{"external_links", NULL, NULL, ONE_NETWORK},
	{"expose", NULL, NULL, ONE_NETWORK},
	{"configs", NULL, NULL, USE_FILES},
	{"secrets", NULL, NULL, USE_FILES},
	{"env_file", NULL, NULL, "write the variables under environment"},
	{"label_file", NULL, NULL, "write the labels under labels"},
	{"extends", NULL, NULL, "write the keys out"},
	{"profiles", NULL, NULL,
	 "every service is started; leave out those that are not wanted"},
	{"pull_policy", NULL, NULL, "nothing is pulled; leave it out"},
	{"platform", NULL, NULL, "the enclave has one processor, arch; leave it out"},
	{"volumes_from", NULL, NULL, "write the volumes out"},
	{"scale", NULL, NULL, "write each container as a service"},
	{"dns", NULL, NULL, "network.nameservers of the manifest says it"},
	{"annotations", NULL, NULL, NO_PLACE},
	{"attach", NULL, NULL, NO_PLACE},
	{"blkio_config", NULL, NULL, NO_PLACE},
	{"cgroup", NULL, NULL, NO_PLACE},
	{"cgroup_parent", NULL, NULL, NO_PLACE},
	{"cpu_count", NULL, NULL, "use cpus"},
	{"cpu_percent", NULL, NULL, "use cpus"},
	{"cpu_period", NULL, NULL, "use cpus"},
	{"cpu_quota", NULL, NULL, "use cpus"},
	{"cpu_rt_period", NULL, NULL, NO_PLACE},
	{"cpu_rt_runtime", NULL, NULL, NO_PLACE},
	{"cpu_shares", NULL, NULL, "use cpus"},
	{"cpuset", NULL, NULL, NO_PLACE},
	{"credential_spec", NULL, NULL, NO_PLACE},
	{"develop", NULL, NULL, NO_PLACE},
	{"device_cgroup_rules", NULL, NULL, NO_PLACE},
	{"dns_opt", NULL, NULL, NO_PLACE},
	{"dns_search", NULL, NULL, NO_PLACE},
	{"domainname", NULL, NULL, NO_PLACE},
	{"gpus", NULL, NULL, NO_PLACE},
	{"ipc", NULL, NULL, NO_PLACE},
	{"isolation", NULL, NULL, NO_PLACE},
	{"mac_address", NULL, NULL, NO_PLACE},
	{"mem_reservation", NULL, NULL, "use mem_limit"},
	{"mem_swappiness", NULL, NULL, "an enclave has no swap; leave it out"},
	{"memswap_limit", NULL, NULL, "an enclave has no swap; leave it out"},
	{"models", NULL, NULL, NO_PLACE},
	{"oom_kill_disable", NULL, NULL, NO_PLACE},
	{"oom_score_adj", NULL, NULL, NO_PLACE},
	{"pid", NULL, NULL, NO_PLACE},
	{"post_start", NULL, NULL, NO_PLACE},
	{"pre_stop", NULL, NULL, NO_PLACE},
	{"provider", NULL, NULL, NO_PLACE},
	{"runtime", NULL, NULL, NO_PLACE},
	{"security_opt", NULL, NULL, NO_PLACE},
	{"shm_size", NULL, NULL, "use tmpfs, such as \"/dev/shm:size=256m\""},
	{"stdin_open", NULL, NULL, NO_PLACE},
	{"storage_opt", NULL, NULL, NO_PLACE},
	{"sysctls", NULL, NULL, NO_PLACE},
	{"tty", NULL, NULL, NO_PLACE},
	{"userns_mode", NULL, NULL, NO_PLACE},
	{"uts", NULL, NULL, NO_PLACE},
	{NULL, NULL, NULL, NULL},
};

const struct encl_compose_row encl_compose_health_rows[] = {
	{"test", "command", encl_compose_test, NULL},
	{"interval", "intervalSeconds", encl_compose_seconds, NULL},
	{"timeout", "timeoutSeconds", encl_compose_seconds, NULL},
	{"start_period", "startPeriodSeconds", encl_compose_seconds, NULL},
	{"retries", "retries", NULL, NULL},
	{"disable", "disable", NULL, NULL},
	{"start_interval", NULL, NULL, "interval holds from the start; leave it out"},
	{NULL, NULL, NULL, NULL},
};

/* The nearest name of the table, or NULL. */
static const char *
nearest(const struct encl_compose_row *rows, const char *name)
{
	struct encl_key keys[128] = {{.name = NULL}};
	size_t n = 0;

	for (; rows->name && n < sizeof keys / sizeof *keys - 1; rows++)
		keys[n++].name = rows->name;
	return encl_manifest_nearest(keys, name);
}

const struct encl_compose_row *
encl_compose_find(struct encl_compose *c, const struct encl_compose_row *rows,
		  struct encl_yaml_node *node, const struct encl_where *w)
{
	const struct encl_compose_row *row = rows;
	const char *near;

	while (row->name && strcmp(row->name, node->key) != 0)
		row++;
	if (row->name && row->key)
		return row;
	if (row->name) {
		encl_decode_problem(&c->d, w, node, node->key_pos, "not supported: %s",
				    row->why);
	} else if (!strncmp(node->key, "x-", 2)) {
		encl_decode_problem(&c->d, w, node, node->key_pos,
				    "not supported: extensions say nothing here; leave "
				    "it out");
	} else {
		near = nearest(rows, node->key);
		encl_decode_problem(&c->d, w, node, node->key_pos, "unknown key%s%s%s",
				    near ? " (did you mean \"" : "", near ? near : "",
				    near ? "\"?)" : "");
	}
	return NULL;
}
