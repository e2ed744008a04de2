/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The docker: section to what lies in the image (engine, daemon.json,
 * preloaded images) and to the units that launch runs: the daemon first, then
 * its containers.
 */
#include "docker_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/stream.h"
#include "docker/engine.h"
#include "docker/image.h"

enum { GRACE_MS = 30000 }; /* of the daemon, after its containers */

void
encl_docker_build_clear(struct encl_docker_build *d)
{
	encl_docker_images_clear(&d->images);
	encl_docker_settings_clear(&d->settings);
	encl_arena_free(d->arena);
	memset(d, 0, sizeof *d);
}

/* ---- the engine ---- */

/* Is the package among those that the pin holds? */
static bool
is_pinned(const json_t *pin, const char *name)
{
	json_t *package;
	size_t i;

	json_array_foreach (json_object_get(pin, "packages"), i, package) {
		const char *is = json_string_value(json_object_get(package, "name"));

		if (is && !strcmp(is, name))
			return true;
	}
	return false;
}

static bool
has_key(const struct encl_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (!strcmp(pairs->v[i].key, key))
			return true;
	return false;
}

void
encl_docker_engine_layer(const struct encl_manifest *m,
			 const struct encl_docker_settings *s, const json_t *pin,
			 struct encl_arena *arena, struct encl_layer *out)
{
	static const char *const programs[] = {"iptables", "ip6tables"};
	const char *backend = encl_docker_iptables_name(s->iptables);
	struct encl_pairs all = {0};
	const struct encl_pairs *given;

	*out = m->docker.engine.layer;
	given = &out->packages.alternatives;
	if (out->kind != ENCL_LAYER_PACKAGES || s->iptables == ENCL_IPTABLES_NONE ||
	    !is_pinned(pin, "iptables"))
		return;
	all.v = encl_arena_alloc(arena, (given->n + 2) * sizeof *all.v);
	for (; all.n < given->n; all.n++)
		all.v[all.n] = given->v[all.n];
	for (size_t i = 0; i < 2; i++)
		if (!has_key(given, programs[i]))
			all.v[all.n++] = (struct encl_pair){programs[i], backend};
	out->packages.alternatives = all;
}

/* ---- what lies in the image ---- */

static int
add_daemon_json(const struct encl_manifest *m, const json_t *daemon,
		struct encl_tree *tree, struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker"};
	encl_auto(encl_free) char *text = encl_json_pretty(daemon);
	struct encl_entry_sink *sink = encl_tree_sink(tree);
	const struct encl_entry folder = {
		.path = "etc/docker",
		.type = ENCL_DIR,
		.mode = 0755,
		.merge = true,
		.mtime = (int64_t)m->source_date_epoch,
	};
	const struct encl_entry file = {
		.path = "etc/docker/daemon.json",
		.type = ENCL_REG,
		.mode = 0644,
		.mtime = (int64_t)m->source_date_epoch,
		.content = {.data = (const uint8_t *)text,
			    .size = strlen(text),
			    .crc = encl_crc32(0, text, strlen(text))},
	};

	if (sink->begin(sink, &origin, 0, e) || sink->add(sink, &folder, e) ||
	    sink->add(sink, &file, e))
		return -1;
	return sink->end(sink, e);
}

/* Is the path made when the enclave runs? */
static bool
is_made_later(const struct encl_manifest *m, const char *path)
{
	static const char *const mounted[] = {"/dev", "/proc", "/run",
					      "/sys", "/tmp",  "/var/run"};

	for (size_t i = 0; i < sizeof mounted / sizeof *mounted; i++)
		if (encl_path_within(path, mounted[i]))
			return true;
	for (size_t i = 0; i < m->n_exchanges; i++)
		if (encl_path_within(path, m->exchanges[i].path) ||
		    encl_path_within(m->exchanges[i].path, path))
			return true;
	return false;
}

/* A bind of a folder that is not there: `docker run -v` makes it, but the API's
 * mounts do not. */
static int
add_bound(struct encl_env *env, const struct encl_manifest *m, size_t i,
	  const struct encl_mount *mount, struct encl_tree *tree, struct encl_err *e)
{
	encl_auto(encl_free) char *at = encl_container_path(m, i, NULL);

	if (mount->kind != ENCL_MOUNT_BIND || is_made_later(m, mount->source) ||
	    encl_tree_find(tree, mount->source) ||
	    encl_tree_find_nofollow(tree, mount->source))
		return 0;
	encl_warn(env->log, "%s.volumes: %s is not in the image; an empty folder is made",
		  at, mount->source);
	return encl_docker_add_folder(tree, mount->source + 1, 0755, m->source_date_epoch,
				      e);
}

static int
add_volumes(struct encl_env *env, const struct encl_manifest *m, struct encl_tree *tree,
	    struct encl_err *e)
{
	static const struct encl_origin origin = {"generated", "docker"};
	struct encl_entry_sink *sink = encl_tree_sink(tree);

	if (sink->begin(sink, &origin, 0, e))
		return -1;
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		for (size_t j = 0; j < c->n_mounts; j++)
			if (add_bound(env, m, i, &c->mounts[j], tree, e))
				return -1;
	}
	return sink->end(sink, e);
}

static json_t *
image_pins(const json_t *lock)
{
	json_t *pins = json_array();
	json_t *part;
	size_t i;

	json_array_foreach (json_object_get(json_object_get(lock, "docker"), "images"), i,
			    part)
		json_array_append(pins, json_object_get(part, "pin"));
	return pins;
}

