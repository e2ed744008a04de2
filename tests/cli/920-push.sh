# Goal: push sends an image as the documented artifact, once, with its evidence
# as referrers, to the same digest from anywhere; nothing is left of one that
# is interrupted.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need curl jq sha256sum
V=$TOP/tests/golden/vectors
registry one
APP=$REG/team/app

# get FILE KEY…: the value in a JSON document
get() {
	local file=$1
	shift
	jq -r 'getpath($ARGS.positional | map(tonumber? // .)) // empty' "$file" --args "$@"
}
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
manifest() { # manifest VERSION [REGISTRY]: as the registry has it, to ./m
	curl -sfo m -H "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json" \
		"http://${2:-$REG}/v2/team/app/manifests/$1" || fail "no manifest $1"
}

# ---- the artifact, to the byte ----
cp "$V/signed.eif" app.eif
run 0 "$ENCL" push app.eif "$APP:1" --digest-file d --json
cp out first.json
want=sha256:0adb05351250616c7582bce2cab3fb20e2a418a69a7777beb69d04ecf27cc062
same "digest file" "$want" "$(cat d)"
same "reference" "$APP:1@$want" "$(get first.json Reference)"
same "bytes sent" 3500 "$(get first.json BytesSent)"
manifest 1
same "the registry's manifest" "$want" "$(digest m)"
same "artifactType" application/vnd.aws.nitro.eif "$(get m artifactType)"
same "title" app.eif "$(get m layers 0 annotations org.opencontainers.image.title)"
same "PCR0" "$("$ENCL" measure app.eif | sed -n 's/^PCR0 //p')" "$(get m annotations dev.enclavebuild.pcr0)"
curl -sfo layer "http://$REG/v2/team/app/blobs/$(get m layers 0 digest)"
cmp layer app.eif || fail "the layer is not the image"
curl -sfo config "http://$REG/v2/team/app/blobs/$(get m config digest)"
same "config" "$(get m config digest)" "$(digest config)"
for i in 0 1 2 8; do
	same "PCR$i of the config" "$(get config measurements pcr$i)" "$(get m annotations dev.enclavebuild.pcr$i)"
done
same "sections" "$("$ENCL" inspect --json app.eif | jq -c '[.Sections[] | [.Type, .Offset, .Size]]')" \
	"$(jq -c '[.eif.sections[] | [.type, .offset, .size]]' config)"

# ---- a second push: looks, sends nothing, also where tags stand for ever ----
faultd immutable "$REG" '* PUT * status 405' '* POST * status 405' '* PATCH * status 405'
run 0 "$ENCL" push app.eif "$FAULT/team/app:1" --json
same "bytes sent again" 0 "$(get out BytesSent)"
same "requests" "HEAD" "$(sed -nE 's/^[0-9]+ ([A-Z]+) .*/\1/p' "$FAULT_LOG" | sort -u | tr '\n' ' ' | sed 's/ $//')"
run 6 "$ENCL" push app.eif "$FAULT/team/app:2"
stop immutable

# ---- from elsewhere: another folder, time zone, umask, registry ----
registry two
(mkdir -p else/where && cd else/where && cp "$V/signed.eif" app.eif && umask 077 &&
	TZ=Asia/Tokyo LC_ALL=C SOURCE_DATE_EPOCH=99 "$ENCL" push -q app.eif "$REG/team/app" --digest-file d)
same "digest elsewhere" "$want" "$(cat else/where/d)"
manifest latest "$REG"
same "tag where none is given" "$want" "$(digest m)"
stop two
REG=${APP%/team/app}

# ---- tags, digests, annotations ----
run 0 "$ENCL" push app.eif "$APP:3" -t 4 --tag 5 -t 4
for t in 3 4 5; do
	manifest $t
	same "tag $t" "$want" "$(digest m)"
