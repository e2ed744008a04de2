/* SPDX-License-Identifier: Apache-2.0 */
/* `enclavebuild doctor`: what this machine has for building and running. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/spawn.h"
#include "cmd.h"
#include "embedded.h"
#include "launch/accel.h"
#include "launch/emulated.h"
#include "launch/vsock.h"
#include "sources/cache.h"
#include "verbs.h"

enum level { NEEDED, OPTIONAL };

struct doctor {
	json_t *checks;
	unsigned missing; /* needed ones */
};

static void
add(struct doctor *d, const char *name, enum level level, bool ok, const char *found,
    const char *todo)
{
	const char *state = ok ? "ok" : level == NEEDED ? "missing" : "absent";

	if (!ok && level == NEEDED)
		d->missing++;
	json_array_append_new(d->checks,
			      json_pack("{s:s, s:s, s:s, s:s}", "check", name, "state",
					state, "found", found ? found : "", "todo",
					ok ? "" : todo));
}

static void
check_program(struct doctor *d, const char *name, enum level level, const char *todo)
{
	encl_auto(encl_free) char *path = encl_find_program(name);

	add(d, name, level, path != NULL, path, todo);
}

static void
check_file(struct doctor *d, const char *name, const char *path, enum level level,
	   const char *todo)
{
	add(d, name, level, access(path, R_OK) == 0, access(path, R_OK) ? NULL : path,
	    todo);
}

static void
check_cache(struct cli *cli, struct doctor *d)
{
	struct encl_err e;
	bool ok = !cli_need_cache(cli, &e) &&
		  !access(encl_cache_dir(cli->env.cache), W_OK | X_OK);

	add(d, "cache folder", NEEDED, ok, ok ? encl_cache_dir(cli->env.cache) : NULL,
	    "set XDG_CACHE_HOME or --cache-dir to a folder that can be written");
}

static void
check_kvm(struct cli *cli, struct doctor *d)
{
	char why[ENCL_KVM_WHY];
	const char *dir = cli->env.cache ? encl_cache_dir(cli->env.cache) : NULL;
	bool ok = encl_kvm_works(dir, &cli->log, why);

	add(d, "KVM", OPTIONAL, ok, why, "`run` uses emulation (TCG), which is slower");
}

static void
check_vsock(struct doctor *d)
{
	encl_auto(encl_free) char *path = encl_vsock_find();

	add(d, "vhost-device-vsock", OPTIONAL, path != NULL, path,
	    "no ports, folders and heartbeat in `run`; cargo install --locked vhost-device-vsock");
}

static void
check_nitro_enclave(struct doctor *d)
{
	encl_auto(encl_free) char *qemu = encl_find_program("qemu-system-x86_64");
	const struct encl_emulated_ask ask = {.wanted = ENCL_EMULATED_NITRO,
					      .arch = ENCL_ARCH_X86_64,
					      .qemu = qemu,
					      .vsock = true};
	const char *machine;
	struct encl_err ignored;
	bool ok = qemu && !encl_emulated_choose(&ask, &machine, &ignored);

	add(d, "QEMU's nitro-enclave", OPTIONAL, ok, ok ? qemu : NULL,
	    "no NSM in `run`; \"make conformance\" builds a QEMU that has it");
}

static void
check_guests(struct doctor *d)
{
	add(d, "guest programs x86_64", NEEDED, encl_embedded_init_x86_64 != NULL,
	    "built in", "build with GUEST_ARCHES=x86_64 (needs musl-tools)");
	add(d, "guest programs aarch64", OPTIONAL, encl_embedded_init_aarch64 != NULL,
	    encl_embedded_init_aarch64 ? "built in" : NULL,
	    "images for aarch64 cannot be built; build with GUEST_ARCHES=\"x86_64 aarch64\"");
}

static void
show(const struct doctor *d)
{
	json_t *v;
	size_t i;

	json_array_foreach (d->checks, i, v) {
		const char *found = json_string_value(json_object_get(v, "found"));
		const char *todo = json_string_value(json_object_get(v, "todo"));

		report("%-8s %-24s %s%s%s\n",
		       json_string_value(json_object_get(v, "state")),
		       json_string_value(json_object_get(v, "check")), found,
		       *found && *todo ? "; " : "", todo);
	}
}

static int
run(struct cli *cli, const struct args *args, struct encl_err *e)
{
	encl_auto(json_decref) json_t *checks = json_array();
	struct doctor d = {.checks = checks};

	(void)args;
	(void)e;
	check_cache(cli, &d);
	check_guests(&d);
	check_program(&d, "gpgv", NEEDED, "Debian packages: apt-get install gpgv");
	check_file(
		&d, "Debian keyring", "/usr/share/keyrings/debian-archive-keyring.gpg",
		OPTIONAL,
		"apt-get install debian-archive-keyring, or name a keyring in the manifest");
	check_program(&d, "qemu-system-x86_64", NEEDED,
		      "`run`: apt-get install qemu-system-x86");
	check_program(&d, "qemu-system-aarch64", OPTIONAL,
		      "`run` of aarch64 images: apt-get install qemu-system-arm");
	check_kvm(cli, &d);
	check_vsock(&d);
	check_nitro_enclave(&d);
	check_file(&d, "/dev/nitro_enclaves", "/dev/nitro_enclaves", OPTIONAL,
		   "not a Nitro parent instance: images run in QEMU only");
	if (cli->json)
		report_json(checks);
	else
		show(&d);
	cli->exit_code = d.missing ? ENCL_HOST : 0;
	return 0;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.summary = "check what this machine has for building and running",
	.operands = "",
	.help = "One line a check: ok, missing (needed; exit code 5) or absent (something "
		"cannot be done or is slower), and what to do.",
	.run = run,
};
