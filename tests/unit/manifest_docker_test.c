/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "manifest/docker_value.h"
#include "manifest/manifest.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: '1'\n"      \
	"arch: x86_64\nrootfs: [{image: 'oci:x'}]\nboot: {kernel: {blobs: b}}\n"
#define ENGINE                                                                           \
	"  engine: {packages: {distribution: debian, suite: s, install: [docker.io]}}\n"

static struct encl_manifest *
parse(const char *text)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	struct encl_manifest *m = NULL;

	OK(encl_manifest_parse(text, strlen(text), "enclave.yaml", ".", &m, &problems,
			       &e));
	return m;
}

static char *
canonical_docker(const struct encl_manifest *m)
{
	encl_auto(json_decref) json_t *v = encl_manifest_canonical(m);

	return encl_json_compact(json_object_get(v, "docker"));
}

TEST(manifest_docker_defaults)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m =
		parse(HEAD "docker:\n" ENGINE "  containers: [{name: c, image: r}]\n"
			   "  images: [{image: 'oci:r'}]\n");
	const struct encl_docker *d = &m->docker;
	const struct encl_container *c = &d->containers[0];
	encl_auto(encl_free) char *text = canonical_docker(m);

	CHECK(d->given && !d->host_network && !d->engine.cli);
	EQ_INT(8, d->pos.line - 1);
	EQ_INT(ENCL_DOCKER_PACKAGES, d->engine.kind);
	EQ_INT(ENCL_LAYER_PACKAGES, d->engine.layer.kind);
	EQ_INT(1, d->engine.layer.packages.n_sources);
	EQ_STR("s", d->engine.layer.packages.sources[0].suite);
	EQ_INT(ENCL_DRIVER_AUTO, d->driver);
	EQ_INT(ENCL_PRELOAD_AUTO, d->preload);
	EQ_INT(0, d->storage_mib);
	EQ_INT(0, d->restart_max);
	EQ_INT(60000, d->start_timeout_ms);
	EQ_STR("r:latest", c->image);
	EQ_INT(10, c->unit.pos.line);
	EQ_INT(10, c->image_pos.line);
	EQ_INT(33, c->image_pos.column);
	EQ_INT(ENCL_RESTART_NO, c->unit.restart);
	EQ_INT(10000, c->unit.stop_timeout_ms);
	EQ_INT(ENCL_HEALTH_NONE, c->unit.health.kind);
	EQ_INT(5000, c->unit.health.interval_ms);
	CHECK(!c->has_command && !c->has_entrypoint && !c->unit.stop_signal);
	CHECK(!c->hostname && !c->workdir && !c->user && !c->host_network);
	EQ_STR("{\"engine\":{\"packages\":{\"distribution\":\"debian\",\"sources\":[{"
	       "\"suite\":\"s\",\"components\":[\"main\"],\"checkValidUntil\":true}],"
	       "\"install\":[\"docker.io\"],\"essential\":\"false\",\"docs\":true,"
	       "\"dpkgStatus\":true},\"cli\":false},\"images\":[{\"image\":\"oci:r\"}],\"containers\":[{\"name\":\"c\","
	       "\"restart\":\"no\",\"restartMax\":0,\"critical\":false,"
	       "\"stopTimeoutSeconds\":10,\"image\":\"r:latest\",\"privileged\":false,\"readOnly\":false,"
	       "\"network\":\"bridge\",\"init\":false}],\"network\":\"bridge\","
	       "\"storage\":{\"driver\":\"auto\",\"preload\":\"auto\",\"sizeMiB\":\"auto\"},"
	       "\"restartMax\":0,\"startTimeoutSeconds\":60}",
	       text);
}

