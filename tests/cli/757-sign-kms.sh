# Goal: a key in KMS signs as a key file does, against a stand-in that checks SigV4
# and signs with OpenSSL; each failure has its message, tells no secret, leaves no file.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/sign.sh"
need faketime
ID=AKIDEXAMPLE SECRET=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY SESSION=FwoGZXIvYXdzEXAMPLE/+==
ACCOUNT=123456789012
ARN=arn:aws:kms:eu-central-1:$ACCOUNT:key
A=00000000-1111-2222-3333-444444444444 # P-384, as the others where nothing else is said
MRK=mrk-0123456789abcdef0123456789abcdef
mkdir work keys

kms_key() { # kms_key ID CURVE: its certificate is ID.pem
	make_key "$1" "$2"
	mv "$1.key" keys
}
sign() { # sign ID [OPTION…]
	"$ENCL" sign work/a.eif --certificate "${CERT:-$1.pem}" --key "$ARN/$1" "${@:2}"
}
no_secret() {
	! grep -qF -e "$SECRET" -e "$SESSION" out err || fail "a secret is in: $(cat out err)"
}
refused() { # refused CODE MESSAGE ID [OPTION…]
	leaves_nothing "$1" "$2" sign "${@:3}"
	no_secret
}
requests() { # what KMS was asked since the last time
	grep -v ^listening "$KMS_LOG" >now || true
	tail -n "+$(($(cat seen) + 1))" now
	wc -l <now >seen
}
echo 0 >seen

kms_key $A secp384r1
kmsd kms "key=$ID:$SECRET:$SESSION" region=eu-central-1 account=$ACCOUNT keys="$WORK/keys"
export AWS_ACCESS_KEY_ID=$ID AWS_SECRET_ACCESS_KEY=$SECRET AWS_SESSION_TOKEN=$SESSION AWS_ENDPOINT_URL_KMS=$KMS/

