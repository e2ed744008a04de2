# Goal: cache du, verify and prune; a damaged blob is found, told and removed.
. "$(dirname "$0")/lib.sh"
rejects 2 'cache: "x" is not one of du, verify, prune' "$ENCL" cache x
run 0 "$ENCL" cache du --cache-dir c
same du "0 blobs, 0 bytes in c" "$(cat out)"
same mode 700 "$(stat -c %a c)"
printf 'hello\n' >c/blobs/sha256/5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
run 0 "$ENCL" cache verify --cache-dir c
same verify "1 blobs, 6 bytes checked, 0 damaged and removed" "$(cat out)"
printf 'jello\n' >c/blobs/sha256/5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
run 1 "$ENCL" cache verify --cache-dir c --json
grep -q '"removed": 1' out || fail "not removed"
printf 'hello\n' >c/blobs/sha256/5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03
run 0 "$ENCL" cache prune --cache-dir c
same prune "0 blobs, 0 bytes removed" "$(cat out)"
touch -d 2020-01-01 c/blobs/sha256/*
run 0 "$ENCL" cache prune --cache-dir c
same prune "1 blobs, 6 bytes removed" "$(cat out)"
# A temporary of a killed build goes with the next prune.
touch -d 2020-01-01 c/tmp/.blob.abcdef
run 0 "$ENCL" cache prune --cache-dir c
same tmp "" "$(ls -A c/tmp)"
run 0 env -u XDG_CACHE_HOME HOME="$WORK/home" "$ENCL" cache du
same default "0 blobs, 0 bytes in $WORK/home/.cache/enclavebuild" "$(cat out)"
rejects 5 'no cache folder: neither XDG_CACHE_HOME nor HOME is an absolute path; give --cache-dir' env -u HOME -u XDG_CACHE_HOME "$ENCL" cache du
