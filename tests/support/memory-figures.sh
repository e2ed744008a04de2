#!/bin/bash
# Figures of docs/8-launch-plan.md, by hand: make memory-figures.  For each image what
# plan asks for and the least with which it works (tests/boot/memory.sh says what that
# means), by booting it again and again in QEMU.  Takes long.
# memory-figures.sh ENCLAVEBUILD [NAME…]
set -euo pipefail
ENCL=$(realpath "$1")
TOP=$(cd "$(dirname "$0")/../.." && pwd)
export ENCL TOP
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/encl-memory-XXXXXX")
export WORK=$work
. "$TOP/tests/boot/memory.sh"
# Of the tests' library only what finds the kernel is wanted.
export BOOT_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/enclavebuild-tests
need() { :; }
skip() { echo "$*" >&2; exit 77; }
fail() { echo "$*" >&2; exit 1; }
eval "$(sed -n '/^boot_kernel()/,/^}/p' "$TOP/tests/boot/lib.sh")"
boot_kernel
cd "$work"
trap 'rm -rf "$work"' EXIT
memory_parts
example() { # example NAME: as it is, and for Docker's one a service that asks it
	cp -r "$TOP/examples/$1" .
	cp use "$1/"
	cp "$1/enclave.yaml" "$1/$1.yaml"
}
one() { # one NAME MANIFEST [WHAT-IT-SAYS]
	local plan least=() cpus
	"$ENCL" build -q -o "$1.eif" "$2" >/dev/null 2>err || fail "$1: $(tail -n 1 err)"
	plan=$("$ENCL" plan -q --json "$1.eif" | jq -r '.memory | "\(.leastMiB) \(.neededMiB)"')
	for cpus in 1 2; do
		least+=("$(SAYS=${3-all of it is used} memory_least "$1.eif" "$cpus" $((${plan#* } * 5 / 4)))")
	done
	# shellcheck disable=SC2086 # two words
	printf '%-24s %9s %9s %9s %9s\n' "$1" "${least[@]}" $plan
	rm -f "$1.eif"
}
printf '%-24s %9s %9s %9s %9s\n' "" "1 CPU" "2 CPUs" "comes up" "plan"
[ $# -gt 0 ] || set -- hello services cpio cpio-zstd squashfs-none squashfs-zstd docker-cpio docker-cpio-zstd docker-squashfs-zstd
for name; do
	case $name in
	hello | services)
		example "$name"
		one "$name" "$name/$name.yaml" ''
		;;
	cpio | cpio-* | squashfs-*)
		format=${name%%-*} compression=${name#*-}
		[ "$compression" != cpio ] || compression=none
		memory_manifest "$name" "$format" "$compression" >"$name.yaml"
		one "$name" "$name.yaml"
		;;
	docker-*)
		format=${name#docker-} compression=none
		[ "$format" = "${format%-*}" ] || compression=${format#*-}
		memory_docker "$name" "${format%%-*}" "$compression" >"$name.yaml"
		one "$name" "$name.yaml"
		;;
	esac
done
