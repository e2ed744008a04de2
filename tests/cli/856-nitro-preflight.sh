# Goal: run --backend nitro before there is an enclave: what cannot start is refused
# without a call of the driver, pages are taken with the least overshoot; several runs
# share the heartbeat's port, also when the one that has it is killed; --backend
# nitro-cli (a stand-in for AWS's program) starts, watches and ends one.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"
need pgrep jq

image=$TOP/tests/golden/vectors/signed.eif
refused() { # refused CODE MESSAGE OPTION…
	local code=$1 message=$2
	shift 2
	rejects "$code" "$message" parent "$ENCL" run --backend nitro "$image" -q "$@"
	same "calls of the driver" "" "$(grep ' ioctl ' "$NITRO/log" || true)"
}
until_has() { # until_has FILE TEXT
	for _ in $(seq 300); do
		! grep -q -- "$2" "$1" || return 0
		sleep 0.1
	done
	fail "no \"$2\" in $1: $(cat "$1")"
}
begin() { # begin NAME: in the background; pid is the tool's own
	env LD_PRELOAD="$O/support/nitro.so" NITROD_SOCKET="$NITRO/socket" \
		ENCLAVEBUILD_HOST_ROOT="$NITRO/tree" \
		"$ENCL" run --backend nitro "$image" --name "$1" --memory 64 >"$1.out" 2>"$1.log" &
	pid=$!
}
ends() { # ends NAME PID CODE
	local got=0
	wait "$2" || got=$?
	same "exit code of $1 ($(cat "$1.log"))" "$3" "$got"
}

nitro_machine 'heartbeat 0xb7' 'end 1' <<'T'
threads 2
node 0 cpus 0-7 memory 16384 pages 2M:200 pages 1G:1
pool 2-7
T
idle=$(nitro_state)

pool='is not in the pool for enclaves (2-7); choose from it, or enlarge it with "enclavebuild host setup"'
refused 2 '--cpu-ids: CPU 4 shares its core with CPU 5: an enclave takes whole cores; name both' --cpu-ids 2-4
refused 5 "--cpu-ids: CPU 1 $pool" --cpu-ids 1,2
refused 2 "--cpu-ids: CPU 9 $pool" --cpu-ids 2,3,9
refused 2 '--cpu-ids: "2,x" is not a list of numbers below 8192 such as 0-3,8' --cpu-ids 2,x
refused 2 '--cid 3: 0 (the driver chooses), or 4 to 4294967294' --cid 3
refused 2 'CID 4294960000 has no port for a console; choose a smaller one with --cid' \
	--cid 4294960000 --debug-mode
refused 5 'an enclave of 64 MiB and 3 CPUs cannot start here: 3 processors are no whole cores: a core has 2 threads here; ask for 4' \
	--memory 64 --cpus 3
refused 5 'an enclave of 2000 MiB and 2 CPUs cannot start here: 2000 MiB are wanted; node 0 has 1424 MiB in free huge pages (1 x 1 GiB, 200 x 2 MiB): sudo enclavebuild host setup --apply --memory 2000 --cpus 2' \
	--memory 2000 --cpus 2
nitro_idle "$idle"

# Pages of 2 MiB while they suffice, the large one where they do not.
for row in 256:256 257:258 401:1024 1025:1026 1424:1424; do
	run 125 parent "$ENCL" run --backend nitro "$image" --memory "${row%:*}"
	same "memory for ${row%:*} MiB" "${row#*:} MiB" \
		"$(sed -n 's/^started: CID [0-9]*, \(.*\), CPUs 2-3$/\1/p' err)"
done
nitro_idle "$idle"

# Three at once.  The first has the port and is killed: the others come up.
nitro_set 'heartbeat 0xb7 2' 'end 4'
begin one
one=$pid
until_has one.log '^started'
begin two
two=$pid
begin three
until_has two.log '^started'
until_has three.log '^started'
kill -9 "$one"
ends one "$one" 137
for name in two three; do
	until_has $name.log '^heartbeat after'
	! grep -q 'waiting for vsock port' $name.log || fail "$name waited: $(cat $name.log)"
done
ends two "$two" 125
ends three "$pid" 125
nitro_idle "$idle"

# Another program has the port for a moment.
nitro_set 'heartbeat 0xb7' 'end 1' 'fault LISTEN 1-5 EADDRINUSE'
run 125 parent "$ENCL" run --backend nitro "$image"
grep -q '^waiting for vsock port 9000, which another program has$' err || fail "$(cat err)"
grep -q '^heartbeat after' err || fail "$(cat err)"
nitro_set 'faults none' 'fault LISTEN * EACCES'
rejects 5 'listen on vsock port 9000 for the heartbeat: Permission denied' \
	parent "$ENCL" run --backend nitro "$image" -q
nitro_set 'faults none'
nitro_idle "$idle"

# nitro-cli.
mkdir fake
export NITRO_CLI_FAKE=$WORK/fake
PATH=$TOP/tests/support:$PATH
"$ENCL" run --backend nitro-cli "$image" --name app --memory 64 --cpu-ids 2-3 --debug-mode >cli.out 2>cli.log &
pid=$!
until_has cli.log '^heartbeat after'
until_has cli.out '^Hello from the enclave$'
same "ps" "app nitro-cli 16 64 2-3 true" "$("$ENCL" ps --json |
	jq -r '.[] | select(.State == "running") | "\(.Name) \(.Backend) \(.CID) \(.MemoryMiB) \(.CPUIDs) \(.Debug)"')"
run 0 "$ENCL" stop app
ends cli "$pid" 137
same "calls" "run-enclave --eif-path $image --memory 64 --debug-mode --enclave-name app --cpu-ids 2 3
console --enclave-id i-0123-enc4567
terminate-enclave --enclave-id i-0123-enc4567" "$(cat fake/calls)"
state=$(sed 's/.*) \(.\).*/\1/' "/proc/$(cat fake/pid)/stat" 2>/dev/null || true)
[[ ${state:-gone} == [gZ]* ]] || fail "the enclave runs still: $state"
printf '%s\n' '[ E27 ] Insufficient memory available. User needs to …' 'Failed connections: 1' \
	'[ E39 ] Enclave process connection failure. Such error …' >fake/fail
rejects 5 'nitro-cli run-enclave: E27: Insufficient memory available; there are not enough huge pages free; see "enclavebuild host check"' \
	"$ENCL" run --backend nitro-cli "$image" -q
PATH=/usr/bin:/bin
rejects 5 'nitro-cli is not installed; install aws-nitro-enclaves-cli, or use --backend nitro, which does not need it' \
	"$ENCL" run --backend nitro-cli "$image" -q