done
run 0 "$ENCL" push app.eif "$APP@$want"
bad=sha256:$(printf %064d 0)
rejects 3 "the manifest would be $want, not $bad as was asked for" "$ENCL" push app.eif "$APP:6@$bad"
curl -sf "http://$REG/v2/team/app/manifests/6" && fail "a tag for another digest"
run 0 "$ENCL" push app.eif "$APP:7" -a org.opencontainers.image.revision=abc
manifest 7
same "annotation" abc "$(get m annotations org.opencontainers.image.revision)"
rejects 2 'annotation dev.enclavebuild.pcr0: names of dev.enclavebuild.* are enclavebuild'"'"'s own' \
	"$ENCL" push app.eif "$APP:8" -a dev.enclavebuild.pcr0=0

# ---- parts ----
run 0 "$ENCL" push app.eif "$APP:split" --split 1000 --json
same "parts" 3 "$(get out Images 0 Parts)"
manifest split
: >joined
for i in 0 1 2; do
	same "part" "$((i + 1))/3" "$(get m layers $i annotations dev.enclavebuild.part)"
	curl -sf "http://$REG/v2/team/app/blobs/$(get m layers $i digest)" >>joined
done
cmp joined app.eif || fail "the parts are not the image"
rejects 2 "--split 12q: is no size such as 512MiB or 1g" "$ENCL" push app.eif "$APP:8" --split 12q

# ---- another repository of the registry ----
run 0 "$ENCL" push app.eif "$REG/other/app:1" --mount-from "$APP" --json
same "mounted" "mounted mounted 0" "$(get out Blobs 0 Outcome) $(get out Blobs 1 Outcome) $(get out BytesSent)"
rejects 2 "--mount-from team/app:1: name a repository, without a tag" \
	"$ENCL" push app.eif "$REG/other/app:1" --mount-from team/app:1

# ---- several architectures ----
# as_arm FILE: the image with the flag of aarch64, its CRC mended
as_arm() {
	cp "$V/unsigned.eif" "$1"
	printf '\1' | dd of="$1" bs=1 seek=7 conv=notrunc status=none
	printf "$("$ENCL" inspect --strict "$1" 2>&1 | sed -nE 's/.*CRC-32 (..)(..)(..)(..),.*/\\x\1\\x\2\\x\3\\x\4/p')" |
		dd of="$1" bs=1 seek=544 conv=notrunc status=none
}
as_arm arm.eif
run 0 "$ENCL" push app.eif arm.eif "$APP:multi" --digest-file d1
run 0 "$ENCL" push arm.eif app.eif "$APP:multi2" --digest-file d2
same "order of images" "$(cat d1)" "$(cat d2)"
manifest multi
same "index" "amd64 arm64 application/vnd.oci.image.index.v1+json" \
	"$(get m manifests 0 platform architecture) $(get m manifests 1 platform architecture) $(get m mediaType)"
same "the image in the index" "$want" "$(get m manifests 0 digest)"
rejects 2 "app.eif and $V/unsigned.eif are both for x86_64; an index has one image an architecture" \
	"$ENCL" push app.eif "$V/unsigned.eif" "$APP:8"

# ---- evidence ----
m() { # m IMAGE: the measurements file that build writes
	"$ENCL" measure --json "$1" | jq --arg d "$(digest "$1")" '.Digest = $d'
}
mkdir with
cd with || exit
cp ../app.eif .
m app.eif >app.measurements.json
printf '{"lockVersion":1,"arch":"x86_64"}\n' >enclave.lock
printf '{"lockVersion":1,"arch":"aarch64"}\n' >arm.lock
printf '{"spdxVersion":"SPDX-2.3"}\n' >sbom.json
printf '{"predicateType":"https://slsa.dev/provenance/v1"}\n' >prov.json
printf 'some text\n' >note
run 0 "$ENCL" push app.eif "$APP:ev" --lock enclave.lock --attach sbom=sbom.json \
	--attach provenance=prov.json --attach text/plain=note --json
cp "$WORK/out" pushed.json
same "the image's digest" "$want" "$(get pushed.json Digest)"
same "referrers" "app.measurements.json enclave.lock sbom.json prov.json note" \
	"$(jq -r '[.Referrers[].File] | join(" ")' pushed.json)"
