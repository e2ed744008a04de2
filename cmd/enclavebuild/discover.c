/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild discover`: what refers to an image, as a tree. */
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cmd.h"
#include "image.h"
#include "operand.h"
#include "push/discover.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"artifact-type", 0, "TYPE", "only what is of this type", false},
	{NULL, 0, NULL, NULL, false},
};

/* One line of a list: its platform, type or media type, then its digest.
 * (recursion: the depth that encl_discover stops at) */
static void
print_list(const json_t *list, const char *indent, bool more_below)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)(uintptr_t)list, i, v) {
		bool last = !more_below && i + 1 == json_array_size(list);
		const json_t *name = json_object_get(v, "Platform");
		encl_auto(encl_free) char *below =
			encl_xasprintf("%s%s", indent, last ? "    " : "│   ");
		encl_auto(encl_free) char *shown = NULL;
		const json_t *manifests = json_object_get(v, "Manifests");
		const json_t *referrers = json_object_get(v, "Referrers");

		if (!name)
			name = json_object_get(v, "ArtifactType");
		if (!name)
			name = json_object_get(v, "MediaType");
		shown = printable(json_string_value(name));
		report("%s%s %s %s\n", indent, last ? "└──" : "├──", shown,
		       json_string_value(json_object_get(v, "Digest")));
		print_list(manifests, below, json_array_size(referrers) > 0);
		print_list(referrers, below, false);
	}
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_reference_clear) struct encl_reference where = {.host = NULL};
	encl_auto(json_decref) json_t *tree = NULL;
	const json_t *referrers;
	struct encl_err ignored;

	(void)!cli_need_cache(cli, &ignored); /* for ECR's tokens; not needed */
	if (operand_reference(args->operands[0], &where, e) ||
	    cli_need_registry(cli, e) ||
	    encl_discover(cli->env.registry, &where, args_get(args, "artifact-type"),
			  &tree, e))
		return -1;
	if (cli->json) {
		report_json(tree);
		return 0;
	}
	referrers = json_object_get(tree, "Referrers");
	report("%s/%s@%s\n", where.host, where.repository,
	       json_string_value(json_object_get(tree, "Digest")));
	print_list(json_object_get(tree, "Manifests"), "",
		   json_array_size(referrers) > 0);
	print_list(referrers, "", false);
	return 0;
}

const struct command cmd_discover = {
	.name = "discover",
	.summary = "show what refers to an image in a registry",
	.operands = "REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Measurements, locks, SBOMs, provenance and signatures that were attached, and\n"
		"what is attached to them; of an index also the images and theirs.",
	.options = options,
	.run = run,
};
