/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the table of keys: the docker section. */
#include "manifest/schema_rows.h"

#define D struct encl_docker
#define E struct encl_docker_engine
#define I struct encl_docker_image
#define C struct encl_container
#define L struct encl_layer

static const char *const networks[] = {"bridge", "host", NULL};
static const char *const drivers[] = {"auto", "overlay2", "vfs", NULL};
static const char *const preloads[] = {"auto", "layers", "archive", NULL};

static const struct encl_key engine_archive_keys[] = {
	{.name = "path",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_REQUIRED,
	 .format = &encl_format_host_path,
	 FIELD(L, path),
	 .example = "./docker-28.0.4.tgz",
	 .help = "The archive of static programs that Docker publishes; they land in "
		 "/usr/bin."},
	{.name = "sha256",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_sha256,
	 FIELD(L, sha256),
	 .help = "What the archive must hash to."},
	END,
};

#define ENGINE_TO_WRITE                                                                  \
	"write \"engine: {packages: {distribution: debian, suite: bookworm, install: "   \
	"[docker.io, iptables]}}\""

static const struct encl_key engine_keys[] = {
	{.name = "packages",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = encl_manifest_packages_keys,
	 FIELD(E, layer.packages),
	 CHOOSES(E, kind, ENCL_DOCKER_PACKAGES),
	 .help = "Packages with the engine (docker.io, iptables) and what they depend on; "
		 "they lie below `rootfs`."},
	{.name = "archive",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = engine_archive_keys,
	 FIELD(E, layer),
	 CHOOSES(E, kind, ENCL_DOCKER_ARCHIVE),
	 .help = "Static programs; iptables has to come from `rootfs` then."},
	{.name = "cli",
	 .type = ENCL_KEY_BOOL,
	 .fallback = "false",
	 FIELD(E, cli),
	 .help = "Whether the clients (docker, ctr) are kept; nothing in the enclave needs "
		 "them."},
	{.name = "env",
	 .type = ENCL_KEY_PAIRS,
	 .name_format = &encl_format_env_name,
	 .format = &encl_format_env_value,
	 .max = 256,
	 FIELD(E, env),
	 .example = "{GOGC: 50}",
	 .help = "Further environment variables of the daemon."},
	END,
};

static const struct encl_key image_config_keys[] = {
	{.name = "entrypoint",
	 .type = ENCL_KEY_TEXTS,
	 .format = &encl_format_text,
	 .max = 4096,
	 FIELD(I, entrypoint),
	 .example = "[/usr/bin/memcached]",
	 .help = "What a container of it runs; `command` follows it."},
	{.name = "command",
	 .type = ENCL_KEY_TEXTS,
	 .format = &encl_format_text,
	 .max = 4096,
	 FIELD(I, command),
	 .example = "[-u, nobody]",
	 .help = "The arguments, or the program where there is no `entrypoint`."},
	{.name = "env",
	 .type = ENCL_KEY_PAIRS,
	 .name_format = &encl_format_container_env,
	 .format = &encl_format_text,
	 .max = 4096,
	 FIELD(I, env),
	 .help = "Environment variables."},
	{.name = "workdir",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_folder_in_image,
	 FIELD(I, workdir),
	 .help = "Working folder; left out, \"/\"."},
	{.name = "user",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_user,
	 FIELD(I, user),
	 .help = "User and, after a colon, group; left out, root."},
	{.name = "stopSignal",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_signal,
	 FIELD(I, stop_signal),
	 .help = "The signal that asks it to end; left out, SIGTERM."},
	END,
};

static const struct encl_key image_keys[] = {
	{.name = "name",
	 .type = ENCL_KEY_TEXT,
	 .format = &encl_format_image_name,
	 FIELD(I, name),
	 .example = "\"memcached:1.6\"",
	 .help = "What containers call it; left out, the names that the source gives it.  "
		 "Required beside `rootfs`."},
	{.name = "image",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_image,
	 FIELD(I, image),
	 .example = "docker-archive:./memcached.tar",
	 .help = "A container image, as in `rootfs`; the lock pins it by digest."},
	{.name = "rootfs",
	 .type = ENCL_KEY_MAPS,
	 .flags = ENCL_KEY_ONE_OF,
	 .keys = encl_manifest_layer_keys,
	 .min = 1,
	 .max = 64,
	 LIST_OF(I, layers, n_layers, L),
	 ITEM_POS(L, pos),
	 .help = "An image that is made here, of the same entries as `rootfs`."},
	{.name = "config",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_SPARSE,
	 .needs = "rootfs",
	 .keys = image_config_keys,
	 .help = "What the configuration of an image made here says."},
	END,
};

