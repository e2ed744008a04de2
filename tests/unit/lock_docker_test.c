/* SPDX-License-Identifier: Apache-2.0 */
/* The docker section in the lock and in the manifest's digest. */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "build.h"
#include "lock/lock.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: '1'\n"      \
	"arch: x86_64\nboot: {kernel: {blobs: b}}\n"
#define ARCHIVE "docker:\n  engine: {archive: {path: d.tgz}}\n"
#define IMAGES                                                                           \
	"  images:\n"                                                                    \
	"    - {image: 'oci:a'}\n"                                                       \
	"    - name: x\n"                                                                \
	"      rootfs:\n"                                                                \
	"        - packages: {distribution: debian, suite: s, mirror: 'http://m/',"      \
	" install: [memcached]}\n"                                                       \
	"        - file: {path: /f, source: ./f}\n"                                      \
	"      config: {command: [c]}\n"                                                 \
	"  containers: [{name: c, image: x}]\n"

#define RUN "  containers: [{name: c, image: x}]\n"

static struct encl_manifest *
parse(const char *text)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	struct encl_manifest *m = NULL;

	OK(encl_manifest_parse(text, strlen(text), "enclave.yaml", ".", &m, &problems,
			       &e));
	return m;
}

static json_t *
items_of(const char *text)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(text);
	encl_auto(json_decref) json_t *canonical = encl_manifest_canonical(m);

	return encl_lock_items(canonical);
}

TEST(lock_docker_items)
{
	encl_auto(json_decref) json_t *items = items_of(HEAD ARCHIVE IMAGES);
	encl_auto(encl_free) char *text = encl_json_compact(items);

	EQ_STR("{\"arch\":\"x86_64\",\"rootfs\":[],\"kernel\":{\"blobs\":\"b\"},"
	       "\"init\":\"builtin\",\"ramdisk\":{\"format\":\"cpio\",\"compression\":"
	       "\"none\"},\"docker\":{\"engine\":{\"archive\":{"
	       "\"path\":\"d.tgz\"}},\"images\":[{\"image\":\"oci:a\"},{\"name\":"
	       "\"x:latest\",\"rootfs\":[{"
	       "\"packages\":{\"distribution\":\"debian\",\"sources\":[{\"suite\":\"s\","
	       "\"components\":[\"main\"]}],\"install\":[\"memcached\"],\"essential\":"
	       "\"false\",\"docs\":true,\"dpkgStatus\":true}},{\"file\":{\"path\":\"/f\","
	       "\"source\":\"./f\",\"mode\":\"0644\"}}],\"config\":{\"command\":[\"c\"]}}]}}",
	       text);
}

static json_t *
pinned(const char *text)
{
	encl_auto(json_decref) json_t *items = items_of(text);
	json_t *lock = encl_lock_new(items);
	json_t *docker = json_object_get(lock, "docker");
	json_t *images = json_object_get(docker, "images");

	json_object_set_new(json_object_get(docker, "engine"), "pin",
			    json_pack("{s:s}", "sha256", "e"));
	json_object_set_new(json_array_get(images, 0), "pin",
			    json_pack("{s:s}", "manifest", "i"));
	json_object_set_new(
		json_array_get(images, 1), "pin",
		json_pack("{s:[{s:[]}, {s:s}]}", "layers", "packages", "sha256", "f"));
	json_object_set_new(json_object_get(lock, "kernel"), "pin", json_object());
	return lock;
}

TEST(lock_docker_written_and_read)
{
	encl_auto(json_decref) json_t *lock = pinned(HEAD ARCHIVE IMAGES);
	encl_auto(json_decref) json_t *again = NULL;
	encl_auto(json_decref) json_t *without = NULL;
	json_t *bad = NULL;
	const json_t *images;

	OK(encl_lock_write(test_path("l"), lock, &e));
	OK(encl_lock_read(test_path("l"), &again, &e));
	CHECK(json_equal(lock, again));
	images = json_object_get(json_object_get(again, "docker"), "images");
	EQ_STR("f",
	       json_string_value(json_object_get(
		       json_array_get(
			       json_object_get(
				       json_object_get(json_array_get(images, 1), "pin"),
				       "layers"),
			       1),
		       "sha256")));
	json_object_del(json_object_get(json_object_get(again, "docker"), "engine"),
			"pin");
	OK(encl_lock_write(test_path("l"), again, &e));
	EQ_INT(-1, encl_lock_read(test_path("l"), &bad, &e));
	EQ_INT(ENCL_MISMATCH, e.code);
	/* other locks keep their bytes */
	without = pinned(HEAD "rootfs: [{image: 'oci:a'}]\napp: {command: [c]}\n");
	CHECK(!json_object_get(without, "docker"));
}

