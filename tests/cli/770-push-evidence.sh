# Goal: push attaches the SBOM and the provenance that lie beside an image where they
# are about it, leaves out those of another, and verify --evidence finds them so; sbom
# of a reference is that of the file.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need curl jq
"$TOP/tests/support/fake-blobs.sh" blobs
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/bin/app]
Y
export XDG_CACHE_HOME=$WORK/cache
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --sbom app.spdx.json --provenance app.intoto.json
run 0 "$ENCL" sbom app.eif -o app.cdx.json
registry one
APP=$REG/team/app
files() { jq -r '[.Referrers[] | .ArtifactType + " " + .File] | join("\n")' out; }
run 0 "$ENCL" push app.eif "$APP:1" --json
same "attached" "application/vnd.enclavebuild.measurements.v1+json app.measurements.json
application/vnd.enclavebuild.lock.v1+json enclave.lock
application/spdx+json app.spdx.json
application/vnd.cyclonedx+json app.cdx.json
application/vnd.in-toto+json app.intoto.json" "$(files)"
run 0 "$ENCL" verify "$APP:1" --annotations --evidence --json
same "verdict" pass "$(jq -r .Verdict out)"
run 0 "$ENCL" sbom "$APP:1" --format cyclonedx
cmp out app.cdx.json
# named as well: once
run 0 "$ENCL" push app.eif "$APP:1" --attach sbom=app.spdx.json --json
same "once" 1 "$(jq '[.Referrers[] | select(.File == "app.spdx.json")] | length' out)"
run 0 "$ENCL" push app.eif "$APP:2" --no-evidence --json
same "none" 0 "$(jq '.Referrers | length' out)"

# another image under that name: what was about the last one is told and left out
sed -i 's/version: "1"/version: "2"/' enclave.yaml
run 0 "$ENCL" build -q --sbom app.cdx.json
run 0 "$ENCL" push app.eif "$APP:3" --json
same "left out" "app.measurements.json enclave.lock app.cdx.json" "$(jq -r '[.Referrers[].File] | join(" ")' out)"
same "told" "app.spdx.json app.intoto.json " "$(sed -n 's/.* \(app.*json\): is not about app.eif as it is now: not attached$/\1/p' err | tr '\n' ' ')"
echo '{}' >app.spdx.json
rejects 1 'app.spdx.json: is not an SPDX document (no "spdxVersion")' "$ENCL" push -q app.eif "$APP:4"
curl -sf "http://$REG/v2/team/app/manifests/4" && fail "pushed all the same"
exit 0
