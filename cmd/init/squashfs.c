/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A root file system that stays compressed: /rootfs.squashfs by a loop device,
 * an overlay of it and a tmpfs on /rootfs.  The image's own /.enclave is bound
 * over the overlay's, read-only: what lies there (Docker's layers with their
 * whiteouts) is meant to be seen as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "guest/file.h"
#include "init/init.h"

#define IMAGE	 "/rootfs.squashfs"
#define WRITABLE "/writable"
#define LOWER	 "/.lower"
#define UPPER	 "/.upper"

/* linux/loop.h, which musl does not ship. */
enum {
	LOOP_SET_FD = 0x4C00,
	LOOP_CLR_FD = 0x4C01,
	LOOP_SET_STATUS64 = 0x4C04,
	LOOP_CTL_GET_FREE = 0x4C82,
	LO_FLAGS_READ_ONLY = 1,
	LO_FLAGS_AUTOCLEAR = 4
};
struct loop_info64 {
	uint64_t device, inode, rdevice, offset, size_limit;
	uint32_t number, encrypt_type, encrypt_key_size, flags;
	uint8_t file_name[64], crypt_name[64], encrypt_key[32];
	uint64_t init[2];
};

/* Gives a device its file; false and errno. */
static bool
fill_device(int device, int file)
{
	const struct loop_info64 info = {.flags =
						 LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR};

	if (ioctl(device, LOOP_SET_FD, file))
		return false;
	if (!ioctl(device, LOOP_SET_STATUS64, &info))
		return true;
	ioctl(device, LOOP_CLR_FD, 0);
	return false;
}

/* A descriptor that holds the device until it is mounted; its name in path. */
static int
make_device(char path[32])
{
	static const char prefix[] = "/dev/loop";
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int file = open(IMAGE, O_RDONLY | O_CLOEXEC);
	const char *name;
	int number;
	int device;

	if (file < 0)
		init_fatal("squashfs root: open " IMAGE ": ", guest_why());
	if (control < 0)
		init_fatal("squashfs root: open /dev/loop-control: ", guest_why(),
			   "; the kernel needs loop devices (BLK_DEV_LOOP)");
	number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		init_fatal("squashfs root: get a loop device: ", guest_why());
	name = guest_dec((unsigned long)number); /* at most 20 digits */
	memcpy(path, prefix, sizeof prefix - 1);
	memcpy(path + sizeof prefix - 1, name, strlen(name) + 1);
	device = open(path, O_RDONLY | O_CLOEXEC);
	if (device < 0 || !fill_device(device, file))
		init_fatal("squashfs root: set up ", path, ": ", guest_why());
	close(file);
	close(control);
	return device;
}

static void
make_folder(const char *path)
{
	if (guest_mkdir(path, 0755))
		init_fatal("squashfs root: create ", path, ": ", guest_why());
}

/* ENODEV: no such file system; EINVAL: not this compressor. */
static void
mount_image(void)
{
	char path[32];
	int device = make_device(path);

	make_folder(LOWER);
	if (mount(path, LOWER, "squashfs", MS_RDONLY, NULL))
		init_fatal("squashfs root: mount " IMAGE ": ", guest_why(),
			   errno == ENODEV   ? "; the kernel has no squashfs (SQUASHFS)"
			   : errno == EINVAL ? "; it is damaged, or the kernel lacks its "
					       "compressor (SQUASHFS_…)"
					     : "");
	close(device);
	unlink(IMAGE);
}

static void
mount_writable(void)
{
	size_t len;
	char *options = guest_read_file(WRITABLE, 256, &len);

	make_folder(UPPER);
	if (mount("tmpfs", UPPER, "tmpfs", 0, options ? options : "mode=0755"))
		init_fatal("squashfs root: mount tmpfs on " UPPER ": ", guest_why());
	unlink(WRITABLE);
	free(options);
	make_folder(UPPER "/upper");
	make_folder(UPPER "/work");
}

void
init_mount_squashfs(void)
{
	if (access(IMAGE, F_OK))
		return;
	mount_image();
	mount_writable();
	make_folder("/rootfs");
	if (mount("overlay", "/rootfs", "overlay", 0,
		  "lowerdir=" LOWER ",upperdir=" UPPER "/upper,workdir=" UPPER "/work"))
		init_fatal("squashfs root: mount overlay on /rootfs: ", guest_why(),
			   errno == ENODEV ? "; the kernel has no overlay (OVERLAY_FS)"
					   : "");
	if (mount(LOWER "/.enclave", "/rootfs/.enclave", NULL, MS_BIND, NULL))
		init_fatal("squashfs root: bind /.enclave: ", guest_why());
	/* The overlay holds both; nobody needs to see them. */
	umount2(LOWER, MNT_DETACH);
	umount2(UPPER, MNT_DETACH);
}