static void
changes(const char *a, const char *b, const char *want)
{
	encl_auto(json_decref) json_t *lock = pinned(a);
	encl_auto(json_decref) json_t *items = items_of(b);
	encl_auto(encl_buf_clear) struct encl_buf changed = {.cap = 1000};

	encl_lock_compare(lock, items, &changed);
	EQ_STR(want, encl_buf_text(&changed));
}

TEST(lock_docker_compare)
{
	static const char app[] =
		HEAD "rootfs: [{image: 'oci:a'}]\napp: {command: [c]}\n";

	changes(HEAD ARCHIVE IMAGES, HEAD ARCHIVE IMAGES, "");
	/* what decides no bytes of an image */
	changes(HEAD ARCHIVE "  images: [{image: 'oci:a'}]\n" RUN,
		HEAD "docker:\n  engine: {archive: {path: d.tgz}, cli: true}\n"
		     "  images: [{image: 'oci:a'}]\n" RUN,
		"");
	changes(HEAD ARCHIVE "  images: [{image: 'oci:a'}, {image: 'oci:b'}]\n" RUN,
		HEAD "docker:\n  engine: {archive: {path: e.tgz}}\n"
		     "  images: [{image: 'oci:a'}, {image: 'oci:c'}]\n" RUN,
		"docker.engine.archive.path, docker.images[1].image");
	changes(app, HEAD "rootfs: [{image: 'oci:a'}]\n" ARCHIVE IMAGES, "docker");
}

TEST(lock_docker_find)
{
	encl_auto(json_decref) json_t *lock = pinned(HEAD ARCHIVE IMAGES);
	encl_auto(json_decref) json_t *items = items_of(HEAD ARCHIVE IMAGES);
	const json_t *docker = json_object_get(items, "docker");
	const json_t *pin = encl_lock_find(lock, json_object_get(docker, "engine"));

	EQ_STR("e", json_string_value(json_object_get(pin, "sha256")));
	pin = encl_lock_find(lock, json_array_get(json_object_get(docker, "images"), 1));
	EQ_INT(2, json_array_size(json_object_get(pin, "layers")));
}

static void
digest(const char *text, const char *file_pin, char out[ENCL_DIGEST_TEXT])
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(text);
	encl_auto(json_decref) json_t *lock = pinned(text);
	json_t *images = json_object_get(json_object_get(lock, "docker"), "images");
	json_t *pin = json_object_get(json_array_get(images, 1), "pin");
	struct encl_digest d;

	if (pin)
		json_object_set_new(json_array_get(json_object_get(pin, "layers"), 1),
				    "sha256", json_string(file_pin));
	encl_manifest_digest(m, lock, &d);
	encl_digest_format(&d, out);
}

/* Paths are replaced by pins: moving a file changes nothing, its bytes do. */
TEST(lock_docker_manifest_digest)
{
	char a[ENCL_DIGEST_TEXT], b[ENCL_DIGEST_TEXT];
	char moved[2048] = HEAD "docker:\n  engine: {archive: {path: /x/d.tgz}}\n" IMAGES;
	char *p;

	digest(HEAD ARCHIVE IMAGES, "f", a);
	while ((p = strstr(moved, "./f")))
		memcpy(p, "h/g", 3);
	while ((p = strstr(moved, "oci:a")))
		memcpy(p, "oci:z", 5);
	digest(moved, "f", b);
	EQ_STR(a, b);
	digest(moved, "g", b);
	CHECK(strcmp(a, b) != 0);
	p = strstr(moved, "command: [c]");
	memcpy(p, "command: [d]", 12);
	digest(moved, "f", b);
	CHECK(strcmp(a, b) != 0);
}
