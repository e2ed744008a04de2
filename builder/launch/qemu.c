/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QEMU as a machine: its console, its stderr and the heartbeat hang on one epoll
 * descriptor.  Where nothing at all comes up under KVM it starts once more without.
 */
#include "launch/qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "launch/accel.h"
#include "launch/child.h"
#include "launch/command.h"
#include "launch/emulated.h"
#include "launch/memory.h"
#include "launch/vsock.h"

enum { SILENT_KVM_MS = 10000, SAID = 1024 };

struct qemu {
	struct encl_machine m; /* first */
	const struct encl_run_options *o;
	struct encl_qemu_setup setup;
	enum encl_vsock_state vsock_state;
	struct encl_vsock vsock;
	int vsock_fd; /* as epoll has it */
	struct encl_child child;
	char *program, *vsock_program;
	char said[SAID]; /* begin of what QEMU wrote to stderr */
	size_t n_said;
	bool any;   /* some output came */
	bool again; /* without KVM, under which none came */
	bool warned;
	bool lost;
	struct encl_err why; /* of a second attempt that failed */
	uint64_t started;    /* ms */
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

enum encl_vsock_state
encl_qemu_vsock(const struct encl_machine *m)
{
	return ((const struct qemu *)m)->vsock_state;
}

/* ---- what comes from it ---- */

static int
watch(const struct qemu *q, int fd, struct encl_err *e)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (fd >= 0 && epoll_ctl(q->m.fd, EPOLL_CTL_ADD, fd, &event))
		return encl_fail_sys(e, ENCL_FAILED, "watch QEMU");
	return 0;
}

static void
read_console(struct qemu *q)
{
	char chunk[8192];
	ssize_t n = read(q->child.out, chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		q->m.gone = true;
		return;
	}
	/* What does not come up here either (too much memory) is not KVM's fault. */
	if (q->again && !q->any)
		encl_kvm_distrust(q->o->cache_dir);
	q->any = true;
	q->m.listener.console(q->m.listener.arg, chunk, (size_t)n);
}

static void
read_said(struct qemu *q)
{
	char chunk[SAID];
	ssize_t n = read(q->child.err_out, chunk, sizeof chunk);
	size_t room = sizeof q->said - 1 - q->n_said;

	if (n <= 0) {
		encl_close_fd(encl_take(q->child.err_out, -1));
		return;
	}
	if ((size_t)n < room)
		room = (size_t)n;
	memcpy(q->said + q->n_said, chunk, room);
	q->n_said += room;
	q->said[q->n_said] = 0;
}

static void
take_heartbeat(struct qemu *q)
{
	bool before = q->vsock.beat;

	encl_vsock_step(&q->vsock);
	if (q->vsock.other) {
		if (!q->warned)
			encl_warn(q->o->log,
				  "heartbeat: byte 0x%02x came, not 0xb7; no answer",
				  q->vsock.byte);
		q->warned = true; /* a guest may send such bytes for ever */
		q->vsock.other = false;
	}
	if (q->vsock.beat && !before)
		q->m.listener.heartbeat(q->m.listener.arg);
}

/* The heartbeat's listener, then its connection. */
static void
follow_vsock(struct qemu *q)
{
	struct encl_err ignored;
	int fd = encl_vsock_fd(&q->vsock);

	if (fd == q->vsock_fd)
		return;
	/* One that was closed is out of epoll already. */
	if (q->vsock_fd >= 0)
		epoll_ctl(q->m.fd, EPOLL_CTL_DEL, q->vsock_fd, NULL);
	q->vsock_fd = watch(q, fd, &ignored) ? -1 : fd;
}

/* ---- start ---- */

