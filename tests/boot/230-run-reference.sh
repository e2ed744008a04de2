# Goal: `run` boots an image that a reference names, with the memory that its
# measurements file in the registry asks for, and a second time without fetching.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need musl-gcc qemu-system-x86_64
boot_kernel
mkdir -p files/bin
printf '#include <stdio.h>\nint main(void) { puts("hello from a registry"); return 7; }\n' >app.c
musl-gcc -static -Os -s -o files/bin/app app.c
cat >app.yaml <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
resources: {memoryMiB: 640}
app: {command: [/bin/app]}
Y
run 0 "$ENCL" build app.yaml
registry one
run 0 "$ENCL" push app.eif "$REG/team/app:1" --split 4MiB --digest-file d
cp app.eif sent.eif
rm -r app.eif app.measurements.json "$XDG_CACHE_HOME"

run 7 "$ENCL" run "$REG/team/app:1" --no-vsock --timeout 100 --json
grep -q '^hello from a registry' err || fail "no greeting: $(cat err)"
same "memory" '  "MemoryMiB": 640,' "$(grep MemoryMiB out)"
same "image" "  \"Image\": \"$REG/team/app:1\"," "$(grep '"Image"' out)"

faultd look "$REG"
run 7 "$ENCL" run "$FAULT/team/app:1" --no-vsock --timeout 100
same "blobs fetched again" "" "$(grep ' GET .*/blobs/' "$FAULT_LOG" || true)"

# told by digest to measure: the one that was sent
run 0 "$ENCL" measure "$REG/team/app@$(cat d)"
same "measurements" "$("$ENCL" measure sent.eif)" "$(cat out)"
exit 0
