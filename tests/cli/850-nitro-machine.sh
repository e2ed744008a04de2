# Goal: the tests' Nitro machine (tests/support/nitro) keeps the driver's rules: each
# of its errors comes from breaking the rule, states, memory and processors are given
# back however a process ends, sysfs tells what is in use.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"
need pgrep

call() { # call WANT WORD…: the last line of nitro-call
	local want=$1
	shift
	run 0 parent "$O/support/nitro-call" "$@"
	same "$*" "$want" "$(tail -n 1 out)"
}
value() { cat "$NITRO/tree/sys/$1"; }

nitro_machine <<'T'
threads 2
node 0 cpus 0-3,8-11 memory 16384 pages 2M:300 pages 1G:1/2 pages 64K:100
node 1 cpus 4-7,12-15 memory 16384 pages 2M:40
pool 2-3,8-11
regions 4
T
idle=$(nitro_state)
same "idle" "enclaves 0
cpus 6
pages 2M node 0: 300 of 300
pages 1024M node 0: 1 of 1
pages 0M node 0: 100 of 100
pages 2M node 1: 40 of 40" "$idle"
e=(open create)
m=("map:128M,2M" memory:0)

# Each error of the driver, from what causes it.
call 'vcpu E256' "${e[@]}" vcpu:2 vcpu:2
call 'vcpu E257' "${e[@]}" vcpu:4
call 'memory E259' "${e[@]}" map:4M,2M memory:0,0,0,0x100000
call 'raw E260' "${e[@]}" raw:0xffff800000000000,0x200000
call 'memory E261' "${e[@]}" map:4M,2M memory:0,0,0x1000,0x200000
call 'memory E262' "${e[@]}" map:8M,2M memory:0 memory:0,0,2M,2M
call 'memory E264' "${e[@]}" policy:2 map:4M,2M memory:0
call 'memory E264' "${e[@]}" map:4M,2M bind:0,2 memory:0
call 'start E266' "${e[@]}" start
call 'start E267' "${e[@]}" "${m[@]}" start
call 'start E268' "${e[@]}" map:62M,2M memory:0 vcpu vcpu start
call 'start E269' "${e[@]}" "${m[@]}" vcpu start
call 'start E269' "${e[@]}" "${m[@]}" vcpu:2 vcpu:3 vcpu:9 start
call 'vcpu E270' "${e[@]}" "${m[@]}" vcpu vcpu start vcpu
call 'memory E270' "${e[@]}" map:128M,2M map:2M,2M memory:0 vcpu vcpu start memory:1
call 'info E270' "${e[@]}" "${m[@]}" vcpu vcpu start info:1
call 'start E270' "${e[@]}" "${m[@]}" vcpu vcpu start start
call 'vcpu E271' "${e[@]}" vcpu:16
call 'vcpu E272' "${e[@]}" vcpu vcpu vcpu vcpu vcpu vcpu vcpu
call 'memory E273' "${e[@]}" map:2M,64K memory:0
call 'memory E273' "${e[@]}" map:1G,1G memory:0,0,2M,2M
call 'info E274' "${e[@]}" info:2
call 'info E274' "${e[@]}" info
call 'memory E274' "${e[@]}" map:4M,2M memory:0,1
call 'start E274' "${e[@]}" start:2
for cid in 1 2 3 0xffffffff 0x100000000; do
	call 'start E275' "${e[@]}" start:0,$cid
done
# Neighbours are one region; the hypervisor takes four.
call 'memory 0' "${e[@]}" map:100M,2M memory:0
nitro_set 'scattered yes'
call 'memory E265' "${e[@]}" map:10M,2M memory:0
call 'memory 0' "${e[@]}" map:8M,2M memory:0
nitro_set 'scattered no'
# 258 has no cause that a program could give: by the table.
nitro_set 'fault VCPU 1 258'
call 'vcpu E258' "${e[@]}" vcpu
nitro_set 'faults none'
# A creator without processors; another process than the creator.
call 'create E272' open create vcpu:2 vcpu:3 vcpu:8 vcpu:9 vcpu:10 vcpu:11 create
call 'vcpu E5' "${e[@]}" fork vcpu
call 'memory E5' "${e[@]}" map:2M,2M fork memory:0
# The order of the driver's processors, and who has no descriptor of it.
run 0 parent "$O/support/nitro-call" "${e[@]}" vcpu:9 vcpu vcpu vcpu
same "processors" "8 2 3" "$(tail -n 3 out | cut -d ' ' -f 2 | xargs)"
run 0 parent "$O/support/nitro-call" create
same "without the device" "create E9" "$(cat out)"

