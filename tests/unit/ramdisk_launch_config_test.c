/* SPDX-License-Identifier: Apache-2.0 */
/* The writer, and what the guest's own reader makes of its bytes. */
#include "ramdisk/launch_config.h"

#include <stdlib.h>

#include "../../cmd/launch/config.c"
#include "../../cmd/launch/config_attest.c"
#include "../../cmd/launch/config_unit.c"
#include "../../cmd/launch/egress_rules.c"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "test.h"
#include "verify/extended.h"

ENCL_AUTO_VAL(struct config, config_clear);

#define LIST(...)                                                                        \
	{                                                                                \
		(const char *[]){__VA_ARGS__},                                           \
			sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)           \
	}

static const struct encl_unit app = {
	.name = "app", .critical = true, .stop_timeout_ms = 10000};

static struct encl_launch_unit
minimal(void)
{
	static const char *argv[] = {"/app"};

	return (struct encl_launch_unit){
		.unit = &app, .stop_signal = 15, .argv = {argv, 1}};
}

static struct encl_launch_config
config_of(const struct encl_launch_unit *u)
{
	return (struct encl_launch_config){.units = u, .n_units = 1};
}

TEST(ramdisk_launch_config_bytes)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	struct encl_launch_unit u = minimal();
	struct encl_launch_config c = config_of(&u);

	encl_buf_init(&out, 1000);
	OK(encl_launch_config_write(&c, &out, &e));
	EQ_STR("enclave-launch 2\nunit 3\napp\nkind 7\nprocess\ncritical 0\n\nrestart 2\n"
	       "no\nstop_signal 2\n15\nstop_timeout 5\n10000\nuid 1\n0\ngid 1\n0\n"
	       "workdir 1\n/\nargv 4\n/app\nend 0\n\n",
	       encl_buf_text(&out));
}

/* The reader's view of what the writer makes of c. */
static void
round_trip(const struct encl_launch_config *c, struct encl_buf *out, struct config *got)
{
	encl_buf_init(out, 100000);
	OK(encl_launch_config_write(c, out, &e));
	EQ_STR("(right)",
	       config_parse((char *)out->data, out->len, got) ? "(wrong)" : "(right)");
}

TEST(ramdisk_launch_config_round_trip)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	encl_auto(config_clear) struct config got;
	struct encl_pair hosts[] = {{"db", "10.0.0.7"}, {"six", "2001:db8::1"}};
	struct encl_ingress ingress[] = {{.name = "cache", .vsock = 11211, .tcp = 21211}};
	struct encl_exchange exchanges[] = {
		{.name = "a", .vsock = 5, .max_mib = 64, .path = "/srv/a b"},
		{.name = "b", .vsock = 6, .max_mib = 1, .writable = true, .path = "/b"}};
	uint32_t groups[] = {100, 27};
	struct encl_launch_unit u = {
		.unit = &app,
		.raw_output = true,
		.stop_signal = 15,
		.argv = LIST("redis", "", "a b", "c\nargv 1\nx"),
		.env = LIST("A=1", "B=", "A=2", "AB=\"q\"\n", "A=3"),
		.workdir = "/srv/a b",
		.uid = 1000,
		.gid = 4294967294,
		.groups = groups,
		.n_groups = 2,
		.home = "/home/r",
	};
	struct encl_launch_config c = {
		.hostname = "redis-1",
		.hosts = {hosts, 2},
		.nameservers = LIST("10.0.2.3", "::1"),
		.ingress = ingress,
		.n_ingress = 1,
		.exchanges = exchanges,
		.n_exchanges = 2,
		.units = &u,
		.n_units = 1,
	};
	const struct unit_config *g;

	round_trip(&c, &out, &got);
	EQ_INT(1, got.n_units);
	g = &got.units[0];
	EQ_STR("app", g->name);
	EQ_INT(UNIT_PROCESS, g->kind);
	CHECK(g->critical && g->raw_output);
	EQ_INT(RESTART_NO, g->restart);
	EQ_INT(15, g->stop_signal);
	EQ_INT(10000, g->stop_timeout_ms);
	EQ_INT(HEALTH_NONE, g->health);
	EQ_INT(4, g->argv.n);
	EQ_STR("redis", g->argv.v[0]);
	EQ_STR("", g->argv.v[1]);
	EQ_STR("c\nargv 1\nx", g->argv.v[3]);
	CHECK(g->argv.v[4] == NULL);
	EQ_INT(3, g->env.n);
	EQ_STR("A=3", g->env.v[0]);
	EQ_STR("B=", g->env.v[1]);
	EQ_STR("AB=\"q\"\n", g->env.v[2]);
	EQ_STR("/srv/a b", g->workdir);
	EQ_INT(1000, g->uid.v[0]);
	EQ_INT(4294967294, g->gid.v[0]);
	EQ_INT(2, g->groups.n);
	EQ_INT(27, g->groups.v[1]);
	EQ_STR("/home/r", g->home);
	EQ_STR("redis-1", got.hostname);
	EQ_INT(2, got.hosts.n);
	EQ_STR("10.0.0.7 db", got.hosts.v[0]);
	EQ_STR("2001:db8::1 six", got.hosts.v[1]);
	EQ_STR("::1", got.nameservers.v[1]);
	EQ_INT(1, got.n_ingress);
	EQ_STR("cache", got.ingress[0].name);
	EQ_INT(11211, got.ingress[0].vsock);
	EQ_INT(21211, got.ingress[0].tcp);
	EQ_INT(2, got.n_exchanges);
	EQ_STR("/srv/a b", got.exchanges[0].path);
	EQ_INT(64, got.exchanges[0].max_mib);
	CHECK(!got.exchanges[0].writable && got.exchanges[1].writable);
}

