/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules across services and containers: their names, what they depend on, and
 * that one of app, services and docker says what runs.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/parse.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

struct row {
	const struct encl_unit *unit;
	const struct encl_yaml_node *node;	/* NULL: from a compose file */
	const char *list;			/* "services" or "docker.containers" */
	const struct encl_container *container; /* or NULL */
	size_t index;
	bool maybe_healthy; /* its image may have a health check */
	bool reached;	    /* find_cycle: does not wait for a circle */
};

struct units {
	const struct encl_manifest *m;
	struct encl_manifest_report *r;
	struct row *v;
	size_t n;
	bool app; /* there is a unit "app" */
};

static char *
path_of(const struct units *u, const struct row *row, const char *key)
{
	if (row->container)
		return encl_container_path(u->m, row->index, key);
	return encl_xasprintf("%s[%zu]%s%s", row->list, row->index, key ? "." : "",
			      key ? key : "");
}

static void problem(const struct units *u, const struct row *row, const char *key,
		    struct encl_pos pos, const char *fmt, ...) ENCL_PRINTF(5, 6);

static void
problem(const struct units *u, const struct row *row, const char *key,
	struct encl_pos pos, const char *fmt, ...)
{
	encl_auto(encl_free) char *path = path_of(u, row, key);
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_manifest_report_add(u->r, pos, path, "%s", text);
}

static const struct encl_yaml_node *
key_of(const struct row *row, const char *key)
{
	return row->container ? encl_check_container_key(row->container, row->node, key)
			      : encl_manifest_yaml_get(row->node, key);
}

/* Where the value of a key stands; else where the unit does. */
static struct encl_pos
pos_of(const struct row *row, const char *key)
{
	const struct encl_yaml_node *node = key_of(row, key);

	return node ? node->pos : row->unit->pos;
}

static struct encl_pos
pos_of_dependency(const struct row *row, const char *name)
{
	const struct encl_yaml_node *node =
		encl_manifest_yaml_get(key_of(row, "dependsOn"), name);

	return node ? node->key_pos : pos_of(row, "dependsOn");
}

static struct row *
find(const struct units *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].unit->name && !strcmp(u->v[i].unit->name, name))
			return &u->v[i];
	return NULL;
}

static void
check_name(const struct units *u, const struct row *row)
{
	static const char *const reserved[] = {"app", "docker", "init", "launch"};
	const char *name = row->unit->name;
	const struct row *first;

	if (!name)
		return;
	for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
		if (!strcmp(name, reserved[i]))
			problem(u, row, "name", pos_of(row, "name"),
				"\"%s\" is a name of the enclave's own; %s", name,
				row->container && row->container->service
					? "give it another with container_name"
					: "choose another");
	first = find(u, name);
	if (first != row) {
		encl_auto(encl_free) char *other = path_of(u, first, NULL);

		problem(u, row, "name", pos_of(row, "name"),
			"\"%s\" is the name of %s too", name, other);
	}
}

/* The nearest name, or NULL. */
static const char *
nearest(const struct units *u, const char *name)
{
	const char *best = NULL;
	unsigned distance = 3;

	for (size_t i = 0; i < u->n; i++) {
		const char *other = u->v[i].unit->name;
		unsigned d = other ? encl_edit_distance(other, name) : distance;

		if (d < distance && d < strlen(name)) {
			distance = d;
			best = other;
		}
	}
	return best;
}

static void
check_condition(const struct units *u, const struct row *row,
		const struct encl_dependency *d, const struct row *on)
{
	struct encl_pos pos = pos_of_dependency(row, d->name);
	encl_auto(encl_free) char *key = encl_xasprintf("dependsOn.%s", d->name);

	if (d->condition == ENCL_HEALTHY && on->unit->health.kind == ENCL_HEALTH_NONE &&
	    !on->maybe_healthy)
		problem(u, row, key, pos,
			"\"%s\" has no healthcheck; give it one, or wait for \"started\"",
			d->name);
	if (d->condition == ENCL_COMPLETED && on->unit->restart == ENCL_RESTART_ALWAYS)
		problem(u, row, key, pos,
			"\"%s\" is restarted always and so never completed", d->name);
}

static void
check_dependency(const struct units *u, const struct row *row,
		 const struct encl_dependency *d)
{
	const struct row *on = find(u, d->name);
	struct encl_pos pos = pos_of_dependency(row, d->name);
	encl_auto(encl_free) char *key = encl_xasprintf("dependsOn.%s", d->name);
	bool docker = u->m->docker.given && !strcmp(d->name, "docker");
	const char *near;

	if (on) {
		check_condition(u, row, d, on);
		return;
	}
	if (docker && d->condition == ENCL_COMPLETED)
		problem(u, row, key, pos, "the Docker engine is never completed");
	else if (u->app && !strcmp(d->name, "app") && d->condition == ENCL_HEALTHY)
		problem(u, row, key, pos,
			"the app has no healthcheck; wait for \"started\"");
	else if (!docker && !(u->app && !strcmp(d->name, "app"))) {
		near = nearest(u, d->name);
		problem(u, row, key, pos, "there is no \"%s\"%s%s%s", d->name,
			near ? " (did you mean \"" : "", near ? near : "",
			near ? "\"?)" : "");
	}
}

