/* SPDX-License-Identifier: Apache-2.0 */
/* What is started in the enclave: units of launch's config, in their order; of other
 * images the command that they hold. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "verify/report_internal.h"

enum { ENV_SHOWN = 200, ARGUMENTS_SHOWN = 40 };

/* All values of a key, as code, with spaces between. */
static unsigned
values(struct encl_report_state *s, size_t from, size_t end, const char *key)
{
	unsigned n = 0;

	for (size_t i = from; i < end; i++) {
		if (strcmp(s->config.v[i].key, key) != 0)
			continue;
		if (n++ >= ARGUMENTS_SHOWN)
			continue;
		encl_page_raw(s->p, n > 1 ? " <code>" : "<code>");
		encl_page_text(s->p,
			       *s->config.v[i].value ? s->config.v[i].value : "\"\"");
		encl_page_raw(s->p, "</code>");
	}
	if (n > ARGUMENTS_SHOWN)
		encl_page_fmt(s->p, " and %u more", n - ARGUMENTS_SHOWN);
	return n;
}

static void
json_words(struct encl_page *p, const char *name, const json_t *list)
{
	const json_t *v;
	size_t i;

	if (!json_array_size(list))
		return;
	encl_page_fmt(p, "<br>%s", name);
	json_array_foreach (list, i, v) {
		if (i == ARGUMENTS_SHOWN)
			break;
		encl_page_raw(p, " <code>");
		encl_page_text(p, json_is_string(v) ? json_string_value(v) : "?");
		encl_page_raw(p, "</code>");
	}
	if (i < json_array_size(list))
		encl_page_fmt(p, " and %zu more", json_array_size(list) - i);
}

/* The body of Docker's POST /containers/create. */
static void
container(struct encl_page *p, const char *text)
{
	encl_auto(json_decref) json_t *body = json_loads(text, 0, NULL);
	const json_t *host = json_object_get(body, "HostConfig");
	const char *image = json_string_value(json_object_get(body, "Image"));

	if (!body) {
		encl_page_raw(p, "not readable");
		return;
	}
	encl_page_raw(p, "image <code>");
	encl_page_text(p, image ? image : "?");
	encl_page_raw(p, "</code>");
	json_words(p, "entrypoint", json_object_get(body, "Entrypoint"));
	json_words(p, "command", json_object_get(body, "Cmd"));
	json_words(p, "folders", json_object_get(host, "Binds"));
	json_words(p, "capabilities added", json_object_get(host, "CapAdd"));
	if (json_is_true(json_object_get(host, "Privileged")))
		encl_page_raw(p, "<br><strong>privileged</strong>");
	if (json_string_value(json_object_get(host, "NetworkMode"))) {
		encl_page_raw(p, "<br>network <code>");
		encl_page_text(p,
			       json_string_value(json_object_get(host, "NetworkMode")));
		encl_page_raw(p, "</code>");
	}
}

static void
what_starts(struct encl_report_state *s, size_t from, size_t end)
{
	const char *create = encl_config_find(&s->config, from, end, "create");
	const char *root = encl_config_find(&s->config, from, end, "data_root");
	const char *storage = encl_config_find(&s->config, from, end, "storage_mib");

	if (create)
		container(s->p, create);
	else
		(void)values(s, from, end, "argv");
	if (root) {
		encl_page_raw(s->p, "<br>data in <code>");
		encl_page_text(s->p, root);
		encl_page_raw(s->p, "</code>");
	}
	if (storage) {
		encl_page_raw(s->p, ", at most ");
		encl_page_text(s->p, storage);
		encl_page_raw(s->p, " MiB");
	}
}

static void
user(struct encl_report_state *s, size_t from, size_t end)
{
	const char *uid = encl_config_find(&s->config, from, end, "uid");
	const char *gid = encl_config_find(&s->config, from, end, "gid");

	encl_page_raw(s->p, "<td>");
	if (uid && gid) {
		encl_page_text(s->p, uid);
		encl_page_raw(s->p, ":");
		encl_page_text(s->p, gid);
		encl_page_raw(s->p, !strcmp(uid, "0") ? " (root)" : "");
	}
	encl_page_raw(s->p, "</td>");
}