static const char full[] = HEAD
	"docker:\n"
	"  engine:\n"
	"    archive: {path: ./docker.tgz}\n"
	"    cli: true\n"
	"    env: {GOGC: 50}\n"
	"  images:\n"
	"    - image: docker-archive:./r.tar\n"
	"    - name: docker.io/library/memcached\n"
	"      rootfs:\n"
	"        - packages: {distribution: debian, suite: s, install: [memcached]}\n"
	"        - file: {path: /x, content: y}\n"
	"      config: {entrypoint: [/m], command: [-u, nobody], env: {A.b: \"1\\n2\"},\n"
	"               workdir: /w, user: '1:2', stopSignal: TERM}\n"
	"  containers:\n"
	"    - name: cache\n"
	"      image: library/memcached:latest\n"
	"      command: [-m, 64]\n"
	"      ports: ['11211:11211/tcp', '127.0.0.1:53:54/udp', '[::1]:80:81']\n"
	"      volumes: ['/srv/d:/data:ro', 'db:/db:rw', /anon]\n"
	"      tmpfs: [/run, '/tmp:size=0.5g']\n"
	"      healthcheck: {command: ['true'], intervalSeconds: 1.5}\n"
	"      memoryMiB: 64\n"
	"      cpus: 0.50\n"
	"      pids: 20\n"
	"      ulimits: {nofile: 1024, core: '0:-1'}\n"
	"      capAdd: [cap_net_admin]\n"
	"      capDrop: [all]\n"
	"      readOnly: true\n"
	"      hosts: {x: host-gateway}\n"
	"      groupAdd: [5]\n"
	"      labels: {a/b: ''}\n"
	"      aliases: [mc]\n"
	"    - {name: r, image: 'redis:7', network: host, healthcheck: {disable: true},\n"
	"       dependsOn: {cache: healthy, docker: started}, restart: always,\n"
	"       restartMax: 3, critical: true, stopSignal: SIGINT, hostname: h, init: true}\n"
	"  storage: {driver: vfs, preload: archive, sizeMiB: 64}\n"
	"  restartMax: 2\n"
	"  startTimeoutSeconds: 2.5\n";

TEST(manifest_docker_full)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(full);
	const struct encl_docker *d = &m->docker;
	const struct encl_docker_image *image = &d->images[1];
	const struct encl_container *c = &d->containers[1];

	EQ_INT(ENCL_DOCKER_ARCHIVE, d->engine.kind);
	EQ_INT(ENCL_LAYER_ARCHIVE, d->engine.layer.kind);
	EQ_STR("./docker.tgz", d->engine.layer.path);
	EQ_STR("/usr/bin", d->engine.layer.at);
	EQ_INT(1, d->engine.layer.strip_components);
	CHECK(d->engine.cli);
	EQ_STR("50", d->engine.env.v[0].value);
	EQ_INT(2, d->n_images);
	CHECK(!d->images[0].name && !d->images[0].n_layers);
	EQ_STR("docker-archive:./r.tar", d->images[0].image);
	CHECK(!image->image);
	EQ_STR("memcached:latest", image->name);
	EQ_INT(2, image->n_layers);
	EQ_INT(1, image->layers[0].packages.n_sources);
	EQ_INT(0644, image->layers[1].mode);
	EQ_STR("/m", image->entrypoint.v[0]);
	EQ_INT(2, image->command.n);
	EQ_STR("1\n2", image->env.v[0].value);
	EQ_STR("/w", image->workdir);
	EQ_STR("1:2", image->user);
	EQ_STR("SIGTERM", image->stop_signal);
	EQ_INT(ENCL_DRIVER_VFS, d->driver);
	EQ_INT(ENCL_PRELOAD_ARCHIVE, d->preload);
	EQ_INT(64, d->storage_mib);
	EQ_INT(2, d->restart_max);
	EQ_INT(2500, d->start_timeout_ms);
	EQ_STR("redis:7", c->image);
	CHECK(c->host_network && c->no_health && c->init && c->unit.critical);
	EQ_INT(ENCL_RESTART_ALWAYS, c->unit.restart);
	EQ_INT(3, c->unit.restart_max);
	EQ_STR("SIGINT", c->unit.stop_signal);
	EQ_INT(2, c->unit.n_depends);
	EQ_INT(ENCL_HEALTHY, c->unit.depends[0].condition);
}