cd ..
for i in 0 1 2 3 4; do
	r=$(get with/pushed.json Referrers $i Digest)
	manifest "$r"
	same "referrer $i" "$r" "$(digest m)"
	same "its subject" "$want" "$(get m subject digest)"
	curl -sfo file "http://$REG/v2/team/app/blobs/$(get m layers 0 digest)"
	cmp file "with/$(get with/pushed.json Referrers $i File)" || fail "referrer $i has another file"
done
manifest "sha256-${want#sha256:}" # Distribution has no referrers API
same "the fallback tag" "$(jq -c '[.Referrers[].Digest] | sort' with/pushed.json)" "$(jq -c '[.manifests[].digest] | sort' m)"
(cd with && run 0 "$ENCL" push app.eif "$APP:ev" --lock enclave.lock --attach sbom=sbom.json \
	--attach provenance=prov.json --attach text/plain=note --json)
same "sent again" "0 0" "$(get out BytesSent) $(jq '[.Referrers[] | select(.Sent)] | length' out)"

# discover shows them, and what refers to them
run 0 "$ENCL" discover "$APP:ev"
same "discover" "$(jq -r '[.Referrers[].Digest] | sort | join(" ")' with/pushed.json)" \
	"$(sed -nE 's/.* (sha256:[0-9a-f]+)$/\1/p' out | sort | tr '\n' ' ' | sed 's/ $//')"
head -n 1 out | grep -qx "$APP@$want" || fail "the top of the tree"
run 0 "$ENCL" discover "$APP:ev" --artifact-type application/spdx+json --json
same "of one type" "application/spdx+json" "$(get out Referrers 0 ArtifactType)"
same "how many" 1 "$(jq '.Referrers | length' out)"
run 0 "$ENCL" discover "$APP:multi"
same "discover of an index" 2 "$(grep -cE '^(├──|└──) linux/(amd64|arm64) sha256:' out)"

# where another client wrote the tag's list without it, the next push puts it back
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}' >empty.json
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @empty.json \
	"http://$REG/v2/team/app/manifests/sha256-${want#sha256:}" || fail "no empty list"
(cd with && run 0 "$ENCL" push app.eif "$APP:ev" --no-evidence --attach text/plain=note --json)
same "sent again, but for the list" "0 0" "$(get out BytesSent) $(jq '[.Referrers[] | select(.Sent)] | length' out)"
run 0 "$ENCL" discover "$APP:ev"
same "listed again" "└── text/plain $(get with/pushed.json Referrers 4 Digest)" "$(sed -n 2,9p out)"
(cd with && run 0 "$ENCL" push app.eif "$APP:ev" --lock enclave.lock --attach sbom=sbom.json --attach provenance=prov.json)

# a registry with a referrers API gets no such tag
faultd api "$REG" '* * * referrers'
run 0 "$ENCL" push app.eif "$FAULT/api/app:1" --attach text/plain=with/note --json
r=$(get out Referrers 0 Digest)
curl -sf "http://$REG/v2/api/app/manifests/sha256-${want#sha256:}" && fail "a fallback tag beside the API"
run 0 "$ENCL" discover "$FAULT/api/app:1"
same "discover by the API" "└── text/plain $r" "$(sed -n 2,9p out)"
stop api

# one that lists the image among its own referrers, and each below each other
a=sha256:$(printf %064d 1)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}' \
	"$(for d in "$want" "$a" "$a"; do
		printf '%s{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":9,"artifactType":"\\u001b[2J"}' \
			"${comma-}" "$d"
		comma=,
	done)" >loop.json
faultd loop "$REG" '* GET /referrers/ code 200' '* GET /referrers/ file loop.json' \
	'* GET /referrers/ header Content-Type: application/vnd.oci.image.index.v1+json'
run 0 "$ENCL" discover "$FAULT/team/app:1"
same "each once, and harmless" "└── \\x1b[2J $a" "$(sed -n 2,9p out)"
stop loop

