# Goal: AWS's own library (aws-nitro-enclaves-image-format) reads what build and sign
# write as they say it, and writes the same bytes of the same parts.
# (It comes by make setup-aws-peer; without it nothing but the vectors is compared.)
. "$(dirname "$0")/lib.sh"
need jq openssl python3
PATH=$TOP/build/peers:$PATH
# What the library said of the vectors when it was last here (0.8.1).
V=$SHARED/vectors
[ -e "$V/signed.eif" ] || V=$TOP/tests/golden/vectors
"$ENCL" inspect --json "$V/signed.eif" >out
same "PCR8 of the vector" b37d9b2ec2e66c7d19a39882a2a6d2f1f9e71ed699ccd905d00d379489696951a05e113210cf334fe47649943cb47b3e \
	"$(jq -r .Measurements.PCR8 out)"
same "PCR0 of the vector" 63995f94005f4a22918ffeadde48f820a36c1364fc9753cf2ee9787a8846db5c5b7a516a5badec0e63e3e2795e458a8a \
	"$(jq -r .Measurements.PCR0 out)"
command -v eif-peer >/dev/null || {
	echo "no eif-peer: its part is left out (make setup-aws-peer)"
	exit 0
}

"$TOP/tests/support/fake-blobs.sh" blobs
python3 "$TOP/tests/support/tricky-image.py"
said='{PCR0: .Measurements.PCR0, PCR1: .Measurements.PCR1, PCR2: .Measurements.PCR2, PCR8: .Measurements.PCR8, CheckCRC, IsSigned, SignatureCheck}'
manifest() {
	printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
		'rootfs:' '  - image: oci:./layout:1' 'boot:' '  kernel: {blobs: ./blobs}' "$@"
}
agree() { # agree IMAGE: both readers say the same of it
	run 0 eif-peer read "$1"
	jq -S "$said" out >theirs
	run 0 "$ENCL" inspect --json "$1"
	jq -S "$said" out >ours
	cmp ours theirs || fail "$1: $(diff ours theirs)"
	[ "$(jq -r .CheckCRC ours)" = true ] || fail "$1: CRC"
}
parts() { # parts IMAGE: its sections as kernel0, cmdline0, …
	python3 - "$1" "$("$ENCL" inspect --json "$1")" <<'PY'
import json, sys
with open(sys.argv[1], "rb") as f:
    data = f.read()
n = {}
for s in json.loads(sys.argv[2])["Sections"]:
    k = s["Type"]
    with open(k + str(n.setdefault(k, 0)), "wb") as f:
        f.write(data[s["Offset"]:s["Offset"] + s["Size"]])
    n[k] += 1
PY
}

for variant in '' '  init: aws'; do
	manifest "$variant" >enclave.yaml
	run 0 "$ENCL" build -q -o app.eif --cache-dir cache
	agree app.eif
	# The library writes the same file of the same parts.
	parts app.eif
	rm -f aws.eif
	run 0 eif-peer build kernel0 cmdline0 metadata0 ramdisk0 ramdisk1 aws.eif
	cmp app.eif aws.eif || fail "$(cmp -l app.eif aws.eif | wc -l) bytes differ"
done
for curve in prime256v1 secp384r1 secp521r1; do
	openssl ecparam -name $curve -genkey -noout -out key.pem
	openssl req -new -x509 -key key.pem -subj "/CN=$curve/O=Team" -days 2 -out cert.pem 2>/dev/null
	run 0 "$ENCL" sign app.eif --certificate cert.pem --key key.pem -o signed.eif
	agree signed.eif
	same "SignatureCheck of $curve" true "$(jq -r .SignatureCheck ours)"
	# and we read what it signs
	rm -f aws.eif
	run 0 eif-peer build kernel0 cmdline0 metadata0 ramdisk0 ramdisk1 aws.eif cert.pem key.pem
	run 0 "$ENCL" inspect --strict aws.eif
	agree aws.eif
done
