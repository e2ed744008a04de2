# Goal: images in which two readers see two images are refused, each trick by its
# name: where the readers differ is shown by two readers that do what nitro-cli's and
# QEMU's do, and where PCR0 does not tell them apart it is shown to be the same.
. "$(dirname "$0")/lib.sh"
need python3
A=$TOP/tests/support/ambiguous.py
"$A" make .
pcr0() { sed -n "s/^$1 PCR0 //p" "$2.seen"; }
same "both readers agree on the good one" "$(sed -n 's/^walk //p' good.seen)" "$(sed -n 's/^table //p' good.seen)"
GOOD=$(pcr0 walk good)
same "PCRs of the two readers and of the tool" "$(sed -n 's/^walk \(PCR.*\)/\1/p' good.seen)" "$("$ENCL" measure good.eif)"
run 0 "$ENCL" verify good.eif --pcr0 "$GOOD"

# "walk" is what AWS's own library does (make setup-aws-peer): its registers, where
# it is here.  It panics where it comes upon a signature of no CBOR.
PATH=$TOP/build/peers:$PATH
if command -v eif-peer >/dev/null; then
	for seen in *.seen; do
		name=${seen%.seen}
		case $name in two-signatures | signature-first) continue ;; esac
		run 0 eif-peer read "$name.eif"
		same "AWS's reader of $name" "$(sed -n 's/^walk \(PCR.*\)/\1/p' "$seen")" \
			"$(sed -nE 's/^ *"(PCR[012])": "(.*)",?$/\1 \2/p' out | sort)"
	done
else
	echo "no eif-peer: its part is left out (make setup-aws-peer)"
fi

# trick KIND CODE NAME MESSAGE: the first thing that is said of NAME.eif.
# KIND: differ (the two readers see other sections or registers, or one refuses),
# moved (both see one PCR0, which is the good image's, and other sections), inside
# (readers of sections agree; those of archives do not).
tricks=0
trick() {
	local kind=$1 code=$2 name=$3 message=$4 got
	case $kind in
	differ) [ "$(sed -n 's/^walk //p' "$name.seen")" != "$(sed -n 's/^table //p' "$name.seen")" ] ||
		fail "$name: the two readers see the same" ;;
	moved)
		same "$name: PCR0 of the one reader" "$GOOD" "$(pcr0 walk "$name")"
		same "$name: PCR0 of the other" "$GOOD" "$(pcr0 table "$name")"
		! cmp -s good.seen "$name.seen" || fail "$name: nothing moved"
		;;
	inside) same "$name: sections" "$(sed -n 's/^walk //p' "$name.seen")" "$(sed -n 's/^table //p' "$name.seen")" ;;
	esac
	# its own PCR0 is what it is held against: nothing but the trick can fail
	run "$code" "$ENCL" verify "$name.eif" --pcr0 "$(pcr0 walk "$name" | grep . || echo "$GOOD")"
	got=$(sed -E 's/^enclavebuild: //; s/ \(and [0-9]+ more\)$//' err)
	same "what is said of $name" "$name.eif: $message" "$got"
	if [ "$code" = 1 ]; then # no verb reads it
		same "verify $name" "" "$(cat out)"
		run 1 "$ENCL" measure "$name.eif"
		run 1 "$ENCL" inspect "$name.eif"
	else
		grep -q '^BAD ' out || fail "$name: no check failed"
		! grep -q '^BAD PCR0' out || fail "$name: PCR0 fails, so the trick is not what was seen"
	fi
	tricks=$((tricks + 1))
}

