# Goal: a key policy for an image lets that image alone use the key; other policies are
# evaluated as IAM does, and what is not understood fails; a history notices changes.
. "$(dirname "$0")/lib.sh"
need python3 openssl
V=$TOP/tests/golden/vectors
cp "$V/signed.eif" "$V/unsigned.eif" .
pcr() { "$ENCL" measure "$1" | sed -n "s/^PCR$2 //p"; }
P0=$(pcr signed.eif 0) P1=$(pcr signed.eif 1) P2=$(pcr signed.eif 2) P8=$(pcr signed.eif 8)
ROLE=arn:aws:iam::111122223333:role/app
ADMIN=arn:aws:iam::111122223333:role/admin

# ---- kms ----

run 0 "$ENCL" policy kms signed.eif --principal "$ROLE" --admin "$ADMIN"
cp out key.json
python3 - "$P0" "$P1" "$P2" "$P8" "$ROLE" "$ADMIN" <<'END'
import json, sys
p0, p1, p2, p8, role, admin = sys.argv[1:]
p = json.load(open("key.json"))
assert list(p) == ["Version", "Statement"] and p["Version"] == "2012-10-17", p
a, s = p["Statement"]
assert a["Principal"] == {"AWS": [admin]} and s["Principal"] == {"AWS": [role]}, p
# Who administers the key must not come to what it protects, by whatever way.
for x in a["Action"]:
    assert "*" not in x and x not in ("kms:Decrypt", "kms:CreateGrant", "kms:ReplicateKey") \
        and not x.startswith(("kms:ReEncrypt", "kms:Generate", "kms:Derive")), x
assert s["Effect"] == "Allow" and s["Condition"] == {"StringEqualsIgnoreCase": {
    "kms:RecipientAttestation:PCR0": p0, "kms:RecipientAttestation:PCR1": p1,
    "kms:RecipientAttestation:PCR2": p2, "kms:RecipientAttestation:PCR8": p8}}, s
END
run 0 "$ENCL" policy kms signed.eif --principal "$ROLE" --admin "$ADMIN"
cmp out key.json
run 0 "$ENCL" policy kms signed.eif --principal "$ROLE" --principal "$ADMIN" --statement-only --pcr 8,0
cp out statement.json
python3 - <<'END'
import json
s, p = json.load(open("statement.json")), json.load(open("key.json"))
assert s["Principal"]["AWS"] == ["arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/admin"], s
assert [k[-4:] for k in s["Condition"]["StringEqualsIgnoreCase"]] == ["PCR0", "PCR8"], s
assert s["Action"] == p["Statement"][1]["Action"], s
END
run 0 "$ENCL" policy kms unsigned.eif --principal "$ROLE" --statement-only
same "PCR8 of an unsigned image" 0 "$(grep -c PCR8 out)"
kms() { "$ENCL" policy kms "$@"; }
rejects 2 'policy kms: give --principal ARN: whose requests carry the attestation, as a rule the instance'"'"'s role' \
	kms signed.eif --statement-only
rejects 2 'policy kms: give either --admin ARN, who may go on administering the key, or --statement-only' \
	kms signed.eif --principal "$ROLE"
rejects 2 'policy kms: give either --admin ARN, who may go on administering the key, or --statement-only' \
	kms signed.eif --principal "$ROLE" --admin "$ADMIN" --statement-only
rejects 2 '--principal: "*" is not an ARN' kms signed.eif --principal '*' --statement-only
rejects 2 '--principal: "arn:aws:iam::1:role/*" is not an ARN' kms signed.eif --principal 'arn:aws:iam::1:role/*' --statement-only
rejects 2 '--pcr 8: the image is not signed' kms unsigned.eif --principal "$ROLE" --statement-only --pcr 8
for list in 1 2; do
	rejects 2 "--pcr $list: does not say what the enclave is: 0 does, or 8, or 1 and 2" \
		kms signed.eif --principal "$ROLE" --statement-only --pcr "$list"
done
run 0 kms signed.eif --principal "$ROLE" --statement-only --pcr 1,2
rejects 2 '--pcr: "0,3" is not a list of some of 0, 1, 2 and 8' kms signed.eif --principal "$ROLE" --statement-only --pcr 0,3
rejects 2 'policy kms: takes no --action' kms signed.eif --action kms:Decrypt
rejects 2 'policy: "aws" is not one of kms, verify, history' "$ENCL" policy aws x
cp signed.eif damaged.eif
printf X | dd of=damaged.eif bs=1 seek=862 conv=notrunc status=none
run 3 kms damaged.eif --principal "$ROLE" --statement-only
same "nothing for a damaged image" "" "$(cat out)"

