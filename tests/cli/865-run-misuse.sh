# Goal: `run` serves signals, requests and its record whatever becomes of its output:
# a reader that stops, one that goes, none at all; nohup is heard; `stop` says that
# something ended only where it did.  QEMU is a stand-in.
. "$(dirname "$0")/lib.sh"
"$TOP/tests/support/fake-blobs.sh" blobs
mkdir -p files bin
echo one >files/one
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: t
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot: {kernel: {blobs: ./blobs}}
app: {command: [/one]}
Y
export XDG_CACHE_HOME=$WORK/cache
run 0 "$ENCL" build -q -o t.eif
cat >bin/qemu-system-x86_64 <<'Q'
#!/bin/bash
[ "$1 $2" != "-M help" ] || exit 0
[ ! -e "$FAKE/flood" ] || head -c 300000 /dev/zero | tr '\0' x
echo
echo up
[ -e "$FAKE/short" ] || exec sleep 100
echo 'init: end code=7'
Q
chmod +x bin/qemu-system-x86_64
export FAKE=$WORK PATH=$WORK/bin:$PATH
boot() { exec "$ENCL" run t.eif --backend qemu --accel tcg --no-vsock --memory 128 "$@"; }
await() { # await NAME STATE
	for _ in $(seq 200); do
		[ "$("$ENCL" ps -a --json | jq -r --arg n "$1" '.[] | select(.Name == $n) | .State')" != "$2" ] || return 0
		sleep 0.1
	done
	fail "$1 did not become $2: $("$ENCL" ps -a --json)"
}
ended() { # ended WHAT CODE PID
	local code=0
	wait "$3" || code=$?
	same "$1" "$2" "$code"
}

# The enclave's code counts, not what became of its output.
: >short
(boot) 2>err | true
same "code with a reader that is gone" 7 "${PIPESTATUS[0]}"
code=0
(boot) >/dev/full 2>err || code=$?
same "code with a full disk" 7 "$code"
code=0
(boot) <&- >&- 2>&- || code=$?
same "code with nothing open" 7 "$code"
same "its console" "up init: end code=7" "$("$ENCL" logs t | xargs)"
same "no line of it" "" "$("$ENCL" logs t --tail 0)"
same "a line of it" "init: end code=7" "$("$ENCL" logs t --tail 1)"
# What is written goes to nobody's file.
run 0 cp t.eif copy.eif
code=0
"$ENCL" inspect t.eif >&- 2>err || code=$?
same "inspect without an output" 1 "$code"
same "why" "enclavebuild: write to standard output: Bad file descriptor" "$(cat err)"
cmp t.eif copy.eif
rm short

# A reader that stops holds up nothing.
: >flood
mkfifo pipe
(exec 3<pipe && exec sleep 100) &
reader=$!
(boot) >pipe 2>&1 &
pid=$!
await t ready
same "the record is whole" 300004 "$("$ENCL" logs t | wc -c)"
kill "$pid"
ended "code with a reader that stopped" 143 "$pid"
kill "$reader"
rm flood

# nohup is heard, other signals are too.
(trap '' HUP && boot) >out 2>err &
pid=$!
await t ready
kill -HUP "$pid"
run 0 "$ENCL" logs t
kill -0 "$pid" || fail "SIGHUP ended it: $(cat err)"
# Of many who ask while it cannot answer none is told a lie.
kill -STOP "$pid"
for i in $(seq 16); do
	"$ENCL" stop -q t 2>"stop.$i" &
	asked[i]=$!
done
sleep 0.5
kill -CONT "$pid"
ended "code of what was stopped" 137 "$pid"
for i in $(seq 16); do
	ended "stop $i" 0 "${asked[i]}"
done
# Its name is free at once.
(boot --name t) >out 2>err &
pid=$!
await t ready
run 0 "$ENCL" stop t
run 124 "$ENCL" run t.eif --backend qemu --accel tcg --no-vsock --memory 128 --name t --timeout 1
ended "code of the one before" 137 "$pid"
