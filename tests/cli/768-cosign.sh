# Goal: verify --bundle takes cosign's verdict on what signs an image, by key or by
# identity, and nothing else for it: another file, key or bundle fails; a missing or
# old cosign is said.
. "$(dirname "$0")/lib.sh"
need jq openssl
export TMPDIR=$WORK
. "$TOP/tests/support/layout.sh"
eif app.eif 4
eif other.eif 5
b64() { openssl base64 -A; }
# bundle FILE SUBJECT LOGGED: as cosign sign-blob writes it
bundle() {
	jq -n --arg d "$(openssl dgst -sha256 -binary "$2" | b64)" --argjson log "$3" '{
		mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		verificationMaterial: ({publicKey: {hint: "x"}} + if $log then {tlogEntries: [{}]} else {} end),
		messageSignature: {messageDigest: {algorithm: "SHA2_256", digest: $d}, signature: "AA=="}}' >"$1"
}
verified() { "$ENCL" verify app.eif --json "$@" >result.json 2>err; }
verdict() { jq -r '.Checks[] | select(.Name == "bundle") | .Verdict + ": " + .Text' result.json; }

# ---- a stand-in: only what it is called with, and how its end is taken ----
mkdir bin
cat >bin/cosign <<'END'
#!/bin/sh
if [ "$1" = version ]; then
	echo "{\"gitVersion\": \"$(cat "$0.version")\"}"
	exit 0
