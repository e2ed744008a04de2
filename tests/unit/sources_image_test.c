/* SPDX-License-Identifier: Apache-2.0 */
/* Layouts and archives made here, right and wrong. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/spawn.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "recorder.h"
#include "sources/cache.h"
#include "sources/image_ref.h"
#include "sources/source.h"
#include "tarmake.h"
#include "test.h"

struct fixture {
	struct encl_cache *cache;
	struct encl_env env;
	struct encl_manifest m;
	struct encl_layer layer;
	json_t *pin;
	struct recorder r;
	struct encl_image_config config;
};

static void
fixture_clear(struct fixture *f)
{
	encl_cache_free(f->cache);
	json_decref(f->pin);
	recorder_clear(&f->r);
	encl_image_config_clear(&f->config);
}
ENCL_AUTO_VAL(struct fixture, fixture_clear);

static void
run(const char *command)
{
	encl_auto(encl_free) char *full =
		encl_xasprintf("cd %s; %s", test_dir(), command);
	const char *const argv[] = {"sh", "-ec", full, NULL};
	encl_auto(encl_buf_clear) struct encl_buf err = {.cap = 10000};
	int status = -1;

	OK(encl_spawn(argv, NULL, &err, 60, &status, &e));
	if (status)
		test_fail(__FILE__, __LINE__, "%s: %s", command, encl_buf_text(&err));
}

static void
set_up(struct fixture *f, const char *image)
{
	OK(encl_cache_open(test_path("c"), &f->cache, &e));
	f->env = (struct encl_env){.cache = f->cache, .jobs = 3};
	f->m = (struct encl_manifest){.folder = test_dir()};
	f->layer = (struct encl_layer){.kind = ENCL_LAYER_IMAGE, .image = image};
	recorder_init(&f->r);
	run("mkdir -p l/blobs/sha256; echo '{\"imageLayoutVersion\":\"1.0.0\"}' >l/oci-layout");
}

static int
lock(struct fixture *f)
{
	json_decref(f->pin);
	f->pin = NULL;
	return encl_image_lock(&f->env, &f->m, &f->layer, NULL, &f->pin, &e);
}

static int
emit(struct fixture *f)
{
	recorder_clear(&f->r);
	recorder_init(&f->r);
	encl_image_config_clear(&f->config);
	return encl_image_emit(&f->env, &f->m, &f->layer, f->pin, &f->r.sink, &f->config,
			       &e);
}

/* Stores a blob; its digest in one of four rotating buffers. */
static const char *
blob(const void *p, size_t n)
{
	static char texts[4][ENCL_DIGEST_TEXT];
	static unsigned next;
	char *text = texts[next++ % 4];
	struct encl_digest d;

	encl_digest_of(ENCL_SHA256, p, n, &d);
	encl_digest_format(&d, text);
	OK(encl_write_file(test_path("l/blobs/sha256/%s", text + 7), p, n, 0644, &e));
	return text;
}

static const char *
text_blob(const char *text)
{
	return blob(text, strlen(text));
}

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."

struct parts {
	const char *config;	 /* text; NULL: made */
	const char *diff_id;	 /* NULL: the right one */
	const char *layer_type;	 /* NULL: plain tar */
	const char *config_type; /* NULL: OCI */
	const char *extra;	 /* further members of the manifest */
	const char *manifest_type;
	size_t size_off;
	const char *arch;
};

