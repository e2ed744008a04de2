# Goal: provenance names the image and everything that its lock pins by digest, is the
# same everywhere but for what the user says of the run, and is of no other image.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/layout.sh"
need python3 openssl
PYTHON=$TOP/build/peers/python/bin/python
"$TOP/tests/support/fake-blobs.sh" blobs
layout base 2 4
mkdir -p files/etc tar
echo one >files/etc/one
echo two >tar/two
tar --sort=name --owner=0 --group=0 --mtime=@0 -C tar -cf local.tar two
echo three >three.txt
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: parts
version: "2"
arch: x86_64
sourceDateEpoch: 1700000000
rootfs:
  - image: oci:./base
  - directory: {path: ./files, at: /}
  - archive: {path: ./local.tar, at: /opt}
  - file: {path: /etc/three, source: ./three.txt}
  - file: {path: /etc/four, content: "four\n"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/app]
Y
export XDG_CACHE_HOME=$WORK/cache
rejects 3 '--provenance: enclave.lock is not there; run "enclavebuild lock" first' \
	"$ENCL" build -q -o x.eif --provenance x.json
[ ! -e x.eif ] || fail "an image was left"
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --provenance parts.intoto.json --sbom parts.spdx.json
run 0 "$ENCL" provenance parts.eif
cmp out parts.intoto.json
run 0 "$ENCL" sbom parts.eif --manifest enclave.yaml
cmp out parts.spdx.json

# ---- what it says ----
cat >check.py <<'END'
import hashlib, json, re
sha = lambda f: hashlib.sha256(open(f, "rb").read()).hexdigest()
d = json.load(open("parts.intoto.json"))
assert d["_type"] == "https://in-toto.io/Statement/v1" and d["predicateType"] == "https://slsa.dev/provenance/v1"
assert d["subject"] == [{"name": "parts.eif", "digest": {"sha256": sha("parts.eif")}}]
b = d["predicate"]["buildDefinition"]
assert b["buildType"] == "https://enclavebuild.dev/build/v1"
x = b["externalParameters"]
assert x["manifest"] == {"name": "enclave.yaml", "digest": {"sha256": sha("enclave.yaml")}}, x
assert x["lock"] == {"name": "enclave.lock", "digest": {"sha256": sha("enclave.lock")}}, x
assert x["manifestDigest"] == json.load(open("parts.measurements.json"))["Manifest"], x
i = b["internalParameters"]
assert (i["tool"]["name"], i["compat"], i["arch"], i["buildTime"]) == \
    ("enclavebuild", 1, "x86_64", "2023-11-14T22:13:20+00:00"), i
assert d["predicate"]["runDetails"]["builder"]["id"] == "https://enclavebuild.dev/builder/local"
assert "metadata" not in d["predicate"]["runDetails"]
found = {(r["annotations"]["kind"], r["name"]): r for r in b["resolvedDependencies"]}
lock = json.load(open("enclave.lock"))
pins = [p["pin"] for p in lock["rootfs"]]
digest = lambda *k: list(found[k]["digest"].items())
assert digest("directory", "files") == [("enclavebuildTree", pins[1]["tree"][7:])]
assert digest("archive", "local.tar") == [("sha256", sha("local.tar"))]
assert digest("file", "three.txt") == [("sha256", sha("three.txt"))]
assert digest("file", "four") == [("sha256", hashlib.sha256(b"four\n").hexdigest())]
assert digest("image manifest", "base") == [("sha256", pins[0]["manifest"][7:])]
assert digest("kernel", "bzImage") == [("sha256", sha("blobs/bzImage"))]
layers = [r for r in b["resolvedDependencies"] if r["annotations"]["kind"] == "image layer"]
assert [r["digest"]["sha256"] for r in layers] == [l["digest"][7:] for l in pins[0]["layers"]]
assert layers[1]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
assert layers[1]["annotations"]["diffId"] == pins[0]["layers"][1]["diffId"]
# nothing of the lock is left out
every = set(re.findall(r"[0-9a-f]{64}", json.dumps(lock)))
have = {v for r in b["resolvedDependencies"] for v in r["digest"].values()}
ids = {r["annotations"]["diffId"][7:] for r in layers}
assert every == have | ids, every ^ (have | ids)

# the same of the SBOM: the image that went in, its layers, the archive
s = json.load(open("parts.spdx.json"))
by = {p["SPDXID"]: p["name"] for p in s["packages"]}
inside = [(by[r["spdxElementId"]], by[r["relatedSpdxElement"]]) for r in s["relationships"]
          if r["relationshipType"] == "CONTAINS" and r["relatedSpdxElement"] in by]
