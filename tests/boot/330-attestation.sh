# Goal: examples/attestation without a Nitro Secure Module: the registers that it would
# have are reported, launch says that nothing is extended and starts all the same, the
# API answers 503 with the reason, and refuses what is no request.
. "$(dirname "$0")/../cli/lib.sh"
need qemu-system-x86_64 curl openssl python3
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
cp -r "$TOP/examples/attestation" attestation
port=$((20000 + $$ % 12000))
sed -i "s/port: 4000/port: $port/" attestation/enclave.yaml
# What is asked of the API by hand, from inside.
cat >>attestation/app/service.py.head <<'P'
import socket


def ask(request):
    with socket.create_connection(("127.0.0.1", 7777), 30) as api:
        api.sendall(request)
        answer = b""
        while part := api.recv(65536):
            answer += part
    print("== %s %s" % (answer.split(b" ")[1].decode(), answer.split(b"\r\n\r\n", 1)[1].decode().strip()))


ask(b"GET /v1/attestation HTTP/1.1\r\n\r\n")
ask(b"GET /v1/pcrs HTTP/1.1\r\n\r\n")
ask(b"GET /v1/attestation?nonce=0 HTTP/1.1\r\n\r\n")
ask(b"POST /v1/attestation HTTP/1.1\r\nContent-Length: 11\r\n\r\n{\"nonce\":1}")
ask(b"POST /v1/attestation HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + bytes(9000))
ask(b"GET /v2 HTTP/1.1\r\n\r\n")
ask(b"hello\r\n\r\n")
P
cat attestation/app/service.py.head attestation/app/service.py >service.py
rm attestation/app/service.py.head
mv service.py attestation/app/service.py
run 0 "$ENCL" build -o a.eif attestation/enclave.yaml
export ENCLAVEBUILD_RUN=$WORK/run

# ---- what is reported, and by the formula of docs/10-attest-enclave.md ----
extended() { # extended FILE: SHA384(48 zeros || SHA384(content))
	{
		head -c 48 /dev/zero
		openssl dgst -sha384 -binary "$1"
	} | openssl dgst -sha384 -r | cut -d ' ' -f 1
}
pcr16=$(extended attestation/app/terms.txt)
printf production >value
pcr17=$(extended value)
grep -qx "PCR16  $pcr16" out || fail "$(cat out)"
grep -qx "PCR17  $pcr17" out || fail "$(cat out)"
same "Extended" "$pcr16 $pcr17" "$(python3 -c '
import json
x = json.load(open("a.measurements.json"))
print(x["Extended"].pop("PCR16"), x["Extended"].pop("PCR17"), *x["Extended"])')"
run 0 "$ENCL" measure a.eif
same "measure" "PCR16 $pcr16
PCR17 $pcr17" "$(grep '^PCR1[0-9] ' out)"
run 0 "$ENCL" measure --file attestation/app/terms.txt
same "measure --file" "PCR $pcr16" "$(cat out)"

# ---- the enclave ----
"$ENCL" run a.eif --machine microvm --kernel-args quiet --timeout 300 >console 2>log </dev/null &
pid=$!
end() {
	kill "$pid" 2>/dev/null || true
	finish
}
trap end EXIT
ask() { # ask PATH: the status, and the answer in ./answer
	curl -s -m 100 -o answer -w '%{http_code}' "http://127.0.0.1:$port$1" || true
}
for _ in $(seq 200); do
	[ "$(ask /terms)" != 200 ] || break
	kill -0 "$pid" 2>/dev/null || fail "it ended: $(tail -n 20 console log)"
	sleep 0.3
done
cmp answer attestation/app/terms.txt
same "/attestation has status" 503 "$(ask "/attestation?nonce=0011223344556677")"
none='{"error":"there is no Nitro Secure Module: nothing attests this machine"}'
same "/attestation" "$none" "$(cat answer)"
kill "$pid"
wait "$pid" || true
tr -d '\r' <console >lines
for line in \
	"launch: attestation: there is no Nitro Secure Module: no register is extended or locked, and nothing attests this machine" \
	"launch: attestation: API on 127.0.0.1:7777" \
	"== 503 $none" \
	'== 400 {"error":"a nonce is 1 to 512 bytes in hexadecimal digits"}' \
	'== 400 {"error":"nonce is not 1 to 512 bytes in base64"}' \
	'== 413 {"error":"the body is larger than 8192 bytes"}' \
	'== 404 {"error":"there are /v1/attestation and /v1/pcrs"}' \
	'== 400 {"error":"the first line is not METHOD TARGET HTTP/1.1"}'; do
	grep -Fxq -- "$line" lines || fail "the console lacks: $line"$'\n'"$(tail -n 30 lines)"
done
same "both are refused" 2 "$(grep -Fxc -- "== 503 $none" lines)"

# ---- what cannot be extended is refused before anything is built ----
sed 's|/app/terms.txt|/app/none.txt|' attestation/enclave.yaml >attestation/none.yaml
rejects 2 "attestation/none.yaml:28:7: attestation.extend[0].path: /app/none.txt is not in the image" \
	"$ENCL" build -q -o none.eif attestation/none.yaml
[ ! -e none.eif ] || fail "there is an image"
sed 's|path: /app/terms.txt|path: /app|' attestation/enclave.yaml >attestation/folder.yaml
rejects 2 "attestation/folder.yaml:28:7: attestation.extend[0].path: /app is no regular file" \
	"$ENCL" build -q -o none.eif attestation/folder.yaml
