/* SPDX-License-Identifier: Apache-2.0 */
/* Rules within the entries of a root file system, of the enclave or an image. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

/* The good node at map.key, or NULL. */
static struct encl_yaml_node *
good(const struct encl_yaml_node *map, const char *key)
{
	struct encl_yaml_node *node = encl_manifest_yaml_get(map, key);

	return node && !node->bad ? node : NULL;
}

/* NAME of NAME, NAME=VERSION and NAME/SUITE */
static size_t
name_length(const char *package)
{
	return strcspn(package, "=/");
}

static bool
same_name(const char *a, const char *b)
{
	size_t n = name_length(a);

	return n == name_length(b) && !strncmp(a, b, n);
}

/* Problem at PATH.install[i]. */
static void
package_problem(struct encl_manifest_report *r, const char *path,
		const struct encl_yaml_node *node, size_t i, const char *why)
{
	encl_auto(encl_free) char *at = encl_xasprintf("%s.install[%zu]", path, i);
	encl_auto(encl_free) char *name =
		encl_manifest_quote(node->text, name_length(node->text));

	encl_manifest_report_add(r, node->pos, at, "%s %s", name, why);
}

static bool
listed_before(const struct encl_yaml_node *list, const struct encl_yaml_node *node)
{
	for (const struct encl_yaml_node *p = list->first; p != node; p = p->next)
		if (same_name(p->text, node->text))
			return true;
	return false;
}

static void
check_install(const struct encl_yaml_node *packages, const struct encl_layer_packages *p,
	      const char *path, struct encl_manifest_report *r)
{
	const struct encl_yaml_node *install = good(packages, "install");
	size_t i = 0;

	for (const struct encl_yaml_node *n = install ? install->first : NULL; n;
	     n = n->next, i++) {
		if (n->bad || n->kind != ENCL_YAML_TEXT)
			continue;
		if (listed_before(install, n))
			package_problem(r, path, n, i, "is listed twice");
		for (size_t j = 0; j < p->exclude.n; j++)
			if (same_name(p->exclude.v[j], n->text))
				package_problem(r, path, n, i, "is in exclude too");
	}
}

static bool
same_source(const struct encl_apt_source *a, const struct encl_apt_source *b)
{
	if (!a->suite || !b->suite || strcmp(a->suite, b->suite) != 0)
		return false;
	return !a->mirror == !b->mirror && (!a->mirror || !strcmp(a->mirror, b->mirror));
}

static void
check_sources(const struct encl_yaml_node *packages, const struct encl_layer_packages *p,
	      const char *path, struct encl_manifest_report *r)
{
	size_t n = good(packages, "sources") ? p->n_sources : 0;

	for (size_t i = 1; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			encl_auto(encl_free) char *at =
				encl_xasprintf("%s.sources[%zu]", path, i);

			if (!same_source(&p->sources[i], &p->sources[j]))
				continue;
			encl_manifest_report_add(
				r, p->sources[i].pos, at,
				"the same mirror and suite as sources[%zu]", j);
			break;
		}
	}
}

void
encl_manifest_check_packages(const struct encl_yaml_node *node,
			     const struct encl_layer_packages *p, const char *path,
			     struct encl_manifest_report *r)
{
	if (!node || node->bad)
		return;
	check_install(node, p, path, r);
	check_sources(node, p, path, r);
}

void
encl_manifest_check_layers(const struct encl_yaml_node *list,
			   const struct encl_layer *layers, size_t n, const char *path,
			   bool based, struct encl_manifest_report *r)
{
	const struct encl_yaml_node *l = list ? list->first : NULL;

	for (size_t i = 0; l && i < n; l = l->next, i++) {
		encl_auto(encl_free) char *packages =
			encl_xasprintf("%s[%zu].packages", path, i);
		encl_auto(encl_free) char *remove =
			encl_xasprintf("%s[%zu].remove", path, i);

		encl_manifest_check_packages(good(l, "packages"), &layers[i].packages,
					     packages, r);
		if (i == 0 && !based && !l->bad && good(l, "remove"))
			encl_manifest_report_add(
				r, l->pos, remove,
				"there is nothing to remove yet; entries apply in order");
	}
}
