# Goal: plan tells the daemon's settings with their reasons from the kernel's
# configuration, the order of the start, the ports and the memory; what the
# kernel cannot do is refused as build refuses it; nothing is written.
. "$(dirname "$0")/lib.sh"
need python3
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files/docker files/sbin
export XDG_CACHE_HOME=$WORK/cache
head='apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
boot:
  kernel: {blobs: ./blobs}
rootfs:
  - file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}'

# services: order, ports, memory
cat >services.yaml <<Y
$head
services:
  - {name: web, command: [/bin/app], dependsOn: {db: healthy}, critical: true}
  - {name: db, command: [/bin/app], limits: {memoryMiB: 700}, healthcheck: {tcp: 5432}}
network:
  ingress: [{name: http, vsock: 8000, tcp: 80}, {name: two, vsock: 8001, tcp: 81}]
deploy:
  ports: [{name: http, port: 18000}]
Y
find . -maxdepth 1 ! -name cache ! -name before | sort >before
run 0 "$ENCL" plan services.yaml --json
mv out plan.json
q() { # an expression of the plan, p
	python3 -c 'import json, sys
p = json.load(open("plan.json"))
print(json.dumps(eval(sys.argv[1]), separators=(",", ":")))' "$1"
}
same "name" '"t"' "$(q 'p["name"]')"
same "order" '["db","web"]' "$(q '[u["name"] for u in p["start"]]')"
same "after" '[{"name":"db","condition":"healthy"}]' "$(q 'p["start"][1]["after"]')"
same "critical" '[false,true]' "$(q '[u["critical"] for u in p["start"]]')"
same "ingress" '[{"name":"http","parent":18000,"vsock":8000,"tcp":80,"to":"127.0.0.1:80"},{"name":"two","vsock":8001,"tcp":81,"to":"127.0.0.1:81"}]' "$(q 'p["ingress"]')"
same "no Docker" null "$(q 'p.get("docker")')"
same "parts" '[["kernel, init and launch",97],["root",1],["limits of services and containers",700],["services and containers without a limit",64]]' \
	"$(q '[[m["what"], m["MiB"]] for m in p["memory"]["parts"]]')"
same "memory" '[256,862,896]' "$(q '[p["memory"][k] for k in ("bootMiB", "runMiB", "neededMiB")]')"
run 0 "$ENCL" plan services.yaml
same "text" "image  t
kernel (of unknown release)

start:
  1. db                   process
  2. web                  process   after db healthy, critical

ingress:
  http            parent 18000 -> vsock 8000 -> 127.0.0.1:80
  two             vsock 8001 -> 127.0.0.1:81

memory:
     256 MiB  while the ramdisks are unpacked
     862 MiB  while it runs:
          97    kernel, init and launch
           1    root
         700    limits of services and containers
          64    services and containers without a limit
     896 MiB  is what it should have" "$(cat out)"
rm -f out err plan.json
same "files" "$(cat before)" "$(find . -maxdepth 1 ! -name cache ! -name before | sort)"

# an image: what its sections tell
sed -i '/^ingress\|^deploy/,$d' services.yaml
run 0 "$ENCL" build -q services.yaml -o t.eif
run 0 "$ENCL" plan t.eif --json
mv out plan.json
same "image" '["memory"]' "$(q 'list(p)')"
same "image's memory" 512 "$(q 'p["memory"]["neededMiB"]')"
rejects 1 "open blobs.eif: No such file or directory" "$ENCL" plan blobs.eif