/* One layer with one file; the manifest's descriptor, malloc'ed. */
static char *
make_image(struct parts p)
{
	encl_auto(encl_buf_clear) struct encl_buf tar = {.cap = 1 << 20};
	encl_auto(encl_free) char *config = NULL;
	encl_auto(encl_free) char *manifest = NULL;
	const char *layer;
	const char *type = p.manifest_type ? p.manifest_type : OCI "manifest.v1+json";

	tar_add(&tar, (struct tar_member){.name = "hello", .data = "hi\n"});
	tar_end(&tar);
	layer = blob(tar.data, tar.len);
	config =
		p.config
			? encl_xstrdup(p.config)
			: encl_xasprintf(
				  "{\"architecture\":\"%s\",\"os\":\"linux\",\"config\":{"
				  "\"Entrypoint\":[\"/e\",\"x\"],\"Cmd\":null,\"Env\":[\"A=b\"],"
				  "\"WorkingDir\":\"/w\",\"User\":\"\"},\"rootfs\":{\"type\":"
				  "\"layers\",\"diff_ids\":[\"%s\"]}}",
				  p.arch ? p.arch : "amd64",
				  p.diff_id ? p.diff_id : layer);
	manifest = encl_xasprintf(
		"{\"schemaVersion\":2%s,\"config\":{\"mediaType\":\"%s\",\"digest\":\"%s\","
		"\"size\":%zu},\"layers\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu}]}",
		p.extra ? p.extra : "",
		p.config_type ? p.config_type : OCI "config.v1+json", text_blob(config),
		strlen(config), p.layer_type ? p.layer_type : OCI "layer.v1.tar", layer,
		tar.len + p.size_off);
	return encl_xasprintf("{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu",
			      type, text_blob(manifest), strlen(manifest));
}

/* index.json of descriptors (each without its closing brace, then more). */
static void
write_index(const char *manifests)
{
	encl_auto(encl_free) char *text =
		encl_xasprintf("{\"schemaVersion\":2,\"manifests\":[%s]}", manifests);

	OK(encl_write_file(test_path("l/index.json"), text, strlen(text), 0644, &e));
}

static void
one_image(struct parts p)
{
	encl_auto(encl_free) char *d = make_image(p);
	encl_auto(encl_free) char *closed = encl_xasprintf("%s}", d);

	write_index(closed);
}

static const char hello_lines[] = "f 0644 0:0 0 hello 3 \"hi\\x0a\"\n";

TEST(sources_image_ref)
{
	static const struct {
		const char *text;
		enum encl_image_kind kind;
		const char *path, *name, *digest;
	} rows[] = {
		{"oci:./l", ENCL_IMAGE_OCI, "./l", NULL, NULL},
		{"oci:./l:v1", ENCL_IMAGE_OCI, "./l", "v1", NULL},
		{"oci:l@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		 ENCL_IMAGE_OCI, "l", NULL,
		 "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		{"docker-archive:a.tar:host:5000/x/y:1", ENCL_IMAGE_DOCKER_ARCHIVE,
		 "a.tar", "host:5000/x/y:1", NULL},
		{"oci-archive:/a@b:c", ENCL_IMAGE_OCI_ARCHIVE, "/a@b", "c", NULL},
		{"docker-daemon:team/app:1", ENCL_IMAGE_DOCKER_DAEMON, "team/app:1", NULL,
		 NULL},
		{"redis:7", ENCL_IMAGE_REGISTRY, "docker.io/library/redis:7", NULL, NULL},
		{"oci/app", ENCL_IMAGE_REGISTRY, "docker.io/oci/app", NULL, NULL},
		{"localhost:5000/a:b@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		 ENCL_IMAGE_REGISTRY,
		 "localhost:5000/"
		 "a:b@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		 NULL,
		 "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
	};
	struct encl_image_ref bad = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_image_ref_clear) struct encl_image_ref r = {0};

		OK(encl_image_ref_parse(rows[i].text, &r, &e));
		EQ_INT(rows[i].kind, r.kind);
		EQ_STR(rows[i].path, r.path);
		EQ_STR(rows[i].name ? rows[i].name : "-", r.name ? r.name : "-");
		EQ_STR(rows[i].digest ? rows[i].digest : "-", r.digest ? r.digest : "-");
	}
	FAILS(encl_image_ref_parse("docker-daemon:a/../../containers/x", &bad, &e),
	      ENCL_USAGE,
	      "docker-daemon: \"a/../../containers/x\" is not a reference to an image "
	      "(HOST/NAME[:TAG][@DIGEST]): \"a/../../containers/x\" is not a name "
	      "(words of a-z and 0-9, joined by \".\", \"_\", \"__\" or \"-\", in "
	      "folders joined by \"/\")");
	FAILS(encl_image_ref_parse("docker-daemon:", &bad, &e), ENCL_USAGE,
	      "\"docker-daemon:\": no name of an image");
	CHECK(encl_image_ref_parse("Redis:7", &bad, &e) == -1);
	EQ_INT(ENCL_USAGE, e.code);
	FAILS(encl_image_ref_parse("oci::x", &bad, &e), ENCL_USAGE,
	      "\"oci::x\": no path");
	FAILS(encl_image_ref_parse("oci:x:", &bad, &e), ENCL_USAGE,
	      "\"oci:x:\": nothing after the last colon");
	FAILS(encl_image_ref_parse("oci:x@sha256:12", &bad, &e), ENCL_USAGE,
	      "\"oci:x@sha256:12\": not a digest after @");
	CHECK(encl_image_name_equal("redis", "docker.io/library/redis:latest"));
	CHECK(encl_image_name_equal("docker.io/a/b:1", "a/b:1"));
	CHECK(!encl_image_name_equal("localhost:5000/a", "localhost:5000/a:2"));
}

