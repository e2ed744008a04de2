# Goal: pull gives back the bytes that push sent, whole and in parts, chooses an
# architecture, and gives nothing at all where something is not as announced;
# references stand where files stand.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need curl sha256sum
V=$TOP/tests/golden/vectors
registry one
APP=$REG/team/app
digest() { echo "sha256:$(sha256sum "$1" | cut -d' ' -f1)"; }
as_arm() { # as_arm FILE: unsigned.eif with the flag of aarch64, its CRC mended
	cp "$V/unsigned.eif" "$1"
	printf '\1' | dd of="$1" bs=1 seek=7 conv=notrunc status=none
	printf "$("$ENCL" inspect --strict "$1" 2>&1 | sed -nE 's/.*CRC-32 (..)(..)(..)(..),.*/\\x\1\\x\2\\x\3\\x\4/p')" |
		dd of="$1" bs=1 seek=544 conv=notrunc status=none
}
cp "$V/signed.eif" app.eif
as_arm arm.eif
PCR0=$("$ENCL" measure app.eif | sed -n 's/^PCR0 //p')
run 0 "$ENCL" push app.eif "$APP:1" --digest-file d
run 0 "$ENCL" push app.eif "$APP:split" --split 100
run 0 "$ENCL" push app.eif arm.eif "$APP:multi"

# ---- the same bytes ----
run 0 "$ENCL" pull "$APP:1" -o back.eif --json
cmp app.eif back.eif || fail "other bytes"
grep -q "\"PCR0\": \"$PCR0\"" out || fail "no PCR0: $(cat out)"
grep -q "\"Manifest\": \"$(cat d)\"" out || fail "no manifest: $(cat out)"
same "mode" 644 "$(stat -c %a back.eif)"
rm -r "$XDG_CACHE_HOME"
run 0 "$ENCL" pull "$APP:split" -o split.eif
cmp app.eif split.eif || fail "other bytes of parts"
same "what the cache keeps of parts" 3 "$(find "$XDG_CACHE_HOME/enclavebuild/blobs" -type f | wc -l)"
run 0 "$ENCL" pull "docker://$APP@$(cat d)" -o by-digest.eif
cmp app.eif by-digest.eif || fail "other bytes by digest"

# ---- names ----
mkdir names
cd names || exit
run 0 "$ENCL" pull "$APP:1"
cmp app.eif ../app.eif || fail "not by its own name"
run 0 "$ENCL" pull "$APP:1"
grep -q "^app.eif is there already$" ../err || fail "$(cat ../err)"
echo other >app.eif
rejects 1 "app.eif is there already and is another file; remove it, or name a file with --output" "$ENCL" pull "$APP:1"
same "the other file" other "$(cat app.eif)"
run 0 "$ENCL" pull "$APP:1" -o app.eif
cmp app.eif ../app.eif || fail "--output does not replace"
same "files" app.eif "$(ls -A | tr '\n' ' ' | sed 's/ $//')"
cd ..

# ---- where nothing can be written, nothing is fetched ----
mkdir -p folder m2.measurements.json
rm -r "$XDG_CACHE_HOME"
faultd watched "$REG"
rejects 1 "create folder: it is there and not a regular file" "$ENCL" pull "$FAULT/team/app:split" -o folder
rejects 1 "create none/a.eif: No such file or directory" "$ENCL" pull "$FAULT/team/app:split" -o none/a.eif
rejects 1 "create m2.measurements.json: it is there and not a regular file" \
	"$ENCL" pull "$FAULT/team/app:split" -o m2.eif --measurements
same "blobs that were fetched" 1 "$(grep -c ' GET .*/blobs/' "$FAULT_LOG")" # the config
stop watched

# ---- the measurements file, where it is this image's ----
rejects 1 "$APP:1: no measurements file is attached to it" "$ENCL" pull "$APP:1" -o m.eif --measurements
"$ENCL" measure --json app.eif >app.measurements.json
run 0 "$ENCL" push app.eif "$APP:measured" --split 2000
run 0 "$ENCL" pull "$APP:measured" -o m.eif --measurements
cmp app.measurements.json m.measurements.json || fail "another measurements file"
sed 's/"PCR0": "6/"PCR0": "7/' app.measurements.json >wrong.json
rm app.measurements.json m.measurements.json m.eif
run 0 "$ENCL" push app.eif "$APP:wrong" --split 1999 --attach measurements=wrong.json
rejects 3 "$APP:wrong: the measurements file attached to it is not of this image" \
	"$ENCL" pull "$APP:wrong" -o m.eif --measurements
