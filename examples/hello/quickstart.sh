#!/bin/bash
# What `make quickstart` runs after building the tool: builds this example,
# shows its measurements and boots it.  quickstart.sh PATH_OF_ENCLAVEBUILD
set -euo pipefail
tool=$(realpath "$1")
cd "$(dirname "$0")"
out=${OUT:-$(dirname "$tool")/../hello.eif}
echo "== building examples/hello"
"$tool" build -o "$out"
echo
echo "== booting it in QEMU (the enclave's console follows)"
"$tool" run --kernel-args quiet --timeout 180 "$out"
echo
echo "== measurements"
"$tool" inspect "$out" --json | grep -E '"PCR[0-9]+"'