TEST(manifest_docker_container)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(full);
	const struct encl_container *c = &m->docker.containers[0];

	EQ_STR("memcached:latest", c->image);
	CHECK(c->has_command && !c->has_entrypoint);
	EQ_STR("64", c->command.v[1]);
	EQ_INT(3, c->n_ports);
	CHECK(!c->ports[0].udp && !c->ports[0].address);
	CHECK(c->ports[1].udp);
	EQ_STR("127.0.0.1", c->ports[1].address);
	EQ_INT(53, c->ports[1].host);
	EQ_INT(54, c->ports[1].container);
	EQ_STR("::1", c->ports[2].address);
	EQ_INT(5, c->n_mounts);
	EQ_INT(ENCL_MOUNT_BIND, c->mounts[0].kind);
	EQ_STR("/srv/d", c->mounts[0].source);
	EQ_STR("/data", c->mounts[0].target);
	CHECK(c->mounts[0].readonly && !c->mounts[1].readonly);
	EQ_INT(ENCL_MOUNT_VOLUME, c->mounts[1].kind);
	EQ_STR("db", c->mounts[1].source);
	EQ_STR("", c->mounts[2].source);
	EQ_STR("/anon", c->mounts[2].target);
	EQ_INT(ENCL_MOUNT_TMPFS, c->mounts[3].kind);
	EQ_INT(0, c->mounts[3].size_mib);
	EQ_STR("/tmp", c->mounts[4].target);
	EQ_INT(512, c->mounts[4].size_mib);
	EQ_INT(ENCL_HEALTH_COMMAND, c->unit.health.kind);
	EQ_INT(1500, c->unit.health.interval_ms);
	EQ_INT(3000, c->unit.health.timeout_ms);
	EQ_INT(3, c->unit.health.retries);
	EQ_INT(64, c->unit.limits.memory_mib);
	EQ_INT(500, c->unit.limits.cpu_milli);
	EQ_INT(20, c->unit.limits.pids);
	EQ_STR("1024:1024", c->ulimits.v[0].value);
	EQ_STR("0:-1", c->ulimits.v[1].value);
	EQ_STR("NET_ADMIN", c->cap_add.v[0]);
	EQ_STR("ALL", c->cap_drop.v[0]);
	EQ_STR("host-gateway", c->hosts.v[0].value);
	EQ_STR("5", c->groups.v[0]);
	EQ_STR("mc", c->aliases.v[0]);
	CHECK(c->readonly && !c->host_network);
}

TEST(manifest_docker_canonical)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(full);
	encl_auto(json_decref) json_t *v = encl_manifest_canonical(m);
	const json_t *docker = json_object_get(v, "docker");
	encl_auto(encl_free) char *engine =
		encl_json_compact(json_object_get(docker, "engine"));
	encl_auto(encl_free) char *image =
		encl_json_compact(json_array_get(json_object_get(docker, "images"), 1));
	encl_auto(encl_free) char *c = encl_json_compact(
		json_array_get(json_object_get(docker, "containers"), 0));

	EQ_STR("{\"archive\":{\"path\":\"./docker.tgz\"},\"cli\":true,\"env\":{\"GOGC\":"
	       "\"50\"}}",
	       engine);
	EQ_STR("{\"name\":\"memcached:latest\",\"rootfs\":[{\"packages\":{"
	       "\"distribution\":\"debian\",\"sources\":[{\"suite\":\"s\",\"components\":["
	       "\"main\"],\"checkValidUntil\":true}],\"install\":[\"memcached\"],"
	       "\"essential\":\"false\",\"docs\":true,\"dpkgStatus\":true}},{\"file\":{"
	       "\"path\":\"/x\",\"content\":\"y\",\"mode\":\"0644\"}}],\"config\":{"
	       "\"entrypoint\":[\"/m\"],\"command\":[\"-u\",\"nobody\"],\"env\":{\"A.b\":"
	       "\"1\\n2\"},\"workdir\":\"/w\",\"user\":\"1:2\",\"stopSignal\":\"SIGTERM\"}}",
	       image);
	EQ_STR("{\"name\":\"cache\",\"restart\":\"no\",\"restartMax\":0,\"critical\":false,"
	       "\"healthcheck\":{\"command\":[\"true\"],\"intervalSeconds\":\"1.5\","
	       "\"timeoutSeconds\":3,\"retries\":3,\"startPeriodSeconds\":0},"
	       "\"stopTimeoutSeconds\":10,\"image\":\"memcached:latest\",\"command\":["
	       "\"-m\",\"64\"],\"ports\":[\"11211:11211\",\"127.0.0.1:53:54/udp\","
	       "\"[::1]:80:81\"],\"volumes\":[\"/srv/d:/data:ro\",\"db:/db\",\"/anon\"],"
	       "\"tmpfs\":[\"/run\",\"/tmp:size=512m\"],\"aliases\":[\"mc\"],"
	       "\"memoryMiB\":64,\"cpus\":\"0.5\",\"pids\":20,\"ulimits\":{\"nofile\":"
	       "\"1024:1024\",\"core\":\"0:-1\"},\"capAdd\":[\"NET_ADMIN\"],\"capDrop\":["
	       "\"ALL\"],\"privileged\":false,\"readOnly\":true,\"hosts\":{\"x\":\"host-gateway\"},\"network\":"
	       "\"bridge\",\"init\":false,\"labels\":{\"a/b\":\"\"},\"groupAdd\":[\"5\"]}",
	       c);
}

