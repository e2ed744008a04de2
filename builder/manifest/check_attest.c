/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of attestation across keys: what an extension needs, and the API's port. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/parse.h"
#include "manifest/check.h"
#include "manifest/report.h"
#include "manifest/yaml.h"

static void ENCL_PRINTF(5, 6) problem(struct encl_manifest_report *r, struct encl_pos pos,
				      size_t i, const char *key, const char *fmt, ...)
{
	encl_auto(encl_free) char *path =
		encl_xasprintf("attestation.extend[%zu]%s", i, key);
	encl_auto(encl_free) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = encl_xvasprintf(fmt, ap);
	va_end(ap);
	encl_manifest_report_add(r, pos, path, "%s", text);
}

/* What the parent puts there is another thing than what was measured. */
static void
check_path(const struct encl_extend *x, size_t i, const struct encl_yaml_node *path,
	   const struct encl_manifest *m, struct encl_manifest_report *r)
{
	for (size_t j = 0; path && !path->bad && j < m->n_exchanges; j++)
		if (m->exchanges[j].path &&
		    encl_path_within(x->path, m->exchanges[j].path))
			problem(r, path->pos, i, ".path",
				"is in the folder of exchange \"%s\", whose content is "
				"the parent's",
				m->exchanges[j].name);
}

/* path goes with file and value with value, and neither without. */
static void
check_extension(const struct encl_extend *x, size_t i, const struct encl_yaml_node *node,
		struct encl_manifest_report *r)
{
	static const struct {
		const char *key;
		enum encl_extend_kind with;
	} rows[] = {{"path", ENCL_EXTEND_FILE}, {"value", ENCL_EXTEND_VALUE}};
	const struct encl_yaml_node *with = encl_manifest_yaml_get(node, "with");

	if (!with || with->bad)
		return;
	for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
		const struct encl_yaml_node *value =
			encl_manifest_yaml_get(node, rows[k].key);
		encl_auto(encl_free) char *key = encl_xasprintf(".%s", rows[k].key);

		if (x->with == rows[k].with && !value)
			problem(r, with->pos, i, key,
				"required beside \"with: %.*s\", but not there",
				(int)with->len, with->text);
		if (x->with != rows[k].with && value)
			problem(r, value->key_pos, i, key, "does not go with \"%.*s\"",
				(int)with->len, with->text);
	}
}

/* Whoever reaches the API has a document with a key of his own in it. */
static void
check_port(const struct encl_yaml_node *map, const struct encl_manifest *m,
	   struct encl_manifest_report *r)
{
	const struct encl_yaml_node *port =
		encl_manifest_yaml_get(encl_manifest_yaml_get(map, "api"), "port");
	const unsigned number = m->attestation.api.port;
	encl_auto(encl_free) char *who = NULL;

	if (!m->attestation.api.given || !port || port->bad)
		return;
	who = encl_manifest_port_taken(m, number);
	if (!who && m->egress.given && m->egress.proxy_port == number)
		who = encl_xstrdup("network.egress has for its proxy");
	if (who)
		encl_manifest_report_add(r, port->pos, "attestation.api.port",
					 "%u is the port that %s; take another", number,
					 who);
}

void
encl_manifest_check_attestation(const struct encl_yaml_node *root,
				const struct encl_manifest *m,
				struct encl_manifest_report *r)
{
	const struct encl_attesting *a = &m->attestation;
	const struct encl_yaml_node *map = encl_manifest_yaml_get(root, "attestation");
	const struct encl_yaml_node *list = encl_manifest_yaml_get(map, "extend");

	if (!a->given || map->bad)
		return;
	if (map->kind == ENCL_YAML_MAP && !map->first)
		encl_manifest_report_add(r, map->pos, "attestation",
					 "says nothing; give api, extend or lock");
	for (size_t i = 0; i < a->n_extend; i++) {
		const struct encl_yaml_node *node = encl_manifest_yaml_at(list, i);

		if (!node || node->bad)
			continue;
		check_extension(&a->extend[i], i, node, r);
		check_path(&a->extend[i], i, encl_manifest_yaml_get(node, "path"), m, r);
	}
	check_port(map, m, r);
}
