/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container of the manifest to the body of POST /containers/create (Engine
 * API 1.40 and later), keys in byte order.  The supervisor restarts, so Docker
 * must not; what the manifest does not say is left to the image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "docker/docker.h"

static json_t *
list_of(const struct encl_strings *strings)
{
	json_t *list = json_array();

	for (size_t i = 0; i < strings->n; i++)
		json_array_append_new(list, json_string(strings->v[i]));
	return list;
}

/* Nothing where the list is empty. */
static void
set_list(json_t *o, const char *key, const struct encl_strings *strings)
{
	if (strings->n)
		json_object_set_new(o, key, list_of(strings));
}

static void
set_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static void
set_number(json_t *o, const char *key, uint64_t n)
{
	if (n)
		json_object_set_new(o, key, json_integer((json_int_t)n));
}

static void
set_true(json_t *o, const char *key, bool yes)
{
	if (yes)
		json_object_set_new(o, key, json_true());
}

/* "KEY=VALUE" or "KEY:VALUE". */
static json_t *
joined(const struct encl_pairs *pairs, char between)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pairs->n; i++) {
		encl_auto(encl_free) char *one = encl_xasprintf(
			"%s%c%s", pairs->v[i].key, between, pairs->v[i].value);

		json_array_append_new(list, json_string(one));
	}
	return list;
}

static json_t *
object_of(const struct encl_pairs *pairs)
{
	json_t *o = json_object();

	for (size_t i = 0; i < pairs->n; i++)
		json_object_set_new(o, pairs->v[i].key, json_string(pairs->v[i].value));
	return o;
}

/* ---- health ---- */

static json_t *
health_test(const struct encl_health *h)
{
	json_t *test = json_array();

	json_array_append_new(test, json_string(h->shell ? "CMD-SHELL" : "CMD"));
	for (size_t i = 0; i < h->command.n; i++)
		json_array_append_new(test, json_string(h->command.v[i]));
	return test;
}

/* tcp and http are asked by launch, not in the container; then the image's own
 * check has no say. */
static json_t *
health(const struct encl_container *c)
{
	const struct encl_health *h = &c->unit.health;
	json_t *o = json_object();

	if (h->kind != ENCL_HEALTH_COMMAND) {
		json_object_set_new(o, "Test", json_pack("[s]", "NONE"));
		return o;
	}
	json_object_set_new(o, "Interval",
			    json_integer((json_int_t)h->interval_ms * 1000000));
	json_object_set_new(o, "Retries", json_integer((json_int_t)h->retries));
	json_object_set_new(o, "StartPeriod",
			    json_integer((json_int_t)h->start_period_ms * 1000000));
	json_object_set_new(o, "Test", health_test(h));
	json_object_set_new(o, "Timeout",
			    json_integer((json_int_t)h->timeout_ms * 1000000));
	return o;
}

/* ---- network ---- */

static bool
on_bridge(const struct encl_container *c, const struct encl_docker_settings *s)
{
	return s->bridge && !c->host_network;
}

static char *
port_key(const struct encl_publish *p)
{
	return encl_xasprintf("%u/%s", p->container, p->udp ? "udp" : "tcp");
}

static json_t *
exposed_ports(const struct encl_container *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < c->n_ports; i++) {
		encl_auto(encl_free) char *key = port_key(&c->ports[i]);

		json_object_set_new(o, key, json_object());
	}
	return o;
}

/* {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}.  An empty HostIp
 * would mean IPv6 as well, which no bridge here has, by one more proxy. */
static json_t *
port_bindings(const struct encl_container *c)
{
	json_t *o = json_object();

	for (size_t i = 0; i < c->n_ports; i++) {
		const struct encl_publish *p = &c->ports[i];
		encl_auto(encl_free) char *key = port_key(p);
		encl_auto(encl_free) char *host = encl_xasprintf("%u", p->host);
		json_t *list = json_object_get(o, key);

		if (!list) {
			list = json_array();
			json_object_set_new(o, key, list);
		}
		json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp",
						      p->address ? p->address : "0.0.0.0",
						      "HostPort", host));
	}
	return o;
}

/* ---- mounts ---- */

static json_t *
mount_of(const struct encl_mount *m)
{
	static const char *const types[] = {"bind", "volume", "tmpfs"};
	json_t *o = json_object();

	set_true(o, "ReadOnly", m->readonly);
	if (m->kind != ENCL_MOUNT_TMPFS && m->source && *m->source)
		json_object_set_new(o, "Source", json_string(m->source));
	json_object_set_new(o, "Target", json_string(m->target));
	if (m->kind == ENCL_MOUNT_TMPFS && m->size_mib)
		json_object_set_new(o, "TmpfsOptions",
				    json_pack("{s:I}", "SizeBytes",
					      (json_int_t)m->size_mib * (1 << 20)));
	json_object_set_new(o, "Type", json_string(types[m->kind]));
	return o;
}

static json_t *
mounts(const struct encl_container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_mounts; i++)
		json_array_append_new(list, mount_of(&c->mounts[i]));
	return list;
}

/* ---- limits and rights ---- */

/* nofile -> "SOFT:HARD" or one number for both; the manifest checked them. */
static json_t *
ulimits(const struct encl_container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->ulimits.n; i++) {
		const char *text = c->ulimits.v[i].value;
		const char *colon = strchr(text, ':');
		json_int_t soft = strtoll(text, NULL, 10);
		json_int_t hard = colon ? strtoll(colon + 1, NULL, 10) : soft;

		json_array_append_new(list,
				      json_pack("{s:I, s:s, s:I}", "Hard", hard, "Name",
						c->ulimits.v[i].key, "Soft", soft));
	}
	return list;
}