# what is not this image's is no evidence of it
cp "$V/unsigned.eif" with/other.eif
jq --arg pcr "$(printf %096d 0)" '.Measurements.PCR2 = $pcr' with/app.measurements.json >with/other.measurements.json
rejects 3 "with/other.measurements.json: is not of other.eif: PCR2 differs; build it again, or leave it out with --no-evidence" \
	"$ENCL" push with/other.eif "$APP:8"
run 0 "$ENCL" push with/other.eif "$APP:8" --no-evidence --json
same "without evidence" "[]" "$(jq -c .Referrers out)"
rejects 2 "with/arm.lock: is for another architecture" "$ENCL" push app.eif "$APP:9" --lock with/arm.lock
rejects 1 "with/sbom.json: is not a sigstore bundle (no \"mediaType\" of one)" \
	"$ENCL" push app.eif "$APP:9" --attach bundle=with/sbom.json
curl -sf "http://$REG/v2/team/app/manifests/9" && fail "something was pushed"

# ---- a damaged image ----
cp app.eif bad.eif
printf X | dd of=bad.eif bs=1 seek=862 conv=notrunc status=none
rejects 3 'bad.eif: its bytes have the CRC-32 677442c7, the header says b07857df: the file is damaged' \
	"$ENCL" push bad.eif "$APP:9"

# ---- interrupted: the upload is taken back, the tag is not there ----
# while the PUT is answered, and while the POST is that it has to follow
for way in "INT PUT 60000" "TERM PUT 60000" "INT POST 1500"; do
	read -r sig method ms <<<"$way"
	faultd slow "$REG" "* $method /blobs/uploads/ late $ms"
	cp "$V/unsigned.eif" fresh.eif
	: >end
	{
		got=0
		"$ENCL" push fresh.eif "$FAULT/team/fresh:1" >/dev/null 2>&1 & echo $! >pid
		wait $! || got=$?
		echo $got >end
	} &
	for ((i = 0; i < 200; i++)); do
		! grep -q "^$method /v2/team/fresh/blobs/uploads/" "$FAULT_WIRE" || break
		sleep 0.05
	done
	sleep 0.2
	kill "-$sig" "$(cat pid)"
	for ((i = 0; i < 200 && $(stat -c %s end) == 0; i++)); do sleep 0.05; done
	same "ends by SIG$sig" $((128 + $(kill -l "$sig"))) "$(cat end)"
	for ((i = 0; i < 200; i++)); do
		! grep -q '^202 POST ' "$FAULT_LOG" || break
		sleep 0.05
	done
	same "uploads left" "" "$(find one/data -path '*team/fresh/_uploads/*' -name startedat)"
	grep -q '^[0-9]* DELETE /v2/team/fresh/blobs/uploads/' "$FAULT_LOG" || fail "no upload was cancelled"
	stop slow
done
curl -sf "http://$REG/v2/team/fresh/manifests/1" && fail "a tag of what was interrupted"

# ---- what the command line refuses ----
rejects 2 '--attach sbom.json: write TYPE=FILE' "$ENCL" push app.eif "$APP:1" --attach sbom.json
run 2 "$ENCL" push app.eif
run 2 "$ENCL" push app.eif "$REG/Upper/app:1"
rejects 1 'open none.eif: No such file or directory' "$ENCL" push none.eif "$APP:1"
for verb in "push app.eif" pull discover; do # a second image and no reference: nothing for Docker Hub
	for name in arm.eif ./arm.eif some/arm.eif; do
		# shellcheck disable=SC2086
		rejects 2 "\"$name\" is a file's name and no reference to an image (HOST/NAME[:TAG][@DIGEST])" "$ENCL" $verb $name
	done
done
mkdir folder
rejects 1 'create folder: it is there and not a regular file' "$ENCL" push app.eif "$APP:late" --digest-file folder
rejects 1 'create none/d: No such file or directory' "$ENCL" push app.eif "$APP:late" --digest-file none/d
curl -sf "http://$REG/v2/team/app/manifests/late" && fail "pushed before its digest's file was looked at"
exit 0
