/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "docker/docker.h"
#include "sources/kernel_netfilter.h"
#include "test.h"

static struct encl_container web = {.unit = {.pos = {.line = 20, .column = 7},
					     .name = "web",
					     .limits = {.memory_mib = 64}}};

/* A manifest with one container on the bridge. */
static struct encl_manifest
manifest(enum encl_kernel_kind kind)
{
	struct encl_manifest m = {.file = "e.yaml"};

	m.docker.given = true;
	m.docker.pos = (struct encl_pos){.line = 12, .column = 3};
	m.docker.n_images = 1;
	m.docker.containers = &web;
	m.docker.n_containers = 1;
	m.boot.kernel.kind = kind;
	return m;
}

static char *
config_of(const char *name)
{
	char path[128];
	char *text;
	size_t n;

	snprintf(path, sizeof path, "tests/support/kconfig/%s.config", name);
	OK(encl_read_file(path, 1 << 20, &text, &n, &e));
	return text;
}

/* The same configuration without some options ("A B"). */
static char *
without(const char *name, const char *options)
{
	char *text = config_of(name);
	char option[80];
	char key[96];
	int n;

	for (; sscanf(options, "%79s%n", option, &n) == 1; options += n) {
		char *line;

		snprintf(key, sizeof key, "\nCONFIG_%s=", option);
		line = strstr(text, key);
		if (line)
			line[1] = '#';
		else
			test_fail(__FILE__, __LINE__, "%s has no %s", name, option);
	}
	return text;
}

/* One that gets as far as it can with that kernel. */
static struct encl_manifest
manifest_for(const char *name)
{
	bool debian = !strncmp(name, "debian", 6);
	struct encl_manifest m =
		manifest(debian ? ENCL_KERNEL_PACKAGE : ENCL_KERNEL_BLOBS);

	if (!strcmp(name, "aws-4.14"))
		m.boot.init = ENCL_INIT_AWS;
	return m;
}

static void
chooses(const struct encl_docker_settings *s, const char *setting, const char *value,
	const char *reason)
{
	for (size_t i = 0; i < s->n_choices; i++) {
		if (strcmp(s->choices[i].setting, setting) != 0)
			continue;
		EQ_STR(value, s->choices[i].value);
		EQ_STR(reason, s->choices[i].reason);
		return;
	}
	if (value)
		test_fail(__FILE__, __LINE__, "nothing chosen for %s", setting);
}

static void
daemon_is(const struct encl_docker_settings *s, const char *want)
{
	encl_auto(encl_free) char *got = encl_json_compact(s->daemon);

	EQ_STR(want, got);
}

#define DAEMON(bridge, dns, rules, driver, proxy)                                         \
	"{" bridge ",\"data-root\":\"/var/lib/docker\"," dns                              \
	"\"exec-opts\":[\"native.cgroupdriver=cgroupfs\"],"                               \
	"\"exec-root\":\"/run/docker\",\"features\":{\"containerd-snapshotter\":false},"  \
	"\"hosts\":[\"unix:///run/docker.sock\"],\"ip6tables\":false,\"iptables\":" rules \
	",\"live-restore\":false,\"log-driver\":\"local\",\"log-level\":\"warn\","        \
	"\"log-opts\":{\"compress\":\"false\",\"max-file\":\"4\",\"max-size\":\"1m\"},"   \
	"\"pidfile\":\"/run/docker.pid\",\"storage-driver\":\"" driver                    \
	"\",\"userland-proxy\":" proxy "}"
#define ON_BRIDGE(driver)                                                                \
	DAEMON("\"bip\":\"172.17.0.1/16\"", "\"dns\":[\"172.17.0.1\"],", "true", driver, \
	       "true")

