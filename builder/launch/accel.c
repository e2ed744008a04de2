/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /dev/kvm proves nothing: on some cloud machines it is there and no kernel
 * boots.  So a small firmware (kvm_probe.S) is run under it.
 */
#include "launch/accel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/spawn.h"
#include "base/stream.h"
#include "base/tmpfile.h"
#include "embedded.h"

enum { FIRMWARE = 65536, PROBE_SECONDS = 3, PROBE_OK = 33 };

/* ljmp 0xf000:0 */
static const uint8_t reset_vector[] = {0xea, 0x00, 0x00, 0x00, 0xf0};

static int
write_firmware(int fd, struct encl_err *e)
{
	/* cppcheck-suppress comparePointers; two ends of one object */
	size_t n = (size_t)(encl_embedded_kvm_probe_end - encl_embedded_kvm_probe);

	if (encl_pwrite_full(fd, encl_embedded_kvm_probe, n, 0, "firmware", e) ||
	    encl_pwrite_full(fd, reset_vector, sizeof reset_vector, 0xfff0, "firmware",
			     e))
		return -1;
	if (ftruncate(fd, FIRMWARE))
		return encl_fail_sys(e, ENCL_FAILED, "firmware");
	return 0;
}

static int
probe(int *status, char why[ENCL_KVM_WHY], struct encl_err *e)
{
	/* Not close-on-exec: QEMU opens it by its number. */
	encl_auto(encl_close_fd) int fd = memfd_create("kvm-probe", 0);
	encl_auto(encl_buf_clear) struct encl_buf said = {.cap = 65536};
	char path[32];
	const char *const argv[] = {"qemu-system-x86_64",
				    "-M",
				    "microvm,rtc=on",
				    "-accel",
				    "kvm",
				    "-cpu",
				    "host",
				    "-m",
				    "16",
				    "-nodefaults",
				    "-no-user-config",
				    "-display",
				    "none",
				    "-no-reboot",
				    "-device",
				    "isa-debug-exit,iobase=0x501",
				    "-bios",
				    path,
				    NULL};

	if (fd < 0)
		return encl_fail_sys(e, ENCL_FAILED, "memfd");
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	if (write_firmware(fd, e) ||
	    encl_spawn(argv, NULL, &said, PROBE_SECONDS, status, e))
		return -1;
	if (*status == PROBE_OK)
		snprintf(why, ENCL_KVM_WHY, "boots");
	else
		snprintf(why, ENCL_KVM_WHY, "does not boot: %.*s",
			 (int)strcspn(encl_buf_text(&said), "\n"), encl_buf_text(&said));
	return 0;
}

/* What can be told without booting anything. */
static bool
is_there(char why[ENCL_KVM_WHY])
{
	if (access("/dev/kvm", F_OK))
		snprintf(why, ENCL_KVM_WHY, "/dev/kvm is not there");
	else if (access("/dev/kvm", R_OK | W_OK))
		snprintf(why, ENCL_KVM_WHY, "/dev/kvm may not be opened");
	else if (!encl_embedded_kvm_probe)
		snprintf(why, ENCL_KVM_WHY, "there is no probe for this architecture");
	else
		return true;
	return false;
}

static bool
try_kvm(char why[ENCL_KVM_WHY])
{
	struct encl_err e;
	int status = -1;

	if (probe(&status, why, &e)) {
		snprintf(why, ENCL_KVM_WHY, "does not boot: %.200s", e.msg);
		return false;
	}
	return status == PROBE_OK;
}

/* "BOOT-ID yes|no WHY\n", or "" where the host's boot cannot be told. */
static char *
boot_id(void)
{
	struct encl_err e;
	char *text;
	size_t n;

	if (encl_read_file("/proc/sys/kernel/random/boot_id", 64, &text, &n, &e))
		return encl_xstrdup("");
	text[strcspn(text, "\n")] = 0;
	return text;
}

static void
remember(const char *cache_dir, bool works, const char *why)
{
	encl_auto(encl_free) char *id = boot_id();
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;

	if (!cache_dir || !*id)
		return;
	path = encl_xasprintf("%s/kvm", cache_dir);
	text = encl_xasprintf("%s %s %s\n", id, works ? "yes" : "no", why);
	if (encl_write_file(path, text, strlen(text), 0600, &e))
		return; /* then it is probed again */
}

static bool
recall(const char *cache_dir, bool *works, char why[ENCL_KVM_WHY])
{
	encl_auto(encl_free) char *id = boot_id();
	encl_auto(encl_free) char *path = NULL;
	encl_auto(encl_free) char *text = NULL;
	struct encl_err e;
	size_t n = strlen(id);
	size_t len;

	if (!cache_dir || !*id)
		return false;
	path = encl_xasprintf("%s/kvm", cache_dir);
	if (encl_read_file(path, 4096, &text, &len, &e) || strncmp(text, id, n) != 0)
		return false;
	*works = !strncmp(text + n, " yes ", 5);
	if (!*works && strncmp(text + n, " no ", 4) != 0)
		return false;
	n += *works ? 5 : 4;
	snprintf(why, ENCL_KVM_WHY, "%.*s", (int)strcspn(text + n, "\n"), text + n);
	return true;
}

bool
encl_kvm_works(const char *cache_dir, struct encl_log *log, char why[ENCL_KVM_WHY])
{
	bool works;

	if (!is_there(why))
		return false;
	if (recall(cache_dir, &works, why))
		return works;
	works = try_kvm(why);
	encl_debug(log, "KVM: %s", why);
	remember(cache_dir, works, why);
	return works;
}

void
encl_kvm_distrust(const char *cache_dir)
{
	remember(cache_dir, false, "no kernel came up under it");
}

uint64_t
encl_tsc_khz_of_cpuinfo(const char *text)
{
	const char *p = strstr(text, "\ncpu MHz");
	uint64_t khz = 0;
	unsigned decimals = 0;

	if (!p)
		return 0;
	p += strcspn(p + 1, ":\n") + 1;
	if (*p != ':')
		return 0;
	p += 1 + strspn(p + 1, " \t");
	for (; *p >= '0' && *p <= '9' && khz < 100000; p++)
		khz = khz * 10 + (uint64_t)(*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && decimals < 3; p++, decimals++)
			khz = khz * 10 + (uint64_t)(*p - '0');
	for (; decimals < 3; decimals++)
		khz *= 10;
	return khz;
}

/* "tsc: Detected 2596.126 MHz processor": what the kernel measured; cpuinfo
 * shows the present frequency, which may be scaled. */
static uint64_t
khz_of_log(void)
{
	enum { READ_ALL = 3, ROOM = 1 << 18 };
	encl_auto(encl_free) char *text = encl_xmalloc(ROOM + 1);
	int n = klogctl(READ_ALL, text, ROOM);
	const char *p;
	unsigned mhz, khz;

	if (n <= 0)
		return 0;
	text[n] = 0;
	p = strstr(text, "tsc: Detected ");
	if (!p || sscanf(p, "tsc: Detected %6u.%3u MHz", &mhz, &khz) != 2)
		return 0;
	return (uint64_t)mhz * 1000 + khz;
}

uint64_t
encl_tsc_khz(void)
{
	encl_auto(encl_free) char *text = NULL;
	uint64_t khz = khz_of_log();
	struct encl_err e;
	size_t n;

	if (khz)
		return khz;
	if (encl_read_file("/proc/cpuinfo", 16 << 20, &text, &n, &e))
		return 0;
	return encl_tsc_khz_of_cpuinfo(text);
}