TEST(ramdisk_launch_config_units)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	encl_auto(config_clear) struct config got;
	struct encl_dependency on_docker = {"docker", ENCL_HEALTHY};
	struct encl_dependency on_cache[] = {{"cache", ENCL_STARTED},
					     {"docker", ENCL_COMPLETED}};
	const struct encl_unit docker = {.name = "docker", .restart_max = 2};
	const struct encl_unit cache = {.name = "cache",
					.depends = &on_docker,
					.n_depends = 1,
					.restart = ENCL_RESTART_ON_FAILURE,
					.limits = {.memory_mib = 7}};
	const struct encl_unit web = {
		.name = "web",
		.depends = on_cache,
		.n_depends = 2,
		.restart = ENCL_RESTART_ALWAYS,
		.restart_max = 5,
		.health = {.kind = ENCL_HEALTH_HTTP,
			   .port = 80,
			   .path = "/ok",
			   .interval_ms = 1,
			   .timeout_ms = 2,
			   .start_period_ms = 3,
			   .retries = 4},
		.limits = {.memory_mib = 64,
			   .cpu_milli = 1500,
			   .pids = 9,
			   .nofile = 1024},
	};
	const struct encl_unit checked = {.name = "checked",
					  .health = {.kind = ENCL_HEALTH_COMMAND,
						     .command = LIST("a | b"),
						     .shell = true,
						     .interval_ms = 1,
						     .timeout_ms = 1,
						     .retries = 1}};
	struct encl_launch_unit units[] = {
		{.kind = ENCL_LAUNCH_DOCKERD,
		 .unit = &docker,
		 .stop_signal = 15,
		 .argv = LIST("/usr/bin/dockerd"),
		 .data_root = "/var/lib/docker",
		 .storage_mib = 256,
		 .store = "/.enclave/docker/store",
		 .network = "{}",
		 .start_timeout_ms = 60000},
		{.kind = ENCL_LAUNCH_CONTAINER,
		 .unit = &cache,
		 .stop_signal = 3,
		 .create = "{\"Image\":\"x\"}",
		 .docker_health = true},
		{.unit = &web, .stop_signal = 64, .argv = LIST("web")},
		{.unit = &checked, .stop_signal = 9, .argv = LIST("x")},
	};
	struct encl_launch_config c = {.units = units, .n_units = 4};

	round_trip(&c, &out, &got);
	EQ_INT(4, got.n_units);
	EQ_INT(UNIT_DOCKERD, got.units[0].kind);
	EQ_INT(256, got.units[0].storage_mib);
	EQ_INT(60000, got.units[0].start_timeout_ms);
	EQ_STR("/.enclave/docker/store", got.units[0].store);
	CHECK(!got.units[0].archive);
	EQ_STR("{}", got.units[0].network);
	EQ_INT(2, got.units[0].restart_max);
	EQ_INT(UNIT_CONTAINER, got.units[1].kind);
	EQ_INT(HEALTH_DOCKER, got.units[1].health);
	EQ_INT(RESTART_ON_FAILURE, got.units[1].restart);
	EQ_STR("{\"Image\":\"x\"}", got.units[1].create);
	EQ_INT(0, got.units[1].memory);
	EQ_STR("docker", got.units[1].depends[0].name);
	EQ_INT(CONDITION_HEALTHY, got.units[1].depends[0].condition);
	EQ_INT(2, got.units[2].n_depends);
	EQ_INT(CONDITION_STARTED, got.units[2].depends[0].condition);
	EQ_INT(CONDITION_COMPLETED, got.units[2].depends[1].condition);
	EQ_INT(RESTART_ALWAYS, got.units[2].restart);
	EQ_INT(5, got.units[2].restart_max);
	EQ_INT(HEALTH_HTTP, got.units[2].health);
	EQ_INT(80, got.units[2].health_port);
	EQ_STR("/ok", got.units[2].health_path);
	EQ_INT(1, got.units[2].health_interval_ms);
	EQ_INT(2, got.units[2].health_timeout_ms);
	EQ_INT(3, got.units[2].health_start_ms);
	EQ_INT(4, got.units[2].health_retries);
	EQ_INT(64 << 20, got.units[2].memory);
	EQ_INT(1500, got.units[2].cpu_milli);
	EQ_INT(9, got.units[2].pids);
	EQ_INT(1024, got.units[2].nofile);
	EQ_INT(3, got.units[3].health_argv.n);
	EQ_STR("/bin/sh", got.units[3].health_argv.v[0]);
	EQ_STR("a | b", got.units[3].health_argv.v[2]);
}

