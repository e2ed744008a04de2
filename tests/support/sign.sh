# shellcheck shell=bash
# For the scripts about signatures; sourced after tests/cli/lib.sh.
need openssl python3
# shellcheck disable=SC2034
V=$TOP/tests/golden/vectors

make_key() { # make_key NAME CURVE [REQ-OPTION…]: NAME.key and NAME.pem
	openssl ecparam -name "$2" -genkey -noout -out "$1.key"
	openssl req -new -x509 -key "$1.key" -subj "/C=DE/CN=$1" -days 2 -out "$1.pem" "${@:3}"
}
hash_of() { # of a curve
	case $1 in prime256v1) echo sha256 ;; secp384r1) echo sha384 ;; *) echo sha512 ;; esac
}
expire() { # expire NAME: NAME-old.pem, of the same key, expired
	openssl req -new -key "$1.key" -subj /CN=old -out old.csr
	faketime -f '@2020-01-01 00:00:00' openssl x509 -req -in old.csr -signkey "$1.key" -days 1 \
		-out "$1-old.pem" 2>/dev/null
	# shellcheck disable=SC2034
	EXPIRED="$1-old.pem: expired on Jan  2 00:00:00 2020 GMT; an enclave signed with it would not start"
}

# verified IMAGE CERTIFICATE: by the tool's strict reader, and by openssl's own hands
# on the bytes that an independent reader took out of the image
verified() {
	local got
	run 0 "$ENCL" inspect --strict --json "$1"
	got=$("$TOP/tests/support/eif-signature.py" "$1" section)
	cmp section.pem "$2"
	openssl x509 -in "$2" -pubkey -noout >section.pub
	same "openssl's verdict on $1" "Verified OK" \
		"$(openssl dgst "-${got%% *}" -verify section.pub -signature section.der section.signed 2>&1)"
	same "the PCR0 that is signed in $1" "$(sed -n 's/.*"PCR0": "\(.*\)",/\1/p' out | head -n 1)" \
		"$(cut -d ' ' -f 2 <<<"$got")"
	same "measurements of $1" "$("$TOP/tests/support/oracle.sh" "$1" "$2")" \
		"$(sed -n 's/^    "\(PCR.\)": "\(.*\)".*/\1 \2/p' out)"
}
# leaves_nothing CODE MESSAGE COMMAND…: as rejects, and no file came, went or changed
listing() { (cd work && find . -printf '%p %y %m %s %i\n' | LC_ALL=C sort && { sha256sum -- * 2>/dev/null || true; }); }
leaves_nothing() {
	local before
	before=$(listing)
	rejects "$@"
	same "the folder after ${*:3}" "$before" "$(listing)"
}
# project SIGN…: a folder with a manifest that signs so; and what it is built to
project() {
	export XDG_CACHE_HOME=$WORK/cache
	mkdir -p project
	[ -d project/blobs ] || "$TOP/tests/support/fake-blobs.sh" project/blobs
	cat >project/enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app: {command: [/bin/app]}
$(printf '%s\n' "$@")
Y
}
build() { "$ENCL" build -q project/enclave.yaml -o work/t.eif "$@"; }
