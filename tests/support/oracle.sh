#!/bin/bash
# PCRs of an image, computed without this project: the section table is read
# with od, payloads are cut with dd and hashed with openssl dgst.
# oracle.sh IMAGE [CERTIFICATE]: prints "PCR0 hex" … as `measure` does.
set -eu
image=$1
cert=${2:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

number() { # number OFFSET SIZE: a big-endian integer of the file
	local hex
	hex=$(od -An -v -tx1 -j "$1" -N "$2" "$image" | tr -d ' \n')
	echo $((16#$hex))
}
pcr() { # pcr FILE…: extend of the digest of their concatenation
	cat "$@" | openssl dgst -sha384 -binary >"$tmp/digest"
	{ head -c 48 /dev/zero && cat "$tmp/digest"; } | openssl dgst -sha384 -r | cut -d' ' -f1
}

sections=$(number 26 2)
ramdisk=0
touch "$tmp/kernel" "$tmp/cmdline" "$tmp/none"
first=$tmp/none
others=("$tmp/none")
for ((i = 0; i < sections; i++)); do
	offset=$(number $((28 + 8 * i)) 8)
	size=$(number $((284 + 8 * i)) 8)
	type=$(number "$offset" 2)
	payload() {
		dd if="$image" of="$1" iflag=skip_bytes,count_bytes bs=1M \
			skip=$((offset + 12)) count="$size" status=none
	}
	case $type in
	1) payload "$tmp/kernel" ;;
	2) payload "$tmp/cmdline" ;;
	3)
		payload "$tmp/ramdisk$ramdisk"
		if [ "$ramdisk" = 0 ]; then first=$tmp/ramdisk0; else others+=("$tmp/ramdisk$ramdisk"); fi
		ramdisk=$((ramdisk + 1))
		;;
	esac
done
echo "PCR0 $(pcr "$tmp/kernel" "$tmp/cmdline" "$first" "${others[@]}")"
echo "PCR1 $(pcr "$tmp/kernel" "$tmp/cmdline" "$first")"
echo "PCR2 $(pcr "${others[@]}")"
if [ -n "$cert" ]; then
	openssl x509 -in "$cert" -outform DER -out "$tmp/der"
	echo "PCR8 $(pcr "$tmp/der")"
fi
