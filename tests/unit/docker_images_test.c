/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images into the tree.  The constants of docker_images_store are what Docker
 * 20.10 and 26.1 made of the same archive by `docker load`.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "docker/docker.h"
#include "docker/tar.h"
#include "sources/cache.h"
#include "tarmake.h"
#include "test.h"

struct fixture {
	struct encl_cache *cache;
	struct encl_env env;
	struct encl_manifest m;
	struct encl_docker_image images[3];
	struct encl_layer layers[3];
	json_t *pins;
	struct encl_tree *tree;
	struct encl_docker_images got;
};

static void
fixture_clear(struct fixture *f)
{
	encl_docker_images_clear(&f->got);
	encl_tree_free(f->tree);
	json_decref(f->pins);
	encl_cache_free(f->cache);
}
ENCL_AUTO_VAL(struct fixture, fixture_clear);

static void
set_up(struct fixture *f, size_t n)
{
	OK(encl_cache_open(test_path("c"), &f->cache, &e));
	f->env = (struct encl_env){.cache = f->cache, .jobs = 2};
	f->m = (struct encl_manifest){
		.file = "enclave.yaml", .folder = test_dir(), .source_date_epoch = 86400};
	f->m.docker.images = f->images;
	f->m.docker.n_images = n;
	for (size_t i = 0; i < n; i++)
		f->images[i].pos =
			(struct encl_pos){.line = (unsigned)i + 1, .column = 3};
}

static int
lock(struct fixture *f)
{
	json_decref(f->pins);
	f->pins = json_array();
	for (size_t i = 0; i < f->m.docker.n_images; i++) {
		json_t *pin = NULL;

		if (encl_docker_image_lock(&f->env, &f->m, &f->images[i], NULL, &pin, &e))
			return -1;
		json_array_append_new(f->pins, pin);
	}
	return 0;
}

static int
install(struct fixture *f, bool layers)
{
	encl_tree_free(f->tree);
	f->tree = encl_tree_new(NULL);
	encl_docker_images_clear(&f->got);
	return encl_docker_install_images(&f->env, &f->m, f->pins, layers, f->tree,
					  &f->got, &e);
}

static char *
hex_of(const void *p, size_t n)
{
	struct encl_digest d;
	char text[ENCL_DIGEST_TEXT];

	encl_digest_of(ENCL_SHA256, p, n, &d);
	encl_digest_format(&d, text);
	return encl_xstrdup(text + 7);
}

/* A docker-archive of one image; layers are tars. */
static void
write_archive(const char *file, const struct encl_buf *layers, size_t n, const char *tags,
	      const char *config_more)
{
	encl_auto(encl_buf_clear) struct encl_buf tar = {.cap = 1 << 20};
	encl_auto(encl_buf_clear) struct encl_buf ids = {.cap = 10000};
	encl_auto(encl_buf_clear) struct encl_buf files = {.cap = 10000};

	for (size_t i = 0; i < n; i++) {
		encl_auto(encl_free) char *hex = hex_of(layers[i].data, layers[i].len);
		encl_auto(encl_free) char *name = encl_xasprintf("%s/layer.tar", hex);

		encl_buf_add_fmt(&ids, "%s\"sha256:%s\"", i ? "," : "", hex);
		encl_buf_add_fmt(&files, "%s\"%s\"", i ? "," : "", name);
		tar_add(&tar, (struct tar_member){.name = name,
						  .data = (const char *)layers[i].data,
						  .size = layers[i].len});
	}
	encl_auto(encl_free) char *config = encl_xasprintf(
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":[\"/x\"]%s},"
		"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
		config_more, encl_buf_text(&ids));
	encl_auto(encl_free) char *manifest = encl_xasprintf(
		"[{\"Config\":\"c.json\",\"RepoTags\":%s,\"Layers\":[%s]}]", tags,
		encl_buf_text(&files));

	tar_add(&tar, (struct tar_member){.name = "c.json", .data = config});
	tar_add(&tar, (struct tar_member){.name = "manifest.json", .data = manifest});
	tar_end(&tar);
	OK(encl_write_file(test_path("%s", file), tar.data, tar.len, 0644, &e));
}

