# shellcheck shell=bash
# For boot tests: Debian's own kernel, and ramdisks started in QEMU's microvm.
. "$(dirname "${BASH_SOURCE[0]}")/../cli/lib.sh"

BOOT_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/enclavebuild-tests

# Puts the cloud kernel of the machine's Debian suite into $BOOT_CACHE/PACKAGE
# and sets KERNEL, KERNEL_CONFIG and KERNEL_MODULES (the folder of .ko files).
boot_kernel() {
	need apt-get apt-cache dpkg-deb
	local arch meta package folder
	arch=$(dpkg --print-architecture)
	meta=linux-image-cloud-$arch
	package=$(apt-cache depends --no-recommends "$meta" 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
	[ -n "$package" ] || skip "apt knows no $meta; run apt-get update"
	folder=$BOOT_CACHE/$package
	if [ ! -e "$folder/complete" ]; then
		local work=$folder.$$
		mkdir -p "$work/deb"
		(cd "$work/deb" && apt-get -q download "$package") >"$work/log" 2>&1 || {
			cat "$work/log"
			rm -rf "$work"
			fail "$package could not be downloaded"
		}
		dpkg-deb -x "$work"/deb/*.deb "$work"
		rm -rf "${work:?}/deb" "${work:?}/usr"
		: >"$work/complete"
		# Of two runs at once the first one's folder stays.
		mv -T "$work" "$folder" 2>/dev/null || rm -rf "$work"
	fi
	KERNEL=$(echo "$folder"/boot/vmlinuz-*)
	KERNEL_CONFIG=$(echo "$folder"/boot/config-*)
	KERNEL_MODULES=$(echo "$folder"/lib/modules/*/kernel)
	export KERNEL KERNEL_CONFIG KERNEL_MODULES
}

# boot_cpio FOLDER OUT: what is in FOLDER as one newc archive, owned by root,
# in the order of a builder's ramdisk (bytes of the names).
boot_cpio() {
	need cpio
	(cd "$1" && find . -mindepth 1 -printf '%P\n' | LC_ALL=C sort |
		cpio --quiet -o -H newc -R 0:0) >"$2"
}

# boot_qemu INITRD CONSOLE [CMDLINE-WORD…]: boots until the enclave ends;
# $CONSOLE has what it printed, without carriage returns.  BOOT_TIMEOUT (120 s).
# The two measures without which boots hang: the ramdisk ends on a page (its
# tail would overwrite the ACPI tables), and the TSC's frequency is given.
boot_qemu() {
	need qemu-system-x86_64
	local initrd=$1 console=$2 khz
	shift 2
	khz=$(awk -F: '/^cpu MHz/ { printf "%d", $2 * 1000; exit }' /proc/cpuinfo)
	truncate -s %4096 "$initrd"
	timeout -k 5 "${BOOT_TIMEOUT:-120}" qemu-system-x86_64 \
		-M microvm,rtc=on,acpi=on -accel tcg,thread=multi -cpu max \
		-m "${BOOT_MEMORY:-256}" -smp 1 -nodefaults -no-user-config -display none \
		-serial stdio -no-reboot -global virtio-mmio.force-legacy=false \
		-kernel "$KERNEL" -initrd "$initrd" \
		-append "reboot=t panic=-1 console=ttyS0 random.trust_cpu=on tsc_early_khz=${khz:-2000000} tsc=reliable quiet $*" \
		</dev/null 2>"$console.qemu" | tr -d '\r' >"$console" ||
		fail "QEMU: $(cat "$console.qemu") $(tail -n 20 "$console")"
}

# has CONSOLE LINE: the console has exactly this line.
has() {
	grep -Fxq -- "$2" "$1" || fail "the console lacks the line: $2"$'\n'"$(cat "$1")"
}
# ends CONSOLE LINE: exactly this is its last line, but for the kernel's own.
ends() {
	same "last line of ${1##*/}" "$2" "$(grep -v '\] reboot: ' "$1" | tail -n 1)"
}
