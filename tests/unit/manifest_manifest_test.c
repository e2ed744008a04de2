/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest/manifest.h"

#include <stdio.h>

#include "base/json.h"
#include "base/tmpfile.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: 1.10\n"     \
	"arch: x86_64\n"
#define REST                                                                             \
	"rootfs: [{image: 'oci:./layout'}]\n"                                            \
	"boot: {kernel: {blobs: /blobs}}\n"

static struct encl_manifest *
parse(const char *text)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	struct encl_manifest *m = NULL;

	OK(encl_manifest_parse(text, strlen(text), "enclave.yaml", ".", &m, &problems,
			       &e));
	EQ_INT(0, problems.n);
	return m;
}

static int
fails(const char *text, size_t n, struct encl_problems *problems)
{
	struct encl_manifest *m = NULL;
	int rc = encl_manifest_parse(text, n, "enclave.yaml", ".", &m, problems, &e);

	CHECK(!m);
	return rc;
}

TEST(manifest_manifest_defaults)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(HEAD REST);

	EQ_STR("a", m->name);
	EQ_STR("1.10", m->version);
	EQ_INT(ENCL_ARCH_X86_64, m->arch);
	EQ_INT(0, m->source_date_epoch);
	EQ_INT(1, m->n_layers);
	EQ_INT(ENCL_LAYER_IMAGE, m->layers[0].kind);
	EQ_STR("oci:./layout", m->layers[0].image);
	EQ_INT(6, m->layers[0].pos.line);
	EQ_INT(10, m->layers[0].pos.column);
	EQ_INT(-1, (int)m->layers[0].mode);
	EQ_INT(ENCL_KERNEL_BLOBS, m->boot.kernel.kind);
	EQ_STR("/blobs", m->boot.kernel.blobs);
	CHECK(!m->boot.cmdline);
	EQ_INT(ENCL_INIT_BUILTIN, m->boot.init);
	EQ_INT(ENCL_COMPRESS_NONE, m->boot.compression);
	EQ_INT(-1, m->boot.level);
	CHECK(!m->app.given && !m->app.has_command && !m->app.workdir && !m->app.user);
	CHECK(!m->sign.given);
	EQ_INT(0, m->resources.memory_mib);
	EQ_INT(2, m->resources.cpus);
	CHECK(!m->expect.pcr0 && !m->expect.pcr1 && !m->expect.pcr2 && !m->expect.pcr8);
}