TEST(ramdisk_launch_config_egress)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	encl_auto(config_clear) struct config got;
	static const char *const gateways[] = {"172.18.0.1", "172.17.0.1"};
	struct encl_allow allow[] = {
		{.host = "kms.*.amazonaws.com", .ports = LIST("443", "8000-8010")},
		{.cidr = "203.0.113.0/24", .ports = LIST("1-65535")},
		{.cidr = "2001:db8::/32", .ports = LIST("80")}};
	struct encl_outgoing egress = {
		.given = true, .proxy_port = 3128, .allow = allow, .n_allow = 3};
	struct encl_launch_unit u = minimal();
	struct encl_launch_config c = config_of(&u);

	c.egress = &egress;
	c.gateways = gateways;
	c.n_gateways = 2;
	round_trip(&c, &out, &got);
	EQ_INT(3128, got.egress);
	EQ_INT(2, got.egress_gateways.n);
	EQ_STR("172.17.0.1", got.egress_gateways.v[1]);
	EQ_INT(3, got.n_allow);
	EQ_STR("kms.*.amazonaws.com", got.allow[0].host);
	EQ_STR("443,8000-8010", got.allow[0].ports);
	EQ_STR("203.0.113.0/24", got.allow[1].cidr);
	CHECK(got.allow[1].v4 && !got.allow[2].v4);
	EQ_INT(24, got.allow[1].prefix);
	EQ_INT(203, got.allow[1].address[0]);
	EQ_INT(32, got.allow[2].prefix);
	EQ_INT(0xb8, got.allow[2].address[3]);
	encl_buf_clear(&out);
	config_clear(&got);
	/* without it nothing listens; empty it is there and allows nothing */
	egress.given = false;
	round_trip(&c, &out, &got);
	EQ_INT(0, got.egress);
	EQ_INT(0, got.n_allow);
	encl_buf_clear(&out);
	config_clear(&got);
	egress = (struct encl_outgoing){.given = true, .proxy_port = 1};
	round_trip(&c, &out, &got);
	EQ_INT(1, got.egress);
	EQ_INT(0, got.n_allow);
}

