# Goal: what docs/7-docker-daemon.md says of the daemon and of containers, in a
# booted enclave with Debian's engine: each way for a container to end, with its
# record; a daemon that is killed, that hangs, that never comes up; nothing hangs.
# One boot; launch is started once for each case, by configs written by hand.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 busybox
[ -n "$(command -v busybox)" ] && ! ldd "$(command -v busybox)" >/dev/null 2>&1 ||
	skip "busybox is not static; run make setup"

# ---- a container image: busybox, as an archive of docker save's ----
mkdir -p layer/bin layer/tmp files/srv files/cases
cp "$(command -v busybox)" layer/bin/busybox
for applet in sh sleep tail echo true; do
	ln -s busybox "layer/bin/$applet"
done
tar --owner=0 --group=0 -cf layer.tar -C layer .
layer=$(sha256sum <layer.tar | cut -d ' ' -f 1)
printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
	"$layer" >config.json
id=$(sha256sum <config.json | cut -d ' ' -f 1)
mkdir -p "image/$layer"
mv layer.tar "image/$layer/layer.tar"
mv config.json "image/$id.json"
printf '[{"Config":"%s.json","RepoTags":["busybox:latest"],"Layers":["%s/layer.tar"]}]' \
	"$id" "$layer" >image/manifest.json
tar -cf files/srv/image.tar -C image .
head -c 300000 files/srv/image.tar >files/srv/half.tar
mkdir -p files/srv/store/overlay2
head -c 3000000 /dev/zero >files/srv/store/overlay2/large
printf '{"storage-driver": "none-such"}' >files/srv/bad.json
printf '{"bridge": "none", "iptables": false, "ip6tables": false, "log-level": "warn", "storage-driver": "overlay2"}' \
	>files/srv/daemon.json

