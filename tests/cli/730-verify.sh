# Goal: verify passes only what agrees with itself and with something from elsewhere;
# every option with a match and a mismatch, every message and exit code.
. "$(dirname "$0")/lib.sh"
need openssl jq python3 sha256sum
python3 "$TOP/tests/support/ambiguous.py" make .
mkdir tricks && mv ./*.eif ./*.seen tricks/ && cp tricks/good.eif plain.eif
recertify() { python3 "$TOP/tests/support/recertify.py" "$@"; }
verify() { "$ENCL" verify "$@"; }
pcr() { "$ENCL" measure "$1" | sed -n "s/^PCR$2 //p"; }
other() { echo "$1" | tr 0-9a-f 1-9a-f0; } # another value
# says VERDICT NAME TEXT: a line of the last run
says() {
	grep -qxFe "$(printf '%-3s %-17s %s' "$1" "$2" "$3")" out || fail "not said: $1 $2 $3"$'\n'"$(cat out)"
}
# fails_with CODE MESSAGE ARGUMENT…: of verify, which prints its checks
fails_with() {
	local code=$1 message=$2
	shift 2
	run "$code" "$ENCL" verify "$@"
	same "stderr of verify $*" "enclavebuild: $message" "$(cat err)"
}

# ---- certificates: a CA, another one, one in between, and what is signed by them ----
ca() { # ca NAME
	openssl ecparam -name secp384r1 -genkey -noout -out "$1.key"
	openssl req -new -x509 -key "$1.key" -subj "/CN=$1" -days 3650 -out "$1.pem"
}
leaf() { # leaf NAME KEY CA EXTENSIONS DAYS
	openssl req -new -key "$2.key" -subj "/CN=$1" -out "$1.csr"
	printf '%b' "$4" >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA "$3.pem" -CAkey "$3.key" -CAcreateserial -days "$5" \
		-extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
ca root
ca stranger
for name in between signer; do openssl ecparam -name secp384r1 -genkey -noout -out $name.key; done
leaf between between root 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n' 3650
leaf signer signer root 'keyUsage=digitalSignature\n' 3650
leaf under signer between 'keyUsage=digitalSignature\n' 3650
leaf agree signer root 'keyUsage=keyAgreement\n' 3650
leaf free signer root 'basicConstraints=CA:FALSE\n' 3650
cat under.pem between.pem >chain.pem
cp plain.eif signed.eif
run 0 "$ENCL" sign signed.eif --certificate signer.pem --key signer.key
P0=$(pcr signed.eif 0) P1=$(pcr signed.eif 1) P2=$(pcr signed.eif 2) P8=$(pcr signed.eif 8)
"$ENCL" measure --json signed.eif >signed.json

# ---- what passes, line for line ----
run 0 verify signed.eif --pcr0 "$P0" --pcr1 "$P1" --pcr2 "${P2^^}" --pcr8 "$P8" --pcr 8="$P8" \
	-m signed.json --image signed.eif --chain root.pem --require-signature
same "no message" "" "$(cat err)"
same "checks" "structure boundaries boundaries ramdisks crc signature certificate.dates certificate.usage certificate.chain \
PCR0 PCR1 PCR2 PCR8 PCR8 PCR0 PCR1 PCR2 PCR8 PCR0 PCR1 PCR2 PCR8 sections" "$(sed -E 's/^ok +([^ ]+) .*/\1/' out | tr '\n' ' ' | sed 's/ $//')"
says ok structure "EIF version 4, 6 sections; header, table and file agree"
says ok boundaries "kernel of 3584 bytes as its header says, command line of one line"
says ok boundaries "2 ramdisks, each one archive from its first byte to the zeros behind it"
says ok ramdisks "4 names, each once"
says ok signature "verifies, and signs this PCR0"
says ok certificate.usage "its key may be used for digital signatures"
says ok certificate.chain "leads to root.pem"
says ok PCR0 "as --pcr0 has it"
says ok PCR8 "as --pcr 8 has it"
says ok PCR2 "as signed.json has it"
says ok PCR1 "as signed.eif has it"
run 0 verify plain.eif --pcr0 "$P0"
says -- signature "the image is not signed"
run 0 verify plain.eif --image plain.eif -q