for pair in [("parts", "base"), ("base", pins[0]["layers"][0]["digest"]), ("base", pins[0]["layers"][1]["digest"]),
             ("parts", "local.tar"), ("parts", "linux"), ("parts", "files of no package")]:
    assert pair in inside, (pair, inside)
comments = {f["fileName"]: f["comment"] for f in s["files"]}
assert comments["./rootfs/etc/three"] == "in ramdisk 1; rootfs[3]", comments
END
python3 check.py

# ---- the same elsewhere; what the user says of a run is told ----
mkdir -p else/where
cp -r enclave.yaml enclave.lock base files local.tar three.txt blobs parts.eif else/where
(cd else/where && umask 077 && TZ=Asia/Tokyo LC_ALL=C SOURCE_DATE_EPOCH=99 "$ENCL" provenance parts.eif -o p.json)
cmp else/where/p.json parts.intoto.json
! grep -qF "$WORK" parts.intoto.json || fail "names this machine"
oci=sha256:$(printf %064d 7)
run 0 "$ENCL" provenance parts.eif --manifest enclave.yaml --lock enclave.lock -o run.json --builder-id https://ci.test/b \
	--invocation-id 'run "7"' --started 2026-01-31T12:00:00Z --finished 2026-01-31T12:01:00Z --oci-digest "$oci"
python3 - "$oci" <<'END'
import json, sys
d = json.load(open("run.json"))
assert d["subject"][1]["digest"]["sha256"] == sys.argv[1][7:]
r = d["predicate"]["runDetails"]
assert r["builder"]["id"] == "https://ci.test/b"
assert r["metadata"] == {"invocationId": 'run "7"', "startedOn": "2026-01-31T12:00:00Z", "finishedOn": "2026-01-31T12:01:00Z"}
END

# ---- other people's readers ----
broken() { # broken NAME PYTHON-STATEMENT
	python3 -c "import json, sys; d = json.load(open('run.json')); p = d['predicate']; $2; json.dump(d, open('$1.json', 'w'))"
}
mkdir b
broken b/1 'p["buildDefinition"]["surprise"] = 1'
broken b/2 'del p["buildDefinition"]["buildType"]'
broken b/3 'd["subject"] = []'
broken b/4 'd["subject"][0]["digest"] = {}'
broken b/5 'd["_type"] = "https://in-toto.io/Statement/v0.1"'
broken b/6 'p["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"] = "12"'
broken b/7 'p["runDetails"]["metadata"]["startedOn"] = "yesterday"'
broken b/8 'del p["runDetails"]["builder"]["id"]'
if [ -x "$PYTHON" ] && "$PYTHON" -c 'import in_toto_attestation, packageurl, spdx_tools' 2>/dev/null; then
	"$PYTHON" "$TOP/tests/support/evidence-validate.py" parts.intoto.json run.json parts.spdx.json \
		--broken b/*.json >said.txt 2>&1 || fail "readers: $(cat said.txt)"
else
	echo "no in-toto-attestation (make setup-peers): what it says is left out"
fi

# ---- of this image alone ----
verify_fails() { # verify_fails IMAGE
	run 3 "$ENCL" verify "$1" --provenance parts.intoto.json --sbom parts.spdx.json --json
}
run 0 "$ENCL" verify parts.eif --manifest enclave.yaml --provenance parts.intoto.json --sbom parts.spdx.json
sed 's/version: "2"/version: "3"/' enclave.yaml >v3.yaml
cp enclave.lock v3.lock
run 0 "$ENCL" build -q v3.yaml -o v3.eif
verify_fails v3.eif
rejects 3 "v3.eif was not built from enclave.yaml and enclave.lock: the manifest's digest in it is another" \
	"$ENCL" provenance v3.eif -o none.json
sed 's/etc\/four/etc\/five/' enclave.yaml >stale.yaml
cp enclave.lock stale.lock
rejects 3 "stale.lock is stale: changed in stale.yaml: rootfs[4].file.path; an image that was built since is of another lock" \
	"$ENCL" provenance parts.eif --manifest stale.yaml -o none.json
rejects 2 '--builder-id "me": is no URI' "$ENCL" provenance parts.eif --builder-id me
rejects 2 '--started: "now" is no time such as 2026-01-31T12:00:00Z' "$ENCL" provenance parts.eif --started now
rejects 2 "--oci-digest 12: is no digest (sha256:…)" "$ENCL" provenance parts.eif --oci-digest 12
rejects 2 "--builder-id is for --provenance" "$ENCL" build -q --builder-id https://ci.test/b
"$ENCL" build -q -o x.eif --provenance x.json - <enclave.yaml >out 2>err && fail "provenance of standard input"
grep -q 'a manifest from standard input has no name that it could give' err || fail "$(cat err)"
for f in none.json x.json x.eif; do [ ! -e $f ] || fail "$f was left"; done