int
encl_docker_build_install(struct encl_env *env, const struct encl_manifest *m,
			  const json_t *lock, const char *kernel_config,
			  struct encl_tree *tree, struct encl_docker_build *d,
			  struct encl_err *e)
{
	encl_auto(json_decref) json_t *pins = image_pins(lock);
	encl_auto(encl_docker_settings_clear) struct encl_docker_settings first = {0};

	encl_tree_set_item(tree, "docker", &m->docker.pos);
	if (encl_docker_settings(m, kernel_config, 0, &first, e) ||
	    encl_docker_engine_trim(m, &first, tree, e) ||
	    encl_docker_install_images(env, m, pins, first.layers, tree, &d->images, e) ||
	    encl_docker_match_images(m, &d->images, e) ||
	    encl_docker_settings(m, kernel_config, d->images.bytes, &d->settings, e))
		return -1;
	if (add_daemon_json(m, d->settings.daemon, tree, e) ||
	    add_volumes(env, m, tree, e))
		return -1;
	encl_tree_set_item(tree, NULL, NULL);
	return 0;
}

/* ---- units ---- */

static void
daemon_env(const struct encl_manifest *m, struct encl_docker_build *d,
	   struct encl_strings *out)
{
	const struct encl_pairs *env = &m->docker.engine.env;

	out->v = encl_arena_alloc(d->arena,
				  (env->n + ENCL_PROXY_VARIABLES + 1) * sizeof *out->v);
	out->n = 0;
	/* What it pulls itself goes the way of all else. */
	for (size_t i = 0; i < ENCL_PROXY_VARIABLES; i++) {
		encl_auto(encl_free) char *text =
			encl_manifest_proxy_variable(m, "127.0.0.1", env, i);

		if (text)
			out->v[out->n++] = encl_arena_strdup(d->arena, text);
	}
	if (d->settings.no_raw)
		out->v[out->n++] = "DOCKER_INSECURE_NO_IPTABLES_RAW=1";
	for (size_t i = 0; i < env->n; i++) {
		encl_auto(encl_free) char *pair =
			encl_xasprintf("%s=%s", env->v[i].key, env->v[i].value);

		out->v[out->n++] = encl_arena_strdup(d->arena, pair);
	}
}

static const char *
kept(struct encl_docker_build *d, char *text)
{
	const char *copy = encl_arena_strdup(d->arena, text);

	free(text);
	return copy;
}

static void
daemon_unit(const struct encl_manifest *m, struct encl_docker_build *d,
	    struct encl_launch_unit *out)
{
	static const char *argv[] = {"dockerd"};
	struct encl_unit *unit = encl_arena_alloc(d->arena, sizeof *unit);

	*unit = (struct encl_unit){
		.pos = m->docker.pos,
		.name = "docker",
		.restart = m->docker.restart_max ? ENCL_RESTART_ALWAYS : ENCL_RESTART_NO,
		.restart_max = m->docker.restart_max,
		.critical = true,
		.stop_timeout_ms = GRACE_MS,
	};
	*out = (struct encl_launch_unit){
		.kind = ENCL_LAUNCH_DOCKERD,
		.unit = unit,
		.stop_signal = 15,
		.argv = {argv, 1},
		.workdir = "/",
		.home = "/root",
		.data_root = ENCL_DOCKER_DATA_ROOT,
		.store = d->images.n && d->settings.layers ? ENCL_DOCKER_STORE : NULL,
		.archive = d->images.n && !d->settings.layers ? ENCL_DOCKER_ARCHIVE_PATH
							      : NULL,
		.network = d->settings.bridge ? kept(d, encl_docker_network(&d->settings))
					      : NULL,
		.storage_mib = d->settings.storage_mib,
		.start_timeout_ms = m->docker.start_timeout_ms,
	};
	daemon_env(m, d, &out->env);
}

/* A container depends on its daemon, said or not. */
static const struct encl_unit *
with_daemon(struct encl_docker_build *d, const struct encl_unit *unit)
{
	struct encl_unit *copy = encl_arena_alloc(d->arena, sizeof *copy);
	struct encl_dependency *v =
		encl_arena_alloc(d->arena, (unit->n_depends + 1) * sizeof *v);

	*copy = *unit;
	v[0] = (struct encl_dependency){"docker", ENCL_HEALTHY};
	copy->depends = v;
	copy->n_depends = 1;
	for (size_t i = 0; i < unit->n_depends; i++)
		if (strcmp(unit->depends[i].name, "docker") != 0)
			v[copy->n_depends++] = unit->depends[i];
	return copy;
}

static void
container_unit(const struct encl_manifest *m, struct encl_docker_build *d,
	       const struct encl_container *c, struct encl_launch_unit *out)
{
	const struct encl_docker_loaded *image = &d->images.v[c->image_index];
	const char *stop = c->unit.stop_signal ? c->unit.stop_signal : image->stop_signal;

	*out = (struct encl_launch_unit){
		.kind = ENCL_LAUNCH_CONTAINER,
		.unit = with_daemon(d, &c->unit),
		.stop_signal = stop ? encl_parse_signal(stop) : 15,
		.create = kept(d, encl_docker_create(m, c, image, &d->settings)),
		.docker_health =
			!c->no_health &&
			(c->unit.health.kind != ENCL_HEALTH_NONE || image->has_health),
	};
}

void
encl_docker_build_units(const struct encl_manifest *m, struct encl_docker_build *d,
			struct encl_units *units)
{
	struct encl_launch_unit unit;

	if (!d->arena)
		d->arena = encl_arena_new();
	daemon_unit(m, d, &unit);
	encl_units_add(units, &unit);
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		container_unit(m, d, &m->docker.containers[i], &unit);
		encl_units_add(units, &unit);
	}
}
