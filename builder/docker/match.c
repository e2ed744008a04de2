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

int
encl_docker_match_images(const struct encl_manifest *m,
			 const struct encl_docker_images *loaded, struct encl_err *e)
{
	for (size_t i = 0; i < m->docker.n_containers; i++)
		if (!find(loaded, m->docker.containers[i].image,
			  &m->docker.containers[i].image_index))
			return not_loaded(m, i, loaded, e);
	return 0;
}
