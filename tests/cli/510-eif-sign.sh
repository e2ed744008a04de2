# Goal: sign adds, replaces and removes a signature, reproducibly and whole or
# not at all; keys and certificates that do not fit are refused.
. "$(dirname "$0")/lib.sh"
need openssl
V=$TOP/tests/golden/vectors
cp "$V/unsigned.eif" a.eif
chmod 640 a.eif

run 0 "$ENCL" sign a.eif --certificate "$V/cert.pem" --key "$V/key.pem" --json
cmp a.eif "$V/signed.eif"
same "mode" 640 "$(stat -c %a a.eif)"
grep -q '"PCR8": "b37d9b2e' out || fail "no PCR8: $(cat out)"
run 0 "$ENCL" sign a.eif --certificate "$V/cert.pem" --key "$V/key.pem" # again: the same
cmp a.eif "$V/signed.eif"
run 0 "$ENCL" sign a.eif --remove -o b.eif
cmp b.eif "$V/unsigned.eif"
cmp a.eif "$V/signed.eif"
ln -s a.eif link.eif
run 0 "$ENCL" sign link.eif --remove # the file is replaced, not the link
[ -L link.eif ] || fail "the link is gone"
cmp a.eif "$V/unsigned.eif"

# other keys, made by openssl; a longer certificate file in place of a short one
make_key() { # make_key NAME CURVE [REQ-OPTION…]
	openssl ecparam -name "$2" -genkey -noout -out "$1.key"
	openssl req -new -x509 -key "$1.key" -subj "/C=DE/CN=$1" -days 2 -out "$1.pem" "${@:3}"
}
for curve in prime256v1 secp384r1 secp521r1; do
	make_key "$curve" "$curve"
	cat "$curve.pem" "$V/cert.pem" "$V/cert.pem" >chain.pem
	cp "$V/signed.eif" c.eif
	run 0 "$ENCL" sign c.eif --certificate chain.pem --key "$curve.key"
	run 0 "$ENCL" inspect --strict --json c.eif
	same "signed with $curve" "$("$TOP/tests/support/oracle.sh" c.eif "$curve.pem")" \
		"$(sed -n 's/^    "\(PCR.\)": "\(.*\)".*/\1 \2/p' out)"
	grep -q "\"commonName\": \"$curve\"" out || fail "issuer"
	cp c.eif d.eif
	openssl pkcs8 -topk8 -nocrypt -in "$curve.key" -out pkcs8.key
	run 0 "$ENCL" sign d.eif --certificate chain.pem --key pkcs8.key
	cmp c.eif d.eif
done

# refused, and nothing changes
cp "$V/unsigned.eif" keep.eif
sign() { "$ENCL" sign a.eif --certificate "$1" --key "$2"; }
rejects 4 "$V/cert.pem does not belong to the key in secp384r1.key: key values mismatch" sign "$V/cert.pem" secp384r1.key
rejects 4 "$V/cert.pem does not belong to the key in prime256v1.key: key values mismatch" sign "$V/cert.pem" prime256v1.key
openssl ec -in secp384r1.key -aes128 -passout pass:x -out locked.key 2>/dev/null
rejects 4 'locked.key: the key is encrypted; decrypt it first: openssl pkey -in locked.key -out KEY' sign secp384r1.pem locked.key
openssl genrsa -out rsa.key 2048 2>/dev/null
rejects 4 'rsa.key: the key is not on P-256, P-384 or P-521; make one with: openssl ecparam -name secp384r1 -genkey -noout' sign secp384r1.pem rsa.key
openssl req -new -key secp384r1.key -subj /CN=old -out old.csr
openssl x509 -req -in old.csr -signkey secp384r1.key -days -1 -out old.pem 2>/dev/null
run 4 sign old.pem secp384r1.key
grep -qE '^enclavebuild: old.pem: (expired on|not valid before) ' err || fail "$(cat err)"
make_key usage secp384r1 -addext keyUsage=keyCertSign
rejects 4 'usage.pem: its key usage does not allow digital signatures' sign usage.pem usage.key
cat secp384r1.pem secp384r1.key >both.pem
rejects 4 'both.pem: holds a private key, which would become part of the image; give a file with certificates only' sign both.pem secp384r1.key
rejects 4 'open none.pem: No such file or directory' sign none.pem secp384r1.key
rejects 2 'sign: --certificate and --key are both needed' "$ENCL" sign a.eif --key secp384r1.key
rejects 2 'sign: --remove takes neither --certificate nor --key' "$ENCL" sign a.eif --remove --key secp384r1.key
cmp a.eif keep.eif
cp a.eif damaged.eif
printf X | dd of=damaged.eif bs=1 seek=862 conv=notrunc status=none
run 3 "$ENCL" sign damaged.eif --certificate secp384r1.pem --key secp384r1.key
grep -q ': the file is damaged$' err || fail "$(cat err)"
mkdir locked
cp a.eif locked
same "no temporary is left" "" "$(find . -name '.*.eif.*')"
if [ "$(id -u)" != 0 ]; then
	chmod 555 locked
	run 1 "$ENCL" sign locked/a.eif --certificate secp384r1.pem --key secp384r1.key
fi
rejects 1 'create /dev/full/x.eif: Not a directory' "$ENCL" sign a.eif --remove -o /dev/full/x.eif
