# Goal: skopeo, oras and crane read what push sends, pull and build read what
# they send, and all agree on digests; a second push sends nothing.
# (oras and crane come by make setup-peers; their part is left out without.)
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo python3
registry real
FIRST=$REG
faultd front "$REG" # what goes over the wire is in its log
eif app.eif 512
cp app.lock enclave.lock
EIF=$(sha256sum app.eif | cut -d' ' -f1)
have() { command -v "$1" >/dev/null || { echo "no $1: its part is left out (make setup-peers)"; false; }; }
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); print(eval(sys.argv[2], {}, {"d": d}))' "$@"; }
wire() { # METHOD-PATTERN: bytes of bodies that came with such requests
	sleep 0.3
	grep -E "^[0-9]+ $1" "$FAULT_LOG" | sed 's/.* got=//' | awk '{n += $1} END {print n + 0}'
}

# ---- push; push again ----
run 0 "$ENCL" push -q --json app.eif "$FAULT/team/app:1"
cp out push.json
DIGEST=$(json push.json 'd["Digest"]')
[ "$(wire '(PUT|PATCH|POST) .*/blobs/')" -ge "$(stat -c %s app.eif)" ] || fail "no bytes on the wire"
: >"$FAULT_LOG"
run 0 "$ENCL" push -q --json app.eif "$FAULT/team/app:1"
same "bytes of a second push" 0 "$(json out 'd["BytesSent"]')"
same "uploads of a second push" "" "$(grep -E '^[0-9]+ (PUT|PATCH|POST) .*/blobs/' "$FAULT_LOG" || true)"
same "manifests that a second push sends" "" "$(grep -E '^[0-9]+ PUT ' "$FAULT_LOG" || true)"
same "its digest" "$DIGEST" "$(json out 'd["Digest"]')"
# another registry, another time, another user's umask: the same digest
registry second
(umask 077 && run 0 "$ENCL" push -q --json app.eif "$REG/other/name:x")
same "digest elsewhere" "$DIGEST" "$(json out 'd["Digest"]')"
REG=$FIRST

# ---- they read ours ----
same "skopeo's digest" "$DIGEST" "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REG/team/app:1" | sha256sum | cut -d' ' -f1)"
run 0 "$ENCL" discover --json "$REG/team/app:1"
cp out discover.json
same "discover's digest" "$DIGEST" "$(json discover.json 'd["Digest"]')"
same "what refers to it" "application/vnd.enclavebuild.lock.v1+json application/vnd.enclavebuild.measurements.v1+json" \
	"$(json discover.json '" ".join(sorted(r["ArtifactType"] for r in d["Referrers"]))')"
ours=$(json discover.json '"\n".join(sorted(r["Digest"] for r in d["Referrers"]))')
if have oras; then
	o() { oras "$@" --plain-http; }
	same "oras' digest" "$DIGEST" "$(o resolve "$REG/team/app:1")"
	o discover --format json "$REG/team/app:1" >oras.json
	same "oras discover" "$ours" "$(json oras.json '"\n".join(sorted(r["digest"] for r in d["manifests"]))')"
	same "oras discover: types" "$(json discover.json 'sorted(r["ArtifactType"] for r in d["Referrers"])')" \
		"$(json oras.json 'sorted(r["artifactType"] for r in d["manifests"])')"
	o pull -o pulled "$REG/team/app:1" >/dev/null
	cmp app.eif pulled/app.eif
	for r in $ours; do o pull -o pulled "$REG/team/app@$r" >/dev/null; done
	cmp enclave.lock pulled/enclave.lock
	cmp app.measurements.json pulled/app.measurements.json
	# a copy with all that refers to it is the same to us
	o cp -r --from-plain-http --to-plain-http "$REG/team/app:1" "$REG/copied/app:1" >/dev/null 2>&1 ||
		oras cp -r --from-plain-http --to-plain-http "$REG/team/app:1" "$REG/copied/app:1" >/dev/null
	run 0 "$ENCL" discover --json "$REG/copied/app:1"
	same "discover of oras' copy" "$ours" "$(json out '"\n".join(sorted(r["Digest"] for r in d["Referrers"]))')"
	run 0 "$ENCL" pull -q "$REG/copied/app:1" -o copied.eif
	cmp app.eif copied.eif
	# what oras attaches we list
	echo note >note.txt
	o attach --artifact-type application/x.note "$REG/team/app:1" note.txt:text/plain >/dev/null
	run 0 "$ENCL" discover --json "$REG/team/app:1"
	grep -q '"application/x.note"' out || fail "not listed: $(cat out)"
	# and an EIF of its own
	o push --artifact-type application/vnd.aws.nitro.eif "$REG/theirs/app:1" app.eif:application/vnd.aws.nitro.eif >/dev/null
	run 0 "$ENCL" pull -q "$REG/theirs/app:1" -o theirs.eif
	cmp app.eif theirs.eif
	# in parts, oras pull and cat are enough
	run 0 "$ENCL" push -q --split 100KiB app.eif "$REG/team/parts:1"
	o pull -o parts "$REG/team/parts:1" >/dev/null
	cat parts/app.eif.part* | cmp app.eif -
	run 0 "$ENCL" pull -q "$REG/team/parts:1" -o joined.eif
	cmp app.eif joined.eif
fi
if have crane; then
	same "crane's digest" "$DIGEST" "$(crane digest --insecure "$REG/team/app:1")"
	crane manifest --insecure "$REG/team/app:1" | sha256sum | grep -q "^${DIGEST#*:} " || fail "crane manifest differs"
	crane blob --insecure "$REG/team/app@sha256:$EIF" | cmp app.eif -
	crane copy --insecure "$REG/team/app:1" "$REG/craned/app:1" 2>/dev/null
	run 0 "$ENCL" pull -q "$REG/craned/app@$DIGEST" -o craned.eif
	cmp app.eif craned.eif
fi

# ---- we read their images ----
layout img 3 100
"$O/support/image-list" cache oci:img >want
into img "$REG/base/skopeo:1"
"$O/support/image-list" cache "$REG/base/skopeo:1" | cmp want -
skopeo copy -q --insecure-policy --dest-tls-verify=false --format v2s2 oci:img "docker://$REG/base/v2s2:1"
"$O/support/image-list" cache "$REG/base/v2s2:1" | cmp want -
if command -v crane >/dev/null; then
	crane push --insecure img "$REG/base/crane:1" >/dev/null 2>&1
	"$O/support/image-list" cache "$REG/base/crane:1" | cmp want -
	crane index append --insecure -m "$REG/base/crane:1" -t "$REG/base/index:1" >/dev/null 2>&1
	"$O/support/image-list" cache "$REG/base/index:1" | cmp want -
fi
if command -v oras >/dev/null; then
	oras cp --from-oci-layout --to-plain-http "img@$(json img/index.json 'd["manifests"][0]["digest"]')" "$REG/base/oras:1" >/dev/null
	"$O/support/image-list" cache "$REG/base/oras:1" | cmp want -
fi
