/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan asks for, against what this machine has. */
#include "plan_host.h"

#include <stdlib.h>

#include "base/json.h"
#include "cmd.h"
#include "launch/host.h"

static json_int_t
number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* The pages that `run` would take: the pool's node, without a pool the first one. */
static void
add_pages(const struct encl_host *h, uint64_t mib, json_t *out)
{
	const struct encl_host_node *node = encl_host_node(
		h, h->pool_node < 0 ? h->nodes[0].id : (unsigned)h->pool_node);
	struct encl_host_choice choice[ENCL_HOST_SIZES];
	json_t *pages = json_array();
	struct encl_err ignored;
	uint64_t got;
	size_t n = 0;

	json_object_set_new(out, "pages", pages);
	if (!node)
		return;
	json_object_set_new(out, "node", json_integer((json_int_t)node->id));
	if (encl_host_choose_pages(node, mib, choice, &n, &got, &ignored))
		return;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(pages,
				      json_pack("{s:I, s:I}", "KiB",
						(json_int_t)(choice[i].size >> 10),
						"count", (json_int_t)choice[i].count));
}

int
plan_host(json_t *plan, bool asked, struct encl_err *e)
{
	enum { DEFAULT_CPUS = 2 };
	const json_t *resources = json_object_get(plan, "resources");
	encl_auto(encl_host_clear) struct encl_host h = {0};
	struct encl_err ignored;
	json_int_t mib =
		resources ? number_of(resources, "MemoryMiB")
			  : number_of(json_object_get(plan, "memory"), "neededMiB");
	json_int_t cpus = resources ? number_of(resources, "CPUs") : DEFAULT_CPUS;
	json_t *list = json_array(), *out;
	char **obstacles;

	if (encl_host_read(&h, asked ? e : &ignored)) {
		json_decref(list);
		return asked ? -1 : 0;
	}
	if (!asked && !h.driver) {
		json_decref(list);
		return 0;
	}
	obstacles = encl_host_obstacles(&h, (uint64_t)mib, (unsigned)cpus);
	for (size_t i = 0; obstacles[i]; i++) {
		json_array_append_new(list, json_string(obstacles[i]));
		free(obstacles[i]);
	}
	free(obstacles);
	out = json_pack("{s:I, s:I}", "MiB", mib, "CPUs", cpus);
	add_pages(&h, (uint64_t)mib, out);
	json_object_set_new(out, "obstacles", list);
	json_object_set_new(plan, "host", out);
	return 0;
}

void
plan_host_print(const json_t *host)
{
	json_t *one;
	size_t i;

	report("\nhost, for %lld MiB and %lld CPUs:\n", (long long)number_of(host, "MiB"),
	       (long long)number_of(host, "CPUs"));
	json_array_foreach (json_object_get(host, "pages"), i, one)
		report("  %6lld pages of %lld MiB from node %lld\n",
		       (long long)number_of(one, "count"),
		       (long long)number_of(one, "KiB") >> 10,
		       (long long)number_of(host, "node"));
	json_array_foreach (json_object_get(host, "obstacles"), i, one)
		report("  %s\n", json_string_value(one));
	if (!json_array_size(json_object_get(host, "obstacles")))
		report("  it fits\n");
}