TEST(sources_image_layout)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *pin = NULL;
	encl_auto(encl_free) char *want = NULL;

	set_up(&f, "oci:l");
	one_image((struct parts){0});
	OK(lock(&f));
	pin = encl_json_compact(f.pin);
	CHECK(strstr(pin, "{\"manifest\":\"sha256:") == pin);
	OK(emit(&f));
	want = encl_xasprintf(
		"begin image %s 1\n%s",
		json_string_value(json_object_get(
			json_array_get(json_object_get(f.pin, "layers"), 0), "diffId")),
		hello_lines);
	EQ_STR(want, recorded(&f.r));
	EQ_INT(2, f.config.entrypoint.n);
	EQ_STR("x", f.config.entrypoint.v[1]);
	EQ_INT(0, f.config.cmd.n);
	EQ_STR("A=b", f.config.env.v[0]);
	EQ_STR("/w", f.config.workdir);
	CHECK(f.config.user == NULL);
}

TEST(sources_image_choose)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *amd = NULL;
	encl_auto(encl_free) char *arm = NULL;
	encl_auto(encl_free) char *all = NULL;
	encl_auto(encl_free) char *nested = NULL;
	encl_auto(encl_free) char *top = NULL;
	encl_auto(encl_free) char *by_digest = NULL;
	encl_auto(json_decref) json_t *empty = json_object();

	set_up(&f, "oci:l");
	amd = make_image((struct parts){0});
	arm = make_image((struct parts){.arch = "arm64"});
	all = encl_xasprintf(
		"%s,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
		"%s,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}},"
		"%s,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\",\"variant\":\"v3\"}},"
		"%s,\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}",
		arm, arm, arm, amd);
	write_index(all);
	OK(lock(&f));
	OK(emit(&f));
	f.m.arch = ENCL_ARCH_AARCH64;
	OK(lock(&f));
	FAILS(encl_image_emit(&f.env, &f.m, &f.layer, empty, &f.r.sink, &f.config, &e),
	      ENCL_FAILED, "enclave.lock: \"config\" is missing or not a string");
	/* the same one level down, as buildx and containerd write it */
	nested = encl_xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" OCI
				"index.v1+json\",\"manifests\":[%s]}",
				all);
	top = encl_xasprintf(
		"{\"mediaType\":\"" OCI "index.v1+json\",\"digest\":\"%s\",\"size\":%zu,"
		"\"annotations\":{\"org.opencontainers.image.ref.name\":\"v1\"}},"
		"%s,\"annotations\":{\"org.opencontainers.image.ref.name\":\"old\"}}",
		text_blob(nested), strlen(nested), amd);
	write_index(top);
	f.m.arch = ENCL_ARCH_X86_64;
	FAILS(lock(&f), ENCL_FAILED,
	      "l: holds several images; name one of v1, old after a colon");
	f.layer.image = "oci:l:v2";
	FAILS(lock(&f), ENCL_FAILED, "l: no image \"v2\"; it has v1, old");
	f.layer.image = "oci:l:v1";
	OK(lock(&f));
	EQ_STR(text_blob(nested), json_string_value(json_object_get(f.pin, "index")));
	OK(emit(&f));
	by_digest = encl_xasprintf("oci:l@%s", text_blob(nested));
	f.layer.image = by_digest;
	OK(lock(&f));
	OK(emit(&f));
	f.layer.image = "oci:l";
	encl_auto(encl_free) char *only_arm = encl_xasprintf(
		"%s,\"platform\":{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\"}}",
		arm);
	write_index(only_arm);
	FAILS(lock(&f), ENCL_FAILED,
	      "l: no image for linux/amd64, only for linux/arm/v7");
	write_index("");
	FAILS(lock(&f), ENCL_FAILED, "l: holds no image");
}

