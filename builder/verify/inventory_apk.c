/* SPDX-License-Identifier: Apache-2.0 */
/* apk's database (lib/apk/db/installed: a letter, a colon and a value a line) to
 * packages. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "rootfs/tree.h"
#include "sources/deb822.h"
#include "verify/inventory_reader.h"

/* "F:usr/bin" is the folder of the "R:name" that follow. */
static int
claim_apk(struct encl_package_reader *r, const char *text, size_t n, struct encl_err *e)
{
	char path[ENCL_PATH_MAX + 1] = "";
	size_t n_folder = 0;
	const char *end = text + n;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((stop ? stop : end) - text);
		const char *at = text;
		size_t n_value = line < 2 ? 0 : line - 2;

		text += line + 1;
		if (line < 2 || at[1] != ':' || n_value >= sizeof path / 2)
			continue;
		if (*at == 'F') {
			memcpy(path, at + 2, n_value);
			n_folder = n_value;
			if (encl_package_claim(r, path, n_folder, e))
				return -1;
		} else if (*at == 'R') {
			path[n_folder] = '/';
			memcpy(path + n_folder + 1, at + 2, n_value);
			if (encl_package_claim(r, path, n_folder + 1 + n_value, e))
				return -1;
		}
	}
	return 0;
}

static int
read_apk_package(struct encl_package_reader *r, const char *text, size_t n,
		 struct encl_err *e)
{
	static const char letters[] = "PVAomULT";
	char *v[sizeof letters - 1] = {NULL};
	struct encl_image_package *p = NULL;
	const char *end = text + n;
	int rc = 0;

	for (const char *at = text; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t line = (size_t)((stop ? stop : end) - at);
		const char *letter =
			line > 2 && at[1] == ':' ? strchr(letters, *at) : NULL;

		if (letter && *letter && !v[letter - letters])
			v[letter - letters] = encl_xstrndup(at + 2, line - 2);
		at += line + 1;
	}
	if (v[0] && v[1])
		p = encl_package_add(r, "apk", v[0], v[1], v[2], e);
	if (p) {
		p->source = encl_package_text(r, v[3]);
		p->maintainer = encl_package_text(r, v[4]);
		p->homepage = encl_package_text(r, v[5]);
		p->license = encl_package_text(r, v[6]);
		p->summary = encl_package_text(r, v[7]);
		rc = claim_apk(r, text, n, e);
	} else if (v[0] && v[1]) {
		rc = -1;
	}
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		free(v[i]);
	return rc;
}

int
encl_packages_apk(struct encl_package_reader *r, const struct encl_database *d,
		  struct encl_err *e)
{
	struct encl_deb822 all = {d->text, d->text + d->n}; /* parted the same way */
	const char *text;
	size_t n;

	while (encl_deb822_next(&all, &text, &n))
		if (read_apk_package(r, text, n, e))
			return -1;
	return 0;
}
