/* SPDX-License-Identifier: Apache-2.0 */
/* deploy.targets: names that exclude each other. */
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

static bool
is_taken(const struct encl_deploy *d, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (d->targets[j].name && !strcmp(d->targets[j].name, d->targets[i].name))
			return true;
	return false;
}

void
encl_manifest_check_deploy(const struct encl_yaml_node *root,
			   const struct encl_manifest *m, struct encl_manifest_report *r)
{
	const struct encl_yaml_node *list =
		encl_manifest_yaml_get(encl_manifest_yaml_get(root, "deploy"), "targets");
	const struct encl_deploy *d = &m->deploy;

	for (size_t i = 0; i < d->n_targets; i++) {
		const struct encl_target *t = &d->targets[i];
		const struct encl_yaml_node *node = encl_manifest_yaml_at(list, i);
		encl_auto(encl_free) char *path =
			encl_xasprintf("deploy.targets[%zu].name", i);

		if (!node || node->bad || !t->name)
			continue;
		if (!strcmp(t->name, "local"))
			encl_manifest_report_add(r, t->pos, path,
						 "\"local\" is this host, always");
		else if (is_taken(d, i))
			encl_manifest_report_add(r, t->pos, path, "\"%s\" is there twice",
						 t->name);
	}
}
