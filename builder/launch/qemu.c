/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One boot from start to end: the watch over QEMU, its console, the heartbeat,
 * signals and the clock in one poll loop.
 */
#include "launch/qemu.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "base/stream.h"
#include "launch/accel.h"
#include "launch/child.h"
#include "launch/command.h"
#include "launch/console.h"
#include "launch/memory.h"
#include "launch/relay.h"
#include "launch/vsock.h"

enum { SILENT_KVM_MS = 10000, SAID = 1024 };

struct run {
	const struct encl_qemu_options *o;
	struct encl_qemu_setup setup;
	struct encl_qemu_result result;
	struct encl_console console;
	struct encl_vsock vsock;
	struct encl_relay *relay;     /* NULL: nothing is published */
	struct encl_folders *folders; /* NULL: nothing is shared */
	struct encl_child qemu;
	char said[SAID]; /* begin of what QEMU wrote to stderr */
	size_t n_said;
	int signals;	      /* signalfd */
	uint64_t started;     /* ms */
	uint64_t last_output; /* ms */
};

uint64_t
encl_qemu_memory_mib(const struct encl_eif *eif)
{
	struct encl_memory_need need;
	struct encl_memory memory;

	encl_memory_of_image(eif, &need);
	encl_memory_estimate(&need, &memory);
	return memory.mib;
}

/* ---- the loop ---- */

static int
read_console(struct run *r, bool *end, struct encl_err *e)
{
	char chunk[8192];
	ssize_t n = read(r->qemu.out, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return encl_fail_sys(e, ENCL_LOST, "read the console");
	*end = n == 0;
	r->last_output = encl_clock_ms();
	encl_console_feed(&r->console, chunk, (size_t)n);
	if (n && r->o->console)
		r->o->console(r->o->arg, chunk, (size_t)n);
	return 0;
}

static void
read_said(struct run *r)
{
	char chunk[SAID];
	ssize_t n = read(r->qemu.err_out, chunk, sizeof chunk);
	size_t room = sizeof r->said - 1 - r->n_said;

	if (n <= 0) {
		encl_close_fd(encl_take(r->qemu.err_out, -1));
		return;
	}
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(r->said + r->n_said, chunk, room);
	r->n_said += room;
	r->said[r->n_said] = 0;
}

static void
take_heartbeat(struct run *r)
{
	bool before = r->vsock.beat;

	encl_vsock_step(&r->vsock);
	if (r->vsock.other) {
		encl_warn(r->o->log, "heartbeat: byte 0x%02x came, not 0xb7; no answer",
			  r->vsock.byte);
		r->vsock.other = false;
	}
	if (!r->vsock.beat || before)
		return;
	r->console.up = true;
	encl_info(r->o->log, "heartbeat after %.1f s",
		  (double)(encl_clock_ms() - r->started) / 1000);
	if (r->folders)
		encl_folders_start(r->folders, r->vsock.socket);
	if (r->relay) {
		encl_relay_hold(r->relay, false);
		encl_publish_tell(r->o->ways, r->o->n_ways, r->o->log);
		r->result.published = true;
	}
}

/* What is too late now; *left_ms: until the next of them may be. */
static int
check_clock(const struct run *r, int *left_ms, struct encl_err *e)
{
	uint64_t now = encl_clock_ms();
	uint64_t total = (uint64_t)r->o->timeout_s * 1000;
	uint64_t silence = (uint64_t)r->o->boot_timeout_s * 1000;
	uint64_t left = 1000;

	if (total && now - r->started >= total)
		return encl_fail(e, ENCL_TIMEOUT, "the enclave did not end within %u s",
				 r->o->timeout_s);
	if (total && r->started + total - now < left)
		left = r->started + total - now;
	if (r->setup.kvm && r->o->accel == ENCL_ACCEL_AUTO && !r->console.any)
		silence = SILENT_KVM_MS;
	if (silence && !r->console.up && now - r->last_output >= silence)
		return encl_fail(e, ENCL_LOST,
				 "the enclave did not come up: no output for %u s%s%s",
				 (unsigned)(silence / 1000),
				 *r->console.last ? " after: " : "", r->console.last);
	*left_ms = (int)left + 1;
	return 0;
}

static int
watch(struct run *r, struct encl_err *e)
{
	bool end = false;
	int left_ms = 0;

	while (!end) {
		struct pollfd p[5] = {
			{r->qemu.out, POLLIN, 0},
			{r->qemu.err_out, POLLIN, 0},
			{encl_vsock_fd(&r->vsock), POLLIN, 0},
			{r->signals, POLLIN, 0},
			{r->relay ? encl_relay_fd(r->relay) : -1, POLLIN, 0}};
		struct signalfd_siginfo info;
		int n;

		if (check_clock(r, &left_ms, e))
			return -1;
		n = poll(p, 5, left_ms);
		if (n < 0 && errno != EINTR)
			return encl_fail_sys(e, ENCL_LOST, "wait for QEMU");
		if (n <= 0)
			continue;
		if (p[3].revents && read(r->signals, &info, sizeof info) == sizeof info) {
			r->result.interrupted = (int)info.ssi_signo;
			return 0;
		}
		if (p[2].revents)
			take_heartbeat(r);
		if (p[4].revents)
			encl_relay_step(r->relay);
		if (p[1].revents)
			read_said(r);
		if (p[0].revents && read_console(r, &end, e))
			return -1;
	}
	while (r->qemu.err_out >= 0)
		read_said(r);
	return 0;
}

/* ---- the end ---- */

static int
judge(struct run *r, int status, struct encl_err *e)
{
	struct encl_console *c = &r->console;

	/* A last line without its newline counts. */
	encl_console_feed(c, "\n", c->n ? 1 : 0);
	r->result.heartbeat = r->vsock.beat;
	if (c->ended && status == 0) {
		r->result.ended = true;
		r->result.code = c->code;
		r->result.signal = c->signal;
		return 0;
	}
	if (c->panicked)
		return encl_fail(e, ENCL_LOST, "the enclave is lost: %s", c->panic);
	if (status)
		return encl_fail(e, ENCL_LOST, "QEMU ended with code %d: %.*s", status,
				 (int)strcspn(r->said, "\n"), r->said);
	return encl_fail(
		e, ENCL_LOST,
		"the enclave ended without telling its exit code (the last line of "
		"boot.init: builtin is missing)%s%s",
		*c->last ? "; last line: " : "", c->last);
}

static int
boot(struct run *r, const char *program, struct encl_err *e)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command command;
	const int keep[] = {r->setup.kernel_fd, r->setup.initrd_fd, -1};

	encl_qemu_command(&r->setup, &command);
	for (unsigned i = 0; i < command.n; i++)
		encl_debug(r->o->log, "qemu[%u] %s", i, command.argv[i]);
	memset(&r->console, 0, sizeof r->console);
	r->n_said = 0;
	r->said[0] = 0;
	r->last_output = r->started = encl_clock_ms();
	if (encl_child_start(&r->qemu, program, (const char *const *)command.argv, keep,
			     false, e) ||
	    watch(r, e))
		return -1;
	r->result.milliseconds = encl_clock_ms() - r->started;
	if (r->result.interrupted)
		return 0;
	return judge(r, encl_child_wait(&r->qemu), e);
}