# ---- JSON ----
run 0 verify signed.eif --pcr0 "$P0" --json
same "keys" "Image Digest Verdict Checks Measurements" "$(jq -r 'keys_unsorted | join(" ")' out)"
same "values" "signed.eif sha256:$(sha256sum signed.eif | cut -d' ' -f1) pass $P0" \
	"$(jq -r '[.Image, .Digest, .Verdict, .Measurements.PCR0] | join(" ")' out)"
same "a check" "{\"Name\":\"PCR0\",\"Verdict\":\"pass\",\"Text\":\"as --pcr0 has it\",\"Source\":\"--pcr0\",\"Expected\":\"$P0\",\"Got\":\"$P0\"}" \
	"$(jq -c '.Checks[] | select(.Name == "PCR0")' out)"
run 3 verify signed.eif --pcr0 "$(other "$P0")" --json
same "verdict" "fail fail" "$(jq -r '[.Verdict, (.Checks[] | select(.Name == "PCR0") | .Verdict)] | join(" ")' out)"
run 3 verify signed.eif --json
same "verdict of nothing" "fail comparison" "$(jq -r '[.Verdict, (.Checks[] | select(.Verdict == "fail") | .Name)] | join(" ")' out)"

# ---- mismatches ----
for n in 0 1 2 8; do
	value=P$n
	fails_with 3 "signed.eif: PCR$n: --pcr$n expects $(other "${!value}"), there is ${!value}" \
		signed.eif --pcr$n "$(other "${!value}")"
	says BAD PCR$n "--pcr$n expects $(other "${!value}"), there is ${!value}"
done
fails_with 3 "signed.eif: PCR16: --pcr 16 expects $P0, there is none" signed.eif --pcr 16="$P0"
fails_with 3 "plain.eif: PCR8: --pcr8 expects $P8, there is none" plain.eif --pcr8 "$P8"
# one that holds does not make up for one that does not
fails_with 3 "signed.eif: PCR0: --pcr0 expects $(other "$P0"), there is $P0" signed.eif --pcr0 "$P0" --pcr0 "$(other "$P0")"
sed "s/$P2/$(other "$P2")/" signed.json >other.json
fails_with 3 "signed.eif: PCR2: other.json expects $(other "$P2"), there is $P2" signed.eif -m other.json
fails_with 3 "plain.eif: PCR8: signed.eif expects $P8, there is none" plain.eif --image signed.eif
# a boundary that moved: PCR0 stays, and is not all that is held against
run 3 verify tricks/moved-zeros.eif --image plain.eif
says ok PCR0 "as plain.eif has it"
grep -q '^BAD PCR1 ' out || fail "PCR1 is the same: $(cat out)"
says BAD sections "plain.eif expects kernel 3584, cmdline 13, ramdisk 512, ramdisk 512, there is kernel 3584, cmdline 13, ramdisk 508, ramdisk 516"
# between kernel and command line all registers stay: the sections' sizes tell
run 3 verify tricks/moved-kernel-cmdline.eif --image plain.eif
says ok PCR1 "as plain.eif has it"
says ok PCR2 "as plain.eif has it"
says BAD sections "plain.eif expects kernel 3584, cmdline 13, ramdisk 512, ramdisk 512, there is kernel 3583, cmdline 14, ramdisk 512, ramdisk 512"

# ---- nothing to compare with ----
nothing='nothing to compare with: give --pcr0, --measurements, --image, --policy, --chain or --rebuild'
fails_with 3 "signed.eif: $nothing" signed.eif
says BAD comparison "$nothing"
fails_with 3 "signed.eif: $nothing" signed.eif --require-signature --at 2027-01-01T00:00:00Z