# Memory: what is there, what a mapping takes, whose it is after the call.
call 'map E12' map:700M,2M
call 'map E22' map:16M,16M
call 'map 0' policy:2 map:80M,2M
call 'map E12' policy:2 map:82M,2M
call 'touch 0' map:8M,2M touch:0
call 'touch 11' "${e[@]}" map:8M,2M memory:0 touch:0
call 'touch 7' map:82M,2M bind:0,2 touch:0
call 'touch 0' map:80M,2M bind:0,2 touch:0
call 'memory E14' "${e[@]}" map:4M,2M unmap:0 memory:0
nitro_idle "$idle"
: >hang
nitro_exec "$O/support/nitro-call" "${e[@]}" map:1G,1G memory:0 unmap:0 map:20M,2M unmap:1,0,4M \
	vcpu hang >hang 2>&1 &
pid=$!
for _ in $(seq 100); do
	! grep -q '^vcpu' hang || break
	sleep 0.05
done
same "in use" "enclaves 1
cpus 4
pages 2M node 0: 292 of 300
pages 1024M node 0: 0 of 1
pages 0M node 0: 100 of 100
pages 2M node 1: 40 of 40" "$(nitro_state)"
same "free_hugepages" 292 "$(value devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages)"
same "of the system" 332 "$(value kernel/mm/hugepages/hugepages-2048kB/free_hugepages)"
run 0 parent "$O/support/nitro-call" \
	"store:$NITRO/tree/sys/module/nitro_enclaves/parameters/ne_cpus=2-3"
same "pool in use" "store E1" "$(cat out)"
kill -9 $pid
wait $pid || true
nitro_idle "$idle"

# sysfs: a processor of the pool is off, and shows no topology; writes do what the
# kernel does with them.
same "online" 0-1,4-7,12-15 "$(value devices/system/cpu/online)"
same "cpulist" 0-1 "$(value devices/system/node/node0/cpulist)"
same "siblings" 0-1 "$(value devices/system/cpu/cpu0/topology/core_cpus_list)"
[ ! -e "$NITRO/tree/sys/devices/system/cpu/cpu2/topology" ] || fail "cpu2 has a topology"
[ -L "$NITRO/tree/sys/devices/system/cpu/cpu2/node0" ] || fail "cpu2 has no node"
pool=$NITRO/tree/sys/module/nitro_enclaves/parameters/ne_cpus
pages=$NITRO/tree/sys/devices/system/node/node0/hugepages
for bad in 0-1 2 2-3,4-5 2-3,99 ''; do
	run 0 parent "$O/support/nitro-call" "store:$pool=$bad"
	same "pool $bad" "store E22" "$(cat out)"
	same "and then" "" "$(cat "$pool")"
done
call 'store 0' "store:$pool=2-3"
same "pool" 2-3 "$(cat "$pool")"
call 'store 0' "store:$pages/hugepages-1048576kB/nr_hugepages=9"
same "as many as fit" 2 "$(cat "$pages/hugepages-1048576kB/nr_hugepages")"
call 'store 0' "store:$pages/hugepages-2048kB/nr_hugepages=7"
same "free" 7 "$(cat "$pages/hugepages-2048kB/free_hugepages")"

# Faults of the table, by call.
nitro_set 'fault CREATE_VM 1-2 EBUSY' 'fault OPEN 3 EACCES'
run 0 parent "$O/support/nitro-call" open create create create
same "faults" "open 0 create E16 create E16" "$(head -n 3 out | xargs)"
sed -n 4p out | grep -qE '^create [0-9]+$' || fail "the third call fails too: $(cat out)"
call 'open 0' open
call 'open E13' open
call 'open 0' open