TEST(manifest_docker_image_names)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"redis", "redis:latest"},
		{"redis:7", "redis:7"},
		{"docker.io/redis", "redis:latest"},
		{"docker.io/library/redis:7", "redis:7"},
		{"index.docker.io/library/redis", "redis:latest"},
		{"library/redis", "redis:latest"},
		{"docker.io/team/app", "team/app:latest"},
		{"library/a/b", "library/a/b:latest"},
		{"localhost:5000/app", "localhost:5000/app:latest"},
		{"localhost:5000/app:1", "localhost:5000/app:1"},
		{"r.example/a:1@sha256:ab", "r.example/a@sha256:ab"},
		{"docker.io/library/a@sha256:ab", "a@sha256:ab"},
		{"sha256:ab", "sha256:ab"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *got = encl_image_name(rows[i].text);

		EQ_STR(rows[i].want, got);
	}
}

TEST(manifest_docker_ports)
{
	static const struct {
		const char *text, *want; /* spelling, or what is wrong */
	} rows[] = {
		{"8080:80", "8080:80"},
		{"8080:80/tcp", "8080:80"},
		{"8080:80/udp", "8080:80/udp"},
		{"1.2.3.4:1:65535", "1.2.3.4:1:65535"},
		{"[::]:1:2/udp", "[::]:1:2/udp"},
		{"80", "names no port of the enclave; write ENCLAVE:CONTAINER, such as "
		       "\"8080:80\""},
		{"1-2:3-4", "is a range; write each port out"},
		{"80:80/sctp", "is neither tcp nor udp"},
		{"0:80", "has a port that is not a number from 1 to 65535"},
		{"80:65536", "has a port that is not a number from 1 to 65535"},
		{"080:80", "has a port that is not a number from 1 to 65535"},
		{":80", "has a port that is not a number from 1 to 65535"},
		{"a:1:2", "has an address that is neither IPv4 nor [IPv6]"},
		{"::1:80:80", "has a port that is not a number from 1 to 65535"},
		{"", "names no port of the enclave; write ENCLAVE:CONTAINER, such as "
		     "\"8080:80\""},
	};
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct encl_publish p;
		const char *wrong = encl_docker_port(a, rows[i].text, &p);

		EQ_STR(rows[i].want, wrong ? wrong : encl_docker_port_text(a, &p));
	}
}

TEST(manifest_docker_mounts)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"/a", "/a"},
		{"n:/a", "n:/a"},
		{"/:/host:ro", "/:/host:ro"},
		{"/s:/a:rw", "/s:/a"},
		{"./s:/a",
		 "begins with a path that is not absolute; a folder is one of the enclave, "
		 "such as \"/srv/data:/data\""},
		{"~/s:/a",
		 "begins with a path that is not absolute; a folder is one of the enclave, "
		 "such as \"/srv/data:/data\""},
		{"-n:/a",
		 "has a source that is neither an absolute path nor a volume's name"},
		{"/s/../t:/a",
		 "has a source with \".\", \"..\", an empty part or a final \"/\""},
		{"/s/:/a",
		 "has a source with \".\", \"..\", an empty part or a final \"/\""},
		{"/.enclave/x:/a",
		 "has a source in /.enclave, which is enclavebuild's own"},
		{"/s:/a:z", "has an option other than \"ro\" and \"rw\""},
		{"/s:/a:ro:x", "has more than three parts; it is SOURCE:TARGET[:ro]"},
		{"/s:a",
		 "has a target that is not an absolute path below \"/\" in its one "
		 "form"},
		{"/s:/",
		 "has a target that is not an absolute path below \"/\" in its one "
		 "form"},
		{"a", "has a target that is not an absolute path below \"/\" in its one "
		      "form"},
	};
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	struct encl_mount m;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *wrong = encl_docker_volume(a, rows[i].text, &m);

		EQ_STR(rows[i].want, wrong ? wrong : encl_docker_mount_text(a, &m));
	}
	CHECK(!encl_docker_tmpfs(a, "/t:size=1048576", &m));
	EQ_STR("/t:size=1m", encl_docker_mount_text(a, &m));
	EQ_STR("has an option other than \"size=\"", encl_docker_tmpfs(a, "/t:rw", &m));
	EQ_STR("has a size that is not in whole MiB, such as \"size=64m\"",
	       encl_docker_tmpfs(a, "/t:size=1k", &m));
	EQ_STR("is not an absolute path below \"/\" in its one form",
	       encl_docker_tmpfs(a, "t", &m));
}

