# Goal: examples/tee-server is reached on the host's port 4000 after the first
# start, after a restart, and while a second one runs beside it; its working folder
# is the manifest's; it says that nothing attests where there is no NSM.
. "$(dirname "$0")/../cli/lib.sh"
need qemu-system-x86_64 curl
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
cp -r "$TOP/examples/tee-server" tee-server
# Someone else's port 4000 is left alone.
port=4000
if (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; then
	port=$((20000 + $$ % 12000))
	sed -i "s/port: 4000/port: $port/" tee-server/enclave.yaml
fi
run 0 "$ENCL" build -q -o tee.eif tee-server/enclave.yaml
export ENCLAVEBUILD_RUN=$WORK/run

pids=
finish_runs() {
	# shellcheck disable=SC2086 # a list
	[ -z "$pids" ] || kill $pids 2>/dev/null || true
	finish
}
trap finish_runs EXIT
start() { # start NAME [OPTION…]: sets pid
	local name=$1
	shift
	"$ENCL" run tee.eif --kernel-args quiet --timeout 300 "$@" >"$name.console" 2>"$name.log" </dev/null &
	pid=$!
	pids="$pids $pid"
}
ask() { # ask PORT PATH: the status, and the answer in ./answer
	curl -s -m 100 -o answer -w '%{http_code}' "http://127.0.0.1:$1$2" || true
}
# Taken from the first moment, closed until the server listens: so ask again.
until_up() { # until_up NAME PORT
	for _ in $(seq 100); do
		[ "$(ask "$2" /health)" != 200 ] || break
		kill -0 "$pid" 2>/dev/null || fail "$1 ended: $(tail -n 20 "$1.console" "$1.log")"
		sleep 0.3
	done
	same "$1: /health" ok "$(cat answer)"
}

start first
until_up first "$port"
same "/ has status" 200 "$(ask "$port" /)"
same "/" "This page lies in the working folder.
folder: /app/packages/server
user: 65534" "$(cat answer)"
nonce=00112233445566778899aabbccddeeff
if grep -q ', with a Nitro Secure Module' first.console; then
	same "/attestation has status" 200 "$(ask "$port" "/attestation?nonce=$nonce")"
	grep -q "\"nsm\": true, \"nonce\": \"$nonce\"" answer || fail "$(cat answer)"
else
	same "/attestation has status" 501 "$(ask "$port" "/attestation?nonce=$nonce")"
	same "/attestation" '{"nsm": false, "why": "no /dev/nsm: nothing attests this machine"}' "$(cat answer)"
fi
same "a nonce that is too short" 400 "$(ask "$port" "/attestation?nonce=0011")"
same "no such path" 404 "$(ask "$port" /nothing)"

kill "$pid"
wait "$pid" || true
same "nobody is there" 000 "$(ask "$port" /health)"
start again
until_up again "$port"
first=$pid

start two --name two -p "$((port + 1)):http"
until_up two "$((port + 1))"
same "the first beside it" 200 "$(ask "$port" /)"
run 0 "$ENCL" ps
for line in "tee-server .* 127.0.0.1:$port->5000 " "two .* 127.0.0.1:$((port + 1))->5000 "; do
	grep -q "^$line" out || fail "no $line: $(cat out)"
done
kill "$pid"
wait "$pid" || true
same "the first after it" 200 "$(ask "$port" /health)"
kill "$first"
wait "$first" || true
