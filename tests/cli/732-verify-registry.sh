# Goal: verify of references: by tag and digest, annotations that agree and that lie,
# what is attached to the image and what is of another one.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need curl jq sha256sum python3
python3 "$TOP/tests/support/ambiguous.py" make .
cp good.eif app.eif
registry one
APP=$REG/team/app
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
says() {
	grep -qxFe "$(printf '%-3s %-17s %s' "$1" "$2" "$3")" out || fail "not said: $1 $2 $3"$'\n'"$(cat out)"
}
# fails_with MESSAGE ARGUMENT…: exit 3
fails_with() {
	local message=$1
	shift
	run 3 "$ENCL" verify "$@"
	same "stderr of verify $*" "enclavebuild: $message" "$(cat err)"
}
"$ENCL" measure --json app.eif >m.json
P0=$(jq -r .Measurements.PCR0 m.json)
other=$(echo "$P0" | tr 0-9a-f 1-9a-f0)

# ---- by tag and by digest ----
run 0 "$ENCL" push app.eif "$APP:1" --no-evidence --digest-file d
D=$(cat d)
run 0 "$ENCL" verify "$APP:1" --pcr0 "$P0"
says ok registry "manifest $D"
says ok annotation.PCR0 "as the registry has it"
run 0 "$ENCL" verify "$APP@$D" -m m.json --json
same "JSON" "$APP@$D $(digest app.eif) $D pass" "$(jq -r '[.Image, .Digest, .Manifest, .Verdict] | join(" ")' out)"
run 0 "$ENCL" verify "$APP:1" --image app.eif
run 0 "$ENCL" verify app.eif --image "$APP@$D"
fails_with "$APP:1: PCR0: --pcr0 expects $other, there is $P0" "$APP:1" --pcr0 "$other"
run 0 "$ENCL" verify "$APP:1" --annotations --attest vsa.json --at 2027-01-01T00:00:00Z
same "subject" "$APP:1 $(digest app.eif)" "$(jq -r '.subject[0] | "\(.name) sha256:\(.digest.sha256)"' vsa.json)"
same "resource" "pkg:oci/app@$D?repository_url=$(printf %s "$APP" | jq -sRr 'split("/") | map(@uri) | join("/")' | sed 's/%3A/:/g')" "$(jq -r .predicate.resourceUri vsa.json)"
# what the registry says of itself is nothing to compare with, unless it is asked for
fails_with "$APP:1: nothing to compare with: give --pcr0, --measurements, --image, --policy, --chain, --rebuild or --annotations" "$APP:1"
run 6 "$ENCL" verify "$APP:none" --annotations
run 6 "$ENCL" verify 127.0.0.1:1/app:1 --annotations --plain-http

# ---- annotations that lie ----
blob() { # blob FILE: uploads it
	local at
	at=$(curl -sfi -X POST "http://$REG/v2/team/app/blobs/uploads/" | sed -n 's/^[Ll]ocation: *\([^\r]*\).*/\1/p')
	curl -sf -X PUT --data-binary @"$1" -H "Content-Type: application/octet-stream" "$at&digest=$(digest "$1")"
}
put() { # put TAG FILE
	curl -sf -X PUT -H "Content-Type: application/vnd.oci.image.manifest.v1+json" --data-binary @"$2" \
		"http://$REG/v2/team/app/manifests/$1"
}
curl -sfo pushed -H "Accept: application/vnd.oci.image.manifest.v1+json" "http://$REG/v2/team/app/manifests/1"
jq -c --arg p "$other" '.annotations["dev.enclavebuild.pcr0"] = $p' pushed >lie
put lie lie
fails_with "$APP:lie: config: manifest and config name another PCR0" "$APP:lie" --pcr0 "$P0"
printf '{}' >empty
blob empty
bare() { # bare ANNOTATIONS: a manifest as oras writes it
	jq -cn --argjson a "$1" --arg d "$(digest app.eif)" --arg e "$(digest empty)" --argjson n "$(stat -c %s app.eif)" \
		'{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
		artifactType: "application/vnd.aws.nitro.eif",
		config: {mediaType: "application/vnd.oci.empty.v1+json", digest: $e, size: 2},
		layers: [{mediaType: "application/vnd.aws.nitro.eif", digest: $d, size: $n}], annotations: $a}'
}
bare "{\"dev.enclavebuild.pcr0\":\"$other\"}" >lie
put lie2 lie
fails_with "$APP:lie2: annotation.PCR0: the registry expects $other, there is $P0" "$APP:lie2" --annotations
fails_with "$APP:lie2: annotation.PCR0: the registry expects $other, there is $P0" "$APP:lie2" --pcr0 "$P0" # not asked for
bare "{\"dev.enclavebuild.pcr0\":\"$P0\",\"dev.enclavebuild.pcr8\":\"$other\"}" >lie
put lie3 lie
fails_with "$APP:lie3: annotation.PCR8: the registry expects $other, there is none" "$APP:lie3" --annotations
bare '{"x":"y"}' >silent
put silent silent
fails_with "$APP:silent: annotation.PCR0: the manifest names no PCR0" "$APP:silent" --annotations
run 0 "$ENCL" verify "$APP:silent" --pcr0 "$P0"
# an image of another architecture than the config says, and bytes that are no image
blob lie
bare '{"x":"y"}' | jq -c --arg d "$(digest lie)" --argjson n "$(stat -c %s lie)" '.layers[0] += {digest: $d, size: $n}' >rubbish
put rubbish rubbish
run 1 "$ENCL" verify "$APP:rubbish" --pcr0 "$P0"
grep -q "^enclavebuild: $APP:rubbish: not an EIF: " err || fail "$(cat err)"

