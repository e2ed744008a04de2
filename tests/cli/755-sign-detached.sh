# Goal: measure --to-sign, a signature by openssl elsewhere, attach: the image is
# signed as if the key had been here; whatever does not fit leaves no file.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/sign.sh"
need faketime

raw() { # DER to r and s: raw WIDTH DER-FILE
	python3 - "$@" <<'EOF'
import sys
w, b = int(sys.argv[1]), open(sys.argv[2], "rb").read()
i = 3 if b[1] & 128 else 2
out = b""
for _ in range(2):
    n = b[i + 1]
    out += int.from_bytes(b[i + 2 : i + 2 + n], "big").to_bytes(w, "big")
    i += 2 + n
sys.stdout.buffer.write(out)
EOF
}

mkdir work
for curve in prime256v1:32:ES256 secp384r1:48:ES384 secp521r1:66:ES512; do
	IFS=: read -r curve width alg <<<"$curve"
	make_key "$curve" "$curve"
	cp "$V/unsigned.eif" a.eif
	hash=$(hash_of "$curve")
	run 0 "$ENCL" measure a.eif --to-sign a.to-sign --certificate "$curve.pem"
	digest=$(openssl dgst "-$hash" -r a.to-sign | cut -d ' ' -f 1)
	same "what measure prints" "$("$TOP/tests/support/oracle.sh" a.eif "$curve.pem")