# ---- damage ----
cp signed.eif damaged.eif
printf X | dd of=damaged.eif bs=1 seek="$(grep -abo 'the program that' signed.eif | cut -d: -f1)" conv=notrunc status=none
run 3 verify damaged.eif --pcr0 "$P0"
grep -Eqx 'enclavebuild: damaged.eif: crc: the bytes have [0-9a-f]{8}, the header says [0-9a-f]{8}: the file is damaged \(and 2 more\)' err ||
	fail "$(cat err)"
says BAD signature "signature: is of another image (PCR0 differs)"
head -c 4000 signed.eif >cut.eif
fails_with 1 "cut.eif: section 0: its 3584 bytes go beyond the end of the file" cut.eif --pcr0 "$P0"
same "nothing is said of what is no image" "" "$(cat out)"
fails_with 1 "open none.eif: No such file or directory" none.eif --pcr0 "$P0"
: >empty.eif
fails_with 1 "empty.eif: not an EIF: 0 bytes, the header alone has 548" empty.eif --pcr0 "$P0"

# ---- signatures and certificates ----
fails_with 3 "plain.eif: signature: the image is not signed" plain.eif --pcr0 "$P0" --require-signature
fails_with 3 "plain.eif: signature: the image is not signed" plain.eif --pcr0 "$P0" --chain root.pem
run 0 verify signed.eif --chain root.pem # a chain is something to compare with
fails_with 3 "signed.eif: certificate.chain: does not lead to stranger.pem: unable to get local issuer certificate" \
	signed.eif --chain stranger.pem
cat stranger.pem root.pem >both.pem
run 0 verify signed.eif --chain both.pem
run 0 verify signed.eif --chain signer.pem # the certificate itself
cp plain.eif chained.eif
run 0 "$ENCL" sign chained.eif --certificate chain.pem --key signer.key
run 0 verify chained.eif --chain root.pem
run 0 verify chained.eif --chain between.pem
recertify chained.eif under.pem unchained.eif # the one in between left out
fails_with 3 "unchained.eif: certificate.chain: does not lead to root.pem: unable to get local issuer certificate" \
	unchained.eif --chain root.pem
end=$(openssl x509 -in signer.pem -noout -enddate | cut -d= -f2)
run 3 verify signed.eif --pcr0 "$P0" --at 2099-01-01T00:00:00Z
says BAD certificate.dates "expired on $end; an enclave signed with it does not start"
run 3 verify signed.eif --chain root.pem --at 2099-01-01T00:00:00Z
says BAD certificate.chain "does not lead to root.pem: certificate has expired"
run 3 verify signed.eif --pcr0 "$P0" --at 2001-01-01T00:00:00+02:00
says BAD certificate.dates "not valid before $(openssl x509 -in signer.pem -noout -startdate | cut -d= -f2)"
openssl x509 -req -in signer.csr -CA root.pem -CAkey root.key -CAcreateserial -days -1 -out old.pem 2>/dev/null
recertify signed.eif old.pem old.eif
run 3 verify old.eif --pcr0 "$P0"
grep -q '^BAD certificate.dates' out || fail "an expired certificate passes: $(cat out)"
says ok signature "verifies, and signs this PCR0"
recertify signed.eif agree.pem agree.eif
fails_with 3 "agree.eif: certificate.usage: its key usage does not allow digital signatures" agree.eif --pcr0 "$P0"
recertify signed.eif free.pem free.eif
run 0 verify free.eif --pcr0 "$P0"
says ok certificate.usage "sets no limits to what its key is used for"
recertify signed.eif stranger.pem forged.eif
fails_with 3 "forged.eif: signature: signature: does not verify with the key of its certificate" forged.eif --chain stranger.pem
run 3 verify free.eif --pcr8 "$P8"
grep -q "^BAD PCR8 .*--pcr8 expects $P8, there is $(pcr free.eif 8)$" out || fail "PCR8: $(cat out)"

