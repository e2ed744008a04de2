# Goal: containers, on the bridge and on the enclave's network, go out by the same
# list as everything else, told by their environment where the proxy is.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 python3 curl busybox
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "busybox is not static; run make setup"
boot_kernel

mkdir world
echo "the world" >world/hello
cat >world.py <<'P'
import functools, http.server, os

handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory="world")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
with open("port.part", "w") as f:
    print(server.server_port, file=f)
os.rename("port.part", "port")
server.serve_forever()
P
python3 world.py 2>/dev/null &
world=$!
ended() {
	local status=$?
	set +e
	kill "$world"
	(exit "$status")
	finish
}
trap ended EXIT
for _ in $(seq 300); do
	[ ! -e port ] || break
	sleep 0.1
done
read -r port <port

mkdir -p files/bin files/srv files/tmp
cp "$(command -v busybox)" files/bin/busybox
ln -s busybox files/bin/sh
cp -L "$(command -v curl)" files/bin/curl
for library in $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
	mkdir -p "files${library%/*}"
	cp -L "$library" "files$library"
done
cat >files/srv/try <<T
get() { curl -sS -m 60 "\$@" 2>&1; }
echo "proxies \$http_proxy \$HTTPS_PROXY"
echo "without \$no_proxy"
echo "name \$(get --noproxy "" http://localhost:$port/hello)"
echo "denied \$(get http://denied.example/)"
echo "direct \$(get --noproxy '*' http://localhost:$port/hello)"
T
cat >egress.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: egress
version: "1"
arch: x86_64
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
docker:
  engine:
    packages:
      distribution: debian
      suite: bookworm
      install: [docker.io, iptables]
      exclude: [adduser, dmsetup, init-system-helpers, lsb-base]
      docs: false
  images:
    - name: client:1
      rootfs: [{directory: {path: ./files, at: /}}]
      config: {command: [/bin/sh, /srv/try]}
  containers:
    - {name: far, image: client:1, network: host}
    - {name: near, image: client:1, critical: true, dependsOn: {far: completed}}
  startTimeoutSeconds: 200
network:
  egress: {proxyPort: 3129, allow: [{host: localhost, ports: [$port]}]}
Y
run 0 "$ENCL" build egress.yaml
run 0 "$ENCL" run egress.eif --timeout 500 --kernel-args quiet --egress-local
tr -d '\r' <out >console
for where in "far 127.0.0.1" "near 172.18.0.1"; do
	name=${where% *}
	proxy=http://${where#* }:3129
	has console "$name | proxies $proxy $proxy"
	has console "$name | without localhost,127.0.0.1,::1,172.17.0.0/16,172.18.0.0/16,far,near"
	has console "$name | name the world"
	has console "$name | denied egress to denied.example:80 is denied: no rule of network.egress.allow in enclave.yaml has it; it would be {host: \"denied.example\", ports: [80]}"
	grep -q "^$name | direct curl: (7) " console || fail "$(cat console)"
done
for address in 127.0.0.1 172.18.0.1 172.17.0.1; do
	has console "launch: egress: proxy on $address:3129, 1 rule"
done
same "refusals" 2 "$(grep -cFx 'launch: egress: denied denied.example:80: no rule has the host' console)"
