# Goal: 64 pulls and 64 builds at once through one cache fetch each blob once.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo
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