# ---- manifest and lock ----
"$TOP/tests/support/fake-blobs.sh" blobs
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/bin/app]
Y
export XDG_CACHE_HOME=$WORK/cache
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q
run 0 verify t.eif --manifest enclave.yaml -m t.measurements.json
says ok manifest "as enclave.yaml with enclave.lock has it"
cp enclave.lock elsewhere.lock
run 0 verify t.eif --manifest enclave.yaml --lock elsewhere.lock -m t.measurements.json
# another application with the same manifest.digest: any image can have that file
python3 - <<'P'
import zlib
with open("t.eif", "rb") as f:
    data = f.read()
assert b"#!/bin/sh\n" in data
data = data.replace(b"#!/bin/sh\n", b"#!/bin/no\n")
crc = zlib.crc32(data[:544] + data[548:]).to_bytes(4, "big")
with open("other-app.eif", "wb") as f:
    f.write(data[:544] + crc + data[548:])
P
fails_with 3 "other-app.eif: manifest does not say what it is: PCR0 does, or PCR8, or PCR1 and PCR2" other-app.eif --manifest enclave.yaml
says ok manifest "as enclave.yaml with enclave.lock has it"
run 3 verify other-app.eif --manifest enclave.yaml -m t.measurements.json
sed -i 's|command: .*|command: [/bin/app, more]|' enclave.yaml
run 3 verify t.eif --manifest enclave.yaml
grep -Eqx 'enclavebuild: t.eif: manifest: enclave.yaml with enclave.lock expects sha256:[0-9a-f]{64}, there is sha256:[0-9a-f]{64}' err ||
	fail "$(cat err)"
run 3 verify plain.eif --manifest enclave.yaml
grep -Eqx 'enclavebuild: plain.eif: manifest: enclave.yaml with enclave.lock expects sha256:[0-9a-f]{64}, there is none' err || fail "$(cat err)"
rm enclave.lock
fails_with 3 'enclave.lock is not there; run "enclavebuild lock" first' t.eif --manifest enclave.yaml

# ---- a KMS key policy ----
role=arn:aws:iam::111122223333:role/parent
"$ENCL" policy kms signed.eif --principal $role --admin $role >policy.json
run 0 verify signed.eif --policy policy.json
grep -q '^ok  policy ' out || fail "no policy: $(cat out)"
run 3 verify plain.eif --policy policy.json # PCR8 is asked for
grep -q '^BAD policy ' out || fail "an unsigned image passes: $(cat out)"
"$ENCL" policy kms t.eif --principal $role --admin $role >policy-other.json
run 3 verify signed.eif --policy policy-other.json --pcr0 "$P0"
grep -q '^BAD policy ' out || fail "another image's policy passes: $(cat out)"
fails_with 1 "other.json: is no policy: it has no Statement" signed.eif --policy other.json

# ---- SBOM and provenance ----
D=$(sha256sum signed.eif | cut -d' ' -f1)
E=$(sha256sum plain.eif | cut -d' ' -f1)
spdx() {
	printf '{"spdxVersion":"SPDX-2.3","documentDescribes":["SPDXRef-i"],"packages":[{"SPDXID":"SPDXRef-i","name":"i","checksums":[{"algorithm":"SHA256","checksumValue":"%s"}]}]}' "$1"
}
statement() {
	printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"i","digest":{"sha256":"%s"}}],"predicateType":"%s","predicate":{}}' "$1" "$2"
}
spdx "$D" >s.json
spdx "$E" >s-other.json
printf '{"bomFormat":"CycloneDX","metadata":{"component":{"name":"i","hashes":[{"alg":"SHA-256","content":"%s"}]}}}' "$D" >c.json
statement "$D" https://slsa.dev/provenance/v1 >p.json
statement "$E" https://slsa.dev/provenance/v1 >p-other.json
printf '{"payloadType":"application/vnd.in-toto+json","payload":"%s","signatures":[]}' "$(base64 -w0 p.json)" >dsse.json
run 0 verify signed.eif --sbom s.json --sbom c.json --provenance p.json --provenance dsse.json
says ok sbom "as s.json has it"
says ok sbom "as c.json has it"
says ok provenance "as dsse.json has it"
fails_with 3 "signed.eif: sbom: s-other.json expects sha256:$E, there is sha256:$D" signed.eif --sbom s-other.json
fails_with 3 "signed.eif: provenance: p-other.json expects sha256:$E, there is sha256:$D" signed.eif --provenance p-other.json --pcr0 "$P0"
statement "$D" https://slsa.dev/verification_summary/v1 >vsa.json
fails_with 1 "vsa.json: is no SLSA provenance" signed.eif --provenance vsa.json
fails_with 1 "p.json: is no SBOM (SPDX or CycloneDX)" signed.eif --sbom p.json
fails_with 1 "p.json: has no Measurements.PCR0" signed.eif -m p.json
printf '[' >broken.json
run 1 verify signed.eif --sbom broken.json

