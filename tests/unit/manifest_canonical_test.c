/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "manifest/manifest.h"
#include "test.h"

#define HEAD                                                                             \
	"apiVersion: enclavebuild/v1alpha1\nkind: Enclave\nname: a\nversion: 1.10\n"     \
	"arch: x86_64\n"

static void
canonical(const char *text, const char *want)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(json_decref) json_t *v = NULL;
	encl_auto(encl_free) char *got = NULL;

	OK(encl_manifest_parse(text, strlen(text), "m", ".", &m, &problems, &e));
	v = encl_manifest_canonical(m);
	got = encl_json_compact(v);
	EQ_STR(want, got);
}

/* Defaults are filled in, order is the schema's, what is not measured is not there. */
TEST(manifest_canonical_golden)
{
	canonical(
		"boot: {ramdisk: {level: 3, compression: zstd}, kernel: {suite: s, package: "
		"linux}}\n"
		"sign: {certificate: c, key: k}\nresources: {cpus: 4}\n"
		"expect: {}\n"
		"rootfs:\n"
		"  - image: oci:x\n"
		"  - packages: {install: [b1, a1], suite: bookworm, distribution: debian}\n"
		"  - archive: {path: a.tar}\n"
		"  - directory: {path: d, owner: '0:0'}\n"
		"  - file: {path: /f, content: é}\n"
		"  - remove: [/x]\n"
		"app: {env: {B: 1, A: ''}, command: [c, '']}\n"
		"network: {hosts: {h: '::1'}}\n" HEAD,
		"{\"apiVersion\":\"enclavebuild/v1alpha1\",\"kind\":\"Enclave\",\"name\":\"a\","
		"\"version\":\"1.10\",\"arch\":\"x86_64\",\"sourceDateEpoch\":0,\"rootfs\":["
		"{\"image\":\"oci:x\"},"
		"{\"packages\":{\"distribution\":\"debian\",\"sources\":[{\"suite\":\"bookworm\","
		"\"components\":[\"main\"],\"checkValidUntil\":true}],\"install\":[\"b1\","
		"\"a1\"],\"essential\":\"false\",\"docs\":true,\"dpkgStatus\":true}},"
		"{\"archive\":{\"path\":\"a.tar\",\"at\":\"/\",\"stripComponents\":0}},"
		"{\"directory\":{\"path\":\"d\",\"at\":\"/\",\"owner\":\"0:0\"}},"
		"{\"file\":{\"path\":\"/f\",\"content\":\"\\u00E9\",\"mode\":\"0644\"}},"
		"{\"remove\":[\"/x\"]}],"
		"\"boot\":{\"kernel\":{\"package\":\"linux\",\"suite\":\"s\",\"components\":["
		"\"main\"],\"checkValidUntil\":true},\"cmdline\":\"default\",\"init\":"
		"\"builtin\",\"ramdisk\":{\"format\":\"cpio\",\"compression\":\"zstd\","
		"\"level\":3}},"
		"\"app\":{\"command\":[\"c\",\"\"],\"env\":{\"B\":\"1\",\"A\":\"\"}},"
		"\"network\":{\"hosts\":{\"h\":\"::1\"}}}");
}

TEST(manifest_canonical_kernels_and_inits)
{
	canonical(
		HEAD "rootfs: [{image: 'oci:x'}]\n"
		     "boot: {kernel: {blobs: b}, init: aws, cmdline: quiet}\n",
		"{\"apiVersion\":\"enclavebuild/v1alpha1\",\"kind\":\"Enclave\",\"name\":\"a\","
		"\"version\":\"1.10\",\"arch\":\"x86_64\",\"sourceDateEpoch\":0,"
		"\"rootfs\":[{\"image\":\"oci:x\"}],\"boot\":{\"kernel\":{\"blobs\":\"b\"},"
		"\"cmdline\":\"quiet\",\"init\":\"aws\",\"ramdisk\":{\"format\":\"cpio\","
		"\"compression\":\"none\"}},\"app\":{},\"network\":{}}");
	canonical(
		HEAD
		"rootfs: [{image: 'oci:x'}]\n"
		"boot: {kernel: {image: i, config: c, modules: m, extraModules: [x]},"
		" init: {path: p}}\n",
		"{\"apiVersion\":\"enclavebuild/v1alpha1\",\"kind\":\"Enclave\",\"name\":\"a\","
		"\"version\":\"1.10\",\"arch\":\"x86_64\",\"sourceDateEpoch\":0,"
		"\"rootfs\":[{\"image\":\"oci:x\"}],\"boot\":{\"kernel\":{\"image\":\"i\","
		"\"config\":\"c\",\"modules\":\"m\",\"extraModules\":[\"x\"]},"
		"\"cmdline\":\"default\",\"init\":{\"path\":\"p\"},\"ramdisk\":{\"format\":"
		"\"cpio\",\"compression\":\"none\"}},\"app\":{},\"network\":{}}");
}