fi
for a; do
	case $a in
	--trusted-root=*enclavebuild-root*) echo "--trusted-root=made: $(cat "${a#*=}")" ;;
	/proc/*) echo "image: $(sha256sum <"$a" | cut -d' ' -f1)" ;;
	*) echo "$a" ;;
	esac
done >"$0.argv"
[ ! -e "$0.fails" ] || { printf 'WARNING: w\nError: it is \033[31mwrong\nmore\n' >&2; exit 1; }
END
chmod +x bin/cosign
export PATH=$WORK/bin:$PATH
sum="image: $(sha256sum app.eif | cut -d' ' -f1)"
called() { # called WANT…: the arguments, one a line
	same "arguments of cosign" "$(printf '%s\n' "$@")" "$(cat bin/cosign.argv)"
}
made='--trusted-root=made: {"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'
bundle plain.json app.eif false
bundle logged.json app.eif true
touch pub.pem root.json
echo v3.1.3 >bin/cosign.version
verified --bundle plain.json --key pub.pem || fail "$(cat err)"
same "verdict" "pass: plain.json: signed by the key pub.pem" "$(verdict)"
called verify-blob --bundle=plain.json --key=pub.pem "$made" --insecure-ignore-tlog "$sum"
verified --bundle logged.json --key pub.pem --trusted-root root.json || fail "$(cat err)"
called verify-blob --bundle=logged.json --key=pub.pem --trusted-root=root.json "$sum"
verified --bundle logged.json --identity me@example.test --issuer https://idp.test --trusted-root root.json --offline || fail "$(cat err)"
same "verdict" "pass: logged.json: signed by me@example.test (https://idp.test)" "$(verdict)"
called verify-blob --bundle=logged.json --certificate-identity=me@example.test \
	--certificate-oidc-issuer=https://idp.test --trusted-root=root.json "$sum"
echo v2.6.5 >bin/cosign.version
verified --bundle logged.json --identity -x --issuer https://idp.test || fail "$(cat err)"
called verify-blob --bundle=logged.json --certificate-identity=-x --certificate-oidc-issuer=https://idp.test \
	--new-bundle-format --offline "$sum"
# a statement in it: its type is asked for
jq -n --arg p "$(printf '{"predicateType":"https://slsa.dev/provenance/v1","subject":[{"digest":{"sha256":"%s"}}]}' "${sum#image: }" | b64)" '{
	mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json", verificationMaterial: {},
	dsseEnvelope: {payload: $p, payloadType: "application/vnd.in-toto+json", signatures: []}}' >dsse.json
verified --bundle dsse.json --key pub.pem || fail "$(cat err)"
called verify-blob-attestation --bundle=dsse.json --type=https://slsa.dev/provenance/v1 --key=pub.pem "$made" \
	--insecure-ignore-tlog --new-bundle-format --offline "$sum"
# its verdict, and words from outside on a terminal
touch bin/cosign.fails
run 3 "$ENCL" verify app.eif --bundle plain.json --key pub.pem
grep -q '^BAD bundle  *plain.json: not signed by the key pub.pem: it is \\x1b\[31mwrong$' out || fail "$(cat out)"
rm bin/cosign.fails bin/cosign.argv
# of another file: cosign is not even asked
bundle another.json other.eif false
run 3 "$ENCL" verify app.eif --bundle another.json --key pub.pem
grep -q '^BAD bundle  *another.json: is of another file$' out || fail "$(cat out)"
[ ! -e bin/cosign.argv ] || fail "cosign was asked"

# ---- slips, and no cosign ----
no="--bundle: say who has to have signed it, with --key, or --identity and --issuer"
rejects 2 "$no" "$ENCL" verify app.eif --bundle plain.json
rejects 2 "--key is for --bundle" "$ENCL" verify app.eif --key pub.pem
rejects 2 "--key and --identity: one of the two" "$ENCL" verify app.eif --bundle plain.json --key k --identity i --issuer u
rejects 2 "--identity needs --issuer, and the other way round: a name says nothing without who vouches for it" \
	"$ENCL" verify app.eif --bundle plain.json --identity i
rejects 2 "--identity with --offline needs --trusted-root" "$ENCL" verify app.eif --bundle plain.json --identity i --issuer u --offline
echo '{"base64Signature":"AA=="}' >old.json
rejects 1 "old.json: is not a sigstore bundle; cosign 2 writes one with --new-bundle-format" \
	"$ENCL" verify app.eif --bundle old.json --key pub.pem
get='("go install github.com/sigstore/cosign/v3/cmd/cosign@latest", or docs.sigstore.dev)'
echo v2.2.4 >bin/cosign.version
rejects 5 "$WORK/bin/cosign is version 2.2; 2.4 or later is needed $get" "$ENCL" verify app.eif --bundle plain.json --key pub.pem
echo '"' >bin/cosign.version
rejects 5 "$WORK/bin/cosign: \"cosign version --json\" says nothing that it should; version 2.4 or later is needed $get" \
	"$ENCL" verify app.eif --bundle plain.json --key pub.pem
rejects 5 "--bundle: cosign checks it, and is not installed $get" env PATH=/nowhere "$ENCL" verify app.eif --bundle plain.json --key pub.pem
ls "${TMPDIR:-/tmp}"/enclavebuild-root.json* 2>/dev/null && fail "a temporary file was left"

# ---- cosign itself, with a key and without a network ----
COSIGN=$TOP/build/peers/cosign
if [ ! -x "$COSIGN" ]; then
	echo "no cosign (make setup-cosign): what it makes of real bundles is left out"
	exit 0
fi
ln -sf "$COSIGN" bin/cosign
export COSIGN_PASSWORD='' HOME=$WORK
sign() { # sign KEY FILE BUNDLE
	cosign sign-blob --key "$1.key" --signing-config none.json --bundle "$3" -y "$2" >sign.log 2>&1 || fail "cosign: $(cat sign.log)"
}
echo '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}' >none.json
for k in one two; do cosign generate-key-pair --output-key-prefix $k >sign.log 2>&1 || fail "cosign: $(cat sign.log)"; done
sign one app.eif app.bundle
sign one other.eif other.bundle
run 0 "$ENCL" verify app.eif --offline --bundle app.bundle --key one.pub
grep -q '^ok  bundle  *app.bundle: signed by the key one.pub$' out || fail "$(cat out)"
run 3 "$ENCL" verify app.eif --bundle app.bundle --key two.pub
run 3 "$ENCL" verify app.eif --bundle other.bundle --key one.pub
# one that says another digest than it signs
jq --slurpfile o other.bundle '.messageSignature.signature = $o[0].messageSignature.signature' app.bundle >forged.bundle
run 3 "$ENCL" verify app.eif --bundle forged.bundle --key one.pub
grep -q '^BAD bundle  *forged.bundle: not signed by the key one.pub: ' out || fail "$(cat out)"
# a statement that is signed
jq -n --arg d "${sum#image: }" '{_type: "https://in-toto.io/Statement/v1", subject: [{name: "app.eif", digest: {sha256: $d}}],
	predicateType: "https://slsa.dev/provenance/v1", predicate: {buildDefinition: {}}}' >statement.json
cosign attest-blob --key one.key --signing-config none.json --statement statement.json --bundle att.bundle -y app.eif >sign.log 2>&1 ||
	fail "cosign: $(cat sign.log)"
run 0 "$ENCL" verify app.eif --bundle att.bundle --key one.pub
run 3 "$ENCL" verify other.eif --bundle att.bundle --key one.pub
run 3 "$ENCL" verify app.eif --bundle att.bundle --key two.pub
