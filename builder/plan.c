/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `plan` tells: the same steps as a build up to the ramdisks, then the
 * daemon's settings, the order of the start, the way to every port, and the
 * memory that all of it needs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "build_internal.h"
#include "docker/docker.h"
#include "launch/memory.h"
#include "units.h"

/* ---- memory ---- */

static json_t *
parts_json(const struct encl_memory_sum *sum)
{
	json_t *parts = json_array();

	for (size_t i = 0; i < sum->n; i++)
		json_array_append_new(parts,
				      json_pack("{s:s, s:I}", "what", sum->parts[i].what,
						"MiB", (json_int_t)sum->parts[i].mib));
	return parts;
}

static json_t *
memory_json(const struct encl_memory *m)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "bootMiB",
			 (json_int_t)m->boot.mib, "runMiB", (json_int_t)m->run.mib,
			 "leastMiB", (json_int_t)m->least_mib, "neededMiB",
			 (json_int_t)m->mib, "nitroCliMiB", (json_int_t)m->nitro_cli_mib,
			 "bootParts", parts_json(&m->boot), "parts", parts_json(&m->run));
}

/* What `run` gives it by itself. */
static json_t *
resources_json(const struct encl_manifest *m, const struct encl_memory *memory)
{
	const uint64_t given = m->resources.memory_mib;

	return json_pack("{s:I, s:I, s:b}", "MemoryMiB",
			 (json_int_t)(given ? given : memory->mib), "CPUs",
			 (json_int_t)m->resources.cpus, "auto", !given);
}

/* ---- the order of the start ---- */

static void
collect(const struct encl_manifest *m, struct encl_docker_build *docker,
	struct encl_units *units)
{
	static const struct encl_unit app = {.name = "app", .critical = true};
	struct encl_launch_unit u = {.kind = ENCL_LAUNCH_PROCESS};

	for (size_t i = 0; i < m->n_services; i++) {
		u.unit = &m->services[i].unit;
		encl_units_add(units, &u);
	}
	if (m->app.given || (!m->n_services && !m->docker.given)) {
		u.unit = &app;
		encl_units_add(units, &u);
	}
	if (m->docker.given)
		encl_docker_build_units(m, docker, units);
}

static json_t *
dependencies_json(const struct encl_unit *u)
{
	static const char *const conditions[] = {"started", "healthy", "completed"};
	json_t *list = json_array();

	for (size_t i = 0; i < u->n_depends; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "name", u->depends[i].name,
						"condition",
						conditions[u->depends[i].condition]));
	return list;
}

static int
start_json(const struct encl_manifest *m, struct encl_docker_build *docker, json_t **out,
	   struct encl_err *e)
{
	static const char *const kinds[] = {"process", "daemon", "container"};
	encl_auto(encl_units_clear) struct encl_units units = {0};
	json_t *list;

	collect(m, docker, &units);
	if (encl_units_sort(&units, e))
		return -1;
	list = json_array();
	for (size_t i = 0; i < units.n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:o, s:b}", "name",
						units.v[i].unit->name, "kind",
						kinds[units.v[i].kind], "after",
						dependencies_json(units.v[i].unit),
						"critical", units.v[i].unit->critical));
	*out = list;
	return 0;
}

/* ---- ports ---- */

/* "web:80", where a container on the bridge publishes the port. */
static char *
behind(const struct encl_manifest *m, bool bridge, unsigned port)
{
	for (size_t i = 0; bridge && i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		for (size_t j = 0; !c->host_network && j < c->n_ports; j++)
			if (c->ports[j].host == port && !c->ports[j].udp)
				return encl_xasprintf("%s:%u", c->unit.name,
						      c->ports[j].container);
	}
	return encl_xasprintf("127.0.0.1:%u", port);
}

static json_t *
ingress_json(const struct encl_manifest *m, bool bridge)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->n_ingress; i++) {
		const struct encl_ingress *in = &m->ingress[i];
		encl_auto(encl_free) char *to = behind(m, bridge, in->tcp);
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(in->name));
		for (size_t j = 0; j < m->n_ports; j++)
			if (!strcmp(m->ports[j].ingress, in->name))
				json_object_set_new(
					one, "parent",
					json_integer((json_int_t)m->ports[j].port));
		json_object_set_new(one, "vsock", json_integer((json_int_t)in->vsock));
		json_object_set_new(one, "tcp", json_integer((json_int_t)in->tcp));
		json_object_set_new(one, "to", json_string(to));
		json_array_append_new(list, one);
	}
	return list;
}

/* ---- all ---- */

static json_t *
choices_json(const struct encl_docker_settings *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_choices; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "setting",
						      s->choices[i].setting, "value",
						      s->choices[i].value, "reason",
						      s->choices[i].reason));
	return list;
}

int
encl_plan(struct encl_env *env, const struct encl_manifest *m, json_t **out,
	  struct encl_err *e)
{
	encl_auto(encl_free) char *init_bytes = NULL;
	encl_auto(encl_build_clear) struct encl_build b = {.env = env, .m = m};
	encl_auto(json_decref) json_t *doc = json_object();
	struct encl_memory memory;
	json_t *start;
	bool locked;

	if (encl_build_prepare(&b, false, &locked, &init_bytes, e) ||
	    start_json(m, &b.docker, &start, e))
		return -1;
	json_object_set_new(doc, "name", json_string(m->name));
	json_object_set_new(doc, "kernel", json_string(b.kernel.release));
	if (m->docker.given)
		json_object_set_new(doc, "docker", choices_json(&b.docker.settings));
	json_object_set_new(doc, "start", start);
	json_object_set_new(doc, "ingress", ingress_json(m, b.docker.settings.bridge));
	if (m->egress.given)
		json_object_set_new(doc, "egress", encl_build_egress_json(m));
	if (encl_build_memory(&b, 0, &memory, e))
		return -1;
	json_object_set_new(doc, "memory", memory_json(&memory));
	json_object_set_new(doc, "resources", resources_json(m, &memory));
	if (encl_build_check_memory(&b, &memory, e))
		json_object_set_new(doc, "problem", json_string(e->msg));
	*out = encl_take(doc, NULL);
	return 0;
}

json_t *
encl_plan_image(const struct encl_eif *eif)
{
	struct encl_memory_need need;
	struct encl_memory memory;

	encl_memory_of_image(eif, &need);
	encl_memory_estimate(&need, &memory);
	return json_pack("{s:o}", "memory", memory_json(&memory));
}
