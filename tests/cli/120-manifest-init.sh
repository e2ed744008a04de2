# Goal: `init` writes a manifest that is valid as it is, and overwrites nothing.
. "$(dirname "$0")/lib.sh"
run 0 "$ENCL" init
same "what was written" enclave.yaml "$(cat out)"
same "what comes next" "next: enclavebuild build enclave.yaml" "$(cat err)"
cmp -s enclave.yaml "$TOP/manifests/init.yaml" || fail "not manifests/init.yaml"
run 0 "$ENCL" check
echo mine >enclave.yaml
rejects 2 'enclave.yaml is there already; "init" overwrites nothing' "$ENCL" init
same "the file that was there" mine "$(cat enclave.yaml)"
mkdir l && ln -s nowhere l/enclave.yaml
rejects 2 'l/enclave.yaml is there already; "init" overwrites nothing' "$ENCL" init l
run 0 "$ENCL" init -q a/b
same "quiet" "" "$(cat err)"
run 0 "$ENCL" check a/b/enclave.yaml
run 0 "$ENCL" init --json c
same "json" '{
  "file": "c/enclave.yaml"
}' "$(cat out)"