static void
rules(struct encl_report_state *s, size_t from, size_t end)
{
	const struct encl_config *c = &s->config;
	const char *restart = encl_config_find(c, from, end, "restart");
	const char *health = encl_config_find(c, from, end, "health");

	encl_page_raw(s->p, "<td>restart ");
	encl_page_text(s->p, restart ? restart : "?");
	if (encl_config_find(c, from, end, "critical"))
		encl_page_raw(s->p, "<br>critical: the enclave ends with it");
	if (health) {
		encl_page_raw(s->p, "<br>health check: ");
		encl_page_text(s->p, health);
	}
	for (size_t i = from; i < end; i++) {
		if (strcmp(c->v[i].key, "depends") != 0)
			continue;
		encl_page_raw(s->p, "<br>after ");
		encl_page_text(s->p, c->v[i].value);
	}
	encl_page_raw(s->p, "</td>");
}

static void
unit_row(struct encl_report_state *s, size_t from, size_t end)
{
	const char *kind = encl_config_find(&s->config, from, end, "kind");

	encl_page_row(s->p, NULL);
	encl_page_head_cell(s->p, s->config.v[from].value, true);
	encl_page_cell(s->p, kind && !strcmp(kind, "dockerd") ? "Docker daemon" : kind);
	encl_page_raw(s->p, "<td class=\"long\">");
	what_starts(s, from, end);
	encl_page_raw(s->p, "</td>");
	user(s, from, end);
	rules(s, from, end);
	encl_page_row_end(s->p);
}

static void
environment(struct encl_report_state *s)
{
	const struct encl_config *c = &s->config;
	const char *unit = "";
	size_t n = 0;

	for (size_t i = c->n_global; i < c->n; i++)
		n += !strcmp(c->v[i].key, "env");
	if (!n)
		return;
	encl_page_fmt(s->p, "<details><summary>%zu environment variable%s</summary>\n", n,
		      n == 1 ? "" : "s");
	encl_page_table(s->p, "Environment of what is started", "Unit|Variable");
	n = 0;
	for (size_t i = c->n_global; i < c->n; i++) {
		if (!strcmp(c->v[i].key, "unit"))
			unit = c->v[i].value;
		if (strcmp(c->v[i].key, "env") != 0 || n++ >= ENV_SHOWN)
			continue;
		encl_page_row(s->p, NULL);
		encl_page_head_cell(s->p, unit, true);
		encl_page_code_cell(s->p, c->v[i].value);
		encl_page_row_end(s->p);
	}
	encl_page_more_row(s->p, 2, n > ENV_SHOWN ? n - ENV_SHOWN : 0, "variables");
	encl_page_table_end(s->p);
	encl_page_raw(s->p, "</details>\n");
}

/* nitro-cli's images have a list of arguments and nothing else. */
static void
plain_command(struct encl_report_state *s)
{
	const struct encl_inventory *i = s->r->inventory;
	bool there = false;

	for (size_t k = 0; k < i->n_items; k++)
		there |= i->items[k].ramdisk && !strcmp(i->items[k].path, "cmd");
	encl_page_raw(
		s->p,
		there ? "<p>The image has AWS's list of arguments (<code>cmd</code>) "
			"and starts that one program: it has no <code>"
			"/.enclave/config</code> of enclavebuild.</p>\n"
		      : "<p>The image has no <code>/.enclave/config</code> of "
			"enclavebuild: what its init starts is not known here.</p>\n");
}

void
encl_report_runs(struct encl_report_state *s)
{
	size_t from = s->config.n_global;

	encl_page_section(s->p, "runs", "What it starts");
	if (!s->has_config) {
		plain_command(s);
		encl_page_section_end(s->p);
		return;
	}
	encl_page_raw(s->p, "<p>Of <code>/.enclave/config</code> in the image, which is "
			    "measured.</p>\n");
	encl_page_table(s->p, "Services and containers, in the order of their start",
			"Unit|Kind|What|User|Rules");
	while (from < s->config.n) {
		size_t end = encl_config_unit_end(&s->config, from);

		unit_row(s, from, end);
		from = end;
	}
	encl_page_table_end(s->p);
	environment(s);
	encl_page_section_end(s->p);
}
