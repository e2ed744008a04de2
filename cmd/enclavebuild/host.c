/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild host check|setup`: what this machine has for enclaves. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cmd.h"
#include "eif/eif.h"
#include "launch/allocator.h"
#include "launch/host.h"
#include "launch/memory.h"
#include "operand.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"memory", 0, "MIB",
	 "memory of the enclaves; default: the sum of what the images "
	 "need",
	 false},
	{"cpus", 0, "N", "processors of the enclaves; default: 2 an image", false},
	{"apply", 0, NULL, "setup: do it; without it what would be done is told", false},
	{"direct", 0, NULL, "setup: by sysfs, also where AWS's allocator is installed",
	 false},
	{"undo", 0, NULL, "setup: give back what setup took", false},
	{NULL, 0, NULL, NULL, false},
};

struct wanted {
	uint64_t mib;
	unsigned cpus;
};

static int
need_of(struct cli *cli, const char *image, uint64_t *mib, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_memory_need need;
	struct encl_memory memory;

	if (operand_open(cli, image, &eif, e))
		return -1;
	encl_memory_of_image(&eif, &need);
	encl_memory_estimate(&need, &memory);
	*mib = memory.mib;
	return 0;
}

static int
choose(struct cli *cli, const struct args *args, struct wanted *out, struct encl_err *e)
{
	uint64_t sum = 0, cpus, mib;
	size_t n = args->n_operands - 1;

	for (size_t i = 1; i <= n; i++) {
		if (need_of(cli, args->operands[i], &mib, e))
			return -1;
		sum += mib;
	}
	if (args_number(args, "memory", 1, UINT64_C(1) << 24, sum, &out->mib, e) ||
	    args_number(args, "cpus", 1, ENCL_HOST_CPUS, n ? 2 * n : 0, &cpus, e))
		return -1;
	out->cpus = (unsigned)cpus;
	if (!out->mib || !cpus)
		return encl_fail(e, ENCL_USAGE, "name images, or --memory and --cpus");
	return 0;
}

/* ---- what is there ---- */

static json_t *
pages_json(const struct encl_host_node *node)
{
	json_t *list = json_array();

	for (size_t i = 0; i < node->n_pages; i++)
		json_array_append_new(list,
				      json_pack("{s:I, s:I, s:I}", "KiB",
						(json_int_t)(node->pages[i].size >> 10),
						"total", (json_int_t)node->pages[i].total,
						"free", (json_int_t)node->pages[i].free));
	return list;
}

static char *
list_of(const struct encl_host *h, unsigned node, bool pooled)
{
	encl_auto(encl_free) unsigned *ids = encl_xcalloc(h->n_cpus + 1, sizeof *ids);
	size_t n = 0;

	for (size_t i = 0; i < h->n_cpus; i++)
		if (h->cpus[i].node == node && (!pooled || h->cpus[i].pooled))
			ids[n++] = h->cpus[i].id;
	return encl_host_format_list(ids, n);
}

static json_t *
host_json(const struct encl_host *h)
{
	json_t *nodes = json_array();

	for (size_t i = 0; i < h->n_nodes; i++) {
		const struct encl_host_node *node = &h->nodes[i];
		encl_auto(encl_free) char *cpus = list_of(h, node->id, false);
		encl_auto(encl_free) char *pool = list_of(h, node->id, true);

		json_array_append_new(nodes,
				      json_pack("{s:i, s:s, s:s, s:I, s:I, s:o}", "id",
						(int)node->id, "CPUs", cpus, "pool", pool,
						"totalMiB", (json_int_t)node->total_mib,
						"freeMiB", (json_int_t)node->free_mib,
						"pages", pages_json(node)));
	}
	return json_pack("{s:b, s:b, s:b, s:b, s:i, s:o}", "driver", h->driver, "device",
			 h->device, "deviceWritable", h->device_writable, "service",
			 h->service, "threadsPerCore", (int)h->threads_per_core, "nodes",
			 nodes);
}

static void
print_host(const struct encl_host *h)
{
	report("driver %s, device %s, AWS's allocator %s, %u thread%s a core\n",
	       h->driver ? "loaded" : "absent",
	       !h->device	    ? "absent"
	       : h->device_writable ? "there"
				    : "without the right to use it",
	       h->service ? "installed" : "not installed", h->threads_per_core,
	       h->threads_per_core == 1 ? "" : "s");
	for (size_t i = 0; i < h->n_nodes; i++) {
		const struct encl_host_node *node = &h->nodes[i];
		encl_auto(encl_free) char *cpus = list_of(h, node->id, false);
		encl_auto(encl_free) char *pool = list_of(h, node->id, true);

		report("node %u: CPUs %s, for enclaves %s; %" PRIu64 " of %" PRIu64
		       " MiB free\n",
		       node->id, cpus, *pool ? pool : "none", node->free_mib,
		       node->total_mib);
		for (size_t j = 0; j < node->n_pages; j++)
			report("  pages of %7" PRIu64 " KiB: %" PRIu64 ", %" PRIu64
			       " of them free\n",
			       node->pages[j].size >> 10, node->pages[j].total,
			       node->pages[j].free);
	}
}

static int
check(struct cli *cli, const struct args *args, const struct encl_host *h,
      struct encl_err *e)
{
	const bool any = args->n_operands > 1 || args_has(args, "memory") ||
			 args_has(args, "cpus");
	encl_auto(json_decref) json_t *doc = host_json(h);
	json_t *list = json_array();
	struct wanted w = {0};
	char **obstacles = NULL;

	json_object_set_new(doc, "obstacles", list);
	if (any && choose(cli, args, &w, e))
		return -1;
	if (any)
		obstacles = encl_host_obstacles(h, w.mib, w.cpus);
	if (!cli->json)
		print_host(h);
	if (any && !cli->json)
		report("wanted: %" PRIu64 " MiB, %u processors\n", w.mib, w.cpus);
	for (size_t i = 0; any && obstacles[i]; i++) {
		json_array_append_new(list, json_string(obstacles[i]));
		if (!cli->json)
			report("  %s\n", obstacles[i]);
		free(obstacles[i]);
		cli->exit_code = ENCL_HOST;
	}
	if (any && !cli->json && !cli->exit_code)
		report("  it fits\n");
	if (cli->json)
		report_json(doc);
	free(obstacles);
	return 0;
}

/* ---- setting up ---- */

static void
print_plan(const struct encl_allocator_plan *p)
{
	report("node %u, processors %s (now: %s)\n", p->node, p->pool,
	       *p->old_pool ? p->old_pool : "none");
	if (p->service) {
		encl_auto(encl_free) char *yaml = encl_allocator_yaml(p->mib, p->pool);

		report("/etc/nitro_enclaves/allocator.yaml:\n%ssystemctl restart "
		       "nitro-enclaves-allocator.service\n",
		       yaml);
		return;
	}
	for (size_t i = 0; i < p->n_pages; i++)
		if (p->pages[i].before != p->pages[i].after)
			report("pages of %" PRIu64 " MiB: %" PRIu64 " -> %" PRIu64 "\n",
			       p->pages[i].size >> 20, p->pages[i].before,
			       p->pages[i].after);
}

static json_t *
plan_json(const struct encl_allocator_plan *p, bool applied)
{
	json_t *pages = json_array();

	for (size_t i = 0; !p->service && i < p->n_pages; i++)
		json_array_append_new(pages,
				      json_pack("{s:I, s:I, s:I}", "KiB",
						(json_int_t)(p->pages[i].size >> 10),
						"before", (json_int_t)p->pages[i].before,
						"after", (json_int_t)p->pages[i].after));
	return json_pack("{s:i, s:s, s:s, s:I, s:b, s:o, s:b}", "node", (int)p->node,
			 "pool", p->pool, "poolBefore", p->old_pool, "MiB",
			 (json_int_t)p->mib, "service", p->service, "pages", pages,
			 "applied", applied);
}

static int
undo(struct cli *cli, const struct args *args, const struct encl_host *h,
     struct encl_err *e)
{
	bool any = false;

	if (args_has(args, "apply") && encl_allocator_undo(h, &any, e))
		return -1;
	if (cli->json) {
		encl_auto(json_decref) json_t *doc = json_pack("{s:b}", "undone", any);

		report_json(doc);
	} else if (!args_has(args, "apply")) {
		report("would give back what setup took; do it with --apply\n");
	} else {
		report(any ? "given back\n" : "nothing was taken\n");
	}
	return 0;
}

static int
setup(struct cli *cli, const struct args *args, struct encl_host *h, struct encl_err *e)
{
	encl_auto(encl_allocator_plan_clear) struct encl_allocator_plan p = {0};
	const bool apply = args_has(args, "apply");
	struct wanted w;

	if (args_has(args, "undo"))
		return undo(cli, args, h, e);
	if (args_has(args, "direct"))
		h->service = false;
	if (choose(cli, args, &w, e) || encl_allocator_plan(h, w.mib, w.cpus, &p, e))
		return -1;
	if (apply && encl_allocator_apply(h, &p, e))
		return -1;
	if (!cli->json)
		print_plan(&p);
	if (cli->json) {
		encl_auto(json_decref) json_t *doc = plan_json(&p, apply);

		report_json(doc);
	} else {
		report(apply ? "done; host setup --undo --apply gives it back\n"
			     : "nothing was changed; do it with --apply\n");
	}
	return 0;
}

static int
refuse_of_setup(const struct args *args, struct encl_err *e)
{
	static const char *const names[] = {"apply", "direct", "undo"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (args_has(args, names[i]))
			return encl_fail(e, ENCL_USAGE,
					 "host check: --%s is for host setup", names[i]);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_host_clear) struct encl_host h = {0};

	if (strcmp(args->operands[0], "check") != 0 &&
	    strcmp(args->operands[0], "setup") != 0)
		return encl_fail(e, ENCL_USAGE, "host: \"%s\" is not check or setup",
				 args->operands[0]);
	if (!strcmp(args->operands[0], "check") && refuse_of_setup(args, e))
		return -1;
	if (encl_host_read(&h, e))
		return -1;
	return !strcmp(args->operands[0], "check") ? check(cli, args, &h, e)
						   : setup(cli, args, &h, e);
}

const struct command cmd_host = {
	.name = "host",
	.summary = "what this machine has for enclaves, and giving them more",
	.operands = "check|setup [IMAGE|REFERENCE]…",
	.min_operands = 1,
	.max_operands = ARGS_MAX_OPERANDS,
	.options = options,
	.help = "check tells driver, device, processors and huge pages; with images, or --memory\n"
		"and --cpus, also whether enclaves of that size fit: exit code 5 and what has to\n"
		"change where they do not.  setup plans whole cores and huge pages on one node and\n"
		"tells what it would do; with --apply it does it, by AWS's allocator where that is\n"
		"installed, else by sysfs, and takes all back where a step fails.  It refuses while\n"
		"enclaves run and leaves pages that others reserved alone.",
	.run = run,
};