TEST(docker_settings_debian)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_PACKAGE);
	encl_auto(encl_free) char *config = config_of("debian-6.1-cloud");

	OK(encl_docker_settings(&m, config, 10 << 20, &s, &e));
	CHECK(s.overlay2 && s.layers && s.bridge && !s.no_raw);
	EQ_INT(ENCL_IPTABLES_NFT, s.iptables);
	EQ_STR("nft", encl_docker_iptables_name(s.iptables));
	EQ_INT(84, s.storage_mib);
	daemon_is(&s, ON_BRIDGE("overlay2"));
	EQ_INT(13, s.n_choices);
	chooses(&s, "cgroup", "v2", "mounted by init; Linux 6.1 (5.2 is the oldest)");
	chooses(&s, "limits", "memory cpu pids",
		"what the kernel has of MEMCG, CFS_BANDWIDTH, CGROUP_PIDS");
	chooses(&s, "storage driver", "overlay2",
		"the kernel has OVERLAY_FS and TMPFS_XATTR");
	chooses(&s, "preload", "layers",
		"overlay2 takes them where they lie; nothing is loaded at boot");
	chooses(&s, "storage size", "84 MiB",
		"tmpfs, used as written: 64 of the engine + 20 x 1 containers");
	chooses(&s, "network", "bridge", "the kernel has BRIDGE, VETH and NAT");
	chooses(&s, "iptables", "nft", "the kernel has NF_TABLES and NFT_COMPAT");
	chooses(&s, "raw table", "used", "nf_tables needs no option for it");
	chooses(&s, "userland proxy", "on",
		"127.0.0.1, where ingress connects, reaches published ports");
	chooses(&s, "dns", "172.17.0.1",
		"no name server: a look-up fails at once on the bridge's gateway, not "
		"late at 8.8.8.8");
	chooses(&s, "seccomp", "default", "the kernel has SECCOMP_FILTER");
	chooses(&s, "log driver", "local",
		"4 files of 1 MiB a container; launch prints what they say");
	chooses(&s, "live restore", "off", "the daemon's end is the containers' end");
}

TEST(docker_settings_aws)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
	encl_auto(encl_free) char *config = config_of("aws-6.6");

	OK(encl_docker_settings(&m, config, 0, &s, &e));
	CHECK(s.overlay2 && s.layers && s.bridge && s.no_raw);
	EQ_INT(ENCL_IPTABLES_LEGACY, s.iptables);
	EQ_STR("legacy", encl_docker_iptables_name(s.iptables));
	daemon_is(&s, ON_BRIDGE("overlay2"));
	chooses(&s, "iptables", "legacy",
		"the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT");
	chooses(&s, "raw table", "not used",
		"of the kernel CONFIG_IP_NF_RAW is not set: "
		"DOCKER_INSECURE_NO_IPTABLES_RAW=1 for Docker 28 and later; a container's "
		"unpublished ports can then be reached from whoever can route to the "
		"bridge, which in an enclave is only the enclave itself");
}

TEST(docker_settings_old_kernel)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
	encl_auto(encl_free) char *config = config_of("aws-4.14");

	FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
	      "e.yaml:12:3: docker: Linux 4.14 is too old for Docker with cgroup v2 (5.2 "
	      "is the first with its freezer, cpuset and device control); take a newer "
	      "kernel, or boot.init: aws, which mounts cgroup v1");
	m.boot.init = ENCL_INIT_AWS;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	CHECK(s.overlay2 && s.bridge && s.no_raw);
	EQ_INT(ENCL_IPTABLES_LEGACY, s.iptables);
	chooses(&s, "cgroup", "v1", "boot.init: aws mounts version 1");
}