TEST(sources_image_nested_too_deep)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	char *inner;

	set_up(&f, "oci:l");
	inner = make_image((struct parts){0});
	for (int i = 0; i < 5; i++) {
		encl_auto(encl_free) char *body = encl_xasprintf(
			"{\"schemaVersion\":2,\"manifests\":[%s}]}", inner);

		free(inner);
		inner = encl_xasprintf("{\"mediaType\":\"" OCI
				       "index.v1+json\",\"digest\":\"%s\",\"size\":%zu",
				       text_blob(body), strlen(body));
	}
	encl_auto(encl_free) char *closed = encl_xasprintf("%s}", inner);

	free(inner);
	write_index(closed);
	FAILS(lock(&f), ENCL_FAILED, "l: indexes nested deeper than 3");
}

/* The message with every digest as "D". */
static const char *
masked(void)
{
	static char out[1024];
	size_t n = 0;

	for (const char *p = e.msg; *p;) {
		if (!strncmp(p, "sha256:", 7) &&
		    strspn(p + 7, "0123456789abcdef") == 64) {
			out[n++] = 'D';
			p += 7 + 64;
		} else if (strspn(p, "0123456789abcdef") == 64) {
			out[n++] = 'H';
			p += 64;
		} else {
			out[n++] = *p++;
		}
	}
	out[n] = 0;
	return out;
}

