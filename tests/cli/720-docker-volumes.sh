# Goal: a folder of the enclave that a container binds is there when it starts:
# what no layer has is made, with a warning; what is made later is left alone.
. "$(dirname "$0")/lib.sh"
"$TOP/tests/support/fake-blobs.sh" blobs
cat "$TOP/tests/support/kconfig/aws-6.6.config" >>blobs/bzImage.config
mkdir docker
for p in dockerd containerd containerd-shim-runc-v2 runc docker-proxy docker-init; do
	printf '#!/bin/sh\n' >docker/$p
	chmod 755 docker/$p
done
tar czf docker.tgz docker
cat >compose.yaml <<'Y'
services:
  web:
    image: app
    network_mode: host
    volumes:
      - /srv/there:/a
      - /srv/new/deep:/b
      - /var/run/docker.sock:/c
      - /run/later:/d
      - /exchange/notes/sub:/e
      - /srv/file:/f
      - /srv/away:/g
      - data:/h
volumes:
  data:
Y
cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: volumes
version: "1"
arch: x86_64
boot:
  kernel: {blobs: ./blobs}
rootfs:
  - file: {path: /srv/there/x, content: "x"}
  - file: {path: /srv/file, content: "x"}
docker:
  engine: {archive: {path: ./docker.tgz}}
  images:
    - name: app
      rootfs: [{file: {path: /bin/app, content: "#!/bin/sh\n", mode: "0755"}}]
      config: {command: [/bin/app]}
  compose: ./compose.yaml
exchange:
  - {name: notes, path: /exchange/notes, vsock: 7000}
Y
run 0 "$ENCL" build -q -o v.eif
same "warnings" "warning: services.web.volumes: /srv/new/deep is not in the image; an empty folder is made
warning: services.web.volumes: /srv/away is not in the image; an empty folder is made" \
	"$(grep '^warning' err)"
run 0 "$ENCL" list v.eif
same "folders" "0040755 0:0 - 0 rootfs/srv
0040755 0:0 - 0 rootfs/srv/away
0100644 0:0 1 0 rootfs/srv/file
0040755 0:0 - 0 rootfs/srv/new
0040755 0:0 - 0 rootfs/srv/new/deep
0040755 0:0 - 0 rootfs/srv/there
0100644 0:0 1 0 rootfs/srv/there/x" "$(grep -a ' rootfs/srv' out)"
! grep -aE 'rootfs/(run|exchange|var/run)/' out || fail "made too early"