same "files of a wrong one" "" "$(find . -maxdepth 1 -name 'm.*' -o -name '.m.*')"

# ---- architectures ----
run 0 "$ENCL" pull "$APP:multi" --arch aarch64 -o a.eif
cmp a.eif arm.eif || fail "not the image for aarch64"
run 0 "$ENCL" pull "$APP:multi" --arch amd64 -o a.eif
cmp a.eif app.eif || fail "not the image for x86_64"
[ "$(uname -m)" != x86_64 ] || {
	run 0 "$ENCL" pull "$APP:multi" -o a.eif
	cmp a.eif app.eif || fail "not the image for this machine"
	grep -q "the image for x86_64 is taken (see --arch)" err || fail "the choice is not told: $(cat err)"
}
rejects 1 "$APP:1: is for x86_64, not for aarch64" "$ENCL" pull "$APP:1" --arch arm64 -o a.eif
rejects 2 "--arch mips: is neither x86_64 nor aarch64" "$ENCL" pull "$APP:1" --arch mips -o a.eif

# ---- references where files stand ----
for verb in "inspect --json" "inspect --strict" measure plan; do
	# shellcheck disable=SC2086
	"$ENCL" $verb app.eif >of-file 2>err
	# shellcheck disable=SC2086
	run 0 "$ENCL" $verb "$APP:1"
	cmp of-file out || fail "$verb of a reference: $(diff of-file out)"
done
same "list" "$("$ENCL" list app.eif 2>&1 | sed 's#app.eif#IMAGE#')" "$("$ENCL" list "$APP:1" 2>&1 | sed "s#$APP:1#IMAGE#")"
run 0 "$ENCL" extract "$APP:1" -o sections
cmp sections/kernel "$V/kernel" || fail "extract"
run 0 "$ENCL" measure "$APP@$(cat d)" --offline # all of it is in the cache
rejects 2 "-p 80:web: the image's network.ingress has no \"web\"" "$ENCL" run "$APP:1" -p 80:web
rejects 1 "open v1.2/app.eif: No such file or directory" "$ENCL" inspect v1.2/app.eif
cp app.eif "$WORK/registry.example" # a file stays a file
run 0 "$ENCL" measure "$WORK/registry.example"
rm -r "$XDG_CACHE_HOME"
rm -f none
run 6 "$ENCL" measure "$APP@$(cat d)" --offline

# ---- what is not as announced leaves nothing ----
blob() { # blob FILE: into the registry; DIGEST and SIZE of it
	DIGEST=$(digest "$1") SIZE=$(stat -c %s "$1")
	local at
	at=$(curl -sfi -X POST "http://$REG/v2/bad/app/blobs/uploads/" | sed -nE 's/^[Ll]ocation: ([^\r]*).*/\1/p')
	curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$1" "$at&digest=$DIGEST" || fail "no upload"
}
put() { # put TAG FILE
	curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary "@$2" \
		"http://$REG/v2/bad/app/manifests/$1" || fail "no manifest"
}
good() { # good SED-PROGRAM: the manifest of app.eif, changed, to ./m; its blobs are there
	curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REG/v2/team/app/manifests/1" | sed -E "$1" >m
}
blob app.eif
curl -sfo config "http://$REG/v2/team/app/blobs/$(good '' && sed -E 's/.*"config":\{[^}]*"digest":"([^"]*)".*/\1/' m)"
blob config
refuses() { # refuses CODE MESSAGE TAG
	rejects "$1" "$REG/bad/app:$3$2" "$ENCL" pull "$REG/bad/app:$3" -o bad.eif
	[ ! -e bad.eif ] || fail "bad.eif is there"
	same "what is left beside" "" "$(find . -maxdepth 1 -name '.bad.eif*')"
	same "half of something in the cache" "" "$(find "$XDG_CACHE_HOME/enclavebuild/tmp" "$XDG_CACHE_HOME/enclavebuild/partial" -type f)"
}
good 's/("dev.enclavebuild.pcr0":")6/\17/'
put pcr m
refuses 3 ": config: manifest and config name another PCR0" pcr

# without a config of ours, as oras pushes an EIF
printf '{}' >empty
blob empty
oras() { # oras FILE [ANNOTATIONS]: a manifest of one image
	local size
	size=$(stat -c %s "$1")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"%s","size":2},"layers":[{"mediaType":"application/vnd.aws.nitro.eif","digest":"%s","size":%s}],"annotations":{%s}}' \
		"$(digest empty)" "$(digest "$1")" "$size" "${2:-}"
}
oras app.eif >m
put oras m
run 0 "$ENCL" pull "$REG/bad/app:oras" -o o.eif
cmp o.eif app.eif || fail "an EIF of oras"
other=$(printf %096d 1)
oras app.eif "\"dev.enclavebuild.pcr1\":\"$other\"" >m
put annotation m
refuses 3 ": the registry says PCR1 $other, the image has $("$ENCL" measure app.eif | sed -n 's/^PCR1 //p')" annotation

