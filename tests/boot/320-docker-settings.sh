# Goal: in booted images of the whole pipeline the daemon is what plan foretold of
# the same manifest, setting by setting, a published port answers inside and from
# the host, and containers end as docker inspect and the records say: with Debian's
# kernel, without nf_tables and the raw table (vfs, an archive that is loaded), and
# without bridge, netfilter and overlay (the engine from a static archive).
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 curl python3 gzip
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' || skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

# ---- what runs inside ----
mkdir -p web/cgi-bin
echo "the page" >web/index.html
printf '#!/bin/busybox sh\n: >/flags/outside\necho "Content-type: text/plain"\necho\necho thanks\n' \
	>web/cgi-bin/outside
chmod 755 web/cgi-bin/outside
# It takes what it needs from the daemon and the kernel, not from our files.
cat >check <<'S'
#!/bin/busybox sh
fact() { echo "fact $1=$2"; }
await() { # await COMMAND…: within 90 s
	end=$(($(date +%s) + 90))
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt $end ] || { echo "in vain: $*"; docker ps -a; exit 1; }
		sleep 0.2
	done
}
page() { wget -q -O - http://127.0.0.1:8080/; }
has_ended() { [ "$(docker inspect --format '{{.State.FinishedAt}}' "$1" | cut -c 1-4)" != 0001 ]; }

[ "$1" != cli ] || docker run -d --init --name web -p 8080:80 -v /srv/flags:/flags web:1 >/dev/null || exit
await page
fact inside "$(page)"
docker info --format 'fact storage driver={{.Driver}}
fact cgroup=v{{.CgroupVersion}}
fact cgroup driver={{.CgroupDriver}}
fact limits={{if .MemoryLimit}}memory {{end}}{{if .CPUCfsQuota}}cpu {{end}}{{if .PidsLimit}}pids{{end}}
fact log driver={{.LoggingDriver}}
fact live restore={{if .LiveRestoreEnabled}}on{{else}}off{{end}}
{{range .SecurityOptions}}fact {{.}}
{{end}}' | sed 's/^fact name=seccomp,profile=\(builtin\|default\)$/fact seccomp=default/; /^fact name=/d; /^$/d; s/ *$//'
fact "storage size" "$(df -m /var/lib/docker | awk 'END { print $2 }') MiB"
[ ! -e /.enclave/docker/store ] || fact preload layers
[ ! -e /.enclave/docker/images.tar ] || fact preload archive
version=$(iptables --version 2>/dev/null | sed 's/.*(\(.*\))/\1/; s/nf_tables/nft/')
fact iptables "${version:-none}"
servers() { awk '$1 == "nameserver" { print $2 }'; }
read -r resolv pid <<E
$(docker inspect --format '{{.ResolvConfPath}} {{.State.Pid}}' web)
E
server=$(servers <"$resolv")
# Docker's own resolver asks the servers that others see.
[ "$server" != 127.0.0.11 ] || server=$(docker run --rm busybox:1 cat /etc/resolv.conf | servers)
fact dns "${server:-none}"
echo "killed first: $(cat "/proc/$(cat /run/docker.pid)/oom_score_adj") $(cat "/proc/$pid/oom_score_adj")"
if [ -e /sys/class/net/docker0 ]; then net=bridge; else net=host; fi
fact network $net
if [ $net = bridge ]; then
	[ -z "$(ps | grep '[d]ocker-proxy.*8080')" ] && fact "userland proxy" off || fact "userland proxy" on
	tr '\0' '\n' <"/proc/$(cat /run/docker.pid)/environ" | grep -q '^DOCKER_INSECURE_NO_IPTABLES_RAW=1$' &&
		fact "raw table" "not used" || fact "raw table" used
	fact rules "$(iptables -t nat -S DOCKER | grep -c 'dport 8080 -j DNAT --to-destination 172.1[78].0.[0-9]*:80$')"
fi

if [ "$1" = cli ]; then
	await has_ended eater
	docker stop -t 3 within itself beyond >/dev/null
	docker kill -s KILL victim >/dev/null
	await has_ended victim
	docker inspect --format '{{.Name}} {{.State.ExitCode}} {{.State.OOMKilled}} {{.State.Error}}' \
		within itself beyond victim eater missing
fi
await [ -e /srv/flags/outside ]
echo done
S

# ---- manifests ----
busybox='{packages: {distribution: debian, suite: bookworm, install: [busybox-static], docs: false}}'
# shellcheck disable=SC2016 # no shell's $
packages='packages:
      distribution: debian
      suite: bookworm
      install: [docker.io, iptables]
      exclude: [adduser, dmsetup, init-system-helpers, lsb-base]
      docs: false'
# manifest NAME MODE KERNEL-AND-ENGINE: the rest of docker: on stdin
manifest() {
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
boot:
  kernel: $3
rootfs:
  - $busybox
  - file: {path: /srv/check, source: ./check, mode: "0755"}
  - file: {path: /srv/flags/.keep, content: ""}
services:
  - name: check
    command: [/srv/check, "$2"]
    env: {DOCKER_HOST: "unix:///run/docker.sock"}
    dependsOn: {docker: healthy}
    critical: true
network:
  ingress: [{name: web, vsock: 18080, tcp: 8080}]
docker:
  images:
    - name: busybox:1
      rootfs: [$busybox]
      config: {entrypoint: [/bin/busybox]}
    - name: web:1
      rootfs: [$busybox, {directory: {path: ./web, at: /srv}}]
      config: {entrypoint: [/bin/busybox, httpd, -f, -h, /srv], command: [-p, "80"]}
Y
	cat
}
without() { # without REGEX: Debian's configuration less these options
	sed -E "s/^CONFIG_($1)=.*/# CONFIG_\1 is not set/" "$KERNEL_CONFIG"
}
without 'NF_TABLES|IP_NF_RAW' >legacy.config
without 'OVERLAY_FS|BRIDGE|VETH|NETFILTER_XTABLES|(NF|NFT|IP_NF|IP6_NF)_[A-Z0-9_]*' >bare.config
files() { echo "{image: $KERNEL, modules: $KERNEL_MODULES, config: ./$1}"; }

free_port() { # a port that nobody listens on now
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}
port=$(free_port)
manifest debian cli '{package: linux-image-cloud-amd64, suite: bookworm}' >debian.yaml <<Y
  engine:
    $packages
    cli: true
  containers:
    - {name: within, image: "busybox:1", command: [sleep, "1001"], init: true}
    - {name: itself, image: "busybox:1", command: [sh, -c, 'trap "exit 0" TERM; while :; do sleep 0.1; done']}
    - {name: beyond, image: "busybox:1", command: [sleep, "1002"]}
    - {name: victim, image: "busybox:1", command: [sleep, "1003"]}
    - {name: eater, image: "busybox:1", command: [tail, /dev/zero], memoryMiB: 24}
    - {name: missing, image: "busybox:1", entrypoint: [/nope]}
    - {name: last, image: "busybox:1", command: [sleep, "1004"], init: true, stopTimeoutSeconds: 5}
deploy:
  ports: [{name: web, port: $port}]
Y
manifest legacy manifest "$(files legacy.config)" >legacy.yaml <<Y
  engine:
    $packages
    cli: true
  storage: {driver: vfs, preload: archive}
  containers:
    - {name: web, image: "web:1", ports: ["8080:80"], volumes: ["/srv/flags:/flags"]}
Y
# The archive's stand-in is linked to libraries that Docker's own has inside.
"$TOP/tests/support/docker-static.sh" docker.tgz
manifest bare manifest "$(files bare.config)" >bare.yaml <<Y
  engine:
    archive: {path: ./docker.tgz, sha256: $(sha256sum <docker.tgz | cut -d ' ' -f 1)}
    cli: true
  network: host
  containers:
    - {name: web, image: "web:1", command: [-p, "8080"], volumes: ["/srv/flags:/flags"]}
Y
sed -i 's/^  - file: .*check.*/  - packages: {distribution: debian, suite: bookworm, docs: false, install: [libdevmapper1.02.1, libsystemd0, libseccomp2], exclude: [dmsetup]}\n&/' bare.yaml

# ---- boots ----
running=
ended() {
	local status=$?
	set +e
	[ -z "$running" ] || kill "$running"
	(exit "$status")
	finish
}
trap ended EXIT

# boot NAME PORT [OPTION…]: builds and runs it; NAME.plan has what was foretold,
# NAME.facts what is, NAME.console everything.
boot() {
	local name=$1 port=$2 got='' code=0 end
	shift 2
	echo "$name"
	run 0 "$ENCL" build -q -o image.eif "$name.yaml"
	run 0 "$ENCL" plan --json "$name.yaml"
	python3 -c 'import json, sys
for c in json.load(open(sys.argv[1]))["docker"]:
    print("%s=%s" % (c["setting"], c["value"]))' out | sort >"$name.plan"
	"$ENCL" run --kernel-args quiet --timeout 300 "$@" image.eif >"$name.out" 2>"$name.err" </dev/null &
	running=$!
	end=$((SECONDS + 240))
	while kill -0 "$running" 2>/dev/null && [ "$SECONDS" -lt "$end" ] && [ "$got" != "the page" ]; do
		got=$(curl -sS --max-time 5 "http://127.0.0.1:$port/" 2>/dev/null) || sleep 0.3
	done
	same "$name: from the host" "the page" "$got$(tail -n 40 "$name.out" "$name.err" | tr -d '\r' | grep -v '^$' | sed "${got:+d}")"
	same "$name: a script from the host" thanks "$(curl -sS --max-time 10 "http://127.0.0.1:$port/cgi-bin/outside")"
	wait "$running" || code=$?
	running=
	tr -d '\r' <"$name.out" >"$name.console"
	[ "$code" -eq 0 ] || fail "$name: ended with $code"$'\n'"$(tail -n 60 "$name.console" "$name.err")"
	sed -n 's/^check | fact //p' "$name.console" | sort >"$name.all"
	grep -v '^cgroup driver=\|^inside=\|^rules=' "$name.all" >"$name.facts"
	same "$name: what plan foretold" "$(cat "$name.plan")" "$(cat "$name.facts")"
	same "$name: the page inside" "inside=the page" "$(grep ^inside= "$name.all")"
	grep -qx 'check | killed first: -500 0' "$name.console" ||
		fail "$name: $(grep 'killed first' "$name.console")"
	same "$name: cgroup driver" "cgroup driver=cgroupfs" "$(grep '^cgroup driver=' "$name.all")"
	rm image.eif
}
is() { # is NAME SETTING=VALUE…: what it has to be, by the kernel and the manifest
	local name=$1
	shift
	for want; do
		grep -Fqx -- "$want" "$name.all" || fail "$name: no $want"$'\n'"$(cat "$name.all")"
	done
}
says() { # says NAME REGEX…: lines of the console
	local name=$1
	shift
	for regex; do
		grep -Eqx -- "$regex" "$name.console" || fail "$name: no $regex"$'\n'"$(cat "$name.console")"
	done
}
exited() { # exited NAME UNIT CODE SIGNAL OOM [ERROR]
	says "$1" "launch: $2 exited: code=$3 signal=$4 oom=$5 started=[0-9.]+ finished=[0-9.]+${6:+ error=\".*$6.*\"}"
}

boot debian "$port"
is debian "storage driver=overlay2" "preload=layers" "cgroup=v2" "network=bridge" "iptables=nft" \
	"raw table=used" "userland proxy=on" "dns=172.17.0.1" "storage size=204 MiB" "rules=1"
says debian 'launch: docker: ready: 20\.10\.[0-9]+[^,]*, overlay2, cgroup v2 \(cgroupfs\), [0-9.]+ s' \
	'check \| /within 143 false ' 'check \| /itself 0 false ' 'check \| /beyond 137 false ' \
	'check \| /victim 137 false ' 'check \| /eater 137 .*' \
	'check \| /missing 127 false .*no such file or directory.*'
# Docker itself may miss it on a busy machine; the record must not.
exited debian eater 137 9 true
exited debian within 143 15 false
exited debian itself 0 0 false
exited debian beyond 137 9 false
exited debian victim 137 9 false
exited debian missing 127 0 false 'no such file or directory'
exited debian last 143 15 false

port=$(free_port)
boot legacy "$port" -p "$port:web"
is legacy "storage driver=vfs" "preload=archive" "network=bridge" "iptables=legacy" \
	"raw table=not used" "rules=1"

port=$(free_port)
boot bare "$port" -p "$port:web"
is bare "storage driver=vfs" "preload=archive" "network=host" "iptables=none" "dns=none"