/* one.tar: two layers; two.tar: the same and a third. */
static void
write_images(void)
{
	struct encl_buf l[3] = {{.cap = 1 << 16}, {.cap = 1 << 16}, {.cap = 1 << 16}};

	tar_add(&l[0], (struct tar_member){.name = "etc/", .type = '5', .mode = 0755});
	tar_add(&l[0], (struct tar_member){.name = "etc/a", .data = "aaa"});
	tar_add(&l[0],
		(struct tar_member){.name = "etc/b", .type = '1', .link = "etc/a"});
	tar_add(&l[0], (struct tar_member){.name = "s", .type = '2', .link = "etc/a"});
	tar_end(&l[0]);
	tar_add(&l[1], (struct tar_member){.name = "etc/.wh.a"});
	tar_add(&l[1], (struct tar_member){.name = "new", .data = "12345"});
	tar_end(&l[1]);
	tar_add(&l[2], (struct tar_member){.name = "s", .data = "file now"});
	tar_end(&l[2]);
	write_archive(
		"one.tar", l, 2, "[\"docker.io/library/one:1\",\"one:x\"]",
		",\"StopSignal\":\"SIGINT\",\"Healthcheck\":{\"Test\":[\"CMD\",\"/h\"]}");
	write_archive("two.tar", l, 3, "[\"two\"]",
		      ",\"Healthcheck\":{\"Test\":[\"NONE\"]}");
	for (size_t i = 0; i < 3; i++)
		encl_buf_clear(&l[i]);
}

static void
two_images(struct fixture *f)
{
	write_images();
	set_up(f, 2);
	f->images[0].image = "docker-archive:one.tar";
	f->images[1].image = "docker-archive:two.tar";
	OK(lock(f));
}

struct listing {
	struct encl_buf out;
	const char *below;
};

static int
list_one(void *arg, const struct encl_node *n, const char *path, struct encl_err *err)
{
	struct listing *l = arg;
	const struct encl_inode *i = n->inode;
	char text[1000] = "";

	if (strncmp(path, l->below, strlen(l->below)) != 0)
		return 0;
	path += strlen(l->below);
	if (i->type == ENCL_REG && i->content.size < sizeof text &&
	    encl_content_read(&i->content, 0, text, (size_t)i->content.size, err))
		return -1;
	encl_buf_add_fmt(&l->out, "%04o %s%s%s\n", i->mode, path,
			 i->type == ENCL_DIR	   ? "/"
			 : i->type == ENCL_CHR	   ? " gone"
			 : i->type == ENCL_SYMLINK ? " -> "
						   : " = ",
			 i->type == ENCL_SYMLINK ? i->link : text);
	return 0;
}

static char *
listed(struct encl_tree *t, const char *below)
{
	struct listing l = {.out = {.cap = 1 << 20}, .below = below};

	OK(encl_tree_walk(t, list_one, &l, &e));
	return (char *)encl_buf_steal(&l.out, NULL);
}

#define ID1  "8ce3b02c81fa9c45c0919327ae333295da312455f3113e7468010fba23260600"
#define ID2  "39639df2776824fcddc913342bbbca2277956ed0f8c70d08c0f26010bcde2bf7"
#define C1   "78ca72ad3f5e0d8f76bd37e6b0c652cb8b54b64fe2ba9e5aa7be53a6ed417c71"
#define C2   "624d5b173074ddacac151526f10e98e15b9518c7d103165c82a87e1a2198712f"
#define C3   "d184b067913d5460d212224756f2caca0c4a0bb6fdd3085c7fcc0e3597e5908c"
#define D2   "77b2352b8cd398c4a4c838a5bd31c72b136298d19a8b81e5ea9832a4455397c7"
#define MADE "c882e38d8c3e4ff5d2cdf6d00f293c51e892b933fc360be78212070f08effaf6"
#define D3   "be2d6d612ab41067d27d5ec4cc0dea6ca3097e3aa4b187999fe5cfbdf164497d"

