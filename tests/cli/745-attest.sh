# Goal: attestation documents of a CA of the tests, good and bad in every way, each get
# the right verdict, message and exit code; and one of AWS's is verified up to its root.
. "$(dirname "$0")/lib.sh"
need openssl python3
NONCE=00112233445566778899aabbccddeeff
# 2026-01-03T21:00:00Z
NOW=1767474000
hex() { printf "$1%.0s" 1 2 3 4 5 6 7 8 9 10 11 12; }
P0=$(hex 01234567) P1=$(hex 11234567) P2=$(hex 21234567) P8=$(hex 81234567)
mkdir d
"$O/support/nsmdoc" d "$NOW" "$NONCE" "$P0" "$P1" "$P2" "$P8"

verify() { # verify CASE OPTION…
	local name=$1
	shift
	"$ENCL" attest verify "d/$name.bin" --root d/root.pem --at "$NOW" "$@"
}
all() { # all CASE: everything that can be asked for
	verify "$1" --nonce "$NONCE" --max-age 600 --pcr0 "$P0" --pcr1 "$P1" --pcr2 "$P2" --pcr8 "$P8"
}
passes() { # passes COMMAND…
	run 0 "$@"
	same "last line of $*" verified "$(tail -n1 out)"
	same "stderr of $*" "" "$(cat err)"
}
denied() { # denied CODE CASE MESSAGE
	run "$1" all "$2"
	same "$2" "enclavebuild: d/$2.bin: $3" "$(cat err)"
	if [ "$1" = 3 ]; then
		same "last line of $2" 'NOT VERIFIED' "$(tail -n1 out)"
	else
		same "stdout of $2" "" "$(cat out)"
	fi
}

# ---- good ----

passes all good
same "checks" "root chain dates signature timestamp freshness nonce user_data public_key module_id registers debug PCR0 PCR1 PCR2 PCR8" \
	"$(awk '$1 == "ok" || $1 == "--" || $1 == "BAD" {printf "%s%s", sep, $2; sep = " "}' out)"
passes all tagged
passes all open
# The document's own root is not looked at.
passes all other-first
passes verify nulls --max-age 60 --pcr0 "$P0"
passes verify good --max-age 1 --pcr 8="$P8"
passes verify good --nonce @<(printf '\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff') \
	--pcr0 "$P0" --user-data "$(printf 'user data' | od -An -tx1 | tr -d ' \n')" \
	--public-key @<(printf 'public key') --module-id i-0123-enc4567
# All forms of the same bytes, and standard input.
base64 d/good.bin >good.b64
base64 -w0 d/good.bin | tr '+/' '-_' | tr -d = >good.url
od -An -v -tx1 d/good.bin >good.hex
for f in good.b64 good.url good.hex; do
	passes "$ENCL" attest verify "$f" --root d/root.pem --at "$NOW" --nonce "$NONCE" --pcr0 "$P0"
done
"$ENCL" attest verify - --root d/root.pem --at 2026-01-03T21:00:00Z --nonce "$NONCE" \
	--pcr0 "$P0" <d/good.bin >out
same "standard input" verified "$(tail -n1 out)"
# At its own time, long after: certificates as they were then, and only a nonce tells.
passes "$ENCL" attest verify d/good.bin --root d/root.pem --at document --nonce "$NONCE" --pcr0 "$P0"

# ---- what people get wrong, or somebody else made ----

WHO="is not that of the certificate's key over this payload: it was altered, or somebody else's"
while IFS='|' read -r code name message; do
	denied "$code" "$name" "${message/WHO/$WHO}"
