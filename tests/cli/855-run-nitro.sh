# Goal: run --backend nitro against the driver's rules and its failures: each error
# number has its own message and code; it starts on the right node, beside another
# run, with strangers at the heartbeat's port; an early death, a wrong heartbeat and
# none are told; and however it ends no enclave, page, socket or file is left.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"
need pgrep

image=$TOP/tests/golden/vectors/unsigned.eif
mkdir tmp
export ENCLAVEBUILD_RUN=$WORK/run TMPDIR=$WORK/tmp
enclave() { # enclave OPTION…
	parent "$ENCL" run --backend nitro "$image" --memory 128 "$@"
}
clean() { # nothing is left of any run
	nitro_idle "$idle"
	same "in TMPDIR" "" "$(ls -A tmp)"
	same "abstract sockets" "" "$(grep -a "@.*$WORK" /proc/net/unix || true)"
}
begin() { # begin OPTION…: in the background; pid is the tool's own
	: >log
	: >console
	nitro_exec "$ENCL" run --backend nitro "$image" --memory 128 "$@" >console 2>log &
	pid=$!
}
until_has() { # until_has FILE TEXT
	for _ in $(seq 600); do
		! grep -q -- "$2" "$1" || return 0
		sleep 0.1
	done
	fail "no \"$2\" in $1: $(cat "$1")"
}
ends() { # ends CODE [LAST-LINE]: of begin's
	local got=0
	wait "$pid" || got=$?
	same "exit code ($(tail -n 1 log))" "$1" "$got"
	[ $# -lt 2 ] || same "last line" "$2" "$(tail -n 1 log)"
}

nitro_machine 'end 1' <<'T'
threads 2
node 0 cpus 0-3 memory 16384 pages 2M:200
node 1 cpus 4-11 memory 16384 pages 2M:200
pool 6-11
T
idle=$(nitro_state)

# The driver's errors, one by one: number, call, exit code, message.
me='this is a mistake of enclavebuild, please report it'
check='"enclavebuild host check"'
setup='"enclavebuild host setup"'
n=0
while IFS='|' read -r number call code message; do
	case $call in
	VCPU) what=NE_ADD_VCPU ;;
	MEMORY) what='NE_SET_USER_MEMORY_REGION (128 MiB)' ;;
	START) what=NE_START_ENCLAVE ;;
	LOAD_INFO) what=NE_GET_IMAGE_LOAD_INFO ;;
	CREATE_VM) what=NE_CREATE_VM ;;
	esac
	nitro_set 'faults none' "fault $call * ${number#*, }"
	rejects "$code" "$what: $message ($number)" enclave -q
	n=$((n + 1))
	echo "${message#*: }" >>messages
done <<T
NE_ERR_VCPU_ALREADY_USED, 256|VCPU|5|the CPU is in use by an enclave, or was named twice; choose others with --cpu-ids, or leave it out: then the driver chooses free ones
NE_ERR_VCPU_NOT_IN_CPU_POOL, 257|VCPU|5|the CPU is not in the pool for enclaves; $check shows the pool, $setup enlarges it
NE_ERR_VCPU_INVALID_CPU_CORE, 258|VCPU|2|the CPU belongs to no core of the pool; choose others with --cpu-ids ($check shows them)
NE_ERR_INVALID_MEM_REGION_SIZE, 259|MEMORY|1|the size of a piece of memory is no multiple of 2 MiB; $me
NE_ERR_INVALID_MEM_REGION_ADDR, 260|MEMORY|1|the address of a piece of memory is not one of this process; $me
NE_ERR_UNALIGNED_MEM_REGION_ADDR, 261|MEMORY|1|the address of a piece of memory is no multiple of 2 MiB; $me
NE_ERR_MEM_REGION_ALREADY_USED, 262|MEMORY|1|a piece of memory is the enclave's already; $me
NE_ERR_MEM_NOT_HUGE_PAGE, 263|MEMORY|5|the memory does not come from huge pages; reserve some with $setup
NE_ERR_MEM_DIFFERENT_NUMA_NODE, 264|MEMORY|5|the memory is of another NUMA node than the pool's CPUs; reserve huge pages on that node ($check shows both), and in a container allow mbind (CAP_SYS_NICE)
NE_ERR_MEM_MAX_REGIONS, 265|MEMORY|5|the memory is in more pieces than the hypervisor takes; reserve larger huge pages (1 GiB instead of 2 MiB) with $setup, soon after the machine's start
NE_ERR_NO_MEM_REGIONS_ADDED, 266|START|1|the enclave has no memory yet; $me
NE_ERR_NO_VCPUS_ADDED, 267|START|1|the enclave has no CPU yet; $me
NE_ERR_ENCLAVE_MEM_MIN_SIZE, 268|START|2|an enclave needs at least 64 MiB; raise --memory
NE_ERR_FULL_CORES_NOT_USED, 269|START|2|an enclave takes whole cores, and one is taken in part; raise --cpus to a multiple of the threads of a core, or name all threads of each core in --cpu-ids
NE_ERR_NOT_IN_INIT_STATE, 270|VCPU|125|the enclave has begun or ended already; start it again
NE_ERR_INVALID_VCPU, 271|VCPU|2|this machine has no CPU of that number; correct --cpu-ids
NE_ERR_NO_CPUS_AVAIL_IN_POOL, 272|CREATE_VM|5|the pool has no CPU left; end another enclave ("enclavebuild ps", "nitro-cli describe-enclaves"), or enlarge the pool with $setup
NE_ERR_INVALID_PAGE_SIZE, 273|MEMORY|5|huge pages below 2 MiB are of no use to an enclave; reserve larger ones with $setup
NE_ERR_INVALID_FLAG_VALUE, 274|LOAD_INFO|5|the driver does not know a flag; it is too old or too new for enclavebuild: update both
NE_ERR_INVALID_ENCLAVE_CID, 275|START|2|the CID is in use, or reserved (1, 2, 3, 4294967295); choose another with --cid, or leave it out: then the driver chooses one
T
same "numbers" 20 "$n"
same "different messages" 20 "$(sort -u messages | wc -l)"
nitro_set 'faults none' 'fault VCPU * 276'
rejects 125 'NE_ADD_VCPU: the driver refuses it (error 276); see the kernel'"'"'s log (dmesg)' enclave -q
clean

