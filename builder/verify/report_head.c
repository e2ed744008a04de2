/* SPDX-License-Identifier: Apache-2.0 */
/* What a report begins with: which image, and the verdict. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "verify/report_internal.h"
#include "verify/report_text.h"
#include "verify/report_view.h"

static const char *
text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

void
encl_report_mark(struct encl_page *p, enum encl_moves m)
{
	encl_page_fmt(p, "<span class=\"pcr %s\">%s</span>", encl_moves_class(m),
		      encl_moves_name(m));
}

static void
facts(struct encl_report_state *s)
{
	const json_t *build = json_object_get(s->metadata, "BuildMetadata");
	char digest[ENCL_DIGEST_TEXT];
	struct encl_page *p = s->p;

	encl_digest_format(&s->r->state->sha256, digest);
	encl_page_raw(p, "<div class=\"facts\">\n");
	encl_page_fact(p, "Architecture", encl_arch_name(s->r->eif->arch), false);
	encl_page_raw(p, "<dl><dt>Size</dt><dd>");
	encl_page_size(p, s->r->eif->size);
	encl_page_raw(p, " <span class=\"quiet\">(");
	encl_page_count(p, s->r->eif->size);
	encl_page_fmt(p,
		      " bytes)</span></dd></dl>\n"
		      "<dl><dt>Format</dt><dd>EIF version %u</dd></dl>\n",
		      s->r->eif->version);
	encl_page_raw(p, "<dl><dt>Built by</dt><dd>");
	encl_page_text(p, text_of(build, "BuildTool"));
	encl_page_raw(p, " ");
	encl_page_text(p, text_of(build, "BuildToolVersion"));
	encl_page_raw(p,
		      " <span class=\"quiet\">as its metadata says</span></dd></dl>\n");
	if (s->r->inventory->kernel_release)
		encl_page_fact(p, "Kernel", s->r->inventory->kernel_release, false);
	encl_page_fact(p, "Build time", text_of(build, "BuildTime"), false);
	encl_page_raw(p, "<dl class=\"wide\"><dt>SHA-256 of the file</dt><dd><code>");
	encl_page_text(p, strchr(digest, ':') + 1);
	encl_page_raw(p, "</code></dd></dl>\n</div>\n");
}

/* What the verdict is made of, in one line. */
static void
counts(struct encl_report_state *s)
{
	const struct encl_checks *c = s->r->checks;
	size_t n[3] = {0};

	for (size_t i = 0; i < c->n; i++)
		n[c->v[i].verdict]++;
	encl_page_fmt(s->p, "<p>%zu check%s passed, %zu failed.", n[ENCL_CHECK_PASS],
		      n[ENCL_CHECK_PASS] == 1 ? "" : "s", n[ENCL_CHECK_FAIL]);
	encl_page_raw(s->p, " <a href=\"#checks\">All checks</a></p>\n");
}

static void
verdict(struct encl_report_state *s)
{
	const struct encl_check *failed = encl_checks_first_failed(s->r->checks);
	bool compared = encl_checks_compared(s->r->checks);
	struct encl_page *p = s->p;

	encl_page_fmt(p,
		      "<div class=\"verdict %s\" id=\"verdict\" role=\"region\" "
		      "aria-label=\"Verdict\">\n<p class=\"word\"><span "
		      "aria-hidden=\"true\">%s</span> %s</p>\n",
		      failed	 ? "fail"
		      : compared ? "pass"
				 : "open",
		      failed	 ? "✕"
		      : compared ? "✓"
				 : "?",
		      failed	 ? "Failed"
		      : compared ? "Verified"
				 : "Not verified");
	if (failed) {
		encl_page_raw(p, "<p>");
		encl_page_text(p, failed->name);
		encl_page_raw(p, ": ");
		encl_page_text(p, failed->text);
		encl_page_raw(p, "</p>\n");
	} else if (!compared) {
		encl_page_raw(p,
			      "<p>The image is whole, but it was compared with nothing "
			      "from elsewhere: whose it is, this page cannot say.</p>\n");
	} else {
		encl_page_raw(p, "<p>It is what it was compared with.</p>\n");
	}
	counts(s);
	encl_page_raw(p, "</div>\n");
}

/* What a reviewer must not overlook. */
static void
warnings(struct encl_report_state *s)
{
	if (encl_report_may_exec(s))
		encl_page_raw(
			s->p,
			"<p class=\"warn\"><strong>Debug access is built in.</strong> "
			"Whoever runs this enclave may run programs in it "
			"(<code>debug.exec</code>) and so read all that it "
			"holds.</p>\n");
}

void
encl_report_head(struct encl_report_state *s)
{
	struct encl_page *p = s->p;

	encl_page_raw(p, "<header>\n<p class=\"kind\">Enclave image report</p>\n<h1>");
	encl_page_text(p, text_of(s->metadata, "ImageName"));
	encl_page_raw(p, " <span class=\"version\">");
	encl_page_text(p, text_of(s->metadata, "ImageVersion"));
	encl_page_raw(p, "</span></h1>\n");
	verdict(s);
	warnings(s);
	facts(s);
	encl_page_raw(p, "</header>\n");
}