done <<'END'
3|expired|dates: enclave.test: expired on 2026-01-03T20:30:00Z (and 1 more)
3|ca-expired|dates: region.test: expired on 2026-01-02T21:00:00Z
3|backdated|dates: enclave.test: not valid when it signed, on 2026-01-03T19:00:00Z (and 1 more)
3|old|timestamp: 2026-01-03T20:30:00Z is 1800 s ago, more than 600
3|future|timestamp: 2026-01-03T21:10:00Z is 600 s in the future
3|other-root|chain: region.test: certificate signature failure
3|stranger|chain: enclave.test: certificate signature failure
3|ca-usage|chain: zone.test: its key usage does not allow to sign certificates
3|not-ca|chain: zone.test: is not a CA's
3|path|chain: region.test: path length constraint exceeded
3|sha256-ca|chain: region.test: CA signature digest algorithm too weak
3|rsa-leaf|chain: enclave.test: its key is not on P-384 (and 1 more)
3|p256-leaf|chain: enclave.test: its key is not on P-384 (and 1 more)
3|leaf-ca|chain: enclave.test: is a CA's
3|leaf-usage|chain: enclave.test: its key usage does not allow digital signatures
3|no-usage|chain: enclave.test: has no key usage
3|extra-ca|chain: cabundle holds what is not on the way to the root
3|reversed|chain: cabundle holds what is not on the way to the root
3|bad-leaf|chain: its certificate cannot be read (and 1 more)
3|bad-ca|chain: cabundle[2] cannot be read
3|altered-data|signature: WHO
3|altered-pcr|signature: WHO (and 1 more)
3|altered-rs|signature: WHO
3|nulls|nonce: there is none, --nonce asks for one
3|few-pcrs|registers: PCR15 is not there
3|debug|debug: the measurements are all zero: the enclave runs in debug mode, where whoever runs it can look inside, and nothing says what it is (and 3 more)
1|no-module|not an attestation document: module_id: is missing
1|no-digest|not an attestation document: digest: is missing
1|no-time|not an attestation document: timestamp: is missing
1|no-pcrs|not an attestation document: pcrs: is missing
1|no-certificate|not an attestation document: certificate: is missing
1|no-cabundle|not an attestation document: cabundle: is missing
1|bad-module|not an attestation document: module_id: holds what cannot be shown
1|sha512|not an attestation document: digest: not "SHA384"
1|zero-time|not an attestation document: timestamp: not a time in milliseconds
1|empty-pcrs|not an attestation document: pcrs: empty
1|short-pcr|not an attestation document: pcrs: 32 bytes, not 48
1|pcr-32|not an attestation document: pcrs: an index is not a number from 0 to 31
1|pcr-twice|not an attestation document: pcrs: an index is there twice
1|no-bundle|not an attestation document: cabundle: empty
1|key-twice|not an attestation document: user_data: is there twice
1|unknown-key|not an attestation document: "weather" is no field of one
1|long-nonce|not an attestation document: nonce: 4097 bytes, not 0 to 4096
1|text-nonce|not an attestation document: nonce: not a byte string
1|chunked|not an attestation document: nonce: not a byte string
1|after-payload|not an attestation document: something follows the map in its payload
1|not-map|not an attestation document: its payload is not a map
1|es256|not an attestation document: its signature's algorithm is not ES384
1|unprotected|not an attestation document: it has unprotected headers
1|short-rs|not an attestation document: its signature has not 96 bytes
1|truncated|not an attestation document: it ends too early
1|trailing|not an attestation document: something follows it
1|open-cose|not an attestation document, nor one in hex or base64
1|other-tag|not an attestation document, nor one in hex or base64
END
# Each document that nsmdoc makes was looked at.
same "cases" "$(find d -name '*.bin' | wc -l)" "$(($(grep -c '^[13]|' "$TOP/tests/cli/745-attest.sh") + 4))"

# ---- a good one that is not what was asked for ----

not() { # not CHECK MESSAGE OPTION…
	local check=$1 message=$2
	shift 2
	run 3 verify good "$@"
	same "$*" "enclavebuild: d/good.bin: $check: $message" "$(cat err)"
}
not nonce 'is not what --nonce says' --nonce 00112233445566778899aabbccddee00 --pcr0 "$P0"
not user_data 'is not what --user-data says' --nonce "$NONCE" --user-data 00 --pcr0 "$P0"
not public_key 'is not what --public-key says' --nonce "$NONCE" --public-key 00 --pcr0 "$P0"
not module_id '--module-id expects i-9, there is i-0123-enc4567' --nonce "$NONCE" --module-id i-9 --pcr0 "$P0"
not PCR0 "--pcr0 expects $P1, there is $P0" --nonce "$NONCE" --pcr0 "$P1"
not PCR31 "--pcr 31 expects $P1, there is none" --nonce "$NONCE" --pcr0 "$P0" --pcr 31="$P1"
not freshness 'nothing tells it from an old one: give --nonce or --max-age' --pcr0 "$P0"
NOTHING='nothing to compare with: give --pcr0, --measurements, --image or --policy'
run 3 verify good --nonce "$NONCE"
same "nothing to compare with" "enclavebuild: d/good.bin: $NOTHING" "$(cat err)"
for n in 1 2; do
	run 3 verify good --nonce "$NONCE" "--pcr$n" "$(eval "echo \$P$n")"
	same "PCR$n alone" "enclavebuild: d/good.bin: PCR$n does not say what it is: PCR0 does, or PCR8, or PCR1 and PCR2" "$(cat err)"
