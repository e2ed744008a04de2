/* SPDX-License-Identifier: Apache-2.0 */
/* An app to the config of launch: "KEY LENGTH\n", the value, "\n", … "end 0\n\n". */
#include "ramdisk/launch_config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"

enum {
	HOST_NAME_LONGEST = 64, /* sethostname(2) takes no more */
	STRING_MAX = 131072,	/* execve(2), with its NUL: MAX_ARG_STRLEN */
	ENV_MAX = 4096,		/* ours: names are compared each with each */
	SHOWN_MAX = 60		/* bytes of a value in a message */
};

#define TOO_LONG "is longer than the kernel takes (131071 bytes)"

/* WHAT "value" WHY, the value escaped and cut. */
static int
refuse(struct encl_err *e, const char *what, const char *value, const char *why)
{
	size_t n = strnlen(value, SHOWN_MAX + 1);
	bool cut = n > SHOWN_MAX;
	encl_auto(encl_free) char *shown = encl_escape(value, cut ? SHOWN_MAX : n);

	return encl_fail(e, ENCL_USAGE, "%s \"%s%s\" %s", what, shown, cut ? "..." : "",
			 why);
}

static void
record(struct encl_buf *out, const char *key, const char *value)
{
	size_t n = strlen(value);

	encl_buf_add_fmt(out, "%s %zu\n", key, n);
	encl_buf_add(out, value, n);
	encl_buf_add_byte(out, '\n');
}

static void
record_id(struct encl_buf *out, const char *key, uint32_t id)
{
	char text[16];

	snprintf(text, sizeof text, "%" PRIu32, id);
	record(out, key, text);
}

static int
write_command(const struct encl_launch_config *c, struct encl_buf *out,
	      struct encl_err *e)
{
	if (!c->argv.n || !*c->argv.v[0])
		return encl_fail(e, ENCL_USAGE, "no command to start");
	for (size_t i = 0; i < c->argv.n; i++) {
		if (strlen(c->argv.v[i]) >= STRING_MAX)
			return refuse(e, "argument", c->argv.v[i], TOO_LONG);
		record(out, "argv", c->argv.v[i]);
	}
	return 0;
}

static size_t
name_length(const char *variable)
{
	return strcspn(variable, "=") + 1;
}

/* The last value of a name counts, at the place of its first. */
static const char *
last_of(const struct encl_strings *env, size_t at)
{
	size_t n = name_length(env->v[at]);
	const char *last = env->v[at];

	for (size_t i = 0; i < at; i++)
		if (strncmp(env->v[i], last, n) == 0)
			return NULL;
	for (size_t i = at + 1; i < env->n; i++)
		if (strncmp(env->v[i], last, n) == 0)
			last = env->v[i];
	return last;
}

static int
write_env(const struct encl_launch_config *c, struct encl_buf *out, struct encl_err *e)
{
	if (c->env.n > ENV_MAX)
		return encl_fail(e, ENCL_USAGE,
				 "%zu environment variables are more than %d", c->env.n,
				 ENV_MAX);
	for (size_t i = 0; i < c->env.n; i++) {
		const char *v = c->env.v[i];

		if (*v == '=' || !strchr(v, '='))
			return refuse(e, "environment variable", v, "is not NAME=value");
		if (strlen(v) >= STRING_MAX)
			return refuse(e, "environment variable", v, TOO_LONG);
	}
	for (size_t i = 0; i < c->env.n; i++) {
		const char *v = last_of(&c->env, i);

		if (v)
			record(out, "env", v);
	}
	return 0;
}

static int
write_place(const struct encl_launch_config *c, struct encl_buf *out, struct encl_err *e)
{
	const char *workdir = c->workdir && *c->workdir ? c->workdir : "/";

	if (*workdir != '/')
		return refuse(e, "working folder", workdir, "is not absolute");
	if (c->home && *c->home && *c->home != '/')
		return refuse(e, "home folder", c->home, "is not absolute");
	record(out, "workdir", workdir);
	if (c->home && *c->home)
		record(out, "home", c->home);
	return 0;
}

static int
write_ids(const struct encl_launch_config *c, struct encl_buf *out, struct encl_err *e)
{
	/* -1 means "leave it" to the calls that change ids. */
	if (c->uid == UINT32_MAX || c->gid == UINT32_MAX)
		return encl_fail(e, ENCL_USAGE, "user or group %" PRIu32 " cannot be had",
				 UINT32_MAX);
	if (c->n_groups > ENCL_LAUNCH_MAX_GROUPS)
		return encl_fail(e, ENCL_USAGE,
				 "%zu supplementary groups are more than %d", c->n_groups,
				 ENCL_LAUNCH_MAX_GROUPS);
	record_id(out, "uid", c->uid);
	record_id(out, "gid", c->gid);
	for (size_t i = 0; i < c->n_groups; i++)
		record_id(out, "group", c->groups[i]);
	return 0;
}

/* Names of a line of /etc/hosts: no bytes that end or split it. */
static bool
is_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return false;
	return *name && *name != '-' && *name != '.';
}

static bool
is_address(const char *text)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 ||
	       inet_pton(AF_INET6, text, address) == 1;
}

static int
write_network(const struct encl_launch_config *c, struct encl_buf *out,
	      struct encl_err *e)
{
	if (c->hostname && *c->hostname) {
		if (!is_name(c->hostname) || strlen(c->hostname) > HOST_NAME_LONGEST)
			return refuse(
				e, "host name", c->hostname,
				"is not a name of letters, digits, - . _, at most 64 long");
		record(out, "hostname", c->hostname);
	}
	for (size_t i = 0; i < c->hosts.n; i++) {
		const struct encl_pair *h = &c->hosts.v[i];
		encl_auto(encl_free) char *line = NULL;

		if (!is_name(h->key))
			return refuse(e, "host", h->key, "is not a host name");
		if (!is_address(h->value))
			return refuse(e, "address of a host", h->value,
				      "is not an IPv4 or IPv6 address");
		line = encl_xasprintf("%s %s", h->value, h->key);
		record(out, "host", line);
	}
	for (size_t i = 0; i < c->nameservers.n; i++) {
		if (!is_address(c->nameservers.v[i]))
			return refuse(e, "name server", c->nameservers.v[i],
				      "is not an IPv4 or IPv6 address");
		record(out, "nameserver", c->nameservers.v[i]);
	}
	return 0;
}

int
encl_launch_config_write(const struct encl_launch_config *c, struct encl_buf *out,
			 struct encl_err *e)
{
	encl_auto(encl_buf_clear) struct encl_buf b;

	encl_buf_init(&b, ENCL_LAUNCH_CONFIG_MAX);
	encl_buf_add_str(&b, "enclave-launch 1\n");
	if (write_ids(c, &b, e) || write_place(c, &b, e) || write_network(c, &b, e) ||
	    write_command(c, &b, e) || write_env(c, &b, e))
		return -1;
	record(&b, "end", "");
	if (encl_buf_check(&b, "the config of launch (command, environment, hosts)", e))
		return -1;
	encl_buf_add(out, b.data, b.len);
	return 0;
}

int
encl_launch_check_lines(const struct encl_strings *items, const char *what,
			struct encl_err *e)
{
	for (size_t i = 0; i < items->n; i++)
		if (strchr(items->v[i], '\n'))
			return refuse(
				e, what, items->v[i],
				"has a newline, which AWS's one-a-line lists cannot carry");
	return 0;
}
