# Goal: an image in nitro-cli's layout is rebuilt from its container image without
# Docker; its metadata, which tell when it was built, are no difference, all else is.
. "$(dirname "$0")/lib.sh"
need python3
"$TOP/tests/support/fake-blobs.sh" blobs
export XDG_CACHE_HOME=$WORK/cache TMPDIR=$WORK/tmp
mkdir tmp
python3 "$TOP/tests/support/tricky-image.py"
printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
	'sourceDateEpoch: 1' 'rootfs:' '  - image: oci:./layout:1' 'boot:' '  kernel: {blobs: ./blobs}' '  init: aws' >enclave.yaml
run 0 "$ENCL" lock -q
run 0 "$ENCL" build -q --locked --compat nitro-cli -o ours.eif
# theirs: the same with metadata of another length, as of another day and machine;
# changed: and with one other byte in a file
python3 - ours.eif <<'PY'
import struct, sys, zlib
def sections(data):
    at, out = 548, []
    while at < len(data):
        kind, flags, size = struct.unpack(">HHQ", data[at:at + 12])
        out.append([kind, flags, data[at + 12:at + 12 + size]])
        at += 12 + size
    return out
def eif(head, parts):
    offsets, sizes, at, body = [], [], 548, b""
    for kind, flags, payload in parts:
        offsets.append(at)
        sizes.append(len(payload))
        body += struct.pack(">HHQ", kind, flags, len(payload)) + payload
        at += 12 + len(payload)
    pad = [0] * (32 - len(parts))
    head = head[:26] + struct.pack(">H32Q32Q", len(parts), *offsets, *pad, *sizes, *pad) + head[540:544]
    return head + struct.pack(">I", zlib.crc32(head + body)) + body
data = open(sys.argv[1], "rb").read()
parts = sections(data)
assert eif(data[:548], parts) == data
meta = next(p for p in parts if p[0] == 5)
for old, new in ((b'"DockerInfo":null', b'"DockerInfo":{"Id":"sha256:1"}'),
                 (b"1970-01-01T00:00:01", b"2026-01-31T12:00:00"), (b'"enclavebuild",', b'"nitro-cli",')):
    assert old in meta[2], old
    meta[2] = meta[2].replace(old, new, 1)
open("theirs.eif", "wb").write(eif(data[:548], parts))
assert b"second\n" in parts[-1][2]
parts[-1][2] = parts[-1][2].replace(b"second\n", b"sexond\n")
open("changed.eif", "wb").write(eif(data[:548], parts))
PY
verify() { # CODE IMAGE [OPTION…]
	run "$1" "$ENCL" verify "$2" --rebuild enclave.yaml "${@:3}"
	same "left behind" "" "$(ls -A tmp)"
	sed -n 's/^\([^ ]*  *rebuild\..*\)/\1/p' out | tr -s ' ' >checks
}
verify 0 ours.eif --compat nitro-cli -q
grep -qx 'ok rebuild.metadata the same [0-9]* bytes' checks || fail "$(cat out)"
verify 0 theirs.eif --compat nitro-cli -q
same "checks" "ok rebuild.lock the inputs are those of the lock
ok rebuild.kernel the same 65536 bytes
ok rebuild.cmdline the same 119 bytes
ok rebuild.ramdisk0 the same 512 bytes
ok rebuild.ramdisk1 the same 10240 bytes
-- rebuild.metadata others: nitro-cli tells when and where it built (no PCR)
ok rebuild.header the same
-- rebuild.signature neither image nor manifest has one" "$(cat checks)"
verify 3 changed.eif --compat nitro-cli -q
grep -qE '^BAD rebuild.ramdisk1 .*\(PCR0, PCR2\); rootfs/bin/second changed, from image sha256:[0-9a-f]{64} \(rootfs\[0\], enclave.yaml:8\)' checks ||
	fail "$(cat out)"
# in our own layout it is another image, and its metadata count
verify 3 theirs.eif -q
grep -q '^BAD rebuild.ramdisk1 ' checks || fail "$(cat out)"
grep -q '^BAD rebuild.metadata ' checks || fail "$(cat out)"
