/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The app, or the services, as units of launch: command and environment put
 * together, users and signals as numbers, what is depended on first.
 */
#include "units.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/parse.h"
#include "rootfs/tree.h"
#include "rootfs/user.h"
#include "sources/source.h"

void
encl_units_clear(struct encl_units *units)
{
	free(units->v);
	encl_arena_free(units->arena);
	*units = (struct encl_units){0};
}

void
encl_units_add(struct encl_units *units, const struct encl_launch_unit *unit)
{
	units->v = encl_xrealloc(units->v, units->n + 1, sizeof *units->v);
	units->v[units->n++] = *unit;
}

static const char *
join(struct encl_arena *arena, const struct encl_pair *pair)
{
	encl_auto(encl_free) char *text = encl_xasprintf("%s=%s", pair->key, pair->value);

	return encl_arena_strdup(arena, text);
}

/* ENTRYPOINT and CMD together, as Docker runs them; app.command replaces both. */
static int
pick_command(const struct encl_manifest *m, const struct encl_image_config *config,
	     struct encl_arena *arena, struct encl_strings *out, struct encl_err *e)
{
	size_t n = config->entrypoint.n + config->cmd.n;
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->app.pos);

	if (m->app.has_command) {
		*out = m->app.command;
		return 0;
	}
	if (!n)
		return encl_fail(e, ENCL_USAGE,
				 "%sapp.command: missing, and no image of rootfs has an "
				 "ENTRYPOINT or CMD",
				 m->app.given ? at : "");
	out->v = encl_arena_alloc(arena, n * sizeof *out->v);
	out->n = n;
	for (size_t i = 0; i < n; i++)
		out->v[i] = i < config->entrypoint.n
				    ? config->entrypoint.v[i]
				    : config->cmd.v[i - config->entrypoint.n];
	return 0;
}

static bool
is_overridden(const struct encl_manifest *m, const char *assignment)
{
	size_t n = strcspn(assignment, "=");

	for (size_t i = 0; i < m->app.env.n; i++)
		if (strlen(m->app.env.v[i].key) == n &&
		    !strncmp(m->app.env.v[i].key, assignment, n))
			return true;
	return false;
}

/* What tells of the proxy of network.egress, unless `given` does. */
static void
add_proxy(const struct encl_manifest *m, const struct encl_pairs *given,
	  struct encl_arena *arena, struct encl_strings *out)
{
	for (size_t i = 0; i < ENCL_PROXY_VARIABLES; i++) {
		encl_auto(encl_free) char *text =
			encl_manifest_proxy_variable(m, "127.0.0.1", given, i);

		if (text)
			out->v[out->n++] = encl_arena_strdup(arena, text);
	}
}

/* The image's environment, then ours, then the manifest's; the last wins. */
static void
merge_env(const struct encl_manifest *m, const struct encl_image_config *config,
	  struct encl_arena *arena, struct encl_strings *out)
{
	out->v = encl_arena_alloc(arena,
				  (config->env.n + ENCL_PROXY_VARIABLES + m->app.env.n) *
					  sizeof *out->v);
	out->n = 0;
	for (size_t i = 0; i < config->env.n; i++)
		if (!is_overridden(m, config->env.v[i]))
			out->v[out->n++] = config->env.v[i];
	add_proxy(m, &m->app.env, arena, out);
	for (size_t i = 0; i < m->app.env.n; i++)
		out->v[out->n++] = join(arena, &m->app.env.v[i]);
}

/* Sets ids, groups and home. */
static int
set_user(struct encl_tree *tree, const char *spec, struct encl_arena *arena,
	 struct encl_launch_unit *out, struct encl_err *e)
{
	encl_auto(encl_user_clear) struct encl_user who = {0};

	if (encl_user_resolve(tree, spec && *spec ? spec : "0:0", &who, e))
		return -1;
	out->uid = who.uid;
	out->gid = who.gid;
	out->groups =
		encl_arena_memdup(arena, who.groups, who.n_groups * sizeof *who.groups);
	out->n_groups = who.n_groups;
	out->home = who.home ? encl_arena_strdup(arena, who.home) : NULL;
	return 0;
}

static void
warn_absent(struct encl_log *log, struct encl_tree *tree, const char *at,
	    const char *where, const char *program)
{
	if (*program == '/' && !encl_tree_find(tree, program))
		encl_warn(log, "%s%s.command: %s is not in the image", at, where,
			  program);
}