TEST(sources_image_refuses)
{
	static const char zeros[] =
		"sha256:0000000000000000000000000000000000000000000000000000000000000000";
	static const struct {
		struct parts parts;
		const char *message;
	} rows[] = {
		{{.arch = "arm64"},
		 "l: config D: the image is for linux/arm64, but arch is x86_64 (linux/amd64)"},
		{{.config = "{\"architecture\":\"amd64\",\"os\":\"windows\"}"},
		 "l: config D: the image is not for linux"},
		{{.config = "{\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[]}}"},
		 "l: config D: 0 diff_ids for 1 layers"},
		{{.config =
			  "{\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"x\"]}}"},
		 "l: config D: diff_ids[0] is not a sha256 or sha512 digest"},
		{{.config = "[]"}, "l: config D: not a JSON object"},
		{{.config = "{"},
		 "l: blobs/sha256/H:1:1: not valid JSON: string or '}' expected near end of "
		 "file"},
		{{.layer_type = OCI "layer.nondistributable.v1.tar+gzip"},
		 "l: manifest D: layers[0]: foreign layers are not supported: \"" OCI
		 "layer.nondistributable.v1.tar+gzip\""},
		{{.layer_type = DOCKER "image.rootfs.foreign.diff.tar.gzip"},
		 "l: manifest D: layers[0]: foreign layers are not supported: \"" DOCKER
		 "image.rootfs.foreign.diff.tar.gzip\""},
		{{.layer_type = OCI "layer.v1.tar+gzip+encrypted"},
		 "l: manifest D: layers[0]: unsupported type of layer: \"" OCI
		 "layer.v1.tar+gzip+encrypted\""},
		{{.config_type = "application/vnd.cncf.helm.config.v1+json"},
		 "l: manifest D: not a container image, its config is "
		 "\"application/vnd.cncf.helm.config.v1+json\""},
		{{.extra = ",\"manifests\":[]"},
		 "l: D: is an index and a manifest at once; refused"},
		{{.extra = ",\"mediaType\":\"" OCI "index.v1+json\""},
		 "l: D: its mediaType is not the one that it is referred to by"},
		{{.manifest_type = OCI "index.v1+json"},
		 "l: D: its content is not of its mediaType"},
		{{.manifest_type = DOCKER "distribution.manifest.v1+prettyjws"},
		 "l: manifests[0]: Docker image manifest schema 1 is not supported; pull and "
		 "save the image with a current tool"},
		{{.size_off = 1}, "l: layer D: has 2048 bytes, its descriptor says 2049"},
	};
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f, "oci:l");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		one_image(rows[i].parts);
		CHECK(lock(&f) == -1);
		EQ_STR(rows[i].message, masked());
		EQ_INT(ENCL_FAILED, e.code);
	}
	one_image((struct parts){.diff_id = zeros});
	OK(lock(&f));
	CHECK(emit(&f) == -1);
	EQ_STR("l: layer D: DiffID mismatch: want D, its bytes have D", masked());
	write_index("{\"mediaType\":\"" OCI
		    "manifest.v1+json\",\"digest\":\"sha256:../../x\","
		    "\"size\":3}");
	FAILS(lock(&f), ENCL_FAILED,
	      "l: manifests[0]: not a sha256 or sha512 digest: \"sha256:../../x\"");
	write_index(
		"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"sha256:"
		"000000000000000000000000000000000000000000000000000000000000000a\",\"size\":-3}");
	FAILS(lock(&f), ENCL_FAILED,
	      "l: manifests[0]: \"size\" is missing or not a number of 0 or more");
	write_index(
		"{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"sha256:"
		"000000000000000000000000000000000000000000000000000000000000000a\",\"size\":3}");
	CHECK(lock(&f) == -1);
	EQ_STR("l: blobs/sha256/H is not there", masked());
}

TEST(sources_image_not_a_layout)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f, "oci:l");
	FAILS(lock(&f), ENCL_FAILED, "l: index.json is not there");
	run("rm l/oci-layout");
	FAILS(lock(&f), ENCL_FAILED, "l: not an OCI image layout: no oci-layout in it");
	f.layer.image = "oci:none";
	FAILS(lock(&f), ENCL_FAILED, "none: No such file or directory");
	run("echo x >none");
	FAILS(lock(&f), ENCL_FAILED, "none: Not a directory");
	f.layer.image = "oci-archive:none";
	FAILS(lock(&f), ENCL_FAILED, "none: Unrecognized archive format");
	run("tar -cf none l");
	f.layer.image = "docker-archive:none";
	FAILS(lock(&f), ENCL_FAILED,
	      "none: not a docker-archive: no manifest.json in it");
	run("echo '[]' >manifest.json; tar -cf none manifest.json");
	FAILS(lock(&f), ENCL_FAILED, "none: holds no image");
}

