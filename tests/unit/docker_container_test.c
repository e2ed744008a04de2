/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/alloc.h"
#include "docker/docker.h"
#include "test.h"

#define ID "sha256:1111111111111111111111111111111111111111111111111111111111111111"

static const struct encl_docker_loaded image = {.id = ID};
static const struct encl_docker_settings bridge = {.bridge = true};
static const struct encl_docker_settings no_bridge = {.iptables = ENCL_IPTABLES_NONE};
static const struct encl_manifest manifest = {.file = "e.yaml"};

#define STRINGS(...)                                                                     \
	{                                                                                \
		(const char *[]){__VA_ARGS__},                                           \
			sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)           \
	}
#define PAIRS(...)                                                                       \
	{                                                                                \
		(struct encl_pair[]){__VA_ARGS__},                                       \
			sizeof((struct encl_pair[]){__VA_ARGS__}) /                      \
				sizeof(struct encl_pair)                                 \
	}

static void
creates(const struct encl_container *c, const struct encl_docker_settings *s,
	const char *want)
{
	encl_auto(encl_free) char *got = encl_docker_create(&manifest, c, &image, s);

	EQ_STR(want, got);
}

TEST(docker_container_smallest)
{
	struct encl_container c = {.unit = {.name = "cache", .stop_timeout_ms = 10000}};

	creates(&c, &bridge,
		"{\"HostConfig\":{\"NetworkMode\":\"enclave\",\"RestartPolicy\":{"
		"\"Name\":\"no\"}},\"Hostname\":\"cache\",\"Image\":\"" ID
		"\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"enclave\":{\"Aliases\":["
		"\"cache\"]}}},\"StopTimeout\":10}");
	creates(&c, &no_bridge,
		"{\"HostConfig\":{\"NetworkMode\":\"host\",\"RestartPolicy\":{\"Name\":"
		"\"no\"}},\"Image\":\"" ID "\",\"StopTimeout\":10}");
	c.host_network = true;
	c.hostname = "other";
	creates(&c, &bridge,
		"{\"HostConfig\":{\"NetworkMode\":\"host\",\"RestartPolicy\":{\"Name\":"
		"\"no\"}},\"Hostname\":\"other\",\"Image\":\"" ID
		"\",\"StopTimeout\":10}");
}

TEST(docker_container_process)
{
	struct encl_container c = {
		.unit = {.name = "a", .stop_signal = "SIGQUIT", .stop_timeout_ms = 1},
		.command = STRINGS("a b", "\"c\"\xc3\xa4"),
		.has_command = true,
		.has_entrypoint = true,
		.env = PAIRS({"B", "1=2"}, {"A", ""}),
		.workdir = "/srv",
		.user = "1:2",
		.hostname = "h",
		.aliases = STRINGS("web.local"),
		.labels = PAIRS({"z", "1"}, {"a.b", "2"}),
		.init = true,
	};

	creates(&c, &bridge,
		"{\"Cmd\":[\"a b\",\"\\\"c\\\"\\u00E4\"],\"Entrypoint\":[],\"Env\":[\"B=1=2\","
		"\"A=\"],\"HostConfig\":{\"Init\":true,\"NetworkMode\":\"enclave\","
		"\"RestartPolicy\":{\"Name\":\"no\"}},\"Hostname\":\"h\",\"Image\":\"" ID
		"\",\"Labels\":{\"a.b\":\"2\",\"z\":\"1\"},\"NetworkingConfig\":{"
		"\"EndpointsConfig\":{\"enclave\":{\"Aliases\":[\"a\",\"web.local\"]}}},\"StopSignal\":"
		"\"SIGQUIT\",\"StopTimeout\":1,\"User\":\"1:2\",\"WorkingDir\":\"/srv\"}");
}

