# Goal: what `run` is asked to publish and to share is checked before anything
# starts.
. "$(dirname "$0")/lib.sh"
image=$TOP/tests/golden/vectors/signed.eif

rejects 2 '-p web: write PORT:NAME' "$ENCL" run "$image" -p web
rejects 2 '-p 0:5000: "0" is not a port' "$ENCL" run "$image" -p 0:5000
rejects 2 '-p 65536:5000: "65536" is not a port' "$ENCL" run "$image" -p 65536:5000
rejects 2 '-p 80:0: the image'"'"'s network.ingress has no "0"' "$ENCL" run "$image" -p 80:0
rejects 2 '-p 80:4294967295: the image'"'"'s network.ingress has no "4294967295"' \
	"$ENCL" run "$image" -p 80:4294967295
rejects 2 '-p 80:web: the image'"'"'s network.ingress has no "web"' "$ENCL" run "$image" -p 80:web
rejects 2 '-p localhost:80:5000: "localhost" is not an address in digits; IPv6 stands in brackets' \
	"$ENCL" run "$image" -p localhost:80:5000
rejects 2 '-p and --no-publish exclude each other' "$ENCL" run "$image" -p 80:5000 --no-publish
rejects 2 '-p needs vsock; leave --no-vsock out' "$ENCL" run "$image" -p 80:5000 --no-vsock
rejects 2 '--exchange notes: write NAME=FOLDER' "$ENCL" run "$image" --exchange notes
rejects 2 '--exchange notes=: write NAME=FOLDER' "$ENCL" run "$image" --exchange notes=
rejects 2 "--exchange notes=.: the image's manifest has no exchange of that name" \
	"$ENCL" run "$image" --exchange notes=.