sign $alg $hash:$digest" "$(cat out)"
	run 0 "$ENCL" measure a.eif --to-sign b.to-sign --certificate "$curve.pem" --json
	cmp a.to-sign b.to-sign
	same "JSON" "$(printf 'b.to-sign\n%s\n%s:%s' "$alg" "$hash" "$digest")" "$(jq -r '.ToSign | .File, .Algorithm, .Digest' out)"
	# from the file, and from its digest as `aws kms sign` and HSMs want it
	openssl dgst "-$hash" -sign "$curve.key" -out der a.to-sign
	openssl dgst "-$hash" -binary -out digest a.to-sign
	openssl pkeyutl -sign -inkey "$curve.key" -in digest -out der2
	raw "$width" der >raw
	base64 -w 40 der >der.b64
	base64 -w 0 raw >raw.b64
	for s in der der2 raw der.b64 raw.b64; do
		cp "$V/unsigned.eif" work/s.eif
		run 0 "$ENCL" attach work/s.eif --signature "$s" --certificate "$curve.pem"
		same "what attach prints" "$("$TOP/tests/support/oracle.sh" a.eif "$curve.pem")" "$(cat out)"
		[ "$s" = der ] && verified work/s.eif "$curve.pem"
		[ "$s" = der ] || [ "$s" = der2 ] || cmp work/s.eif der.eif
		[ "$s" != der ] || cp work/s.eif der.eif
	done
	cmp section.signed a.to-sign
	# the deterministic signature of a key that is here is the same bytes, too
	cp "$V/unsigned.eif" here.eif
	run 0 "$ENCL" sign here.eif --certificate "$curve.pem" --key "$curve.key"
	"$TOP/tests/support/eif-signature.py" here.eif here >/dev/null
	run 0 "$ENCL" attach a.eif --signature here.der --certificate "$curve.pem" -o work/again.eif
	cmp here.eif work/again.eif
	rm -f work/*
done

# a signed image gets another signature; NAME.unsigned.eif becomes NAME.eif
cp "$V/signed.eif" work/a.unsigned.eif
chmod 640 work/a.unsigned.eif
run 0 "$ENCL" attach work/a.unsigned.eif --signature der --certificate secp521r1.pem --json
same "files" "a.eif a.unsigned.eif" "$(cd work && echo *)"
cmp work/a.unsigned.eif "$V/signed.eif"
cmp work/a.eif der.eif
same "mode" 640 "$(stat -c %a work/a.eif)"
rm work/a.eif

# whatever does not fit: exit code, message, and nothing changes
attach() { "$ENCL" attach work/a.unsigned.eif --signature "$1" --certificate "${2-secp384r1.pem}" "${@:3}"; }
openssl dgst -sha384 -sign secp384r1.key -out good a.to-sign
curve_bytes='neither DER nor the 96 bytes of r and s, nor base64 of one of them'
no="the certificate: it is of another image, of another key, or of something else than what measure --to-sign wrote"
"$ENCL" measure work/a.unsigned.eif --to-sign a.to-sign --certificate secp384r1.pem >/dev/null
openssl dgst -sha384 -sign secp384r1.key -out good a.to-sign
differs() { leaves_nothing 4 "work/a.unsigned.eif: the signature of $1 does not verify with the key of $no" attach "$@"; }
make_key other secp384r1
openssl dgst -sha384 -sign other.key -out other a.to-sign
differs other                  # of another key
differs good other.pem         # for another certificate
openssl dgst -sha384 -sign secp384r1.key -out twice <(openssl dgst -sha384 -binary a.to-sign)
differs twice                  # of the digest of the digest
sed 's/ramdisk/rumdisk/' a.to-sign | openssl dgst -sha256 -sign secp384r1.key -out short
differs short                  # with another hash
raw 48 good >good.raw
printf '\0' | dd of=good.raw bs=1 seek=20 conv=notrunc status=none
differs good.raw
head -c 96 /dev/zero >zeros
differs zeros
# of another image: what was measured was altered afterwards, its CRC made good
run 0 "$ENCL" sign work/a.unsigned.eif --remove -o plain.eif
printf X | dd of=plain.eif bs=1 seek=862 conv=notrunc status=none
cp plain.eif work/b.eif
leaves_nothing 3 "$(run 3 "$ENCL" measure plain.eif && sed 's/^enclavebuild: plain/work\/b/' err)" \
	"$ENCL" attach work/b.eif --signature good --certificate secp384r1.pem
"$TOP/tests/support/eif-crc.py" work/b.eif
run 0 "$ENCL" inspect --strict work/b.eif
leaves_nothing 4 "work/b.eif: the signature of good does not verify with the key of $no" \
	"$ENCL" attach work/b.eif --signature good --certificate secp384r1.pem
leaves_nothing 4 "work/b.eif: the signature of good does not verify with the key of $no" \
	"$ENCL" attach work/b.eif --signature good --certificate secp384r1.pem -o work/c.eif
# no signature at all
leaves_nothing 4 "open none: No such file or directory" attach none
: >empty
leaves_nothing 4 "empty: not a signature of a key on P-384: $curve_bytes" attach empty
leaves_nothing 4 "a.to-sign: not a signature of a key on P-384: $curve_bytes" attach a.to-sign
head -c 5000 /dev/zero >large
leaves_nothing 4 "large is larger than 4096 bytes" attach large
{ cat good; echo; } >behind
leaves_nothing 4 "behind: not a DER ECDSA signature: bytes behind it, or another encoding" attach behind
head -c 50 good >shorter
leaves_nothing 4 "shorter: not a DER ECDSA signature" attach shorter
leaves_nothing 4 "der: r or s is no number of P-384: the signature is of a key on another curve" attach der
printf '\x30\x06\x02\x01\xff\x02\x01\x01' >negative
leaves_nothing 4 "negative: not a DER ECDSA signature" attach negative
# certificates
expire secp384r1
leaves_nothing 4 "$EXPIRED" attach good secp384r1-old.pem
leaves_nothing 4 "$EXPIRED" "$ENCL" measure a.eif --to-sign work/x --certificate secp384r1-old.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -subj /CN=rsa -out rsa.pem 2>/dev/null
leaves_nothing 4 "rsa.pem: its key is not on P-256, P-384 or P-521" attach good rsa.pem
leaves_nothing 4 "rsa.pem: its key is not on P-256, P-384 or P-521" "$ENCL" measure a.eif --to-sign work/x --certificate rsa.pem
leaves_nothing 4 "open none.pem: No such file or directory" attach good none.pem
# places, and slips of the command line
leaves_nothing 1 "create /dev/full/x.eif: Not a directory" attach good secp384r1.pem -o /dev/full/x.eif
leaves_nothing 1 "create work/none/x: No such file or directory" "$ENCL" measure a.eif --to-sign work/none/x --certificate secp384r1.pem
leaves_nothing 2 "attach: a signature needs both --signature and --certificate" "$ENCL" attach work/b.eif --signature good
leaves_nothing 2 "attach: a signature needs both --signature and --certificate" "$ENCL" attach work/b.eif -o work/c.eif
leaves_nothing 2 "attach: --signature takes one IMAGE" attach good secp384r1.pem web
leaves_nothing 2 "measure: --to-sign needs an IMAGE and --certificate, whose key decides the algorithm" "$ENCL" measure a.eif --to-sign work/x
leaves_nothing 2 "measure: --to-sign needs an IMAGE and --certificate, whose key decides the algorithm" "$ENCL" measure --file a.eif --to-sign work/x --certificate secp384r1.pem
leaves_nothing 2 "measure: --certificate is for --to-sign; PCR8 of one is --signing-certificate" "$ENCL" measure a.eif --certificate secp384r1.pem
cp secp384r1.key work/key
cp secp384r1.pem work/pem
leaves_nothing 2 "--output: work/key is what is read" "$ENCL" sign work/b.eif --certificate work/pem --key work/key -o work/key
leaves_nothing 2 "--output: work/.//pem is what is read" attach good work/pem -o work/.//pem
leaves_nothing 2 "--to-sign: work/pem is what is read" "$ENCL" measure work/b.eif --to-sign work/pem --certificate work/pem
leaves_nothing 2 "--to-sign: work/b.eif is the image itself" "$ENCL" measure work/b.eif --to-sign work/b.eif --certificate secp384r1.pem
attach good >/dev/null # and what fits, still does
verified work/a.eif secp384r1.pem

# By a manifest: the final name is not there before attach, and then it is as if
# the key had been in the manifest; its measurements too
rm -rf work
mkdir work
cp secp384r1.pem project.pem
project 'sign: {certificate: ../project.pem, key: ../secp384r1.key}'
run 0 build
mkdir here
mv work/* here
project 'sign: {certificate: ../project.pem, detached: true}'
run 0 build --json
same "files" "t.to-sign t.unsigned.eif t.unsigned.measurements.json" "$(cd work && echo *)"
same "what build tells" "work/t.unsigned.eif work/t.to-sign ES384 sha384:$(openssl dgst -sha384 -r work/t.to-sign | cut -d ' ' -f 1)" \
	"$(jq -r '[.Image, .ToSign.File, .ToSign.Algorithm, .ToSign.Digest] | join(" ")' out)"
run 0 "$ENCL" sign here/t.eif --remove -o plain.eif
cmp plain.eif work/t.unsigned.eif
run 0 "$ENCL" measure work/t.unsigned.eif --to-sign again --certificate project.pem
cmp again work/t.to-sign
"$TOP/tests/support/eif-signature.py" here/t.eif here/section >/dev/null
run 0 "$ENCL" attach work/t.unsigned.eif --signature here/section.der --certificate project.pem
same "files" "t.eif t.measurements.json t.to-sign t.unsigned.eif t.unsigned.measurements.json" "$(cd work && echo *)"
cmp here/t.eif work/t.eif
cmp here/t.measurements.json work/t.measurements.json || diff here/t.measurements.json work/t.measurements.json
# built again from its lock, it is the manifest's certificate that signed it
run 0 "$ENCL" lock -q project/enclave.yaml
"$ENCL" verify work/t.eif --rebuild project/enclave.yaml --json >out 2>err || fail "$(cat out err)"
same "signature of a rebuild" "pass by the manifest's certificate; its key is no file" \
	"$(jq -r '.Checks[] | select(.Name == "rebuild.signature") | "\(.Verdict) \(.Detail // .Message // .Text)"' out)"
cp work/t.eif work/u.eif
run 0 "$ENCL" sign work/u.eif --certificate other.pem --key other.key
run 3 "$ENCL" verify work/u.eif --rebuild project/enclave.yaml --json
same "signature by another" "fail not by the manifest's certificate ../project.pem" \
	"$(jq -r '.Checks[] | select(.Name == "rebuild.signature") | "\(.Verdict) \(.Detail // .Message // .Text)"' out)"
rm work/u.eif project/enclave.lock
run 0 build
grep -q "^PCR8   $(jq -r .Measurements.PCR8 here/t.measurements.json)" out || fail "$(cat out)"
grep -qE "^sign   ES384 sha384:[0-9a-f]{96} \(work/t.to-sign\)$" out || fail "$(cat out)"

# expect.pcr8 is that of the certificate; what does not fit costs no build, and
# leaves nothing
rm work/*
project 'sign: {certificate: ../project.pem, detached: true}' "expect: {pcr8: $(jq .Measurements.PCR8 here/t.measurements.json)}"
run 0 build
rm work/*
project 'sign: {certificate: ../other.pem, detached: true}' "expect: {pcr8: $(jq .Measurements.PCR8 here/t.measurements.json)}"
run 3 build
grep -q "expect.pcr8: expected $(jq -r .Measurements.PCR8 here/t.measurements.json), the image has " err || fail "$(cat err)"
same "files" "" "$(ls -A work)"
project 'sign: {certificate: ../secp384r1-old.pem, detached: true}'
leaves_nothing 4 "sign: project/../$EXPIRED" build
project 'sign: {certificate: ../rsa.pem, detached: true}'
leaves_nothing 4 "sign: project/../rsa.pem: its key is not on P-256, P-384 or P-521" build
project 'sign: {certificate: ../other.pem, key: ../secp384r1.key}'
leaves_nothing 4 "sign: project/../other.pem does not belong to the key in project/../secp384r1.key: key values mismatch" build
