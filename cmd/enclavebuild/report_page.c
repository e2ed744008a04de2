/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild report`: what is known of an image as one page for people. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "base/tmpfile.h"
#include "build.h"
#include "cmd.h"
#include "expectations.h"
#include "manifests.h"
#include "operand.h"
#include "verbs.h"
#include "verify/diff.h"
#include "verify/extended.h"
#include "verify/image.h"
#include "verify/report.h"

enum { TEXT_MAX = 256 * 1024, LINES_MAX = 400 };

/* An image that is looked at, and what is in it. */
struct subject {
	struct encl_eif eif;
	struct encl_inventory inventory;
};

static void
subject_clear(struct subject *s)
{
	encl_inventory_clear(&s->inventory);
	encl_eif_close(&s->eif);
}

/* All that the page is made of. */
struct page {
	struct subject image, against;
	struct encl_manifest *manifest;
	struct encl_origins *origins;
	struct encl_image_state state;
	struct encl_checks checks;
	struct expectations expected;
	json_t *plan, *diff;
};

static void
page_clear(struct page *p)
{
	subject_clear(&p->image);
	subject_clear(&p->against);
	encl_origins_free(p->origins);
	if (p->manifest)
		encl_manifest_free(p->manifest);
	encl_image_state_clear(&p->state);
	encl_checks_clear(&p->checks);
	expectations_clear(&p->expected);
	json_decref(p->plan);
	json_decref(p->diff);
}
ENCL_AUTO_VAL(struct page, page_clear);

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The page says the same wherever the files are: names without folders. */
static void
shorten(char **name)
{
	char *shorter = operand_is_reference(*name) ? encl_xstrdup(*name)
						    : encl_xstrdup(base_name(*name));

	free(*name);
	*name = shorter;
}

static int
read_origins(struct cli *cli, const char *file, struct page *p, struct encl_err *e)
{
	if (!file)
		return 0;
	if (read_manifest(file, &p->manifest, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e))
		return -1;
	return encl_build_origins(&cli->env, p->manifest, &p->origins, e);
}

static int
open_subject(struct cli *cli, const char *text, const struct encl_origins *origins,
	     struct subject *out, struct encl_err *e)
{
	if (operand_open(cli, text, &out->eif, e))
		return -1;
	shorten(&out->eif.path);
	return encl_inventory_read(&out->eif, origins, &out->inventory, e);
}

/* A time at which the dates of its own certificate hold, or 0. */
static uint64_t
own_time(const struct encl_eif *eif)
{
	encl_auto(encl_signature_info_clear) struct encl_signature_info info = {0};
	struct encl_err none;

	if (!eif->signature ||
	    encl_signature_read(eif->signature, eif->signature_size, &info, &none) ||
	    info.not_before_epoch < 0)
		return 0;
	return (uint64_t)info.not_before_epoch;
}

/* Without --at the dates are told and not judged: by the clock the page would be
 * another one tomorrow. */
static void
leave_dates(struct encl_checks *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].name, "certificate.dates"))
			c->v[i].verdict = ENCL_CHECK_NOTE;
}

/* Takes the folder of a file that was given away from what a check says of it. */
static void
cut_folder(struct encl_checks *c, const char *path)
{
	size_t folder = path ? (size_t)(base_name(path) - path) : 0;

	for (size_t i = 0; folder && i < c->n; i++) {
		char *at = strstr(c->v[i].text, path);

		if (at)
			memmove(at, at + folder, strlen(at + folder) + 1);
		if (c->v[i].source && !strcmp(c->v[i].source, path))
			shorten(&c->v[i].source);
	}
}

static int
options_of(const struct args *args, const struct encl_eif *eif,
	   struct encl_verify_options *out, struct encl_err *e)
{
	const char *compat = args_get(args, "compat");
	const char *at = args_get(args, "at");

	*out = (struct encl_verify_options){
		.now = own_time(eif),
		.require_signature = args_has(args, "require-signature"),
		.chain = args_get(args, "chain"),
		.nitro_cli = compat != NULL,
	};
	if (compat && strcmp(compat, "nitro-cli") != 0)
		return encl_fail(e, ENCL_USAGE, "--compat: \"%s\" is not nitro-cli",
				 compat);
	if (at && !encl_parse_time(at, &out->now))
		return encl_fail(e, ENCL_USAGE,
				 "--at: \"%s\" is no time such as 2026-01-31T12:00:00Z",
				 at);
	return 0;
}

static int
check(struct cli *cli, const struct args *args, struct page *p, struct encl_err *e)
{
	struct encl_verify_options options;
	struct encl_registers registers;
	struct encl_extended extended;

	if (options_of(args, &p->image.eif, &options, e) ||
	    expectations_read(cli, args, &p->expected, e) ||
	    encl_verify_image(&p->image.eif, cli->env.jobs, &options, &p->state,
			      &p->checks, e))
		return -1;
	if (!args_has(args, "at"))
		leave_dates(&p->checks);
	cut_folder(&p->checks, options.chain);
	for (size_t i = 0; i < p->expected.pcrs.n; i++)
		shorten(&p->expected.pcrs.v[i].source);
	encl_registers_of(&p->state.measurements, &registers);
	encl_extended_registers(&p->image.eif, &p->expected.pcrs, &extended, &registers);
	return expectations_check(&p->expected, &registers, &p->checks, e);
}

static int
compare(struct cli *cli, const char *other, struct page *p, struct encl_err *e)
{
	struct encl_diff_options o = {
		.contents = true, .max_text = TEXT_MAX, .max_lines = LINES_MAX};

	if (!other)
		return 0;
	if (open_subject(cli, other, NULL, &p->against, e))
		return -1;
	o.name_a = p->against.eif.path;
	o.name_b = p->image.eif.path;
	return encl_diff(&p->against.inventory, &p->image.inventory, &o, &p->diff, e);
}

static int
write_page(const struct page *p, const char *manifest, const char *path,
	   struct encl_err *e)
{
	encl_auto(encl_tmpfile_clear) struct encl_tmpfile file = {.fd = -1};
	const struct encl_report r = {.eif = &p->image.eif,
				      .state = &p->state,
				      .checks = &p->checks,
				      .inventory = &p->image.inventory,
				      .plan = p->plan,
				      .diff = p->diff,
				      .manifest = manifest ? base_name(manifest) : NULL};
	struct encl_sink_fd sink;

	if (encl_tmpfile_open(&file, path, 0644, e))
		return -1;
	encl_sink_fd_init(&sink, file.fd, path);
	if (encl_report_write(&r, &sink.sink, e))
		return encl_wrap(e, "%s", p->image.eif.path);
	return encl_tmpfile_commit(&file, e);
}

static int
tell(const struct cli *cli, const struct page *p, const char *path, const char *image,
     struct encl_err *e)
{
	const struct encl_check *failed = encl_checks_first_failed(&p->checks);
	encl_auto(json_decref) json_t *v = json_pack(
		"{s:s, s:b, s:b, s:o}", "Report", path, "Passed", !failed, "Compared",
		encl_checks_compared(&p->checks), "Checks", encl_checks_json(&p->checks));

	if (cli->json)
		report_json(v);
	else
		report("%s\n", path);
	if (!failed)
		return 0;
	return encl_fail(e, ENCL_MISMATCH, "%s: %s: %s (%s has the rest)", image,
			 failed->name, failed->text, path);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(page_clear) struct page p = {.image.eif.fd = -1, .against.eif.fd = -1};
	const char *output = args_get(args, "output");
	const char *manifest = args_get(args, "manifest");

	if (!output)
		return encl_fail(e, ENCL_USAGE,
				 "report: say where to write the page: -o FILE");
	if (args_output(args, "output", e) || read_origins(cli, manifest, &p, e) ||
	    open_subject(cli, args->operands[0], p.origins, &p.image, e) ||
	    check(cli, args, &p, e) || compare(cli, args_get(args, "against"), &p, e))
		return -1;
	p.plan = encl_plan_image(&p.image.eif);
	if (write_page(&p, manifest, output, e))
		return -1;
	return tell(cli, &p, output, args->operands[0], e);
}

static const struct option_spec options[] = {
	{"output", 'o', "FILE", "the page to write (HTML)", false},
	{"against", 'a', "IMAGE|REFERENCE", "image before this one: what differs", false},
	{"manifest", 'f', "FILE",
	 "manifest, with its lock, that says where each file came from", false},
	EXPECTATIONS_OPTIONS,
	{"chain", 0, "FILE",
	 "CAs (PEM) that the signing certificate has to lead to; an unsigned image fails",
	 false},
	{"require-signature", 0, NULL, "an unsigned image fails", false},
	{"at", 0, "TIME",
	 "when the certificate has to be valid, as 2026-01-31T12:00:00Z (without: its "
	 "dates are told, not judged)",
	 false},
	{"compat", 0, "nitro-cli",
	 "take folders that are stated twice, as nitro-cli writes them", false},
	{NULL, 0, NULL, NULL, false},
};

const struct command cmd_report = {
	.name = "report",
	.summary = "write what is known of an image as a page to look at",
	.operands = "IMAGE|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "One HTML file that loads nothing and needs no script, to be kept beside a\n"
		"release: measurements and what each covers, the checks of verify, what is\n"
		"inside by size, packages, what is started, ways in and out, memory; with\n"
		"--against what differs from another image, and which PCRs that moves.\n"
		"The same inputs give the same bytes.  Exit 3 where a check failed: the page\n"
		"is there all the same, and says so.",
	.options = options,
	.run = run,
};
