# Goal: 64 pulls and 64 base images at once through one cache fetch each blob
# once; when the one that fetches is killed, another goes on.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo ss
registry real
layout img 5 400
into img "$REG/team/base:1"
eif app.eif 1024
run 0 "$ENCL" push -q app.eif "$REG/team/app:1"
rm -rf "$XDG_CACHE_HOME"
faultd front "$REG" '* GET /blobs/ rate 2000000'

each_once() { # each_once WHAT: of the blobs in the log
	sleep 0.3
	local n
	n=$(sed -nE 's#^2[0-9]+ GET [^ ]*/blobs/(sha256:[0-9a-f]+) .*#\1#p' "$FAULT_LOG" | sort | uniq -c | awk '$1 != 1')
	same "$1: blobs that were fetched several times" "" "$n"
	[ "$(grep -c '^200 GET .*/blobs/' "$FAULT_LOG")" -ge "$2" ] || fail "$1: $(cat "$FAULT_LOG")"
}
at_once() { # at_once COMMAND…: 64 times; N of it is its number
	local i pids=() bad=0
	for ((i = 0; i < 64; i++)); do
		"${@//@N@/$i}" >"$i.out" 2>"$i.err" &
		pids+=("$!")
	done
	for i in "${!pids[@]}"; do
		wait "${pids[$i]}" || {
			bad=1
			cat "$i.err"
		}
	done
	same "failures" 0 "$bad"
}

at_once "$ENCL" pull -q "$FAULT/team/app:1" -o @N@.eif
for ((i = 0; i < 64; i++)); do cmp app.eif $i.eif && rm $i.eif; done
each_once "64 pulls" 2
: >"$FAULT_LOG"
at_once "$O/support/image-list" cache "$FAULT/team/base:1"
for ((i = 1; i < 64; i++)); do cmp 0.out $i.out; done
each_once "64 base images" 6
same "left in the cache" "" "$(ls -A cache/tmp)"

# ---- who fetches is killed, three times: another goes on from there ----
eif big.eif 4096
BIG=sha256:$(sha256sum big.eif | cut -d' ' -f1)
run 0 "$ENCL" push -q big.eif "$REG/team/big:1"
rm -rf "$XDG_CACHE_HOME"
faultd slow "$REG" "* GET /blobs/$BIG rate 1500000"
declare -A running=()
for i in 1 2 3 4 5 6; do
	"$ENCL" pull -q "$FAULT/team/big:1" -o "big$i.eif" >"$i.out" 2>"$i.err" &
	running[$!]=$i
done
killed=0
for ((tries = 0; tries < 100 && killed < 3; tries++)); do
	sleep 0.8
	pid=$(ss -tnp dst "$FAULT" | sed -n 's/.*"enclavebuild",pid=\([0-9]*\).*/\1/p' | head -n 1)
	if [ -z "$pid" ] || [ -z "${running[$pid]:-}" ]; then continue; fi
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	unset "running[$pid]"
	killed=$((killed + 1))
done
same "killed" 3 "$killed"
for pid in "${!running[@]}"; do
	wait "$pid" || fail "the others are well: $(cat ./*.err)"
	cmp big.eif "big${running[$pid]}.eif"
done
sleep 0.3
got=$(sed -nE "s#^20[06] GET [^ ]*/blobs/$BIG .* sent=([0-9]+) .*#\1#p" "$FAULT_LOG" | awk '{n += $1} END {print n}')
size=$(stat -c %s big.eif)
[ $((got * 10)) -le $((size * 13)) ] || fail "$got bytes fetched for $size"
