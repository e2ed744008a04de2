# Goal: an SBOM lists exactly the packages that dpkg-query lists of the extracted root,
# each file of no package with the digests that it has, and what only the lock knows;
# other people's readers take it, and refuse it where it is broken.
. "$(dirname "$0")/lib.sh"
need python3 dpkg-query sha1sum
PYTHON=$TOP/build/peers/python/bin/python
VALIDATE=
if [ -x "$PYTHON" ] && "$PYTHON" -c 'import spdx_tools, cyclonedx, packageurl' 2>/dev/null; then
	VALIDATE=1
else
	echo "no spdx-tools and cyclonedx-python-lib (make setup-peers): what they say is left out"
fi
GOOD=() BROKEN=() # looked at together, at the end
valid() { # valid FILE…: as they are now
	for f in "$@"; do
		GOOD+=("$WORK/good.${#GOOD[@]}.json")
		cp "$f" "${GOOD[-1]}"
	done
}
invalid() { # invalid PYTHON-STATEMENT FILE: the document d changed so is refused
	BROKEN+=("$WORK/broken.${#BROKEN[@]}.json")
	python3 -c "import json, sys; d = json.load(open(sys.argv[1])); $1; json.dump(d, open(sys.argv[2], 'w'))" "$2" "${BROKEN[-1]}"
}
packages() { # packages FILE: "NAME VERSION ARCH" of the packages in the image itself
	python3 - "$1" <<'END'
import json, sys, urllib.parse
d = json.load(open(sys.argv[1]))
if "spdxVersion" in d:
    image = next(r["relatedSpdxElement"] for r in d["relationships"] if r["relationshipType"] == "DESCRIBES")
    inside = {r["relatedSpdxElement"] for r in d["relationships"]
              if r["relationshipType"] == "CONTAINS" and r["spdxElementId"] == image}
    found = [(p["name"], p["versionInfo"], r["referenceLocator"]) for p in d["packages"]
             if p["SPDXID"] in inside for r in p.get("externalRefs", [])]
else:
    image = d["metadata"]["component"]["bom-ref"]
    inside = {x for r in d["dependencies"] if r["ref"] == image for x in r["dependsOn"]}
    found = [(c["name"], c["version"], c["purl"]) for c in d["components"]
             if c["bom-ref"] in inside and "purl" in c]
for name, version, purl in found:
    if not purl.startswith("pkg:deb/"):
        continue
    path, _, query = purl.partition("?")
    assert path == "pkg:deb/debian/%s@%s" % tuple(urllib.parse.quote(x, safe=":~") for x in (name, version)), purl
    print(name, version, urllib.parse.parse_qs(query)["arch"][0])
END
}
files() { # files SPDX: "SHA1 SHA256 PATH"
	python3 - "$1" <<'END'
import json, sys
for f in json.load(open(sys.argv[1]))["files"]:
    sums = {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}
    print(sums["SHA1"], sums["SHA256"], f["fileName"][2:])
END
}

# ---- an example: Debian's packages ----
cp -r "$TOP/examples/hello" hello
cd hello || exit
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --sbom built.cdx.json --provenance hello.intoto.json
run 0 "$ENCL" extract hello.eif --files -o sections
mv sections/rootfs root
dpkg-query --admindir=root/var/lib/dpkg -W -f '${Package} ${Version} ${Architecture}\n' | sort >want
[ "$(wc -l <want)" -gt 10 ] || fail "dpkg-query lists $(wc -l <want) packages"
for args in "" "--manifest enclave.yaml"; do
	# shellcheck disable=SC2086
	run 0 "$ENCL" sbom hello.eif $args -o hello.spdx.json
	# shellcheck disable=SC2086
	run 0 "$ENCL" sbom hello.eif $args -o hello.cdx.json
	for f in hello.spdx.json hello.cdx.json; do
		packages $f | sort | diff want - >differ || fail "$f $args: $(cat differ)"
	done
	valid hello.spdx.json hello.cdx.json
done
cmp built.cdx.json hello.cdx.json
same "form" "SPDX-2.3 1.6" "$(python3 -c 'import json
print(json.load(open("hello.spdx.json"))["spdxVersion"], json.load(open("hello.cdx.json"))["specVersion"])')"