/* Options less: what that changes. */
TEST(docker_settings_without)
{
#define NO_RAW                                                                           \
	"of the kernel CONFIG_IP_NF_RAW is not set: DOCKER_INSECURE_NO_IPTABLES_RAW=1 "  \
	"for Docker 28 and later; a container's unpublished ports can then be reached "  \
	"from whoever can route to the bridge, which in an enclave is only the enclave " \
	"itself"
	static const struct {
		const char *config, *option, *setting, *value, *reason;
	} rows[] = {
		{"debian-6.1-cloud", "NF_TABLES", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"debian-6.1-cloud", "NF_TABLES", "raw table", "used",
		 "the kernel has IP_NF_RAW"},
		{"debian-6.1-cloud", "NFT_COMPAT", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"debian-6.1-cloud", "NFT_NAT", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"debian-6.1-cloud", "IP_NF_NAT", "iptables", "nft",
		 "the kernel has NF_TABLES and NFT_COMPAT"},
		{"debian-6.1-cloud", "IP_NF_RAW", "raw table", "used",
		 "nf_tables needs no option for it"},
		{"debian-6.1-cloud", "NETFILTER_XT_TARGET_MASQUERADE", "iptables", "nft",
		 "the kernel has NF_TABLES and NFT_COMPAT"},
		{"debian-6.1-cloud", "BRIDGE_NETFILTER", "network", "bridge",
		 "the kernel has BRIDGE, VETH and NAT"},
		{"debian-6.1-cloud", "OVERLAY_FS", "storage driver", "vfs",
		 "of the kernel CONFIG_OVERLAY_FS is not set; every layer is a full copy"},
		{"debian-6.1-cloud", "OVERLAY_FS", "preload", "archive",
		 "vfs has no layers in place; loaded at boot"},
		{"debian-6.1-cloud", "OVERLAY_FS", "storage size", "139 MiB",
		 "tmpfs, used as written: 64 of the engine + 20 x 1 containers + 5.5 x 10 of "
		 "images"},
		{"debian-6.1-cloud", "TMPFS_XATTR", "storage driver", "vfs",
		 "of the kernel CONFIG_TMPFS_XATTR is not set; every layer is a full copy"},
		{"debian-6.1-cloud", "SECCOMP_FILTER", "seccomp", "unconfined",
		 "of the kernel CONFIG_SECCOMP_FILTER is not set: no system call is refused "
		 "to containers"},
		{"debian-6.1-cloud", "CGROUP_PIDS", "limits", "memory cpu",
		 "what the kernel has of MEMCG, CFS_BANDWIDTH, CGROUP_PIDS"},
		{"debian-6.1-cloud", "NF_TABLES IP_NF_RAW", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"debian-6.1-cloud", "NF_TABLES IP_NF_RAW", "raw table", "not used",
		 NO_RAW},
		{"aws-6.6", "", "cgroup", "v2",
		 "mounted by init; Linux 6.6 (5.2 is the oldest)"},
		{"aws-6.6", "", "storage driver", "overlay2",
		 "the kernel has OVERLAY_FS and TMPFS_XATTR"},
		{"aws-6.6", "", "seccomp", "default", "the kernel has SECCOMP_FILTER"},
		{"aws-6.6", "NETFILTER_XT_TARGET_MASQUERADE", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"aws-6.6", "OVERLAY_FS", "storage driver", "vfs",
		 "of the kernel CONFIG_OVERLAY_FS is not set; every layer is a full copy"},
		{"aws-6.6", "OVERLAY_FS", "preload", "archive",
		 "vfs has no layers in place; loaded at boot"},
		{"aws-4.14", "", "limits", "memory cpu pids",
		 "what the kernel has of MEMCG, CFS_BANDWIDTH, CGROUP_PIDS"},
		{"aws-4.14", "", "storage driver", "overlay2",
		 "the kernel has OVERLAY_FS and TMPFS_XATTR"},
		{"aws-4.14", "", "preload", "layers",
		 "overlay2 takes them where they lie; nothing is loaded at boot"},
		{"aws-4.14", "", "network", "bridge",
		 "the kernel has BRIDGE, VETH and NAT"},
		{"aws-4.14", "", "iptables", "legacy",
		 "the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"},
		{"aws-4.14", "", "raw table", "not used", NO_RAW},
		{"aws-4.14", "", "seccomp", "default", "the kernel has SECCOMP_FILTER"},
		{"aws-4.14", "OVERLAY_FS", "storage driver", "vfs",
		 "of the kernel CONFIG_OVERLAY_FS is not set; every layer is a full copy"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest_for(rows[i].config);
		encl_auto(encl_free) char *config =
			without(rows[i].config, rows[i].option);

		OK(encl_docker_settings(&m, config, 10 << 20, &s, &e));
		chooses(&s, rows[i].setting, rows[i].value, rows[i].reason);
	}
}

/* A bridge that cannot be: exact refusals. */
TEST(docker_settings_no_bridge)
{
#define WEB                                                                              \
	"e.yaml:20:7: docker: container \"web\" is on a bridge network, but the kernel lacks "
#define TAKE "; give it network: host, or take another kernel"
	static const struct {
		const char *config, *option, *want;
	} rows[] = {
		{"aws-6.6", "BRIDGE", WEB "CONFIG_BRIDGE" TAKE},
		{"aws-6.6", "VETH", WEB "CONFIG_VETH" TAKE},
		{"aws-6.6", "NF_NAT", WEB "CONFIG_NF_NAT" TAKE},
		{"aws-6.6", "NF_CONNTRACK", WEB "CONFIG_NF_CONNTRACK" TAKE},
		{"aws-6.6", "NETFILTER_XT_MATCH_ADDRTYPE",
		 WEB "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE" TAKE},
		{"aws-6.6", "IP_NF_NAT",
		 WEB "CONFIG_NF_TABLES, CONFIG_NF_TABLES_IPV4, CONFIG_NFT_COMPAT, "
		     "CONFIG_NFT_NAT (nft) or CONFIG_IP_NF_NAT (legacy)" TAKE},
		{"aws-4.14", "BRIDGE", WEB "CONFIG_BRIDGE" TAKE},
		{"aws-4.14", "IP_NF_TARGET_MASQUERADE",
		 WEB "CONFIG_NETFILTER_XT_TARGET_MASQUERADE" TAKE},
		{"aws-4.14", "IP_NF_IPTABLES IP_NF_FILTER IP_NF_NAT",
		 WEB "CONFIG_NF_TABLES, CONFIG_NF_TABLES_IPV4, CONFIG_NFT_COMPAT, "
		     "CONFIG_NFT_NAT (nft) or CONFIG_IP_NF_IPTABLES, "
		     "CONFIG_IP_NF_FILTER, CONFIG_IP_NF_NAT (legacy)" TAKE},
		{"debian-6.1-cloud", "BRIDGE", WEB "CONFIG_BRIDGE" TAKE},
		{"debian-6.1-cloud", "NF_TABLES IP_NF_FILTER",
		 WEB "CONFIG_NF_TABLES (nft) or CONFIG_IP_NF_FILTER (legacy)" TAKE},
		{"debian-6.1-cloud", "VETH NF_TABLES IP_NF_NAT",
		 WEB "CONFIG_VETH, and CONFIG_NF_TABLES (nft) or CONFIG_IP_NF_NAT "
		     "(legacy)" TAKE},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest_for(rows[i].config);
		encl_auto(encl_free) char *config =
			without(rows[i].config, rows[i].option);

		FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
		      rows[i].want);
	}
}

