/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in and out of the enclave: ports, the allow-list, exchanged folders, and what
 * debugging opens. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "verify/report_internal.h"

enum { ROWS_MAX = 500, WORDS = 5 };

bool
encl_report_may_exec(const struct encl_report_state *s)
{
	if (s->has_config)
		return encl_config_find(&s->config, 0, s->config.n_global, "exec");
	return json_is_true(json_object_get(json_object_get(s->about, "debug"), "exec"));
}

/* The words of a value; the last one takes the rest.  Returns how many. */
static unsigned
split(char *text, char *words[WORDS], unsigned most)
{
	unsigned n = 0;

	while (n < most) {
		char *space = n + 1 < most ? strchr(text, ' ') : NULL;

		words[n++] = text;
		if (!space)
			break;
		*space = '\0';
		text = space + 1;
	}
	return n;
}

static size_t
count(const struct encl_report_state *s, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < s->config.n_global; i++)
		n += !strcmp(s->config.v[i].key, key);
	return n;
}

/* One row for each record of key, its words as cells; order: which word. */
static void
rows(struct encl_report_state *s, const char *key, const unsigned *order, unsigned n)
{
	size_t shown = 0;

	for (size_t i = 0; i < s->config.n_global; i++) {
		encl_auto(encl_free) char *text = NULL;
		char *words[WORDS] = {0};

		if (strcmp(s->config.v[i].key, key) != 0 || shown++ >= ROWS_MAX)
			continue;
		text = encl_xstrdup(s->config.v[i].value);
		(void)split(text, words, n);
		encl_page_row(s->p, NULL);
		for (unsigned k = 0; k < n; k++)
			if (k)
				encl_page_code_cell(s->p, words[order[k]]);
			else
				encl_page_head_cell(s->p, words[order[k]], true);
		encl_page_row_end(s->p);
	}
	encl_page_more_row(s->p, n, shown > ROWS_MAX ? shown - ROWS_MAX : 0, "rows");
}

static void
ingress(struct encl_report_state *s)
{
	static const unsigned order[] = {0, 1, 2};

	encl_page_raw(s->p, "<h3>In</h3>\n");
	if (!count(s, "ingress")) {
		encl_page_raw(s->p, "<p>No port is open to the parent.</p>\n");
		return;
	}
	encl_page_table(s->p, "Ports that the parent may connect to",
			"Name|vsock port|TCP port on loopback");
	rows(s, "ingress", order, 3);
	encl_page_table_end(s->p);
}

static void
egress(struct encl_report_state *s)
{
	static const unsigned order[] = {1, 0, 2};
	const char *port = encl_config_find(&s->config, 0, s->config.n_global, "egress");

	encl_page_raw(s->p, "<h3>Out</h3>\n");
	if (!port) {
		encl_page_raw(s->p, "<p>Nothing by launch: the image has no "
				    "<code>network.egress</code>. A program of its own "
				    "could still use vsock.</p>\n");
		return;
	}
	encl_page_raw(s->p, "<p>By the proxy at port <code>");
	encl_page_text(s->p, port);
	encl_page_raw(s->p, "</code>; all else is refused inside the enclave.</p>\n");
	if (!count(s, "egress_allow")) {
		encl_page_raw(s->p, "<p>The list is empty: nothing is allowed.</p>\n");
		return;
	}
	encl_page_table(s->p, "Allow-list", "To|Kind|Ports");
	rows(s, "egress_allow", order, 3);
	encl_page_table_end(s->p);
}

/* "NAME VSOCK MIB ro|rw PATH" */
static void
exchanges(struct encl_report_state *s)
{
	static const unsigned order[] = {0, 4, 3, 2, 1};

	if (!count(s, "exchange"))
		return;
	encl_page_raw(s->p, "<h3>Exchanged folders</h3>\n<p class=\"warn\"><strong>Not "
			    "measured.</strong> What the parent puts there the enclave "
			    "sees; no PCR tells of it.</p>\n");
	encl_page_table(s->p, "Folders that the parent shares",
			"Name|Folder|Way (rw: both)|At most MiB|vsock port");
	rows(s, "exchange", order, WORDS);
	encl_page_table_end(s->p);
}

static void
debugging(struct encl_report_state *s)
{
	if (encl_report_may_exec(s))
		encl_page_raw(s->p,
			      "<h3>Debug access</h3>\n<p class=\"warn\"><strong>"
			      "<code>debug.exec</code> is on:</strong> the parent may "
			      "run programs in the enclave. Keep secrets from an "
			      "image like this.</p>\n");
}

/* Records of launches to come, or of parts that have no table here. */
static void
others(struct encl_report_state *s)
{
	static const char *const known[] = {"ingress", "egress", "egress_allow",
					    "exchange", "exec"};
	bool any = false;

	for (size_t i = 0; i < s->config.n_global; i++) {
		bool is_known = false;

		for (size_t k = 0; k < sizeof known / sizeof *known; k++)
			is_known |= !strcmp(s->config.v[i].key, known[k]);
		if (is_known)
			continue;
		if (!any)
			encl_page_table(s->p, "Further settings of launch", "Key|Value");
		any = true;
		encl_page_row(s->p, NULL);
		encl_page_head_cell(s->p, s->config.v[i].key, true);
		encl_page_code_cell(s->p, s->config.v[i].value);
		encl_page_row_end(s->p);
	}
	if (any)
		encl_page_table_end(s->p);
}

void
encl_report_network(struct encl_report_state *s)
{
	encl_page_section(s->p, "network", "Ways in and out");
	if (!s->has_config) {
		encl_page_raw(s->p,
			      "<p>Not known: the image has no <code>/.enclave/config"
			      "</code> of enclavebuild. Its programs may open any "
			      "vsock port.</p>\n");
	} else {
		ingress(s);
		egress(s);
		exchanges(s);
	}
	debugging(s);
	others(s);
	encl_page_section_end(s->p);
}
