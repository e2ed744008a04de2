# Goal: plan tells the daemon's settings with their reasons from the kernel's
# configuration, the order of the start, the ports and the memory; what the
# kernel cannot do is refused as build refuses it; nothing is written.
. "$(dirname "$0")/lib.sh"
need python3
"$TOP/tests/support/fake-blobs.sh" blobs
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
same "parts" '[["kernel",1],["the kernel'"'"'s caches, init, launch",20],["root",1],["limits of services and containers",700],["services and containers without a limit",48],["the kernel'"'"'s list of pages",13]]' \
	"$(q '[[m["what"], m["MiB"]] for m in p["memory"]["parts"]]')"
same "sum" true "$(q 'all(sum(m["MiB"] for m in p["memory"][a]) == p["memory"][b] for a, b in (("parts", "runMiB"), ("bootParts", "bootMiB")))')"
same "memory" '[783,64,832]' "$(q '[p["memory"][k] for k in ("runMiB", "leastMiB", "neededMiB")]')"
same "resources" '{"MemoryMiB":832,"CPUs":2,"auto":true}' "$(q 'p["resources"]')"
sed '$a resources: {memoryMiB: 782}' services.yaml >little.yaml
for verb in plan 'build -q -o little.eif'; do
	# shellcheck disable=SC2086  # a verb with its option
	run 0 "$ENCL" $verb little.yaml
	same "warning" 'warning: little.yaml:17:24: resources.memoryMiB: 782 MiB boot this image, but if all that the manifest declares is used (limits, storage) it needs 832' \
		"$(grep resources err)"
done
sed 's/782/783/' little.yaml >enough.yaml
run 0 "$ENCL" plan enough.yaml
! grep resources err || fail "plan warns of enough memory"
rm -f little.* enough.*
# what cannot boot is refused, before the image is written or after; nothing is left
head -c 41943040 /dev/urandom >data
cp blobs/bzImage.config config
printf 'CONFIG_%s=y\n' SQUASHFS SQUASHFS_ZSTD SQUASHFS_XATTR BLK_DEV_LOOP OVERLAY_FS TMPFS_XATTR >>blobs/bzImage.config
for ramdisk in "cpio none" "cpio zstd" "squashfs zstd"; do
	read -r format compression <<<"$ramdisk"
	sed -e "s/^rootfs:/  ramdisk: {format: $format, compression: $compression}\n&\n  - file: {path: \/data, source: .\/data}/" \
		-e '$a resources: {memoryMiB: auto}' services.yaml >some.yaml
	run 0 "$ENCL" plan -q --json some.yaml
	mv out plan.json
	least=$(q 'p["memory"]["leastMiB"]')
	needed=$(q 'p["memory"]["neededMiB"]')
	[ "$least" -gt 80 ] && [ "$least" -lt 140 ] || fail "$ramdisk: at least $least MiB"
	sed -i "\$s/auto/$least/" some.yaml
	run 0 "$ENCL" plan -q some.yaml
	sed -i "\$s/$least/$((least - 1))/" some.yaml
	why="enclavebuild: some.yaml:19:24: resources.memoryMiB: $((least - 1)) MiB cannot boot this image: the smallest that can is $least (\"enclavebuild plan\" says why; $needed if all that the manifest declares is used); write auto or at least that"
	for verb in build plan; do
		run 2 "$ENCL" $verb -q some.yaml
		same "$verb $format $compression" "$why" "$(cat err)"
	done
	grep -q "^ *$least MiB  is the least that it comes up with" out || fail "plan tells nothing: $(cat out)"
done
mv config blobs/bzImage.config
rm -f data some.yaml
mkdir built
run 0 "$ENCL" build -q -o built/i.eif services.yaml
same "what run will take" 832 "$(python3 -c 'import json; print(json.load(open("built/i.measurements.json"))["Resources"]["MemoryMiB"])')"
rm -r built
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
       5 MiB  while the ramdisks are unpacked:
           1    kernel
           1    ramdisks as they come
           1    their files, unpacked
           1    as much again: a tmpfs takes half of the memory
           1    the kernel's list of pages
     783 MiB  while it runs, all that is declared being used up:
           1    kernel
          20    the kernel's caches, init, launch
           1    root
         700    limits of services and containers
          48    services and containers without a limit
          13    the kernel's list of pages
      64 MiB  is the least that it comes up with
     832 MiB  is what it should have
      64 MiB  is the least that nitro-cli takes (4 x the image)

CPUs:
       2      resources.cpus" "$(cat out)"
