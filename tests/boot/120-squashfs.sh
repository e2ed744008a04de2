# Goal: a squashfs root in the guest: a file capability survives and counts,
# the root can be written within its limit, /.enclave cannot, and a kernel
# without what it needs is refused when it is built, or says so when it boots.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 python3 cpio
boot_kernel
cat >probe.c <<'C'
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <fcntl.h>
#include <unistd.h>

static int
fill(void)
{
	static char block[1 << 20];
	int fd = open("/full", O_WRONLY | O_CREAT, 0600);
	int n = 0;

	memset(block, 1, sizeof block);
	errno = 0;
	while (n < 100 && write(fd, block, sizeof block) > 0)
		n++;
	printf("written %s: %s\n", n < 60 ? "too little" : n < 66 ? "64 MiB" : "too much",
	       strerror(errno));
	return 0;
}

int
main(int argc, char **argv)
{
	char value[64];
	struct statfs fs;
	struct stat st;
	int fd;

	if (argc > 1 && !strcmp(argv[1], "bind")) { /* as a user: only by the capability */
		printf("effective capability: %s\n",
		       setgid(12345) ? strerror(errno) : "CAP_SETGID");
		return 0;
	}
	printf("capability: %zd bytes\n", getxattr("/bin/probe", "security.capability", value, sizeof value));
	printf("user.note: %.*s\n", (int)getxattr("/bin/probe", "user.note", value, sizeof value), value);
	statfs("/", &fs);
	printf("root: %s\n", fs.f_type == 0x794c7630 ? "overlay" : "another");
	statfs("/.enclave", &fs);
	printf("enclave: %s\n", fs.f_type == 0x73717368 ? "squashfs" : "another");
	fd = open("/.enclave/x", O_WRONLY | O_CREAT, 0600);
	printf("write to it: %s\n", fd < 0 ? strerror(errno) : "done");
	printf("image file: %s\n", stat("/rootfs.squashfs", &st) ? strerror(errno) : "there");
	fd = open("/etc/conf", O_WRONLY | O_APPEND);
	printf("append: %zd\n", write(fd, "more\n", 5));
	printf("hard link: %d\n", stat("/bin/other", &st) ? -1 : (int)st.st_nlink);
	mkdir("/new", 0755);
	if (mount("/", "/new", NULL, MS_BIND, NULL) || chdir("/new") ||
	    syscall(SYS_pivot_root, ".", "tmp"))
		printf("pivot_root: %s\n", strerror(errno));
	else
		printf("pivot_root: done\n");
	chdir("/");
	return fill();
}
C
mkdir -p files/bin
musl-gcc -static -Os -s -o files/bin/probe probe.c
python3 - <<'P'
import struct, tarfile

capability = struct.pack("<IIIII", 0x02000001, 1 << 6, 0, 0, 0)  # setgid, effective
with tarfile.open("probe.tar", "w", format=tarfile.PAX_FORMAT) as t:
    def add(name, **more):
        i = t.gettarinfo("files/bin/probe", name)
        i.uid = i.gid = 0
        i.uname = i.gname = ""
        i.mode = 0o755
        for k, v in more.items():
            setattr(i, k, v)
        t.addfile(i, open("files/bin/probe", "rb") if i.isreg() else None)
    add("bin/probe", pax_headers={
        "SCHILY.xattr.security.capability": capability.decode("utf-8", "surrogateescape"),
        "SCHILY.xattr.user.note": "kept"})
    add("bin/other", type=tarfile.LNKTYPE, linkname="bin/probe", size=0)
P
manifest() { # manifest RAMDISK COMMAND
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: squash
version: "1"
arch: x86_64
rootfs:
  - archive: {path: ./probe.tar, at: /}
  - file: {path: /etc/conf, content: "text\n"}
  - file: {path: /etc/passwd, content: "user:x:1000:1000::/:/bin/sh\n"}
  - file: {path: /etc/group, content: "user:x:1000:\n"}
boot:
  kernel: {image: $KERNEL, config: ${CONFIG:-$KERNEL_CONFIG}, modules: ${MODULES:-$KERNEL_MODULES}}
  ramdisk: $1
app: $2
Y
}

