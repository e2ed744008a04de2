# Goal: a key in a PKCS#11 token (SoftHSM) signs as a key file does; nothing prompts,
# no PIN is told, and each failure has its message and leaves no file.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/sign.sh"
need softhsm2-util pkcs11-tool faketime setsid
MODULE=$(find /usr/lib -name libsofthsm2.so -print -quit)
ENGINE=$(openssl version -e | sed 's/.*"\(.*\)"/\1/')/pkcs11.so
[ -n "$MODULE" ] || skip "libsofthsm2.so is not installed; run make setup"
[ -e "$ENGINE" ] || skip "libengine-pkcs11-openssl is not installed; run make setup"
unset ENCLAVEBUILD_PKCS11_PIN PKCS11_MODULE_PATH
mkdir work tokens
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$WORK/tokens" >softhsm.conf
export SOFTHSM2_CONF=$WORK/softhsm.conf

token() { # token LABEL PIN
	softhsm2-util --init-token --free --label "$1" --pin "$2" --so-pin 87654321 >/dev/null
}
token_key() { # token_key OBJECT ID CURVE: made in the token; its certificate is OBJECT.pem
	pkcs11-tool --module "$MODULE" --token-label "release keys; 1" --login --pin the-right-pin --keypairgen \
		--key-type "EC:$3" --label "$1" --id "$2" >/dev/null 2>&1
	OPENSSL_CONF=$WORK/engine.conf openssl req -new -x509 -engine pkcs11 -keyform engine \
		-key "pkcs11:token=release%20keys%3B%201;object=$1;type=private;pin-value=the-right-pin" \
		-subj "/CN=$1" -days 2 -out "$1.pem" >log 2>&1 || fail "no certificate of $1: $(cat log)"
}
printf 'openssl_conf = o\n[o]\nengines = e\n[e]\npkcs11 = p\n[p]\nMODULE_PATH = %s\n[req]\ndistinguished_name = d\n[d]\n' \
	"$MODULE" >engine.conf
token "release keys; 1" the-right-pin
token other another-pin
token_key signer-256 0a prime256v1
token_key signer-384 0b secp384r1
token_key signer-521 0c secp521r1

printf 'the-right-pin\n' >pin
chmod 600 pin
T="pkcs11:token=release%20keys%3B%201"
Q="module-path=$MODULE"
P="$Q&pin-source=$WORK/pin"
key() { # the URI as messages name it
	echo "pkcs11:token=release%20keys%3B%201;object=$1;type=private"
}
sign() { # sign CERTIFICATE URI [OPTION…]; without a terminal to ask at
	setsid -w "$ENCL" sign work/a.eif --certificate "$1" --key "${@:2}"
}
no_pin() {
	! grep -qF -e the-right-pin -e the-wrong-pin out err || fail "a PIN is in: $(cat out err)"
}
refused() { # refused CODE MESSAGE CERTIFICATE URI [OPTION…]
	leaves_nothing "$1" "$2" sign "${@:3}"
	no_pin
}

# Curves; PIN by a file (also as a URL) or the variable; by label or id
for bits in 256 384 521; do
	cp "$V/unsigned.eif" work/a.eif
	run 0 sign signer-$bits.pem "$T;object=signer-$bits;type=private?$P"
	same "stderr" "" "$(cat err)"
	no_pin
	verified work/a.eif signer-$bits.pem
