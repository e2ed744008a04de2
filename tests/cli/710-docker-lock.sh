# Goal: the lock pins the engine and each image; editing one entry of an image
# made here leaves the others' pins alone, and a stale lock names docker's keys.
. "$(dirname "$0")/lib.sh"
need python3
manifest() { # manifest EXTRA-ENTRY
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: locked
version: "1"
arch: x86_64
boot:
  kernel: {package: linux-image-cloud-amd64, suite: bookworm}
docker:
  engine:
    packages: {distribution: debian, suite: bookworm, install: [docker.io, iptables], exclude: [adduser, dmsetup, init-system-helpers, lsb-base], docs: false}
  images:
    - name: app:1
      rootfs:
        - packages: {distribution: debian, suite: bookworm, install: [busybox-static]}
$1
      config: {command: [busybox, true]}
  containers: [{name: app1, image: "app:1"}]
Y
}
part() { # part EXPRESSION: of the lock
	python3 -c 'import json,sys; print(eval(sys.argv[1], {"l": json.load(open("enclave.lock"))}))' "$1"
}
manifest "" >enclave.yaml
run 0 "$ENCL" lock
same "keys of docker" "['engine', 'images']" "$(part 'sorted(l["docker"])')"
same "the engine's item" "['packages']" "$(part 'sorted(l["docker"]["engine"]["item"])')"
same "dockerd is pinned" "True" "$(part 'any(p["name"] == "docker.io" for p in l["docker"]["engine"]["pin"]["packages"])')"
run 0 "$ENCL" lock --check

# A pin that no archive has shows whether it was kept.
python3 - <<'P'
import json
l = json.load(open("enclave.lock"))
l["docker"]["images"][0]["pin"]["layers"][0]["packages"][0]["version"] = "0-kept"
json.dump(l, open("enclave.lock", "w"), indent=1)
P
manifest '        - file: {path: /etc/new, content: "new"}' >enclave.yaml
rejects 3 'enclave.lock is stale: changed in enclave.yaml: docker.images[0].rootfs[1]; run "enclavebuild lock"' \
	"$ENCL" build --locked
run 0 "$ENCL" lock
same "the pin of the entry that stayed" "0-kept" "$(part 'l["docker"]["images"][0]["pin"]["layers"][0]["packages"][0]["version"]')"
run 0 "$ENCL" lock --update 'docker.images[0]'
same "moved when asked" "False" "$(part 'l["docker"]["images"][0]["pin"]["layers"][0]["packages"][0]["version"] == "0-kept"')"