manifest '{format: squashfs, writableMiB: 64}' '{command: [/bin/probe]}' >a.yaml
run 0 "$ENCL" build a.yaml
grep -q 'extended attributes' err && fail "attributes are lost: $(cat err)"
run 0 "$ENCL" run squash.eif --timeout 100 --memory 256 --kernel-args quiet
for line in 'capability: 20 bytes' 'user.note: kept' 'root: overlay' 'enclave: squashfs' \
	'write to it: Read-only file system' 'image file: No such file or directory' \
	'append: 5' 'hard link: 2' 'pivot_root: done' \
	'written 64 MiB: No space left on device'; do
	tr -d '\r' <out >lines
	has lines "$line"
done
run 0 "$ENCL" list squash.eif --ramdisk 1
grep -q ' rootfs/bin/probe = rootfs/bin/other security.capability=0100000240000000000000000000000000000000 user.note=6b657074$' out ||
	fail "list does not show the attributes: $(cat out)"

# Another compressor each time; a user gets the right from the file alone.
for c in none gzip lz4 xz; do
	manifest "{format: squashfs, compression: $c}" \
		'{command: [/bin/probe, bind], user: "user:user"}' >b.yaml
	run 0 "$ENCL" build b.yaml -o b.eif
	run 0 "$ENCL" run b.eif --timeout 100 --kernel-args quiet --no-vsock
	tr -d '\r' <out >lines
	has lines 'effective capability: CAP_SETGID'
done

# As a cpio it is lost, which is told.
manifest '{format: cpio}' '{command: [/bin/probe, bind], user: "user:user"}' >c.yaml
run 0 "$ENCL" build c.yaml -o c.eif
grep -q 'extended attributes are lost, as a ramdisk has none, on 2 files: bin/other (security.capability), bin/probe (security.capability)' err ||
	fail "no warning: $(cat err)"
run 0 "$ENCL" run c.eif --timeout 100 --kernel-args quiet --no-vsock
tr -d '\r' <out >lines
has lines 'effective capability: Operation not permitted'

# A kernel that lacks something is refused here …
sed 's/^CONFIG_SQUASHFS=.*//; s/^CONFIG_SQUASHFS_ZSTD=y//; s/^CONFIG_OVERLAY_FS=.*//' "$KERNEL_CONFIG" >config
CONFIG=$WORK/config manifest '{format: squashfs}' '{command: [/bin/probe]}' >d.yaml
run 2 "$ENCL" build d.yaml
same "stderr" "d.yaml:12:11: boot.kernel: the kernel lacks CONFIG_SQUASHFS (boot.ramdisk.format: squashfs needs it); CONFIG_SQUASHFS_ZSTD (boot.ramdisk.compression: zstd needs it); CONFIG_OVERLAY_FS (boot.ramdisk.format: squashfs needs it)" \
	"$(sed -n 's/^enclavebuild: //p' err)"

# … and where the configuration lied, init says what is missing.
lied() { # lied OPTION MESSAGE
	sed "s/^CONFIG_$1=m/CONFIG_$1=y/" "$KERNEL_CONFIG" >config
	CONFIG=$WORK/config manifest '{format: squashfs}' '{command: [/bin/probe]}' >d.yaml
	run 0 "$ENCL" build d.yaml -o d.eif
	run 125 "$ENCL" run d.eif --timeout 100 --kernel-args quiet --no-vsock
	tr -d '\r' <out >lines
	has lines "init: fatal: squashfs root: $2"
	same "lines of what is fatal" 1 "$(grep -c fatal lines)"
}
lied SQUASHFS 'mount /rootfs.squashfs: No such device; the kernel has no squashfs (SQUASHFS)'
lied OVERLAY_FS 'mount overlay on /rootfs: No such device; the kernel has no overlay (OVERLAY_FS)'
lied BLK_DEV_LOOP 'open /dev/loop-control: No such file or directory; the kernel needs loop devices (BLK_DEV_LOOP)'