# From their causes: pieces, processors of another enclave.
nitro_set 'faults none' 'scattered yes' 'regions 60'
run 5 enclave -q
grep -q '(NE_ERR_MEM_MAX_REGIONS, 265)$' err || fail "$(cat err)"
nitro_set 'scattered no' 'end never'
begin --cpus 6 --name all
until_has log '^heartbeat after'
run 5 enclave -q --cpus 2 --name more
grep -q '(NE_ERR_NO_CPUS_AVAIL_IN_POOL, 272)$' err || fail "$(cat err)"
kill -9 "$pid"
ends 137
clean

# What passes: a busy hypervisor is asked again, and the pages are loaded again.
nitro_set 'end 1' 'fault CREATE_VM 1 EBUSY' 'fault START 1 EIO'
run 125 enclave --cpus 2 --cid 40
same "lines of the retries" 2 "$(grep -c 'trying again in' err)"
same "the end" "enclavebuild: the enclave ended without telling its exit code; --debug-mode shows its console" \
	"$(tail -n 1 err)"
grep -q 'heartbeat 40: answered' "$NITRO/log" || fail "$(cat "$NITRO/log")"
nitro_set 'faults none' 'fault OPEN * EACCES'
run 5 enclave -q
grep -q 'no right to the device; add the user to its group' err || fail "$(cat err)"
nitro_set 'faults none'
clean

# The console, in debug mode only, from the first byte.
nitro_set 'console the first line'
run 125 enclave --debug-mode
same "console" "the first line" "$(tr -d '\r' <out)"
run 125 enclave
same "console of production" "" "$(cat out)"

# Heartbeats: of another CID, a wrong byte, none, and an end before it.
nitro_set 'stranger 4711' 'heartbeat 0xb7 0.5'
run 125 enclave
grep -q '^heartbeat after' err || fail "$(cat err)"
grep -q 'heartbeat 4711: no answer' "$NITRO/log" || fail "$(grep heartbeat "$NITRO/log")"
nitro_set 'stranger 0' 'heartbeat 0x41' 'end 3'
run 125 enclave --boot-timeout 1
grep -q 'heartbeat: byte 0x41 came, not 0xb7; no answer' err || fail "$(cat err)"
same "none in time" \
	"enclavebuild: no heartbeat within 1 s: the enclave runs, but its init did not reach vsock port 9000 of its parent; --debug-mode shows its console" \
	"$(tail -n 1 err)"
clean
nitro_set 'heartbeat none' 'end 0'
run 125 enclave
grep -q '^enclavebuild: the enclave ended 0\.[0-9] s after its start, before its heartbeat: ' err ||
	fail "$(cat err)"
clean

# Two at once share port 9000, the later beat first.
nitro_set 'heartbeat 0xb7 1.5' 'end 3'
begin --name one --cpus 2
until_has "$NITRO/log" 'enclave [0-9]* starts: .* 2 cpus'
cp "$NITRO/log" before
first=$pid
nitro_set 'heartbeat 0xb7 0.1'
run 125 enclave --name two --cpus 4 --cid 99
grep -q '^heartbeat after' err || fail "$(cat err)"
pid=$first
ends 125
grep -q '^heartbeat after' log || fail "$(cat log)"
grep -q 'heartbeat 99: answered' "$NITRO/log" || fail "$(cat "$NITRO/log")"
clean

# A signal while it takes the memory, before the heartbeat, after it.
nitro_set 'heartbeat none' 'end never' 'slow MEMORY 1'
begin
until_has "$NITRO/log" 'slow MEMORY'
kill -INT "$pid"
ends 130
clean
nitro_set 'faults none'
begin
until_has log '^started: '
kill -TERM "$pid"
ends 143
clean
nitro_set 'slow MEMORY 1'
cp "$NITRO/log" before
begin
until_has log '^taking '
kill -9 "$pid"
ends 137
nitro_set 'faults none'
clean
