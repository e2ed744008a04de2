# Goal: a pull that is cut off five times at random places ends with the right
# file and fetches at most 110 % of its size, of an image and of a base's layer;
# and one that is killed goes on where it was.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo
SEED=${SEED:-$RANDOM}
echo "SEED=$SEED"
registry real
eif app.eif 8192
EIF=sha256:$(sha256sum app.eif | cut -d' ' -f1)
run 0 "$ENCL" push -q app.eif "$REG/team/app:1"

fetched() { # bytes of a blob that were sent; and how often it was asked for
	sleep 0.3
	sed -nE "s#^20[06] GET [^ ]*/blobs/$1 .* sent=([0-9]+) .*#\1#p" "$FAULT_LOG" |
		awk '{n += $1; c++} END {print n + 0, c + 0}'
}
check() { # check WHAT DIGEST SIZE
	local got times
	read -r got times < <(fetched "$2")
	same "$1: attempts" 6 "$times"
	[ $((got * 10)) -le $(($3 * 11)) ] || fail "$1: $got bytes for $3"
	echo "$1: $got bytes fetched for $3 ($((got * 1000 / $3)) of 1000)"
}

for how in cut reset; do
	rm -rf "$XDG_CACHE_HOME" got.eif
	faultd "$how" "seed=$SEED" "$REG" "5 GET /blobs/$EIF $how random"
	run 0 "$ENCL" pull -q "$FAULT/team/app:1" -o got.eif
	cmp app.eif got.eif
	[ "$how" = reset ] || check "image, $how" "$EIF" "$(stat -c %s app.eif)"
done

layout img 1 8192
into img "$REG/team/base:1"
layer=$(skopeo inspect --tls-verify=false "docker://$REG/team/base:1" | sed -n 's/.*"\(sha256:[0-9a-f]*\)"$/\1/p' | tail -n 1)
rm -rf "$XDG_CACHE_HOME"
faultd layer "seed=$SEED" "$REG" "5 GET /blobs/$layer cut random"
run 0 "$O/support/image-list" cache "$FAULT/team/base:1"
check layer "$layer" "$(curl -sI "http://$REG/v2/team/base/blobs/$layer" | sed -nE 's/^[Cc]ontent-[Ll]ength: ([0-9]+).*/\1/p')"

# killed in the middle, twice: what came is kept
rm -rf "$XDG_CACHE_HOME" got.eif
faultd slow "$REG" "* GET /blobs/$EIF rate 4000000"
for _ in 1 2; do
	"$ENCL" pull -q "$FAULT/team/app:1" -o got.eif >out 2>err &
	pid=$!
	sleep 1
	kill -9 "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	[ ! -e got.eif ] || fail "a file of a killed pull"
done
run 0 "$ENCL" pull -q "$FAULT/team/app:1" -o got.eif
cmp app.eif got.eif
read -r got _ < <(fetched "$EIF")
[ $((got * 10)) -le $(($(stat -c %s app.eif) * 13)) ] || fail "killed: $got bytes fetched"
