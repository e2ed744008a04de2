/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild run`: an image booted on this machine; ends with its code. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "build.h"
#include "cmd.h"
#include "eif/eif.h"
#include "launch/qemu.h"
#include "operand.h"
#include "shared.h"
#include "sources/cache.h"
#include "verbs.h"
#include "ways.h"

enum { MAX_MEMORY = 1 << 20, MAX_CPUS = 256 };

static const struct option_spec options[] = {
	{"backend", 0, "NAME", "qemu (default)", false},
	{"memory", 'm', "MIB", "memory (default: the manifest's, or by the image's size)",
	 false},
	{"cpus", 0, "N",
	 "CPUs, never more than this machine has (default: the manifest's, or 2)", false},
	{"timeout", 0, "S", "end it after S seconds with exit code 124 (default: never)",
	 false},
	{"boot-timeout", 0, "S",
	 "give up after S seconds of silence before user space (default 60; 0: never)",
	 false},
	{"accel", 0, "NAME", "auto (default), kvm or tcg", false},
	{"kernel-args", 0, "TEXT", "appended to the kernel's command line, unmeasured",
	 false},
	{"no-vsock", 0, NULL, "no vsock device and no heartbeat", false},
	{"publish", 'p', "[ADDRESS:]PORT:NAME",
	 "port of this machine (on 127.0.0.1) to a port of network.ingress, or to a vsock "
	 "number (default: all of network.ingress, at deploy.ports or the vsock number)",
	 true},
	{"no-publish", 0, NULL, "publish nothing", false},
	{"exchange", 0, "NAME=FOLDER",
	 "folder of this machine for an exchange of the image", true},
	{NULL, 0, NULL, NULL, false},
};

static int
choose(const struct args *args, const char *name, const char *const *names, int *out,
       struct encl_err *e)
{
	const char *text = args_get(args, name);

	*out = 0;
	for (int i = 0; text && names[i]; i++)
		if (!strcmp(text, names[i])) {
			*out = i;
			return 0;
		}
	if (!text)
		return 0;
	return encl_fail(e, ENCL_USAGE, "--%s: \"%s\" is not one of: %s%s%s%s%s", name,
			 text, names[0], names[1] ? ", " : "", names[1] ? names[1] : "",
			 names[1] && names[2] ? ", " : "",
			 names[1] && names[2] ? names[2] : "");
}

/* The console is the result, but with --json the report is. */
static void
show(void *arg, const char *p, size_t n)
{
	FILE *to = ((const struct cli *)arg)->json ? stderr : stdout;

	fwrite(p, 1, n, to);
	fflush(to);
}

/* What the manifest asked for stands in an image's measurements file, where
 * there is one; nothing of it is measured. */
static void
read_resources(const json_t *measurements, uint64_t *memory, uint64_t *cpus,
	       const json_t **ports)
{
	static const char what[] = "measurements";
	struct encl_err none;
	json_t *resources;
	uint64_t mib, n;

	if (encl_json_object(measurements, "Resources", what, &resources, &none) ||
	    encl_json_u64(resources, "MemoryMiB", what, &mib, &none) ||
	    encl_json_u64(resources, "CPUs", what, &n, &none) || mib > MAX_MEMORY || !n ||
	    n > MAX_CPUS)
		return;
	*memory = mib;
	*cpus = n;
	*ports = json_object_get(resources, "Ports");
}

static int
read_options(struct cli *cli, const struct args *args, const json_t *measurements,
	     struct encl_qemu_options *o, const json_t **ports, struct encl_err *e)
{
	static const char *const backends[] = {"qemu", NULL};
	static const char *const accels[] = {"auto", "kvm", "tcg", NULL};
	uint64_t memory, cpus, timeout, boot_timeout;
	uint64_t memory_default = 0;
	uint64_t cpus_default = 2;
	int backend, accel;

	read_resources(measurements, &memory_default, &cpus_default, ports);
	if (choose(args, "backend", backends, &backend, e) ||
	    choose(args, "accel", accels, &accel, e) ||
	    args_number(args, "memory", 64, MAX_MEMORY, memory_default, &memory, e) ||
	    args_number(args, "cpus", 1, MAX_CPUS, cpus_default, &cpus, e) ||
	    args_number(args, "timeout", 1, 604800, 0, &timeout, e) ||
	    args_number(args, "boot-timeout", 0, 86400, 60, &boot_timeout, e))
		return -1;
	*o = (struct encl_qemu_options){.memory_mib = memory,
					.cpus = (unsigned)cpus,
					.timeout_s = (unsigned)timeout,
					.boot_timeout_s = (unsigned)boot_timeout,
					.accel = (enum encl_accel)accel,
					.kernel_args = args_get(args, "kernel-args"),
					.vsock = !args_has(args, "no-vsock"),
					.log = &cli->log,
					.console = show,
					.arg = cli};
	return 0;
}

static json_t *
result_json(const char *path, const struct encl_qemu_options *o,
	    const struct encl_qemu_result *r)
{
	static const char *const vsock[] = {"off", "not installed", "on"};

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:b, s:o, s:o, s:o, s:I}",
			 "Image", path, "Backend", "qemu", "Accelerator",
			 r->kvm ? "kvm" : "tcg", "MemoryMiB", (json_int_t)r->memory_mib,
			 "CPUs", (json_int_t)r->cpus, "Vsock", vsock[r->vsock],
			 "Heartbeat", r->heartbeat, "Published",
			 ways_json(o->ways, r->published ? o->n_ways : 0), "ExitCode",
			 r->ended && !r->signal ? json_integer(r->code) : json_null(),
			 "Signal", r->signal ? json_integer(r->signal) : json_null(),
			 "Milliseconds", (json_int_t)r->milliseconds);
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(json_decref) json_t *measurements = NULL;
	encl_auto(ways_clear) struct ways ways = {0};
	encl_auto(shared_clear) struct shared shared = {0};
	struct encl_qemu_options o;
	struct encl_qemu_result r;
	const char *path = args->operands[0];
	const json_t *ports = NULL;
	struct encl_err ignored;

	/* options first: a wrong one is not to cost a download */
	if (read_options(cli, args, NULL, &o, &ports, e) ||
	    operand_open_measured(cli, path, &eif, &measurements, e) ||
	    read_options(cli, args, measurements, &o, &ports, e) ||
	    ways_choose(args, &eif, ports, &cli->log, &ways, e) ||
	    shared_choose(args, ways.about, &shared, e))
		return -1;
	o.folders = shared.v;
	o.n_folders = shared.n;
	o.ways = ways.v;
	o.n_ways = ways.n;
	o.ways_asked = ways.asked;
	/* Without a cache KVM is probed each time. */
	if (!cli_need_cache(cli, &ignored))
		o.cache_dir = encl_cache_dir(cli->env.cache);
	if (encl_qemu_run(&eif, &o, &r, e))
		return -1;
	if (r.interrupted) {
		encl_info(&cli->log, "ended by signal %d", r.interrupted);
		cli->exit_code = 128 + r.interrupted;
		return 0;
	}
	encl_info(&cli->log,
		  r.signal ? "the enclave ended by signal %d after %.1f s"
			   : "the enclave ended with code %d after %.1f s",
		  r.signal ? r.signal : r.code, (double)r.milliseconds / 1000);
	cli->exit_code = r.signal ? 128 + r.signal : r.code;
	if (cli->json) {
		encl_auto(json_decref) json_t *report = result_json(path, &o, &r);

		report_json(report);
	}
	return 0;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "boot an image on this machine",
	.operands = "IMAGE.eif|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Boots the image's kernel and ramdisks in QEMU and shows its console; with\n"
		"--kernel-args quiet most of the kernel's lines stay out.  Ends with the exit\n"
		"code of the image's process, 128+N where signal N ended it, 124 when --timeout\n"
		"is over, 125 when it did not come up or was lost.  Ctrl-C switches the enclave\n"
		"off: nothing in it is stopped in order.",
	.options = options,
	.run = run,
};
