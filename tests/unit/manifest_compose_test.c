/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/json.h"
#include "base/tmpfile.h"
#include "manifest/manifest.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: '1'\n"      \
	"arch: x86_64\nrootfs: [{image: 'oci:x'}]\nboot: {kernel: {blobs: b}}\n"         \
	"docker:\n"                                                                      \
	"  engine: {packages: {distribution: debian, suite: s, install: [docker.io]}}\n" \
	"  images: [{name: 'memcached:1.6', image: 'oci:m'}, {image: 'oci:r'}]\n"

static int
read_with(const char *manifest, const char *compose, struct encl_manifest **m,
	  struct encl_problems *problems)
{
	OK(encl_write_file(test_path("c.yaml"), compose, strlen(compose), 0644, &e));
	return encl_manifest_parse(manifest, strlen(manifest), "enclave.yaml", test_dir(),
				   m, problems, &e);
}

static char *
canonical(const char *manifest, const char *compose)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(json_decref) json_t *v = NULL;

	OK(read_with(manifest, compose, &m, &problems));
	v = encl_manifest_canonical(m);
	return encl_json_compact(v);
}

/* The manifest with a Compose file means what it says with containers. */
static void
same(const char *compose, const char *containers)
{
	static const char with[] = HEAD "  compose: c.yaml\n";
	char text[16384];

	snprintf(text, sizeof text, "%s  containers:\n%s", HEAD, containers);
	encl_auto(encl_free) char *a = canonical(with, compose);
	encl_auto(encl_free) char *b = canonical(text, "");

	EQ_STR(b, a);
}

TEST(manifest_compose_least)
{
	same("services: {web: {image: redis}}\n", "    - {name: web, image: redis}\n");
	same("version: '3.8'\nname: demo\nservices:\n  web:\n    image: redis\n"
	     "volumes: {}\n",
	     "    - {name: web, image: 'redis:latest'}\n");
}

static const char full[] =
	"services:\n"
	"  cache:\n"
	"    image: docker.io/library/memcached:1.6\n"
	"    container_name: memcached\n"
	"    command: memcached -m 64 -u \"no body\" '$$x'\n"
	"    entrypoint: [/e, -x]\n"
	"    environment: {A: 1, B: '', C: no}\n"
	"    ports:\n"
	"      - 11211:11211\n"
	"      - {target: 53, published: '5353', protocol: udp, host_ip: 127.0.0.1}\n"
	"      - {target: 80, published: 80, host_ip: '::1'}\n"
	"    volumes:\n"
	"      - data:/data\n"
	"      - /anon\n"
	"      - {type: bind, source: /srv, target: /srv, read_only: true}\n"
	"      - {type: volume, source: data, target: /data2}\n"
	"    working_dir: /w\n"
	"    user: '1:2'\n"
	"    healthcheck: {test: [CMD, check, it], interval: 1m30s, timeout: 500ms,\n"
	"                  retries: 5, start_period: 1.5s}\n"
	"    restart: on-failure:3\n"
	"    mem_limit: 0.5g\n"
	"    cpus: '0.50'\n"
	"    pids_limit: 10\n"
	"    ulimits: {nofile: {soft: 1024, hard: 2048}, nproc: 10}\n"
	"    tmpfs: [/run, '/tmp:size=64m']\n"
	"    cap_add: [CAP_NET_ADMIN]\n"
	"    cap_drop: [ALL]\n"
	"    read_only: true\n"
	"    extra_hosts: ['db:10.0.0.7', 'six=::1']\n"
	"    stop_signal: SIGINT\n"
	"    stop_grace_period: 1m\n"
	"    hostname: h\n"
	"    init: true\n"
	"    labels: [a=b, c]\n"
	"    group_add: [5]\n"
	"    x-critical: true\n"
	"  web:\n"
	"    image: redis\n"
	"    depends_on: {cache: {condition: service_healthy}}\n"
	"    environment: [A=1, B=x=y, C=]\n"
	"    tmpfs: /run\n"
	"    network_mode: host\n"
	"    restart: unless-stopped\n"
	"    labels: {x: y}\n"
	"    extra_hosts: {g: host-gateway}\n"
	"    healthcheck: {test: 'a | b'}\n"
	"  last:\n"
	"    image: redis\n"
	"    command: []\n"
	"    depends_on: [cache, web]\n"
	"    restart: no\n"
	"    healthcheck: {test: [NONE]}\n"
	"  very-last:\n"
	"    image: redis\n"
	"    depends_on: {last: {condition: service_completed_successfully}}\n"
	"    healthcheck: {disable: true}\n"
	"  shell:\n"
	"    image: redis\n"
	"    healthcheck: {test: [CMD-SHELL, a && b]}\n"
	"    depends_on: {web: {condition: service_started}}\n"
	"volumes:\n"
	"  data:\n";