# what is read or made is not written over
sha256sum hello.eif enclave.yaml enclave.lock hello.sh >before
ln hello.eif linked.eif
rejects 2 '--output: linked.eif is what is read' "$ENCL" sbom hello.eif -o linked.eif
rejects 2 '--output: enclave.yaml is what is read' "$ENCL" sbom hello.eif --manifest enclave.yaml -o enclave.yaml
rejects 2 '--output: hello.eif is what is read' "$ENCL" provenance hello.eif -o hello.eif
rejects 2 '--output: ./hello.eif is what is read' "$ENCL" report hello.eif -o ./hello.eif
rejects 2 '--output: hello.measurements.json is what is read' \
	"$ENCL" report hello.eif -m hello.measurements.json -o hello.measurements.json
rejects 2 '--attest: hello.eif is what is read' "$ENCL" verify hello.eif -m hello.measurements.json --attest hello.eif
rejects 2 '--sbom: hello.eif is the image' "$ENCL" build -q --sbom hello.eif
rejects 2 '--sbom: enclave.yaml is what the image is made from' "$ENCL" build -q --sbom enclave.yaml
rejects 2 '--provenance: enclave.lock is what the image is made from' "$ENCL" build -q --provenance enclave.lock
rejects 2 '--sbom and --provenance are both to be x.json' "$ENCL" build -q --sbom x.json --provenance x.json
sha256sum -c before >/dev/null || fail "written over"
rm linked.eif

# files of no package are those that no md5sums names, and have their digests
python3 - root <<'END' >names
import os, sys
owned = {os.path.realpath(os.path.join("root", line[34:].rstrip("\n")))
         for f in os.listdir("root/var/lib/dpkg/info") if f.endswith(".md5sums")
         for line in open("root/var/lib/dpkg/info/" + f)}
for folder, _, files in os.walk("root"):
    for f in files:
        path = os.path.join(folder, f)
        if not os.path.islink(path) and os.path.realpath(path) not in owned:
            print(os.path.relpath(path, "root"))
END
sort names | while read -r f; do
	echo "$(sha1sum <"root/$f" | cut -d' ' -f1) $(sha256sum <"root/$f" | cut -d' ' -f1) rootfs/$f"
done | sort >want
files hello.spdx.json | grep ' rootfs/' | sort >got
diff want got || fail "files of no package"
grep -q ' rootfs/srv/hello.sh$' got || fail "hello.sh is not listed"
files hello.spdx.json | cut -d' ' -f3 | grep -v '^rootfs/' | tr '\n' ' ' | grep -q '^init modules/.* cmd env ' ||
	fail "files beside the root: $(files hello.spdx.json | cut -d' ' -f3 | grep -v '^rootfs/')"

# what only the lock knows: .deb digests, where the kernel and the programs are from
python3 - <<'END'
import json
d = json.load(open("hello.spdx.json"))
lock = json.load(open("enclave.lock"))
debs = {(p["name"], p["version"]): p["sha256"] for p in lock["rootfs"][0]["pin"]["packages"]}
ids = {p["SPDXID"]: p for p in d["packages"]}
ids.update({f["SPDXID"]: f for f in d["files"]})
sums = {(p["name"], p["versionInfo"]): p["checksums"][0]["checksumValue"]
        for p in d["packages"] if (p["name"], p.get("versionInfo")) in debs and "checksums" in p}
assert sums == debs, set(debs.items()) ^ set(sums.items())
made = {(r["spdxElementId"], r["relatedSpdxElement"]) for r in d["relationships"]
        if r["relationshipType"] == "GENERATED_FROM"}
named = {(ids[a].get("name") or ids[a]["fileName"], ids[b]["name"]) for a, b in made}
deb = next(p["name"] for p in lock["kernel"]["pin"]["package"]["packages"] if p["why"] != "manifest")
for pair in [("linux", deb), ("./modules/virtio.ko", deb), ("./init", "enclavebuild"),
             ("./rootfs/.enclave/launch", "enclavebuild"), ("libc6", "glibc")]:
    assert pair in named, (pair, named)
