# Goal: the Docker examples are built, boot, and answer from the host, through
# vsock and ports of other numbers, as their READMEs promise; one byte of a
# container's image changes PCR2 and nothing else.
. "$(dirname "$0")/../cli/lib.sh"
need qemu-system-x86_64 curl
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' || skip "vhost-device-vsock is not installed; run make setup"
cp -r "$TOP/examples" examples

running=
stop() { # stop WANT: ends the enclave as Ctrl-C does
	kill -INT "$running"
	local got=0
	wait "$running" || got=$?
	running=
	same "exit code after SIGINT" 130 "$got"
}
ended() {
	local status=$?
	set +e
	[ -z "$running" ] || kill "$running"
	(exit "$status")
	finish
}
trap ended EXIT

free_port() { # a port that nobody listens on now
	local port
	while :; do
		port=$((20000 + RANDOM % 12000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}
start() { # start IMAGE OPTION…: in the background, console in $WORK/console
	local image=$1
	shift
	"$ENCL" run --kernel-args quiet --timeout 600 "$@" "$image" >"$WORK/console" 2>"$WORK/err" &
	running=$!
}
alive() {
	kill -0 "$running" 2>/dev/null || fail "the enclave ended:"$'\n'"$(tail -n 40 "$WORK/console" "$WORK/err")"
}
# until_is WANT COMMAND…: what the command prints becomes WANT, within 280 s
until_is() {
	local want=$1 got='' end=$((SECONDS + 280))
	shift
	while [ "$SECONDS" -lt "$end" ]; do
		alive
		got=$("$@" 2>/dev/null | tr -d '\r\0') || true
		[ "$got" != "$want" ] || return 0
		sleep 0.3
	done
	fail "$*:"$'\n'"  want: $want"$'\n'"   got: $got"$'\n'"$(tail -n 40 "$WORK/console" "$WORK/err")"
}
ask() { # ask PORT TEXT: sends TEXT (printf's escapes) and prints the answer
	timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"; printf "$1" >&3; cat <&3' "$1" "$2"
}
version() {
	ask "$1" 'version\r\nquit\r\n' | cut -c 1-9
}
get() { # get PORT PATH
	curl -sS --max-time 30 "http://127.0.0.1:$1$2"
}
pcr() { # pcr N IMAGE
	sed -n "s/.*\"PCR$1\": \"\(.*\)\".*/\1/p" "${2%.eif}.measurements.json"
}

echo "docker-memcached"
run 0 "$ENCL" build -q -o memcached.eif examples/docker-memcached/enclave.yaml
port=$(free_port)
start memcached.eif -p "$port:cache"
until_is "VERSION 1" version "$port"
same "set" "STORED" "$(ask "$port" 'set greeting 0 0 5\r\nhello\r\nquit\r\n' | tr -d '\r')"
same "get" "VALUE greeting 0 5"$'\n'"hello"$'\n'"END" "$(ask "$port" 'get greeting\r\nquit\r\n' | tr -d '\r')"
stop

for byte in a b; do
	sed "/^ *rootfs:/a\\        - file: {path: /etc/mark, content: $byte}" \
		examples/docker-memcached/enclave.yaml >examples/docker-memcached/$byte.yaml
	run 0 "$ENCL" build -q -o $byte.eif examples/docker-memcached/$byte.yaml
done
[ "$(pcr 2 a.eif)" != "$(pcr 2 b.eif)" ] || fail "PCR2 does not cover the container's image"
same "PCR1" "$(pcr 1 a.eif)" "$(pcr 1 b.eif)"
rm -f ./*.eif

echo "compose"
run 0 "$ENCL" build -q -o compose.eif examples/compose/enclave.yaml
port=$(free_port)
start compose.eif -p "$port:web"
until_is "start 1, visit 1" get "$port" /cgi-bin/visit
until_is "start 1, visit 2" get "$port" /cgi-bin/visit
get "$port" /cgi-bin/kill >/dev/null 2>&1 || true
until_is "start 2, visit 3" get "$port" /cgi-bin/visit
stop
grep -qx 'web | start 2' <(tr -d '\r' <console) || fail "the container's log is not on the console: $(cat console)"
rm -f ./*.eif

echo "desktop-ports"
run 0 "$ENCL" build -q -o desktop.eif examples/desktop-ports/enclave.yaml
mkdir settings
echo "theme: dark" >settings/settings
home=$(free_port) stream=$(free_port) vnc=$(free_port) novnc=$(free_port)
start desktop.eif --exchange "config=$WORK/settings" \
	-p "$home:home" -p "$stream:stream" -p "$vnc:vnc" -p "$novnc:novnc"
until_is "<title>Desktop</title>the home page" get "$home" /
until_is "<title>Stream</title>the stream" get "$stream" /
until_is "<title>noVNC</title>the screen" get "$novnc" /
until_is "RFB 003.008" ask "$vnc" ''
until_is "theme: dark" get "$home" /cgi-bin/settings
until_is "started" cat settings/state
echo "theme: light" >settings/settings
until_is "theme: light" get "$home" /cgi-bin/settings
stop