static int
boot(struct qemu *q, struct encl_err *e)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command command;
	const int image[] = {q->setup.eif_fd, -1};
	const int parts[] = {q->setup.kernel_fd, q->setup.initrd_fd, -1};

	encl_info(q->o->log, "booting in QEMU (%s, %s, %llu MiB, %u CPUs)", q->m.type,
		  q->setup.kvm ? "KVM" : "TCG", (unsigned long long)q->setup.memory_mib,
		  q->setup.cpus);
	encl_qemu_command(&q->setup, &command);
	for (unsigned i = 0; i < command.n; i++)
		encl_debug(q->o->log, "qemu[%u] %s", i, command.argv[i]);
	q->n_said = 0;
	q->said[0] = 0;
	q->started = encl_clock_ms();
	q->m.accel = q->setup.kvm ? "kvm" : "tcg";
	if (encl_child_start(&q->child, q->program, (const char *const *)command.argv,
			     q->setup.nitro ? image : parts, false, e) ||
	    watch(q, q->child.out, e) || watch(q, q->child.err_out, e))
		return -1;
	q->vsock_fd = -1;
	follow_vsock(q);
	return 0;
}

static void
boot_again(struct qemu *q)
{
	encl_warn(q->o->log, "nothing came up under KVM; trying without");
	q->setup.kvm = false;
	q->again = true;
	encl_child_clear(&q->child);
	q->m.gone = false;
	if ((q->vsock_state == ENCL_VSOCK_ON &&
	     encl_vsock_restart(&q->vsock, q->vsock_program, &q->why)) ||
	    boot(q, &q->why)) {
		q->lost = true;
		q->m.gone = true;
	}
}

static void
step(struct encl_machine *m)
{
	struct qemu *q = (struct qemu *)m;
	struct pollfd p[3] = {{q->child.out, POLLIN, 0},
			      {q->child.err_out, POLLIN, 0},
			      {encl_vsock_fd(&q->vsock), POLLIN, 0}};

	if (m->gone || poll(p, 3, 0) < 0)
		return;
	if (p[2].revents)
		take_heartbeat(q);
	if (p[1].revents)
		read_said(q);
	if (p[0].revents)
		read_console(q);
	follow_vsock(q);
	if (q->setup.kvm && q->o->accel == ENCL_ACCEL_AUTO && !q->any &&
	    (m->gone || encl_clock_ms() - q->started >= SILENT_KVM_MS))
		boot_again(q);
}

/* ---- end ---- */

static int
judge(struct encl_machine *m, struct encl_err *e)
{
	struct qemu *q = (struct qemu *)m;
	int status;

	if (q->lost) {
		*e = q->why;
		return -1;
	}
	while (q->child.err_out >= 0)
		read_said(q);
	status = encl_child_wait(&q->child);
	return status ? encl_fail(e, ENCL_LOST, "QEMU ended with code %d: %.*s", status,
				  (int)strcspn(q->said, "\n"), q->said)
		      : 0;
}

