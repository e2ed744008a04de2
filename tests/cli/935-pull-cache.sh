# Goal: whatever lies in the cache (a partial file of other bytes, a damaged part),
# and whoever pulls the same at the same time, a pull ends with the right image.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
registry real
eif app.eif 2048
SIZE=$(stat -c %s app.eif)
EIF=$(sha256sum app.eif | cut -d' ' -f1)
run 0 "$ENCL" push -q --no-evidence app.eif "$REG/team/app:1"
run 0 "$ENCL" push -q --no-evidence --split 1M app.eif "$REG/team/parts:1"
PART=$(head -c $((2 << 20)) app.eif | tail -c $((1 << 20)) | sha256sum | cut -d' ' -f1)
empty_cache() {
	rm -rf cache got.eif
	mkdir -p cache/partial cache/blobs/sha256
	chmod 700 cache
}
pull() { # NAME
	run 0 "$ENCL" pull -q --cache-dir cache "$REG/team/$1:1" -o got.eif
	cmp app.eif got.eif
	same "left of the download" "" "$(find cache/partial cache/tmp -type f)"
}

# of other bytes: fewer, as many, more than there are; and of the right ones
for n in 1000 "$((SIZE - 1))" "$SIZE" "$((SIZE + 1))"; do
	empty_cache
	noise 77 "$n" >"cache/partial/sha256-$EIF"
	pull app
	empty_cache
	head -c "$n" app.eif >"cache/partial/sha256-$EIF"
	pull app
done
# a part of other bytes, not whole and whole, and what joined them being killed
for n in 1000 $((1 << 20)); do
	empty_cache
	noise 77 "$n" >"cache/blobs/sha256/$PART"
	pull parts
	empty_cache
	noise 77 "$n" >"cache/partial/sha256-$PART"
	noise 77 "$n" >"cache/partial/sha256-$EIF"
	pull parts
done
same "parts that are kept" "" "$(find cache/blobs -name "$PART")"

# nothing but a file is written to
empty_cache
echo mine >mine
ln -s "$PWD/mine" "cache/partial/sha256-$EIF"
run 1 "$ENCL" pull -q --cache-dir cache "$REG/team/app:1" -o got.eif
same "behind the link" mine "$(cat mine)"
rm "cache/partial/sha256-$EIF"
mkfifo "cache/partial/sha256-$EIF"
rejects 1 "cache/partial/sha256-$EIF: not a regular file" timeout 60 \
	"$ENCL" pull -q --cache-dir cache "$REG/team/app:1" -o got.eif

# parts: one fetches and joins, the others wait
faultd front "$REG" '* GET /blobs/ rate 2000000'
empty_cache
pids=()
for i in 1 2 3 4 5 6 7 8; do
	"$ENCL" pull -q --cache-dir cache "$FAULT/team/parts:1" -o "got$i.eif" >"$i.out" 2>&1 &
	pids+=("$!")
done
for i in 1 2 3 4 5 6 7 8; do
	wait "${pids[$((i - 1))]}" || fail "pull $i: $(cat "$i.out")"
	cmp app.eif "got$i.eif"
done
sleep 0.3
same "blobs that were fetched several times" "" \
	"$(sed -nE 's#^2[0-9]+ GET [^ ]*/blobs/(sha256:[0-9a-f]+) .*#\1#p' "$FAULT_LOG" | sort | uniq -d)"

# of more bytes than any disk has room for nothing is begun
curl -sfH 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REG/v2/team/app/manifests/1" |
	sed "s#\"size\":$SIZE#\"size\":1099511627776#; s#\"config\":{[^}]*}#\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:$EIF\",\"size\":2}#" >big.json
curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' --data-binary @big.json \
	"http://$REG/v2/team/app/manifests/big"
empty_cache
run 5 "$ENCL" pull -q --cache-dir cache "$REG/team/app:big" -o got.eif
same "message" "enclavebuild: cache cache: $REG/team/app: blob sha256:$EIF: 1099511627776 bytes are to come, and the disk has room for N; make room, or give another --cache-dir" \
	"$(sed -E 's/room for [0-9]+/room for N/' err)"
same "left of it" "" "$(find cache/partial -type f)"