/* Does it wait for a unit that is not reached? */
static struct row *
blocker(const struct units *u, const struct row *row)
{
	for (size_t i = 0; i < row->unit->n_depends; i++) {
		struct row *on = find(u, row->unit->depends[i].name);

		if (on && !on->reached)
			return on;
	}
	return NULL;
}

/* From a unit that waits for a circle into the circle, and once around. */
static void
report_cycle(const struct units *u, struct row *row)
{
	encl_auto(encl_buf_clear) struct encl_buf b;
	struct row *start;

	for (size_t i = 0; i < u->n; i++)
		row = blocker(u, row);
	/* the first of the file speaks for all */
	start = row;
	for (struct row *p = blocker(u, row); p != row; p = blocker(u, p))
		start = p < start ? p : start;
	encl_buf_init(&b, 65536);
	encl_buf_add_str(&b, start->unit->name);
	row = start;
	do {
		row = blocker(u, row);
		encl_buf_add_fmt(&b, " -> %s", row->unit->name);
	} while (row != start);
	problem(u, start, "dependsOn", pos_of(start, "dependsOn"),
		"they wait for each other: %s", encl_buf_text(&b));
}

static void
find_cycle(const struct units *u)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < u->n; i++)
			if (!u->v[i].reached && !blocker(u, &u->v[i]))
				u->v[i].reached = moved = true;
	}
	for (size_t i = 0; i < u->n; i++)
		if (!u->v[i].reached) {
			report_cycle(u, &u->v[i]);
			return;
		}
}

static void
check_program(const struct units *u, const struct row *row)
{
	const struct encl_yaml_node *first =
		encl_manifest_yaml_at(encl_manifest_yaml_get(row->node, "command"), 0);

	if (first && !first->bad && first->kind == ENCL_YAML_TEXT && !first->len)
		problem(u, row, "command[0]", first->pos, "the program's name is empty");
}

/* AWS's init mounts cgroup version 1, where launch keeps no limits. */
static void
check_limits(const struct units *u, const struct row *row)
{
	const struct encl_limits *l = &row->unit->limits;

	if (u->m->boot.init == ENCL_INIT_AWS &&
	    (l->memory_mib || l->cpu_milli || l->pids))
		problem(u, row, "limits", pos_of(row, "limits"),
			"memoryMiB, cpus and pids need cgroup version 2, which boot.init "
			"\"aws\" does not mount");
}

static void
collect(struct units *u, const struct encl_yaml_node *root)
{
	const struct encl_manifest *m = u->m;
	const struct encl_yaml_node *services = encl_manifest_yaml_get(root, "services");
	const struct encl_yaml_node *containers = encl_manifest_yaml_get(
		encl_manifest_yaml_get(root, "docker"), "containers");

	u->v = encl_xcalloc(m->n_services + m->docker.n_containers + 1, sizeof *u->v);
	for (size_t i = 0; i < m->n_services; i++)
		u->v[u->n++] = (struct row){
			.unit = &m->services[i].unit,
			.node = encl_manifest_yaml_at(services, i),
			.list = "services",
			.index = i,
		};
	for (size_t i = 0; i < m->docker.n_containers; i++)
		u->v[u->n++] = (struct row){
			.unit = &m->docker.containers[i].unit,
			.node = encl_manifest_yaml_at(containers, i),
			.list = "docker.containers",
			.index = i,
			.container = &m->docker.containers[i],
			.maybe_healthy = !m->docker.containers[i].no_health,
		};
	u->app = encl_manifest_yaml_get(root, "app");
}

void
encl_manifest_check_units(const struct encl_yaml_node *root,
			  const struct encl_manifest *m, struct encl_manifest_report *r)
{
	struct units u = {.m = m, .r = r};
	const struct encl_yaml_node *app = encl_manifest_yaml_get(root, "app");

	if (app && encl_manifest_yaml_get(root, "services"))
		encl_manifest_report_add(
			r, app->key_pos, "app",
			"cannot stand beside \"services\"; make it one of them");
	collect(&u, root);
	encl_auto(encl_free) struct row *owned = u.v;

	(void)owned;
	for (size_t i = 0; i < u.n; i++) {
		check_name(&u, &u.v[i]);
		if (!strcmp(u.v[i].list, "services")) {
			check_program(&u, &u.v[i]);
			check_limits(&u, &u.v[i]);
		}
		for (size_t j = 0; j < u.v[i].unit->n_depends; j++)
			check_dependency(&u, &u.v[i], &u.v[i].unit->depends[j]);
	}
	find_cycle(&u);
}