# the section table against what stands in the file
trick differ 1 table-swapped 'section 3: the table puts it at 4926, the sections before it end at 4402'
trick differ 1 table-elsewhere 'section 4: the table puts it at 5450, the sections before it end at 4926'
trick differ 1 table-short '524 bytes follow the last section'
trick differ 1 table-long 'section 5: its header goes beyond the end of the file'
trick differ 1 table-nested 'section 4: the table puts it at 5338, the sections before it end at 4926'
trick differ 1 table-size 'section 4: the table gives it 0 bytes, its own header 512'
trick differ 1 gap 'section 4: the table puts it at 5450, the sections before it end at 4926'
# behind the last section
trick differ 1 tail-section '524 bytes follow the last section'
trick differ 1 tail-short '11 bytes follow the last section'
# sections that may be there once, and their order
trick differ 1 two-kernels '2 kernel sections; one is allowed'
trick differ 1 two-cmdlines '2 cmdline sections; one is allowed'
trick inside 1 two-metadata '2 metadata sections; one is allowed'
trick inside 1 two-signatures '2 signature sections; one is allowed'
trick inside 1 signature-first 'section 3: the signature is not the last section'
trick inside 1 ramdisk-first 'section 0: a ramdisk before the kernel'
trick inside 3 cmdline-first 'boundaries: the measured sections are not in the order kernel, command line, ramdisks'
# bytes that moved to the next section
trick moved 3 moved-kernel-cmdline 'boundaries: kernel: by its own header it ends at byte 3584, its section at 3583'
trick moved 3 moved-cmdline-kernel 'boundaries: kernel: by its own header it ends at byte 3584, its section at 3597'
trick moved 3 moved-cmdline-ramdisk 'boundaries: ramdisk 0: ramdisk: at byte 0: neither a cpio archive nor compressed by gzip, zstd, lz4 or xz'
trick moved 3 moved-ramdisk-cmdline 'boundaries: command line: has a "070701", which could be the beginning of the ramdisk'
trick moved 3 moved-zeros 'boundaries: ramdisk 1: begins with zeros, which are the end of what stands before it'
trick moved 3 moved-ramdisk 'boundaries: ramdisk 0: a second archive begins at byte 512, behind the end of the first'
# within a ramdisk: what the kernel makes of it and what an archive's reader shows
trick inside 3 name-twice 'ramdisks: ramdisk 1: rootfs/app: stands twice in it; the kernel would take the last one'
trick inside 3 name-in-both 'ramdisks: ramdisk 1: init: stands in ramdisk 0 too; the kernel would take the last one'
trick inside 3 second-archive 'ramdisks: ramdisk 1: rootfs: stands twice in it; the kernel would take the last one'
trick inside 3 false-trailer 'boundaries: ramdisk 1: ramdisk: at byte 0: cpio: TRAILER!!!: a trailer with a type'
trick inside 3 through-symlink 'ramdisks: ramdisk 1: rootfs/l/init: its folder is a symlink; the kernel would write to where it leads'
trick inside 3 two-contents 'ramdisks: ramdisk 1: rootfs/b: is a further name of a file with a content of its own; the kernel would write it into both'
trick inside 3 two-devices 'ramdisks: ramdisk 1: rootfs/mem: is a further name of a device with another number; the kernel would make it the first'
trick inside 3 long-name "ramdisks: ramdisk 1: rootfs/$(printf 'n%.0s' {1..193}): has a name of over 255 bytes; the kernel would drop it"
trick inside 3 no-owner "ramdisks: ramdisk 1: rootfs/b: its owner or group is 4294967295; the kernel would leave it root's"
trick inside 3 no-parent 'ramdisks: ramdisk 1: rootfs/app: its folder does not stand before it; the kernel would drop it'
trick inside 3 dotdot 'boundaries: ramdisk 1: ramdisk: at byte 0: cpio: rootfs/../init: the path has a ".."'
trick inside 3 spelling 'ramdisks: ramdisk 1: rootfs/./app: is not the one spelling of a path'
trick inside 3 gzip-tail 'ramdisks: ramdisk 1: rootfs: stands twice in it; the kernel would take the last one'
trick inside 3 gzip-extra 'boundaries: ramdisk 1: its gzip header has fields that the kernel does not pass over'
same "tricks" "$(find . -name '*.eif' ! -name good.eif | wc -l)" "$tricks"

# a second archive is also told as such
for name in second-archive gzip-tail; do
	run 3 "$ENCL" verify "$name.eif" --pcr0 "$(pcr0 walk "$name")"
	grep -Eq '^BAD boundaries +ramdisk 1: a second archive begins at byte [0-9]+, behind the end of the first$' out ||
		fail "$name: $(cat out)"
done

# a kernel with the tail that Debian's have: EFI signatures, which its header names
K=$(find "${XDG_CACHE_HOME:-$HOME/.cache}/enclavebuild-tests" -name 'vmlinuz-*' 2>/dev/null | head -n 1)
if [ -n "$K" ]; then
	cat >debian.py <<'P'
import sys
from ambiguous import CMDLINE, GOOD, KERNEL, image
with open(sys.argv[1], "rb") as f:
    vmlinuz = f.read()
with open("debian.eif", "wb") as f:
    f.write(image([(KERNEL, vmlinuz)] + GOOD[1:]))
with open("debian-short.eif", "wb") as f:
    f.write(image([(KERNEL, vmlinuz[:-1]), (CMDLINE, b" " + GOOD[1][1])] + GOOD[2:]))
P
	PYTHONPATH=$TOP/tests/support PYTHONDONTWRITEBYTECODE=1 python3 debian.py "$K"
	run 0 "$ENCL" verify debian.eif --image debian.eif
	grep -Eq '^ok +boundaries +kernel of [0-9]+ bytes with [0-9]+ of EFI signatures, command line of one line$' out || fail "$(cat out)"
	run 3 "$ENCL" verify debian-short.eif --image debian-short.eif
	grep -Eq '^BAD boundaries +kernel: it ends at byte [0-9]+ and its EFI signatures are [0-9]+ bytes at [0-9]+, its section ends at [0-9]+$' out ||
		fail "$(cat out)"
else
	echo "left out: a kernel of Debian's (run the boot tests first, they fetch one)"
fi