# ---- verify ----

verify() { "$ENCL" policy verify "$@"; }
passes() { # passes TEXT POLICY IMAGE OPTION…
	local text=$1
	shift
	run 0 verify "$@"
	grep -qxF "ok  policy            $text" out || fail "$*: $(cat out)"
}
denied() { # denied CHECK TEXT POLICY IMAGE OPTION…
	local check=$1 text=$2
	shift 2
	run 3 verify "$@"
	same "$*" "enclavebuild: $2: $check: $text" "$(cat err)"
}
short() { echo "${1:0:16}..."; }
NO='no statement allows kms:Decrypt because of what it is; statement 1:'
passes 'statement 2 (AttestedEnclave) allows kms:Decrypt to it' key.json signed.eif
passes 'statement 1 (AttestedEnclave) allows kms:GenerateDataKey to it' statement.json signed.eif --action kms:GenerateDataKey
denied policy "no statement allows kms:Decrypt because of what it is; statement 2 (AttestedEnclave): PCR8 is $(short "$(printf '%096d' 0)"), which is not among what it asks for" \
	key.json unsigned.eif
# As the AWS command line prints it.
python3 -c 'import json; print(json.dumps({"Policy": open("key.json").read(), "PolicyName": "default"}))' >got.json
passes 'statement 2 (AttestedEnclave) allows kms:Decrypt to it' got.json signed.eif

policy() { # policy EFFECT ACTION CONDITION [REST]
	printf '{"Version": "2012-10-17", "Statement": [{"Effect": "%s", "Principal": "*", "Action": %s, "Resource": "*", "Condition": %s}%s]}' \
		"$1" "$2" "$3" "${4-}"
}
is() { # is OPERATOR KEY VALUE
	printf '{"%s": {"kms:RecipientAttestation:%s": %s}}' "$1" "$2" "$3"
}
allow() { policy Allow '"kms:Decrypt"' "$@" >p.json; }
YES='statement 1 allows kms:Decrypt to it'
allow "$(is StringEquals ImageSha384 "\"$P0\"")"
passes "$YES" p.json signed.eif
allow "$(is StringEquals ImageSha384 "\"${P0^^}\"")"
denied policy "$NO PCR0 is $(short "$P0"), which is not among what it asks for" p.json signed.eif
allow "$(is StringEqualsIgnoreCase ImageSha384 "\"${P0^^}\"")"
passes "$YES" p.json signed.eif
allow "$(is StringEquals PCR0 "[\"$P1$P1\", \"$P0\"]")"
passes "$YES" p.json signed.eif
allow "$(is StringEquals pcr2 "[\"$P1\"]")"
denied policy "$NO PCR2 is $(short "$P2"), which is not among what it asks for" p.json signed.eif
allow "{\"StringEquals\": {\"kms:RecipientAttestation:PCR0\": \"$P0\"}, \"StringLike\": {\"kms:RecipientAttestation:PCR8\": \"${P8:0:20}*\"}}"
passes "$YES" p.json signed.eif
policy Allow '["kms:D*", "s3:*"]' "$(is StringEquals PCR0 "\"$P0\"")" >p.json
passes "$YES" p.json signed.eif
policy Allow '["kms:Generate?ataKey"]' "$(is StringEquals PCR0 "\"$P0\"")" >p.json
passes 'statement 1 allows kms:GenerateDataKey to it' p.json signed.eif --action kms:GenerateDataKey
denied policy 'no statement allows kms:Decrypt because of what it is' p.json signed.eif