image = d["packages"][0]
assert "PCR0 " + json.load(open("hello.measurements.json"))["Measurements"]["PCR0"] in image["comment"]
assert d["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
END
same "digest" "$(sha256sum hello.eif | cut -d' ' -f1)" \
	"$(python3 -c 'import json; print(json.load(open("hello.spdx.json"))["packages"][0]["checksums"][0]["checksumValue"])')"

# the provenance has every digest of the lock, each once
valid hello.intoto.json
python3 - <<'END'
import json, re
p = json.load(open("hello.intoto.json"))["predicate"]["buildDefinition"]
lock = re.sub(r'"dataSha256": "[0-9a-f]*"', "", open("enclave.lock").read())
have = [d["digest"]["sha256"] for d in p["resolvedDependencies"]]
assert set(have) == set(re.findall(r"[0-9a-f]{64}", lock)) and len(have) == len(set(have))
release = p["resolvedDependencies"][0]["annotations"]
assert release == {"kind": "package index", "items": ["rootfs[0]", "kernel"], "suite": "bookworm"}, release
END

# the same bytes elsewhere, at another time
mkdir else
cp hello.eif else/other-name.eif
for f in spdx cyclonedx; do
	run 0 "$ENCL" sbom hello.eif --format $f
	cp "$WORK/out" here.json
	(cd else && umask 077 && TZ=Asia/Tokyo LC_ALL=C SOURCE_DATE_EPOCH=99 "$ENCL" sbom other-name.eif -j1 --format $f >there.json)
	cmp here.json else/there.json
	! grep -qF "$WORK" here.json || fail "names this machine"
done

# readers do refuse
invalid 'd["packages"][1]["checksums"][0]["checksumValue"] = "12"' hello.spdx.json
invalid 'd["files"][0]["checksums"].pop(0)' hello.spdx.json
invalid 'd["relationships"][1]["relatedSpdxElement"] = "SPDXRef-none"' hello.spdx.json
invalid 'del d["packages"][3]["name"]' hello.spdx.json
invalid 'd["components"][0]["type"] = "thing"' hello.cdx.json
invalid 'd["components"][1]["bom-ref"] = d["components"][0]["bom-ref"]' hello.cdx.json
invalid 'd["surprise"] = 1' hello.cdx.json

# ---- another manifest's, another lock ----
sed 's/hello.sh, world/hello.sh, all/' enclave.yaml >other.yaml
cp enclave.lock other.lock
rejects 3 "hello.eif was not built from other.yaml and other.lock: the manifest's digest in it is another" \
	"$ENCL" sbom hello.eif --manifest other.yaml
python3 - <<'END'
import json
l = json.load(open("enclave.lock"))
p = next(p for p in l["rootfs"][0]["pin"]["packages"] if p["name"] == "dash")
open("version", "w").write(p["version"])
p["version"] = "0.1"
json.dump(l, open("old.lock", "w"))
l["kernel"]["pin"]["image"]["digest"] = "sha256:" + 64 * "0"
json.dump(l, open("kernel.lock", "w"))
END
rejects 3 "old.lock is not what hello.eif was built by: it has dash 0.1, the image has $(cat version)" \
	"$ENCL" sbom hello.eif --manifest enclave.yaml --lock old.lock
sed -i 's/"version": "0.1"/"version": "'"$(cat version)"'"/' kernel.lock
rejects 3 "kernel.lock is not what hello.eif was built by: its kernel is another" \
	"$ENCL" sbom hello.eif --manifest enclave.yaml --lock kernel.lock
mv enclave.lock away
rejects 3 "enclave.lock: there is no such lock, so nothing says what the image was built from" \
	"$ENCL" sbom hello.eif --manifest enclave.yaml -o none.json
[ ! -e none.json ] || fail "a file was left"
rejects 2 "--lock is read beside a manifest: name it with --manifest" "$ENCL" sbom hello.eif --lock away
rejects 2 "--format xml: is neither spdx nor cyclonedx" "$ENCL" sbom hello.eif --format xml
printf x | dd of=hello.eif bs=1 seek=30000000 conv=notrunc status=none
run 3 "$ENCL" sbom hello.eif -o none.json
grep -q 'CRC' "$WORK/err" || fail "a damaged image: $(cat "$WORK/err")"
[ ! -e none.json ] || fail "a file was left"
cd ..

# ---- an example with an engine and a container of Debian's packages ----
cp -r "$TOP/examples/docker-memcached" docker
cd docker || exit
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q -o d.eif --sbom d.spdx.json --provenance d.intoto.json
run 0 "$ENCL" extract d.eif --files -o sections
dpkg-query --admindir=sections/rootfs/var/lib/dpkg -W -f '${Package} ${Version} ${Architecture}\n' | sort >want
packages d.spdx.json | sort | diff want - >differ || fail "docker-memcached: $(cat differ)"
grep -q '^docker.io ' want || fail "no engine in: $(cat want)"
python3 - <<'END'
import json
d = json.load(open("d.spdx.json"))
ids = {p["SPDXID"]: p for p in d["packages"]}
container = next(p for p in d["packages"] if p["name"] == "memcached:1.6")
inside = {(ids[r["relatedSpdxElement"]]["name"], ids[r["relatedSpdxElement"]]["versionInfo"]) for r in d["relationships"]
          if r["spdxElementId"] == container["SPDXID"] and r["relationshipType"] == "CONTAINS"}
image = json.load(open("enclave.lock"))["docker"]["images"][0]["pin"]["layers"][0]["packages"]
assert inside == {(p["name"], p["version"]) for p in image}, inside
END
valid d.spdx.json d.intoto.json
cd ..
rm -rf docker

# ---- fields and names that mean harm are text ----
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files/var/lib/dpkg files/etc files/lib/apk/db
printf 'ID=debian\nVERSION_ID="12"\n' >files/etc/os-release
python3 - <<'END'
status = open("files/var/lib/dpkg/status", "wb")
def stanza(**fields):
    for name, value in fields.items():
        status.write(name.encode() + b": " + value + b"\n")
    status.write(b"Status: install ok installed\n\n")
stanza(Package=b'a"b', Version=b'1"},{"x', Architecture=b"amd64", Maintainer=b'"}]} (x) <y@z> \x01\x1b[31m',
       Homepage=b"javascript:alert(1)", Description=b"</script>\n more\xff\xfe")
stanza(Package=b"caf\xc3\xa9", Version=b"1:2%3A?&#", Architecture=b"a m/d", Source=b"src pkg (\xf0\x28)",
       Maintainer=b"\xed\xa0\x80", Homepage=b"https://www.debian.org/x?y=1&z")
stanza(Package=b"same", Version=b"1", Architecture=b"amd64", Maintainer=b"()")
stanza(Package=b"same", Version=b"1", Architecture=b"amd64")
END
printf 'P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT AND "x"\nm:A <a@b>\nU:https://musl.libc.org/\n\n' >files/lib/apk/db/installed
touch "$(printf 'files/e\001\377\n"x')" "files/ä" files/empty
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: 'evil "name" #/<b>'
version: "1 \u0001"
arch: x86_64
sourceDateEpoch: 1700000000
rootfs:
  - directory: {path: ./files, at: /}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/x]
