/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild deploy`: an image to where it runs, with a gate and a way back. */
#include "deploy.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/tmpfile.h"
#include "launch/template.h"
#include "verbs.h"

static const struct option_spec options[] = {
	{"target", 't', "TARGET",
	 "local, a name of deploy.targets, or ssh://[USER@]HOST[:PORT] (default: the only "
	 "one of deploy.targets, or local)",
	 false},
	{"image", 0, "IMAGE.eif|REFERENCE",
	 "the image (default: deploy.image, or NAME.eif here)", false},
	{"name", 0, "NAME", "of the enclave there (default: the manifest's, the image's)",
	 false},
	{"arch", 0, "ARCH", "of several images of a reference: x86_64 or aarch64", false},
	{"memory", 'm', "MIB",
	 "memory (default: the manifest's, or what was planned at the build)", false},
	{"cpus", 0, "N", "CPUs (default: the manifest's, or 2)", false},
	{"publish", 'p', "[ADDRESS:]PORT:NAME",
	 "as run has it (default: network.ingress; on all addresses what deploy.ports "
	 "names, on 127.0.0.1 the rest)",
	 true},
	{"no-publish", 0, NULL, "publish nothing", false},
	{"supervisor", 0, "NAME", "auto, systemd or none", false},
	{"until", 0, "STATE", "the gate: ready or heartbeat", false},
	{"attestation", 0, "WHEN", "the gate: auto or required", false},
	{"gate-timeout", 0, "S", "the gate: seconds", false},
	{"stop-timeout", 0, "S", "seconds that an enclave may take to end in order",
	 false},
	{"tool", 0, "FILE",
	 "enclavebuild for the host, or what make bundle made (default: this program, "
	 "where the host's is another one)",
	 false},
	{"ssh-config", 0, "FILE", "configuration for ssh (default: ssh's own)", false},
	{"dry-run", 'n', NULL, "show every file and command, and do nothing", false},
	{"output", 'o', "DIR", "write the files there, and do nothing else", false},
	{NULL, 0, NULL, NULL, false},
};

static json_t *
files_json(const struct encl_deploy_files *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s?, s:s}", "Name",
						      f->v[i].name, "Path", f->v[i].path,
						      "Text", f->v[i].text));
	return list;
}

static json_t *
report_of(const struct subject *s, const char *target)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:I, s:I, s:o}", "Target",
			 target, "Name", s->name, "Image",
			 s->reference ? s->reference : s->path, "Reference", s->reference,
			 "Digest", s->sha256, "PCR0", s->pcr0, "MemoryMiB",
			 (json_int_t)s->d.memory_mib, "CPUs", (json_int_t)s->d.cpus,
			 "Published", ways_json(s->ways.v, s->ways.n));
}

static void
print_command(const json_t *words)
{
	const json_t *word;
	size_t i;

	json_array_foreach (words, i, word) {
		encl_auto(encl_free) char *text =
			encl_template_shell_word(json_string_value(word));

		report("%s%s", i ? " " : "", text);
	}
	report("\n");
}

static void
print_dry_run(const struct encl_deploy_files *f, const json_t *list)
{
	const json_t *c;
	size_t i;

	for (i = 0; i < f->n; i++)
		report("---- %s ----\n%s\n", f->v[i].path ? f->v[i].path : f->v[i].name,
		       f->v[i].text);
	report("---- commands ----\n");
	json_array_foreach (list, i, c)
		print_command(c);
}

static json_t *
commands_of(const struct args *args, const struct subject *s)
{
	enum encl_target_kind kind = s->target.kind;

	return kind == ENCL_TARGET_EC2 || kind == ENCL_TARGET_KUBERNETES
		       ? deploy_cluster_commands(s, args_get(args, "output"))
		       : deploy_host_commands(args, s);
}

static int
write_files(const char *folder, const struct encl_deploy_files *f, struct encl_err *e)
{
	if (encl_make_dirs(folder, 0755, e))
		return -1;
	for (size_t i = 0; i < f->n; i++) {
		encl_auto(encl_free) char *path =
			encl_xasprintf("%s/%s", folder, f->v[i].name);

		if (encl_write_file(path, f->v[i].text, strlen(f->v[i].text),
				    f->v[i].mode, e))
			return -1;
	}
	return 0;
}

/* Only what is told, and what is written. */
static int
show(struct cli *cli, const struct args *args, const struct subject *s,
     const struct encl_deploy_files *f, json_t *doc, struct encl_err *e)
{
	const char *folder = args_get(args, "output");
	encl_auto(json_decref) json_t *list = commands_of(args, s);
	const json_t *c;
	size_t i;

	if (folder && !args_has(args, "dry-run") && write_files(folder, f, e))
		return -1;
	if (cli->json) {
		json_object_set_new(doc, "Files", files_json(f));
		json_object_set(doc, "Commands", list);
		json_object_set_new(doc, "Result", json_string("shown"));
		report_json(doc);
	} else if (args_has(args, "dry-run")) {
		print_dry_run(f, list);
	} else {
		for (i = 0; i < f->n; i++)
			report("%s/%s\n", folder, f->v[i].name);
		if (s->target.kind == ENCL_TARGET_EC2)
			json_array_foreach (list, i, c)
				print_command(c);
	}
	return 0;
}

static int
apply(struct cli *cli, const struct args *args, struct subject *s,
      const struct encl_deploy_files *f, json_t *doc, struct encl_err *e)
{
	const char *result = NULL;
	int rc;

	if (s->target.kind == ENCL_TARGET_EC2)
		return encl_fail(e, ENCL_USAGE,
				 "target %s: give --output DIR for the user-data and the "
				 "command that starts the instance, or --dry-run",
				 s->target.name);
	rc = s->target.kind == ENCL_TARGET_KUBERNETES
		     ? deploy_kubernetes(cli, s, f, &result, e)
		     : deploy_host(cli, args, s, &result, e);
	if (cli->json && (!rc || result)) {
		json_object_set_new(doc, "Result", json_string(result));
		report_json(doc);
	} else if (!rc) {
		report("%s %s on %s\n", s->name, result,
		       json_string_value(json_object_get(doc, "Target")));
	}
	return rc;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(subject_clear) struct subject s;
	encl_auto(encl_deploy_files_clear) struct encl_deploy_files files = {.n = 0};
	encl_auto(json_decref) json_t *doc = NULL;
	encl_auto(encl_free) char *target = NULL;

	subject_init(&s);
	if (subject_read(cli, args, &s, e) || deploy_own_tool(args, &s, e) ||
	    encl_deploy_render(&s.d, &files, e))
		return -1;
	target = transport_name(&s.target);
	doc = report_of(&s, target);
	if (args_has(args, "dry-run") || args_has(args, "output"))
		return show(cli, args, &s, &files, doc, e);
	return apply(cli, args, &s, &files, doc, e);
}

const struct command cmd_deploy = {
	.name = "deploy",
	.summary = "put an image where it runs, and see that it does",
	.operands = "[MANIFEST|IMAGE.eif|REFERENCE]",
	.max_operands = 1,
	.help = "Without an operand enclave.yaml is deployed: its deploy.image, or NAME.eif of\n"
		"this folder.  On a host (this one, or one by ssh) the image, a systemd unit and\n"
		"what they need are put in place, the enclave is started, and it has to come to\n"
		"what deploy.gate says; else all is put back as it was, and the exit code is 3\n"
		"where it is not the image that it should be, else 1.  For Kubernetes it is\n"
		"kubectl that applies and waits.  For EC2 the user-data and the command that\n"
		"starts the instance are written.",
	.options = options,
	.run = run,
};