# What asks for no attestation allows nothing because of one.
allow "$(is StringEqualsIfExists PCR0 "\"$P0\"")"
denied policy "$NO operator \"StringEqualsIfExists\" cannot be evaluated here" p.json signed.eif
allow "$(is StringNotEquals PCR0 "\"$P1\"")"
denied policy 'no statement allows kms:Decrypt because of what it is' p.json signed.eif
grep -qx -e '--  policy.unattested statement 1 allows kms:Decrypt without asking what the enclave is' out || fail "$(cat out)"
allow "$(is StringLike PCR0 '"*"')"
denied policy "$NO PCR0 may be anything like \"*\"" p.json signed.eif
allow "$(is Null PCR0 '"false"')"
denied policy 'no statement allows kms:Decrypt because of what it is' p.json signed.eif
allow '{}'
denied policy 'no statement allows kms:Decrypt because of what it is' p.json signed.eif
# It is told beside one that does.
allow "$(is StringEquals PCR0 "\"$P0\"")" ', {"Sid": "root", "Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}'
passes "$YES" p.json signed.eif
grep -qx -e '--  policy.unattested statement 2 (root) allows kms:Decrypt without asking what the enclave is' out || fail "$(cat out)"
allow "$(is StringEquals PCR0 "\"$P0\"")" ', {"Effect": "Allow", "Principal": "*", "Action": "kms:ReEncrypt*", "Resource": "*"}'
passes "$YES" p.json signed.eif
grep -qx -e '--  policy.unattested statement 2 allows kms:ReEncryptFrom without asking what the enclave is' out || fail "$(cat out)"
# Debug mode, where all is zero.
allow "$(is StringEquals PCR0 "[\"$P0\", \"$(printf '%096d' 0)\"]")"
denied policy.debug 'statement 1 allows it to every enclave in debug mode' p.json signed.eif

# Half of what it is: another kernel, or another application, has that too.
for n in 1 2 16; do
	allow "$(is StringEquals "PCR$n" "\"$P1\"")"
	run 3 verify p.json signed.eif
	grep -q '^--  policy.unattested statement 1 allows kms:Decrypt without asking what the enclave is$' out || fail "PCR$n: $(cat out)"
done
allow "{\"StringEquals\": {\"kms:RecipientAttestation:PCR1\": \"$P1\", \"kms:RecipientAttestation:PCR2\": \"$P2\"}}"
passes "$YES" p.json signed.eif

# What cannot be evaluated.
allow "{\"StringEquals\": {\"kms:RecipientAttestation:PCR0\": \"$P0\", \"kms:ViaService\": \"s3\"}}"
denied policy "$NO \"kms:ViaService\" cannot be evaluated here" p.json signed.eif
allow "$(is StringEquals PCR0 "\"$P0\"" | sed 's/}}$/, "kms:RecipientAttestation:PCR3": "00"}}/')"
denied policy "$NO PCR3 is not known here" p.json signed.eif
P3=$({ head -c 48 /dev/zero && printf %s "$ROLE"; } | openssl dgst -sha384 -r | cut -d' ' -f1)
allow "$(is StringEquals PCR0 "\"$P0\"" | sed "s/}}\$/, \"kms:RecipientAttestation:PCR3\": \"$P3\"}}/")"
passes "$YES" p.json signed.eif --role "$ROLE"
denied policy "$NO PCR3 is not known here" p.json signed.eif --instance i-1
# shellcheck disable=SC2016 # a policy variable, not the shell's
allow "$(is StringEquals PCR0 '"${aws:PrincipalTag/pcr0}"')"
denied policy "$NO PCR0 is compared with what is not a plain text" p.json signed.eif
allow "$(is ForAnyValue:StringEquals PCR0 "\"$P0\"")"
denied policy "$NO operator \"ForAnyValue:StringEquals\" cannot be evaluated here" p.json signed.eif

# Deny.
OK=$(is StringEquals PCR0 "\"$P0\"")
deny() { # deny CONDITION [PRINCIPAL]
	allow "$OK" ", {\"Sid\": \"not\", \"Effect\": \"Deny\", \"Principal\": ${2:-\"*\"}, \"Action\": \"*\", \"Resource\": \"*\", \"Condition\": $1}"
}
deny "$(is StringNotEqualsIgnoreCase PCR0 "\"$P0\"")"
passes "$YES" p.json signed.eif
deny "$(is Null ImageSha384 true)"
passes "$YES" p.json signed.eif
deny "$(is StringNotEquals PCR2 "[\"$P1\"]")"
denied policy 'statement 2 (not) denies it' p.json signed.eif
deny '{}' '{"AWS": "*"}'
denied policy 'statement 2 (not) denies it' p.json signed.eif
deny '{}' "\"$ADMIN\""
denied policy 'statement 2 (not) may deny it: whom it denies cannot be evaluated here' p.json signed.eif
deny '{"Bool": {"aws:MultiFactorAuthPresent": "false"}}'
denied policy 'statement 2 (not) may deny it: "aws:MultiFactorAuthPresent" cannot be evaluated here' p.json signed.eif

