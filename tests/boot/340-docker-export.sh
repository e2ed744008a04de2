# Goal: what `build --compat nitro-cli` takes docker for is what docker does: a real
# daemon's export of a container of the same image, made into linuxkit's ramdisk by
# another program, is our ramdisk byte for byte.
. "$(dirname "$0")/lib.sh"
need qemu-system-x86_64 python3 curl busybox skopeo jq
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' ||
	skip "vhost-device-vsock is not installed; run make setup"
! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "busybox is not static; run make setup"
boot_kernel
mkdir -p tmp run
export TMPDIR=$WORK/tmp ENCLAVEBUILD_RUN=$WORK/run
chmod 700 run

python3 "$TOP/tests/support/tricky-image.py"
skopeo copy -q --insecure-policy oci:layout:1 docker-archive:tricky.tar:tricky:1

# ---- ours ----
"$TOP/tests/support/fake-blobs.sh" blobs
printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
	'rootfs:' '  - image: docker-archive:tricky.tar' 'boot:' '  kernel: {blobs: ./blobs}' '  init: aws' >ours.yaml
run 0 "$ENCL" build -q --compat nitro-cli -o ours.eif ours.yaml
at=$("$ENCL" inspect --json ours.eif | jq '.Sections[-1].Offset')
tail -c +$((at + 1)) ours.eif >ours.cpio

# ---- docker's ----
mkdir -p files/bin files/tmp
cp "$(command -v busybox)" files/bin/busybox
ln -s busybox files/bin/sh
cp -L "$(command -v curl)" files/bin/curl
for library in $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
	mkdir -p "files${library%/*}"
	cp -L "$library" "files$library"
done
cat >docker.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: docker
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
services:
  - {name: hold, command: [/bin/busybox, sleep, "100000"], dependsOn: {docker: healthy}, critical: true}
docker:
  engine:
    packages:
      distribution: debian
      suite: bookworm
      install: [docker.io, iptables]
      exclude: [adduser, dmsetup, init-system-helpers, lsb-base]
      docs: false
  images: [{image: "docker-archive:tricky.tar", name: "tricky:1"}]
  storage: {preload: archive}
  startTimeoutSeconds: 200
debug: {exec: true}
Y
run 0 "$ENCL" build docker.yaml
"$ENCL" run docker.eif --name docker --timeout 500 --kernel-args quiet >console 2>&1 </dev/null &
running=$!
ended() {
	local status=$?
	set +e
	"$ENCL" stop docker >/dev/null 2>&1
	wait "$running"
	(exit "$status")
	finish
}
trap ended EXIT
for _ in $(seq 600); do
	! "$ENCL" status docker --json >state 2>/dev/null || ! grep -q '"hold"' state ||
		! "$ENCL" exec docker -- /bin/busybox true 2>/dev/null || break
	kill -0 "$running" || fail "$(cat console)"
	sleep 0.5
done
api() { "$ENCL" exec docker -- /bin/curl -sS --unix-socket /run/docker.sock "$@"; }
id=
for _ in $(seq 300); do # until the daemon answers and has loaded the image
	api -H 'Content-Type: application/json' -d '{"Image": "tricky:1"}' http://d/containers/create >created 2>/dev/null || true
	id=$(jq -r '.Id // ""' <created 2>/dev/null) || true
	[ -z "$id" ] || break
	sleep 0.5
done
[ ${#id} -eq 64 ] || fail "create: $(cat created console)"
api "http://d/containers/$id/export" >export.tar
tar -tf export.tar >names
grep -qx .dockerenv names || fail "this is no export of a container: $(cat names)"
printf '/bin/sh\n-c\nx y\n' >cmd
printf 'PATH=/bin\nA=b c\n' >"env"
run 0 python3 "$TOP/tests/support/linuxkit.py" export export.tar cmd "env" docker.cpio
cmp ours.cpio docker.cpio || {
	tar -tvf export.tar --numeric-owner --full-time
	"$ENCL" list ours.eif --ramdisk 1
	fail "the ramdisks differ"
}