TEST(docker_container_ports)
{
	struct encl_publish ports[] = {
		{.host = 8080, .container = 80},
		{.host = 8081, .container = 80, .address = "127.0.0.1"},
		{.host = 53, .container = 5353, .udp = true},
	};
	struct encl_container c = {.unit = {.name = "a"}, .ports = ports, .n_ports = 3};

	creates(&c, &bridge,
		"{\"ExposedPorts\":{\"5353/udp\":{},\"80/tcp\":{}},\"HostConfig\":{"
		"\"NetworkMode\":\"enclave\",\"PortBindings\":{\"5353/udp\":[{\"HostIp\":"
		"\"0.0.0.0\",\"HostPort\":\"53\"}],\"80/tcp\":[{\"HostIp\":\"0.0.0.0\","
		"\"HostPort\":\"8080\"},{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8081\"}]"
		"},\"RestartPolicy\":{\"Name\":\"no\"}},\"Hostname\":\"a\",\"Image\":\"" ID
		"\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"enclave\":{\"Aliases\":["
		"\"a\"]}}},\"StopTimeout\":0}");
	/* Docker refuses ports together with the host's network. */
	creates(&c, &no_bridge,
		"{\"HostConfig\":{\"NetworkMode\":\"host\",\"RestartPolicy\":{\"Name\":"
		"\"no\"}},\"Image\":\"" ID "\",\"StopTimeout\":0}");
}

TEST(docker_container_limits_and_rights)
{
	struct encl_container c = {
		.unit = {.name = "a",
			 .limits = {.memory_mib = 24, .cpu_milli = 1500, .pids = 100}},
		.cap_add = STRINGS("NET_ADMIN"),
		.cap_drop = STRINGS("ALL"),
		.readonly = true,
		.privileged = true,
		.host_network = true,
		.hosts = PAIRS({"db", "10.0.0.1"}),
		.ulimits = PAIRS({"nofile", "1024:2048"}, {"core", "0"}),
		.groups = STRINGS("nogroup", "7"),
		.devices = STRINGS("/dev/nsm", "/dev/a:/dev/b:r", "/dev/c:/dev/d"),
	};

	creates(&c, &bridge,
		"{\"HostConfig\":{\"CapAdd\":[\"NET_ADMIN\"],\"CapDrop\":[\"ALL\"],"
		"\"Devices\":[{\"CgroupPermissions\":\"rwm\",\"PathInContainer\":\"/dev/"
		"nsm\",\"PathOnHost\":\"/dev/nsm\"},{\"CgroupPermissions\":\"r\","
		"\"PathInContainer\":\"/dev/b\",\"PathOnHost\":\"/dev/a\"},{"
		"\"CgroupPermissions\":\"rwm\",\"PathInContainer\":\"/dev/d\","
		"\"PathOnHost\":\"/dev/c\"}],\"ExtraHosts\":[\"db:10.0.0.1\"],"
		"\"GroupAdd\":[\"nogroup\",\"7\"],\"Memory\":25165824,\"MemorySwap\":"
		"25165824,\"NanoCpus\":1500000000,\"NetworkMode\":\"host\",\"PidsLimit\":"
		"100,\"Privileged\":true,\"ReadonlyRootfs\":true,\"RestartPolicy\":{"
		"\"Name\":\"no\"},\"Ulimits\":[{\"Hard\":2048,\"Name\":\"nofile\",\"Soft\":"
		"1024},{\"Hard\":0,\"Name\":\"core\",\"Soft\":0}]},\"Image\":\"" ID
		"\",\"StopTimeout\":0}");
}