TEST(docker_images_layers)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *got = NULL;

	two_images(&f);
	OK(install(&f, true));
	got = listed(f.tree, ".enclave/docker/layers/");
	EQ_STR("0755 " C2 "/\n"
	       "0755 " C2 "/etc/\n"
	       "0000 " C2 "/etc/a gone\n"
	       "0644 " C2 "/new = 12345\n"
	       "0755 " C1 "/\n"
	       "0755 " C1 "/etc/\n"
	       "0644 " C1 "/etc/a = aaa\n"
	       "0644 " C1 "/etc/b = aaa\n"
	       "0777 " C1 "/s -> etc/a\n"
	       "0755 " C3 "/\n"
	       "0644 " C3 "/s = file now\n",
	       got);
	CHECK(!encl_tree_find(f.tree, ENCL_DOCKER_ARCHIVE_PATH));
	EQ_INT(0700, encl_tree_find(f.tree, "/.enclave/docker")->inode->mode);
}

TEST(docker_images_store)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *image = NULL;
	encl_auto(encl_free) char *driver = NULL;

	two_images(&f);
	OK(install(&f, true));
	EQ_INT(2, f.got.n);
	EQ_STR("sha256:" ID1, f.got.v[0].id);
	EQ_INT(2, f.got.v[0].n_names);
	EQ_STR("one:1", f.got.v[0].names[0]);
	EQ_STR("one:x", f.got.v[0].names[1]);
	CHECK(f.got.v[0].has_health);
	EQ_STR("SIGINT", f.got.v[0].stop_signal);
	EQ_INT(13, f.got.v[0].bytes);
	EQ_STR("sha256:" ID2, f.got.v[1].id);
	EQ_STR("two:latest", f.got.v[1].names[0]);
	CHECK(!f.got.v[1].has_health && !f.got.v[1].stop_signal);
	EQ_INT(21, f.got.v[1].bytes);
	EQ_INT(21, f.got.bytes);
	image = listed(f.tree, ".enclave/docker/store/image/overlay2/layerdb/sha256/");
	EQ_STR("0700 " C2 "/\n"
	       "0644 " C2 "/cache-id = " C2 "\n"
	       "0644 " C2 "/diff = sha256:" D2 "\n"
	       "0644 " C2 "/parent = sha256:" C1 "\n"
	       "0644 " C2 "/size = 5\n"
	       "0700 " C1 "/\n"
	       "0644 " C1 "/cache-id = " C1 "\n"
	       "0644 " C1 "/diff = sha256:" C1 "\n"
	       "0644 " C1 "/size = 8\n"
	       "0700 " C3 "/\n"
	       "0644 " C3 "/cache-id = " C3 "\n"
	       "0644 " C3 "/diff = sha256:" D3 "\n"
	       "0644 " C3 "/parent = sha256:" C2 "\n"
	       "0644 " C3 "/size = 8\n",
	       image);
	driver = listed(f.tree, ".enclave/docker/store/overlay2/");
	EQ_STR("0710 " C2 "/\n"
	       "0600 " C2 "/committed = \n"
	       "0777 " C2 "/diff -> /.enclave/docker/layers/" C2 "\n"
	       "0644 " C2 "/link = MJGVWFZQOTO2ZLAVCUTPCDUY4F\n"
	       "0644 " C2 "/lower = l/PDFHFLJ7LYGY65V5G7TLBRSSZO\n"
	       "0710 " C1 "/\n"
	       "0600 " C1 "/committed = \n"
	       "0777 " C1 "/diff -> /.enclave/docker/layers/" C1 "\n"
	       "0644 " C1 "/link = PDFHFLJ7LYGY65V5G7TLBRSSZO\n"
	       "0710 " C3 "/\n"
	       "0600 " C3 "/committed = \n"
	       "0777 " C3 "/diff -> /.enclave/docker/layers/" C3 "\n"
	       "0644 " C3 "/link = 2GCLAZ4RHVKGBUQSEJDVN4WKZI\n"
	       "0644 " C3
	       "/lower = l/MJGVWFZQOTO2ZLAVCUTPCDUY4F:l/PDFHFLJ7LYGY65V5G7TLBRSSZO\n"
	       "0700 l/\n"
	       "0777 l/2GCLAZ4RHVKGBUQSEJDVN4WKZI -> ../" C3 "/diff\n"
	       "0777 l/MJGVWFZQOTO2ZLAVCUTPCDUY4F -> ../" C2 "/diff\n"
	       "0777 l/PDFHFLJ7LYGY65V5G7TLBRSSZO -> ../" C1 "/diff\n",
	       driver);
}