static char *
canonical_of(const char *text)
{
	encl_auto(encl_problems_clear) struct encl_problems problems = {0};
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;
	encl_auto(json_decref) json_t *v = NULL;

	OK(encl_manifest_parse(text, strlen(text), "m", ".", &m, &problems, &e));
	v = encl_manifest_canonical(m);
	return encl_json_compact(v);
}

/* Two spellings of one manifest have one canonical form. */
TEST(manifest_canonical_spellings)
{
	encl_auto(encl_free) char *a = canonical_of(
		HEAD
		"rootfs: [{packages: {distribution: debian, suite: x, install: [aa]}}]\n"
		"boot: {kernel: {blobs: b}}\napp: {command: [c]}\n");
	encl_auto(encl_free) char *b = canonical_of(
		HEAD
		"app:\n  command:\n    - \"c\"\n"
		"boot: {kernel: {blobs: 'b'}, init: builtin, cmdline: default, ramdisk: "
		"{format: cpio}}\n"
		"sourceDateEpoch: 0\nresources: {memoryMiB: 512}\n"
		"rootfs:\n  - packages:\n      docs: true\n      essential: false\n"
		"      install: [aa]\n      sources: [{components: [main], suite: x}]\n"
		"      distribution: debian\n");

	EQ_STR(a, b);
}

/* Defaults of a service; what is not given (limits, health) is not there. */
TEST(manifest_canonical_services)
{
	canonical(
		HEAD "rootfs: [{directory: {path: d}}]\n"
		     "boot: {kernel: {blobs: b}}\n"
		     "services:\n"
		     "  - {command: [a], name: a}\n"
		     "  - name: b\n"
		     "    command: [b, c]\n"
		     "    dependsOn: {a: completed}\n"
		     "    restart: on-failure\n"
		     "    restartMax: 3\n"
		     "    critical: true\n"
		     "    healthcheck: {timeoutSeconds: 0.250, http: {port: 80}}\n"
		     "    stopSignal: QUIT\n"
		     "    limits: {cpus: 1.5, memoryMiB: 64}\n",
		"{\"apiVersion\":\"enclavebuild/v1alpha1\",\"kind\":\"Enclave\",\"name\":\"a\","
		"\"version\":\"1.10\",\"arch\":\"x86_64\",\"sourceDateEpoch\":0,\"rootfs\":["
		"{\"directory\":{\"path\":\"d\",\"at\":\"/\"}}],"
		"\"boot\":{\"kernel\":{\"blobs\":\"b\"},\"cmdline\":\"default\",\"init\":"
		"\"builtin\",\"ramdisk\":{\"format\":\"cpio\",\"compression\":\"none\"}},"
		"\"app\":{},\"services\":["
		"{\"name\":\"a\",\"restart\":\"no\",\"restartMax\":0,\"critical\":false,"
		"\"stopTimeoutSeconds\":10,\"command\":[\"a\"]},"
		"{\"name\":\"b\",\"dependsOn\":{\"a\":\"completed\"},\"restart\":\"on-failure\","
		"\"restartMax\":3,\"critical\":true,\"healthcheck\":{\"http\":{\"port\":80,"
		"\"path\":\"/\"},\"intervalSeconds\":5,\"timeoutSeconds\":\"0.25\",\"retries\":"
		"3,\"startPeriodSeconds\":0},\"stopSignal\":\"SIGQUIT\",\"stopTimeoutSeconds\":10,"
		"\"command\":[\"b\",\"c\"],\"limits\":{\"memoryMiB\":64,\"cpus\":\"1.5\"}}],"
		"\"network\":{}}");
}