# ---- configs ----
record() { # record KEY VALUE
	local LC_ALL=C
	printf '%s %s\n%s\n' "$1" "${#2}" "$2"
}
# unit NAME KIND STOP_MS [KEY VALUE]…
unit() {
	record unit "$1"
	record kind "$2"
	record stop_signal 15
	record stop_timeout "$3"
	shift 3
	while [ $# -gt 0 ]; do
		record "$1" "$2"
		shift 2
	done
}
# dockerd [KEY VALUE]… -- WORD…: the daemon; what is said comes first.
dockerd() {
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1" "$2")
		shift 2
	done
	shift
	unit docker dockerd 20000 critical '' uid 0 gid 0 workdir / \
		data_root /var/lib/docker "${words[@]}"
	for word; do
		record argv "$word"
	done
}
good="storage_mib 64 archive /srv/image.tar start_timeout 90000"
# container NAME COMMAND-AS-JSON [HOSTCONFIG [KEY VALUE]…]
container() {
	local name=$1 command=$2 host=${3-}
	shift 2
	[ $# -eq 0 ] || shift
	local restart=(restart no)
	[[ " $* " != *" restart "* ]] || restart=()
	unit "$name" container 3000 depends 'docker healthy' "${restart[@]}" "$@" create \
		"{\"Image\":\"busybox\",\"Cmd\":$command,\"HostConfig\":{\"NetworkMode\":\"host\"$host}}"
}
case_of() { # case_of NAME: config on stdin
	{
		printf 'enclave-launch 2\n'
		cat
		record end ''
	} >"files/cases/$1"
}
# watch NAME: what happens to the case, a script with the pid of launch in $1
watch() {
	cat >"files/cases/$1.watch"
}
daemon=(dockerd --config-file /srv/daemon.json)

# shellcheck disable=SC2086 # words are wanted
{
	{
		dockerd $good restart no -- "${daemon[@]}"
		container seven '["sh","-c","echo out; echo err >&2; printf part; exit 7"]'
		container eater '["tail","/dev/zero"]' ',"Memory":25165824,"MemorySwap":25165824'
		container victim '["sleep","1001"]'
		container missing '["/nope"]'
		container folder '["/tmp"]'
		container again '["sh","-c","echo once more >>/tmp/f; tail -n 9 /tmp/f; exit 9"]' '' \
			restart on-failure restart_max 2
		container within '["sleep","1002"]' ',"Init":true'
		container beyond '["sleep","1003"]'
	} | case_of 01-ends
	watch 01-ends <<-'W'
		await 'sleep 1003'
		await 'sleep 1002'
		await 'sleep 1001'
		sleep 2
		kill -9 $(pids 'sleep 1001')
		sleep 12
		kill $1
	W
	{
		dockerd $good restart always -- "${daemon[@]}"
		container web '["sh","-c","trap \"exit 0\" TERM; echo serving; while :; do sleep 0.1; done"]' '' \
			restart always
		container once '["sleep","1004"]'
	} | case_of 02-killed-restarts
	watch 02-killed-restarts <<-'W'
		await 'sleep 1004'
		await 'sh -c trap.*done'
		sleep 2
		first=$(pids 'sh -c trap.*done')
		kill -9 $(cat /run/docker.pid)
		# the first one outlives its daemon, until the next takes it down
		until second=$(pids 'sh -c trap.*done'); [ -n "$second" ] && [ "$second" != "$first" ]; do
			sleep 0.3
		done
		sleep 2
		kill $1
	W
	{
		dockerd $good restart no -- "${daemon[@]}"
		container web '["sleep","1005"]' '' restart always
	} | case_of 03-killed-ends
	watch 03-killed-ends <<-'W'
		await 'sleep 1005'
		sleep 1
		kill -9 $(cat /run/docker.pid)
	W
	{
		dockerd $good restart no -- "${daemon[@]}"
		container web '["sleep","1006"]' '' restart always
	} | case_of 04-hangs
	watch 04-hangs <<-'W'
		await 'sleep 1006'
		sleep 1
		kill -STOP $(cat /run/docker.pid)
	W
	dockerd $good restart no -- dockerd --config-file /srv/bad.json | case_of 05-bad-settings
	dockerd storage_mib 8 start_timeout 3000 restart no -- sleep 1007 | case_of 06-never-ready
	dockerd storage_mib 64 archive /srv/half.tar start_timeout 90000 restart no -- "${daemon[@]}" |
		case_of 07-bad-archive
	dockerd storage_mib 1 start_timeout 3000 store /srv/store restart no -- "${daemon[@]}" | case_of 08-too-small
	dockerd storage_mib 8 start_timeout 3000 restart no -- /no/dockerd | case_of 09-no-daemon
}

# ---- the enclave ----
cat >files/srv/lib <<'S'
pids() { # pids REGEX: processes with that command line
	ps -o pid,args | grep -v grep | grep " $1\$" | while read -r pid _; do echo "$pid"; done
}
await() {
	until [ -n "$(pids "$1")" ]; do sleep 0.5; done
}
S
cat >files/srv/suite <<'S'
#!/bin/sh
. /srv/lib
for path in /cases/*[!h]; do
	name=${path##*/}
	cat "$path" >/.enclave/config
	echo "case $name"
	begun=$(cut -d . -f 1 /proc/uptime)
	/.enclave/launch &
	pid=$!
	[ ! -e "$path.watch" ] || sh -c ". /srv/lib; . $path.watch" sh $pid &
	watcher=$!
	wait $pid
	echo "case $name: launch ended with $? after $(($(cut -d . -f 1 /proc/uptime) - begun)) s"
	kill $watcher 2>/dev/null
	[ -z "$(pids 'sleep 100[1-7]')" ] || echo "case $name: something is left"
	umount -l /var/lib/docker
done
S
chmod 755 files/srv/suite
mkdir -p files/bin
cp layer/bin/busybox files/bin/busybox
for applet in sh cat cut echo grep kill ps sleep umount; do
	ln -s busybox "files/bin/$applet"
done
cat >d.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: docker-daemon
version: "1"
arch: x86_64
rootfs:
  - packages:
      distribution: debian
      suite: bookworm
      install: [docker.io]
      exclude: [adduser, dmsetup, init-system-helpers, iptables, lsb-base]
      docs: false
  - remove: [/usr/bin/docker, /usr/bin/ctr, /usr/bin/containerd-shim, /usr/bin/containerd-shim-runc-v1, /usr/bin/containerd-stress, /usr/share, /var/lib/dpkg]
  - directory: {path: ./files, at: /}
boot:
  kernel: {package: linux-image-cloud-amd64, suite: bookworm}
app: {command: [/srv/suite]}
Y
run 0 "$ENCL" build -q -o d.eif d.yaml
"$ENCL" run --timeout 600 --memory 1024 --kernel-args quiet d.eif >out 2>err </dev/null || true
tr -d '\r' <out >console
grep -q '^init: end code=' console || fail "it did not end"$'\n'"$(tail -n 60 console err)"
awk '/^case [^:]*$/ { file = $2 ".case" } file { print >file }' console

# ---- what each case said ----
ended() { # ended CASE CODE: and in time
	local line
	line=$(grep "^case $1: launch ended with $2 after" "$1.case") ||
		fail "$1 did not end with $2"$'\n'"$(cat "$1.case")"
	line=${line##*after }
	[ "${line% s}" -le 150 ] || fail "$1 took $line"
	! grep -q 'something is left' "$1.case" || fail "$1 left something"
}
says() { # says CASE REGEX…
	local case=$1
	shift
	for regex; do
		grep -Eq -- "$regex" "$case.case" ||
			fail "$case: no $regex"$'\n'"$(cat "$case.case")"
	done
}
exited() { # exited CASE UNIT CODE SIGNAL OOM [ERROR-REGEX]
	says "$1" "^launch: $2 exited: code=$3 signal=$4 oom=$5 started=[0-9.]+ finished=[0-9.]+${6:+ error=\".*$6.*\"}\$"
}
up='^launch: docker: ready: 20\.10\.[0-9]+[^,]*, overlay2, cgroup v2 \(cgroupfs\), [0-9.]+ s$'
gone='the Docker daemon is gone'

c=01-ends
says $c "$up" '^seven \| out$' '^seven \| err$' '^seven \| part$'
exited $c seven 7 0 false
exited $c eater 137 9 true
exited $c victim 137 9 false
exited $c missing 127 0 false 'no such file or directory'
exited $c folder 126 0 false 'permission denied'
same "runs of again" 3 "$(grep -c '^launch: again exited: code=9 ' $c.case)"
same "the third run's output (the container is the same)" 6 "$(grep -c '^again | once more$' $c.case)"
exited $c within 143 15 false
exited $c beyond 137 9 false
says $c '^launch: beyond did not end 3 s after SIGTERM: killed$'
exited $c docker 0 0 false
ended $c 0

c=02-killed-restarts
exited $c docker 137 9 false
exited $c web 125 0 false "$gone"
exited $c once 125 0 false "$gone"
same "daemons that came up" 2 "$(grep -Ec "$up" $c.case)"
same "times that web served" 2 "$(grep -c '^web | serving$' $c.case)"
exited $c web 0 0 false
exited $c docker 0 0 false
ended $c 0

c=03-killed-ends
says $c '^launch: docker: .*level=(warning|info|error)'
exited $c docker 137 9 false
exited $c web 125 0 false "$gone"
ended $c 137

c=04-hangs
says $c '^launch: docker: .*level=(warning|info|error)'
exited $c docker 137 9 false 'the daemon did not answer 3 times in a row: it did not answer in time'
ended $c 137

c=05-bad-settings
says $c '^launch: docker: .*none-such'
exited $c docker 125 0 false 'the daemon ended with code 1 before it was ready'
ended $c 125
c=06-never-ready
exited $c docker 125 0 false 'the daemon was not ready after 3 s \(/run/docker.sock: No such file or directory\)'
ended $c 125
c=07-bad-archive
exited $c docker 125 0 false 'images: cannot be loaded: .*unexpected EOF'
ended $c 125
c=08-too-small
exited $c docker 125 0 false 'images: cannot copy /srv/store to /var/lib/docker \(1 MiB\): large: No space left on device'
ended $c 125
c=09-no-daemon
exited $c docker 127 0 false 'cannot start /no/dockerd: No such file or directory'
ended $c 127
