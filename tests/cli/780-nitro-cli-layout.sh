# Goal: `build --compat nitro-cli` gives the ramdisk that nitro-cli and linuxkit make
# of an image: byte for byte what another program makes of the image that a third one
# unpacked; what nitro-cli has nothing for is refused.
. "$(dirname "$0")/lib.sh"
need python3 umoci
[ "$(id -u)" -eq 0 ] || skip "unpacking an image with its owners needs root"
"$TOP/tests/support/fake-blobs.sh" blobs
encl() { "$ENCL" "$@" --cache-dir cache; }

python3 "$TOP/tests/support/tricky-image.py"
manifest() { # manifest FILE TAG
	printf '%s\n' 'apiVersion: enclavebuild/v1alpha1' 'kind: Enclave' 'name: app' 'version: "1"' 'arch: x86_64' \
		'sourceDateEpoch: 1' 'rootfs:' "  - image: oci:./layout:$2" 'boot:' '  kernel: {blobs: ./blobs}' '  init: aws' >"$1"
}
ramdisk() { # ramdisk EIF FILE: its last section
	python3 - "$1" "$2" "$("$ENCL" inspect --json "$1")" <<'PY'
import json, sys
s = json.loads(sys.argv[3])["Sections"][-1]
assert s["Type"] == "ramdisk", s
with open(sys.argv[1], "rb") as f:
    f.seek(s["Offset"])
    data = f.read(s["Size"])
with open(sys.argv[2], "wb") as f:
    f.write(data)
PY
}

# ---- the bytes ----
manifest enclave.yaml 1
run 0 encl build -q --compat nitro-cli -o ours.eif
ramdisk ours.eif ours.cpio
run 0 umoci raw unpack --image layout:1 theirs
printf '/bin/sh\n-c\nx y\n' >cmd
printf 'PATH=/bin\nA=b c\n' >"env"
run 0 python3 "$TOP/tests/support/linuxkit.py" folder theirs cmd "env" theirs.cpio
cmp ours.cpio theirs.cpio || fail "$(cmp -l ours.cpio theirs.cpio | wc -l) bytes differ"
# of the other program's own: names twice, what was left out, what was replaced
cpio -it --quiet <ours.cpio >names 2>/dev/null
same "the root's names" 2 "$(grep -cx rootfs names)"
same "left out" "" "$(grep -xE 'rootfs/(.dockerenv|Dockerfile|dev/console|etc/hostname)' names || true)"
same "order" "rootfs/a rootfs/a/b rootfs/a/hard" "$(sed 's#/$##' names | grep -E '^rootfs/a(/b|/hard)?$' | head -3 | xargs)"
same "a name that is a prefix comes first" "rootfs/a-b rootfs/a.b" "$(grep -xE 'rootfs/a[.-]b' names | xargs)"
"$ENCL" list ours.eif --ramdisk 1 >list
grep -qx '0120755 0:0 - 1492533000 rootfs/etc/resolv.conf -> /run/resolvconf/resolv.conf' list || fail "$(grep resolv list)"
grep -qE 'rootfs/sub/d/deep -> ../../bin/second$' list || fail "$(grep deep list)"
run 0 encl build -q --compat nitro-cli -o again.eif --jobs 1
cmp ours.eif again.eif
# as docs/10-nitro-cli.md says
grep -qx '$ enclavebuild verify theirs.eif --image again.eif --compat nitro-cli' "$TOP/docs/10-nitro-cli.md"
run 0 "$ENCL" verify ours.eif --image again.eif --compat nitro-cli
run 3 "$ENCL" verify ours.eif --image again.eif

# ---- the command: CMD, or ENTRYPOINT where there is none ----
manifest entry.yaml entry
run 0 encl build -q --compat nitro-cli -o entry.eif entry.yaml
ramdisk entry.eif entry.cpio
printf '/entry\narg\n' >cmd
: >"env"
rm -rf theirs
run 0 umoci raw unpack --image layout:entry theirs
run 0 python3 "$TOP/tests/support/linuxkit.py" folder theirs cmd "env" theirs.cpio
cmp entry.cpio theirs.cpio
manifest none.yaml none
rejects 1 'oci:./layout:none: the image has neither CMD nor ENTRYPOINT, so nitro-cli would not build of it' \
	encl build -q --compat nitro-cli -o none.eif none.yaml
[ ! -e none.eif ] || fail "an image was written"

# ---- what nitro-cli does not have ----
rejects 2 '--compat eif_build: there is "nitro-cli" alone' encl build -q --compat eif_build -o no.eif
bad() { # bad MESSAGE LINE…: appended to the manifest
	local message=$1
	shift
	cp enclave.yaml bad.yaml
	printf '%s\n' "$@" >>bad.yaml
	rejects 2 "$message" encl build -q --compat nitro-cli -o no.eif bad.yaml
	[ ! -e no.eif ] || fail "an image was written"
}
bad 'bad.yaml:13:3: app: --compat nitro-cli: nitro-cli runs what the image'"'"'s config says; leave it out' \
	'app:' '  command: [/x]'
bad 'bad.yaml:13:13: network.ingress: --compat nitro-cli: nitro-cli has no such thing' \
	'network:' '  ingress: [{name: a, vsock: 80, tcp: 80}]'
sed '/init: aws/d' enclave.yaml >bad.yaml
rejects 2 'bad.yaml:10:3: boot.init: --compat nitro-cli: has to be "aws": nitro-cli'"'"'s own' \
	encl build -q --compat nitro-cli -o no.eif bad.yaml
sed '/image:/a\  - remove: [/tmp]' enclave.yaml >bad.yaml
rejects 2 'bad.yaml:9:5: rootfs: --compat nitro-cli: takes one image and nothing besides it' \
	encl build -q --compat nitro-cli -o no.eif bad.yaml