# ---- the statement ----
run 0 verify signed.eif --pcr0 "$P0" --chain root.pem --provenance p.json --at 2027-01-31T12:00:00+01:00 --attest vsa.json
get() { jq -r "$1" vsa.json; }
same "statement" "https://in-toto.io/Statement/v1 https://slsa.dev/verification_summary/v1" "$(get '._type + " " + .predicateType')"
same "subject" "signed.eif $D 1" "$(get '"\(.subject[0].name) \(.subject[0].digest.sha256) \(.subject | length)"')"
same "verifier" "https://enclavebuild.dev/verify/v1" "$(get '.predicate.verifier | join(" ")')"
same "own" "version checks" "$(get '.predicate["https://enclavebuild.dev/verify/v1"] | keys_unsorted | join(" ")')"
same "time" 2027-01-31T11:00:00Z "$(get .predicate.timeVerified)"
same "resource" "pkg:generic/signed.eif?checksum=sha256:$D" "$(get .predicate.resourceUri)"
P=$(sha256sum p.json | cut -d' ' -f1)
same "inputs" "[{\"uri\":\"pkg:generic/p.json?checksum=sha256:$P\",\"digest\":{\"sha256\":\"$P\"}}]" "$(jq -c .predicate.inputAttestations vsa.json)"
same "result" "PASSED SLSA_BUILD_LEVEL_UNEVALUATED 1.0" "$(get '.predicate | "\(.verificationResult) \(.verifiedLevels[0]) \(.slsaVersion)"')"
# the policy is named by the digest of what was compared
policy=$(printf '[{"check":"certificate.chain","expected":"sha256:%s"},{"check":"PCR0","expected":"%s"},{"check":"provenance","expected":"sha256:%s"}]' \
	"$(sha256sum root.pem | cut -d' ' -f1)" "$P0" "$D" | sha256sum | cut -d' ' -f1)
same "policy" "https://enclavebuild.dev/verify/v1/policy $policy" "$(get '.predicate.policy | "\(.uri) \(.digest.sha256)"')"
same "keys" "verifier timeVerified resourceUri policy inputAttestations verificationResult verifiedLevels slsaVersion https://enclavebuild.dev/verify/v1" \
	"$(get '.predicate | keys_unsorted | join(" ")')"
python=$TOP/build/peers/python/bin/python
if [ -x "$python" ] && "$python" -c 'import in_toto_attestation' 2>/dev/null; then
	cat >vsa.py <<'P'
import json, sys
from google.protobuf import json_format
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
doc = json.load(open(sys.argv[1]))
Statement.copy_from_pb(json_format.ParseDict(doc, statement_pb2.Statement())).validate()
del doc["predicate"]["https://enclavebuild.dev/verify/v1"]  # unknown keys are refused
# a list in SLSA's text and in everybody's documents, one string in this library
assert doc["predicate"]["verifiedLevels"] == ["SLSA_BUILD_LEVEL_UNEVALUATED"]
doc["predicate"]["verifiedLevels"] = doc["predicate"]["verifiedLevels"][0]
json_format.ParseDict(doc["predicate"], vsa_pb2.VerificationSummary())
P
	"$python" vsa.py vsa.json || fail "in-toto's own reader refuses it"