/* Damage of each blob is found, by digest. */
TEST(sources_image_tampered)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *command = NULL;
	const char *diff_id;

	set_up(&f, "oci:l");
	one_image((struct parts){0});
	OK(lock(&f));
	diff_id = json_string_value(json_object_get(
		json_array_get(json_object_get(f.pin, "layers"), 0), "diffId"));
	command = encl_xasprintf("printf X | dd of=l/blobs/sha256/%s bs=1 seek=2040 "
				 "conv=notrunc 2>/dev/null",
				 diff_id + 7);
	run(command);
	CHECK(emit(&f) == -1);
	EQ_STR("l: layer D: digest mismatch: want D, its bytes have D", masked());
	free(encl_take(command, NULL)); /* in the header: the same error */
	command = encl_xasprintf("printf X | dd of=l/blobs/sha256/%s bs=1 seek=3 "
				 "conv=notrunc 2>/dev/null",
				 diff_id + 7);
	run(command);
	CHECK(emit(&f) == -1);
	EQ_STR("l: layer D: digest mismatch: want D, its bytes have D", masked());
	free(encl_take(command, NULL));
	command = encl_xasprintf(
		"mv l/blobs/sha256/%s x; ln -s ../../../x l/blobs/sha256/%s", diff_id + 7,
		diff_id + 7);
	run(command);
	CHECK(emit(&f) == -1);
	EQ_STR("l/blobs/sha256/H: is a symbolic link, not a regular file", masked());
	run("for b in $(grep -l schemaVersion l/blobs/sha256/*); do sed -i 's/2/3/' $b; done");
	CHECK(emit(&f) == -1);
	EQ_STR("l: blobs/sha256/H: digest mismatch: its bytes have D", masked());
}

TEST(sources_image_pin)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f, "oci:l");
	one_image((struct parts){0});
	OK(lock(&f));
	one_image((struct parts){.extra = ",\"annotations\":{}"});
	CHECK(emit(&f) == -1);
	EQ_STR("lock has manifest D, l has D; run \"enclavebuild lock\"", masked());
	EQ_INT(ENCL_MISMATCH, e.code);
	/* a pin is taken whole or not at all: it is part of what is measured */
	json_object_del(f.pin, "manifest");
	CHECK(emit(&f) == -1);
	EQ_STR("the lock's words on l are not what lock writes of it; run \"enclavebuild "
	       "lock\"",
	       masked());
	EQ_INT(ENCL_MISMATCH, e.code);
	json_object_set_new(f.pin, "config", json_string("sha256:x"));
	CHECK(emit(&f) == -1);
	EQ_STR("lock has config sha256:x, l has D; run \"enclavebuild lock\"", masked());
}

/* gzip, zstd and xz layers; then from the cache; then a damaged cache. */
TEST(sources_image_compressed)
{
	static const char *const programs[] = {"gzip -n", "zstd -q --rm", "xz"};
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f, "oci:l");
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		encl_auto(encl_free) char *command = encl_xasprintf(
			"rm -rf l/blobs/sha256/* c/blobs/sha256/*; echo %zu >big; seq 200000 "
			">>big; chmod 644 big; tar --owner=0 --group=0 --mtime=@5 -cf t big; "
			"d=$(sha256sum <t | cut -c1-64); %s t; z=$(ls t.*); "
			"s=$(sha256sum <$z | cut -c1-64); n=$(stat -c %%s $z); mv $z "
			"l/blobs/sha256/$s; printf "
			"'{\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":[\"sha256:%%s\"]}}' $d "
			">conf; c=$(sha256sum <conf | cut -c1-64); cn=$(stat -c %%s conf); mv conf "
			"l/blobs/sha256/$c; printf "
			"'{\"schemaVersion\":2,\"config\":{\"mediaType\":\"" OCI
			"config.v1+json\",\"digest\":\"sha256:%%s\",\"size\":%%d},\"layers\":[{"
			"\"mediaType\":\"" OCI
			"layer.v1.tar+gzip\",\"digest\":\"sha256:%%s\",\"size\":%%d}]}' $c $cn $s $n "
			">man; m=$(sha256sum <man | cut -c1-64); mn=$(stat -c %%s man); mv man "
			"l/blobs/sha256/$m; printf "
			"'{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" OCI
			"manifest.v1+json\",\"digest\":\"sha256:%%s\",\"size\":%%d}]}' $m $mn "
			">l/index.json; echo $s >layer",
			i, programs[i]);

		run(command);
		OK(lock(&f));
		OK(emit(&f));
		CHECK(strstr(recorded(&f.r), " 1\nf 0644 0:0 5 big 1288897 ") != NULL);
		CHECK(!strstr(recorded(&f.r), "BAD CRC"));
		/* now the compressed blob need not be read at all */
		run("s=$(cat layer); cp l/blobs/sha256/$s keep; printf X | dd "
		    "of=l/blobs/sha256/$s bs=1 seek=100 conv=notrunc 2>/dev/null");
		OK(emit(&f));
		run("chmod 600 c/blobs/sha256/*; for b in c/blobs/sha256/*; do printf X | dd "
		    "of=$b bs=1 seek=700 conv=notrunc 2>/dev/null; done");
		CHECK(emit(&f) == -1);
		EQ_STR("l: layer D: cache blob D was damaged and is removed; run the command "
		       "again",
		       masked());
		CHECK(emit(&f) == -1);
		EQ_STR("l: layer D: digest mismatch: want D, its bytes have D", masked());
		run("ls -A c/tmp | grep . && exit 1; cp keep l/blobs/sha256/$(cat layer)");
		OK(emit(&f));
	}
}

