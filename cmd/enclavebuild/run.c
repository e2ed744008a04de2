/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild run`: an image booted on this machine; ends with its code. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/parse.h"
#include "build.h"
#include "cmd.h"
#include "eif/eif.h"
#include "launch/enclave.h"
#include "launch/host.h"
#include "launch/state.h"
#include "operand.h"
#include "shared.h"
#include "sources/cache.h"
#include "verbs.h"
#include "ways.h"

enum { MAX_MEMORY = 16 << 20, MAX_CPUS = 8192, MAX_STOP = 86400 };

static const struct option_spec options[] = {
	{"backend", 0, "NAME",
	 "auto (default: nitro where /dev/nitro_enclaves is), nitro, qemu or nitro-cli",
	 false},
	{"name", 'n', "NAME",
	 "what ps, logs and stop call it (default: the image's name)", false},
	{"memory", 'm', "MIB", "memory (default: the manifest's, or by the image's size)",
	 false},
	{"cpus", 0, "N",
	 "CPUs, in QEMU never more than this machine has (default: the manifest's, or 2)",
	 false},
	{"cpu-ids", 0, "LIST", "nitro: these of the pool, as 2,3 or 2-3", false},
	{"cid", 0, "N", "nitro: the enclave's CID (default: the driver chooses)", false},
	{"debug-mode", 0, NULL,
	 "nitro: show the console; PCRs in its attestation are zero then", false},
	{"timeout", 0, "S", "end it after S seconds with exit code 124 (default: never)",
	 false},
	{"boot-timeout", 0, "S",
	 "give up after S seconds of silence before user space (default 60; 0: never); "
	 "nitro: without a heartbeat (default: by size, at least 180)",
	 false},
	{"stop-timeout", 0, "S",
	 "SIGTERM and ^C ask it to end, and switch it off after S seconds (default 30; "
	 "0: at once)",
	 false},
	{"machine", 0, "NAME",
	 "qemu: auto (default: nitro-enclave where QEMU and the image's kernel can), "
	 "microvm or nitro-enclave",
	 false},
	{"accel", 0, "NAME", "qemu: auto (default), kvm or tcg", false},
	{"kernel-args", 0, "TEXT",
	 "qemu: appended to the kernel's command line, unmeasured", false},
	{"no-vsock", 0, NULL, "qemu: no vsock device and no heartbeat", false},
	{"publish", 'p', "[ADDRESS:]PORT:NAME",
	 "port of this machine (on 127.0.0.1) to a port of network.ingress, or to a vsock "
	 "number (default: all of network.ingress, at deploy.ports or the vsock number)",
	 true},
	{"no-publish", 0, NULL, "publish nothing", false},
	{"no-egress", 0, NULL, "connect nothing that network.egress allows", false},
	{"egress-local", 0, NULL,
	 "network.egress may reach loopback, link-local and this machine's addresses",
	 false},
	{"exchange", 0, "NAME=FOLDER",
	 "folder of this machine for an exchange of the image", true},
	{"no-state", 0, NULL, "keep nothing for ps, logs and stop", false},
	{NULL, 0, NULL, NULL, false},
};

static int
choose(const struct args *args, const char *name, const char *const *names,
       const char *all, int *out, struct encl_err *e)
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
	return encl_fail(e, ENCL_USAGE, "--%s: \"%s\" is not one of: %s", name, text,
			 all);
}

/* The console is the result, but with --json the report is. */
static void
show(void *arg, const char *p, size_t n)
{
	int fd = ((const struct cli *)arg)->json ? 2 : 1;

	while (n && report_room(fd)) {
		ssize_t w = write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return; /* closed: the enclave's end is what counts */
		p += w;
		n -= (size_t)w;
	}
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
read_cid(const struct args *args, uint32_t *out, struct encl_err *e)
{
	uint64_t cid = 0;

	if (args_number(args, "cid", 0, UINT32_MAX, 0, &cid, e))
		return -1;
	if ((cid && cid < 4) || cid == UINT32_MAX)
		return encl_fail(e, ENCL_USAGE,
				 "--cid %" PRIu64 ": 0 (the driver chooses), or 4 to "
				 "4294967294",
				 cid);
	*out = (uint32_t)cid;
	return 0;
}

/* What only Nitro can do is no silent wish elsewhere. */
static int
check_backend(const struct args *args, enum encl_backend backend, struct encl_err *e)
{
	static const char *const nitro[] = {"cid", "cpu-ids", NULL};
	static const char *const qemu[] = {"machine", "accel", "kernel-args", "no-vsock",
					   NULL};
	const char *const *wrong = backend == ENCL_BACKEND_QEMU ? nitro : qemu;

	if (args_has(args, "cpu-ids") && args_has(args, "cpus"))
		return encl_fail(e, ENCL_USAGE,
				 "--cpus and --cpu-ids exclude each other");
	for (; *wrong; wrong++)
		if (args_has(args, *wrong))
			return encl_fail(e, ENCL_USAGE, "--%s is for --backend %s only",
					 *wrong,
					 backend == ENCL_BACKEND_QEMU ? "nitro" : "qemu");
	return 0;
}

static int
read_options(struct cli *cli, const struct args *args, const json_t *measurements,
	     struct encl_run_options *o, const json_t **ports, struct encl_err *e)
{
	static const char *const backends[] = {"auto", "nitro", "qemu", "nitro-cli",
					       NULL};
	static const char *const accels[] = {"auto", "kvm", "tcg", NULL};
	static const char *const machines[] = {"auto", "microvm", "nitro-enclave", NULL};
	uint64_t memory, cpus, timeout, boot_timeout, stop_timeout;
	uint64_t memory_default = 0;
	uint64_t cpus_default = 2;
	uint32_t cid = 0;
	int backend, accel, machine;

	read_resources(measurements, &memory_default, &cpus_default, ports);
	if (choose(args, "backend", backends, "auto, nitro, qemu, nitro-cli", &backend,
		   e) ||
	    choose(args, "accel", accels, "auto, kvm, tcg", &accel, e) ||
	    choose(args, "machine", machines, "auto, microvm, nitro-enclave", &machine,
		   e) ||
	    args_number(args, "memory", 64, MAX_MEMORY, memory_default, &memory, e) ||
	    args_number(args, "cpus", 1, MAX_CPUS, cpus_default, &cpus, e) ||
	    args_number(args, "timeout", 1, 604800, 0, &timeout, e) ||
	    args_number(args, "stop-timeout", 0, MAX_STOP, 30, &stop_timeout, e) ||
	    read_cid(args, &cid, e))
		return -1;
	if (backend == ENCL_BACKEND_AUTO)
		backend = (int)encl_backend_here();
	if (args_number(args, "boot-timeout", 0, 86400,
			backend == ENCL_BACKEND_QEMU ? 60 : 0, &boot_timeout, e) ||
	    check_backend(args, (enum encl_backend)backend, e))
		return -1;
	*o = (struct encl_run_options){.backend = (enum encl_backend)backend,
				       .memory_mib = memory,
				       .cpus = (unsigned)cpus,
				       .cpu_ids = args_get(args, "cpu-ids"),
				       .cid = cid,
				       .debug = args_has(args, "debug-mode"),
				       .timeout_s = (unsigned)timeout,
				       .boot_timeout_s = (unsigned)boot_timeout,
				       .stop_timeout_s = (unsigned)stop_timeout,
				       .accel = (enum encl_accel)accel,
				       .machine = (enum encl_emulated)machine,
				       .kernel_args = args_get(args, "kernel-args"),
				       .vsock = !args_has(args, "no-vsock"),
				       .egress_local = args_has(args, "egress-local"),
				       .state = !args_has(args, "no-state"),
				       .log = &cli->log,
				       .console = show,
				       .arg = cli};
	return 0;
}

/* --name, or what the image is called, as far as that is a name. */
static int
choose_name(const struct args *args, const struct encl_eif *eif, char **out, bool *exact,
	    struct encl_err *e)
{
	encl_auto(json_decref) json_t *metadata = json_loads(eif->metadata, 0, NULL);
	const char *asked = args_get(args, "name");
	const char *own = json_string_value(json_object_get(metadata, "ImageName"));

	if (asked && !encl_state_name_ok(asked))
		return encl_fail(e, ENCL_USAGE,
				 "--name %s: letters, digits, \".\", \"_\" and \"-\", at "
				 "most 40",
				 asked);
	*exact = asked != NULL;
	if (!asked)
		asked = own && encl_state_name_ok(own) ? own : "enclave";
	*out = encl_xstrdup(asked);
	return 0;
}

static json_t *
result_json(const char *path, const struct encl_run_options *o,
	    const struct encl_run_result *r)
{
	static const char *const vsock[] = {"off", "not installed", "on"};

	return json_pack(
		"{s:s, s:s, s:s?, s:s?, s:I, s:I, s:s, s:o, s:b, s:b, s:o, s:o, s:o, s:o, "
		"s:I}",
		"Image", path, "Backend", r->backend, "Machine", r->machine,
		"Accelerator", r->accel, "MemoryMiB", (json_int_t)r->memory_mib, "CPUs",
		(json_int_t)r->cpus, "Vsock", vsock[r->vsock], "CID",
		r->cid ? json_integer(r->cid) : json_null(), "Heartbeat", r->heartbeat,
		"Ready", r->ready, "NSM", r->nsm < 0 ? json_null() : json_boolean(r->nsm),
		"Published", ways_json(o->ways, r->published ? o->n_ways : 0), "ExitCode",
		r->ended && !r->signal ? json_integer(r->code) : json_null(), "Signal",
		r->signal ? json_integer(r->signal) : json_null(), "Milliseconds",
		(json_int_t)r->milliseconds);
}

static void
tell_end(struct cli *cli, const struct encl_run_result *r)
{
	double seconds = (double)r->milliseconds / 1000;

	if (r->interrupted)
		encl_info(&cli->log, "ended by signal %d", r->interrupted);
	else if (!r->ended)
		encl_info(&cli->log, "the enclave was switched off after %.1f s",
			  seconds);
	else if (r->signal)
		encl_info(&cli->log, "the enclave ended by signal %d after %.1f s",
			  r->signal, seconds);
	else
		encl_info(&cli->log, "the enclave ended with code %d after %.1f s",
			  r->code, seconds);
}

static int
exit_code(const struct encl_run_result *r)
{
	if (r->interrupted)
		return 128 + r->interrupted;
	if (!r->ended)
		return 128 + SIGKILL;
	return r->signal ? 128 + r->signal : r->code;
}

/* A damaged file is told here, not by a kernel that panics. */
static int
measure(const struct cli *cli, const struct encl_eif *eif,
	char pcr0[2 * ENCL_PCR_SIZE + 1], struct encl_err *e)
{
	struct encl_measurements m;
	struct encl_digest sha256;
	uint32_t crc;

	if (encl_eif_measure(eif, cli->env.jobs, &m, &crc, &sha256, e))
		return -1;
	if (crc != eif->crc)
		return encl_fail(e, ENCL_FAILED,
				 "%s: its CRC-32 is %08x, the header says %08x: the file "
				 "is damaged",
				 eif->path, crc, eif->crc);
	encl_hex(m.pcr0.bytes, ENCL_PCR_SIZE, pcr0);
	return 0;
}

static int
run_image(struct cli *cli, const char *path, const struct encl_eif *eif,
	  struct encl_run_options *o, struct encl_err *e)
{
	char pcr0[2 * ENCL_PCR_SIZE + 1];
	struct encl_run_result r;
	struct encl_err ignored;

	if (measure(cli, eif, pcr0, e))
		return -1;
	cli->impatient = true;
	o->pcr0 = pcr0;
	o->image = path;
	o->image_path = operand_is_reference(path) ? NULL : path;
	/* Without a cache KVM is probed each time. */
	if (!cli_need_cache(cli, &ignored))
		o->cache_dir = encl_cache_dir(cli->env.cache);
	if (encl_enclave_run(eif, o, &r, e))
		return -1;
	tell_end(cli, &r);
	cli->exit_code = exit_code(&r);
	if (cli->json && !r.interrupted) {
		encl_auto(json_decref) json_t *doc = result_json(path, o, &r);

		report_json(doc);
	}
	return 0;
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	encl_auto(json_decref) json_t *measurements = NULL;
	encl_auto(ways_clear) struct ways ways = {0};
	encl_auto(shared_clear) struct shared shared = {0};
	encl_auto(encl_free) char *name = NULL;
	struct encl_run_options o;
	const char *path = args->operands[0];
	const json_t *ports = NULL;

	/* options first: a wrong one is not to cost a download */
	if (read_options(cli, args, NULL, &o, &ports, e) ||
	    operand_open_measured(cli, path, &eif, &measurements, e) ||
	    read_options(cli, args, measurements, &o, &ports, e) ||
	    ways_choose(args, &eif, ports, &cli->log, &ways, e) ||
	    shared_choose(args, ways.about, &shared, e) ||
	    choose_name(args, &eif, &name, &o.name_exact, e))
		return -1;
	o.name = name;
	o.folders = shared.v;
	o.n_folders = shared.n;
	o.ways = ways.v;
	o.n_ways = ways.n;
	o.ways_asked = ways.asked;
	o.cmdline_devices = json_is_true(json_object_get(ways.about, "cmdlineDevices"));
	o.egress = json_object_get(ways.about, "egress") && !args_has(args, "no-egress");
	return run_image(cli, path, &eif, &o, e);
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run an image as an enclave on this machine",
	.operands = "IMAGE.eif|REFERENCE",
	.min_operands = 1,
	.max_operands = 1,
	.help = "Starts the image on the Nitro device where this machine has it, else in QEMU,\n"
		"stays with it, publishes its ports, shows its console (on Nitro only with\n"
		"--debug-mode) and ends with the exit code of the image's critical process,\n"
		"128+N where signal N ended it, 124 when --timeout is over, 125 when it did not\n"
		"come up or was lost.  Ctrl-C and SIGTERM ask it to end in order, a second one\n"
		"switches it off.  For systemd it speaks sd_notify.  With --kernel-args quiet\n"
		"most of the kernel's lines stay out.",
	.options = options,
	.run = run,
};
