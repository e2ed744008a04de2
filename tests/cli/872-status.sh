# Goal: status says what runs, compares it, waits for it, and has an exit code for
# each case; states are written by hand, by a stand-in that holds the lock.
. "$(dirname "$0")/lib.sh"
need jq python3
export ENCLAVEBUILD_RUN=$WORK/run
mkdir -m 700 run
V=$TOP/tests/golden/vectors
cp "$V/signed.eif" app.eif
PCR0=$("$ENCL" measure app.eif | sed -n 's/^PCR0 //p')
OTHER=$(printf 'a%.0s' {1..96})
holders=()
end_holders() {
	local status=$?
	kill "${holders[@]}" 2>/dev/null || true
	set +e
	(exit "$status")
	finish
}
trap end_holders EXIT
# enclave NAME STATE PCR0 NSM ATTESTATION [MORE]: one whose process lives
enclave() {
	mkdir -p "run/$1"
	cat >"run/$1/state.json" <<END
{"Name": "$1", "Image": "x.eif", "PCR0": "$3", "Backend": "nitro", "Pid": ${PID:-4242}, "Started": 0,
 "State": "$2", "MemoryMiB": 64, "CPUs": 2, "Heartbeat": ${HEARTBEAT:-true}, "NSM": $4, "Attestation": $5,
 "Ports": [{"Address": "0.0.0.0", "Port": 80, "Name": "web", "Vsock": 5000}],
 "Units": [{"Name": "srv", "State": "exited", "ExitCode": 3, "Signal": null, "OOM": true}],
 "ExitCode": ${CODE:-null}, "Signal": null, "Error": null}
END
}
hold() { # hold NAME: as its run does
	python3 -c '
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(fd, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))
open(sys.argv[2], "w").close()
time.sleep(600)' "run/$1/lock" "held.$1" &
	holders+=($!)
	until [ -e "held.$1" ]; do sleep 0.05; done
}
says() { # says CODE MESSAGE OPTION…: of app
	local code=$1 message=$2
	shift 2
	run "$code" "$ENCL" status app "$@"
	same "stderr of status app $*" "enclavebuild: $message" "$(cat err)"
}

rejects 2 "nothing has run here" "$ENCL" status
rejects 2 'no enclave "app" runs here' "$ENCL" status app
rejects 124 'no enclave "app" runs here' "$ENCL" status app --wait 0
rejects 2 '--until: "up" is not one of: ready, heartbeat' "$ENCL" status --until up
rejects 2 '--attestation: "never" is not one of: auto, required' "$ENCL" status --attestation never

enclave app running "$PCR0" null null
hold app
run 0 "$ENCL" status
same "what is told" "name     app
state    running, started 1970-01-01T00:00:00+00:00
image    x.eif
PCR0     $PCR0
         not attested yet
backend  nitro, 64 MiB, 2 CPUs
port     0.0.0.0:80 -> web
unit     srv                  exited (code 3) (out of memory)" "$(cat out)"
run 0 "$ENCL" status app --until heartbeat
says 1 "app is not ready" --until ready
says 124 "app is not ready" --wait 0
says 124 "app has not started anew" --wait 0 --not-pid 4242
run 0 "$ENCL" status app --wait 0 --not-pid 4243 --until heartbeat

# ---- what it should be ----
for what in "$PCR0" app.eif; do run 0 "$ENCL" status app --against "$what"; done
printf '{"Measurements": {"PCR0": "%s"}}' "$PCR0" >m.json
run 0 "$ENCL" status app --against m.json
says 3 "app has PCR0 $PCR0, not $OTHER" --against "$OTHER"
run 3 "$ENCL" status app --against "$OTHER" --json
jq -e '.Name == "app" and .Alive and (.AsAsked | not) and (.Why | startswith("app has PCR0 "))' out >/dev/null || fail "$(cat out)"
echo '{}' >m.json
says 1 "m.json: has no Measurements.PCR0" --against m.json

# ---- attestation ----
says 1 "app is not attested yet" --attestation required
run 0 "$ENCL" status app --attestation auto
# Of 30 s of silence run makes "ready"; nothing has answered.
enclave app ready "$PCR0" null null
says 1 "app has not answered on its status channel; --until heartbeat is for images without one" --until ready
run 0 "$ENCL" status app --until heartbeat
enclave app ready "$PCR0" true null
says 1 "app is not attested yet" --attestation auto
enclave app ready "$PCR0" false null
run 0 "$ENCL" status app --until ready --attestation auto
says 3 "app has no Nitro Secure Module: nothing attests what it is" --attestation required
enclave app ready "$PCR0" true "{\"PCR0\": \"$PCR0\", \"Matches\": true}"
run 0 "$ENCL" status app --wait 5 --attestation required --against "$PCR0"
grep -q '^         attested by the Nitro Secure Module$' out || fail "$(cat out)"
enclave app ready "$PCR0" true "{\"PCR0\": \"$OTHER\", \"Matches\": false}"
says 3 "app attests PCR0 $OTHER, not $PCR0" --attestation auto
enclave app ready "$PCR0" true '{"None": "no\u001b[2Jmodule"}'
says 3 'app is not attested: no\x1b[2Jmodule' --attestation auto

# ---- waiting ----
HEARTBEAT=false enclave app starting "$PCR0" null null
(
	sleep 1
	enclave app.new ready "$PCR0" false null
	mv run/app.new/state.json run/app/state.json
	rmdir run/app.new
) &
run 0 "$ENCL" status app --wait 60 --until ready
wait $!

# ---- ends ----
CODE=7 enclave app ended "$PCR0" false null
says 125 "app does not run: it ended with code 7" --wait 60
enclave app ready "$PCR0" false null
kill "${holders[0]}"
wait "${holders[0]}" 2>/dev/null || true
says 125 "app does not run: it was killed"
grep -q '^state    killed, ' out || fail "$(cat out)"

# ---- a manifest and its lock ----
"$TOP/tests/support/fake-blobs.sh" blobs
export XDG_CACHE_HOME=$WORK/cache
mkdir files
echo 1 >files/x
cat >enclave.yaml <<END
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: built
version: "1"
arch: x86_64
rootfs: [{directory: {path: files}}]
boot: {kernel: {blobs: ./blobs}}
app: {command: [/app]}
END
rejects 1 "open built.measurements.json: No such file or directory" "$ENCL" status app --against enclave.yaml
run 0 "$ENCL" lock
run 0 "$ENCL" build
enclave app ready "$(sed -n 's/.*"PCR0": "\(.*\)".*/\1/p' built.measurements.json)" false null
rm held.app
hold app
for what in enclave.yaml enclave.lock built.measurements.json built.eif; do run 0 "$ENCL" status app --against "$what"; done
# What is deployed, and how, changes nothing of what it is.
printf 'deploy: {restart: always}\n' >>enclave.yaml
run 0 "$ENCL" status app --against enclave.yaml
echo 2 >files/x
run 0 "$ENCL" lock
rejects 3 "built.measurements.json: is of another state of enclave.yaml or its lock; build it again" \
	"$ENCL" status app --against enclave.lock
run 0 "$ENCL" build
run 3 "$ENCL" status app --against enclave.lock
enclave two ready "$PCR0" false null
hold two
rejects 2 "there are 2: name one of app, two" "$ENCL" status