static const char full_containers[] =
	"    - name: memcached\n"
	"      aliases: [cache]\n"
	"      image: memcached:1.6\n"
	"      command: [memcached, -m, 64, -u, no body, $x]\n"
	"      entrypoint: [/e, -x]\n"
	"      env: {A: 1, B: '', C: no}\n"
	"      ports: ['11211:11211', '127.0.0.1:5353:53/udp', '[::1]:80:80']\n"
	"      volumes: ['data:/data', /anon, '/srv:/srv:ro', 'data:/data2']\n"
	"      workdir: /w\n"
	"      user: '1:2'\n"
	"      healthcheck: {command: [check, it], intervalSeconds: 90,\n"
	"                    timeoutSeconds: 0.5, retries: 5, startPeriodSeconds: 1.5}\n"
	"      restart: on-failure\n"
	"      restartMax: 3\n"
	"      memoryMiB: 512\n"
	"      cpus: 0.5\n"
	"      pids: 10\n"
	"      ulimits: {nofile: '1024:2048', nproc: '10:10'}\n"
	"      tmpfs: [/run, '/tmp:size=64m']\n"
	"      capAdd: [NET_ADMIN]\n"
	"      capDrop: [ALL]\n"
	"      readOnly: true\n"
	"      hosts: {db: 10.0.0.7, six: '::1'}\n"
	"      stopSignal: SIGINT\n"
	"      stopTimeoutSeconds: 60\n"
	"      hostname: h\n"
	"      init: true\n"
	"      labels: {a: b, c: ''}\n"
	"      groupAdd: [5]\n"
	"      critical: true\n"
	"    - name: web\n"
	"      image: redis\n"
	"      dependsOn: {memcached: healthy}\n"
	"      env: {A: 1, B: 'x=y', C: ''}\n"
	"      tmpfs: [/run]\n"
	"      network: host\n"
	"      restart: always\n"
	"      labels: {x: y}\n"
	"      hosts: {g: host-gateway}\n"
	"      healthcheck: {command: [/bin/sh, -c, a | b], intervalSeconds: 30,\n"
	"                    timeoutSeconds: 30}\n"
	"    - name: last\n"
	"      image: redis\n"
	"      command: []\n"
	"      dependsOn: {memcached: started, web: started}\n"
	"      healthcheck: {disable: true}\n"
	"    - name: very-last\n"
	"      image: redis\n"
	"      dependsOn: {last: completed}\n"
	"      healthcheck: {disable: true}\n"
	"    - name: shell\n"
	"      image: redis\n"
	"      healthcheck: {command: [/bin/sh, -c, a && b], intervalSeconds: 30,\n"
	"                    timeoutSeconds: 30}\n"
	"      dependsOn: {web: started}\n";

TEST(manifest_compose_full)
{
	same(full, full_containers);
}

/* Positions name the Compose file; the manifest's own path is not measured. */
TEST(manifest_compose_positions)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *at = NULL;
	char want[5000];

	OK(read_with(HEAD "  compose: c.yaml\n", full, &m, &problems));
	EQ_INT(5, m->docker.n_containers);
	at = encl_manifest_at(m, m->docker.containers[1].image_pos);
	snprintf(want, sizeof want, "%s:39:12: ", test_path("c.yaml"));
	EQ_STR(want, at);
	EQ_STR("c.yaml", m->docker.compose);
	v = encl_manifest_canonical(m);
	CHECK(!json_object_get(json_object_get(v, "docker"), "compose"));
}

static void
refused(const char *compose, const char *want)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	struct encl_manifest *m = NULL;
	char line[8192] = "";
	size_t n = 0;

	EQ_INT(-1, read_with(HEAD "  compose: c.yaml\n", compose, &m, &problems));
	EQ_INT(ENCL_USAGE, e.code);
	for (size_t i = 0; i < problems.n; i++) {
		const char *text = strstr(problems.v[i], "c.yaml:");

		n += (size_t)snprintf(line + n, sizeof line - n, "%s%s", i ? "\n" : "",
				      text ? text + 7 : problems.v[i]);
	}
	EQ_STR(want, line);
}