# All three curves, and a multi-Region key; one request for the key, one to sign
for curve in prime256v1:1 secp384r1:2 secp521r1:3 secp384r1:mrk; do
	id=$A
	case $curve in
	*:mrk) id=$MRK ;;
	*) id=${A%4}${curve#*:} ;;
	esac
	kms_key "$id" "${curve%:*}"
	for image in unsigned signed; do
		cp "$V/$image.eif" work/a.eif
		run 0 sign "$id"
		no_secret
		same "requests" "200 POST /: GetPublicKey $id
200 POST /: Sign $id" "$(requests)"
		verified work/a.eif "$id.pem"
	done
done
cp "$V/unsigned.eif" work/a.eif

# what KMS refuses, and what that means
fault() { printf '%s\n' "${@:2}" >"keys/$1.fault"; }
get="$ARN/$A: GetPublicKey at $KMS/:"
put="$ARN/$A: Sign at $KMS/:"
fault $A "GetPublicKey AccessDeniedException User: arn:aws:iam::1:user/x is not authorized to perform: kms:GetPublicKey"
refused 4 "$get HTTP status 400: AccessDeniedException: User: arn:aws:iam::1:user/x is not authorized to perform: kms:GetPublicKey (the environment lacks the right to kms:GetPublicKey on this key)" $A
fault $A "Sign AccessDeniedException no"
refused 4 "$put HTTP status 400: AccessDeniedException: no (the environment lacks the right to kms:Sign on this key)" $A
fault $A "GetPublicKey DisabledException it is off"
refused 4 "$get HTTP status 400: DisabledException: it is off (the key is disabled)" $A
fault $A "Sign DisabledException"
refused 4 "$put HTTP status 400: DisabledException (the key is disabled)" $A
fault $A "GetPublicKey KMSInvalidStateException $ARN/$A is pending deletion."
refused 4 "$get HTTP status 400: KMSInvalidStateException: $ARN/$A is pending deletion (the key cannot be used in the state it is in: being made, imported, or about to be deleted)" $A
fault $A "Sign InvalidKeyUsageException"
refused 4 "$put HTTP status 400: InvalidKeyUsageException (the key is not one for signing)" $A
fault $A "GetPublicKey ExpiredTokenException The security token included in the request is expired"
refused 4 "$get HTTP status 400: ExpiredTokenException: The security token included in the request is expired (what the environment gives has expired)" $A
fault $A "GetPublicKey SomeException it repeats $SECRET"
refused 4 "$get HTTP status 400: SomeException" $A
CERT=$A.pem refused 4 "$ARN/${A%4}9: GetPublicKey at $KMS/: HTTP status 400: NotFoundException: Key does not exist (no such key in that region and account)" "${A%4}9"

# throttled: tried again, four times at most
fault $A "Sign busy 2"
requests >/dev/null
run 0 sign $A -o work/b.eif
same "requests" "200 POST /: GetPublicKey $A
400 POST /: Rate exceeded
400 POST /: Rate exceeded
200 POST /: Sign $A" "$(requests)"
verified work/b.eif $A.pem
rm work/b.eif
fault $A "Sign busy 100"
refused 6 "$put HTTP status 400: ThrottlingException: Rate exceeded" $A
same "requests" 5 "$(requests | wc -l)"

# no answers, and answers that are none
fault $A "Sign status 500"
refused 6 "$put HTTP status 500 (the server is in trouble; try again later)" $A
fault $A "GetPublicKey status 403"
refused 6 "$get HTTP status 403 (no access)" $A
fault $A "GetPublicKey status 302"
refused 6 "$get HTTP status 302" $A
fault $A "Sign down"
refused 6 "$put Empty reply from server" $A
fault $A "Sign huge"
refused 6 "$put the answer is larger than 262144 bytes" $A
fault $A "GetPublicKey rubbish"
refused 6 "$ARN/$A: answer: not JSON" $A
for member in KeyId KeyUsage KeySpec PublicKey; do
	fault $A "GetPublicKey drop $member"
	refused 6 "$ARN/$A: answer: \"$member\" is missing or not a string" $A
done
for member in KeyId SigningAlgorithm Signature; do
	fault $A "Sign drop $member"
	refused 6 "$ARN/$A: Sign: answer: \"$member\" is missing or not a string" $A
done
fault $A "Sign set KeyId $ARN/$MRK"
refused 6 "$ARN/$A: Sign: answer: \"KeyId\" is not what was asked for" $A
fault $A "Sign set SigningAlgorithm ECDSA_SHA_256"
refused 6 "$ARN/$A: Sign: answer: \"SigningAlgorithm\" is not what was asked for" $A
fault $A "Sign set Signature AAAA===="
refused 6 "$ARN/$A: Sign: answer: \"Signature\" is not base64 of at most 1024 bytes" $A
fault $A "Sign set Signature MAYCAQUCAQc="
no="does not verify with the key of the certificate: KMS signed something else, or with another key"
refused 4 "the signature of $ARN/$A $no" $A
fault $A "Sign set Signature AAAA"
refused 4 "$ARN/$A: not a DER ECDSA signature" $A
kms_key other secp384r1
fault $A "Sign by other.key" # a stranger's signature
refused 4 "the signature of $ARN/$A $no" $A
fault $A "GetPublicKey by other.key" # and a stranger's key
refused 4 "$A.pem does not belong to $ARN/$A: key values mismatch" $A
rm keys/$A.fault
CERT=other.pem refused 4 "other.pem does not belong to $ARN/$A: key values mismatch" $A
fault $A "GetPublicKey set KeyUsage KEY_AGREEMENT"
refused 4 "$ARN/$A: its key usage is KEY_AGREEMENT, not SIGN_VERIFY" $A
fault $A "GetPublicKey set KeySpec ECC_NIST_P521"
refused 6 "$ARN/$A: answer: \"PublicKey\" is not a key of ECC_NIST_P521" $A
openssl genrsa -out keys/$A.rsa 2048 2>/dev/null
fault $A "GetPublicKey by $A.rsa"
refused 4 "$ARN/$A: its key spec is RSA_2048; images are signed with ECC_NIST_P256, ECC_NIST_P384 or ECC_NIST_P521" $A
rm keys/$A.fault
cp keys/$A.key $A.key
expire $A
requests >/dev/null
CERT=$A-old.pem refused 4 "$EXPIRED" $A
same "requests for an expired certificate" "200 POST /: GetPublicKey $A" "$(requests)"

# nobody answers, nothing may be asked, nobody is there to ask
AWS_ENDPOINT_URL_KMS=http://127.0.0.1:1 run 6 sign $A
grep -qF "enclavebuild: $ARN/$A: GetPublicKey at http://127.0.0.1:1/: Failed to connect to 127.0.0.1 port 1" err || fail "$(cat err)"
same "requests" "" "$(requests)"
refused 6 "$ARN/$A: KMS is not asked, because of --offline" $A --offline
AWS_ENDPOINT_URL_KMS=http://192.0.2.1/ refused 2 '"http://192.0.2.1/" as the address of KMS: only https, or http to this machine' $A
AWS_SECRET_ACCESS_KEY='' refused 4 "$ARN/$A: AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY" $A
AWS_ACCESS_KEY_ID='' AWS_SECRET_ACCESS_KEY='' refused 4 "$ARN/$A: no AWS identity in the environment, profile files, container endpoint (in a container, IMDSv2 needs a hop limit of 2)" $A
AWS_SECRET_ACCESS_KEY=wrong refused 4 "$get HTTP status 400: InvalidSignatureException: The request signature we calculated does not match the signature you provided (the secret key of the environment is not the key id's)" $A
AWS_SESSION_TOKEN=old refused 4 "$get HTTP status 400: UnrecognizedClientException: The security token included in the request is invalid (the key id or session token of the environment is not known to AWS)" $A
kmsd ahead "key=$ID:$SECRET:$SESSION" region=eu-central-1 account=$ACCOUNT keys="$WORK/keys" skew=3600
AWS_ENDPOINT_URL_KMS=$KMS run 4 sign $A
grep -qE "InvalidSignatureException: Signature expired or not yet current \(this machine's clock is (3599|3600|3601) s behind; set it right\)$" err || fail "$(cat err)"
no_secret
stop ahead

# names that are no key's ARN
named() { # named NAME WHY
	leaves_nothing 4 "$1: $2" "$ENCL" sign work/a.eif --certificate $A.pem --key "$1"
}
own="give the key's own ARN: arn:aws:kms:REGION:ACCOUNT:key/ID"
find=" (aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn)"
named alias/release "is an alias, which can be moved to another key; $own$find"
named "${ARN%key}alias/release" "is the ARN of an alias, which can be moved to another key; $own$find"
named $A "is an id, which does not say region and account; $own (aws kms describe-key --key-id ID --query KeyMetadata.Arn)"
named $MRK "is an id, which does not say region and account; $own (aws kms describe-key --key-id ID --query KeyMetadata.Arn)"
for bad in "arn:aws:s3:::bucket" "$ARN/" "$ARN/x" "${ARN/$ACCOUNT/12}/$A" "arn:aws:kms::$ACCOUNT:key/$A" "$ARN/$A/x" "$ARN/$A\"" "${ARN/eu-/eu.}/$A"; do
	named "$bad" "is not the ARN of a key in KMS; $own"
done
named "${ARN/aws/aws-moon}/$A" "is of a partition that is not known here"
# a file of such a name is a file
mkdir alias
cp $A.key alias/release
run 0 "$ENCL" sign work/a.eif --certificate $A.pem --key alias/release
verified work/a.eif $A.pem

# by a manifest; nothing but the certificate is asked before the build, and a
# refusal to sign leaves neither image nor measurements
rm -rf work
mkdir work
project "sign: {certificate: ../$A.pem, key: {kms: \"$ARN/$A\"}}"
run 0 build
same "files" "t.eif t.measurements.json" "$(cd work && echo *)"
verified work/t.eif $A.pem
same "PCR8" "$("$ENCL" measure --signing-certificate $A.pem | cut -d ' ' -f 2)" "$(jq -r .Measurements.PCR8 work/t.measurements.json)"
rm work/*
fault $A "Sign AccessDeniedException no"
leaves_nothing 4 "$put HTTP status 400: AccessDeniedException: no (the environment lacks the right to kms:Sign on this key)" build
fault $A "GetPublicKey DisabledException"
leaves_nothing 4 "sign: $get HTTP status 400: DisabledException (the key is disabled)" build
rm keys/$A.fault
leaves_nothing 6 "sign: $ARN/$A: KMS is not asked, because of --offline" build --offline
