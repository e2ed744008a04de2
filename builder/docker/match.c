#include "docker/match.h"
#include <string.h>
int
encl_docker_match_images(const struct encl_manifest *m,
			 const struct encl_docker_images *loaded, struct encl_err *e)
{
	for (size_t i = 0; i < m->docker.n_containers; i++) {
		struct encl_container *c = &m->docker.containers[i];
		bool found = false;

		for (size_t j = 0; j < loaded->n; j++)
			for (size_t k = 0; k < loaded->v[j].n_names; k++)
				if (!strcmp(loaded->v[j].names[k], c->image)) {
					c->image_index = j;
					found = true;
				}
		if (!found)
			return encl_fail(e, ENCL_USAGE, "image %s not preloaded", c->image);
	}
	return 0;
}