/* Given with nothing in it it says something: a proxy that allows nothing. */
TEST(manifest_canonical_egress)
{
#define REST                                                                             \
	"{\"apiVersion\":\"enclavebuild/v1alpha1\",\"kind\":\"Enclave\",\"name\":\"a\"," \
	"\"version\":\"1.10\",\"arch\":\"x86_64\",\"sourceDateEpoch\":0,"                \
	"\"rootfs\":[{\"image\":\"oci:x\"}],\"boot\":{\"kernel\":{\"blobs\":\"b\"},"     \
	"\"cmdline\":\"default\",\"init\":\"builtin\",\"ramdisk\":{\"format\":\"cpio\"," \
	"\"compression\":\"none\"}},\"app\":{},\"network\":"
	canonical(HEAD "rootfs: [{image: 'oci:x'}]\nboot: {kernel: {blobs: b}}\n"
		       "network: {egress: {}}\n",
		  REST "{\"egress\":{\"proxyPort\":3128}}}");
	canonical(HEAD "rootfs: [{image: 'oci:x'}]\nboot: {kernel: {blobs: b}}\n"
		       "network: {egress: {allow: [], proxyPort: 3128}}\n",
		  REST "{\"egress\":{\"proxyPort\":3128}}}");
	canonical(HEAD
		  "rootfs: [{image: 'oci:x'}]\nboot: {kernel: {blobs: b}}\n"
		  "network: {egress: {allow: [{ports: [443, '80-90'], host: '*.x.y'},"
		  " {cidr: '2001:db8::/32', ports: ['1']}]}}\n",
		  REST "{\"egress\":{\"proxyPort\":3128,\"allow\":[{\"host\":\"*.x.y\","
		       "\"ports\":[\"443\",\"80-90\"]},{\"cidr\":\"2001:db8::/32\","
		       "\"ports\":[\"1\"]}]}}}");
#undef REST
}

/* What programs are told of the proxy; what the manifest says itself stays. */
TEST(manifest_proxy_variables)
{
	struct encl_pair hosts[] = {
		{"cache.local", "127.0.0.1"}, {"db", "10.0.0.7"}, {"six", "::1"}};
	const char *aliases[] = {"store"};
	struct encl_container containers[] = {
		{.unit = {.name = "cache"}, .aliases = {aliases, 1}},
		{.unit = {.name = "web"}}};
	struct encl_manifest m = {
		.egress = {.given = true, .proxy_port = 3128},
		.hosts = {hosts, 3},
	};
	struct encl_pair own = {"https_proxy", "http://own:1"};
	const struct encl_pairs none = {0};
	const struct encl_pairs given = {&own, 1};
	static const char *const want[] = {
		"HTTP_PROXY=http://127.0.0.1:3128",
		"HTTPS_PROXY=http://127.0.0.1:3128",
		"NO_PROXY=localhost,127.0.0.1,::1,cache.local,six",
		"http_proxy=http://127.0.0.1:3128",
		"https_proxy=http://127.0.0.1:3128",
		"no_proxy=localhost,127.0.0.1,::1,cache.local,six"};

	for (size_t i = 0; i < ENCL_PROXY_VARIABLES; i++) {
		encl_auto(encl_free) char *got =
			encl_manifest_proxy_variable(&m, "127.0.0.1", &none, i);
		encl_auto(encl_free) char *mine =
			encl_manifest_proxy_variable(&m, "127.0.0.1", &given, i);

		EQ_STR(want[i], got);
		CHECK(!mine == (i == 1 || i == 4));
	}
	m.docker = (struct encl_docker){
		.given = true, .containers = containers, .n_containers = 2};
	encl_auto(encl_free) char *got =
		encl_manifest_proxy_variable(&m, "172.18.0.1", &none, 2);
	EQ_STR("NO_PROXY=localhost,127.0.0.1,::1,cache.local,six,172.17.0.0/16,"
	       "172.18.0.0/16,cache,store,web",
	       got);
	m.egress.given = false;
	CHECK(!encl_manifest_proxy_variable(&m, "127.0.0.1", &none, 0));
}