done
cp "$V/signed.eif" work/a.eif
run 0 sign signer-384.pem "$T;id=%0b?pin-source=file:$WORK/pin&$Q"
verified work/a.eif signer-384.pem
cp "$V/unsigned.eif" work/a.eif
ENCLAVEBUILD_PKCS11_PIN=the-right-pin run 0 sign signer-384.pem "$T;object=signer-384?$Q" -o work/b.eif
verified work/b.eif signer-384.pem
rm work/b.eif
# the module that p11-kit knows, where this machine has it registered
if grep -qs libsofthsm2 /usr/share/p11-kit/modules/*; then
	run 0 sign signer-384.pem "$T;object=signer-384?pin-source=$WORK/pin" -o work/b.eif
	verified work/b.eif signer-384.pem
	rm work/b.eif
fi

# PINs
printf the-wrong-pin >wrong
refused 4 "$(key signer-384): the PIN of $WORK/wrong is wrong; after some wrong ones a token locks itself" \
	signer-384.pem "$T;object=signer-384?$Q&pin-source=$WORK/wrong"
spy=$(find /usr/lib -name pkcs11-spy.so -print -quit)
if [ -n "$spy" ]; then # once: tokens count
	PKCS11SPY=$MODULE PKCS11SPY_OUTPUT=$WORK/spy.log run 4 sign signer-384.pem \
		"$T;object=signer-384?module-path=$spy&pin-source=$WORK/wrong"
	same "attempts with a wrong PIN" 1 "$(grep -c 'C_Login$' spy.log)"
fi
ENCLAVEBUILD_PKCS11_PIN=the-wrong-pin refused 4 "$(key signer-384): the PIN of ENCLAVEBUILD_PKCS11_PIN is wrong; after some wrong ones a token locks itself" \
	signer-384.pem "$T;object=signer-384?$Q"
refused 4 "$(key signer-384): no such private key is seen without a PIN; give a file by ?pin-source=/PATH, or ENCLAVEBUILD_PKCS11_PIN" \
	signer-384.pem "$T;object=signer-384?$Q"
refused 4 "$(key signer-384): pin-source: open $WORK/none: No such file or directory" \
	signer-384.pem "$T;object=signer-384?$Q&pin-source=$WORK/none"
: >empty
refused 4 "$(key signer-384): $WORK/empty: not one line with a PIN" signer-384.pem "$T;object=signer-384?$Q&pin-source=$WORK/empty"
printf 'the-right-pin\nthe-wrong-pin\n' >two
refused 4 "$(key signer-384): $WORK/two: not one line with a PIN" signer-384.pem "$T;object=signer-384?$Q&pin-source=$WORK/two"
value="the pkcs11: URI has the PIN in it (pin-value), where others see it; give a file by ?pin-source=/PATH, or ENCLAVEBUILD_PKCS11_PIN"
refused 2 "$value" signer-384.pem "$T;object=signer-384?$Q&pin-value=the-right-pin"
refused 2 "$value" signer-384.pem "$T;object=signer-384;pin-value=the-right-pin"

# tokens, objects, keys
# (SoftHSM numbers its tokens at random)
there=$(ENCLAVEBUILD_PKCS11_PIN=x "$ENCL" sign work/a.eif --certificate signer-384.pem --key "pkcs11:token=absent;id=1?$Q" 2>&1 | sed 's/.*is: //')
same "tokens" 'other, release\x20keys;\x201' "$(tr -d ' ' <<<"$there" | tr , '\n' | sort | paste -sd , | sed 's/,/, /')"
refused 4 "pkcs11:token=absent;object=signer-384;type=private: no such token is there; there is: $there" \
	signer-384.pem "pkcs11:token=absent;object=signer-384?$P"
refused 4 "$(key signer-9): no such private key is in the token" signer-384.pem "$T;object=signer-9?$P"
refused 4 "pkcs11:token=other;object=signer-384;type=private: the PIN of $WORK/pin is wrong; after some wrong ones a token locks itself" \
	signer-384.pem "pkcs11:token=other;object=signer-384?$P"
refused 4 "signer-384.pem does not belong to $(key signer-256): key values mismatch" signer-384.pem "$T;object=signer-256?$P"
refused 4 "$V/cert.pem does not belong to $(key signer-384): key values mismatch" "$V/cert.pem" "$T;object=signer-384?$P"
pkcs11-tool --module "$MODULE" --token-label "release keys; 1" --login --pin the-right-pin --keypairgen \
	--key-type rsa:2048 --label rsa --id 0d >/dev/null 2>&1
refused 4 "$(key rsa): the key is not on P-256, P-384 or P-521, or its public half is not in the token" signer-384.pem "$T;object=rsa?$P"
rm -r tokens.absent 2>/dev/null || true
mv tokens tokens.absent
mkdir tokens
run 4 sign signer-384.pem "$T;object=signer-384?$P"
grep -q "^enclavebuild: $(key signer-384): no such token is there" err || fail "$(cat err)"
rmdir tokens
mv tokens.absent tokens
openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -subj /CN=rsa -out rsa.pem 2>/dev/null
refused 4 "rsa.pem does not belong to $(key signer-384): key type mismatch" rsa.pem "$T;object=signer-384?$P"
OPENSSL_CONF=engine.conf faketime -f '@2020-01-01 00:00:00' openssl req -new -x509 -engine pkcs11 -keyform engine \
	-key "$T;object=signer-384;type=private;pin-value=the-right-pin" -subj /CN=old -days 1 -out old.pem >/dev/null 2>&1
refused 4 "old.pem: expired on Jan  2 00:00:00 2020 GMT; an enclave signed with it would not start" old.pem "$T;object=signer-384?$P"

# what the machine lacks
refused 5 "$(key signer-384): module-path: /none.so: cannot open shared object file: No such file or directory" \
	signer-384.pem "$T;object=signer-384?module-path=/none.so"
libc=$(ldd "$ENCL" | awk '/libcrypto/ {print $3}')
refused 5 "$(key signer-384): $libc: not a PKCS#11 module" signer-384.pem "$T;object=signer-384?module-path=$libc"
OPENSSL_ENGINES=$WORK/work refused 5 "$(key signer-384): OpenSSL has no engine \"pkcs11\"; install libengine-pkcs11-openssl" \
	signer-384.pem "$T;object=signer-384?$P"

# URIs
uri() { refused 2 "the pkcs11: URI $2" signer-384.pem "$1"; }
uri "pkcs11:object=x" "does not say which token: token= or serial="
uri "$T" "does not say which key: object= or id="
uri "$T;object=x;type=public" "is not of a private key: type="
uri "$T;object=x;object=y" "has an attribute twice"
uri "$T;object=%4" "has an attribute that is empty or not encoded as a URI's"
uri "$T;object=a b" "has an attribute that is empty or not encoded as a URI's"
uri "$T;object=%00" "has an attribute that is empty or not encoded as a URI's"
uri "$T;object=x?pin-source=pin" "has a pin-source that is not a file's absolute path"
uri "$T;object=x?pin-source=|cat%20pin" "has an attribute that is empty or not encoded as a URI's"
uri "$T;object=x?module-path=x.so" "has a module-path that is not absolute"
uri "$T;object=x;slot-id=1" "has an attribute that is not known here; known are token, manufacturer, model, serial, object, id, type, and behind a ? pin-source and module-path"

# by a manifest
rm -rf work
mkdir work
project "sign: {certificate: ../signer-384.pem, key: {pkcs11: \"$T;object=signer-384?$P\"}}"
run 0 build
same "files" "t.eif t.measurements.json" "$(cd work && echo *)"
verified work/t.eif signer-384.pem
rm work/*
project "sign: {certificate: ../signer-384.pem, key: {pkcs11: \"$T;object=signer-9?$P\"}}"
leaves_nothing 4 "sign: $(key signer-9): no such private key is in the token" build
project "sign: {certificate: ../signer-384.pem, key: {pkcs11: \"$T;object=signer-256?$P\"}}"
leaves_nothing 4 "sign: project/../signer-384.pem does not belong to $(key signer-256): key values mismatch" build
project "sign: {certificate: ../signer-384.pem, key: {pkcs11: \"$T;object=signer-384?$Q&pin-value=the-right-pin\"}}"
run 2 build
grep -q "sign.key.pkcs11: the URI has the PIN in it (pin-value), where others see it; " err || fail "$(cat err)"
no_pin
same "files" "" "$(ls -A work)"