TEST(docker_container_mounts)
{
	struct encl_mount mounts[] = {
		{ENCL_MOUNT_BIND, "/srv/in", "/in", true, 0},
		{ENCL_MOUNT_VOLUME, "data", "/data", false, 0},
		{ENCL_MOUNT_VOLUME, "", "/anonymous", false, 0},
		{ENCL_MOUNT_TMPFS, NULL, "/tmp", false, 16},
		{ENCL_MOUNT_TMPFS, NULL, "/run", false, 0},
	};
	struct encl_container c = {.unit = {.name = "a"},
				   .mounts = mounts,
				   .n_mounts = 5,
				   .host_network = true};

	creates(&c, &bridge,
		"{\"HostConfig\":{\"Mounts\":[{\"ReadOnly\":true,\"Source\":\"/srv/in\","
		"\"Target\":\"/in\",\"Type\":\"bind\"},{\"Source\":\"data\",\"Target\":"
		"\"/data\",\"Type\":\"volume\"},{\"Target\":\"/anonymous\",\"Type\":"
		"\"volume\"},{\"Target\":\"/tmp\",\"TmpfsOptions\":{\"SizeBytes\":"
		"16777216},\"Type\":\"tmpfs\"},{\"Target\":\"/run\",\"Type\":\"tmpfs\"}],"
		"\"NetworkMode\":\"host\",\"RestartPolicy\":{\"Name\":\"no\"}},\"Image\":"
		"\"" ID "\",\"StopTimeout\":0}");
}

#define HOST                                                                              \
	",\"HostConfig\":{\"NetworkMode\":\"host\",\"RestartPolicy\":{\"Name\":\"no\"}}," \
	"\"Image\":\"" ID "\",\"StopTimeout\":0}"

TEST(docker_container_health)
{
	struct encl_container c = {
		.unit = {.name = "a",
			 .health = {.kind = ENCL_HEALTH_COMMAND,
				    .command = STRINGS("/bin/check", "-v"),
				    .interval_ms = 5000,
				    .timeout_ms = 3000,
				    .retries = 3}},
		.host_network = true,
	};

	creates(&c, &bridge,
		"{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":3,"
		"\"StartPeriod\":0,\"Test\":[\"CMD\",\"/bin/check\",\"-v\"],"
		"\"Timeout\":3000000000}" HOST);
	c.unit.health.shell = true;
	c.unit.health.command.n = 1;
	c.unit.health.start_period_ms = 1;
	creates(&c, &bridge,
		"{\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":3,"
		"\"StartPeriod\":1000000,\"Test\":[\"CMD-SHELL\",\"/bin/check\"],"
		"\"Timeout\":3000000000}" HOST);
	/* launch probes these itself; the image's own check would be in the way */
	c.unit.health.kind = ENCL_HEALTH_TCP;
	creates(&c, &bridge, "{\"Healthcheck\":{\"Test\":[\"NONE\"]}" HOST);
	c.unit.health.kind = ENCL_HEALTH_NONE;
	c.no_health = true;
	creates(&c, &bridge, "{\"Healthcheck\":{\"Test\":[\"NONE\"]}" HOST);
}

TEST(docker_container_network)
{
	encl_auto(encl_free) char *body = encl_docker_network(&bridge);

	EQ_STR("{\"CheckDuplicate\":true,\"Driver\":\"bridge\",\"EnableIPv6\":false,"
	       "\"IPAM\":{\"Config\":[{\"Gateway\":\"172.18.0.1\",\"Subnet\":"
	       "\"172.18.0.0/16\"}],\"Driver\":\"default\"},\"Name\":\"enclave\"}",
	       body);
	CHECK(!encl_docker_network(&no_bridge));
}

/* Where a container finds the proxy of network.egress depends on its network. */
TEST(docker_container_egress)
{
	const struct encl_manifest m = {.file = "e.yaml",
					.egress = {.given = true, .proxy_port = 8888}};
	struct encl_container c = {
		.unit = {.name = "web"},
		.env = PAIRS({"A", "1"}, {"HTTP_PROXY", "x"}, {"no_proxy", "y"})};
	encl_auto(encl_free) char *near = encl_docker_create(&m, &c, &image, &bridge);
	encl_auto(encl_free) char *host = encl_docker_create(&m, &c, &image, &no_bridge);

	CHECK(strstr(near, "\"Env\":[\"A=1\",\"HTTP_PROXY=x\",\"no_proxy=y\","
			   "\"HTTPS_PROXY=http://172.18.0.1:8888\","
			   "\"https_proxy=http://172.18.0.1:8888\"]") != NULL);
	CHECK(strstr(host, "\"https_proxy=http://127.0.0.1:8888\"]") != NULL);
	CHECK(!strstr(host, "172.18.0.1"));
}
