# Goal: of ten pairs of images that differ in one thing each, diff names that thing,
# the registers that it moves, and nothing else, as JSON and in words, in a cpio and in
# a squashfs; what differs without a file of its own has a reason too.
. "$(dirname "$0")/lib.sh"
need jq openssl cpio gzip
V=$TOP/tests/golden/vectors
export XDG_CACHE_HOME=$WORK/cache LC_ALL=C
"$TOP/tests/support/fake-blobs.sh" blobs
# kernels that say which release they are
kernel() { # kernel RELEASE
	cp blobs/bzImage "$1"
	printf '\0\x02' | dd of="$1" bs=1 seek=$((0x20e)) conv=notrunc status=none
	printf '%s (me@here) #1\0' "$1" | dd of="$1" bs=1 seek=1024 conv=notrunc status=none
}
kernel 6.1.0-40
kernel 6.1.0-41
sed 's/6\.6\.79/6.6.80/' blobs/bzImage.config >other.config
printf '#!init' >init
printf 'init\n' | cpio -o -H newc --quiet -R 0:0 --reproducible >boot

cat >tree <<'X'
d 755 0:0 1000 etc
f 644 0:0 1000 etc/conf one\ntwo\nthree\n
f 755 0:0 1000 usr/bin/tool #!/bin/sh\n
l 777 0:0 1000 link target
f 644 0:0 1000 var/lib/dpkg/status Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n
f 644 0:0 1000 var/lib/dpkg/info/tool.list /usr/bin/tool\n
X
# image OUT TREE [KERNEL [CONFIG [CMDLINE]]], of the form that is being tried
image() {
	"$O/support/ramdisk" "$FORM" "$1.ramdisk" <"$2"
	"$O/support/assemble" "$1" "${3:-6.1.0-40}" "${4:-blobs/bzImage.config}" \
		"${5:-quiet panic=30}" boot "$1.ramdisk"
}
sha() { echo "sha256:$(printf "$1" | sha256sum | cut -d' ' -f1)"; }
pcr() { "$ENCL" inspect --json "$1" | jq -r ".Measurements.$2"; }

