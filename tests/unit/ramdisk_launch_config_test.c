/* SPDX-License-Identifier: Apache-2.0 */
/* The writer, and what the guest's own reader makes of its bytes. */
#include "ramdisk/launch_config.h"

#include <stdlib.h>

#include "../../cmd/launch/config.c"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "test.h"

ENCL_AUTO_VAL(struct config, config_clear);

#define LIST(...)                                                                        \
	{                                                                                \
		(const char *[]){__VA_ARGS__},                                           \
			sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)           \
	}

static struct encl_launch_config
minimal(void)
{
	static const char *argv[] = {"/app"};

	return (struct encl_launch_config){.argv = {argv, 1}};
}

TEST(ramdisk_launch_config_bytes)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	struct encl_launch_config c = minimal();

	encl_buf_init(&out, 1000);
	OK(encl_launch_config_write(&c, &out, &e));
	EQ_STR("enclave-launch 1\nuid 1\n0\ngid 1\n0\nworkdir 1\n/\nargv 4\n/app\nend 0\n\n",
	       encl_buf_text(&out));
}

TEST(ramdisk_launch_config_round_trip)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	encl_auto(config_clear) struct config got;
	struct encl_pair hosts[] = {{"db", "10.0.0.7"}, {"six", "2001:db8::1"}};
	uint32_t groups[] = {100, 27};
	struct encl_launch_config c = {
		.argv = LIST("redis", "", "a b", "c\nargv 1\nx"),
		.env = LIST("A=1", "B=", "A=2", "AB=\"q\"\n", "A=3"),
		.workdir = "/srv/a b",
		.uid = 1000,
		.gid = 4294967294,
		.groups = groups,
		.n_groups = 2,
		.hostname = "redis-1",
		.home = "/home/r",
		.hosts = {hosts, 2},
		.nameservers = LIST("10.0.2.3", "::1"),
	};

	encl_buf_init(&out, 10000);
	OK(encl_launch_config_write(&c, &out, &e));
	EQ_INT(true, config_parse((char *)out.data, out.len, &got) == NULL);
	EQ_INT(4, got.argv.n);
	EQ_STR("redis", got.argv.v[0]);
	EQ_STR("", got.argv.v[1]);
	EQ_STR("c\nargv 1\nx", got.argv.v[3]);
	CHECK(got.argv.v[4] == NULL);
	EQ_INT(3, got.env.n);
	EQ_STR("A=3", got.env.v[0]);
	EQ_STR("B=", got.env.v[1]);
	EQ_STR("AB=\"q\"\n", got.env.v[2]);
	EQ_STR("/srv/a b", got.workdir);
	EQ_INT(1000, got.uid.v[0]);
	EQ_INT(4294967294, got.gid.v[0]);
	EQ_INT(2, got.groups.n);
	EQ_INT(27, got.groups.v[1]);
	EQ_STR("redis-1", got.hostname);
	EQ_STR("/home/r", got.home);
	EQ_INT(2, got.hosts.n);
	EQ_STR("10.0.0.7 db", got.hosts.v[0]);
	EQ_STR("2001:db8::1 six", got.hosts.v[1]);
	EQ_STR("::1", got.nameservers.v[1]);
}

static int
try(const struct encl_launch_config *c)
{
	encl_auto(encl_buf_clear) struct encl_buf out;
	int r;

	encl_buf_init(&out, 2 << 20);
	r = encl_launch_config_write(c, &out, &e);
	EQ_INT(0, out.len);
	return r;
}

TEST(ramdisk_launch_config_refuses_command)
{
	struct encl_launch_config c = {0};
	char *huge = encl_xmalloc(131073);
	const char *long_argv[] = {huge};
	const char *empty_argv[] = {""};

	memset(huge, 'x', 131072);
	huge[131072] = 0;
	FAILS(try(&c), ENCL_USAGE, "no command to start");
	c.argv = (struct encl_strings){empty_argv, 1};
	FAILS(try(&c), ENCL_USAGE, "no command to start");
	c.argv = (struct encl_strings){long_argv, 1};
	FAILS(try(&c), ENCL_USAGE,
	      "argument \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is "
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
		 .message = "environment variable \"FOO\" is not NAME=value"},
		{.env = "=x", .message = "environment variable \"=x\" is not NAME=value"},
		{.workdir = "srv", .message = "working folder \"srv\" is not absolute"},
		{.home = "root", .message = "home folder \"root\" is not absolute"},
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
		struct encl_launch_config c = minimal();
		struct encl_pair host = {rows[i].host, rows[i].address};

		c.env = (struct encl_strings){(const char *[]){rows[i].env},
					      !!rows[i].env};
		c.workdir = rows[i].workdir;
		c.hostname = rows[i].hostname;
		c.home = rows[i].home;
		c.hosts = (struct encl_pairs){&host, !!rows[i].host};
		c.nameservers = (struct encl_strings){
			(const char *[]){rows[i].nameserver}, !!rows[i].nameserver};
		FAILS(try(&c), ENCL_USAGE, rows[i].message);
	}
}

TEST(ramdisk_launch_config_refuses_amounts)
{
	struct encl_launch_config c = minimal();
	const char **many = encl_xcalloc(4097, sizeof *many);
	char *big = encl_xmalloc(100001);

	for (size_t i = 0; i < 4097; i++)
		many[i] = "A=1";
	c.env = (struct encl_strings){many, 4097};
	FAILS(try(&c), ENCL_USAGE, "4097 environment variables are more than 4096");
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
	FAILS(try(&c), ENCL_USAGE, "user or group 4294967295 cannot be had");
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

TEST(ramdisk_launch_config_reader_refuses)
{
	static const char start[] =
		"enclave-launch 1\nuid 1\n0\ngid 1\n0\nworkdir 1\n/\nargv 1\nx\n";
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
		{"workdir 1\n/\n", "a key is there twice"},
		{"group 2\n-1\n", "an id is not a number"},
		{"group 10\n4294967295\n", "an id is not a number"},
		{"group 0\n\n", "an id is not a number"},
		{"uid 1\n1\nend 0\n\n", "it lacks argv, workdir, uid or gid"},
		{"!", "it is not of this version"},
		{"!enclave-launch 2\n", "it is not of this version"},
		{"!enclave-launch 1\nend 0\n\n", "it lacks argv, workdir, uid or gid"},
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
	char text[] = "enclave-launch 1\nenv 3\nA\0B\nend 0\n\n";
	struct config c;

	EQ_STR("a record holds a NUL byte", config_parse(text, sizeof text - 1, &c));
	config_clear(&c);
}