TEST(manifest_docker_numbers)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t want;
	} sizes[] =
		{
			{"0", true, 0},
			{"1024", true, 1024},
			{"1k", true, 1024},
			{"1.5g", true, UINT64_C(3) << 29},
			{"64MiB", true, 64 << 20},
			{"2GB", true, UINT64_C(2) << 30},
			{"0.001", false, 0},
			{"1t", false, 0},
			{"m", false, 0},
			{"", false, 0},
			{"-1", false, 0},
			{"1 m", false, 0},
			{"1125899906842624g", false, 0},
			{"99999999999999999999", false, 0},
		},
	  durations[] = {
		  {"0", true, 0},	{"1m30s", true, 90000},
		  {"500ms", true, 500}, {"1.5h", true, 5400000},
		  {"0.5s", true, 500},	{"1h1m1s1ms", true, 3661001},
		  {"10", false, 0},	{"1us", false, 0},
		  {"0.1ms", false, 0},	{"", false, 0},
		  {"s", false, 0},	{"-1s", false, 0},
		  {"1 s", false, 0},	{"1001h", false, 0},
	  };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t v = 0;

		if (encl_docker_size(sizes[i].text, &v) != sizes[i].ok ||
		    v != sizes[i].want)
			test_fail(__FILE__, __LINE__, "size \"%s\"", sizes[i].text);
	}
	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
		uint64_t v = 0;

		if (encl_docker_duration(durations[i].text, &v) != durations[i].ok ||
		    (durations[i].ok && v != durations[i].want))
			test_fail(__FILE__, __LINE__, "duration \"%s\"",
				  durations[i].text);
	}
}

TEST(manifest_docker_ulimits)
{
	int64_t soft, hard;

	CHECK(encl_docker_ulimit("5", &soft, &hard) && soft == 5 && hard == 5);
	CHECK(encl_docker_ulimit("5:-1", &soft, &hard) && soft == 5 && hard == -1);
	CHECK(encl_docker_ulimit("-1", &soft, &hard) && soft == -1 && hard == -1);
	CHECK(!encl_docker_ulimit("6:5", &soft, &hard));
	CHECK(!encl_docker_ulimit("-1:5", &soft, &hard));
	CHECK(!encl_docker_ulimit("5:", &soft, &hard));
	CHECK(!encl_docker_ulimit("9223372036854775808", &soft, &hard));
}

static void
words(const char *text, const char *want)
{
	encl_auto(encl_arena_free) struct encl_arena *a = encl_arena_new();
	struct encl_strings list = {NULL, 0};
	const char *wrong = encl_docker_words(a, text, &list);
	char got[512] = "";

	for (size_t i = 0; !wrong && i < list.n; i++) {
		strcat(got, "<");
		strcat(got, list.v[i]);
		strcat(got, ">");
	}
	EQ_STR(want, wrong ? wrong : got);
}

/* "No entry point" is not "the image's". */
TEST(manifest_docker_empty_list_is_kept)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m =
		parse(HEAD "docker:\n" ENGINE "  images: [{image: 'oci:r'}]\n"
			   "  containers: [{name: c, image: r, entrypoint: []}]\n");
	encl_auto(json_decref) json_t *v = encl_manifest_canonical(m);
	const json_t *c = json_array_get(
		json_object_get(json_object_get(v, "docker"), "containers"), 0);

	EQ_INT(0, m->docker.containers[0].entrypoint.n);
	CHECK(m->docker.containers[0].has_entrypoint);
	CHECK(json_is_array(json_object_get(c, "entrypoint")));
	CHECK(!json_object_get(c, "command"));
}

/* As /bin/sh splits them, without expansions. */
TEST(manifest_docker_words)
{
	words("", "");
	words("  a  b\tc\n", "<a><b><c>");
	words("a 'b  c' \"d  e\"", "<a><b  c><d  e>");
	words("'' \"\"", "<><>");
	words("a''b\"c\"'d'", "<abcd>");
	words("a\\ b \\\\ \\'", "<a b><\\><'>");
	words("\"a\\\"b\\\\c\\$d\\`e\\n\"", "<a\"b\\c$d`e\\n>");
	words("'a\\b'", "<a\\b>");
	words("a\\\nb", "<ab>");
	words("\"a\\\nb\"", "<ab>");
	words("sh -c 'x=$HOME; echo \"$x\"'", "<sh><-c><x=$HOME; echo \"$x\">");
	words("a 'b", "has a single quote that is not closed");
	words("a \"b", "has a double quote that is not closed");
	words("a \\", "ends in a backslash");
	words("\"\\", "has a double quote that is not closed");
}