Y
"$ENCL" build -q -o evil.eif 2>/dev/null || {
	sed -i 's/^name: .*/name: evil/; s/^version: .*/version: "1"/' enclave.yaml
	run 0 "$ENCL" build -q -o evil.eif
}
run 0 "$ENCL" sbom evil.eif -o evil.spdx.json
run 0 "$ENCL" sbom evil.eif -o evil.cdx.json
valid evil.spdx.json evil.cdx.json
python3 - <<'END'
import json
d = json.load(open("evil.spdx.json"))
p = {x["name"]: x for x in d["packages"]}
assert d["creationInfo"]["created"] == "2023-11-14T22:13:20Z", d["creationInfo"]
assert p['a"b']["versionInfo"] == '1"},{"x'
assert p['a"b']["supplier"] == 'Organization: "}]} [x] <y@z>  \\x1b[31m'.replace("\\x1b", " "), p['a"b']["supplier"]
assert "homepage" not in p['a"b']
assert p["café"]["homepage"] == "https://www.debian.org/x?y=1&z"
assert p["café"]["externalRefs"][0]["referenceLocator"] == \
    "pkg:deb/debian/caf%C3%A9@1:2%253A%3F%26%23?arch=a%20m/d&distro=debian-12"
assert p["café"]["supplier"] == "Organization: \\xed\\xa0\\x80"
assert p["musl"]["licenseComments"] == 'the package says: MIT AND "x"'
assert [x["name"] for x in d["packages"]].count("same") == 2  # and the source of that name
names = [f["fileName"] for f in d["files"]]
assert './rootfs/e\x01\\xff\n"x' in names and "./rootfs/ä" in names, names
empty = next(f for f in d["files"] if f["fileName"] == "./rootfs/empty")
assert empty["checksums"][0]["checksumValue"] == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
END

[ -z "$VALIDATE" ] || "$PYTHON" "$TOP/tests/support/evidence-validate.py" "${GOOD[@]}" --broken "${BROKEN[@]}" >said.txt 2>&1 ||
	fail "validators: $(cat said.txt)"
