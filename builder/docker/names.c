/* SPDX-License-Identifier: Apache-2.0 */
/* References (registry/reference.h) as Docker shows them: NAME:TAG. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "docker/image.h"
#include "registry/reference.h"

enum { SHOWN_MAX = 200 };

int
encl_docker_name(const char *text, char **out, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference r = {0};
	encl_auto(encl_free) char *safe = NULL;
	const char *name;

	if (!strstr(text, "://") && encl_reference_parse(text, &r, e) == 0 && !r.digest) {
		bool hub = !strcmp(r.host, "docker.io");

		name = r.repository;
		/* library/a/b is another repository than a/b */
		if (hub && !strncmp(name, "library/", 8) && !strchr(name + 8, '/'))
			name += 8;
		*out = encl_xasprintf("%s%s%s:%s", hub ? "" : r.host, hub ? "" : "/",
				      name, r.tag ? r.tag : "latest");
		return 0;
	}
	safe = encl_escape(text, strlen(text));
	safe[strnlen(safe, SHOWN_MAX)] = 0;
	return encl_fail(e, ENCL_USAGE,
			 "\"%s\" is not a name that Docker gives an image (NAME:TAG, in "
			 "lower case)",
			 safe);
}
