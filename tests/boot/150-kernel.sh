# Goal: the modules of a real Debian kernel come complete and in load order,
# judged by their own .modinfo as binutils reads it; the pin is stable.
. "$(dirname "$0")/lib.sh"
need objcopy
boot_kernel
manifest() { # manifest EXTRA: prints one
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: k
version: "1"
arch: ${ARCH:-x86_64}
rootfs: [{file: {path: /x, content: y}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES$1}
app: {command: [/x]}
Y
}
manifest ', extraModules: [nf_conntrack_netlink, xt_MASQUERADE, br-netfilter]' >k.yaml
run 0 "$O/support/kernel" k.yaml got
for wanted in virtio_mmio vmw_vsock_virtio_transport overlay nf_conntrack_netlink \
	xt_MASQUERADE br_netfilter; do
	grep -qx "$wanted.ko" got/modules/order || fail "$wanted is not there"
done
seen=' '
while read -r file; do
	depends=$(objcopy -O binary --only-section=.modinfo "got/modules/$file" /dev/stdout |
		tr '\0' '\n' | sed -n 's/^depends=//p' | tr ',-' ' _')
	for d in $depends; do
		case $seen in *" $d "*) ;; *) fail "$file comes before $d" ;; esac
	done
	seen="$seen${file%.ko} "
done <got/modules/order
same "named twice" "" "$(sort got/modules/order | uniq -d)"
cmp got/image "$KERNEL"
cmp got/config "$KERNEL_CONFIG"
run 0 "$O/support/kernel" k.yaml again
diff -r got again

# The same modules compressed, as later suites ship them, are the same modules.
mkdir xz
for m in got/modules/*.ko; do
	xz -c "$m" >"xz/$(basename "$m").xz"
done
KERNEL_MODULES=$WORK/xz manifest '' >xz.yaml
manifest '' >plain.yaml
run 0 "$O/support/kernel" xz.yaml from-xz
run 0 "$O/support/kernel" plain.yaml from-plain
diff -r from-xz/modules from-plain/modules

# What does not fit is refused, with its place.
at="k2.yaml:8:11: boot.kernel"
manifest ', extraModules: [no-such]' >k2.yaml
rejects_kernel() {
	run 2 "$O/support/kernel" k2.yaml never
	same "stderr" "kernel: $1" "$(cat err)"
	[ ! -e never ] || fail "something was written"
}
rejects_kernel "$at: kernel module no_such is missing (boot.kernel.extraModules needs it)"
sed 's/=m$/=y/; s/^CONFIG_RD_ZSTD=y//; s/^CONFIG_UNIX=y/# CONFIG_UNIX is not set/' \
	"$KERNEL_CONFIG" >config
KERNEL_CONFIG=$WORK/config manifest '
  ramdisk: {compression: zstd}' | sed 's/^\(  kernel.*\)$/\1}/; s/zstd}}/zstd}/' >k2.yaml
rejects_kernel "$at: the kernel lacks CONFIG_RD_ZSTD (boot.ramdisk.compression: zstd needs it); CONFIG_UNIX (unix sockets needs it)"
KERNEL=$WORK/k.yaml manifest '' >k2.yaml
rejects_kernel "$at: k.yaml is not a kernel image; x86_64 boots a bzImage"
head -c 1000000 "$KERNEL" >cut.bin
KERNEL=$WORK/cut.bin manifest '' >k2.yaml
run 2 "$O/support/kernel" k2.yaml never
grep -q "^kernel: $at: cut.bin is truncated: 1000000 bytes of a bzImage of " err || fail "$(cat err)"
ARCH=aarch64 manifest '' >k2.yaml
rejects_kernel "$at: $(basename "$KERNEL") is a bzImage, but arch is aarch64"
KERNEL=$WORK/absent manifest '' >k2.yaml
rejects_kernel "$at: image: $WORK/absent: No such file or directory"