TEST(manifest_compose_file_is_wrong)
{
	refused("", "1:1: the file is empty");
	refused("services: [", "2:1: not valid YAML: did not find expected node content "
			       "while parsing a flow node");
	refused("[]", "1:1: a list where a map belongs");
	refused("version: '3'", "1:1: services: required, but not there");
	refused("services: {}", "1:11: services: the map is empty");
	refused("services:\n", "1:10: services: no value; leave the key out, or write a "
			       "map");
	refused("services: {a: {image: r}, a: {image: r}}",
		"1:27: key \"a\" is given twice; it is already at line 1");
	refused("x: &a {b: c}\nservices: {a: {image: r}}",
		"1:1: x: unknown key\n"
		"1:4: anchors (&a) are not allowed; write the value out");
	refused("x-common: {b: c}\nservices: {a: {image: r}}",
		"1:1: x-common: not supported: extensions say nothing here; leave it out");
	refused("services: {a: {image: r, <<: {b: c}}}",
		"1:26: merge keys (<<) are not allowed; write the keys out");
	refused("services: {a: {image: r}}\nnetworks: {x: {}}",
		"2:1: networks: not supported: all containers share one network; leave it "
		"out");
	refused("services: {a: {image: r}}\nvolumes: {x: {driver: local}}",
		"2:14: volumes.x: not supported: a volume is memory of the enclave and has "
		"no settings; leave them out");
}

TEST(manifest_compose_service_is_wrong)
{
	refused("services: {a: {}}", "1:12: services.a.image: required, but not there");
	refused("services: {a: x}", "1:15: services.a: text where a map belongs");
	refused("services: {A: {image: r}}",
		"1:12: services.A: \"A\" is not a name of 1 to 63 lower-case letters, "
		"digits, \".\", \"_\" and \"-\" that begins with a letter or digit");
	refused("services:\n  web:\n    image: r\n    build: .\n    deploy: {}\n"
		"    privileged: true\n    enviroment: {}\n    x-a: b\n",
		"4:5: services.web.build: not supported: images are made before; give "
		"image, and the image under docker.images\n"
		"5:5: services.web.deploy: not supported: use mem_limit, cpus, pids_limit "
		"and restart\n"
		"6:5: services.web.privileged: not supported: only docker.containers has "
		"it; write the containers there\n"
		"7:5: services.web.enviroment: unknown key (did you mean "
		"\"environment\"?)\n"
		"8:5: services.web.x-a: not supported: extensions say nothing here; leave "
		"it out");
	refused("services: {a: {image: 'r:${TAG:-1}', user: $U, hostname: a$}}",
		"1:23: services.a.image: \"${TAG:-1}\" would come from the environment of "
		"whoever builds; write the value out, or $$ for a dollar sign\n"
		"1:44: services.a.user: \"$U\" would come from the environment of whoever "
		"builds; write the value out, or $$ for a dollar sign\n"
		"1:58: services.a.hostname: \"$\" would come from the environment of "
		"whoever builds; write the value out, or $$ for a dollar sign");
}