TEST(docker_images_repositories)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *got = NULL;

	two_images(&f);
	OK(install(&f, true));
	got = listed(f.tree, ".enclave/docker/store/image/overlay2/repositories");
	EQ_STR("0600 .json = {\"Repositories\":{\"one\":{\"one:1\":\"sha256:" ID1
	       "\",\"one:x\":\"sha256:" ID1 "\"},\"two\":{\"two:latest\":\"sha256:" ID2
	       "\"}}}\n",
	       got);
}

static char *
digest_of_tree(struct encl_tree *t)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 22};
	struct encl_sink_buf sink;

	OK(encl_tree_normalise(t, 86400, ENCL_ROOT_CPIO, &e));
	encl_sink_buf_init(&sink, &b, "tar");
	OK(encl_tar_write(t, &sink.sink, &e));
	return hex_of(b.data, b.len);
}

TEST(docker_images_same_bytes)
{
	for (int layers = 0; layers < 2; layers++) {
		encl_auto(fixture_clear) struct fixture f = {0};
		encl_auto(encl_free) char *one = NULL;
		encl_auto(encl_free) char *two = NULL;

		two_images(&f);
		OK(install(&f, layers));
		one = digest_of_tree(f.tree);
		OK(install(&f, layers));
		two = digest_of_tree(f.tree);
		EQ_STR(one, two);
	}
}

/* The archive is a source of its own, with the same images in it. */
TEST(docker_images_archive)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *bytes = NULL;
	const struct encl_node *n;

	two_images(&f);
	OK(install(&f, false));
	n = encl_tree_find(f.tree, ENCL_DOCKER_ARCHIVE_PATH);
	CHECK(n && n->inode->type == ENCL_REG);
	EQ_INT(0600, n->inode->mode);
	CHECK(!encl_tree_find(f.tree, "/.enclave/docker/store"));
	bytes = encl_xmalloc((size_t)n->inode->content.size);
	OK(encl_content_read(&n->inode->content, 0, bytes, (size_t)n->inode->content.size,
			     &e));
	EQ_INT(encl_crc32(0, bytes, (size_t)n->inode->content.size),
	       n->inode->content.crc);
	OK(encl_write_file(test_path("all.tar"), bytes, (size_t)n->inode->content.size,
			   0644, &e));
	EQ_INT(6144, f.got.v[0].bytes); /* the tars themselves */
	f.images[0].image = "docker-archive:all.tar:one:x";
	f.images[1].image = "docker-archive:all.tar:two";
	OK(lock(&f));
	OK(install(&f, true));
	EQ_STR("sha256:" ID1, f.got.v[0].id);
	EQ_STR("sha256:" ID2, f.got.v[1].id);
	EQ_INT(2, f.got.v[0].n_names);
}

/* ---- made of layers ---- */