done
passes verify good --nonce "$NONCE" --pcr1 "$P1" --pcr2 "$P2"
passes verify good --nonce "$NONCE" --pcr8 "$P8"
# A role is not a measurement: it takes the place of none.
not PCR3 "--role expects $({ head -c 48 /dev/zero && printf 'arn:x'; } | openssl dgst -sha384 -r | cut -d' ' -f1), there is $(printf '%096d' 0) (and 1 more)" \
	--nonce "$NONCE" --role arn:x
run 3 "$ENCL" attest verify d/good.bin --at "$NOW" --nonce "$NONCE" --pcr0 "$P0"
same "AWS's root" "enclavebuild: d/good.bin: chain: region.test: unable to get local issuer certificate" "$(cat err)"
run 3 "$ENCL" attest verify d/good.bin --root d/root.pem --nonce "$NONCE" --pcr0 "$P0"
grep -q '^enclavebuild: d/good.bin: dates: enclave.test: expired on 2026-01-03T22:00:00Z$' err ||
	fail "now: $(cat err)"

# Clocks may differ by a minute.
for at in "61 BAD" "60 ok"; do
	run 3 "$ENCL" attest verify d/good.bin --root d/root.pem --at $((NOW - 3600 - ${at% *})) --nonce "$NONCE" --pcr0 "$P0"
	grep -q "^${at#* } *dates " out || fail "$at: $(cat out)"
	same "$at" BAD "$(awk '$2 == "timestamp" {print $1}' out)"
done
passes "$ENCL" attest verify d/good.bin --root d/root.pem --at $((NOW - 61)) --nonce "$NONCE" --pcr0 "$P0"
run 3 "$ENCL" attest verify d/good.bin --root d/root.pem --at $((NOW - 62)) --nonce "$NONCE" --pcr0 "$P0"

# Days that no calendar has.
for at in 2026-02-30T21:00:00Z 2026-01-03T21:00:60Z; do
	run 2 "$ENCL" attest verify d/good.bin --root d/root.pem --at "$at" --nonce "$NONCE" --pcr0 "$P0"
	same "$at" "enclavebuild: --at: \"$at\" is neither a time (2026-01-31T12:00:00Z) nor \"document\"" "$(cat err)"
done
# Whom to trust is not for the order of a file to say.
cat d/root.pem d/root.pem >two.pem
run 2 "$ENCL" attest verify d/good.bin --root two.pem --at "$NOW" --nonce "$NONCE" --pcr0 "$P0"
same "two roots" "enclavebuild: two.pem: holds several certificates; give the one CA to trust" "$(cat err)"
# Too long in every form.
{ printf '\x84' && head -c 24576 /dev/zero; } >long.bin
base64 long.bin >long.b64
od -An -v -tx1 long.bin | tr -d ' \n' >long.hex
for f in long.bin long.b64 long.hex; do
	run 1 "$ENCL" attest decode "$f"
	same "$f" "enclavebuild: $f: not an attestation document: longer than 24576 bytes" "$(cat err)"
done

# ---- debug mode ----

passes verify debug --nonce "$NONCE" --pcr0 "$P0" --allow-debug
grep -q '^--  debug             ' out || fail "$(cat out)"
grep -q '^--  comparison        measurements are not compared: in debug mode there are none$' out || fail "$(cat out)"
run 3 verify good --nonce "$NONCE" --allow-debug

# ---- measurements file, JSON ----

printf '{"Measurements": {"HashAlgorithm": "Sha384 { ... }", "PCR0": "%s", "PCR1": "%s", "PCR2": "%s"}}' \
	"$P0" "$P1" "${P2/2/3}" >m.json
run 3 verify good --nonce "$NONCE" --measurements m.json
same "measurements" "enclavebuild: d/good.bin: PCR2: m.json expects ${P2/2/3}, there is $P2" "$(cat err)"
run 3 verify good --nonce "$NONCE" --measurements m.json --json
python3 - "$P2" <<'END'
import json, sys
d = json.load(open("out"))
assert d["Verdict"] == "fail" and d["ModuleId"] == "i-0123-enc4567", d
assert d["PCRs"]["PCR2"] == sys.argv[1] and d["Debug"] is False, d
assert d["UserData"] == b"user data".hex(), d
bad = [c for c in d["Checks"] if c["Verdict"] == "fail"]
assert [c["Name"] for c in bad] == ["PCR2"], bad
assert bad[0]["Got"] == sys.argv[1] and bad[0]["Source"] == "m.json", bad
END

