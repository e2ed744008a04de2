# Goal: an image of a Docker daemon is what `docker save` gives of it, is pinned
# by its config and DiffIDs, and is asked for only where the cache lacks it.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/layout.sh"
need skopeo python3
unset DOCKER_HOST
"$TOP/tests/support/fake-blobs.sh" blobs
encl() { "$ENCL" "$@" --cache-dir cache; }
manifest() { # manifest FILE IMAGE
	printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
		'rootfs:' "  - image: $2" 'boot:' '  kernel: {blobs: ./blobs}' >"$1"
}
layout layers 3 200
layout other 2 100
skopeo copy -q --insecure-policy oci:layers docker-archive:dev.tar:team/app:dev
skopeo copy -q --insecure-policy oci:other docker-archive:other.tar:team/app:dev
manifest layout.yaml oci:./layers
run 0 encl build -q -o layout.eif layout.yaml

# A daemon of the name's image alone; saved.tar is what it saves.
cat >daemon.py <<'PY'
import http.server, os, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("asked", "a") as f:
            f.write(self.path + "\n")
        if self.path == "/images/team/app:dev/json":
            body = b'{"Id": "sha256:0"}'
        elif self.path == "/images/team/app:dev/get":
            body = open("saved.tar", "rb").read()
        else:
            self.send_response(404)
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "-"
    def log_message(self, *args):
        pass
class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
Server("docker.sock", Handler).serve_forever()
PY
cp dev.tar saved.tar
python3 daemon.py 2>daemon.log &
DAEMON=$!
trap 'kill $DAEMON 2>/dev/null || true; finish' EXIT
for _ in $(seq 100); do
	[ ! -S docker.sock ] || break
	sleep 0.1
done
export DOCKER_HOST=unix://$WORK/docker.sock
export http_proxy=http://127.0.0.1:9 # a socket has no proxy

manifest enclave.yaml docker-daemon:team/app:dev
run 0 encl lock -q
same "keys of the pin" "config layers diffId diffId diffId" \
	"$(sed '/"kernel": {/,$d' enclave.lock | sed -nE 's/.*"(config|layers|diffId|manifest|digest)": .*/\1/p' | tr '\n' ' ' | sed 's/ $//')"
run 0 encl build -q --locked -o daemon.eif
cmp layout.eif daemon.eif
same "what was asked" "/images/team/app:dev/json /images/team/app:dev/get" "$(tr '\n' ' ' <asked | sed 's/ $//')"
run 0 encl build -q --locked --offline -o daemon.eif
same "a warm build asks nothing" 2 "$(wc -l <asked)"

# The name stands for another image by now: the cache still has the locked one.
cp other.tar saved.tar
run 0 encl build -q --locked -o daemon.eif
cmp layout.eif daemon.eif
rm -rf cache
run 3 encl build -q --locked -o moved.eif
grep -q 'rootfs\[0\]: lock has config sha256:.*, team/app:dev has sha256:.*; run "enclavebuild lock"' err || fail "$(cat err)"
run 0 encl lock -q
run 0 encl build -q --locked -o moved.eif
if cmp -s layout.eif moved.eif; then fail "the old image"; fi

# What a person meets.
manifest none.yaml docker-daemon:nothing
rejects 6 'none.yaml:7:5: rootfs[0]: docker-daemon:nothing: GET http://docker/images/nothing/json: HTTP status 404 (not there; check the address)' \
	encl lock -q none.yaml
DOCKER_HOST=unix://$WORK/nobody rejects 6 "none.yaml:7:5: rootfs[0]: docker-daemon:nothing: GET http://docker/images/nothing/json: nobody answers at $WORK/nobody; does the server run, and may you talk to it?" \
	encl lock -q none.yaml
DOCKER_HOST=tcp://127.0.0.1:2375 rejects 2 'none.yaml:7:5: rootfs[0]: DOCKER_HOST is not unix:///PATH, the only kind of address that docker-daemon: takes; use a registry, or docker save and docker-archive:' \
	encl lock -q none.yaml
printf 'no tar' >saved.tar
rm -rf cache
run 1 encl lock -q
same "left in the cache" "" "$(ls -A cache/tmp)"

# The real one, where it runs here.
if [ "$(id -u)" -eq 0 ] && command -v dockerd >/dev/null && command -v docker >/dev/null; then
	unset http_proxy
	mkdir real
	timeout 120 dockerd --data-root "$WORK/real/data" --exec-root "$WORK/real/exec" -H "unix://$WORK/real/docker.sock" \
		--pidfile "$WORK/real/pid" --storage-driver vfs --bridge none --iptables=false --ip6tables=false >real/log 2>&1 &
	REAL=$!
	trap 'kill $DAEMON $REAL 2>/dev/null || true; wait $REAL 2>/dev/null || true; finish' EXIT
	export DOCKER_HOST=unix://$WORK/real/docker.sock
	for _ in $(seq 200); do
		kill -0 $REAL 2>/dev/null || break
		if docker version >/dev/null 2>&1; then break; fi
		sleep 0.1
	done
	if docker load -q -i dev.tar >/dev/null 2>&1; then
		rm -rf cache enclave.lock
		run 0 encl lock -q
		run 0 encl build -q --locked -o real.eif
		cmp layout.eif real.eif
		echo "and of $(docker version --format '{{.Server.Version}}')"
	else
		echo "dockerd does not run here: $(tail -n 1 real/log)"
	fi
fi