/* alternatives of the engine's packages choose the backend, if the kernel has it. */
TEST(docker_settings_alternatives)
{
	static const struct {
		const char *config, *without, *choice, *want, *value;
	} rows[] = {
		{"debian-6.1-cloud", "", "legacy", NULL, "legacy"},
		{"debian-6.1-cloud", "", "/usr/sbin/iptables-legacy", NULL, "legacy"},
		{"debian-6.1-cloud", "", "nft", NULL, "nft"},
		{"debian-6.1-cloud", "IP_NF_NAT", "legacy",
		 WEB "CONFIG_IP_NF_NAT (legacy)" TAKE, NULL},
		{"debian-6.1-cloud", "VETH NFT_COMPAT", "nft",
		 WEB "CONFIG_VETH, and CONFIG_NFT_COMPAT (nft)" TAKE, NULL},
		{"aws-6.6", "", "nft",
		 WEB "CONFIG_NF_TABLES, CONFIG_NF_TABLES_IPV4, CONFIG_NFT_COMPAT, "
		     "CONFIG_NFT_NAT (nft)" TAKE,
		 NULL},
		{"aws-6.6", "", "legacy", NULL, "legacy"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest_for(rows[i].config);
		encl_auto(encl_free) char *config =
			without(rows[i].config, rows[i].without);
		struct encl_pair pairs[] = {{"awk", "mawk"},
					    {"iptables", rows[i].choice}};

		m.docker.engine.layer.kind = ENCL_LAYER_PACKAGES;
		m.docker.engine.layer.packages.alternatives =
			(struct encl_pairs){.v = pairs, .n = 2};
		if (rows[i].want) {
			FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
			      rows[i].want);
			continue;
		}
		OK(encl_docker_settings(&m, config, 0, &s, &e));
		EQ_STR(rows[i].value, encl_docker_iptables_name(s.iptables));
		if (!strcmp(rows[i].value, "legacy"))
			chooses(&s, "iptables", "legacy",
				"alternatives of docker.engine ask for it, and the kernel "
				"has IP_NF_IPTABLES");
	}
}

