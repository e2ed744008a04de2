/* SPDX-License-Identifier: Apache-2.0 */
/* Which preloaded image each container is made of: by name, or by ID. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "docker/docker.h"

enum { MAX_LIST = 900 }; /* of names in a message */

static bool
has_name(const struct encl_docker_loaded *image, const char *name)
{
	for (size_t i = 0; i < image->n_names; i++)
		if (!strcmp(image->names[i], name))
			return true;
	return false;
}

static bool
find(const struct encl_docker_images *loaded, const char *reference, size_t *index)
{
	const char *id = strstr(reference, "sha256:");

	for (size_t i = 0; i < loaded->n; i++)
		if (id ? !strcmp(loaded->v[i].id, id)
		       : has_name(&loaded->v[i], reference)) {
			*index = i;
			return true;
		}
	return false;
}

/* "memcached:1.6, redis:7": names, or the ID of an image without any. */
static void
list_images(const struct encl_docker_images *loaded, struct encl_buf *b)
{
	encl_buf_init(b, MAX_LIST);
	for (size_t i = 0; i < loaded->n; i++) {
		const struct encl_docker_loaded *image = &loaded->v[i];

		for (size_t n = 0; n < image->n_names; n++)
			encl_buf_add_fmt(b, "%s%s", b->len ? ", " : "", image->names[n]);
		if (!image->n_names)
			encl_buf_add_fmt(b, "%s%s", b->len ? ", " : "", image->id);
	}
	if (!b->len)
		encl_buf_add_str(b, "there are none");
}

static int
not_loaded(const struct encl_manifest *m, size_t i,
	   const struct encl_docker_images *loaded, struct encl_err *e)
{
	const struct encl_container *c = &m->docker.containers[i];
	encl_auto(encl_free) char *at = encl_manifest_at(m, c->image_pos);
	encl_auto(encl_free) char *path = encl_container_path(m, i, "image");
	encl_auto(encl_buf_clear) struct encl_buf names;

	list_images(loaded, &names);
	return encl_fail(e, ENCL_USAGE,
			 "%s%s: \"%s\" is none of the preloaded images (%s); add it to "
			 "docker.images",
			 at, path, c->image, encl_buf_text(&names));
}

/* As the daemon puts both together: a container's own entry point, even an empty
 * one, takes the image's away. */
static bool
has_program(const struct encl_container *c, const struct encl_docker_loaded *image)
{
	return c->entrypoint.n || c->command.n || image->has_command ||
	       (!c->has_entrypoint && image->has_entrypoint);
}

static int
check_program(const struct encl_manifest *m, size_t i,
	      const struct encl_docker_loaded *image, struct encl_err *e)
{
	const struct encl_container *c = &m->docker.containers[i];
	encl_auto(encl_free) char *at = encl_manifest_at(m, c->unit.pos);
	encl_auto(encl_free) char *path = encl_container_path(m, i, NULL);

	if (has_program(c, image))
		return 0;
	return encl_fail(
		e, ENCL_USAGE,
		"%s%s: neither it nor the image \"%s\" says what is run; give it "
		"a command",
		at, path, c->image);
}

/* The container of that name, where nothing checks its health. */
static bool
is_unchecked(const struct encl_manifest *m, const struct encl_docker_images *loaded,
	     const char *name)
{
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		if (!strcmp(c->unit.name, name))
			return c->no_health || (c->unit.health.kind == ENCL_HEALTH_NONE &&
						!loaded->v[c->image_index].has_health);
	}
	return false;
}

/* path: malloc'ed, of the unit's dependencies */
static int
check_healthy(const struct encl_manifest *m, const struct encl_unit *unit, char *path,
	      const struct encl_docker_images *loaded, struct encl_err *e)
{
	encl_auto(encl_free) char *owned = path;
	encl_auto(encl_free) char *at = encl_manifest_at(m, unit->pos);

	for (size_t i = 0; i < unit->n_depends; i++)
		if (unit->depends[i].condition == ENCL_HEALTHY &&
		    is_unchecked(m, loaded, unit->depends[i].name))
			return encl_fail(
				e, ENCL_USAGE,
				"%s%s.%s: neither \"%s\" nor its image has a "
				"healthcheck; give it one, or wait for its start",
				at, owned, unit->depends[i].name, unit->depends[i].name);
	return 0;
}

int
encl_docker_match_images(const struct encl_manifest *m,
			 const struct encl_docker_images *loaded, struct encl_err *e)
{
	for (size_t i = 0; i < m->docker.n_containers; i++)
		if (!find(loaded, m->docker.containers[i].image,
			  &m->docker.containers[i].image_index))
			return not_loaded(m, i, loaded, e);
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		const struct encl_container *c = &m->docker.containers[i];

		if (check_program(m, i, &loaded->v[c->image_index], e) ||
		    check_healthy(m, &c->unit, encl_container_path(m, i, "dependsOn"),
				  loaded, e))
			return -1;
	}
	for (size_t i = 0; i < m->n_services; i++)
		if (check_healthy(m, &m->services[i].unit,
				  encl_xasprintf("services[%zu].dependsOn", i), loaded,
				  e))
			return -1;
	return 0;
}