# ---- decode ----

run 0 "$ENCL" attest decode d/altered-pcr.bin
same "it is not verified" 'NOT VERIFIED: this is only what the document says' "$(head -n1 out)"
grep -q '^module       i-0123-enc4567$' out || fail "$(cat out)"
run 0 "$ENCL" attest decode d/stranger.bin --json
python3 - <<'END'
import json
d = json.load(open("out"))
assert d["Verified"] is False and "Verdict" not in d, d
assert [c["Subject"] for c in d["CABundle"]] == ["root.test", "region.test", "zone.test"], d
assert d["Certificate"]["Issuer"] == "zone.test", d
assert d["Timestamp"] == 1767473999007 and d["Time"] == "2026-01-03T20:59:59Z", d
END
rejects 1 'd/truncated.bin: not an attestation document: it ends too early' "$ENCL" attest decode d/truncated.bin

# ---- options ----

rejects 2 'attest: "sign" is not one of verify, decode, get' "$ENCL" attest sign x
rejects 2 'attest decode: takes no --nonce: it verifies nothing' "$ENCL" attest decode d/good.bin --nonce 00
rejects 2 '--nonce: "0g" is neither hex nor @FILE' verify good --nonce 0g
rejects 2 '--nonce: "001" is neither hex nor @FILE' verify good --nonce 001
rejects 2 '--nonce: empty' verify good --nonce @/dev/null
rejects 2 '--at: "tomorrow" is neither a time (2026-01-31T12:00:00Z) nor "document"' "$ENCL" attest verify d/good.bin --at tomorrow
rejects 2 '--max-age says nothing with --at document, where each document has no age: give --nonce' \
	"$ENCL" attest verify d/good.bin --at document --max-age 5
rejects 2 '--pcr: "32=00" is not NUMBER=HEX with a number from 0 to 31' verify good --pcr 32=00
rejects 2 '--pcr0: all zero is what every enclave in debug mode has, and no measurement' \
	verify good --pcr0 "$(printf '%096d' 0)"
rejects 2 'good.b64: not a PEM certificate: no start line' "$ENCL" attest verify d/good.bin --root good.b64 --nonce 00 --pcr0 "$P0"
rejects 1 'open none.bin: No such file or directory' "$ENCL" attest verify none.bin
rejects 1 '/dev/null: not an attestation document, nor one in hex or base64' "$ENCL" attest decode /dev/null
head -c 100000 /dev/zero >big
rejects 1 'big is larger than 53248 bytes' "$ENCL" attest decode big
head -c 30000 /dev/zero | tr '\0' A >long.b64
rejects 1 'long.b64: not an attestation document: no COSE_Sign1' "$ENCL" attest decode long.b64
rejects 2 'no enclave "nobody" runs here' "$ENCL" attest get nobody

# ---- one of AWS's own ----

AWS=$TOP/tests/support/attestation/aws-2026.b64
A0=4b8d4cf2a99e05ce1b5bddaf9d21cb446eb0e606c5bebd1ebf02b473a22165f7b68b0bb0d1ac5a90f0311e493522cfab
passes "$ENCL" attest verify "$AWS" --at 2026-01-03T21:00:00Z --max-age 1200 --pcr0 "$A0" \
	--instance i-0368fa67e156d6d23 --user-data 69553adc61d6e9fcdecbe1ea49bb2b52a60238e0
grep -q '^--  root              AWS Nitro Enclaves Root-G1, SHA-256 641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b$' out ||
	fail "$(cat out)"
run 3 "$ENCL" attest verify "$AWS" --at 2026-01-03T23:40:29Z --max-age 86400 --pcr0 "$A0"
same "three hours later" "enclavebuild: $AWS: dates: i-0368fa67e156d6d23-enc019b8596b1a9dad6.us-east-1.aws: expired on 2026-01-03T23:40:28Z" \
	"$(cat err)"
run 3 "$ENCL" attest verify "$AWS" --at 2026-01-03T21:00:00Z --max-age 1200 --pcr0 "$A0" --root d/root.pem
grep -q ': chain: ' err || fail "$(cat err)"