# No policy.
echo '{"Statement": [{"Effect": "Maybe", "Action": "*"}]}' >p.json
rejects 1 'p.json: statement 1 has no Effect of Allow or Deny' verify p.json signed.eif
echo '{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "x"}]}' >p.json
rejects 1 'p.json: statement 1 has not one of Action and NotAction' verify p.json signed.eif
echo '[]' >p.json
rejects 1 'p.json: is no policy: it has no Statement' verify p.json signed.eif
rejects 2 'policy verify: give POLICY and IMAGE' verify key.json
rejects 2 '--action: "kms:Encrypt" takes no attestation; kms:Decrypt, kms:DeriveSharedSecret, kms:GenerateDataKey, kms:GenerateDataKeyPair and kms:GenerateRandom do' \
	verify key.json signed.eif --action kms:Encrypt

# An attestation document is held against a policy as well.
mkdir d
"$O/support/nsmdoc" d 1767474000 0011223344556677 "$P0" "$P1" "$P2" "$P8"
attested() { "$ENCL" attest verify d/good.bin --root d/root.pem --at 1767474000 --nonce 0011223344556677 --policy "$1"; }
run 0 attested key.json
grep -qx 'ok  policy            statement 2 (AttestedEnclave) allows kms:Decrypt to it' out || fail "$(cat out)"
allow "$(is StringEquals PCR3 "\"$P3\"")"
run 3 attested p.json
same "another role" "enclavebuild: d/good.bin: policy: $NO PCR3 is 0000000000000000..., which is not among what it asks for" "$(cat err)"

# ---- history ----

run 0 "$ENCL" policy history h.jsonl unsigned.eif
same "one line" 1 "$(wc -l <h.jsonl)"
run 0 "$ENCL" policy history h.jsonl signed.eif
cp h.jsonl two.jsonl
run 0 "$ENCL" policy history h.jsonl signed.eif
cmp h.jsonl two.jsonl
run 0 "$ENCL" policy history h.jsonl unsigned.eif
run 0 "$ENCL" policy history --check h.jsonl --json
cp out check.json
python3 - "$P0" "$P8" <<'END'
import hashlib, json, sys
lines = open("h.jsonl", "rb").read().split(b"\n")
assert lines.pop() == b"" and len(lines) == 3, lines
before = None
for l in lines:
    v = json.loads(l)
    assert v["Previous"] == before, v
    before = "sha256:" + hashlib.sha256(l).hexdigest()
assert json.load(open("check.json")) == {"Lines": 3, "Head": before}
a, b, c = map(json.loads, lines)
assert b["Measurements"]["PCR0"] == sys.argv[1] and b["Measurements"]["PCR8"] == sys.argv[2], b
assert "PCR8" not in a["Measurements"] and a["Digest"] == c["Digest"] != b["Digest"], a
assert b["Digest"] == "sha256:" + hashlib.sha256(open("signed.eif", "rb").read()).hexdigest(), b
END
CHAIN='"Previous" is not the digest of the line before: one was changed, added or taken away'
sed '2s/x86_64/aarch64/' h.jsonl >bad.jsonl
rejects 3 "bad.jsonl:3: $CHAIN" "$ENCL" policy history --check bad.jsonl
sed 2d h.jsonl >bad.jsonl
rejects 3 "bad.jsonl:2: $CHAIN" "$ENCL" policy history --check bad.jsonl
sed 1d h.jsonl >bad.jsonl
rejects 3 "bad.jsonl:1: $CHAIN" "$ENCL" policy history bad.jsonl signed.eif
same "a broken history is not gone on with" 2 "$(wc -l <bad.jsonl)"
head -c -1 h.jsonl >bad.jsonl
rejects 3 'bad.jsonl:3: does not end in a newline' "$ENCL" policy history bad.jsonl signed.eif
echo hello >bad.jsonl
rejects 3 'bad.jsonl:1: is no object of JSON' "$ENCL" policy history --check bad.jsonl
: >bad.jsonl
rejects 3 'bad.jsonl: empty' "$ENCL" policy history --check bad.jsonl
rejects 1 'open none.jsonl: No such file or directory' "$ENCL" policy history --check none.jsonl
run 3 "$ENCL" policy history none.jsonl damaged.eif
[ ! -e none.jsonl ] || fail "a damaged image left a history"
rejects 2 'policy history: give FILE and IMAGE, or --check FILE' "$ENCL" policy history h.jsonl
rejects 1 '/dev/null: not a regular file of at most 67108864 bytes' "$ENCL" policy history /dev/null signed.eif
# Nothing waits for the other end of a pipe.
mkfifo pipe
rejects 1 'pipe: not a regular file of at most 67108864 bytes' timeout 60 "$ENCL" policy history --check pipe
# A line that could not be read again would end the history.
python3 - <<'END'
import json, struct, zlib
b = open("unsigned.eif", "rb").read()
offsets, sizes = struct.unpack_from(">32Q", b, 28), struct.unpack_from(">32Q", b, 284)
out = bytearray(b[:548])
for i in range(struct.unpack_from(">H", b, 26)[0]):
    kind, flags, n = struct.unpack_from(">HHQ", b, offsets[i])
    body = b[offsets[i] + 12:offsets[i] + 12 + n]
    if kind == 5:
        body = json.dumps(json.loads(body) | {"ImageName": "n" * 65536}).encode()
    struct.pack_into(">Q", out, 28 + 8 * i, len(out))
    struct.pack_into(">Q", out, 284 + 8 * i, len(body))
    out += struct.pack(">HHQ", kind, flags, len(body)) + body
