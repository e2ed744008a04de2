# Goal: `check` accepts the reference manifests, reports every problem of a bad
# one once, as text and as JSON, and takes several files and standard input.
. "$(dirname "$0")/lib.sh"
for m in "$TOP"/manifests/*.yaml "$TOP"/examples/*/enclave.yaml; do
	run 0 "$ENCL" check "$m"
	same "check ${m##*/}" "$m: ok" "$(cat out)"
	same "stderr of check ${m##*/}" "" "$(cat err)"
done
# full.yaml has every key of the schema but those that exclude shown ones
"$ENCL" schema --reference | sed -nE 's/^\| `([A-Za-z0-9]+)`.*/\1/p' | sort -u >keys
while read -r key; do
	grep -qE "(^|[ {#])$key:" "$TOP/manifests/full.yaml" || fail "full.yaml lacks $key"
done <keys
[ "$(wc -l <keys)" -gt 50 ] || fail "only $(wc -l <keys) keys in the reference"

cp "$TOP/manifests/minimal.yaml" enclave.yaml
run 0 "$ENCL" check
same "default file" "enclave.yaml: ok" "$(cat out)"
run 0 bash -c '"$ENCL" check - <enclave.yaml'
same "standard input" "<stdin>: ok" "$(cat out)"
run 0 "$ENCL" check --json
same "json" '{
  "file": "enclave.yaml",
  "ok": true,
  "problems": []
}' "$(cat out)"

sed 's/^arch:.*/arch: arm\nfoo: 1/' enclave.yaml >bad.yaml
run 2 "$ENCL" check enclave.yaml bad.yaml
same "good one of two" "enclave.yaml: ok" "$(cat out)"
same "bad one of two" 'enclavebuild: bad.yaml:6:7: arch: "arm" is not "x86_64" or "aarch64"
enclavebuild: bad.yaml:7:1: foo: unknown key' "$(cat err)"
run 2 "$ENCL" check --json bad.yaml
same "json of a bad one" '{
  "file": "bad.yaml",
  "ok": false,
  "problems": [
    {
      "line": 6,
      "column": 7,
      "path": "arch",
      "message": "\"arm\" is not \"x86_64\" or \"aarch64\""
    },
    {
      "line": 7,
      "column": 1,
      "path": "foo",
      "message": "unknown key"
    }
  ]
}' "$(cat out)"
same "stderr with --json" "" "$(cat err)"
run 2 "$ENCL" check --json enclave.yaml bad.yaml
head -n 1 out | grep -qx '\[' || fail "several files are not a list"

cp "$TOP/tests/reject/compose-across.yaml" across.yaml
mkdir compose && cp "$TOP"/tests/reject/compose/*.yml compose
run 2 "$ENCL" check --json across.yaml
grep -q '"file": "compose/across.yml"' out || fail "json names no Compose file"

rejects 2 'gone.yaml: No such file or directory; "enclavebuild init" writes one to begin with' \
	"$ENCL" check gone.yaml
mkdir folder
rejects 2 'folder: Is a directory' "$ENCL" check folder
head -c 1100000 /dev/zero | tr '\0' '#' >large.yaml
rejects 2 'large.yaml: larger than 1048576 bytes' "$ENCL" check large.yaml
{ cat enclave.yaml; for i in $(seq 120); do echo "unknown$i: 1"; done; } >many.yaml
run 2 "$ENCL" check many.yaml
same "lines for 120 problems" 101 "$(wc -l <err)"
same "last line" "enclavebuild: many.yaml: 20 more problems" "$(tail -n 1 err)"
