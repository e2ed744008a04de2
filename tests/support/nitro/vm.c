/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A started enclave: its image in QEMU, with a vhost-device-vsock of its own; or
 * ("boot none") a made-up one, of which only heartbeat, console and end are seen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/spawn.h"
#include "eif/eif.h"
#include "launch/accel.h"
#include "launch/command.h"
#include "launch/vsock.h"
#include "machine.h"

enum { CONSOLE_MAX = 8 * MIB, BEAT = 0xb7, RETRY_MS = 100 };

/* ---- QEMU ---- */

static int
start_vsock(struct vm *vm, const char *device, struct encl_err *e)
{
	static const int keep[] = {-1};
	encl_auto(encl_free) char *program = encl_vsock_find();
	encl_auto(encl_free) char *uds = encl_xasprintf("%s/vm", vm->folder);
	encl_auto(encl_free) char *cid = encl_xasprintf("%u", vm->cid);
	const char *const argv[] = {program, "--guest-cid", cid, "--socket",
				    device,  "--uds-path",  uds, NULL};
	struct stat st;

	if (!program)
		return encl_fail(e, ENCL_HOST, "vhost-device-vsock is not installed");
	if (encl_child_start(&vm->vsock, program, argv, keep, true, e))
		return -1;
	for (int i = 0; i < 500 && stat(device, &st); i++)
		encl_clock_sleep(20);
	return stat(device, &st) ? encl_fail(e, ENCL_HOST, "no %s", device) : 0;
}

/* To the guest the parent is plain AF_VSOCK, without run's frames. */
static void
take_word(char *text, const char *word)
{
	char *at = strstr(text, word);

	if (at)
		memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

static int
start_qemu(struct vm *vm, const struct encl_eif *eif, struct encl_err *e)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command command = {.n = 0};
	encl_auto(encl_free) char *program = NULL;
	encl_auto(encl_free) char *device = encl_xasprintf("%s/device", vm->folder);
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	encl_auto(encl_close_fd) int kernel = -1;
	encl_auto(encl_close_fd) int initrd = -1;
	struct encl_qemu_setup setup = {.arch = eif->arch,
					.memory_mib = vm->memory >> 20,
					.cpus = vm->vcpus,
					.cmdline = eif->cmdline,
					.vsock = device,
					.tsc_khz = encl_tsc_khz()};

	if (cores > 0 && setup.cpus > (unsigned long)cores)
		setup.cpus = (unsigned)cores;
	if (encl_qemu_files(eif, &kernel, &initrd, e) || start_vsock(vm, device, e))
		return -1;
	setup.kernel_fd = kernel;
	setup.initrd_fd = initrd;
	encl_qemu_command(&setup, &command);
	take_word(command.argv[command.n - 1], " enclave.relay=framed");
	program = encl_find_program(command.argv[0]);
	if (!program)
		return encl_fail(e, ENCL_HOST, "%s is not installed", command.argv[0]);
	return encl_child_start(&vm->qemu, program, (const char *const *)command.argv,
				(const int[]){kernel, initrd, -1}, false, e);
}

static int
boot_image(struct vm *vm, struct encl_err *e)
{
	encl_auto(encl_eif_close) struct encl_eif eif = {.fd = -1};
	struct encl_measurements measured;
	struct encl_digest sha256;
	char why[NITRO_TEXT];
	uint32_t crc;
	int fd;

	if (image_take(vm, &fd, why))
		return encl_fail(e, ENCL_FAILED, "%s", why);
	if (encl_eif_open_fd(fd, "image", &eif, e) ||
	    encl_eif_measure(&eif, 1, &measured, &crc, &sha256, e))
		return -1;
	if (crc != eif.crc)
		return encl_fail(e, ENCL_FAILED, "the image's CRC is wrong");
	return start_qemu(vm, &eif, e);
}

/* ---- start and end ---- */

static void
print(struct vm *vm, const char *p, size_t n)
{
	if (vm->n_out + n > CONSOLE_MAX)
		vm->n_out = 0;
	vm->out = encl_xrealloc(vm->out, vm->n_out + n, 1);
	memcpy(vm->out + vm->n_out, p, n);
	vm->n_out += n;
}

void
vm_start(struct machine *m, struct vm *vm)
{
	const uint64_t now = encl_clock_ms();
	struct encl_err e = {.code = 0};

	vm->folder = encl_xasprintf("%s/%llu", m->folder, (unsigned long long)vm->slot);
	if (mkdir(vm->folder, 0700))
		perror(vm->folder);
	port_link(m, vm);
	say(m, "enclave %llu starts: cid %u, %llu MiB in %u regions, %u cpus, %s",
	    (unsigned long long)vm->slot, vm->cid, (unsigned long long)vm->memory >> 20,
	    vm->physical, vm->vcpus, vm->debug ? "debug" : "production");
	if (m->stranger)
		vm->stranger_at = now;
	if (m->end_ms)
		vm->end_at = now + m->end_ms;
	if (!m->qemu) {
		print(vm, m->console, strlen(m->console));
		if (m->heartbeat >= 0)
			vm->beat_at = now + m->beat_ms;
	} else if (boot_image(vm, &e)) {
		say(m, "enclave %u does not boot: %s", vm->cid, e.msg);
		vm->end_at = now;
	}
}

static void
remove_folder(struct vm *vm)
{
	DIR *d = vm->folder ? opendir(vm->folder) : NULL;
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	if (d && rmdir(vm->folder))
		perror(vm->folder);
	free(vm->folder);
	vm->folder = NULL;
}

