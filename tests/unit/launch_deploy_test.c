/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/cleanup.h"
#include "launch/deploy.h"
#include "test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* Names of ways come from an image's metadata, which nobody has measured. */
static struct encl_way ways[] = {
	{.address = "0.0.0.0", .port = 80, .vsock = 5000, .name = "web"},
	{.address = "::1", .port = 81, .vsock = 5001, .name = NULL}};

static struct encl_deploy settings;
static struct encl_target target;

static struct encl_deployment
deployment(enum encl_target_kind kind)
{
	encl_deploy_defaults(&settings);
	target = (struct encl_target){
		.name = "t",
		.kind = kind,
		.ec2 = {.tool_url = "https://x/y", .tool_sha256 = HEX64},
		.kubernetes = {.namespace_name = "default",
			       .tool_image = "r.example/tool",
			       .replicas = 1}};
	ways[0].name = "web";
	return (struct encl_deployment){.name = "app",
					.reference = "r.example/app@sha256:" HEX64,
					.sha256 = HEX64,
					.pcr0 = "00",
					.memory_mib = 1000,
					.cpus = 2,
					.ways = ways,
					.n_ways = 2,
					.settings = &settings,
					.target = &target,
					.tool = ENCL_DEPLOY_TOOL};
}

static const char *
text_of(const struct encl_deploy_files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->v[i].name, name))
			return f->v[i].text;
	return "";
}

static size_t
count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

TEST(deploy_files_of_a_host)
{
	struct encl_deployment d = deployment(ENCL_TARGET_LOCAL);
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files only = {.n = 0};

	OK(encl_deploy_render(&d, &f, &e));
	EQ_INT(3, f.n);
	EQ_STR("/etc/systemd/system/enclavebuild-app.service", f.v[0].path);
	EQ_STR("/var/lib/enclavebuild/app/start", f.v[1].path);
	CHECK(strstr(text_of(&f, "enclavebuild-app.service"),
		     "\nExecStart=/usr/local/bin/enclavebuild run "
		     "/var/lib/enclavebuild/app/" HEX64
		     ".eif --name app --backend auto --memory 1000 --cpus 2 "
		     "--stop-timeout 30 -p 0.0.0.0:80:web -p \"[::1]:81:5001\"\n"));
	CHECK(strstr(text_of(&f, "start.sh"), "\nexec /usr/local/bin/enclavebuild run "));
	CHECK(strstr(text_of(&f, "deploy.sh"), "\ngate_timeout=180\n"));
	settings.supervisor = ENCL_SUPERVISOR_SYSTEMD;
	d.n_ways = 0;
	OK(encl_deploy_render(&d, &only, &e));
	EQ_INT(2, only.n);
	CHECK(strstr(only.v[0].text, " --stop-timeout 30 --no-publish\n"));
}

/* The unit has one ExecStart and the script one line for each of its own. */
TEST(deploy_hostile_names_stay_in_their_place)
{
	struct encl_deployment d = deployment(ENCL_TARGET_LOCAL);
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};

	ways[0].name = "x\nExecStartPre=/bin/sh '$(id)' %n \"";
	OK(encl_deploy_render(&d, &f, &e));
	EQ_INT(1, count(text_of(&f, "enclavebuild-app.service"), "\nExecStart"));
	CHECK(strstr(text_of(&f, "enclavebuild-app.service"),
		     " -p \"0.0.0.0:80:x\\x0aExecStartPre=/bin/sh '$$(id)' %%n \\\"\""));
	CHECK(strstr(text_of(&f, "start.sh"),
		     " -p '0.0.0.0:80:x\nExecStartPre=/bin/sh '\\''$(id)'\\'' %n \"'"));
}

TEST(deploy_hostile_names_in_yaml)
{
	struct encl_deployment d = deployment(ENCL_TARGET_KUBERNETES);
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files none = {.n = 0};

	ways[0].name = "\"], securityContext: {privileged: true}, x: [\"";
	OK(encl_deploy_render(&d, &f, &e));
	CHECK(strstr(f.v[0].text, "\"0.0.0.0:80:\\\"], securityContext: {privileged: "
				  "true}, x: [\\\"\""));
	CHECK(strstr(f.v[0].text, "- {name: \"port-80\", containerPort: 80, "));
	ways[0].name = "a\nb";
	CHECK(encl_deploy_render(&d, &none, &e) == -1);
	EQ_INT(ENCL_USAGE, e.code);
}

TEST(deploy_memory_of_a_pod)
{
	struct encl_deployment d = deployment(ENCL_TARGET_KUBERNETES);
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files big = {.n = 0};

	d.memory_mib = 1001;
	OK(encl_deploy_render(&d, &f, &e));
	CHECK(strstr(f.v[0].text, "\n              hugepages-2Mi: \"1002Mi\"\n"));
	CHECK(strstr(f.v[0].text, "\"--memory\", \"1002\""));
	target.kubernetes.huge_pages = ENCL_HUGE_PAGES_1G;
	OK(encl_deploy_render(&d, &big, &e));
	CHECK(strstr(big.v[0].text, "\n              hugepages-1Gi: \"1024Mi\"\n"));
}

TEST(deploy_without_a_registry)
{
	struct encl_deployment d = deployment(ENCL_TARGET_EC2);
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};

	d.reference = NULL;
	FAILS(encl_deploy_render(&d, &f, &e), ENCL_USAGE,
	      "target t: an instance pulls its image from a registry; push it, and give "
	      "deploy.image or its reference");
	target.kind = ENCL_TARGET_KUBERNETES;
	FAILS(encl_deploy_render(&d, &f, &e), ENCL_USAGE,
	      "target t: a pod pulls its image from a registry; push it, and give "
	      "deploy.image or its reference");
}

TEST(deploy_user_data_has_a_limit)
{
	struct encl_deployment d = deployment(ENCL_TARGET_EC2);
	static struct encl_way many[256];
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files f = {.n = 0};
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files none = {.n = 0};

	OK(encl_deploy_render(&d, &f, &e));
	EQ_INT(1, f.n);
	CHECK(strlen(f.v[0].text) < ENCL_USER_DATA_MAX);
	for (size_t i = 0; i < 256; i++)
		many[i] = (struct encl_way){.address = "0.0.0.0",
					    .port = 10000,
					    .vsock = 10000,
					    .name = "a-name-of-some-length"};
	d.ways = many;
	d.n_ways = 256;
	CHECK(encl_deploy_render(&d, &none, &e) == -1);
	EQ_INT(ENCL_USAGE, e.code);
	CHECK(strstr(e.msg, "EC2 takes 16384"));
}

TEST(deploy_names_of_kubernetes)
{
	encl_auto(encl_free) char *name = encl_deploy_kube_name("my.app_1-");

	EQ_STR("my-app-1", name);
}
