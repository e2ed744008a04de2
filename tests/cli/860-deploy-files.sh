# Goal: the files that deploy makes for each kind of target are what their own
# validators take: systemd-analyze, shellcheck, cloud-init, Kubernetes' schemas.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need systemd-analyze shellcheck cloud-init python3 setsid
cp "$TOP/tests/golden/vectors/signed.eif" app.eif
mkdir blobs
PCR0=$("$ENCL" measure app.eif | sed -n 's/^PCR0 //p')
SHA256=$(sha256sum app.eif | cut -d' ' -f1)
registry one
APP=$REG/team/app
run 0 "$ENCL" push app.eif "$APP:1" --digest-file digest
cat >enclave.yaml <<END
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs: [{directory: {path: .}}]
boot: {kernel: {blobs: ./blobs}}
app: {command: [/app]}
network: {ingress: [{name: web, vsock: 5000, tcp: 4000}]}
resources: {memoryMiB: 1025, cpus: 2}
deploy:
  ports: [{name: web, port: 4000}]
  image: $APP:1
  gate: {attestation: required, timeoutSeconds: 100}
  targets:
    - name: prod
      ssh: {host: host.example, user: ec2-user, port: 2222, identity: ./key}
    - name: aws
      ec2:
        tool: {url: "https://files.example/enclavebuild.tar.gz", sha256: "$(printf '1%.0s' {1..64})"}
        region: eu-central-1
        securityGroups: [sg-1, sg-2]
        instanceProfile: enclave
    - name: fleet
      kubernetes: {namespace: team, toolImage: registry.example/tool:1, replicas: 3, pullSecret: registry}
END
deploy() { run 0 "$ENCL" deploy -p 0.0.0.0:4000:5000 "$@"; }
files() { (cd "$1" && find . -type f | sort | tr '\n' ' '); }
# What a file has once.
once() { same "lines \"$2\" of $1" 1 "$(grep -cFx -- "$2" "$1")"; }

# ---- a host ----
deploy --target prod --output host
same "files" "./deploy.sh ./enclavebuild-app.service ./start.sh " "$(files host)"
same "modes" "755 644" "$(stat -c %a host/deploy.sh host/enclavebuild-app.service | tr '\n' ' ' | sed 's/ $//')"
once host/enclavebuild-app.service "ExecStart=/usr/local/bin/enclavebuild run /var/lib/enclavebuild/app/$SHA256.eif --name app --backend auto --memory 1025 --cpus 2 --stop-timeout 30 -p 0.0.0.0:4000:5000"
once host/enclavebuild-app.service TimeoutStopSec=45
once host/enclavebuild-app.service Restart=on-failure
once host/deploy.sh "reference=$APP@$(cat digest)"
once host/deploy.sh "pcr0=$PCR0"
once host/deploy.sh "gate_attestation=required"
once host/deploy.sh "gate_timeout=100"
shellcheck -s sh host/deploy.sh host/start.sh || fail "shellcheck"
# The tool has to be there for systemd-analyze.
sed "s#^ExecStart=/usr/local/bin/enclavebuild#ExecStart=$(command -v setsid)#" host/enclavebuild-app.service >enclavebuild-app.service
run 0 systemd-analyze verify ./enclavebuild-app.service
same "what systemd-analyze says" "" "$(cat out err)"
sed -i 's/^Restart=.*/Restart=perhaps/' enclavebuild-app.service
systemd-analyze verify ./enclavebuild-app.service 2>&1 | grep -q perhaps || fail "systemd-analyze takes anything"

# ---- dry run: every file, every command, and nothing done ----
deploy --target prod --dry-run
for f in enclavebuild-app.service deploy.sh; do
	while IFS= read -r line; do grep -qFx -- "$line" out || fail "$f: not shown: $line"; done <"host/$f"
done
same "commands" "ssh -T -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=8 -p 2222 -l ec2-user -i ./key -o IdentitiesOnly=yes -- host.example 'exec sh -s'
ssh -T -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=8 -p 2222 -l ec2-user -i ./key -o IdentitiesOnly=yes -- host.example 'sh -s'" \
	"$(sed '1,/^---- commands/d' out)"
deploy --target prod --dry-run --json
jq -e --arg pcr0 "$PCR0" --arg sha "$SHA256" --arg ref "$APP@$(cat digest)" '.PCR0 == $pcr0 and .Digest == $sha and
	.Reference == $ref and .Image == $ref and .MemoryMiB == 1025 and .CPUs == 2 and .Result == "shown" and
	.Target == "ssh://ec2-user@host.example" and ([.Files[].Name] == ["enclavebuild-app.service", "start.sh", "deploy.sh"]) and
	.Published == [{"Address": "0.0.0.0", "Port": 4000, "Name": null, "Vsock": 5000}] and (.Commands | length) == 2' out >/dev/null ||
	fail "$(cat out)"
[ ! -e /var/lib/enclavebuild/app ] || fail "a dry run left something"

# ---- EC2 ----
deploy --target aws --output aws
same "files" "./user-data.yaml " "$(files aws)"
cloud-init schema --config-file aws/user-data.yaml >schema.txt 2>&1 || fail "cloud-init: $(cat schema.txt)"
same "its command" "aws ec2 run-instances --region eu-central-1 --image-id resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64 --instance-type m5.xlarge --count 1 --enclave-options Enabled=true --metadata-options HttpTokens=required --iam-instance-profile Name=enclave --security-group-ids sg-1 sg-2 --user-data file://aws/user-data.yaml" \
	"$(tail -n 1 out)"
