/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The setup to QEMU's arguments.  Why each is there: docs/run.md.  All of them
 * are known to QEMU 7.2.
 */
#include "launch/command.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "launch/qemu.h"

const char *
encl_qemu_program(enum encl_arch arch)
{
	return arch == ENCL_ARCH_X86_64 ? "qemu-system-x86_64" : "qemu-system-aarch64";
}

void
encl_qemu_command_clear(struct encl_qemu_command *c)
{
	for (unsigned i = 0; i < c->n; i++)
		free(c->argv[i]);
	memset(c, 0, sizeof *c);
}

static void ENCL_PRINTF(2, 3) add(struct encl_qemu_command *c, const char *fmt, ...)
{
	va_list ap;
	char *text = NULL;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0 || c->n + 1 >= ENCL_QEMU_ARGS)
		abort();
	va_end(ap);
	c->argv[c->n++] = text;
	c->argv[c->n] = NULL;
}

static void
add_words(struct encl_qemu_command *c, const char *const *words)
{
	for (; *words; words++)
		add(c, "%s", *words);
}

/* QEMU takes ",," for a comma in a value. */
static char *
escape_commas(const char *text)
{
	char *out = encl_xmalloc(strlen(text) * 2 + 1);
	char *q = out;

	for (; *text; text++) {
		*q++ = *text;
		if (*text == ',')
			*q++ = ',';
	}
	*q = 0;
	return out;
}

char *
encl_qemu_append(const struct encl_qemu_setup *s)
{
	encl_auto(encl_buf_clear) struct encl_buf b = {.cap = 1 << 16};
	size_t n;

	/* A panic ends QEMU at once, and a reboot by triple fault is the quickest. */
	encl_buf_add_str(&b, "panic=-1");
	if (s->arch == ENCL_ARCH_X86_64)
		encl_buf_add_str(&b, " reboot=t");
	else
		encl_buf_add_str(&b, " console=ttyAMA0");
	if (s->arch == ENCL_ARCH_X86_64 && !s->kvm && s->tsc_khz)
		encl_buf_add_fmt(&b, " tsc_early_khz=%" PRIu64 " tsc=reliable",
				 s->tsc_khz);
	encl_buf_add_str(&b, s->vsock ? " enclave.heartbeat=2 enclave.relay=framed"
				      : " enclave.heartbeat=off");
	if (s->kernel_args)
		encl_buf_add_fmt(&b, " %s", s->kernel_args);
	return (char *)encl_buf_steal(&b, &n);
}

static void
add_machine(struct encl_qemu_command *c, const struct encl_qemu_setup *s)
{
	const char *backend = s->vsock ? ",memory-backend=mem" : "";

	add(c, "-M");
	if (s->nitro)
		add(c, "nitro-enclave,vsock=vsock");
	else if (s->arch == ENCL_ARCH_X86_64)
		add(c, "microvm,rtc=on,acpi=%s%s", s->cmdline_devices ? "off" : "on",
		    backend);
	else
		add(c, "virt%s%s", s->kvm ? ",gic-version=max" : "", backend);
	add(c, "-accel");
	add(c, "%s", s->kvm ? "kvm" : "tcg,thread=multi");
	add(c, "-cpu");
	if (s->kvm)
		add(c, "host");
	else
		add(c, "%s", s->arch == ENCL_ARCH_X86_64 ? "max" : "max,pauth-impdef=on");
	add(c, "-m");
	add(c, "%" PRIu64 "M", s->memory_mib);
	add(c, "-smp");
	add(c, "%u", s->cpus);
}

/* nitro-enclave has memory to share, and the device, by itself. */
static void
add_vsock(struct encl_qemu_command *c, const struct encl_qemu_setup *s)
{
	encl_auto(encl_free) char *path = escape_commas(s->vsock);

	add(c, "-chardev");
	add(c, "socket,id=vsock,path=%s", path);
	if (s->nitro)
		return;
	add(c, "-object");
	add(c, "memory-backend-memfd,id=mem,size=%" PRIu64 "M,share=on", s->memory_mib);
	add(c, "-device");
	add(c, "vhost-user-vsock-device,chardev=vsock");
}

/* What is not measured is appended: here by us, there by QEMU. */
static void
add_image(struct encl_qemu_command *c, const struct encl_qemu_setup *s)
{
	encl_auto(encl_free) char *extra = encl_qemu_append(s);

	add(c, "-kernel");
	add(c, "/dev/fd/%d", s->nitro ? s->eif_fd : s->kernel_fd);
	if (!s->nitro) {
		add(c, "-initrd");
		add(c, "/dev/fd/%d", s->initrd_fd);
	}
	add(c, "-append");
	if (s->nitro)
		add(c, "%s", extra);
	else
		add(c, "%s %s", s->cmdline, extra);
}

void
encl_qemu_command(const struct encl_qemu_setup *s, struct encl_qemu_command *out)
{
	static const char *const fixed[] = {
		"-nodefaults", "-no-user-config", "-display",
		"none",	       "-serial",	  "stdio",
		"-no-reboot",  "-global",	  "virtio-mmio.force-legacy=false",
		NULL};
	/* On Nitro random numbers come from the NSM. */
	static const char *const rng[] = {"-device", "virtio-rng-device", NULL};

	memset(out, 0, sizeof *out);
	add(out, "%s", encl_qemu_program(s->arch));
	add_machine(out, s);
	add_words(out, fixed);
	if (!s->nitro)
		add_words(out, rng);
	if (s->vsock)
		add_vsock(out, s);
	add_image(out, s);
}
