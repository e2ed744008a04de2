# Goal: two checkouts in different folders give the same tool binary.
. "$(dirname "$0")/../cli/lib.sh"
need git
git -C "$TOP" rev-parse HEAD >/dev/null 2>&1 || skip "not a git checkout"
for d in a "a longer/folder"; do
	mkdir -p "$d"
	git -C "$TOP" ls-files -z | tar -C "$TOP" --null -T - -cf - | tar -C "$d" -xf -
	make -s -j"$(nproc)" -C "$d" all
done
cmp a/build/release/enclavebuild "a longer/folder/build/release/enclavebuild" || fail "binaries differ"