/* ---- what it runs on ---- */

static bool
is_host_arch(enum encl_arch arch)
{
#if defined __x86_64__
	return arch == ENCL_ARCH_X86_64;
#elif defined __aarch64__
	return arch == ENCL_ARCH_AARCH64;
#else
	(void)arch;
	return false;
#endif
}

static int
choose_accel(struct run *r, struct encl_err *e)
{
	char why[ENCL_KVM_WHY] = "this machine is of another architecture";
	bool works;

	if (r->o->accel == ENCL_ACCEL_TCG)
		return 0;
	works = is_host_arch(r->setup.arch) &&
		encl_kvm_works(r->o->accel == ENCL_ACCEL_KVM ? NULL : r->o->cache_dir,
			       r->o->log, why);
	/* Only x86_64 has a probe; elsewhere who asks for KVM gets it. */
	if (r->o->accel == ENCL_ACCEL_KVM && is_host_arch(r->setup.arch) &&
	    r->setup.arch == ENCL_ARCH_AARCH64)
		works = true;
	if (!works && r->o->accel == ENCL_ACCEL_KVM)
		return encl_fail(e, ENCL_HOST, "KVM: %s; use --accel tcg", why);
	r->setup.kvm = works;
	return 0;
}

static int
open_vsock(struct run *r, struct encl_err *e)
{
	encl_auto(encl_free) char *program = NULL;

	r->result.vsock = ENCL_VSOCK_OFF;
	if (!r->o->vsock)
		return 0;
	program = encl_vsock_find();
	if (!program && (r->o->ways_asked || r->o->n_folders))
		return encl_fail(e, ENCL_HOST,
				 "no way into the enclave: vhost-device-vsock is not "
				 "installed; run \"cargo install --locked "
				 "vhost-device-vsock\", or leave -p and --exchange "
				 "out");
	if (!program) {
		r->result.vsock = ENCL_VSOCK_NO_PROGRAM;
		encl_info(r->o->log, "no vsock: vhost-device-vsock is not installed; no "
				     "heartbeat, and no port leads into the enclave");
		return 0;
	}
	if (encl_vsock_open(&r->vsock, program, e))
		return -1;
	r->result.vsock = ENCL_VSOCK_ON;
	r->setup.vsock = r->vsock.device;
	if (r->o->n_folders &&
	    encl_folders_open(r->o->folders, r->o->n_folders, r->o->log, &r->folders, e))
		return -1;
	if (!r->o->n_ways)
		return 0;
	return encl_publish_open(r->o->ways, r->o->n_ways, r->vsock.socket, &r->relay, e);
}