static void
made(struct fixture *f)
{
	static const char *v[] = {"/app", "--x"};

	OK(encl_write_file(test_path("app"), "app\n", 4, 0755, &e));
	f->layers[0] = (struct encl_layer){.kind = ENCL_LAYER_FILE,
					   .path = "/etc/conf",
					   .at = "/",
					   .content = "c=1\n",
					   .mode = 0644};
	f->layers[1] = (struct encl_layer){.kind = ENCL_LAYER_FILE,
					   .path = "/app",
					   .at = "/",
					   .source = "app",
					   .mode = 0755};
	f->images[0].name = "app";
	f->images[0].layers = f->layers;
	f->images[0].n_layers = 2;
	f->images[0].entrypoint = (struct encl_strings){v, 2};
}

TEST(docker_images_made)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *got = NULL;
	encl_auto(encl_free) char *layers = NULL;
	char *space;

	set_up(&f, 1);
	made(&f);
	OK(lock(&f));
	EQ_INT(2, json_array_size(json_object_get(json_array_get(f.pins, 0), "layers")));
	OK(install(&f, true));
	EQ_STR("app:latest", f.got.v[0].names[0]);
	got = listed(f.tree,
		     ".enclave/docker/store/image/overlay2/imagedb/content/sha256/");
	space = strchr(strchr(got, ' ') + 1, ' ');
	EQ_STR(" = {\"architecture\":\"amd64\",\"config\":{\"Entrypoint\":[\"/app\",\"--x\"],"
	       "\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"]},"
	       "\"created\":\"1970-01-02T00:00:00Z\",\"history\":[{\"created\":\"1970-01-02T00:00:00Z\","
	       "\"created_by\":\"enclavebuild\"}],\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:"
	       "c882e38d8c3e4ff5d2cdf6d00f293c51e892b933fc360be78212070f08effaf6\"],\"type\":\"layers\"}}\n",
	       space);
	layers = listed(f.tree, ".enclave/docker/layers/");
	EQ_STR("0755 " MADE "/\n"
	       "0755 " MADE "/app = app\n\n"
	       "0755 " MADE "/etc/\n"
	       "0644 " MADE "/etc/conf = c=1\n\n",
	       layers);
}

/* By layers or by an archive it is the same image. */
TEST(docker_images_made_twice)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *id = NULL;

	set_up(&f, 1);
	made(&f);
	OK(lock(&f));
	OK(install(&f, true));
	id = encl_xstrdup(f.got.v[0].id);
	OK(install(&f, false));
	EQ_STR(id, f.got.v[0].id);
}

/* A base's config, as a Dockerfile would take it over. */
TEST(docker_images_made_on_base)
{
	static const char *cmd[] = {"/y"};
	static struct encl_pair env[] = {{"A", "own"}, {"PATH", "/p"}};
	struct encl_buf l = {.cap = 1 << 16};
	encl_auto(fixture_clear) struct fixture f = {0};
	encl_auto(encl_free) char *got = NULL;

	tar_add(&l, (struct tar_member){.name = "x", .data = "x"});
	tar_end(&l);
	write_archive(
		"b.tar", &l, 1, "null",
		",\"Entrypoint\":[\"/e\"],\"Env\":[\"A=base\",\"B=base\"],\"User\":\"u\","
		"\"WorkingDir\":\"/w\"");
	encl_buf_clear(&l);
	set_up(&f, 1);
	f.layers[0] = (struct encl_layer){.kind = ENCL_LAYER_IMAGE,
					  .image = "docker-archive:b.tar"};
	f.images[0].name = "x:1";
	f.images[0].layers = f.layers;
	f.images[0].n_layers = 1;
	f.images[0].command = (struct encl_strings){cmd, 1};
	f.images[0].env = (struct encl_pairs){env, 2};
	f.images[0].workdir = "/own";
	f.images[0].stop_signal = "SIGQUIT";
	OK(lock(&f));
	OK(install(&f, true));
	got = listed(f.tree,
		     ".enclave/docker/store/image/overlay2/imagedb/content/sha256/");
	CHECK(strstr(
		got,
		"\"config\":{\"Cmd\":[\"/y\"],\"Entrypoint\":[\"/e\"],\"Env\":[\"A=own\","
		"\"PATH=/p\",\"B=base\"],\"StopSignal\":\"SIGQUIT\",\"User\":\"u\","
		"\"WorkingDir\":\"/own\"}"));
	EQ_STR("SIGQUIT", f.got.v[0].stop_signal);
}