struct.pack_into(">I", out, 544, zlib.crc32(out[548:], zlib.crc32(out[:544])))
open("long.eif", "wb").write(out)
END
cp h.jsonl before.jsonl
run 1 "$ENCL" policy history h.jsonl long.eif -q
grep -qx "enclavebuild: h.jsonl: the image's line would be longer than 65536 bytes: its name or version is" err ||
	fail "$(cat err)"
cmp h.jsonl before.jsonl
# Several at a time lose none.
rm h.jsonl
for _ in 1 2 3 4; do
	"$ENCL" policy history h.jsonl signed.eif -q >/dev/null &
	"$ENCL" policy history h.jsonl unsigned.eif -q >/dev/null &
done
wait
run 0 "$ENCL" policy history --check h.jsonl

# ---- build --history ----

"$TOP/tests/support/fake-blobs.sh" blobs
export XDG_CACHE_HOME=$WORK/cache
manifest() { # manifest TEXT
	cat >enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/app, content: "$1", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/bin/app]
Y
}
manifest one
run 0 "$ENCL" build -q --history b.jsonl
run 0 "$ENCL" build -q --history b.jsonl
manifest two
run 0 "$ENCL" build -q --history b.jsonl
python3 - <<'END'
import json
lines = [json.loads(l) for l in open("b.jsonl")]
m = json.load(open("app.measurements.json"))
assert len(lines) == 2, lines
for l in lines:
    assert l["Name"] == "app" and l["Version"] == "1" and l["BuildTool"] == "enclavebuild", l
    assert l["Compat"] == m["Compat"] and l["Manifest"].startswith("sha256:"), l
assert lines[1]["Manifest"] == m["Manifest"] != lines[0]["Manifest"], lines
assert lines[1]["Measurements"] == m["Measurements"] and lines[1]["Digest"] == m["Digest"], lines
assert lines[0]["Measurements"]["PCR1"] == lines[1]["Measurements"]["PCR1"], lines
assert lines[0]["Measurements"]["PCR2"] != lines[1]["Measurements"]["PCR2"], lines
END
# Half of what it is is not enough for an image, either.
for n in 1 2; do
	run 3 "$ENCL" verify app.eif "--pcr$n" "$(pcr app.eif $n)"
	same "PCR$n alone" "enclavebuild: app.eif: PCR$n does not say what it is: PCR0 does, or PCR8, or PCR1 and PCR2" "$(cat err)"
done
run 0 "$ENCL" verify app.eif --pcr1 "$(pcr app.eif 1)" --pcr2 "$(pcr app.eif 2)"
"$ENCL" policy kms app.eif --principal "$ROLE" --statement-only >own.json
run 0 "$ENCL" verify app.eif --policy own.json
run 3 "$ENCL" verify app.eif --policy key.json
# What somebody else signs has no signature yet.
openssl ecparam -name secp384r1 -genkey -noout -out k.pem
openssl req -new -x509 -key k.pem -sha384 -subj /CN=t -days 3650 -out c.pem
echo 'sign: {certificate: ./c.pem, detached: true}' >>enclave.yaml
run 0 "$ENCL" build -q --history u.jsonl --sbom u.spdx.json
same "the unsigned image" "sha256:$(sha256sum <app.unsigned.eif | cut -d' ' -f1)" \
	"$(python3 -c 'import json; print(json.load(open("u.jsonl"))["Digest"])')"
grep -q "$(sha256sum <app.unsigned.eif | cut -d' ' -f1)" u.spdx.json || fail "the SBOM is of another image"
manifest two
sed -i '1s/app/App/' b.jsonl
rm app.eif
rejects 3 "b.jsonl:2: $CHAIN" "$ENCL" build -q --history b.jsonl
[ ! -e app.eif ] || fail "built although the history is broken"
