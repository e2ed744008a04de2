# Goal: host setup and undo against the driver's own pool: it keeps the newline of what
# is written, has EINVAL for an empty list (and empties the pool), EPERM while an
# enclave runs; what cannot be written down is taken back.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"

nitro_machine 'heartbeat 0xb7' 'end never' <<'T'
threads 2
node 0 cpus 0-7 memory 16384 pages 2M:0/512
T
empty=$(nitro_state)
pool=$NITRO/tree/sys/module/nitro_enclaves/parameters/ne_cpus
pages=$NITRO/tree/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
has() { same "pool and pages" "$1" "$(xargs <"$pool") $(cat "$pages")"; }

run 0 parent "$ENCL" host setup --memory 128 --cpus 2 --apply
has '2-3 64'
same "lines of the pool" 2 "$(wc -l <"$pool")"
run 0 parent "$ENCL" host check --memory 128 --cpus 2
same "fits" "  it fits" "$(tail -n 1 out)"
run 0 parent "$ENCL" host setup --memory 128 --cpus 4 --apply
has '2-5 64'

# while an enclave runs
export ENCLAVEBUILD_RUN=$WORK/run
nitro_exec "$ENCL" run --backend nitro "$TOP/tests/golden/vectors/unsigned.eif" \
	--memory 64 >console 2>log &
pid=$!
for _ in $(seq 600); do
	! grep -q '^heartbeat after' log || break
	sleep 0.1
done
busy="$pool: the driver refuses: enclaves run (stop them first), or this is not root"
rejects 5 "$busy" parent "$ENCL" host setup --memory 128 --cpus 6 --apply -q
rejects 5 "$busy" parent "$ENCL" host setup --undo --apply -q
has '2-5 64'
kill -9 $pid
wait $pid || true
for _ in $(seq 100); do
	nitro_state | grep -q '^enclaves 1' || break
	sleep 0.1
done

run 0 parent "$ENCL" host setup --undo --json
same "asked" '{"undone":false}' "$(tr -d ' \n' <out)"
run 0 parent "$ENCL" host setup --undo --apply
same "given back" "given back" "$(cat out)"
has ' 0'
same "as at first" "$empty" "$(nitro_state)"

# a state that cannot be written
rmdir "$NITRO/tree/var/lib/enclavebuild"
: >"$NITRO/tree/var/lib/enclavebuild"
run 1 parent "$ENCL" host setup --memory 128 --cpus 2 --apply
grep -q '^enclavebuild: nothing was changed: ' err || fail "$(cat err)"
has ' 0'
same "as at first" "$empty" "$(nitro_state)"

# small pages for large ones that cannot be had; and all of them are given back
kill $NITRO_PID
wait $NITRO_PID || true
rm -rf "$NITRO"
nitro_machine <<'T'
threads 2
node 0 cpus 0-7 memory 16384 pages 2M:0/2048 pages 1G:0/1
T
large=${pages%%-2048kB*}-1048576kB/nr_hugepages
both() { same "pages" "$1" "$(cat "$large" "$pages" | xargs)"; }
run 0 parent "$ENCL" host setup --memory 1000 --cpus 2 --apply
both '0 500'
run 0 parent "$ENCL" host setup --memory 3072 --cpus 2 --apply
same "said" 'node 0, processors 2-3 (now: 2-3)
pages of 1024 MiB: 0 -> 1
pages of 2 MiB: 500 -> 1024
done; host setup --undo --apply gives it back' "$(cat out)"
both '1 1024'
run 0 parent "$ENCL" host setup --memory 1024 --cpus 2 --apply
both '1 0'
run 0 parent "$ENCL" host setup --memory 1026 --cpus 2 --apply
both '1 1'
run 0 parent "$ENCL" host setup --undo --apply
both '0 0'