else
	echo "no in-toto-attestation (make setup-peers): what it says is left out"
fi
mkdir deep && cp signed.eif p.json root.pem deep/
(cd deep && TZ=Asia/Tokyo "$ENCL" verify ../signed.eif --pcr0 "$P0" --chain root.pem --provenance ./p.json \
	--at 2027-01-31T11:00:00Z --attest vsa.json >/dev/null)
jq 'del(.predicate["https://enclavebuild.dev/verify/v1"])' vsa.json >a
jq 'del(.predicate["https://enclavebuild.dev/verify/v1"])' deep/vsa.json >b
cmp a b || fail "the statement depends on where it was made"
run 3 verify signed.eif --pcr0 "$(other "$P0")" --at 2027-01-31T11:00:00Z --attest vsa.json --verifier https://example.org/me
same "failed" "FAILED FAILED https://example.org/me" \
	"$(get '.predicate | "\(.verificationResult) \(.verifiedLevels[0]) \(.verifier.id)"')"
run 3 verify signed.eif --attest vsa.json # nothing to compare with is not PASSED
same "failed" FAILED "$(get .predicate.verificationResult)"
run 1 verify signed.eif --pcr0 "$P0" --attest none/vsa.json
[ ! -e none ] || fail "something was left behind"

# ---- misuse ----
rejects 2 '--pcr0: a PCR is 96 hex digits (SHA-384)' "$ENCL" verify signed.eif --pcr0 12
rejects 2 '--pcr0: all zero is what every enclave in debug mode has, and no measurement' \
	"$ENCL" verify signed.eif --pcr0 "$(printf %096d 0)"
rejects 2 '--pcr: "32=00" is not NUMBER=HEX with a number from 0 to 31' "$ENCL" verify signed.eif --pcr 32=00
rejects 2 '--at: "yesterday" is no time such as 2026-01-31T12:00:00Z' "$ENCL" verify signed.eif --at yesterday
rejects 2 '--compat: "docker" is not nitro-cli' "$ENCL" verify signed.eif --compat docker
rejects 2 '--annotations: signed.eif is a file and no reference to a registry' "$ENCL" verify signed.eif --annotations
rejects 2 '--evidence: signed.eif is a file and no reference to a registry' "$ENCL" verify signed.eif --evidence
rejects 2 '--lock needs --manifest: the image has the digest of both' "$ENCL" verify signed.eif --lock x
rejects 2 '--verifier: "me" is no http(s) URL' "$ENCL" verify signed.eif --verifier me --attest vsa.json
rejects 2 '--verifier is for --attest' "$ENCL" verify signed.eif --verifier x
fails_with 2 'plain.eif: has no PEM certificate' signed.eif --chain plain.eif
fails_with 2 'open none.pem: No such file or directory' signed.eif --chain none.pem

# ---- folders stated twice, as nitro-cli's linuxkit does ----
cat >twice.py <<'P'
from ambiguous import APP, DIR, GOOD, RAMDISK, cpio, image
again = (("rootfs/", DIR, b"", 8, 2), ("rootfs/tmp", DIR, b"", 9, 2), ("rootfs/tmp/", DIR, b"", 10, 2))
with open("twice.eif", "wb") as f:
    f.write(image(GOOD[:4] + [(RAMDISK, cpio(*APP, *again))]))
P
PYTHONPATH=$TOP/tests/support PYTHONDONTWRITEBYTECODE=1 python3 twice.py
run 3 verify twice.eif --image twice.eif
says BAD ramdisks "ramdisk 1: rootfs: stands twice in it; the kernel would take the last one"
run 0 verify twice.eif --image twice.eif --compat nitro-cli
run 3 verify tricks/name-twice.eif --image tricks/name-twice.eif --compat nitro-cli