TEST(manifest_manifest_layers)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = parse(
		HEAD
		"rootfs:\n"
		"  - packages: {distribution: debian, suite: bookworm, install: [a1, b2]}\n"
		"  - packages:\n"
		"      distribution: debian\n"
		"      sources: [{suite: x}, {suite: y, components: [c, d],\n"
		"                 mirror: 'http://m/', checkValidUntil: false}]\n"
		"      install: [a1]\n"
		"      essential: true\n"
		"      docs: false\n"
		"      dpkgStatus: false\n"
		"      alternatives: {iptables: legacy}\n"
		"  - archive: {path: a.tar, stripComponents: 2, at: /srv}\n"
		"  - directory: {path: d, at: /opt, owner: 'a:b'}\n"
		"  - file: {path: /f, content: \"x\\n\"}\n"
		"  - file: {path: /g, source: g, mode: 4755}\n"
		"  - remove: [/usr/share/*]\n"
		"boot: {kernel: {package: linux-image, suite: bookworm,"
		" extraModules: [fuse]}, init: {path: i},"
		" ramdisk: {compression: xz, level: 0}, cmdline: quiet}\n"
		"app: {command: [x, ''], env: {A: '', B: no}}\n");
	const struct encl_layer_packages *p = &m->layers[0].packages;

	EQ_INT(7, m->n_layers);
	EQ_INT(1, p->n_sources);
	EQ_STR("bookworm", p->sources[0].suite);
	EQ_STR("main", p->sources[0].components.v[0]);
	CHECK(p->sources[0].check_valid_until);
	EQ_INT(7, p->sources[0].pos.line);
	EQ_INT(2, p->install.n);
	EQ_STR("b2", p->install.v[1]);
	CHECK(p->docs && p->dpkg_status);
	EQ_INT(ENCL_ESSENTIAL_NONE, p->essential);
	p = &m->layers[1].packages;
	EQ_INT(2, p->n_sources);
	EQ_INT(10, p->sources[1].pos.line);
	EQ_STR("http://m/", p->sources[1].mirror);
	EQ_INT(2, p->sources[1].components.n);
	CHECK(!p->sources[1].check_valid_until && p->sources[0].check_valid_until);
	CHECK(!p->docs && !p->dpkg_status);
	EQ_INT(ENCL_ESSENTIAL_ALL, p->essential);
	EQ_STR("legacy", p->alternatives.v[0].value);
	EQ_INT(2, m->layers[2].strip_components);
	EQ_STR("/srv", m->layers[2].at);
	EQ_STR("/opt", m->layers[3].at);
	EQ_STR("a:b", m->layers[3].owner);
	EQ_STR("x\n", m->layers[4].content);
	EQ_INT(0644, m->layers[4].mode);
	EQ_INT(04755, m->layers[5].mode);
	CHECK(!m->layers[5].content);
	EQ_STR("/usr/share/*", m->layers[6].remove.v[0]);
	EQ_INT(ENCL_KERNEL_PACKAGE, m->boot.kernel.kind);
	EQ_STR("bookworm", m->boot.kernel.source.suite);
	EQ_STR("fuse", m->boot.kernel.extra_modules.v[0]);
	EQ_INT(ENCL_INIT_PATH, m->boot.init);
	EQ_STR("i", m->boot.init_path);
	EQ_INT(ENCL_COMPRESS_XZ, m->boot.compression);
	EQ_INT(0, m->boot.level);
	EQ_STR("quiet", m->boot.cmdline);
	EQ_INT(2, m->app.command.n);
	EQ_STR("", m->app.command.v[1]);
	EQ_STR("no", m->app.env.v[1].value);
}

TEST(manifest_manifest_all_problems)
{
	static const char text[] = HEAD "boot: {kernel: {blobs: b, image: c}}\n"
					"rootfs: [{image: Redis}]\nx: 1\n";
	encl_auto(encl_problems_clear) struct encl_problems p = {0};

	FAILS(fails(text, strlen(text), &p), ENCL_USAGE,
	      "enclave.yaml:6:27: boot.kernel.config: required beside \"image\", but not "
	      "there, and 3 more");
	EQ_INT(4, p.n);
	EQ_INT(4, p.total);
	EQ_STR("enclave.yaml:6:27: boot.kernel.image: cannot stand beside \"blobs\"; give "
	       "one of them",
	       p.v[1]);
	EQ_STR("rootfs[0].image", p.details[2].path);
	EQ_STR("enclave.yaml:8:1: x: unknown key", p.v[3]);
}

TEST(manifest_manifest_problem_cap)
{
	encl_auto(encl_problems_clear) struct encl_problems p = {0};
	char text[8192] = HEAD REST;
	size_t n = strlen(text);

	for (int i = 0; i < 150; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "unknown%d: 1\n", i);
	FAILS(fails(text, n, &p), ENCL_USAGE,
	      "enclave.yaml:8:1: unknown0: unknown key, and 149 more");
	EQ_INT(100, p.n);
	EQ_INT(150, p.total);
}

TEST(manifest_manifest_read)
{
	encl_auto(encl_problems_clear) struct encl_problems p = {0};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *at = NULL;
	const char *file = test_path("m.yaml");
	const char *gone = test_path("gone.yaml");
	char want[5000];

	OK(encl_write_file(file, HEAD REST, strlen(HEAD REST), 0644, &e));
	OK(encl_manifest_read(file, &m, &p, &e));
	EQ_STR(test_dir(), m->folder);
	path = encl_manifest_path(m, "x/y");
	EQ_STR(test_path("x/y"), path);
	at = encl_manifest_at(m, m->layers[0].pos);
	snprintf(want, sizeof want, "%s:6:10: ", file);
	EQ_STR(want, at);
	snprintf(
		want, sizeof want,
		"%s: No such file or directory; \"enclavebuild init\" writes one to begin "
		"with",
		gone);
	FAILS(encl_manifest_read(gone, &m, &p, &e), ENCL_USAGE, want);
}