/* One wrong value each, at services.a.KEY. */
TEST(manifest_compose_values)
{
	static const struct {
		const char *key, *want;
	} rows[] = {
		{"command: 'a \"b'",
		 "command: \"a \\x22b\" has a double quote that is not closed"},
		{"command: {a: b}", "command: a map where a list belongs"},
		{"command:",
		 "command: no value; leave the key out, or write it in quotes"},
		{"environment: [A]",
		 "environment[0]: \"A\" has no value; it would come from the environment "
		 "of whoever builds; write NAME=VALUE"},
		{"environment: {A: }",
		 "environment.A: no value; leave the key out, or write it in quotes"},
		{"environment: [A=1, A=2]",
		 "environment[1]: \"A=2\" gives a name that is there already"},
		{"ports: ['80']",
		 "ports[0]: port \"80\" names no port of the enclave; write "
		 "ENCLAVE:CONTAINER, such as \"8080:80\""},
		{"ports: [{target: 80}]", "ports[0].published: required, but not there"},
		{"ports: [{target: 80, published: 1, mode: host}]",
		 "ports[0].mode: not supported; leave it out"},
		{"volumes: ['./a:/b']",
		 "volumes[0]: volume \"./a:/b\" begins with a path that is not absolute; a "
		 "folder is one of the enclave, such as \"/srv/data:/data\""},
		{"volumes: ['n:/b']",
		 "volumes[0]: volume \"n\" is not declared; write \"volumes: {n: {}}\" at "
		 "the top level"},
		{"volumes: [{type: tmpfs, target: /a, tmpfs: {size: 1}}]",
		 "volumes[0].type: \"tmpfs\" is neither \"bind\" nor \"volume\"; a tmpfs "
		 "stands under tmpfs of the service, such as \"/cache:size=64m\""},
		{"volumes: ['/a:/proc/x']",
		 "volumes[0]: volume \"/a:/proc/x\" has a target in /proc, which is the "
		 "container's own"},
		{"tmpfs: [/proc]",
		 "tmpfs[0]: tmpfs \"/proc\" has a target in /proc, which is the "
		 "container's own"},
		{"hostname: "
		 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "hostname: \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		 "…\" is longer than 64 bytes"},
		{"volumes: [{type: bind, source: a, target: /a}]",
		 "volumes[0]: a bind has an absolute source, a volume a name or none; "
		 "read_only is true or false"},
		{"healthcheck: {interval: 1s}",
		 "healthcheck: needs \"test\" or \"disable: true\""},
		{"healthcheck: {test: [a, b]}",
		 "healthcheck.test: neither a text nor a list that begins with CMD, "
		 "CMD-SHELL or NONE"},
		{"healthcheck: {test: a, interval: 10}",
		 "healthcheck.interval: \"10\" is not a duration such as \"1m30s\" or "
		 "\"500ms\""},
		{"healthcheck: {test: a, disable: true}",
		 "healthcheck: \"disable\" cannot stand beside \"test\""},
		{"healthcheck: {test: a, start_interval: 1s}",
		 "healthcheck.start_interval: not supported: interval holds from the "
		 "start; leave it out"},
		{"restart: maybe",
		 "restart: \"maybe\" is not \"no\", \"always\", \"on-failure[:N]\" or "
		 "\"unless-stopped\""},
		{"restart: 'on-failure:x'",
		 "restart: \"x\" is not a number from 0 to 1000000"},
		{"mem_limit: 1k", "mem_limit: \"1k\" is not a size in whole MiB, such as "
				  "\"256m\""},
		{"mem_limit: 5m", "mem_limit: \"5m\" is less than Docker's minimum, 6m"},
		{"cpus: a", "cpus: \"a\" is not a number from 0.01 to 1024 with at most "
			    "three digits behind the point"},
		{"pids_limit: -1",
		 "pids_limit: \"-1\" is not a number from 1 to 4194304"},
		{"ulimits: {x: 1}",
		 "ulimits: limit \"x\" is not a limit that Docker knows"},
		{"ulimits: {core: {soft: 1}}",
		 "ulimits.core.hard: required, but not there"},
		{"cap_add: [X]", "cap_add[0]: capability \"X\" is not a capability of "
				 "Linux"},
		{"network_mode: none",
		 "network_mode: \"none\" is not \"bridge\" or \"host\""},
		{"depends_on: {b: {}}",
		 "depends_on.b.condition: required, but not there"},
		{"depends_on: {b: {condition: ok}}",
		 "depends_on.b.condition: \"ok\" is not \"service_started\", "
		 "\"service_healthy\" or \"service_completed_successfully\""},
		{"depends_on: [b]", "depends_on.b: there is no \"b\""},
		{"stop_signal: SIGX", "stop_signal: \"SIGX\" is not a signal of Linux"},
		{"extra_hosts: [a]",
		 "extra_hosts[0]: \"a\" has no address; write NAME:ADDRESS"},
		{"tmpfs: a",
		 "tmpfs[0]: tmpfs \"a\" is not an absolute path below \"/\" in "
		 "its one form"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_problems_clear) struct encl_problems problems = {0};
		struct encl_manifest *m = NULL;
		const char *got;

		snprintf(text, sizeof text, "services:\n  a:\n    image: r\n    %s\n",
			 rows[i].key);
		if (!read_with(HEAD "  compose: c.yaml\n", text, &m, &problems))
			test_fail(__FILE__, __LINE__, "accepted: %s", rows[i].key);
		got = strstr(problems.v[0], ": services.a.");
		if (problems.n != 1 || !got)
			test_fail(__FILE__, __LINE__, "%s: %s, and %zu more", rows[i].key,
				  problems.v[0], problems.n - 1);
		EQ_STR(rows[i].want, got + 13);
	}
}