TEST(ramdisk_launch_config_reads_egress)
{
	static const struct {
		const char *records, *wrong;
	} rows[] = {
		{"egress 1\n0\n", "the port of egress is none"},
		{"egress 5\n65536\n", "the port of egress is none"},
		{"egress 1\n1\negress 1\n2\n", "a key is there twice"},
		{"egress_allow 12\nhost a.x 443\n",
		 "a rule of egress is there without it"},
		{"egress_gateway 9\n127.0.0.2\n", "a rule of egress is there without it"},
		{"egress 1\n1\negress_allow 12\nhost a.* 443\n",
		 "a rule of egress is none"},
		{"egress 1\n1\negress_allow 8\nhost a.x\n", "a rule of egress is none"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(config_clear) struct config got;
		char text[200];
		int n = snprintf(text, sizeof text, "enclave-launch 2\n%send 0\n\n",
				 rows[i].records);
		const char *wrong = config_parse(text, (size_t)n, &got);

		EQ_STR(rows[i].wrong, wrong);
	}
}

static int
try_config(const struct encl_launch_config *c)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	int r;

	encl_buf_init(&out, 2 << 20);
	r = encl_launch_config_write(c, &out, &e);
	EQ_INT(0, out.len);
	return r;
}

static int
try(const struct encl_launch_unit *u)
{
	struct encl_launch_config c = config_of(u);

	return try_config(&c);
}

TEST(ramdisk_launch_config_refuses_command)
{
	struct encl_launch_unit c = minimal();
	char *huge = encl_xmalloc(131073);
	const char *long_argv[] = {huge};
	const char *empty_argv[] = {""};

	memset(huge, 'x', 131072);
	huge[131072] = 0;
	c.argv.n = 0;
	FAILS(try(&c), ENCL_USAGE, "app: no command to start");
	c.argv = (struct encl_strings){empty_argv, 1};
	FAILS(try(&c), ENCL_USAGE, "app: no command to start");
	c.argv = (struct encl_strings){long_argv, 1};
	FAILS(try(&c), ENCL_USAGE,
	      "app: argument \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is "
	      "longer than the kernel takes (131071 bytes)");
	free(huge);
}

