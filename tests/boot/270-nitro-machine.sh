# Goal: the tests' Nitro machine really boots what is in the enclave's memory: its
# heartbeat comes from its CID, its ports answer, its console is there from the first
# byte in debug mode and else not at all, its end is a hang-up, and with its creator
# all of it goes.  A damaged image ends at once.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/nitro.sh"
need musl-gcc qemu-system-x86_64 pgrep
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
boot_kernel

nitro_image hello
nitro_small 'boot qemu'
idle=$(nitro_state)
# Three regions of other sizes, so that the image lies across their ends.
start=(open create "map:2M,2M" "map:20M,2M" "map:1G,1G" "image:hello.eif" memory:0 memory:1
	memory:2 vcpu vcpu listen:9000)

run 0 parent "$O/support/nitro-call" "${start[@]}" start:1,77 accept:300000 read write:0xb7 \
	call:0,10077 text hup:1000
for line in 'start 77' 'accept 77' 'read 183' 'write 0' 'call 0'; do
	grep -Fxq "$line" out || fail "no \"$line\": $(cat out)"
done
tr -d '\r' <out >console
grep -q '^\[ *0.000000\] Linux version' console || fail "the begin is missing: $(head -n 20 console)"
grep -q 'hello from the enclave' console || fail "$(cat console)"
same "the last line" 'init: end code=7' "$(grep '^init: ' console | tail -n 1)"
grep -Fxq 'hup 1' console || fail "no hang-up: $(tail -n 5 console)"
nitro_idle "$idle"

# A port, from outside; not a moment longer than its creator.
nitro_image web serve
nitro_exec "$O/support/nitro-call" "${start[@]/hello.eif/web.eif}" start accept:300000 read \
	write:0xb7 call:0,10017 hang >started 2>&1 &
pid=$!
for _ in $(seq 3000); do
	! grep -q '^call' started || break
	sleep 0.1
done
same "no console" "call E104" "$(tail -n 1 started)"
cid=$(sed -n 's/^start //p' started)
for _ in $(seq 100); do
	run 0 parent "$O/support/nitro-call" "call:$cid,5000" write:10 lines:4
	! grep -q '^served' out || break
	sleep 0.5
done
same "answer" "call 0 write 0 served lines 4" "$(grep -v -e HTTP -e : -e '^.$' out | xargs)"
run 0 parent "$O/support/nitro-call" "call:$cid,5000,1" so_error write:10 lines:4
same "without waiting" "call E115 so_error 0 write 0 served lines 4" "$(grep -v -e HTTP -e : -e '^.$' out | xargs)"
run 0 parent "$O/support/nitro-call" "call:$cid,5999"
same "nobody listens" "call E104" "$(cat out)"
run 0 parent "$O/support/nitro-call" "call:$cid,5999,1" so_error
same "nobody listens, told later" "call E115 so_error 104" "$(xargs <out)"
[ -n "$(pgrep -P "$NITRO_PID" qemu || true)" ] || fail "no QEMU"
kill -9 $pid
wait $pid || true
nitro_idle "$idle"

printf 'X' | dd of=web.eif bs=1 seek=600 conv=notrunc 2>/dev/null
run 0 parent "$O/support/nitro-call" "${start[@]/hello.eif/web.eif}" start hup:5000
same "damaged" "hup 1" "$(tail -n 1 out)"
grep -q "does not boot: the image's CRC is wrong" "$NITRO/log" || fail "$(cat "$NITRO/log")"
nitro_idle "$idle"
