# Goal: examples/registry and the steps of the CI recipes do what they say, as
# they are written (with another port and a kernel that boots nothing).
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo umoci python3
[ "$(id -u)" -eq 0 ] || skip "not root: umoci cannot make the example's image"
python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed; run make setup"
"$TOP/tests/support/fake-blobs.sh" blobs

# ---- the example ----
cp -r "$TOP/examples" examples
(cd examples/registry && REGISTRY_HTTP_ADDR=127.0.0.1:0 exec setpriv --pdeathsig TERM docker-registry serve registry.yml) >open.log 2>&1 &
SERVER_PIDS[open]=$!
REG=127.0.0.1:$(first_match open.log 's/.*msg="listening on 127\.0\.0\.1:([0-9]+).*/\1/p') || fail "registry.yml does not start"
sed -i "s/127\.0\.0\.1:5000/$REG/; s#kernel:.*#kernel: {blobs: $WORK/blobs}#" examples/registry/enclave.yaml
run 0 examples/registry/round-trip.sh "$REG"
cmp examples/registry/from-registry.eif examples/registry/again.eif
grep -q 'application/vnd.enclavebuild.measurements.v1+json' out || fail "no measurements beside it: $(cat out)"
grep -q 'application/vnd.enclavebuild.lock.v1+json' out || fail "no lock beside it: $(cat out)"
python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))' examples/registry/compose.yaml

# ---- the recipes ----
cat >steps.py <<'PY'
import sys, yaml
d = yaml.safe_load(open(sys.argv[1]))
if "jobs" in d:
    (job,) = d["jobs"].values()
    steps = [s["run"] for s in job["steps"] if "run" in s and s["name"] != "install"]
else:
    job = d["enclave"]
    steps = job["script"] + job["after_script"]
print("\n".join(steps))
PY
registry secure tls htpasswd ci:geheim-0815
export SSL_CERT_FILE=$WORK/ca.pem
mkdir bin project
ln -s "$ENCL" bin/enclavebuild
export PATH=$WORK/bin:$PATH
cat >project/enclave.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: enclave
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ../blobs}
app:
  command: [/bin/app]
Y
cd project || exit
run 0 "$ENCL" lock -q
recipe() { # recipe FILE VARIABLE=VALUE…
	rm -f enclave.eif pulled.eif pushed.json
	python3 ../steps.py "$TOP/templates/ci/$1" >../steps.sh
	run 0 env "${@:2}" bash -eu ../steps.sh
	cmp enclave.eif pulled.eif
	[ -s pushed.json ] && [ -s enclave.measurements.json ] || fail "$1: an artifact is missing"
	! grep -rq geheim "$WORK/out" "$WORK/err" pushed.json "$HOME" || fail "$1: the password is left"
}
recipe github-actions.yml REGISTRY="$REG" IMAGE="$REG/team/app/enclave" TAG=v1 LOGIN=ci PASSWORD=geheim-0815
recipe gitlab-ci.yml CI_REGISTRY="$REG" IMAGE="$REG/team/app2/enclave" TAG=v1 CI_REGISTRY_USER=ci CI_REGISTRY_PASSWORD=geheim-0815
# that of ECR has no login, and the rest is the same
python3 ../steps.py "$TOP/templates/ci/github-actions.yml" | grep -v 'login\|logout\|^$' >one
python3 ../steps.py "$TOP/templates/ci/github-actions-ecr.yml" | grep -v '^$' >two
diff one two