/* In the container's struct: `disable` is none of the health check's fields. */
const struct encl_key encl_manifest_container_health_keys[] = {
	{.name = "command",
	 .type = ENCL_KEY_TEXTS,
	 .flags = ENCL_KEY_ONE_OF,
	 .format = &encl_format_text,
	 .min = 1,
	 .max = 256,
	 FIELD(C, unit.health.command),
	 CHOOSES(C, unit.health.kind, ENCL_HEALTH_COMMAND),
	 .example = "[redis-cli, ping]",
	 .help = "A program that is run in the container; code 0 is healthy."},
	{.name = "disable",
	 .type = ENCL_KEY_BOOL,
	 .flags = ENCL_KEY_ONE_OF | ENCL_KEY_SPARSE,
	 .fallback = "false",
	 FIELD(C, no_health),
	 .help = "`true`: the health check of the image is off."},
	{.name = "intervalSeconds",
	 .type = ENCL_KEY_DECIMAL,
	 .min = 100,
	 .max = 3600000,
	 .needs = "command",
	 .fallback = "5",
	 FIELD(C, unit.health.interval_ms),
	 .help = "From the end of one probe to the next."},
	{.name = "timeoutSeconds",
	 .type = ENCL_KEY_DECIMAL,
	 .min = 100,
	 .max = 3600000,
	 .needs = "command",
	 .fallback = "3",
	 FIELD(C, unit.health.timeout_ms),
	 .help = "How long one probe may take."},
	{.name = "retries",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 1000,
	 .needs = "command",
	 .fallback = "3",
	 FIELD(C, unit.health.retries),
	 .help = "How many probes in a row have to fail until it counts as failed."},
	{.name = "startPeriodSeconds",
	 .type = ENCL_KEY_DECIMAL,
	 .max = 3600000,
	 .needs = "command",
	 .fallback = "0",
	 FIELD(C, unit.health.start_period_ms),
	 .help = "Failures this soon after its start do not count."},
	END,
};

#define TEXTS(key, member, form, ...)                                                    \
	{                                                                                \
		.name = (key), .type = ENCL_KEY_TEXTS, .format = &encl_format_##form,    \
		FIELD(C, member), __VA_ARGS__                                            \
	}
#define SET(key, member, form, ...)                                                      \
	TEXTS(key, member, form, .flags = ENCL_KEY_UNIQUE, .max = 256, __VA_ARGS__)
#define TEXT(key, member, form, ...)                                                     \
	{                                                                                \
		.name = (key), .type = ENCL_KEY_TEXT, .format = &encl_format_##form,     \
		FIELD(C, member), __VA_ARGS__                                            \
	}
#define PAIRS(key, member, names, values, ...)                                           \
	{                                                                                \
		.name = (key), .type = ENCL_KEY_PAIRS,                                   \
		.name_format = &encl_format_##names, .format = &encl_format_##values,    \
		.max = 4096, FIELD(C, member), __VA_ARGS__                               \
	}
#define SWITCH(key, member, ...)                                                         \
	{                                                                                \
		.name = (key), .type = ENCL_KEY_BOOL, .fallback = "false",               \
		FIELD(C, member), __VA_ARGS__                                            \
	}

const struct encl_key encl_manifest_container_keys[] = {
	UNIT_KEYS_WITH(C, .keys = encl_manifest_container_health_keys,
		       POS(C, unit.health.pos)),
	TEXT("image", image, image_reference, .flags = ENCL_KEY_REQUIRED,
	     POS(C, image_pos), .example = "\"memcached:1.6\"",
	     .help = "The preloaded image it is made of."),
	TEXTS("command", command, text, .max = 4096, GIVEN(C, has_command),
	      .example = "[-m, \"64\"]",
	      .help = "Instead of the image's command; no shell reads it."),
	TEXTS("entrypoint", entrypoint, text, .max = 4096, GIVEN(C, has_entrypoint),
	      .help = "Instead of the image's entry point and command."),
	PAIRS("env", env, container_env, text, .example = "{LOG: info}",
	      .help = "Environment variables, over those of the image."),
	SET("ports", publish, published_port, .example = "[\"8080:80\", \"53:53/udp\"]",
	    .help = "Ports of the enclave that lead to ports of the container.  "
		    "`network.ingress` names them to reach them from outside."),
	SET("volumes", volumes, volume,
	    .example = "[\"/srv/data:/data:ro\", \"db:/var/lib/db\"]",
	    .help = "Folders of the enclave, named volumes and nameless ones.  None "
		    "outlives the enclave."),
	SET("tmpfs", tmpfs, tmpfs, .example = "[/run, \"/tmp:size=64m\"]",
	    .help = "Folders in memory."),
	TEXT("workdir", workdir, folder_in_image, .help = "Instead of the image's."),
	TEXT("user", user, user, .help = "Instead of the image's."),
	TEXT("hostname", hostname, hostname, .help = "Left out, the container's name."),
	SET("aliases", aliases, host,
	    .help = "Further names that other containers find it by."),
	{.name = "memoryMiB",
	 .type = ENCL_KEY_NUMBER,
	 .min = 6,
	 .max = 16777216,
	 FIELD(C, unit.limits.memory_mib),
	 .help = "Memory, without swap; beyond it the kernel ends it."},
	{.name = "cpus",
	 .type = ENCL_KEY_DECIMAL,
	 .min = 10,
	 .max = 1024000,
	 FIELD(C, unit.limits.cpu_milli),
	 .example = "1.5",
	 .help = "Processor time."},
	{.name = "pids",
	 .type = ENCL_KEY_NUMBER,
	 .min = 1,
	 .max = 4194304,
	 FIELD(C, unit.limits.pids),
	 .help = "Processes and threads."},
	PAIRS("ulimits", ulimits, ulimit_name, ulimit,
	      .example = "{nofile: \"1024:2048\"}",
	      .help = "Limits of each process, soft and hard."),
	SET("capAdd", cap_add, capability, .example = "[NET_ADMIN]",
	    .help = "Capabilities beside Docker's default ones."),
	SET("capDrop", cap_drop, capability, .example = "[ALL]",
	    .help = "Capabilities that it does not get."),
	SWITCH("privileged", privileged,
	       .help = "Whether it has all capabilities and devices; what it is given then "
		       "is the enclave."),
	SET("devices", devices, device, .example = "[/dev/nsm]",
	    .help = "Devices of the enclave that it may use."),
	SWITCH("readOnly", readonly, .help = "Whether its root cannot be written."),
	PAIRS("hosts", hosts, host, host_address, .example = "{db: 10.0.0.7}",
	      .help = "Further lines of its /etc/hosts; `host-gateway` is the enclave."),
	{.name = "network",
	 .type = ENCL_KEY_ENUM,
	 .words = networks,
	 FIELD(C, host_network),
	 GIVEN(C, has_network),
	 .help = "`bridge`, with a network of its own, or `host`, the enclave's; left out, "
		 "`docker.network`."},
	SWITCH("init", init, .help = "Whether a small init is its process 1."),
	PAIRS("labels", labels, label, text, .help = "Labels for those who read them."),
	SET("groupAdd", groups, group, .help = "Further groups of its user."),
	END,
};