# expected B PCRS PROGRAM: the whole document for a.eif and B where the registers PCRS
# differ and PROGRAM (jq) puts in the rest; sizes and digests of sections as extract
# and sha256sum have them.
section() { # section IMAGE NAME: "SIZE sha256:DIGEST"
	rm -rf parts
	"$ENCL" extract -q "$1" -o parts >/dev/null
	echo "$(stat -c %s "parts/$2") sha256:$(sha256sum <"parts/$2" | cut -d' ' -f1)"
}
changed_section() { # changed_section B FILE TYPE PCRS [RAMDISK [TEXT]]: its row
	local a b
	a=$(section a.eif "$2")
	b=$(section "$1" "$2")
	jq -n --arg type "$3" --arg pcrs "$4" --arg ramdisk "${5:-}" --arg text "${6:-}" --arg a "$a" --arg b "$b" '
		{Type: $type} + (if $ramdisk == "" then {} else {Ramdisk: ($ramdisk | tonumber)} end) +
		{Change: "changed", SizeA: ($a / " ")[0] | tonumber, DigestA: ($a / " ")[1],
		 SizeB: ($b / " ")[0] | tonumber, DigestB: ($b / " ")[1], PCRs: ($pcrs | split(" "))} +
		(if $text == "" then {} else {Text: $text} end)'
}
expected() {
	local rows=() p
	for p in $2; do
		rows+=("$(jq -n --arg p "$p" --arg a "$(pcr a.eif "$p")" --arg b "$(pcr "$1" "$p")" '
			{PCR: $p} + (if $a == "null" then {} else {A: $a} end) + {B: $b}')")
	done
	jq -n --arg b "$1" --arg pcrs "$2" --argjson m "[$(
		IFS=,
		echo "${rows[*]}"
	)]" '{A: "a.eif", B: $b, Same: false, Measurements: $m, Header: [], Sections: [], Metadata: [],
		Signature: [], Packages: [], Files: [],
		Summary: {Added: 0, Removed: 0, Changed: 0, PCRs: ($pcrs | split(" ")), Text: ""}}' |
		jq --argjson s "$SECTION" ".Sections = [\$s] | $3"
}
# names B PCRS PROGRAM TEXT: that is what diff says; TEXT is what follows the registers
names() {
	expected "$1" "$2" "$3" >want.json
	run 3 "$ENCL" diff --json a.eif "$1"
	diff -u <(jq . want.json) <(jq . out) || fail "$1 ($FORM): another document"
	{
		for p in $2; do
			a=$(pcr a.eif "$p")
			echo "$p: ${a/null/none} -> $(pcr "$1" "$p")"
		done
		printf '%s\n' "$4"
	} >want
	run 3 "$ENCL" diff a.eif "$1"
	diff -u want out || fail "$1 ($FORM): other words"
}
APP="PCR0 and PCR2 differ, PCR1 is the same: only the app ramdisk changed"
BOOT="PCR0 and PCR1 differ, PCR2 is the same: only the"
SAME="PCR0, PCR1 and PCR2 are the same: only the"
# a file of ramdisk 1 and what follows in words
one_file() { # one_file NAME PATH FIELDS-JSON WORDS [MORE-JSON [PACKAGES-JSON]]
	local more=${5:-} packages=${6:-[]} owner='' size a b
	[ "$2" != usr/bin/tool ] || {
		owner='  package tool 1.0-1'
		more=${more:-', "Owner": {"Kind": "package", "Name": "tool 1.0-1"}'}
	}
	SECTION=$(changed_section "$1" "$PART" ramdisk "PCR0 PCR2" 1)
	a=$(stat -c %s a.eif.ramdisk)
	b=$(stat -c %s "$1.ramdisk")
	size=''
	[ "$a" = "$b" ] || size=", bytes: $a -> $b"
	names "$1" "PCR0 PCR2" ".Files = [{Path: \"rootfs/$2\", Ramdisk: 1, Change: \"changed\", Fields: $3,
		PCRs: [\"PCR0\", \"PCR2\"]$more}] | .Packages = $packages |
		.Summary.Changed = 1 | .Summary.Text = \"$APP\"" \
		"section ramdisk 1 changed$size  [PCR0 PCR2]
${7:-}changed rootfs/$2  [PCR0 PCR2]$owner
$4
files: 0 added, 0 removed, 1 changed
$APP"
}

for FORM in none squashfs; do
	PART=ramdisk1.cpio
	image a.eif tree

	# ---- one field of one file ----
	sed '/tool #/s/755/4755/' tree >b
	image mode.eif b
	one_file mode.eif usr/bin/tool '{mode: ["0755", "4755"]}' '    mode: 0755 -> 4755'
	sed '/conf/s/0:0/7:8/' tree >b
	image owner.eif b
	one_file owner.eif etc/conf '{owner: ["0:0", "7:8"]}' '    owner: 0:0 -> 7:8'
	sed '/conf/s/1000/1001/' tree >b
	image time.eif b
	one_file time.eif etc/conf '{mtime: [1000, 1001]}' '    mtime: 1000 -> 1001'
	sed 's/target/other/' tree >b
	image symlink.eif b
	one_file symlink.eif link '{link: ["target", "other"]}' '    link: target -> other'
	sed 's/two/2/' tree >b
	image content.eif b
	one_file content.eif etc/conf \
		"{size: [14, 12], content: [\"$(sha 'one\ntwo\nthree\n')\", \"$(sha 'one\n2\nthree\n')\"]}" \
		'    size: 14 -> 12
    @@ -1,3 +1,3 @@
     one
    -two
    +2
     three' ', "Diff": "@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"'
	sed 's/1\.0-1/1.0-2/' tree >b
	image package.eif b
	STATUS='Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion:'
	one_file package.eif var/lib/dpkg/status \
		"{content: [\"$(sha "$STATUS 1.0-1\n")\", \"$(sha "$STATUS 1.0-2\n")\"]}" \
		'    @@ -1,4 +1,4 @@
     Package: tool
     Status: install ok installed
     Architecture: amd64
    -Version: 1.0-1
    +Version: 1.0-2' \
		', "Diff": "@@ -1,4 +1,4 @@\n Package: tool\n Status: install ok installed\n Architecture: amd64\n-Version: 1.0-1\n+Version: 1.0-2\n"' \
		'[{Name: "tool", Type: "deb", Arch: "amd64", Change: "changed", A: "1.0-1", B: "1.0-2"}]' \
		'package tool (amd64): 1.0-1 -> 1.0-2
'

	# ---- sections ----
	image kernel.eif tree 6.1.0-41
	SECTION=$(changed_section kernel.eif kernel kernel "PCR0 PCR1" "" "6.1.0-40 -> 6.1.0-41")
	names kernel.eif "PCR0 PCR1" ".Summary.Text = \"$BOOT kernel changed\"" \
		"section kernel changed: 6.1.0-40 -> 6.1.0-41  [PCR0 PCR1]
$BOOT kernel changed"
	image cmdline.eif tree "" "" "quiet panic=1 debug"
	SECTION=$(changed_section cmdline.eif cmdline cmdline "PCR0 PCR1" "" "-panic=30 +panic=1 +debug")
	names cmdline.eif "PCR0 PCR1" ".Summary.Text = \"$BOOT command line changed\"" \
		"section cmdline changed, bytes: 14 -> 19: -panic=30 +panic=1 +debug  [PCR0 PCR1]
$BOOT command line changed"
	image metadata.eif tree "" other.config
	SECTION=$(changed_section metadata.eif metadata.json metadata "" | jq '.PCRs = []')
	names metadata.eif "" '.Metadata = [{Key: "BuildMetadata.KernelVersion", A: "6.6.79", B: "6.6.80"}] |
		.Summary.PCRs = [] | .Summary.Text = "'"$SAME"' metadata changed, which is in none of PCR0 to PCR2"' \
		"section metadata changed
metadata BuildMetadata.KernelVersion: 6.6.79 -> 6.6.80
$SAME metadata changed, which is in none of PCR0 to PCR2"
	cp a.eif signature.eif
	run 0 "$ENCL" sign signature.eif --certificate "$V/cert.pem" --key "$V/key.pem"
	SECTION=$(jq -n --arg b "$(section signature.eif signature.cbor)" '{Type: "signature", Change: "added",
		SizeB: ($b / " ")[0] | tonumber, DigestB: ($b / " ")[1], PCRs: ["PCR8"]}')
	names signature.eif "PCR8" '.Signature = [{Field: "Signed", A: false, B: true}] |
		.Summary.Text = "PCR8 differs, PCR0, PCR1 and PCR2 are the same: only the signature changed, which is in none of PCR0 to PCR2"' \
		"section signature added  [PCR8]
signature Signed: false -> true
PCR8 differs, PCR0, PCR1 and PCR2 are the same: only the signature changed, which is in none of PCR0 to PCR2"
	run 0 "$ENCL" diff --ignore-signature a.eif signature.eif
	same "words" "the images are the same but for signatures" "$(cat out)"
done
