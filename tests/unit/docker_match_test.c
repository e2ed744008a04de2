/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/tmpfile.h"
#include "docker/docker.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: '1'\n"      \
	"arch: x86_64\nboot: {kernel: {blobs: b}}\ndocker:\n"                            \
	"  engine: {packages: {distribution: debian, suite: s, install: [docker.io]}}\n" \
	"  images: [{image: 'oci:a'}, {image: 'oci:b'}, {image: 'oci:c'}]\n"
#define ID "sha256:0123456789012345678901234567890123456789012345678901234567890123"

static int
match(const char *rest, struct encl_manifest **m)
{
	static const char *names[] = {"memcached:1.6", "redis:latest"};
	static struct encl_docker_loaded v[] = {
		{.id = "sha256:1",
		 .names = &names[0],
		 .n_names = 1,
		 .has_entrypoint = true,
		 .has_health = true},
		{.id = ID},
		{.id = "sha256:3", .names = &names[1], .n_names = 1, .has_command = true},
	};
	const struct encl_docker_images loaded = {.v = v, .n = 3};
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	char text[2048];

	snprintf(text, sizeof text, "%s%s", HEAD, rest);
	OK(encl_manifest_parse(text, strlen(text), "enclave.yaml", test_dir(), m,
			       &problems, &e));
	return encl_docker_match_images(*m, &loaded, &e);
}

TEST(docker_match_finds)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;

	OK(match("  containers:\n"
		 "    - {name: a, image: redis}\n"
		 "    - {name: b, image: 'docker.io/library/memcached:1.6'}\n"
		 "    - {name: c, image: '" ID "', command: [x]}\n"
		 "    - {name: d, image: 'x@" ID "', entrypoint: [x]}\n",
		 &m));
	EQ_INT(2, m->docker.containers[0].image_index);
	EQ_INT(0, m->docker.containers[1].image_index);
	EQ_INT(1, m->docker.containers[2].image_index);
	EQ_INT(1, m->docker.containers[3].image_index);
}

TEST(docker_match_refuses)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;

	FAILS(match("  containers:\n    - {name: a, image: 'redis:7'}\n", &m), ENCL_USAGE,
	      "enclave.yaml:11:24: docker.containers[0].image: \"redis:7\" is none of the "
	      "preloaded images (memcached:1.6, " ID
	      ", redis:latest); add it to docker.images");
}

TEST(docker_match_refuses_of_compose)
{
	static const char compose[] = "services:\n  web:\n    image: nginx\n";
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	char want[5000];

	OK(encl_write_file(test_path("c.yaml"), compose, strlen(compose), 0644, &e));
	snprintf(want, sizeof want,
		 "%s:3:12: services.web.image: \"nginx:latest\" is none of the preloaded "
		 "images (memcached:1.6, " ID ", redis:latest); add it to docker.images",
		 test_path("c.yaml"));
	FAILS(match("  compose: c.yaml\n", &m), ENCL_USAGE, want);
}

TEST(docker_match_program)
{
	static const struct {
		const char *container, *want; /* NULL: it is fine */
	} rows[] = {
		{"image: 'memcached:1.6'", NULL},
		{"image: 'memcached:1.6', command: []", NULL},
		{"image: redis, entrypoint: []", NULL},
		{"image: 'memcached:1.6', entrypoint: []", "memcached:1.6"},
		{"image: '" ID "'", ID},
		{"image: '" ID "', command: []", ID},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
		char text[512], want[512];

		snprintf(text, sizeof text, "  containers:\n    - {name: a, %s}\n",
			 rows[i].container);
		if (!rows[i].want) {
			OK(match(text, &m));
			continue;
		}
		snprintf(
			want, sizeof want,
			"enclave.yaml:11:7: docker.containers[0]: neither it nor the image "
			"\"%s\" says what is run; give it a command",
			rows[i].want);
		FAILS(match(text, &m), ENCL_USAGE, want);
	}
}

TEST(docker_match_health)
{
	static const char containers[] = "  containers:\n"
					 "    - {name: a, image: 'memcached:1.6'}\n"
					 "    - {name: b, image: redis}\n"
					 "    - {name: c, image: redis, healthcheck: "
					 "{command: [x]}}\n";
	static const char compose[] =
		"services:\n"
		"  a: {image: redis}\n"
		"  b: {image: redis, depends_on: {a: {condition: service_healthy}}}\n";
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_manifest_free) struct encl_manifest *m2 = NULL;
	encl_auto(encl_manifest_free) struct encl_manifest *m3 = NULL;
	encl_auto(encl_manifest_free) struct encl_manifest *m4 = NULL;
	char text[1024], want[5000];

	snprintf(text, sizeof text,
		 "%s    - {name: d, image: redis, dependsOn: {a: healthy, c: healthy, b: "
		 "started}}\n",
		 containers);
	OK(match(text, &m));
	snprintf(text, sizeof text,
		 "%s    - {name: d, image: redis, dependsOn: {b: healthy}}\n",
		 containers);
	FAILS(match(text, &m2), ENCL_USAGE,
	      "enclave.yaml:14:7: docker.containers[3].dependsOn.b: neither \"b\" nor its "
	      "image has a healthcheck; give it one, or wait for its start");
	snprintf(text, sizeof text,
		 "%sservices: [{name: s, command: [x], dependsOn: {b: healthy}}]\n",
		 containers);
	FAILS(match(text, &m3), ENCL_USAGE,
	      "enclave.yaml:14:12: services[0].dependsOn.b: neither \"b\" nor its image "
	      "has a healthcheck; give it one, or wait for its start");
	OK(encl_write_file(test_path("c.yaml"), compose, strlen(compose), 0644, &e));
	snprintf(want, sizeof want,
		 "%s:3:3: services.b.depends_on.a: neither \"a\" nor its image has a "
		 "healthcheck; give it one, or wait for its start",
		 test_path("c.yaml"));
	FAILS(match("  compose: c.yaml\n", &m4), ENCL_USAGE, want);
}