/* Docker reads signals in any case, and takes SIGTERM for what is none. */
TEST(docker_images_stop_signal)
{
	static const struct {
		const char *config, *want;
	} rows[] = {{",\"StopSignal\":\"sigquit\"", "SIGQUIT"},
		    {",\"StopSignal\":\"rtmin+3\"", "RTMIN+3"},
		    {",\"StopSignal\":\"SIGNOPE\"", NULL},
		    {",\"StopSignal\":\"\"", NULL},
		    {",\"StopSignal\":null", NULL}};
	struct encl_buf l = {.cap = 1 << 16};

	tar_end(&l);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(fixture_clear) struct fixture f = {0};

		write_archive("b.tar", &l, 1, "null", rows[i].config);
		set_up(&f, 1);
		f.images[0].image = "docker-archive:b.tar";
		f.images[0].name = "x:1";
		OK(lock(&f));
		OK(install(&f, true));
		CHECK(!rows[i].want == !f.got.v[0].stop_signal);
		if (rows[i].want)
			EQ_STR(rows[i].want, f.got.v[0].stop_signal);
	}
	encl_buf_clear(&l);
}

/* An image made here has its base's stop signal. */
TEST(docker_images_made_stop_signal)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_buf l = {.cap = 1 << 16};

	tar_end(&l);
	write_archive("b.tar", &l, 1, "null", ",\"StopSignal\":\"SIGQUIT\"");
	encl_buf_clear(&l);
	set_up(&f, 1);
	f.layers[0] = (struct encl_layer){.kind = ENCL_LAYER_IMAGE,
					  .image = "docker-archive:b.tar"};
	f.images[0].name = "x:1";
	f.images[0].layers = f.layers;
	f.images[0].n_layers = 1;
	OK(lock(&f));
	OK(install(&f, true));
	EQ_STR("SIGQUIT", f.got.v[0].stop_signal);
}

/* What the daemon could not read is no image. */
TEST(docker_images_unreadable_config)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_buf l = {.cap = 1 << 16};

	tar_end(&l);
	write_archive("b.tar", &l, 1, "null", ",\"Env\":[\"A=b\",5]");
	encl_buf_clear(&l);
	set_up(&f, 1);
	f.images[0].image = "docker-archive:b.tar";
	f.images[0].name = "x:1";
	OK(lock(&f));
	FAILS(install(&f, true), ENCL_FAILED,
	      "enclave.yaml:1:3: docker.images[0]: b.tar: config.Env is not a list of "
	      "strings");
}

/* ---- refused ---- */

TEST(docker_images_names)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	two_images(&f);
	f.images[1].name = "docker.io/library/one:x";
	FAILS(install(&f, true), ENCL_USAGE,
	      "enclave.yaml:2:3: docker.images[1]: name: \"one:x\" is the name of "
	      "docker.images[0] too; give one of them another with \"name\"");
	f.images[1].name = "Two";
	FAILS(install(&f, false), ENCL_USAGE,
	      "enclave.yaml:2:3: docker.images[1]: name: \"Two\" is not a name that Docker "
	      "gives an image (NAME:TAG, in lower case)");
	f.images[1].name = "three:3";
	OK(install(&f, true));
	EQ_INT(1, f.got.v[1].n_names);
	EQ_STR("three:3", f.got.v[1].names[0]);
}

