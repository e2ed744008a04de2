# Goal: examples/tee-server as an enclave of the tests' Nitro machine: reached on the
# same port of the parent before and after a restart that gives it another CID, and
# beside a second one.
. "$(dirname "$0")/../cli/lib.sh"
. "$TOP/tests/support/nitro.sh"
need qemu-system-x86_64 curl pgrep
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
export ENCLAVEBUILD_RUN=$WORK/run
run 0 "$ENCL" build -q -o tee.eif "$TOP/examples/tee-server/enclave.yaml"
port=$((20000 + $$ % 12000))
nitro_small 'boot qemu'
idle=$(nitro_state)

start() { # start NAME PORT: until it answers; sets pid and cid
	parent "$ENCL" run --backend nitro tee.eif --name "$1" --cpus 2 --timeout 300 \
		-p "$2:http" >"$1.out" 2>"$1.log" </dev/null &
	pid=$!
	for _ in $(seq 100); do
		[ "$(curl -s -m 60 "http://127.0.0.1:$2/health" || true)" != ok ] || break
		kill -0 "$pid" 2>/dev/null || fail "$1 ended: $(cat "$1.log" "$NITRO/log")"
		sleep 0.3
	done
	same "$1: /health" ok "$(curl -s -m 60 "http://127.0.0.1:$2/health")"
	cid=$(sed -n 's/^ *"CID": \([0-9]*\),$/\1/p' "run/$1/state.json")
	[ -n "$cid" ] || fail "no CID: $(cat "run/$1/state.json")"
}
stop() { # stop NAME PID: in order, with the code of the server
	run 0 "$ENCL" stop "$1"
	wait "$2" || true
	! kill -0 "$2" 2>/dev/null || fail "$1 is still there"
}

start tee "$port"
before=$cid
stop tee "$pid"
nitro_idle "$idle"
same "nobody is there" 000 "$(curl -s -o answer -w '%{http_code}' "http://127.0.0.1:$port/health" || true)"
start tee "$port"
tee=$pid
[ "$cid" != "$before" ] || fail "the CID is the same: $cid"
one=$cid
start two "$((port + 1))"
[ "$cid" != "$one" ] || fail "two enclaves have the CID $cid"
curl -s -m 60 "http://127.0.0.1:$port/" >answer
same "the first beside it" "folder: /app/packages/server" "$(sed -n 2p answer)"
stop two "$pid"
same "the first after it" ok "$(curl -s -m 60 "http://127.0.0.1:$port/health")"
stop tee "$tee"
nitro_idle "$idle"
