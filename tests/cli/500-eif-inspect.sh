# Goal: inspect and measure show what dd and openssl find in an image, in
# nitro-cli's keys and order; damage is shown, and refused with --strict.
. "$(dirname "$0")/lib.sh"
need openssl od dd
V=$TOP/tests/golden/vectors
oracle() { "$TOP/tests/support/oracle.sh" "$@"; }

# keys and their order
run 0 "$ENCL" inspect --json "$V/signed.eif"
same "keys" "EifVersion Measurements IsSigned SigningCertificate CheckCRC SignatureCheck ImageName ImageVersion Metadata Sections Sha256 Architecture Cmdline" \
	"$(sed -n 's/^  "\([A-Za-z0-9]*\)".*/\1/p' out | tr '\n' ' ' | sed 's/ $//')"
same "measurements" "HashAlgorithm PCR0 PCR1 PCR2 PCR8" \
	"$(sed -n '/"Measurements"/,/^  }/s/^    "\([A-Za-z0-9]*\)".*/\1/p' out | tr '\n' ' ' | sed 's/ $//')"
same "PCRs" "$(oracle "$V/signed.eif" "$V/cert.pem")" "$(sed -n 's/^    "\(PCR.\)": "\(.*\)".*/\1 \2/p' out)"
grep -q '"HashAlgorithm": "Sha384 { ... }"' out || fail "HashAlgorithm"
grep -q '"Sha256": "3a894122a5261f9389b2aff5cdeaf5a43a6645a3c4817275334a9e4247f80e11"' out || fail "Sha256"
grep -q '"NotBefore": "Jan  1 00:00:00 2020 GMT"' out || fail "NotBefore"
run 0 "$ENCL" inspect --json "$V/unsigned.eif"
! grep -qE 'PCR8|SigningCertificate|SignatureCheck' out || fail "an unsigned image shows a signature"

# measure: of an image, of its parts, of a file, of a certificate
for image in signed unsigned; do
	cert=
	[ $image = unsigned ] || cert=$V/cert.pem
	run 0 "$ENCL" measure "$V/$image.eif"
	same "measure $image" "$(oracle "$V/$image.eif" $cert)" "$(cat out)"
	run 0 "$ENCL" measure -j 1 "$V/$image.eif"
	same "measure $image, one thread" "$(oracle "$V/$image.eif" $cert)" "$(cat out)"
done
printf ' console=ttyS0\n' >cmdline
run 0 "$ENCL" measure --kernel "$V/kernel" --cmdline-file cmdline --ramdisk "$V/ramdisk0" \
	--ramdisk "$V/ramdisk1" --signing-certificate "$V/cert.pem"
same "measure of parts" "$(oracle "$V/signed.eif" "$V/cert.pem")" "$(cat out)"
run 0 "$ENCL" measure --kernel "$V/kernel" --cmdline console=ttyS0 --ramdisk "$V/ramdisk0" --json
grep -q '"PCR2": "21b9efbc184807662e966d34f390821309eeac6802309798826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"' out ||
	fail "PCR2 of one ramdisk"
run 0 "$ENCL" measure --signing-certificate "$V/cert.pem" --json
same "PCR8" "$(oracle "$V/signed.eif" "$V/cert.pem" | tail -n 1 | cut -d' ' -f2)" "$(sed -n 's/.*"PCR8": "\(.*\)".*/\1/p' out)"
run 0 "$ENCL" measure --file "$V/kernel" --json
same "PCR" 1 "$(grep -c '"PCR": "' out)"
rejects 1 'kernel command line: byte 1 is a newline; it has to be one line of text' \
	"$ENCL" measure --kernel "$V/kernel" --cmdline $'a\nb' --ramdisk "$V/ramdisk0"
rejects 2 'measure: give one of IMAGE, --kernel, --file and --signing-certificate' "$ENCL" measure
rejects 2 'measure: --kernel needs --ramdisk' "$ENCL" measure --kernel "$V/kernel" --cmdline x
rejects 2 'measure: give either --cmdline or --cmdline-file' "$ENCL" measure --kernel "$V/kernel" --ramdisk "$V/ramdisk0"
rejects 2 'measure: --cmdline and --ramdisk need --kernel' "$ENCL" measure --cmdline x "$V/signed.eif"

# a byte of the ramdisk changed: shown, other PCRs, refused when strict
change() { # change FILE OFFSET BYTES
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
cp "$V/signed.eif" bad.eif
change bad.eif 862 X
run 0 "$ENCL" inspect --json bad.eif
same "checks" "false false" "$(sed -n 's/.*"\(CheckCRC\|SignatureCheck\)": \(.*\),/\2/p' out | tr '\n' ' ' | sed 's/ $//')"
same "PCRs of a damaged image" "$(oracle bad.eif "$V/cert.pem")" "$(sed -n 's/^    "\(PCR.\)": "\(.*\)".*/\1 \2/p' out)"
rejects 3 'bad.eif: its bytes have the CRC-32 677442c7, the header says b07857df: the file is damaged' \
	"$ENCL" inspect --strict bad.eif
rejects 3 'bad.eif: its bytes have the CRC-32 677442c7, the header says b07857df: the file is damaged' \
	"$ENCL" measure bad.eif

# the same with a CRC that fits: the signature is another image's
change bad.eif 544 '\x67\x74\x42\xc7'
run 0 "$ENCL" inspect bad.eif
grep -q '^signature  *BAD: signature: is of another image (PCR0 differs)$' out || fail "$(cat out)"
rejects 3 'bad.eif: signature: is of another image (PCR0 differs)' "$ENCL" inspect --strict bad.eif

# what contradicts itself is never shown
cp "$V/signed.eif" bad.eif
change bad.eif 28 '\x01'
rejects 1 'bad.eif: section 0: the table puts it at 72057594037928484, the sections before it end at 548' \
	"$ENCL" inspect bad.eif
head -c 2000 "$V/signed.eif" >cut.eif
rejects 1 'cut.eif: section 5: its 1561 bytes go beyond the end of the file' "$ENCL" inspect cut.eif
rejects 1 "$V/kernel: not an EIF: 7 bytes, the header alone has 548" "$ENCL" inspect "$V/kernel"
