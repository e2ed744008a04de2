/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild plan`: what an image will be like when it runs, and why. */
#include <string.h>

#include "base/json.h"
#include "build.h"
#include "cmd.h"
#include "eif/eif.h"
#include "manifests.h"
#include "operand.h"
#include "plan_host.h"
#include "verbs.h"

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long
number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void
print_docker(const json_t *list)
{
	json_t *c;
	size_t i;

	report("\nDocker:\n");
	json_array_foreach ((json_t *)(uintptr_t)list, i, c)
		report("  %-15s %-18s %s\n", text_of(c, "setting"), text_of(c, "value"),
		       text_of(c, "reason"));
}

/* What a line says last has no blanks behind it. */
static void
print_unit(size_t number, const json_t *unit)
{
	const json_t *after = json_object_get(unit, "after");
	bool critical = json_is_true(json_object_get(unit, "critical"));
	json_t *d;
	size_t i;

	report("  %zu. %-20s %-*s", number, text_of(unit, "name"),
	       json_array_size(after) || critical ? 10 : 0, text_of(unit, "kind"));
	json_array_foreach ((json_t *)(uintptr_t)after, i, d)
		report("%s%s %s", i ? ", " : "after ", text_of(d, "name"),
		       text_of(d, "condition"));
	report("%s%s\n", critical && json_array_size(after) ? ", " : "",
	       critical ? "critical" : "");
}

static void
print_start(const json_t *list)
{
	json_t *unit;
	size_t i;

	report("\nstart:\n");
	json_array_foreach ((json_t *)(uintptr_t)list, i, unit)
		print_unit(i + 1, unit);
}

static void
print_ingress(const json_t *list)
{
	json_t *in;
	size_t i;

	if (!json_array_size(list))
		return;
	report("\ningress:\n");
	json_array_foreach ((json_t *)(uintptr_t)list, i, in) {
		report("  %-15s ", text_of(in, "name"));
		if (json_object_get(in, "parent"))
			report("parent %lld -> ", number_of(in, "parent"));
		report("vsock %lld -> 127.0.0.1:%lld", number_of(in, "vsock"),
		       number_of(in, "tcp"));
		if (strncmp(text_of(in, "to"), "127.0.0.1:", 10) != 0)
			report(" -> %s", text_of(in, "to"));
		report("\n");
	}
}

/* "443, 8000-8010" */
static void
print_rule(const json_t *rule)
{
	bool host = json_object_get(rule, "host");
	json_t *port;
	size_t i;

	report("  %-40s ", text_of(rule, host ? "host" : "cidr"));
	json_array_foreach (json_object_get(rule, "ports"), i, port)
		report("%s%s", i ? ", " : "", json_string_value(port));
	report("\n");
}

static void
print_egress(const json_t *egress)
{
	const json_t *allow = json_object_get(egress, "allow");
	json_t *rule;
	size_t i;

	if (!egress)
		return;
	report("\negress, by the proxy at port %lld:\n", number_of(egress, "proxyPort"));
	if (!json_array_size(allow))
		report("  nothing is allowed\n");
	json_array_foreach ((json_t *)(uintptr_t)allow, i, rule)
		print_rule(rule);
}

static void
print_parts(const char *title, const json_t *parts, long long sum)
{
	json_t *part;
	size_t i;

	report("  %6lld MiB  %s:\n", sum, title);
	json_array_foreach ((json_t *)(uintptr_t)parts, i, part)
		report("  %10lld    %s\n", number_of(part, "MiB"), text_of(part, "what"));
}

static void
print_memory(const json_t *memory, const json_t *resources)
{
	long long cpus = number_of(resources, "CPUs");

	report("\nmemory:\n");
	print_parts("while the ramdisks are unpacked",
		    json_object_get(memory, "bootParts"), number_of(memory, "bootMiB"));
	print_parts("while it runs, all that is declared being used up",
		    json_object_get(memory, "parts"), number_of(memory, "runMiB"));
	report("  %6lld MiB  is the least that it comes up with\n",
	       number_of(memory, "leastMiB"));
	report("  %6lld MiB  is what it should have\n", number_of(memory, "neededMiB"));
	if (resources && !json_is_true(json_object_get(resources, "auto")))
		report("  %6lld MiB  is what resources.memoryMiB gives it\n",
		       number_of(resources, "MemoryMiB"));
	report("  %6lld MiB  is the least that nitro-cli takes (4 x the image)\n",
	       number_of(memory, "nitroCliMiB"));
	if (resources)
		report("\nCPUs:\n  %6lld      resources.cpus%s\n", cpus,
		       cpus % 2 ? "; a core with two threads (x86_64) comes whole: 1 more"
				: "");
}

static void
print_text(const json_t *plan)
{
	if (json_object_get(plan, "name"))
		report("image  %s\nkernel %s\n", text_of(plan, "name"),
		       *text_of(plan, "kernel") ? text_of(plan, "kernel")
						: "(of unknown release)");
	if (json_object_get(plan, "docker"))
		print_docker(json_object_get(plan, "docker"));
	if (json_object_get(plan, "start"))
		print_start(json_object_get(plan, "start"));
	print_ingress(json_object_get(plan, "ingress"));
	print_egress(json_object_get(plan, "egress"));
	print_memory(json_object_get(plan, "memory"), json_object_get(plan, "resources"));
	if (json_object_get(plan, "host"))
		plan_host_print(json_object_get(plan, "host"));
}

static int
plan_manifest(struct cli *cli, const char *file, json_t **out, struct encl_err *e)
{
	encl_auto(encl_manifest_free) struct encl_manifest *m = NULL;

	if (read_manifest(file, &m, e) || cli_need_cache(cli, e) ||
	    cli_need_registry(cli, e))
		return -1;
	return encl_plan(&cli->env, m, out, e);
}

static int
plan_image(struct cli *cli, const char *file, json_t **out, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};

	if (operand_open(cli, file, &eif, e))
		return -1;
	*out = encl_plan_image(&eif);
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	const char *file = args->n_operands ? args->operands[0] : "enclave.yaml";
	encl_auto(json_decref) json_t *plan = NULL;
	size_t n = strlen(file);

	if ((n > 4 && !strcmp(file + n - 4, ".eif")) || operand_is_reference(file)) {
		if (plan_image(cli, file, &plan, e))
			return -1;
	} else if (plan_manifest(cli, file, &plan, e)) {
		return -1;
	}
	if (plan_host(plan, args_has(args, "host"), e))
		return -1;
	if (cli->json)
		report_json(plan);
	else
		print_text(plan);
	if (json_object_get(plan, "problem"))
		return encl_fail(e, ENCL_USAGE, "%s", text_of(plan, "problem"));
	return 0;
}

static const struct option_spec options[] = {
	{"host", 0, NULL, "say also whether it fits this machine, and what to change",
	 false},
	{NULL, 0, NULL, NULL, false},
};

const struct command cmd_plan = {
	.name = "plan",
	.summary = "tell what an image will be like when it runs, and why",
	.operands = "[MANIFEST|IMAGE|REFERENCE]",
	.max_operands = 1,
	.options = options,
	.help = "Without an operand enclave.yaml is planned.  Of a manifest: the Docker daemon's\n"
		"settings, each with its reason in the kernel's configuration, the order in\n"
		"which services and containers start, the way to each port, and the memory it\n"
		"needs.  It takes what build takes (the lock, the cache) and writes nothing.\n"
		"Of an image (NAME.eif, or a reference to one in a registry) the memory is told,\n"
		"as far as its sections tell it.  Where the Nitro driver is there, or with --host,\n"
		"follows what this machine has: pages, and what is in the way.",
	.run = run,
};