TEST(ramdisk_launch_config_refuses_values)
{
	static const struct {
		const char *env, *workdir, *hostname, *home, *host, *address, *nameserver;
		const char *message;
	} rows[] = {
		{.env = "FOO",
		 .message = "app: environment variable \"FOO\" is not NAME=value"},
		{.env = "=x",
		 .message = "app: environment variable \"=x\" is not NAME=value"},
		{.workdir = "srv",
		 .message = "app: working folder \"srv\" is not absolute"},
		{.home = "root", .message = "app: home folder \"root\" is not absolute"},
		{.hostname = "a b",
		 .message =
			 "host name \"a\\x20b\" is not a name of letters, digits, - . _, at "
			 "most 64 long"},
		{.hostname = "-a",
		 .message =
			 "host name \"-a\" is not a name of letters, digits, - . _, at most "
			 "64 long"},
		{.host = "a\n1.2.3.4 b",
		 .address = "10.0.0.1",
		 .message = "host \"a\\x0a1.2.3.4\\x20b\" is not a host name"},
		{.host = "db",
		 .address = "10.0.0",
		 .message =
			 "address of a host \"10.0.0\" is not an IPv4 or IPv6 address"},
		{.nameserver = "dns.example",
		 .message = "name server \"dns.example\" is not an IPv4 or IPv6 address"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct encl_launch_unit u = minimal();
		struct encl_launch_config c = config_of(&u);
		struct encl_pair host = {rows[i].host, rows[i].address};

		u.env = (struct encl_strings){(const char *[]){rows[i].env},
					      !!rows[i].env};
		u.workdir = rows[i].workdir;
		c.hostname = rows[i].hostname;
		u.home = rows[i].home;
		c.hosts = (struct encl_pairs){&host, !!rows[i].host};
		c.nameservers = (struct encl_strings){
			(const char *[]){rows[i].nameserver}, !!rows[i].nameserver};
		FAILS(try_config(&c), ENCL_USAGE, rows[i].message);
	}
}

TEST(ramdisk_launch_config_refuses_amounts)
{
	struct encl_launch_unit c = minimal();
	const char **many = encl_xcalloc(4097, sizeof *many);
	char *big = encl_xmalloc(100001);

	for (size_t i = 0; i < 4097; i++)
		many[i] = "A=1";
	c.env = (struct encl_strings){many, 4097};
	FAILS(try(&c), ENCL_USAGE, "app: 4097 environment variables are more than 4096");
	memset(big, 'x', 100000);
	big[100000] = 0;
	for (size_t i = 0; i < 11; i++)
		many[i] = big;
	c.env.n = 0;
	c.argv = (struct encl_strings){many, 11};
	FAILS(try(&c), ENCL_FAILED,
	      "the config of launch (command, environment, hosts) is larger than 1048576 bytes");
	free(many);
	free(big);
	c = minimal();
	c.uid = UINT32_MAX;
	FAILS(try(&c), ENCL_USAGE, "app: user or group 4294967295 cannot be had");
}

/* What only the units' common part can have wrong. */
TEST(ramdisk_launch_config_refuses_units)
{
	struct encl_dependency on = {"b", ENCL_STARTED};
	struct encl_unit unit = {.name = "a"};
	struct encl_unit other = {.name = "b"};
	struct encl_launch_unit u[] = {minimal(), minimal()};
	struct encl_launch_config c = {.units = u, .n_units = 2};

	u[0].unit = &unit;
	u[1].unit = &other;
	unit.depends = &on;
	unit.n_depends = 1;
	FAILS(try_config(&c), ENCL_USAGE,
	      "dependency \"b\" is no unit before the one it is of");
	unit.n_depends = 0;
	other.name = "a";
	FAILS(try_config(&c), ENCL_USAGE, "unit \"a\" is there twice");
	c.n_units = 0;
	FAILS(try_config(&c), ENCL_USAGE, "0 units are not 1 to 1024");
	c.n_units = 1;
	unit.name = "../a";
	FAILS(try_config(&c), ENCL_USAGE,
	      "../a: unit \"../a\" is not a name of 1 to 63 lower-case letters, digits, "
	      "\".\", \"_\" and \"-\"");
	unit.name = "a";
	u[0].stop_signal = 65;
	FAILS(try_config(&c), ENCL_USAGE, "a: stop signal 65 of a is none");
	u[0].stop_signal = 15;
	unit.stop_timeout_ms = 86400001;
	FAILS(try_config(&c), ENCL_USAGE,
	      "a: stop timeout of a: 86400001 is more than 86400000");
	unit.stop_timeout_ms = 0;
	unit.limits.nofile = 1048577;
	FAILS(try_config(&c), ENCL_USAGE,
	      "a: open files of a: 1048577 is more than 1048576");
	unit.limits.nofile = 0;
	unit.health = (struct encl_health){.kind = ENCL_HEALTH_TCP, .port = 1};
	FAILS(try_config(&c), ENCL_USAGE, "a: health check of a: a time is 0");
	unit.health.interval_ms = unit.health.timeout_ms = unit.health.retries = 1;
	unit.health.port = 0;
	FAILS(try_config(&c), ENCL_USAGE, "a: health port 0 of a is none");
	unit.health.kind = ENCL_HEALTH_HTTP;
	unit.health.port = 1;
	unit.health.path = "/a b";
	FAILS(try_config(&c), ENCL_USAGE, "a: health path \"/a\\x20b\" is not one");
	unit.health.kind = ENCL_HEALTH_COMMAND;
	FAILS(try_config(&c), ENCL_USAGE, "a: no command to check a by");
	unit.health.kind = ENCL_HEALTH_NONE;
	u[0].kind = ENCL_LAUNCH_CONTAINER;
	FAILS(try_config(&c), ENCL_USAGE, "a: container a has no request");
	u[0].kind = ENCL_LAUNCH_DOCKERD;
	FAILS(try_config(&c), ENCL_USAGE, "a: folder of the daemon \"\" is not absolute");
	u[0].data_root = "/d";
	FAILS(try_config(&c), ENCL_USAGE,
	      "a: the daemon's storage or start timeout is 0");
}

TEST(ramdisk_launch_config_refuses_reach)
{
	struct encl_launch_unit u = minimal();
	struct encl_launch_config c = config_of(&u);
	struct encl_ingress in = {.name = "a b", .vsock = 1, .tcp = 1};
	struct encl_exchange x = {.name = "x", .vsock = 1, .path = "a"};

	c.ingress = &in;
	c.n_ingress = 1;
	FAILS(try_config(&c), ENCL_USAGE, "ingress \"a\\x20b\" is no name");
	in.name = "a";
	in.tcp = 65536;
	FAILS(try_config(&c), ENCL_USAGE,
	      "ingress \"a\\x201\\x2065536\" has no such port");
	c.n_ingress = 0;
	c.exchanges = &x;
	c.n_exchanges = 1;
	FAILS(try_config(&c), ENCL_USAGE,
	      "exchange \"x\\x201\\x200\\x20ro\\x20a\" has no such port, size or path");
}

TEST(ramdisk_launch_config_check_lines)
{
	struct encl_strings good = LIST("a", "b c");
	struct encl_strings bad = LIST("a", "b\nc");

	OK(encl_launch_check_lines(&good, "app.command", &e));
	FAILS(encl_launch_check_lines(&bad, "app.command", &e), ENCL_USAGE,
	      "app.command \"b\\x0ac\" has a newline, which AWS's one-a-line lists cannot "
	      "carry");
}

#define UNIT	"kind 7\nprocess\nrestart 2\nno\nstop_signal 1\n9\nstop_timeout 1\n0\n"
#define PROCESS UNIT "uid 1\n0\ngid 1\n0\nworkdir 1\n/\nargv 1\nx\n"

TEST(ramdisk_launch_config_reader_refuses)
{
	static const char start[] = "enclave-launch 2\nunit 1\na\n" PROCESS;
	static const struct {
		const char *tail; /* behind start; with '!' alone in its place */
		const char *why;
	} rows[] = {
		{"end 0\n\n", NULL},
		{"", "it ends without its end record"},
		{"end", "it ends without its end record"},
		{"end 0\n\nx", "it goes on behind its end record"},
		{"end\n\n", "a record has no length"},
		{"end x\n\n", "a record has no length"},
		{"end 00\n\n", "a record has no length"},
		{"env 99999999999999999999\n", "a record has no length"},
		{"env 4\nA=1\n", "a record is shorter than its length"},
		{"env 2\nA=1\n", "a record is shorter than its length"},
		{"env 1152921504606846975\nA", "a record is shorter than its length"},
		{"env 0\n", "a record is shorter than its length"},
		{"nothing 1\nx\n", "a key is unknown"},
		{"host 1\nx\n", "a key is unknown"},
		{"workdir 1\n/\n", "a key is there twice"},
		{"kind 7\nprocess\n", "a key is there twice"},
		{"critical 1\n1\n", "a flag has a value"},
		{"group 2\n-1\n", "an id is not a number"},
		{"group 10\n4294967295\n", "an id is not a number"},
		{"group 0\n\n", "an id is not a number"},
		{"pids 1\n0\n", "a number is none, or out of range"},
		{"nofile 7\n1048577\n", "a number is none, or out of range"},
		{"health 4\nmind\n", "a word is unknown"},
		{"depends 9\na started\n", "a unit depends on one that is not before it"},
		{"depends 9\nb started\n", "a unit depends on one that is not before it"},
		{"depends 5\na now\n",
		 "a dependency is not NAME started|healthy|completed"},
		{"uid 1\n1\nend 0\n\n", "a unit lacks argv, workdir, uid or gid"},
		{"health 6\ndocker\nend 0\n\n", "only a container asks the daemon"},
		{"health 3\ntcp\nend 0\n\n", "a health check lacks a key"},
		{"unit 1\na\n", "two units have one name"},
		{"unit 1\n/\n", "a unit's name is not one"},
		{"unit 2\n..\n", "a unit's name is not one"},
		{"unit 0\n\n", "a unit's name is not one"},
		{"unit 1\nb\nend 0\n\n",
		 "a unit lacks kind, restart, stop_signal or stop_timeout"},
		{"unit 1\nb\nkind 9\ncontainer\nrestart 2\nno\nstop_signal 1\n9\n"
		 "stop_timeout 1\n0\nend 0\n\n",
		 "a container lacks create"},
		{"unit 1\nb\nkind 7\ndockerd\nrestart 2\nno\nstop_signal 1\n9\n"
		 "stop_timeout 1\n0\nuid 1\n0\ngid 1\n0\nworkdir 1\n/\nargv 1\nx\n"
		 "end 0\n\n",
		 "the daemon lacks data_root, storage_mib or start_timeout"},
		{"unit 1\nb\n" PROCESS "depends 9\na started\nend 0\n\n", NULL},
		{"!", "it is not of this version"},
		{"!enclave-launch 1\n", "it is not of this version"},
		{"!enclave-launch 2\nend 0\n\n", "it has no unit"},
		{"!enclave-launch 2\nargv 1\nx\n", "a key is unknown"},
		{"!enclave-launch 2\nhostname 1\nx\nhostname 1\nx\n",
		 "a key is there twice"},
		{"!enclave-launch 2\ningress 5\na 1 0\n",
		 "an ingress is not NAME VSOCK TCP"},
		{"!enclave-launch 2\ningress 3\na 1\n",
		 "an ingress is not NAME VSOCK TCP"},
		{"!enclave-launch 2\nexchange 10\na 1 1 rx /\n",
		 "an exchange is not NAME VSOCK MIB ro|rw PATH"},
		{"!enclave-launch 2\nexchange 10\na 1 1 ro x\n",
		 "an exchange is not NAME VSOCK MIB ro|rw PATH"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool whole = rows[i].tail[0] == '!';
		encl_auto(encl_free) char *text =
			encl_xasprintf("%s%s", whole ? "" : start, rows[i].tail + whole);
		struct config c;
		const char *why = config_parse(text, strlen(text), &c);

		config_clear(&c);
		EQ_STR(rows[i].why ? rows[i].why : "", why ? why : "");
	}
}

TEST(ramdisk_launch_config_reader_nul)
{
	char text[] = "enclave-launch 2\nhost 3\nA\0B\nend 0\n\n";
	struct config c;

	EQ_STR("a record holds a NUL byte", config_parse(text, sizeof text - 1, &c));
	config_clear(&c);
}

/* ---- attestation ---- */

TEST(ramdisk_launch_config_attestation)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	encl_auto(config_clear) struct config got;
	static const char *const gateways[] = {"172.18.0.1", "172.17.0.1"};
	struct encl_launch_extension v[] = {{.pcr = 16}, {.pcr = 31}, {.pcr = 16}};
	struct encl_launch_unit u = minimal();
	struct encl_launch_config c = config_of(&u);
	struct encl_extended x;

	for (int i = 0; i < 3; i++)
		encl_digest_of(ENCL_SHA384, "abc", (size_t)i + 1, &v[i].data);
	c.attest = 7777;
	c.gateways = gateways;
	c.n_gateways = 2;
	c.extend = v;
	c.n_extend = 3;
	c.lock = (struct encl_strings)LIST("16", "20");
	round_trip(&c, &out, &got);
	EQ_INT(7777, got.attest);
	EQ_INT(2, got.attest_gateways.n);
	EQ_STR("172.17.0.1", got.attest_gateways.v[1]);
	EQ_INT(3, got.n_extend);
	for (int i = 0; i < 3; i++) {
		EQ_INT(v[i].pcr, got.extend[i].pcr);
		EQ_MEM(v[i].data.bytes, 48, got.extend[i].data, EXTENSION_SIZE);
	}
	EQ_INT(0x110000, got.lock);

	/* what comes of it: PCR16 twice; 31 is not locked, 20 not extended */
	encl_buf_clear(&out);
	encl_buf_init(&out, 100000);
	OK(encl_launch_config_write(&c, &out, &e));
	OK(encl_extended_of_config(encl_buf_text(&out), out.len, &x, &e));
	for (unsigned i = 0; i < ENCL_PCRS; i++)
		EQ_INT(i == 16, x.has[i]);

	uint8_t both[96] = {0};
	struct encl_digest d;

	memcpy(both + 48, v[0].data.bytes, 48);
	encl_digest_of(ENCL_SHA384, both, 96, &d);
	memcpy(both, d.bytes, 48);
	memcpy(both + 48, v[2].data.bytes, 48);
	encl_digest_of(ENCL_SHA384, both, 96, &d);
	EQ_MEM(d.bytes, 48, x.v[16].bytes, ENCL_PCR_SIZE);
}

TEST(ramdisk_launch_config_attestation_refused)
{
#define DATA "0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct {
		const char *record, *why;
	} rows[] = {
		{"attest 1\n0\n", "the port of the attestation is none"},
		{"attest 5\n65536\n", "the port of the attestation is none"},
		{"attest 1\n5\nattest 1\n6\n", "a key is there twice"},
		{"attest_gateway 1\nx\n",
		 "a gateway of the attestation is there without its port"},
		{"extend 99\n15 " DATA DATA "\n", "an extension is not PCR DIGEST"},
		{"extend 99\n32 " DATA DATA "\n", "an extension is not PCR DIGEST"},
		{"extend 97\n16 " DATA "0123456789abcdef0123456789abcdef0123456789abcd\n",
		 "an extension is not PCR DIGEST"},
		{"extend 2\n16\n", "an extension is not PCR DIGEST"},
		{"lock 2\n16\nextend 99\n16 " DATA DATA "\n",
		 "a locked register is extended"},
		{"lock 2\n15\n", "a lock is of no register"},
		{"lock 2\n16\nlock 2\n16\n", "a register is locked twice"},
	};
#undef DATA

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		encl_auto(encl_free) char *text =
			encl_xasprintf("enclave-launch 2\n%send 0\n\n", rows[i].record);
		encl_auto(config_clear) struct config got;

		EQ_STR(rows[i].why, config_parse(text, strlen(text), &got));
	}
}

TEST(verify_extended_refused)
{
	static const char *const texts[] = {
		"",
		"enclave-launch 1\nend 0\n\n",
		"enclave-launch 2\n",
		"enclave-launch 2\nend 0\n\nx",
		"enclave-launch 2\nextend 4\n16 0\nend 0\n\n",
		"enclave-launch 2\nlock 2\n99\nend 0\n\n",
		"enclave-launch 2\nunit 1\na\nlock 2\n16\nend 0\n\n",
	};
	struct encl_extended x;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		FAILS(encl_extended_of_config(texts[i], strlen(texts[i]), &x, &e),
		      ENCL_FAILED,
		      "/.enclave/config is not one of this version of launch");
	OK(encl_extended_of_config("enclave-launch 2\nend 0\n\n", 24, &x, &e));
	CHECK(encl_extended_json(&x) == NULL);
}
