/* SPDX-License-Identifier: Apache-2.0 */
/* One unit to its records in the config of launch (cmd/launch/config_unit.c). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "ramdisk/launch_record.h"

enum {
	STRING_MAX = 131072, /* execve(2), with its NUL: MAX_ARG_STRLEN */
	ENV_MAX = 4096,	     /* ours: names are compared each with each */
	SIGNAL_MAX = 64,
	UNIT_NAME_MAX = 63,
	PORT_MAX = 65535,
	MILLISECONDS_MAX = 86400000 /* a day */
};

#define TOO_LONG "is longer than the kernel takes (131071 bytes)"

static void
record_number(struct encl_buf *out, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, n);
	encl_launch_record(out, key, text);
}

static void
record_flag(struct encl_buf *out, const char *key, bool on)
{
	if (on)
		encl_launch_record(out, key, "");
}

static void
record_given(struct encl_buf *out, const char *key, const char *value)
{
	if (value && *value)
		encl_launch_record(out, key, value);
}

static void
record_limit(struct encl_buf *out, const char *key, uint64_t n)
{
	if (n)
		record_number(out, key, n);
}

static int
write_command(const struct encl_launch_unit *u, struct encl_buf *out, struct encl_err *e)
{
	if (!u->argv.n || !*u->argv.v[0])
		return encl_fail(e, ENCL_USAGE, "no command to start");
	for (size_t i = 0; i < u->argv.n; i++) {
		if (strlen(u->argv.v[i]) >= STRING_MAX)
			return encl_launch_refuse(e, "argument", u->argv.v[i], TOO_LONG);
		encl_launch_record(out, "argv", u->argv.v[i]);
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
write_env(const struct encl_launch_unit *u, struct encl_buf *out, struct encl_err *e)
{
	if (u->env.n > ENV_MAX)
		return encl_fail(e, ENCL_USAGE,
				 "%zu environment variables are more than %d", u->env.n,
				 ENV_MAX);
	for (size_t i = 0; i < u->env.n; i++) {
		const char *v = u->env.v[i];

		if (*v == '=' || !strchr(v, '='))
			return encl_launch_refuse(e, "environment variable", v,
						  "is not NAME=value");
		if (strlen(v) >= STRING_MAX)
			return encl_launch_refuse(e, "environment variable", v, TOO_LONG);
	}
	for (size_t i = 0; i < u->env.n; i++) {
		const char *v = last_of(&u->env, i);

		if (v)
			encl_launch_record(out, "env", v);
	}
	return 0;
}

static int
write_place(const struct encl_launch_unit *u, struct encl_buf *out, struct encl_err *e)
{
	const char *workdir = u->workdir && *u->workdir ? u->workdir : "/";

	if (*workdir != '/')
		return encl_launch_refuse(e, "working folder", workdir,
					  "is not absolute");
	if (u->home && *u->home && *u->home != '/')
		return encl_launch_refuse(e, "home folder", u->home, "is not absolute");
	encl_launch_record(out, "workdir", workdir);
	if (u->home && *u->home)
		encl_launch_record(out, "home", u->home);
	return 0;
}

static int
write_ids(const struct encl_launch_unit *u, struct encl_buf *out, struct encl_err *e)
{
	/* -1 means "leave it" to the calls that change ids. */
	if (u->uid == UINT32_MAX || u->gid == UINT32_MAX)
		return encl_fail(e, ENCL_USAGE, "user or group %" PRIu32 " cannot be had",
				 UINT32_MAX);
	if (u->n_groups > ENCL_LAUNCH_MAX_GROUPS)
		return encl_fail(e, ENCL_USAGE,
				 "%zu supplementary groups are more than %d", u->n_groups,
				 ENCL_LAUNCH_MAX_GROUPS);
	record_number(out, "uid", u->uid);
	record_number(out, "gid", u->gid);
	for (size_t i = 0; i < u->n_groups; i++)
		record_number(out, "group", u->groups[i]);
	return 0;
}

/* Its cgroup and its lines are called after it. */
static bool
is_unit_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return n && n <= UNIT_NAME_MAX && !name[n] && *name != '.' && *name != '-';
}

static int
check_number(const struct encl_unit *u, const char *what, uint64_t n, uint64_t max,
	     struct encl_err *e)
{
	if (n <= max)
		return 0;
	return encl_fail(e, ENCL_USAGE, "%s of %s: %" PRIu64 " is more than %" PRIu64,
			 what, u->name, n, max);
}

static int
write_common(const struct encl_launch_unit *l, struct encl_buf *out, struct encl_err *e)
{
	static const char *const kinds[] = {"process", "dockerd", "container"};
	static const char *const restarts[] = {"no", "on-failure", "always"};
	static const char *const conditions[] = {"started", "healthy", "completed"};
	const struct encl_unit *u = l->unit;

	if (!is_unit_name(u->name))
		return encl_launch_refuse(e, "unit", u->name,
					  "is not a name of 1 to 63 lower-case letters, "
					  "digits, \".\", \"_\" and \"-\"");
	if (!l->stop_signal || l->stop_signal > SIGNAL_MAX)
		return encl_fail(e, ENCL_USAGE, "stop signal %u of %s is none",
				 l->stop_signal, u->name);
	if (check_number(u, "stop timeout", u->stop_timeout_ms, MILLISECONDS_MAX, e))
		return -1;
	encl_launch_record(out, "unit", u->name);
	encl_launch_record(out, "kind", kinds[l->kind]);
	record_flag(out, "critical", u->critical);
	record_flag(out, "raw_output", l->raw_output);
	encl_launch_record(out, "restart", restarts[u->restart]);
	record_limit(out, "restart_max", u->restart_max);
	record_number(out, "stop_signal", l->stop_signal);
	record_number(out, "stop_timeout", u->stop_timeout_ms);
	for (size_t i = 0; i < u->n_depends; i++) {
		encl_auto(encl_free) char *text = encl_xasprintf(
			"%s %s", u->depends[i].name, conditions[u->depends[i].condition]);

		encl_launch_record(out, "depends", text);
	}
	return 0;
}

static int
write_probe(const struct encl_unit *u, struct encl_buf *out, struct encl_err *e)
{
	const struct encl_health *h = &u->health;

	if (h->kind == ENCL_HEALTH_COMMAND) {
		encl_launch_record(out, "health", "command");
		if (!h->command.n || !*h->command.v[0])
			return encl_fail(e, ENCL_USAGE, "no command to check %s by",
					 u->name);
		if (h->shell) {
			encl_launch_record(out, "health_argv", "/bin/sh");
			encl_launch_record(out, "health_argv", "-c");
		}
		for (size_t i = 0; i < h->command.n; i++)
			encl_launch_record(out, "health_argv", h->command.v[i]);
		return 0;
	}
	encl_launch_record(out, "health", h->kind == ENCL_HEALTH_TCP ? "tcp" : "http");
	if (!h->port || h->port > PORT_MAX)
		return encl_fail(e, ENCL_USAGE, "health port %u of %s is none", h->port,
				 u->name);
	record_number(out, "health_port", h->port);
	if (h->kind != ENCL_HEALTH_HTTP)
		return 0;
	if (!h->path || *h->path != '/' || strpbrk(h->path, " \r\n"))
		return encl_launch_refuse(e, "health path", h->path ? h->path : "",
					  "is not one");
	encl_launch_record(out, "health_path", h->path);
	return 0;
}

static int
write_health(const struct encl_launch_unit *l, struct encl_buf *out, struct encl_err *e)
{
	const struct encl_unit *u = l->unit;
	const struct encl_health *h = &u->health;

	/* a container's command is run by the daemon, in the container */
	if (l->kind == ENCL_LAUNCH_CONTAINER &&
	    (h->kind == ENCL_HEALTH_COMMAND ||
	     (h->kind == ENCL_HEALTH_NONE && l->docker_health))) {
		encl_launch_record(out, "health", "docker");
		return 0;
	}
	if (h->kind == ENCL_HEALTH_NONE)
		return 0;
	if (!h->interval_ms || !h->timeout_ms || !h->retries)
		return encl_fail(e, ENCL_USAGE, "health check of %s: a time is 0",
				 u->name);
	if (check_number(u, "health interval", h->interval_ms, MILLISECONDS_MAX, e) ||
	    check_number(u, "health timeout", h->timeout_ms, MILLISECONDS_MAX, e) ||
	    check_number(u, "health start", h->start_period_ms, MILLISECONDS_MAX, e) ||
	    write_probe(u, out, e))
		return -1;
	record_number(out, "health_interval", h->interval_ms);
	record_number(out, "health_timeout", h->timeout_ms);
	record_number(out, "health_start", h->start_period_ms);
	record_number(out, "health_retries", h->retries);
	return 0;
}

static int
write_process(const struct encl_launch_unit *l, struct encl_buf *out, struct encl_err *e)
{
	const struct encl_limits *limits = &l->unit->limits;

	if (write_ids(l, out, e) || write_place(l, out, e) || write_command(l, out, e) ||
	    write_env(l, out, e) ||
	    check_number(l->unit, "memory", limits->memory_mib, UINT32_MAX, e) ||
	    check_number(l->unit, "cpus", limits->cpu_milli, UINT32_MAX, e) ||
	    check_number(l->unit, "pids", limits->pids, UINT32_MAX, e) ||
	    check_number(l->unit, "open files", limits->nofile, 1048576, e))
		return -1;
	record_limit(out, "memory", limits->memory_mib << 20);
	record_limit(out, "cpu_milli", limits->cpu_milli);
	record_limit(out, "pids", limits->pids);
	record_limit(out, "nofile", limits->nofile);
	return 0;
}

static int
write_dockerd(const struct encl_launch_unit *l, struct encl_buf *out, struct encl_err *e)
{
	const char *const paths[] = {l->data_root, l->store, l->archive};

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if ((!i && !paths[i]) || (paths[i] && *paths[i] && *paths[i] != '/'))
			return encl_launch_refuse(e, "folder of the daemon",
						  paths[i] ? paths[i] : "",
						  "is not absolute");
	if (!l->storage_mib || !l->start_timeout_ms)
		return encl_fail(e, ENCL_USAGE,
				 "the daemon's storage or start timeout is 0");
	if (check_number(l->unit, "storage", l->storage_mib, UINT32_MAX, e) ||
	    check_number(l->unit, "start timeout", l->start_timeout_ms, MILLISECONDS_MAX,
			 e))
		return -1;
	encl_launch_record(out, "data_root", l->data_root);
	record_number(out, "storage_mib", l->storage_mib);
	record_given(out, "store", l->store);
	record_given(out, "archive", l->archive);
	record_given(out, "network", l->network);
	record_number(out, "start_timeout", l->start_timeout_ms);
	return 0;
}

int
encl_launch_unit_write(const struct encl_launch_unit *l, struct encl_buf *out,
		       struct encl_err *e)
{
	if (write_common(l, out, e) || write_health(l, out, e))
		return -1;
	if (l->kind == ENCL_LAUNCH_CONTAINER) {
		if (!l->create || !*l->create)
			return encl_fail(e, ENCL_USAGE, "container %s has no request",
					 l->unit->name);
		encl_launch_record(out, "create", l->create);
		return 0;
	}
	if (write_process(l, out, e))
		return -1;
	return l->kind == ENCL_LAUNCH_DOCKERD ? write_dockerd(l, out, e) : 0;
}
