# Goal: attest get and attest verify @NAME ask an enclave that runs here over its status
# channel, with a nonce of their own, and say what an enclave without an answer is.
. "$(dirname "$0")/lib.sh"
need python3
hex() { printf "$1%.0s" 1 2 3 4 5 6 7 8 9 10 11 12; }
P0=$(hex 01234567) P1=$(hex 11234567) P2=$(hex 21234567) P8=$(hex 81234567)
mkdir -p run/app d

# Stands in for an enclave: its state, and vhost-device-vsock's socket to it.
cat >enclave.py <<'END'
import base64, fcntl, json, os, re, socket, struct, subprocess, sys, time

nsmdoc, how, *pcrs = sys.argv[1:]
lock = os.open("run/app/lock", os.O_RDWR | os.O_CREAT, 0o600)
fcntl.fcntl(lock, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
server = socket.socket(socket.AF_UNIX)
server.bind("vsock-" + how)
server.listen()
state = {"Name": "app", "Image": "app.eif", "PCR0": pcrs[0], "Backend": "qemu", "Pid": os.getpid(),
         "Started": int(time.time()), "State": "ready", "Socket": os.path.abspath("vsock-" + how)}
with open("run/app/state.new", "w") as f:
    json.dump(state, f)
os.rename("run/app/state.new", "run/app/state.json")
while True:
    c, _ = server.accept()
    f = c.makefile("rwb")
    assert f.readline() == b"CONNECT 9001\n"
    f.write(b"OK 1\nenclave-status 1\nnsm %s\nexec no\nunit web started\n" % (b"no" if how == "none" else b"yes"))
    f.flush()
    nonce = re.fullmatch(rb"attest ([0-9a-f]+)\n", f.readline()).group(1).decode()
    with open("asked", "w") as out:
        out.write(nonce)
    if how == "none":
        f.write(b"attestation none there is no Nitro Secure Module\n")
    elif how == "noise":
        f.write(b"\x1b[2Jhello\n")
    elif how != "gone":
        if how == "replay":
            nonce = "00112233445566778899aabbccddeeff"
        subprocess.run([nsmdoc, "d", str(int(time.time())), nonce, *pcrs], check=True)
        with open("d/good.bin", "rb") as g:
            f.write(b"attestation " + base64.b64encode(g.read()) + b"\nready\n")
    f.flush()
    f.close()
    c.close()
END
behave() { # behave HOW: the enclave answers so from now on
	[ -z "${pid-}" ] || { kill "$pid" && wait "$pid" || true; }
	rm -f run/app/state.json
	python3 enclave.py "$O/support/nsmdoc" "$1" "$P0" "$P1" "$P2" "$P8" &
	pid=$!
	for _ in $(seq 300); do
		[ ! -e run/app/state.json ] || return 0
		sleep 0.1
	done
	fail "the stand-in does not start"
}
trap 'status=$?; set +e; [ -z "${pid-}" ] || kill "$pid" 2>/dev/null; (exit "$status"); finish' EXIT

behave answer
run 0 "$ENCL" attest get app -o app.bin
nonce=$(cat asked)
same "a nonce of 32 bytes" 64 "${#nonce}"
grep -q "nonce $nonce\$" err || fail "$(cat err)"
cmp app.bin d/good.bin
run 0 "$ENCL" attest get app --nonce 0011223344556677 --json
same "asked with" 0011223344556677 "$(cat asked)"
python3 - <<'END'
import base64, json
v = json.load(open("out"))
assert v["Nonce"] == "0011223344556677" and base64.b64decode(v["Document"]) == open("d/good.bin", "rb").read(), v
END
run 0 "$ENCL" attest get app -q
base64 -d out | cmp - d/good.bin
same "another nonce each time" 64 "$(wc -c <asked | tr -d ' ')"
[ "$(cat asked)" != "$nonce" ] || fail "the same nonce twice"

# Each answer has keys of its own: so the root is not known before, and that is told.
run 3 "$ENCL" attest verify @app --pcr0 "$P0"
grep -q "^ok  nonce             as --nonce has it\$" out || fail "$(cat out)"
grep -q "^ok  freshness         told by its nonce\$" out || fail "$(cat out)"
grep -q "^ok  PCR0              as --pcr0 has it\$" out || fail "$(cat out)"
same "AWS's root" "enclavebuild: @app: chain: region.test: unable to get local issuer certificate" "$(cat err)"
run 3 "$ENCL" attest verify @app --pcr0 "$P1" --json

behave replay
run 3 "$ENCL" attest verify @app --pcr0 "$P0"
grep -q "^BAD nonce             is not what --nonce says\$" out || fail "$(cat out)"
behave none
rejects 1 'app: is not attested: there is no Nitro Secure Module' "$ENCL" attest get app
rejects 1 'app: is not attested: there is no Nitro Secure Module' "$ENCL" attest verify @app --pcr0 "$P0"
behave noise
run 1 "$ENCL" attest get app
grep -q "^enclavebuild: app: does not keep to the status channel's rules: " err || fail "$(cat err)"
behave gone
rejects 5 'app: ended the connection' "$ENCL" attest get app -o new.bin
[ ! -e new.bin ] || fail "a file without a document"
rejects 2 '--nonce: 8 to 64 bytes' "$ENCL" attest get app --nonce 00
rejects 2 'attest get: takes no --pcr0' "$ENCL" attest get app --pcr0 "$P0"
kill "$pid" && wait "$pid" || true
pid=
rejects 5 'app does not run any more' "$ENCL" attest get app
rejects 2 'no enclave "nobody" runs here; there are: app' "$ENCL" attest get nobody
