# Goal: doctor names what is missing and ends with 5; the cache folder counts.
. "$(dirname "$0")/lib.sh"
run 5 env PATH=/nonexistent ENCLAVEBUILD_VHOST_DEVICE_VSOCK= "$ENCL" doctor --cache-dir "$WORK/cache"
grep -q '^missing  gpgv  *Debian packages: apt-get install gpgv$' out || fail "$(cat out)"
grep -q '^missing  qemu-system-x86_64  *`run`: apt-get install qemu-system-x86$' out || fail "$(cat out)"
grep -q '^absent   vhost-device-vsock  *no ports, folders and heartbeat in `run`; cargo install' out || fail "$(cat out)"
grep -q "^ok       cache folder  *$WORK/cache\$" out || fail "$(cat out)"
grep -q "^absent   QEMU's nitro-enclave  *no NSM in \`run\`; \"make conformance\" builds a QEMU that has it\$" out || fail "$(cat out)"
mkdir bin
for p in gpgv qemu-system-x86_64; do
	printf '#!/bin/sh\nexit 1\n' >"bin/$p"
	chmod +x "bin/$p"
done
run 0 env PATH="$WORK/bin" "$ENCL" doctor --cache-dir "$WORK/cache" --json
same "no machine" '"state": "absent"' "$(grep -A1 "\"check\": \"QEMU's nitro-enclave\"" out | grep -o '"state": "[a-z]*"')"
same "gpgv" '"state": "ok"' "$(grep -A1 '"check": "gpgv"' out | grep -o '"state": "[a-z]*"')"
printf '#!/bin/sh\necho "nitro-enclave  AWS Nitro Enclave"\n' >bin/qemu-system-x86_64
run 0 env PATH="$WORK/bin:$PATH" "$ENCL" doctor --cache-dir "$WORK/cache"
grep -q "^ok       QEMU's nitro-enclave  *$WORK/bin/qemu-system-x86_64\$" out || fail "$(cat out)"
: >file
run 5 env PATH="$WORK/bin" "$ENCL" doctor --cache-dir "$WORK/file"
grep -q '^missing  cache folder' out || fail "$(cat out)"
