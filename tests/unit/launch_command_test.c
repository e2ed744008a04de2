/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/command.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/stream.h"
#include "launch/accel.h"
#include "launch/qemu.h"
#include "ramdisk/ramdisk.h"
#include "test.h"

static const char *
value_of(const struct encl_qemu_command *c, const char *option)
{
	for (unsigned i = 0; i + 1 < c->n; i++)
		if (!strcmp(c->argv[i], option))
			return c->argv[i + 1];
	return NULL;
}

TEST(launch_command_x86)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command c;
	struct encl_qemu_setup s = {.arch = ENCL_ARCH_X86_64,
				    .memory_mib = 640,
				    .cpus = 2,
				    .kernel_fd = 7,
				    .initrd_fd = 8,
				    .cmdline = "console=ttyS0",
				    .kernel_args = "quiet a=b",
				    .vsock = "/tmp/a,b/device",
				    .tsc_khz = 2596126};

	encl_qemu_command(&s, &c);
	EQ_STR("qemu-system-x86_64", c.argv[0]);
	EQ_STR("microvm,rtc=on,acpi=on,memory-backend=mem", value_of(&c, "-M"));
	EQ_STR("tcg,thread=multi", value_of(&c, "-accel"));
	EQ_STR("640M", value_of(&c, "-m"));
	EQ_STR("socket,id=vsock,path=/tmp/a,,b/device", value_of(&c, "-chardev"));
	EQ_STR("/dev/fd/7", value_of(&c, "-kernel"));
	EQ_STR("/dev/fd/8", value_of(&c, "-initrd"));
	EQ_STR("console=ttyS0 panic=-1 reboot=t tsc_early_khz=2596126 tsc=reliable "
	       "enclave.heartbeat=2 enclave.relay=framed quiet a=b",
	       value_of(&c, "-append"));
	CHECK(!c.argv[c.n]);
}

TEST(launch_command_kvm_and_arm)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command c;
	struct encl_qemu_setup s = {.arch = ENCL_ARCH_X86_64,
				    .kvm = true,
				    .cmdline = "x",
				    .tsc_khz = 2596126};

	encl_qemu_command(&s, &c);
	EQ_STR("host", value_of(&c, "-cpu"));
	EQ_STR("x panic=-1 reboot=t enclave.heartbeat=off", value_of(&c, "-append"));
	encl_qemu_command_clear(&c);
	s.arch = ENCL_ARCH_AARCH64;
	s.kvm = false;
	encl_qemu_command(&s, &c);
	EQ_STR("virt", value_of(&c, "-M"));
	EQ_STR("x panic=-1 console=ttyAMA0 enclave.heartbeat=off",
	       value_of(&c, "-append"));
}

TEST(launch_command_cmdline_devices)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command c;
	struct encl_qemu_setup s = {.arch = ENCL_ARCH_X86_64,
				    .cmdline_devices = true,
				    .memory_mib = 64,
				    .cmdline = "x"};

	encl_qemu_command(&s, &c);
	EQ_STR("microvm,rtc=on,acpi=off", value_of(&c, "-M"));
}

/* QEMU reads the image, makes the devices and puts its command line in front. */
TEST(launch_command_nitro_enclave)
{
	encl_auto(encl_qemu_command_clear) struct encl_qemu_command c;
	struct encl_qemu_setup s = {.arch = ENCL_ARCH_X86_64,
				    .nitro = true,
				    .memory_mib = 512,
				    .eif_fd = 9,
				    .kernel_fd = -1,
				    .initrd_fd = -1,
				    .cmdline = "console=ttyS0",
				    .vsock = "/tmp/device",
				    .tsc_khz = 2596126};

	encl_qemu_command(&s, &c);
	EQ_STR("nitro-enclave,vsock=vsock", value_of(&c, "-M"));
	EQ_STR("512M", value_of(&c, "-m"));
	EQ_STR("socket,id=vsock,path=/tmp/device", value_of(&c, "-chardev"));
	EQ_STR("/dev/fd/9", value_of(&c, "-kernel"));
	EQ_STR("panic=-1 reboot=t tsc_early_khz=2596126 tsc=reliable "
	       "enclave.heartbeat=2 enclave.relay=framed",
	       value_of(&c, "-append"));
	CHECK(!value_of(&c, "-initrd"));
	CHECK(!value_of(&c, "-object"));
	CHECK(!value_of(&c, "-device"));
	CHECK(!c.argv[c.n]);
}

