# Goal: an enclave reaches what network.egress allows, by name and by address,
# through the parent, with a real client, plain and over TLS; all else is refused
# with the rule that is missing, and told on the console; metadata tells of it.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 python3 curl openssl busybox
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "busybox is not static; run make setup"
boot_kernel

# ---- the world: a server on this machine, with and without TLS ----
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
	-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
cat >world.py <<'P'
import hashlib, http.server, ssl, sys, threading


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/large":
            self.answer(b"0123456789abcdef" * 262144)
        else:
            text = "%s for %s, %s\n" % (
                self.path,
                self.headers["Host"].split(":")[0],
                self.headers["Connection"],
            )
            self.answer(text.encode())

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer((hashlib.sha256(body).hexdigest() + "\n").encode())

    def log_message(self, *args):
        pass


plain = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Answer)
secret = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Answer)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
secret.socket = context.wrap_socket(secret.socket, server_side=True)
threading.Thread(target=plain.serve_forever, daemon=True).start()
with open("ports.part", "w") as f:
    print(plain.server_port, secret.server_port, file=f)
import os

os.rename("ports.part", "ports")
secret.serve_forever()
P
python3 world.py &
world=$!
ended() {
	local status=$?
	set +e
	kill "$world"
	(exit "$status")
	finish
}
trap ended EXIT
for _ in $(seq 300); do
	[ ! -e ports ] || break
	sleep 0.1
done
read -r plain secret <ports

# ---- the enclave: busybox and curl with its libraries ----
mkdir -p files/bin files/srv files/tmp
cp "$(command -v busybox)" files/bin/busybox
ln -s busybox files/bin/sh
cp -L "$(command -v curl)" files/bin/curl
for library in $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
	mkdir -p "files${library%/*}"
	cp -L "$library" "files$library"
done
cp cert.pem files/srv/
head -c 300000 /dev/urandom >files/srv/upload
cat >files/srv/try <<T
. /srv/lib
name='--noproxy ""' # localhost is here and there: by the proxy, please
say plain \$(get \$name http://localhost:$plain/hello)
say tls \$(get \$name --cacert /srv/cert.pem https://localhost:$secret/hello)
say address \$(get http://127.0.0.2:$plain/hello)
say spelled \$(get http://0x7f000002:$plain/hello)
say large \$(get \$name http://localhost:$plain/large | busybox sha256sum | busybox cut -d " " -f 1)
say upload \$(get \$name -T /srv/upload http://localhost:$plain/upload)
say name \$(get http://denied.example/)
say port \$(get \$name http://localhost:1/)
say tunnel \$(get https://denied.example/)
say metadata \$(get http://169.254.169.254/latest/)
say multicast \$(get http://224.0.0.1:$plain/)
say direct \$(get --noproxy "'*'" http://localhost:$plain/)
say unknown \$(get --noproxy "'*'" http://allowed.example:$plain/)
say environment \$HTTP_PROXY \$https_proxy \$NO_PROXY \$no_proxy
T
cat >files/srv/lib <<'L'
say() { echo "== $*"; }
get() { eval "curl -sS -m 60 $*" 2>&1 | busybox tr -d '\r' || true; }
L
cat >egress.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: egress
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
app: {command: [/bin/sh, /srv/try], env: {no_proxy: "localhost,mine"}}
network:
  hosts: {cache: 127.0.0.1}
  egress:
    allow:
      - {host: localhost, ports: [$plain, $secret]}
      - {host: "*.example", ports: [$plain]}
      - {cidr: 127.0.0.2/32, ports: [$plain]}
      - {cidr: 224.0.0.0/4, ports: [$plain]}
Y
run 0 "$ENCL" build egress.yaml
run 0 "$ENCL" inspect egress.eif
grep -Fxq "egress             to 127.0.0.2/32, ports [\"$plain\"]" out || fail "$(cat out)"
run 0 "$ENCL" plan egress.yaml
grep -Fxq "egress, by the proxy at port 3128:" out || fail "$(cat out)"
grep -Eq "^  localhost +$plain, $secret\$" out || fail "$(cat out)"
# The list is measured.
sed 's/224.0.0.0/232.0.0.0/; s|0/4|0/8|' egress.yaml >other.yaml
run 0 "$ENCL" build other.yaml -o other.eif
[ "$(sed -n 's/.*"PCR2": "\(.*\)".*/\1/p' egress.measurements.json)" != \
	"$(sed -n 's/.*"PCR2": "\(.*\)".*/\1/p' other.measurements.json)" ] ||
	fail "PCR2 does not cover the list"

run 0 "$ENCL" run egress.eif --timeout 240 --kernel-args quiet --egress-local
tr -d '\r' <out >console
# what NAME TEXT: the enclave got this
what() {
	grep -Fxq -- "== $1 $2" console || fail "$1: want \"$2\""$'\n'"$(cat console err)"
}
what plain "/hello for localhost, close"
what tls "/hello for localhost, None"
what address "/hello for 127.0.0.2, close"
what spelled "/hello for 127.0.0.2, close"
what large "$(python3 -c 'import sys; sys.stdout.write("0123456789abcdef" * 262144)' | sha256sum | cut -d ' ' -f 1)"
what upload "$(sha256sum <files/srv/upload | cut -d ' ' -f 1)"
what name "egress to denied.example:80 is denied: the rule for *.example has the ports $plain, not 80; they stand in network.egress.allow of enclave.yaml"
what port "egress to localhost:1 is denied: the rule for localhost has the ports $plain,$secret, not 1; they stand in network.egress.allow of enclave.yaml"
grep -q '^== tunnel curl: (56) .*403' console || fail "$(cat console)"
what metadata 'egress to 169.254.169.254:80 is denied: no rule of network.egress.allow in enclave.yaml has it; it would be {cidr: "169.254.169.254/32", ports: [80]}'
what multicast "the parent's egress: 224.0.0.1:$plain is refused: it is no address of one host"
grep -q '^== direct curl: (7) ' console || fail "$(cat console)"
grep -q '^== unknown curl: (6) ' console || fail "$(cat console)"
what environment "http://127.0.0.1:3128 http://127.0.0.1:3128 localhost,mine"
has console "launch: egress: proxy on 127.0.0.1:3128, 4 rules"
has console "launch: egress: denied denied.example:443: the rule for *.example has the ports $plain"
has console "launch: egress: denied 169.254.169.254:80: no rule has the address"
grep -Eq "^egress: localhost:$plain \(127.0.0.1:$plain\): [0-9]+ bytes out, [0-9]+ in\$" err ||
	fail "$(cat err)"
grep -Fxq "egress: 224.0.0.1:$plain is refused: it is no address of one host" err || fail "$(cat err)"

# The parent keeps its own, and its proxy can be left out.
cat >files/srv/try <<T
. /srv/lib
say own \$(get --noproxy '""' http://localhost:$plain/hello)
T
run 0 "$ENCL" build egress.yaml
run 0 "$ENCL" run egress.eif --timeout 240 --kernel-args quiet
tr -d '\r' <out >console
what own "the parent's egress: localhost:$plain is refused: it is loopback of the parent"
run 0 "$ENCL" run egress.eif --timeout 240 --kernel-args quiet --no-egress
tr -d '\r' <out >console
what own "egress: the parent has no proxy for it; it is started with enclavebuild run"