cp app.eif damaged.eif
printf X | dd of=damaged.eif bs=1 seek=862 conv=notrunc status=none
blob damaged.eif
oras damaged.eif >m
put crc m
refuses 3 ": its bytes have the CRC-32 677442c7, the header says b07857df: the file is damaged" crc
head -c 2000 app.eif >cut.eif
blob cut.eif
oras cut.eif >m
put cut m
refuses 1 ": section 5: its 1561 bytes go beyond the end of the file" cut
printf 'FROM scratch\n' >text
blob text
oras text >m
put text m
refuses 1 ": not an EIF: 13 bytes, the header alone has 548" text
sed 's#application/vnd.aws.nitro.eif#application/vnd.oci.image.layer.v1.tar#' m >m2
put other m2
refuses 1 ": is not an enclave image (no layer of the type application/vnd.aws.nitro.eif)" other

# a registry that sends other bytes than it says, once for all
rm -r "$XDG_CACHE_HOME"
faultd wrong "$REG" '* GET /blobs/ rubbish'
run 1 "$ENCL" pull "$FAULT/bad/app:oras" -o bad.eif
grep -q 'digest mismatch: want sha256:3a894122' err && [ ! -e bad.eif ] || fail "$(cat err)"
same "bytes kept of it" "" "$(find "$XDG_CACHE_HOME/enclavebuild/partial" -type f -size +0)"
stop wrong

# an image with a signature that was taken away: the config knows of it
run 0 "$ENCL" sign app.eif --remove -o stripped.eif
blob stripped.eif
good "s/\"layers\":.*\"annotations\":\{\"org.opencontainers.image.title\"[^}]*\}\}\],/\"layers\":[{\"mediaType\":\"application\/vnd.aws.nitro.eif\",\"digest\":\"$DIGEST\",\"size\":$SIZE}],/"
put stripped m
refuses 3 ": config: manifest and config name another image" stripped

# ---- a terminal sees how far each part is; a pipe sees nothing of it ----
. "$TOP/tests/support/layout.sh"
need script
eif larger.eif 3000 >made
run 0 "$ENCL" push larger.eif "$APP:large" --split 1MiB
faultd slow "$REG" '* GET /blobs/ rate 700000'
(unset CI && TERM=xterm script -qec "$ENCL pull $FAULT/team/app:large -o l.eif" tty >/dev/null) || fail "$(cat tty)"
cmp larger.eif l.eif || fail "other bytes"
grep -q $'team/app 3/4 .*1 MiB  *[0-9]*%  *[0-9.]* MiB/s' tty || fail "no progress: $(cat -v tty)"
rm -r "$XDG_CACHE_HOME" l.eif
run 0 "$ENCL" pull "$APP:large" -o l.eif
same "without a terminal" "" "$(cat err)"
stop slow

# ---- a cut connection, and a killed pull ----
faultd cuts seed=7 "$REG" '1-5 GET /blobs/ cut random'
rm -r "$XDG_CACHE_HOME"
run 0 "$ENCL" pull "$FAULT/team/app:1" -o c.eif
cmp c.eif app.eif || fail "after cuts"
exit 0