TEST(launch_command_tsc)
{
	EQ_INT(2596126, encl_tsc_khz_of_cpuinfo("a\t: b\ncpu MHz\t\t: 2596.126\n"));
	EQ_INT(3000000, encl_tsc_khz_of_cpuinfo("x\ncpu MHz\t\t: 3000\n"));
	EQ_INT(3000500, encl_tsc_khz_of_cpuinfo("x\ncpu MHz : 3000.5"));
	EQ_INT(0, encl_tsc_khz_of_cpuinfo("x\ncpu MHz\n: 3000.5"));
	EQ_INT(0, encl_tsc_khz_of_cpuinfo(""));
}

/* The ramdisks end on a page, whatever their sizes. */
TEST(launch_command_files)
{
	int fd = memfd_create("eif", MFD_CLOEXEC);
	struct encl_eif eif = {.fd = fd,
			       .path = (char *)(uintptr_t) "eif",
			       .n_sections = 3,
			       .sections = {{ENCL_SECTION_KERNEL, 0, 3},
					    {ENCL_SECTION_RAMDISK, 3, 2},
					    {ENCL_SECTION_RAMDISK, 5, 1}}};
	char text[4] = {0};
	int kernel = -1;
	int initrd = -1;
	struct stat st;

	OK(encl_pwrite_full(fd, "KKKabc", 6, 0, "eif", &e));
	OK(encl_qemu_files(&eif, &kernel, &initrd, &e));
	EQ_INT(0, fstat(kernel, &st));
	EQ_INT(3, st.st_size);
	EQ_INT(0, fstat(initrd, &st));
	EQ_INT(4096, st.st_size);
	OK(encl_pread_full(initrd, text, 4, 0, "initrd", &e));
	EQ_MEM("abc\0", 4, text, 4);
	close(kernel);
	close(initrd);
	eif.sections[1].size = 300;
	FAILS(encl_qemu_files(&eif, &kernel, &initrd, &e), ENCL_FAILED,
	      "unexpected end of eif");
	close(fd);
}

/* A foreign image: what runs in it is not known. */
TEST(launch_command_memory)
{
	encl_auto(encl_ramdisk_free) struct encl_ramdisk *r =
		encl_ramdisk_new(ENCL_CPIO_OURS);
	encl_auto(encl_close_fd) int fd = memfd_create("eif", MFD_CLOEXEC);
	encl_auto(encl_free) char *data = encl_xcalloc(1, 50 << 20);
	char cmdline[] = "console=ttyS0 rootfstype=ramfs";
	struct encl_eif eif = {.fd = fd,
			       .n_sections = 2,
			       .sections = {{ENCL_SECTION_KERNEL, 0, 14 << 20},
					    {ENCL_SECTION_RAMDISK, 0, 0}}};
	struct encl_sink_fd sink;

	OK(encl_ramdisk_add_data(r, "cmd", 0644, 0, data, 50 << 20, &e));
	encl_sink_fd_init(&sink, fd, "eif");
	OK(encl_ramdisk_write(r, ENCL_COMPRESS_NONE, -1, 1, &sink.sink, &e));
	eif.sections[1].size = encl_ramdisk_size(r);
	/* 47 of the kernel + 20 + 51 of the root + 256, and a 64th, and a 16th */
	EQ_INT(408, encl_qemu_memory_mib(&eif));
	eif.sections[0].size = 100 << 20; /* 334 of the kernel */
	EQ_INT(720, encl_qemu_memory_mib(&eif));
	eif.sections[0].size = 300 << 20; /* 1000 */
	EQ_INT(1440, encl_qemu_memory_mib(&eif));
	eif.cmdline = cmdline;
	EQ_INT(1440, encl_qemu_memory_mib(&eif));
	/* what cannot be read is taken for packed to a third */
	eif.sections[0].size = 14 << 20;
	eif.sections[1].offset = 1;
	EQ_INT(512, encl_qemu_memory_mib(&eif));
}