static const struct encl_key storage_keys[] = {
	{.name = "driver",
	 .type = ENCL_KEY_ENUM,
	 .words = drivers,
	 .fallback = "auto",
	 FIELD(D, driver),
	 .help = "`auto`: overlay2 where the kernel has it, else vfs."},
	{.name = "preload",
	 .type = ENCL_KEY_ENUM,
	 .words = preloads,
	 .fallback = "auto",
	 FIELD(D, preload),
	 .help = "How images lie in the enclave: `layers`, ready to be used, or `archive`, "
		 "loaded at boot."},
	{.name = "sizeMiB",
	 .type = ENCL_KEY_NUMBER,
	 .min = 16,
	 .max = 16777216,
	 .fallback = "auto",
	 .null_word = "auto",
	 FIELD(D, storage_mib),
	 .help = "Memory that the daemon's folder may take; `auto` is planned from the "
		 "images."},
	END,
};

const struct encl_key encl_manifest_docker_keys[] = {
	{.name = "engine",
	 .type = ENCL_KEY_MAP,
	 .flags = ENCL_KEY_REQUIRED,
	 .keys = engine_keys,
	 FIELD(D, engine),
	 POS(E, pos),
	 .way_out = ENGINE_TO_WRITE,
	 .help = "The programs of the engine, from one of two places."},
	{.name = "images",
	 .type = ENCL_KEY_MAPS,
	 .keys = image_keys,
	 .max = 64,
	 LIST_OF(D, images, n_images, I),
	 ITEM_POS(I, pos),
	 .help = "Images that are part of the enclave's image and of its measurement; "
		 "nothing is pulled at run time."},
	{.name = "containers",
	 .type = ENCL_KEY_MAPS,
	 .keys = encl_manifest_container_keys,
	 .max = 64,
	 LIST_OF(D, containers, n_containers, C),
	 ITEM_POS(C, unit.pos),
	 .help = "What the engine runs."},
	{.name = "compose",
	 .type = ENCL_KEY_TEXT,
	 .flags = ENCL_KEY_UNMEASURED,
	 .format = &encl_format_host_path,
	 FIELD(D, compose),
	 POS(D, compose_pos),
	 .example = "./compose.yaml",
	 .help = "A Compose file instead of `containers`; what of it is understood is in "
		 "7-docker-compose.md.  Its containers are measured, its name is not."},
	{.name = "network",
	 .type = ENCL_KEY_ENUM,
	 .words = networks,
	 .fallback = "bridge",
	 FIELD(D, host_network),
	 .help = "The network of containers that name none."},
	{.name = "storage",
	 .type = ENCL_KEY_MAP,
	 .keys = storage_keys,
	 .help = "Where images and containers live: always in memory."},
	{.name = "restartMax",
	 .type = ENCL_KEY_NUMBER,
	 .max = 1000,
	 .fallback = "0",
	 FIELD(D, restart_max),
	 .help = "How often the daemon is started again after its end; then, and with 0 at "
		 "once, the enclave ends."},
	{.name = "startTimeoutSeconds",
	 .type = ENCL_KEY_DECIMAL,
	 .min = 1000,
	 .max = 3600000,
	 .fallback = "60",
	 FIELD(D, start_timeout_ms),
	 .help = "How long the daemon has until it answers."},
	END,
};