/* "/dev/nsm", "/dev/vsock:/dev/vsock:rw" */
static json_t *
devices(const struct encl_container *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->devices.n; i++) {
		const char *text = c->devices.v[i];
		size_t n = strcspn(text, ":");
		const char *inside = text[n] ? text + n + 1 : text;
		size_t n_inside = strcspn(inside, ":");
		const char *rights =
			inside[n_inside] == ':' ? inside + n_inside + 1 : "rwm";
		encl_auto(encl_free) char *host = encl_xstrndup(text, n);
		encl_auto(encl_free) char *path = encl_xstrndup(inside, n_inside);

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s}", "CgroupPermissions", rights,
					"PathInContainer", path, "PathOnHost", host));
	}
	return list;
}

static void
set_limits(json_t *host, const struct encl_container *c)
{
	const struct encl_limits *l = &c->unit.limits;

	set_number(host, "Memory", l->memory_mib << 20);
	set_number(host, "MemorySwap", l->memory_mib << 20); /* no swap */
	set_number(host, "NanoCpus", l->cpu_milli * 1000000);
	set_number(host, "PidsLimit", l->pids);
	if (c->ulimits.n)
		json_object_set_new(host, "Ulimits", ulimits(c));
}

static json_t *
host_config(const struct encl_container *c, const struct encl_docker_settings *s)
{
	json_t *host = json_object();

	set_list(host, "CapAdd", &c->cap_add);
	set_list(host, "CapDrop", &c->cap_drop);
	if (c->devices.n)
		json_object_set_new(host, "Devices", devices(c));
	if (c->hosts.n)
		json_object_set_new(host, "ExtraHosts", joined(&c->hosts, ':'));
	set_list(host, "GroupAdd", &c->groups);
	set_true(host, "Init", c->init);
	set_limits(host, c);
	if (c->n_mounts)
		json_object_set_new(host, "Mounts", mounts(c));
	json_object_set_new(host, "NetworkMode",
			    json_string(on_bridge(c, s) ? ENCL_DOCKER_NETWORK : "host"));
	if (c->n_ports && on_bridge(c, s))
		json_object_set_new(host, "PortBindings", port_bindings(c));
	set_true(host, "Privileged", c->privileged);
	set_true(host, "ReadonlyRootfs", c->readonly);
	json_object_set_new(host, "RestartPolicy", json_pack("{s:s}", "Name", "no"));
	return host;
}

/* ---- all ---- */

/* Seconds, rounded up; the supervisor's own clock has the last word. */
static json_int_t
stop_seconds(const struct encl_unit *u)
{
	return (json_int_t)((u->stop_timeout_ms + 999) / 1000);
}

/* Its own variables, then what tells of the proxy of network.egress. */
static json_t *
environment(const struct encl_manifest *m, const struct encl_container *c,
	    const struct encl_docker_settings *s)
{
	const char *address = on_bridge(c, s) ? ENCL_DOCKER_GATEWAY : "127.0.0.1";
	json_t *list = joined(&c->env, '=');

	for (size_t i = 0; i < ENCL_PROXY_VARIABLES; i++) {
		encl_auto(encl_free) char *text =
			encl_manifest_proxy_variable(m, address, &c->env, i);

		if (text)
			json_array_append_new(list, json_string(text));
	}
	return list;
}

static void
set_process(json_t *o, const struct encl_manifest *m, const struct encl_container *c,
	    const struct encl_docker_settings *s)
{
	json_t *env = environment(m, c, s);

	if (c->has_command)
		json_object_set_new(o, "Cmd", list_of(&c->command));
	if (c->has_entrypoint)
		json_object_set_new(o, "Entrypoint", list_of(&c->entrypoint));
	if (json_array_size(env))
		json_object_set(o, "Env", env);
	json_decref(env);
	set_text(o, "User", c->user);
	set_text(o, "WorkingDir", c->workdir);
	set_text(o, "StopSignal", c->unit.stop_signal);
	json_object_set_new(o, "StopTimeout", json_integer(stop_seconds(&c->unit)));
	if (c->no_health || c->unit.health.kind != ENCL_HEALTH_NONE)
		json_object_set_new(o, "Healthcheck", health(c));
}

/* What other containers find it by. */
static json_t *
aliases(const struct encl_container *c)
{
	json_t *list = json_array();

	json_array_append_new(list, json_string(c->unit.name));
	for (size_t i = 0; i < c->aliases.n; i++)
		json_array_append_new(list, json_string(c->aliases.v[i]));
	return list;
}

char *
encl_docker_create(const struct encl_manifest *m, const struct encl_container *c,
		   const struct encl_docker_loaded *image,
		   const struct encl_docker_settings *s)
{
	encl_auto(json_decref) json_t *o = json_object();

	json_object_set_new(o, "Image", json_string(image->id));
	/* With the host's network the name is the host's. */
	set_text(o, "Hostname",
		 c->hostname || !on_bridge(c, s) ? c->hostname : c->unit.name);
	set_process(o, m, c, s);
	if (on_bridge(c, s)) {
		json_object_set_new(o, "NetworkingConfig",
				    json_pack("{s:{s:{s:o}}}", "EndpointsConfig",
					      ENCL_DOCKER_NETWORK, "Aliases",
					      aliases(c)));
		if (c->n_ports)
			json_object_set_new(o, "ExposedPorts", exposed_ports(c));
	}
	if (c->labels.n)
		json_object_set_new(o, "Labels", object_of(&c->labels));
	json_object_set_new(o, "HostConfig", host_config(c, s));
	return json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS);
}