# ---- what is attached ----
spdx() {
	printf '{"spdxVersion":"SPDX-2.3","documentDescribes":["SPDXRef-i"],"packages":[{"SPDXID":"SPDXRef-i","name":"i","checksums":[{"algorithm":"SHA256","checksumValue":"%s"}]}]}' "$1"
}
statement() {
	printf '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"i","digest":{"sha256":"%s"}}],"predicateType":"https://slsa.dev/provenance/v1","predicate":{}}' "$1"
}
fails_with "$APP:1: evidence: nothing is attached to $D" "$APP:1" --evidence
mkdir with
cd with || exit
cp ../app.eif .
jq --arg d "$(digest app.eif)" '.Digest = $d' ../m.json >app.measurements.json
printf '{"lockVersion":1,"arch":"x86_64"}\n' >enclave.lock
spdx "$(sha256sum app.eif | cut -d' ' -f1)" >s.json
statement "${D#sha256:}" >p.json # of the manifest
echo text >note
run 0 "$ENCL" push app.eif "$APP:1" --lock enclave.lock --attach sbom=s.json --attach provenance=p.json --attach text/plain=note
cd ..
run 0 "$ENCL" verify "$APP:1" --evidence --attest vsa.json
same "verdicts" "PCR0 ok PCR1 ok PCR2 ok evidence -- evidence -- provenance ok sbom ok" \
	"$(sed -nE '/ (PCR.|evidence|provenance|sbom) /s/^([^ ]+) +([^ ]+) .*/\2 \1/p' out | sort | tr '\n' ' ' | sed 's/ $//')"
grep -q 'vnd.enclavebuild.lock.v1+json (sha256:.*): is of a type that names no image; give --manifest and --lock$' out || fail "$(cat out)"
same "inputs" 3 "$(jq '.predicate.inputAttestations | length' vsa.json)"
spdx "${other:0:64}" >bad.json # of another image
run 0 "$ENCL" push app.eif "$APP:1" --no-evidence --attach sbom=bad.json
run 3 "$ENCL" verify "$APP:1" --evidence --pcr0 "$P0"
grep -q "^BAD sbom .* expects sha256:${other:0:64}, there is $(digest app.eif)$" out || fail "$(cat out)"
says ok PCR0 "as --pcr0 has it"
run 0 "$ENCL" verify "$APP:1" --pcr0 "$P0" # not asked for
jq '.Measurements.PCR1 = .Measurements.PCR0' with/app.measurements.json >bad.measurements.json
run 0 "$ENCL" push app.eif "$APP:1" --no-evidence \
	--attach application/vnd.enclavebuild.measurements.v1+json=bad.measurements.json
run 3 "$ENCL" verify "$APP:1" --evidence
grep -q '^BAD PCR1 .*measurements.v1+json (sha256:.* expects ' out || fail "$(cat out)"
printf '[]' >broken.json
run 0 "$ENCL" push app.eif "$APP:1" --no-evidence --attach application/spdx+json=broken.json
run 3 "$ENCL" verify "$APP:1" --evidence
grep -q '^BAD evidence .*spdx+json (sha256:.*: is no SPDX, CycloneDX or in-toto document' out || fail "$(cat out)"