static int
add_app(struct encl_log *log, const struct encl_manifest *m,
	const struct encl_image_config *config, struct encl_tree *tree,
	struct encl_units *units, struct encl_err *e)
{
	static const struct encl_unit app = {
		.name = "app", .critical = true, .stop_timeout_ms = 10000};
	const char *user = m->app.user ? m->app.user : config->user;
	const char *workdir = m->app.workdir ? m->app.workdir : config->workdir;
	encl_auto(encl_free) char *at = encl_manifest_at(m, m->app.pos);
	struct encl_launch_unit u = {
		.unit = &app,
		.raw_output = true,
		.stop_signal = SIGTERM,
		.workdir = workdir,
	};

	if (pick_command(m, config, units->arena, &u.argv, e))
		return -1;
	merge_env(m, config, units->arena, &u.env);
	if (set_user(tree, user, units->arena, &u, e))
		return encl_wrap(e, "%sapp.user", m->app.user ? at : "");
	if (encl_launch_check_lines(&u.argv, "command", e) ||
	    encl_launch_check_lines(&u.env, "env", e))
		return encl_wrap(e, "%sapp", at);
	if (u.argv.n)
		warn_absent(log, tree, at, "app", u.argv.v[0]);
	encl_units_add(units, &u);
	return 0;
}

static int
add_service(struct encl_log *log, const struct encl_manifest *m, size_t i,
	    struct encl_tree *tree, struct encl_units *units, struct encl_err *e)
{
	const struct encl_service *s = &m->services[i];
	const char *signal = s->unit.stop_signal ? s->unit.stop_signal : "SIGTERM";
	encl_auto(encl_free) char *at = encl_manifest_at(m, s->unit.pos);
	encl_auto(encl_free) char *where = encl_xasprintf("services[%zu]", i);
	struct encl_launch_unit u = {
		.unit = &s->unit,
		.stop_signal = encl_parse_signal(signal),
		.argv = s->command,
		.workdir = s->workdir,
	};

	if (!u.stop_signal)
		return encl_fail(e, ENCL_USAGE, "%s%s.stopSignal: %s is none", at, where,
				 signal);
	u.env.v = encl_arena_alloc(units->arena,
				   (s->env.n + ENCL_PROXY_VARIABLES) * sizeof *u.env.v);
	add_proxy(m, &s->env, units->arena, &u.env);
	for (size_t j = 0; j < s->env.n; j++)
		u.env.v[u.env.n++] = join(units->arena, &s->env.v[j]);
	if (set_user(tree, s->user, units->arena, &u, e))
		return encl_wrap(e, "%s%s.user", at, where);
	warn_absent(log, tree, at, where, u.argv.v[0]);
	encl_units_add(units, &u);
	return 0;
}

int
encl_units_collect(struct encl_log *log, const struct encl_manifest *m,
		   const struct encl_image_config *config, struct encl_tree *tree,
		   struct encl_units *out, struct encl_err *e)
{
	if (!out->arena)
		out->arena = encl_arena_new();
	for (size_t i = 0; i < m->n_services; i++)
		if (add_service(log, m, i, tree, out, e))
			return -1;
	if (m->app.given || (!m->n_services && !m->docker.given))
		return add_app(log, m, config, tree, out, e);
	return 0;
}

static const struct encl_launch_unit *
find(const struct encl_launch_unit *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].unit->name, name))
			return &v[i];
	return NULL;
}

/* Is everything it depends on among the first n? */
static bool
is_ready(const struct encl_launch_unit *v, size_t n, const struct encl_unit *u)
{
	for (size_t i = 0; i < u->n_depends; i++)
		if (!find(v, n, u->depends[i].name))
			return false;
	return true;
}

/* Why no unit from `at` on can be next. */
static int
stuck(const struct encl_units *units, size_t at, struct encl_err *e)
{
	for (size_t k = at; k < units->n; k++) {
		const struct encl_unit *u = units->v[k].unit;

		for (size_t i = 0; i < u->n_depends; i++)
			if (!find(units->v, units->n, u->depends[i].name))
				return encl_fail(e, ENCL_USAGE,
						 "%s depends on %s, which is not there",
						 u->name, u->depends[i].name);
	}
	return encl_fail(e, ENCL_USAGE, "%s depends, through others, on itself",
			 units->v[at].unit->name);
}

int
encl_units_sort(struct encl_units *units, struct encl_err *e)
{
	struct encl_launch_unit *v = units->v;

	for (size_t done = 0; done < units->n; done++) {
		struct encl_launch_unit next;
		size_t i = done;

		while (i < units->n && !is_ready(v, done, v[i].unit))
			i++;
		if (i == units->n)
			return stuck(units, done, e);
		next = v[i];
		memmove(v + done + 1, v + done, (i - done) * sizeof *v);
		v[done] = next;
	}
	return 0;
}
