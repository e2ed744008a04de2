# shellcheck shell=bash
# For boot tests of init and launch alone: ramdisks with the two, the probe, and
# configs of launch written by hand; no builder.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need musl-gcc
boot_kernel

INIT=$O/guest/x86_64/init
LAUNCH=$O/guest/x86_64/launch
musl-gcc -std=c17 -D_GNU_SOURCE -Os -static -s -o probe "$TOP/tests/boot/probe.c"

# record KEY VALUE: one record of launch's config.
record() {
	local LC_ALL=C
	printf '%s %s\n%s\n' "$1" "${#2}" "$2"
}
# boot_ramdisk FOLDER MODULE…: the boot ramdisk with these modules.
boot_ramdisk() {
	local folder=$1
	shift
	mkdir -p "$folder/dev" "$folder/modules"
	cp "$INIT" "$folder/init"
	for module; do
		echo "${module##*/}" >>"$folder/modules/order"
		[ ! -e "$module" ] || cp "$module" "$folder/modules"
	done
}
# app_ramdisk FOLDER CMD-WORD…: a root with launch and the probe.
app_ramdisk() {
	local folder=$1
	shift
	mkdir -p "$folder"/rootfs/{.enclave,bin,srv,cases}
	cp "$LAUNCH" "$folder/rootfs/.enclave/launch"
	cp probe "$folder/rootfs/bin/probe"
	printf '%s\n' "$@" >"$folder/cmd"
	: >"$folder/env"
	: >"$folder/~complete"
}
# boot NAME BOOT APP [CMDLINE-WORD…]: NAME.console has what it printed.
boot() {
	local name=$1 boot=$2 app=$3
	shift 3
	boot_cpio "$boot" "$name.initrd"
	boot_cpio "$app" "$name.app"
	truncate -s %4 "$name.initrd"
	cat "$name.app" >>"$name.initrd"
	boot_qemu "$name.initrd" "$name.console" "$@"
}
# shellcheck disable=SC2034 # for those who source this
off=enclave.heartbeat=off

# split_cases CONSOLE: what each case of the probe's suite printed, in CASE.case.
split_cases() {
	awk '/^case [^:]*$/ { file = $2 ".case" } file { print >file }' "$1"
}
ended() { # ended CASE CODE
	has "$1.case" "case $1: launch ended with $2"
}