/* The layout as an archive, plain and compressed; contents are read in place. */
TEST(sources_image_oci_archive)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	set_up(&f, "oci-archive:a.tar");
	one_image((struct parts){0});
	run("tar -C l -cf a.tar .");
	OK(lock(&f));
	OK(emit(&f));
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	run("gzip <a.tar >b; mv b a.tar");
	OK(emit(&f));
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	OK(emit(&f));
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	run("truncate -s 300 a.tar");
	FAILS(emit(&f), ENCL_FAILED, "a.tar: gzip data ends too early");
}

/* Docker's old format with a layer that is a link to another image's. */
TEST(sources_image_docker_archive)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *pin = NULL;

	set_up(&f, "docker-archive:a.tar");
	run("mkdir -p d/one d/two; echo hi >hello; chmod 644 hello; tar --owner=0 --group=0 "
	    "--mtime=@0 -cf d/one/layer.tar hello; ln -s ../one/layer.tar d/two/layer.tar; "
	    "i=$(sha256sum <d/one/layer.tar | cut -c1-64); printf "
	    "'{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/c\"]},\"rootfs\":"
	    "{\"diff_ids\":[\"sha256:%s\",\"sha256:%s\"]}}' $i $i >conf; c=$(sha256sum <conf | cut "
	    "-c1-64); mv conf d/$c.json; printf "
	    "'[{\"Config\":\"%s.json\",\"RepoTags\":[\"app:1\"],\"Layers\":[\"one/layer.tar\",\"two/"
	    "layer.tar\"]},{\"Config\":\"%s.json\",\"RepoTags\":[\"docker.io/library/app:2\"],"
	    "\"Layers\":[\"one/layer.tar\",\"../x\"]}]' $c $c >d/manifest.json; tar -C d -cf a.tar "
	    ".; echo $c >config");
	FAILS(lock(&f), ENCL_FAILED,
	      "a.tar: holds several images; name one of app:1, docker.io/library/app:2 after "
	      "a colon");
	f.layer.image = "docker-archive:a.tar:app";
	FAILS(lock(&f), ENCL_FAILED,
	      "a.tar: no image \"app\"; it has app:1, docker.io/library/app:2");
	f.layer.image = "docker-archive:a.tar:app:2";
	FAILS(lock(&f), ENCL_FAILED, "a.tar: manifest.json: \"../x\" leaves the archive");
	f.layer.image = "docker-archive:a.tar:docker.io/library/app:1";
	OK(lock(&f));
	pin = encl_json_compact(f.pin);
	CHECK(strstr(pin, "{\"config\":\"sha256:") == pin);
	CHECK(strstr(pin, "\"layers\":[{\"diffId\":\"sha256:") != NULL);
	OK(emit(&f));
	EQ_INT(2, f.r.layers);
	EQ_STR("/c", f.config.cmd.v[0]);
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	run("echo '{}' >d/$(cat config).json; tar -C d -cf a.tar .");
	CHECK(lock(&f) == -1);
	EQ_STR("a.tar: H.json: digest mismatch: its bytes have D", masked());
	run("rm d/$(cat config).json; tar -C d -cf a.tar .");
	CHECK(lock(&f) == -1);
	EQ_STR("a.tar: config H.json is not there", masked());
}

