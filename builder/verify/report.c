/* SPDX-License-Identifier: Apache-2.0 */
/* The page's frame: head, policy, style, contents, and the parts in their order. */
#include "verify/report.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "embedded.h"
#include "ramdisk/launch_config.h"
#include "verify/report_internal.h"

static const char config_path[] = "rootfs" ENCL_LAUNCH_CONFIG;

/* The last ramdisk's counts, as it is unpacked over the others. */
static const struct encl_item *
find_config(const struct encl_inventory *i)
{
	for (size_t k = i->n_ramdisks; k-- > 0;) {
		const struct encl_item *item = encl_inventory_find(i, k, config_path);

		if (item && item->has_digest)
			return item;
	}
	return NULL;
}

static int
take_config(void *arg, const struct encl_item *item, const uint8_t *p, size_t n,
	    struct encl_err *e)
{
	struct encl_report_state *s = arg;

	(void)e;
	(void)item;
	if (!s->has_config)
		s->has_config = encl_config_read((const char *)p, n, &s->config);
	return 0;
}

static void
state_clear(struct encl_report_state *s)
{
	json_decref(s->metadata);
	encl_shares_clear(&s->shares);
	encl_config_clear(&s->config);
}
ENCL_AUTO_VAL(struct encl_report_state, state_clear);

static int
read_config(struct encl_report_state *s, struct encl_err *e)
{
	const struct encl_item *item = find_config(s->r->inventory);

	if (!item || item->size > ENCL_LAUNCH_CONFIG_MAX)
		return 0;
	return encl_inventory_contents(s->r->inventory, &item, 1, ENCL_LAUNCH_CONFIG_MAX,
				       take_config, s, e);
}

/* The one style sheet is let in by its digest: nothing else is. */
static void
policy(struct encl_page *p, const char *css, size_t n)
{
	struct encl_digest d;
	unsigned char text[64];

	encl_digest_of(ENCL_SHA256, css, n, &d);
	EVP_EncodeBlock(text, d.bytes, (int)encl_digest_size(ENCL_SHA256));
	encl_page_fmt(p,
		      "<meta http-equiv=\"Content-Security-Policy\" content=\""
		      "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
		      "form-action 'none'\">\n",
		      (const char *)text);
}

static void
begin(struct encl_report_state *s)
{
	const char *css = (const char *)encl_embedded_report_css;
	const size_t n = strlen(css);
	struct encl_page *p = s->p;

	encl_page_raw(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
			 "<meta charset=\"utf-8\">\n");
	policy(p, css, n);
	encl_page_raw(p, "<meta name=\"viewport\" content=\"width=device-width, "
			 "initial-scale=1\">\n"
			 "<meta name=\"referrer\" content=\"no-referrer\">\n"
			 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
	encl_page_text(p, json_string_value(json_object_get(s->metadata, "ImageName")));
	encl_page_raw(p, " ");
	encl_page_text(p,
		       json_string_value(json_object_get(s->metadata, "ImageVersion")));
	encl_page_raw(p, " · enclave image report</title>\n<style>");
	encl_page_raw(p, css);
	encl_page_raw(p, "</style>\n</head>\n<body>\n"
			 "<a class=\"skip\" href=\"#main\">Skip to the report</a>\n"
			 "<div class=\"page\">\n");
}

static void
contents(struct encl_report_state *s)
{
	static const struct {
		const char *id, *title;
	} rows[] = {
		{"checks", "Checks"},
		{"measurements", "Measurements"},
		{"differences", "Differences"},
		{"contents", "What is inside"},
		{"largest", "Largest files"},
		{"packages", "Packages"},
		{"ownerless", "Unknown origin"},
		{"runs", "What it starts"},
		{"network", "Ways in and out"},
		{"memory", "Memory"},
		{"signature", "Signature"},
		{"told", "Command line, metadata"},
	};

	encl_page_raw(s->p, "<nav aria-label=\"Contents\"><ul>\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((s->r->diff || strcmp(rows[i].id, "differences") != 0) &&
		    (json_object_get(s->r->plan, "memory") ||
		     strcmp(rows[i].id, "memory") != 0))
			encl_page_fmt(s->p, "<li><a href=\"#%s\">%s</a></li>\n",
				      rows[i].id, rows[i].title);
	encl_page_raw(s->p, "</ul></nav>\n");
}

static void
end(struct encl_report_state *s)
{
	encl_page_raw(s->p,
		      "</main>\n<footer><p>Written by enclavebuild " ENCL_VERSION
		      ". The page loads nothing and runs no script; the same image gives "
		      "the same page.</p></footer>\n</div>\n</body>\n</html>\n");
}

static void
write_all(struct encl_report_state *s)
{
	begin(s);
	encl_report_head(s);
	contents(s);
	encl_page_raw(s->p, "<main id=\"main\" tabindex=\"-1\">\n");
	encl_report_checks(s);
	encl_report_measurements(s);
	encl_report_differences(s);
	encl_report_contents(s);
	encl_report_largest(s);
	encl_report_packages(s);
	encl_report_ownerless(s);
	encl_report_runs(s);
	encl_report_network(s);
	encl_report_memory(s);
	encl_report_signature(s);
	encl_report_told(s);
	end(s);
}

int
encl_report_write(const struct encl_report *r, struct encl_sink *out, struct encl_err *e)
{
	encl_auto(encl_page_clear) struct encl_page page;
	encl_auto(state_clear) struct encl_report_state s = {.r = r, .p = &page};

	encl_page_init(&page, out, e);
	s.metadata = json_loads(r->eif->metadata, 0, NULL);
	s.about = json_object_get(json_object_get(s.metadata, "CustomMetadata"),
				  "enclavebuild");
	if (encl_shares_compute(r->inventory, &s.shares, e) || read_config(&s, e))
		return -1;
	write_all(&s);
	return encl_page_end(&page);
}