/* overlay2 that is asked for, on kernels without it. */
TEST(docker_settings_no_overlay)
{
	static const struct {
		const char *config, *option, *want;
	} rows[] = {
		{"aws-6.6", "OVERLAY_FS",
		 "e.yaml:12:3: docker.storage.driver: overlay2, but of the kernel "
		 "CONFIG_OVERLAY_FS is not set; take vfs or auto"},
		{"aws-4.14", "OVERLAY_FS",
		 "e.yaml:12:3: docker.storage.driver: overlay2, but of the kernel "
		 "CONFIG_OVERLAY_FS is not set; take vfs or auto"},
		{"debian-6.1-cloud", "TMPFS_XATTR",
		 "e.yaml:12:3: docker.storage.driver: overlay2, but of the kernel "
		 "CONFIG_TMPFS_XATTR is not set; take vfs or auto"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest_for(rows[i].config);
		encl_auto(encl_free) char *config =
			without(rows[i].config, rows[i].option);

		m.docker.driver = ENCL_DRIVER_OVERLAY2;
		FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
		      rows[i].want);
	}
}

/* What is a module counts only where modules can be loaded. */
TEST(docker_settings_modules)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_FILES);
	encl_auto(encl_free) char *config = config_of("debian-6.1-cloud");

	FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
	      WEB
	      "CONFIG_BRIDGE=y, not =m, CONFIG_VETH=y, not =m, "
	      "CONFIG_NETFILTER_XTABLES=y, not =m, CONFIG_NF_CONNTRACK=y, not =m, "
	      "CONFIG_NF_NAT=y, not =m, CONFIG_NETFILTER_XT_MATCH_ADDRTYPE=y, not =m, "
	      "CONFIG_NETFILTER_XT_MATCH_CONNTRACK=y, not =m, "
	      "CONFIG_NETFILTER_XT_NAT=y, not =m, "
	      "CONFIG_NETFILTER_XT_TARGET_MASQUERADE=y, not =m, and "
	      "CONFIG_NF_TABLES=y, not =m, CONFIG_NFT_COMPAT=y, not =m, "
	      "CONFIG_NFT_NAT=y, not =m (nft) or CONFIG_IP_NF_IPTABLES=y, not =m, "
	      "CONFIG_IP_NF_FILTER=y, not =m, CONFIG_IP_NF_NAT=y, not =m "
	      "(legacy)" TAKE);
	m.docker.driver = ENCL_DRIVER_OVERLAY2;
	FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
	      "e.yaml:12:3: docker.storage.driver: overlay2, but of the kernel "
	      "CONFIG_OVERLAY_FS is =m, and this kernel's modules cannot be loaded; take "
	      "vfs or auto");
	m.boot.kernel.modules = "modules";
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	CHECK(s.bridge && s.overlay2);
	CHECK(encl_kernel_loads_modules(&m));
	m.boot.init = ENCL_INIT_AWS;
	CHECK(!encl_kernel_loads_modules(&m));
}

TEST(docker_settings_host_network)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
	encl_auto(encl_free) char *config = without("aws-6.6", "BRIDGE");
	struct encl_container host = web;

	m.docker.host_network = true;
	m.docker.containers = &host;
	host.host_network = true;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	CHECK(!s.bridge && !s.no_raw);
	EQ_INT(ENCL_IPTABLES_NONE, s.iptables);
	daemon_is(&s, DAEMON("\"bridge\":\"none\"", "", "false", "overlay2", "false"));
	EQ_INT(11, s.n_choices);
	chooses(&s, "network", "host", "docker.network: host");
	chooses(&s, "iptables", "none", "no bridge");
	chooses(&s, "dns", "none", "no name server, and no bridge");
	encl_docker_settings_clear(&s);

	m.docker.host_network = false;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	chooses(&s, "network", "host", "every container has the host's network");
	encl_docker_settings_clear(&s);

	/* nobody asks for a bridge: what the kernel can do */
	m.docker.n_containers = 0;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	chooses(&s, "network", "host", "the kernel lacks CONFIG_BRIDGE");
	CHECK(encl_netfilter_wanted(&m));
	m.docker.given = false;
	CHECK(!encl_netfilter_wanted(&m));
}