static int
set_up(struct run *r, const struct encl_eif *eif, struct encl_err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	r->setup.arch = eif->arch;
	r->setup.cmdline = eif->cmdline;
	r->setup.kernel_args = r->o->kernel_args;
	r->setup.memory_mib =
		r->o->memory_mib ? r->o->memory_mib : encl_qemu_memory_mib(eif);
	r->setup.cpus = r->o->cpus ? r->o->cpus : 1;
	if (cores > 0 && r->setup.cpus > (unsigned long)cores)
		r->setup.cpus = (unsigned)cores;
	r->setup.tsc_khz = encl_tsc_khz();
	if (choose_accel(r, e))
		return -1;
	return encl_qemu_files(eif, &r->setup.kernel_fd, &r->setup.initrd_fd, e);
}

static int
attempt(struct run *r, const char *program, struct encl_err *e)
{
	int rc;

	encl_info(r->o->log, "booting in QEMU (%s, %llu MiB, %u CPUs)",
		  r->setup.kvm ? "KVM" : "TCG", (unsigned long long)r->setup.memory_mib,
		  r->setup.cpus);
	if (open_vsock(r, e))
		return -1;
	rc = boot(r, program, e);
	encl_child_clear(&r->qemu);
	encl_folders_free(encl_take(r->folders, NULL));
	encl_relay_free(encl_take(r->relay, NULL));
	encl_vsock_clear(&r->vsock);
	r->setup.vsock = NULL;
	return rc;
}

static int
run_all(struct run *r, const struct encl_eif *eif, const char *program,
	struct encl_err *e)
{
	if (set_up(r, eif, e))
		return -1;
	if (!attempt(r, program, e))
		return 0;
	if (!r->setup.kvm || r->o->accel != ENCL_ACCEL_AUTO || r->console.any ||
	    e->code != ENCL_LOST)
		return -1;
	encl_warn(r->o->log, "nothing came up under KVM; trying without");
	encl_kvm_distrust(r->o->cache_dir);
	r->setup.kvm = false;
	return attempt(r, program, e);
}

static void
clear_run(struct run *r)
{
	encl_child_clear(&r->qemu);
	encl_folders_free(r->folders);
	encl_relay_free(r->relay);
	encl_vsock_clear(&r->vsock);
	encl_close_fd(r->setup.kernel_fd);
	encl_close_fd(r->setup.initrd_fd);
	encl_close_fd(r->signals);
}
ENCL_AUTO_VAL(struct run, clear_run);

int
encl_qemu_run(const struct encl_eif *eif, const struct encl_qemu_options *options,
	      struct encl_qemu_result *out, struct encl_err *e)
{
	encl_auto(clear_run) struct run r = {
		.o = options, .setup = {.kernel_fd = -1, .initrd_fd = -1}, .signals = -1};
	encl_auto(encl_free) char *program =
		encl_find_program(encl_qemu_program(eif->arch));
	sigset_t ends, before;
	int rc;

	if (!program)
		return encl_fail(e, ENCL_HOST, "%s is not installed; run \"make setup\"",
				 encl_qemu_program(eif->arch));
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	r.signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	r.result.code = -1;
	rc = run_all(&r, eif, program, e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	r.result.kvm = r.setup.kvm;
	r.result.memory_mib = r.setup.memory_mib;
	r.result.cpus = r.setup.cpus;
	if (rc)
		return -1;
	*out = r.result;
	return 0;
}