/* Docker 25 and newer save both formats at once: the index pins more. */
TEST(sources_image_docker_archive_with_index)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *d = NULL;
	encl_auto(encl_free) char *index = NULL;

	set_up(&f, "docker-archive:a.tar:app:1");
	d = make_image((struct parts){0});
	index = encl_xasprintf(
		"%s,\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/app:1\","
		"\"org.opencontainers.image.ref.name\":\"1\"}}",
		d);
	write_index(index);
	run("c=$(basename $(grep -l Entrypoint l/blobs/sha256/*)); d=$(sed "
	    "'s/.*diff_ids\":\\[\"sha256:\\([0-9a-f]*\\).*/\\1/' l/blobs/sha256/$c); printf "
	    "'[{\"Config\":\"blobs/sha256/%s\",\"RepoTags\":[\"app:1\",\"app:2\"],\"Layers\":[\"blobs/"
	    "sha256/%s\"]}]' $c $d >l/manifest.json; tar -C l -cf a.tar .; echo $c >id");
	OK(lock(&f));
	CHECK(json_object_get(f.pin, "manifest") != NULL);
	OK(emit(&f));
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	f.layer.image = "docker-archive:a.tar";
	OK(emit(&f));
	/* a name that only manifest.json has; its pin is the config */
	f.layer.image = "docker-archive:a.tar:app:2";
	CHECK(emit(&f) == -1);
	OK(lock(&f));
	CHECK(json_object_get(f.pin, "manifest") == NULL);
	f.layer.image = "docker-archive:a.tar:app:3";
	FAILS(lock(&f), ENCL_FAILED, "a.tar: no image \"app:3\"; it has app:1");
	/* by id, as docker images shows it */
	encl_auto(encl_free) char *id = NULL;
	encl_auto(encl_free) char *by_id = NULL;
	size_t n;

	OK(encl_read_file(test_path("id"), 100, &id, &n, &e));
	by_id = encl_xasprintf("docker-archive:a.tar@sha256:%.64s", id);
	f.layer.image = by_id;
	OK(lock(&f));
	OK(emit(&f));
	f.layer.image =
		"docker-archive:a.tar@sha256:"
		"000000000000000000000000000000000000000000000000000000000000000a";
	CHECK(lock(&f) == -1);
	EQ_STR("a.tar: no image with the id D", masked());
}

/* A sha512 DiffID has no name in the cache; the layer works all the same. */
TEST(sources_image_sha512)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_buf_clear) struct encl_buf tar = {.cap = 1 << 20};
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	set_up(&f, "oci:l");
	tar_add(&tar, (struct tar_member){.name = "hello", .data = "hi\n"});
	tar_end(&tar);
	encl_digest_of(ENCL_SHA512, tar.data, tar.len, &d);
	encl_digest_format(&d, text);
	one_image((struct parts){.diff_id = text});
	OK(lock(&f));
	OK(emit(&f));
	CHECK(strstr(recorded(&f.r), hello_lines) != NULL);
	text[8] = text[8] == '0' ? '1' : '0';
	one_image((struct parts){.diff_id = text});
	OK(lock(&f));
	CHECK(emit(&f) == -1);
	CHECK(strstr(e.msg, ": DiffID mismatch: want sha512:") != NULL);
}