TEST(docker_images_no_name)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_buf l = {.cap = 1 << 16};

	tar_end(&l);
	write_archive("n.tar", &l, 1, "null", "");
	encl_buf_clear(&l);
	set_up(&f, 1);
	f.images[0].image = "docker-archive:n.tar";
	OK(lock(&f));
	FAILS(install(&f, true), ENCL_USAGE,
	      "enclave.yaml:1:3: docker.images[0]: n.tar does not say what the image is "
	      "called; give it a \"name\"");
	f.images[0].name = "n";
	OK(install(&f, true));
	EQ_STR("n:latest", f.got.v[0].names[0]);
}

TEST(docker_images_stale)
{
	encl_auto(fixture_clear) struct fixture f = {0};

	two_images(&f);
	f.images[0].image = "docker-archive:two.tar";
	FAILS(install(&f, true), ENCL_MISMATCH,
	      "enclave.yaml:1:3: docker.images[0]: lock has config sha256:" ID1
	      ", two.tar has sha256:" ID2 "; run \"enclavebuild lock\"");
	json_array_remove(f.pins, 1);
	FAILS(install(&f, true), ENCL_MISMATCH,
	      "docker.images: 1 in the lock, 2 here; run \"enclavebuild lock\"");
}

/* A byte of a layer that is not what the config says. */
TEST(docker_images_damaged)
{
	for (int layers = 0; layers < 2; layers++) {
		encl_auto(fixture_clear) struct fixture f = {0};
		encl_auto(encl_free) char *tar = NULL;
		size_t n;
		char *at;

		two_images(&f);
		OK(encl_read_file(test_path("one.tar"), 1 << 20, &tar, &n, &e));
		at = memmem(tar, n, "12345", 5);
		CHECK(at);
		*at = '9';
		OK(encl_write_file(test_path("one.tar"), tar, n, 0644, &e));
		EQ_INT(-1, install(&f, layers));
		EQ_INT(ENCL_FAILED, e.code);
		CHECK(strstr(e.msg,
			     "one.tar: layer sha256:" D2
			     ": DiffID mismatch: want sha256:" D2 ", its bytes have "));
	}
}

TEST(docker_images_too_many_layers)
{
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_buf l[126] = {0};

	for (size_t i = 0; i < 126; i++) {
		l[i].cap = 1 << 16;
		tar_end(&l[i]);
	}
	write_archive("m.tar", l, 126, "[\"m\"]", "");
	for (size_t i = 0; i < 126; i++)
		encl_buf_clear(&l[i]);
	set_up(&f, 1);
	f.images[0].image = "docker-archive:m.tar";
	OK(lock(&f));
	FAILS(install(&f, true), ENCL_FAILED,
	      "enclave.yaml:1:3: docker.images[0]: m.tar: 126 layers; Docker takes at most 125");
}

/* What a source put at /.enclave/docker does not survive, nor is it followed. */
TEST(docker_images_place)
{
	static const struct encl_origin hostile = {"image", "hostile"};
	const struct encl_entry link = {
		.path = ".enclave/docker", .type = ENCL_SYMLINK, .link = "/etc"};
	encl_auto(fixture_clear) struct fixture f = {0};
	struct encl_entry_sink *sink;

	two_images(&f);
	f.tree = encl_tree_new(NULL);
	sink = encl_tree_sink(f.tree);
	OK(sink->begin(sink, &hostile, 0, &e));
	OK(sink->add(sink, &link, &e));
	OK(sink->end(sink, &e));
	OK(encl_docker_install_images(&f.env, &f.m, f.pins, true, f.tree, &f.got, &e));
	CHECK(encl_tree_find_nofollow(f.tree, "/.enclave/docker")->inode->type ==
	      ENCL_DIR);
	CHECK(!encl_tree_find(f.tree, "/etc"));
}