static void
free_qemu(struct encl_machine *m)
{
	struct qemu *q = (struct qemu *)m;

	encl_child_clear(&q->child);
	encl_vsock_clear(&q->vsock);
	encl_wall_clear(&m->wall);
	encl_close_fd(q->setup.eif_fd);
	encl_close_fd(q->setup.kernel_fd);
	encl_close_fd(q->setup.initrd_fd);
	encl_close_fd(m->fd);
	free(q->program);
	free(q->vsock_program);
	free(q);
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
choose_accel(struct qemu *q, struct encl_err *e)
{
	char why[ENCL_KVM_WHY] = "this machine is of another architecture";
	bool works;

	if (q->o->accel == ENCL_ACCEL_TCG)
		return 0;
	works = is_host_arch(q->setup.arch) &&
		encl_kvm_works(q->o->accel == ENCL_ACCEL_KVM ? NULL : q->o->cache_dir,
			       q->o->log, why);
	/* Only x86_64 has a probe; elsewhere who asks for KVM gets it. */
	if (q->o->accel == ENCL_ACCEL_KVM && is_host_arch(q->setup.arch) &&
	    q->setup.arch == ENCL_ARCH_AARCH64)
		works = true;
	if (!works && q->o->accel == ENCL_ACCEL_KVM)
		return encl_fail(e, ENCL_HOST, "KVM: %s; use --accel tcg", why);
	q->setup.kvm = works;
	return 0;
}

static int
open_vsock(struct qemu *q, struct encl_err *e)
{
	if (!q->o->vsock)
		return 0;
	if (!q->vsock_program && (q->o->ways_asked || q->o->n_folders))
		return encl_fail(e, ENCL_HOST,
				 "no way into the enclave: vhost-device-vsock is not "
				 "installed; run \"cargo install --locked "
				 "vhost-device-vsock\", or leave -p and --exchange "
				 "out");
	if (!q->vsock_program) {
		q->vsock_state = ENCL_VSOCK_NO_PROGRAM;
		encl_info(q->o->log, "no vsock: vhost-device-vsock is not installed; no "
				     "heartbeat, and no port leads into the enclave");
		return 0;
	}
	if (encl_vsock_open(&q->vsock, q->vsock_program, e))
		return -1;
	q->vsock_state = ENCL_VSOCK_ON;
	q->setup.vsock = q->vsock.device;
	q->m.wall.socket = encl_xstrdup(q->vsock.socket);
	q->m.has_wall = true;
	return 0;
}

/* nitro-enclave reads the image itself; for the others it is taken apart. */
static int
choose_machine(struct qemu *q, const struct encl_eif *eif, struct encl_err *e)
{
	const struct encl_emulated_ask ask = {.wanted = q->o->machine,
					      .arch = eif->arch,
					      .qemu = q->program,
					      .cmdline_devices = q->o->cmdline_devices,
					      .vsock = q->vsock_program != NULL};

	if (encl_emulated_choose(&ask, &q->m.type, e))
		return -1;
	q->setup.nitro = encl_emulated_is_nitro(q->m.type);
	if (!q->setup.nitro)
		return encl_qemu_files(eif, &q->setup.kernel_fd, &q->setup.initrd_fd, e);
	if (!q->o->cmdline_devices)
		encl_warn(q->o->log, "the image does not say that its kernel finds the "
				     "devices of nitro-enclave "
				     "(CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES)");
	q->setup.eif_fd = fcntl(eif->fd, F_DUPFD_CLOEXEC, 3);
	return q->setup.eif_fd < 0 ? encl_fail_sys(e, ENCL_FAILED, "%s", eif->path) : 0;
}

static int
set_up(struct qemu *q, const struct encl_eif *eif, struct encl_err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	q->program = encl_find_program(encl_qemu_program(eif->arch));
	if (!q->program)
		return encl_fail(e, ENCL_HOST, "%s is not installed; run \"make setup\"",
				 encl_qemu_program(eif->arch));
	q->setup.arch = eif->arch;
	q->setup.cmdline = eif->cmdline;
	q->setup.cmdline_devices = q->o->cmdline_devices;
	q->setup.kernel_args = q->o->kernel_args;
	q->setup.memory_mib =
		q->o->memory_mib ? q->o->memory_mib : encl_qemu_memory_mib(eif);
	q->setup.cpus = q->o->cpus ? q->o->cpus : 1;
	if (cores > 0 && q->setup.cpus > (unsigned long)cores)
		q->setup.cpus = (unsigned)cores;
	q->setup.tsc_khz = encl_tsc_khz();
	q->m.memory_mib = q->setup.memory_mib;
	q->m.cpus = q->setup.cpus;
	q->m.fd = epoll_create1(EPOLL_CLOEXEC);
	if (q->m.fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "epoll");
	if (q->o->vsock)
		q->vsock_program = encl_vsock_find();
	return choose_accel(q, e) || choose_machine(q, eif, e) ? -1 : 0;
}

int
encl_qemu_start(const struct encl_eif *eif, const struct encl_run_options *o,
		const struct encl_machine_listener *l, struct encl_machine **out,
		struct encl_err *e)
{
	static const struct encl_machine_ops ops = {"qemu", step, judge, free_qemu};
	struct qemu *q = encl_xcalloc(1, sizeof *q);

	q->m = (struct encl_machine){
		.ops = &ops, .listener = *l, .fd = -1, .has_console = true};
	q->o = o;
	q->vsock_fd = q->setup.eif_fd = q->setup.kernel_fd = q->setup.initrd_fd = -1;
	if (set_up(q, eif, e) || open_vsock(q, e) || boot(q, e)) {
		free_qemu(&q->m);
		return -1;
	}
	*out = &q->m;
	return 0;
}
