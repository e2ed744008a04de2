#!/bin/bash
# The whole way: a base image out of a registry, the enclave image into it with
# its evidence, and back again.  Needs a registry at 127.0.0.1:5000 (or another
# one: round-trip.sh HOST, the same as in enclave.yaml) and skopeo, which plays
# the part of whoever pushes base images.
set -euo pipefail
cd "$(dirname "$0")"
registry=${1:-127.0.0.1:5000}
tool=${ENCL:-enclavebuild}
image=$registry/enclaves/from-registry

[ -d ../oci/layout ] || ../oci/make-image.sh
skopeo copy -q --insecure-policy --dest-tls-verify=false oci:../oci/layout:hello "docker://$registry/base/hello:1"

"$tool" lock                              # the tag becomes a digest
"$tool" build --locked -o from-registry.eif
"$tool" push from-registry.eif "$image:1.0" # with measurements and lock beside it
"$tool" discover "$image:1.0"
"$tool" pull "$image:1.0" -o again.eif    # every digest, then the measurements
cmp from-registry.eif again.eif
"$tool" inspect "$image:1.0"              # a reference where a file may stand
