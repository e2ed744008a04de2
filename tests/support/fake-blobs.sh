#!/bin/bash
# Makes a folder as nitro-cli ships its blobs, with a kernel that has a
# bzImage's head and nothing behind it: for tests that build and do not boot.
# fake-blobs.sh FOLDER
set -euo pipefail
mkdir -p "$1"
cd "$1"
head -c 65536 /dev/zero >bzImage
printf '\x55\xaa' | dd of=bzImage bs=1 seek=510 conv=notrunc status=none
printf 'HdrS\x0f\x02' | dd of=bzImage bs=1 seek=514 conv=notrunc status=none
# 5 sectors of setup, then units of 16 bytes up to the end
printf '\x04' | dd of=bzImage bs=1 seek=497 conv=notrunc status=none
printf '\x60\x0f' | dd of=bzImage bs=1 seek=500 conv=notrunc status=none
# loaded high, 64-bit entry
printf '\x01' | dd of=bzImage bs=1 seek=529 conv=notrunc status=none
printf '\x01' | dd of=bzImage bs=1 seek=566 conv=notrunc status=none
printf 'fake kernel' | dd of=bzImage bs=1 seek=4096 conv=notrunc status=none
cat >bzImage.config <<'C'
#
# Automatically generated file; DO NOT EDIT.
# Linux/x86_64 6.6.79 Kernel Configuration
#
CONFIG_64BIT=y
CONFIG_X86_64=y
CONFIG_SMP=y
C
for o in BLK_DEV_INITRD RD_GZIP RD_BZIP2 RD_LZMA RD_XZ RD_LZO RD_LZ4 RD_ZSTD DEVTMPFS TMPFS PROC_FS \
	SYSFS BINFMT_ELF BINFMT_SCRIPT NET INET UNIX VSOCKETS VIRTIO_VSOCKETS VIRTIO VIRTIO_MMIO \
	VIRTIO_MMIO_CMDLINE_DEVICES SERIAL_8250 SERIAL_8250_CONSOLE TTY PRINTK MODULES CGROUPS \
	OVERLAY_FS TMPFS_XATTR SQUASHFS BLK_DEV_LOOP HW_RANDOM HW_RANDOM_VIRTIO EPOLL FUTEX SIGNALFD \
	TIMERFD EVENTFD POSIX_MQUEUE FILE_LOCKING MULTIUSER UNIX98_PTYS SHMEM MEMCG CGROUP_PIDS CPUSETS; do
	echo "CONFIG_$o=y"
done >>bzImage.config
echo "CONFIG_NSM=m" >>bzImage.config
printf '#!init blob\n' >init
printf 'nsm.ko blob\n' >nsm.ko
echo "reboot=k panic=30 pci=off nomodules console=ttyS0 i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd random.trust_cpu=on" >cmdline