[ "$(stat -c %s aws/user-data.yaml)" -le 16384 ] || fail "EC2 takes 16384 bytes"
python3 - <<END
import yaml
doc = yaml.safe_load(open("aws/user-data.yaml"))
files = {f["path"]: f for f in doc["write_files"]}
assert doc["runcmd"] == [["sh", "/var/lib/enclavebuild/bootstrap.sh"]], doc["runcmd"]
for name in "bootstrap.sh", "deploy.sh", "allocator.yaml":
    open("aws." + name, "w").write(files["/var/lib/enclavebuild/" + name]["content"])
END
script() { sed 's/^supervisor=.*//; /^new_start=/,/^$/d' "$1"; }
same "the script on an instance and on a host" "$(script host/deploy.sh)" "$(script aws.deploy.sh)"
shellcheck -s sh aws.bootstrap.sh aws.deploy.sh || fail "shellcheck"
same "allocator.yaml" "---
memory_mib: 1025
cpu_count: 2" "$(grep -v '^#' aws.allocator.yaml)"
sed 's/^runcmd:/runcmds:/; s/permissions: "0700"/permissions: [7]/' aws/user-data.yaml >bad.yaml
cloud-init schema --config-file bad.yaml >schema.txt 2>&1 && fail "cloud-init takes anything"
rejects 2 "target aws: give --output DIR for the user-data and the command that starts the instance, or --dry-run" \
	"$ENCL" deploy -p 4000:5000 --target aws
rejects 2 "target aws: an instance pulls its image from a registry; push it, and give deploy.image or its reference" \
	"$ENCL" deploy -p 4000:5000 --target aws --image app.eif -n

# ---- Kubernetes ----
deploy --target fleet --output k8s
same "files" "./kubernetes.yaml " "$(files k8s)"
python3 - "$PCR0" "$APP@$(cat digest)" <<'END'
import sys, yaml
docs = list(yaml.safe_load_all(open("k8s/kubernetes.yaml")))
assert [d["kind"] for d in docs] == ["Deployment", "PodDisruptionBudget", "Service"], docs
assert {d["metadata"]["namespace"] for d in docs} == {"team"}
pod = docs[0]["spec"]["template"]["spec"]
main = pod["containers"][0]
assert docs[0]["spec"]["replicas"] == 3
assert main["resources"]["limits"]["hugepages-2Mi"] == "1026Mi", main["resources"]
assert main["resources"]["limits"]["aws.ec2.nitro/nitro_enclaves"] == "1"
assert main["command"] == ["enclavebuild", "run", "/image/enclave.eif", "--name", "app", "--backend", "nitro",
    "--memory", "1026", "--cpus", "2", "--stop-timeout", "30", "-p", "0.0.0.0:4000:5000"], main["command"]
assert main["readinessProbe"]["exec"]["command"] == ["enclavebuild", "status", "app", "--until", "ready",
    "--attestation", "required", "--against", sys.argv[1]]
env = {v["name"]: v["value"] for v in pod["initContainers"][0]["env"]}
assert env["IMAGE_PCR0"] == sys.argv[1] and env["IMAGE_REFERENCE"] == sys.argv[2], env
# kubelet makes an emptyDir with mode 0777: the run folder is one of our own in it.
env = {v["name"]: v["value"] for v in main["env"]}
mounts = [v["mountPath"] for v in main["volumeMounts"]]
assert env["ENCLAVEBUILD_RUN"] not in mounts and any(env["ENCLAVEBUILD_RUN"].startswith(m + "/") for m in mounts), env
assert pod["imagePullSecrets"] == [{"name": "registry"}]
assert docs[2]["spec"]["ports"][0]["port"] == 4000
END
sed -n '/args:/,/env:/p' k8s/kubernetes.yaml | sed -n 's/^              //p' >init.sh
shellcheck -s sh init.sh || fail "shellcheck"
VALIDATE=$TOP/build/peers/python/bin/kubernetes-validate
if [ -x "$VALIDATE" ]; then
	for v in 1.25 1.37; do
		"$VALIDATE" --strict -k "$v" k8s/kubernetes.yaml >schema.txt 2>&1 || fail "Kubernetes $v: $(cat schema.txt)"
	done
	sed 's/^  replicas: 3/  replicas: "3"/' k8s/kubernetes.yaml >bad.yaml
	"$VALIDATE" --strict -k 1.37 bad.yaml >schema.txt 2>&1 && fail "Kubernetes' schemas take anything"
	sed 's/readinessProbe:/readynessProbe:/' k8s/kubernetes.yaml >bad.yaml
	"$VALIDATE" --strict -k 1.37 bad.yaml >schema.txt 2>&1 && fail "Kubernetes' schemas take any key"
else
	echo "no kubernetes-validate (make setup-peers): Kubernetes' schemas are left out"
fi

# ---- slips ----
rejects 2 "there are several: say --target local, prod, aws, fleet" "$ENCL" deploy -n
rejects 2 "--target nowhere: there are local, prod, aws, fleet, and ssh://[USER@]HOST[:PORT]" "$ENCL" deploy -n --target nowhere
rejects 2 '--target ssh://-oProxyCommand=x: "-oProxyCommand=x" is not a host'"'"'s name or address, or an entry of ssh_config' \
	"$ENCL" deploy -n --target ssh://-oProxyCommand=x
rejects 2 '--target ssh://h:0: "0" is not a port' "$ENCL" deploy -n --target ssh://h:0
rejects 2 '--supervisor: "runit" is not one of: auto, systemd, none' "$ENCL" deploy -n --target local --supervisor runit
rejects 2 "Big is no name for an enclave; give --name: at most 40 lower-case letters, digits, \".\", \"_\" and \"-\"" \
	"$ENCL" deploy -n --target local --name Big
rejects 2 "--image goes with a manifest; the image is app.eif already" "$ENCL" deploy app.eif --image app.eif -n