TEST(docker_settings_dns)
{
	static const struct {
		const char *server, *value, *reason;
		bool host;
	} rows[] = {
		{"10.0.0.2", "10.0.0.2 fd00::1", "network.nameservers", false},
		{"127.0.0.1", "/etc/resolv.conf",
		 "a name server of the enclave's loopback: Docker's own resolver asks it "
		 "there",
		 false},
		{"10.0.0.2", "/etc/resolv.conf", "containers have the enclave's network",
		 true},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
		encl_auto(encl_free) char *config = config_of("aws-6.6");
		const char *servers[] = {rows[i].server, "fd00::1"};
		struct encl_container host = web;

		m.nameservers = (struct encl_strings){servers, 2};
		host.host_network = rows[i].host;
		m.docker.containers = &host;
		OK(encl_docker_settings(&m, config, 0, &s, &e));
		chooses(&s, "dns", rows[i].value, rows[i].reason);
		EQ_INT(i == 0, json_object_get(s.daemon, "dns") != NULL);
	}
}

TEST(docker_settings_asked)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
	encl_auto(encl_free) char *config = config_of("aws-6.6");

	m.docker.driver = ENCL_DRIVER_VFS;
	m.docker.storage_mib = 300;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	CHECK(!s.overlay2 && !s.layers);
	EQ_INT(300, s.storage_mib);
	daemon_is(&s, ON_BRIDGE("vfs"));
	chooses(&s, "storage driver", "vfs", "docker.storage.driver asks for it");
	chooses(&s, "storage size", "300 MiB", "docker.storage.sizeMiB");
	m.docker.preload = ENCL_PRELOAD_LAYERS;
	FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
	      "e.yaml:12:3: docker.storage.preload: layers needs the storage driver overlay2, which "
	      "this kernel or docker.storage.driver excludes; take archive or auto");
	encl_docker_settings_clear(&s);
	m.docker.driver = ENCL_DRIVER_AUTO;
	m.docker.preload = ENCL_PRELOAD_ARCHIVE;
	m.docker.storage_mib = 0;
	OK(encl_docker_settings(&m, config, (10 << 20) - 1, &s, &e));
	CHECK(s.overlay2 && !s.layers);
	EQ_INT(106, s.storage_mib);
	chooses(&s, "preload", "archive", "docker.storage.preload asks for it");
	chooses(&s, "storage size", "106 MiB",
		"tmpfs, used as written: 64 of the engine + 20 x 1 containers + 2.2 x 10 of "
		"images");
	encl_docker_settings_clear(&s);
	m.docker.n_images = 0;
	OK(encl_docker_settings(&m, config, 0, &s, &e));
	chooses(&s, "preload", "none", "docker.images is empty");
}

TEST(docker_settings_limits)
{
	static const struct {
		const char *option, *want;
		struct encl_limits limits;
	} rows[] = {
		{"MEMCG",
		 "e.yaml:20:7: docker: container \"web\" has a memory limit, but of the "
		 "kernel CONFIG_MEMCG is not set",
		 {.memory_mib = 1}},
		{"CFS_BANDWIDTH",
		 "e.yaml:20:7: docker: container \"web\" has a CPU limit, but of the kernel "
		 "CONFIG_CFS_BANDWIDTH is not set",
		 {.cpu_milli = 1}},
		{"CGROUP_PIDS",
		 "e.yaml:20:7: docker: container \"web\" has a limit of processes, but of the "
		 "kernel CONFIG_CGROUP_PIDS is not set",
		 {.pids = 1}},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
		struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);
		encl_auto(encl_free) char *config = without("aws-6.6", rows[i].option);
		struct encl_container c = web;

		c.unit.limits = rows[i].limits;
		m.docker.containers = &c;
		FAILS(encl_docker_settings(&m, config, 0, &s, &e), ENCL_USAGE,
		      rows[i].want);
		c.unit.limits = (struct encl_limits){0};
		OK(encl_docker_settings(&m, config, 0, &s, &e));
	}
}

TEST(docker_settings_unknown_version)
{
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings s = {0};
	struct encl_manifest m = manifest(ENCL_KERNEL_BLOBS);

	m.docker.host_network = true;
	m.docker.n_containers = 0;
	OK(encl_docker_settings(&m, "CONFIG_X86_64=y\n", 0, &s, &e));
	chooses(&s, "cgroup", "v2",
		"mounted by init; the configuration does not tell the version of Linux, "
		"5.2 is the oldest that works");
	chooses(&s, "limits", "none",
		"what the kernel has of MEMCG, CFS_BANDWIDTH, CGROUP_PIDS");
	daemon_is(&s, DAEMON("\"bridge\":\"none\"", "", "false", "vfs", "false"));
}