static void
close_at(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* What it said last may still be on its way. */
static void
read_console(struct vm *vm)
{
	char chunk[16384];
	ssize_t n;

	if (vm->qemu.out <= 0)
		return;
	fcntl(vm->qemu.out, F_SETFL, O_NONBLOCK);
	while ((n = read(vm->qemu.out, chunk, sizeof chunk)) > 0)
		print(vm, chunk, (size_t)n);
}

static void
end(struct machine *m, struct vm *vm, const char *why)
{
	say(m, "enclave %u ends: %s", vm->cid, why);
	read_console(vm);
	vm->state = VM_STOPPED;
	encl_child_clear(&vm->qemu);
	encl_child_clear(&vm->vsock);
	remove_folder(vm);
	close_at(&vm->beat);
	close_at(&vm->stranger);
	vm->beat_at = vm->stranger_at = vm->end_at = 0;
	/* Its descriptor hangs up. */
	if (vm->client) {
		vm->client->gone = true;
		vm->client->vm = NULL;
		vm->client = NULL;
	}
}

void
vm_stop(struct machine *m, struct vm *vm)
{
	if (vm->state == VM_RUNNING)
		end(m, vm, "switched off");
	if (vm->client) {
		vm->client->gone = true;
		vm->client->vm = NULL;
	}
	close_at(&vm->reader);
	remove_folder(vm);
	free(vm->out);
	vm->out = NULL;
	vm->n_out = 0;
}

/* ---- its life ---- */

static void
call(struct machine *m, struct vm *vm, uint32_t cid, uint8_t byte, int *fd, uint64_t *at)
{
	*fd = port_call(m, HEARTBEAT_PORT, cid);
	*at = encl_clock_ms() + RETRY_MS;
	if (*fd < 0)
		return;
	*at = 0;
	if (send(*fd, &byte, 1, MSG_NOSIGNAL) != 1)
		say(m, "heartbeat %u: %s", vm->cid, strerror(errno));
}

static void
read_answer(struct machine *m, uint32_t cid, int *fd)
{
	uint8_t byte = 0;
	ssize_t n = recv(*fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n == 1 && byte == BEAT)
		say(m, "heartbeat %u: answered", cid);
	else
		say(m, "heartbeat %u: no answer", cid);
	close_at(fd);
}

static void
flush(struct vm *vm)
{
	while (vm->reader >= 0 && vm->n_out) {
		ssize_t n =
			send(vm->reader, vm->out, vm->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			close_at(&vm->reader);
			return;
		}
		vm->n_out -= (size_t)n;
		memmove(vm->out, vm->out + n, vm->n_out);
	}
	if (vm->state == VM_STOPPED)
		close_at(&vm->reader);
}

static void
log_stderr(struct machine *m, struct vm *vm)
{
	char text[1024];
	ssize_t n;

	if (vm->qemu.err_out <= 0)
		return;
	fcntl(vm->qemu.err_out, F_SETFL, O_NONBLOCK);
	n = read(vm->qemu.err_out, text, sizeof text);
	if (n > 0)
		say(m, "qemu of %u: %.*s", vm->cid, (int)n, text);
}

size_t
vm_poll(const struct vm *vm, struct pollfd *p)
{
	size_t n = 0;

	if (vm->qemu.pid > 0) {
		p[n++] = (struct pollfd){vm->qemu.pidfd, POLLIN, 0};
		p[n++] = (struct pollfd){vm->qemu.out, POLLIN, 0};
	}
	if (vm->vsock.pid > 0)
		p[n++] = (struct pollfd){vm->vsock.pidfd, POLLIN, 0};
	if (vm->reader >= 0)
		p[n++] = (struct pollfd){vm->reader, vm->n_out ? POLLOUT : POLLIN, 0};
	if (vm->beat >= 0)
		p[n++] = (struct pollfd){vm->beat, POLLIN, 0};
	if (vm->stranger >= 0)
		p[n++] = (struct pollfd){vm->stranger, POLLIN, 0};
	return n;
}

static bool
is_over(const struct encl_child *c)
{
	struct pollfd p = {c->pidfd, POLLIN, 0};

	return c->pid > 0 && poll(&p, 1, 0) > 0;
}

static void
reader_left(struct vm *vm)
{
	char byte;

	if (vm->reader >= 0 && recv(vm->reader, &byte, 1, MSG_DONTWAIT) == 0)
		close_at(&vm->reader);
}

void
vm_step(struct machine *m, struct vm *vm)
{
	const uint64_t now = encl_clock_ms();

	if (vm->state == VM_RUNNING) {
		read_console(vm);
		if (vm->stranger_at && vm->stranger_at <= now)
			call(m, vm, m->stranger, BEAT, &vm->stranger, &vm->stranger_at);
		if (vm->beat_at && vm->beat_at <= now)
			call(m, vm, vm->cid, (uint8_t)m->heartbeat, &vm->beat,
			     &vm->beat_at);
		if (vm->beat >= 0)
			read_answer(m, vm->cid, &vm->beat);
		if (vm->stranger >= 0)
			read_answer(m, m->stranger, &vm->stranger);
		if (vm->end_at && vm->end_at <= now)
			end(m, vm, "as the table says, or without having booted");
		else if (is_over(&vm->qemu)) {
			log_stderr(m, vm);
			end(m, vm, "QEMU ended");
		} else if (is_over(&vm->vsock))
			end(m, vm, "vhost-device-vsock ended");
	}
	reader_left(vm);
	flush(vm);
}

int
vm_wait(const struct vm *vm)
{
	const uint64_t times[] = {vm->beat_at, vm->stranger_at, vm->end_at};
	const uint64_t now = encl_clock_ms();
	int wait = -1;

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int left = times[i] > now ? (int)(times[i] - now) : 0;

		if (times[i] && (wait < 0 || left < wait))
			wait = left;
	}
	return wait;
}