rm -f out err plan.json
same "files" "$(cat before)" "$(find . -maxdepth 1 ! -name cache ! -name before | sort)"

# an image: what its sections tell
sed -i '/^ingress\|^deploy/,$d' services.yaml
run 0 "$ENCL" build -q services.yaml -o t.eif
run 0 "$ENCL" plan t.eif --json
mv out plan.json
same "image" '["memory"]' "$(q 'list(p)')"
same "image's memory" '[700,832,64]' "$(q '[[m["MiB"] for m in p["memory"]["parts"] if m["what"][:6] == "limits"][0], p["memory"]["neededMiB"], p["memory"]["nitroCliMiB"]]')"
rejects 1 "open blobs.eif: No such file or directory" "$ENCL" plan blobs.eif

# Docker: settings from the kernel's configuration
cat "$TOP/tests/support/kconfig/aws-6.6.config" >>blobs/bzImage.config
mkdir docker
for p in dockerd containerd containerd-shim-runc-v2 runc docker-proxy docker-init; do
	printf '#!/bin/sh\n' >docker/$p
	chmod 755 docker/$p
done
tar czf docker.tgz docker
cat >docker.yaml <<Y
$head
  - file: {path: /usr/sbin/iptables, content: "#!/bin/sh\n", mode: "0755"}
docker:
  engine: {archive: {path: ./docker.tgz}}
  images:
    - name: app:1
      rootfs: [{file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}}]
      config: {command: [/bin/app]}
  containers:
    - {name: web, image: "app:1", ports: ["8080:80"], memoryMiB: 64, dependsOn: {db: started}, critical: true}
    - {name: db, image: "app:1"}
network:
  ingress: [{name: http, vsock: 8000, tcp: 8080}]
Y
run 0 "$ENCL" plan docker.yaml --json
mv out plan.json
setting() { q "[c['value'] for c in p['docker'] if c['setting'] == '$1'][0]"; }
same "cgroup" '"v2"' "$(setting cgroup)"
same "driver" '"overlay2"' "$(setting "storage driver")"
same "preload" '"layers"' "$(setting preload)"
same "storage" '"104 MiB"' "$(setting "storage size")"
same "network" '"bridge"' "$(setting network)"
same "iptables" '"legacy"' "$(setting iptables)"
same "raw" '"not used"' "$(setting "raw table")"
same "reason" '"the kernel has IP_NF_IPTABLES, and no NF_TABLES with NFT_COMPAT"' \
	"$(q "[c['reason'] for c in p['docker'] if c['setting'] == 'iptables'][0]")"
same "order" '[["docker","daemon"],["db","container"],["web","container"]]' \
	"$(q '[[u["name"], u["kind"]] for u in p["start"]]')"
same "to" '"web:80"' "$(q 'p["ingress"][0]["to"]')"
same "parts" '[["Docker engine",72],["shims and proxies of containers",12],["Docker storage",104],["limits of services and containers",64],["services and containers without a limit",48]]' \
	"$(q '[[m["what"], m["MiB"]] for m in p["memory"]["parts"]][3:-1]')"
run 0 "$ENCL" build -q docker.yaml -o docker.eif
run 0 "$ENCL" plan docker.eif --json
same "what the image tells" "$(q 'p["memory"]')" "$(python3 -c 'import json; print(json.dumps(json.load(open("out"))["memory"], separators=(",", ":")))')"

# what the kernel cannot do
without() { sed "s/^CONFIG_$1=y/# CONFIG_$1 is not set/" bzImage.config >blobs/bzImage.config; }
cp blobs/bzImage.config .
without BRIDGE
rejects 2 'docker.yaml:18:7: docker: container "web" is on a bridge network, but the kernel lacks CONFIG_BRIDGE; give it network: host, or take another kernel' \
	"$ENCL" plan docker.yaml -q
rejects 2 'docker.yaml:18:7: docker: container "web" is on a bridge network, but the kernel lacks CONFIG_BRIDGE; give it network: host, or take another kernel' \
	"$ENCL" build docker.yaml -q -o no.eif
without POSIX_MQUEUE
rejects 2 'docker.yaml:7:11: boot.kernel: the kernel lacks CONFIG_POSIX_MQUEUE (/dev/mqueue of containers needs it)' \
	"$ENCL" plan docker.yaml -q
without OVERLAY_FS
run 0 "$ENCL" plan docker.yaml -q --json
mv out plan.json
same "driver" '"vfs"' "$(setting "storage driver")"
same "preload" '"archive"' "$(setting preload)"
