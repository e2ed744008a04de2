# Goal: run --backend nitro from the ioctls to an enclave that really runs: its code is
# passed on without a console, its port answers, ps and stop know it, the console of
# debug mode has the first line, and a killed run leaves nothing.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"
need musl-gcc qemu-system-x86_64 pgrep curl jq
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel
mkdir tmp
export ENCLAVEBUILD_RUN=$WORK/run TMPDIR=$WORK/tmp

nitro_image hello
nitro_image web serve
nitro_machine 'boot qemu' <<'T'
threads 2
node 0 cpus 0-3 memory 16384 pages 2M:64
node 1 cpus 4-7 memory 16384 pages 2M:300 pages 1G:1
pool 4-7
T
idle=$(nitro_state)
web=$((20000 + $$ % 12000)) # below the ports that the kernel gives out
until_has() { # until_has FILE TEXT
	for _ in $(seq 3000); do
		! grep -q -- "$2" "$1" || return 0
		sleep 0.1
	done
	fail "no \"$2\" in $1: $(cat "$1" "$NITRO/log")"
}
begin() { # begin IMAGE OPTION…
	local image=$1
	shift
	: >log
	nitro_exec "$ENCL" run --backend nitro "$image" --cpus 2 -p "$web:web" --name web "$@" \
		>console 2>log &
	pid=$!
}
ends() { # ends CODE
	local got=0
	wait "$pid" || got=$?
	same "exit code: $(cat log)" "$1" "$got"
}
answers() {
	for _ in $(seq 60); do
		[ "$(curl -s --max-time 5 "http://127.0.0.1:$web/" || true)" != served ] ||
			return 0
		sleep 0.5
	done
	fail "port $web does not answer: $(cat log "$NITRO/log")"
}

# Production: no console; the code comes by the status channel.
run 7 parent "$ENCL" run --backend nitro hello.eif --cpus 2 --json --no-publish
same "Backend" nitro "$(jq -r .Backend out)"
same "ExitCode" 7 "$(jq -r .ExitCode out)"
same "Heartbeat" true "$(jq -r .Heartbeat out)"
! grep -q 'hello from the enclave' out err || fail "a console in production"
nitro_idle "$idle"

# A port that answers, ps, an orderly stop.
begin web.eif
until_has log '^publishing '
answers
same "ps" "web nitro 17 $pid" \
	"$(parent "$ENCL" ps --json | jq -r '.[] | "\(.Name) \(.Backend) \(.CID) \(.Pid)"')"
run 0 parent "$ENCL" stop web
ends 143 # of the signal that ended its app
nitro_idle "$idle"

# Again, with the next CID and the same port; then it is killed.
begin web.eif --debug-mode
until_has log '^publishing '
answers
until_has console '^\[ *0.000000\] Linux version'
until_has console '^serving'
grep -q "^started: CID 18, " log || fail "$(cat log)"
kill -9 "$pid"
ends 137
nitro_idle "$idle"
same "in TMPDIR" "" "$(ls -A tmp)"
same "abstract sockets" "" "$(grep -a "@.*$WORK" /proc/net/unix || true)"
