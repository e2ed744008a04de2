# Goal: images of docker.images are what other tools make of them: layers under
# overlayfs show what umoci unpacks, the archive has the digests that skopeo
# finds, and both name the same image.
. "$(dirname "$0")/lib.sh"
need umoci skopeo
[ "$(id -u)" -eq 0 ] || skip "not root: umoci cannot make device files and owners"
TREE="$O/support/docker-images"
umask 022

# Three layers: kinds of files; removals, an opaque folder with a restated one
# inside, a type change, a hard link into the layer below; a folder over a link.
umoci init --layout layout
umoci new --image layout:v1
umoci config --image layout:v1 --config.entrypoint /bin/app --config.env A=b --architecture amd64
repack() {
	umoci repack --image layout:v1 b >/dev/null 2>&1
	rm -rf b
	umoci unpack --image layout:v1 b >/dev/null 2>&1
}
umoci unpack --image layout:v1 b >/dev/null 2>&1
r=b/rootfs
mkdir -p $r/etc $r/usr/lib $r/opt/old/deep/er $r/opt/keep
ln -s usr/lib $r/lib
echo app >$r/etc/app
ln $r/etc/app $r/etc/again
echo x >$r/opt/old/deep/x
echo y >$r/opt/old/deep/er/y
echo z >$r/opt/old/z
echo k >$r/opt/keep/k
mknod $r/etc/null c 1 3
repack
rm -r $r/opt/old/deep && mkdir -p $r/opt/old/deep/er && echo new >$r/opt/old/deep/er/n
rm $r/etc/null && mkdir $r/etc/null && echo now >$r/etc/null/folder
ln $r/etc/app $r/etc/third
repack
rm -r $r/opt/keep && echo file >$r/opt/keep
rm $r/lib && mkdir $r/lib && echo own >$r/lib/own
chown 12:34 $r/lib/own
repack
rm -f $r/umoci.json

# By hand an opaque layer, as BuildKit writes it: umoci only writes white-outs.
mkdir -p top/opt/old/deep
: >top/opt/old/.wh..wh..opq
echo 4 >top/opt/old/deep/4
tar -C top --owner=0 --group=0 --mtime=@0 --sort=name -cf top.tar opt
umoci raw add-layer --image layout:v1 top.tar
rm -rf b
umoci unpack --image layout:v1 b >/dev/null 2>&1

run 2 "$TREE" cache layers tar oci:layout:v1
same "an image without a name" \
	'docker-images: docker.images[0]: layout does not say what the image is called; give it a "name"' \
	"$(sed 's/-:[0-9]*:[0-9]*: //' err)"

run 0 "$TREE" cache layers tar team/app=oci:layout:v1
cp out layers.tar
read -r id bytes name <err
same "name" team/app:latest "$name"
run 0 "$TREE" cache2 layers tar team/app=oci:layout:v1
cmp out layers.tar
run 0 "$TREE" cache archive tar team/app=oci:layout:v1
cp out archive.tar
same "id by archive" "$id" "$(cut -d' ' -f1 err)"

# The archive, by skopeo.
mkdir a l
tar -C a -xf archive.tar
want=$(skopeo inspect --raw oci:layout:v1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["config"]["digest"])')
same "id" "$want" "$id"
skopeo inspect --raw docker-archive:a/.enclave/docker/images.tar:team/app:latest >m.json
same "skopeo's config" "$want" "$(python3 -c 'import json; print(json.load(open("m.json"))["config"]["digest"])')"
diffs() {
	skopeo inspect --config --raw "$1" |
		python3 -c 'import json,sys; print(*json.load(sys.stdin)["rootfs"]["diff_ids"])'
}
want=$(diffs oci:layout:v1)
same "DiffIDs" "$want" "$(diffs docker-archive:a/.enclave/docker/images.tar:team/app:latest)"
same "skopeo's layers" "$want" "$(python3 -c 'import json; print(*[l["digest"] for l in json.load(open("m.json"))["layers"]])')"
skopeo copy -q docker-archive:a/.enclave/docker/images.tar:team/app:latest oci:again:v1
same "copied on" "$want" "$(diffs oci:again:v1)"

# The layers, by overlayfs, in the order that the store says.
tar -C l -xf layers.tar
s=l/.enclave/docker/store
chain=$(for d in "$s"/image/overlay2/layerdb/sha256/*; do
	id=${d##*/}
	if grep -qs ':.*:' "$s/overlay2/$id/lower"; then echo "$id"; fi
done)
same "layers" 4 "$(find "$s/overlay2" -maxdepth 1 -name '????????????????????*' | wc -l)"
same "its cache-id" "$chain" "$(cat "$s/image/overlay2/layerdb/sha256/$chain/cache-id")"
same "bytes" "$bytes" "$(for f in "$s"/image/overlay2/layerdb/sha256/*/size; do
	echo "$(<"$f")"
done | awk '{n += $1} END {print n}')"
lower=$(cat "$s/overlay2/$chain/link"):$(sed 's,l/,,g' "$s/overlay2/$chain/lower")
dirs=
for link in ${lower//:/ }; do
	target=$(readlink "$s/overlay2/$(cut -d/ -f2 <<<"$(readlink "$s/overlay2/l/$link")")/diff")
	dirs="$dirs:l$target"
done
shown() { # shown FOLDER: every name with what it is
	(cd "$1" && find . -mindepth 1 -printf '%p %y %m %U:%G %l ' \( -type f -exec sha256sum {} \; -o -printf '\n' \) |
		sed 's/  .*//' | sort)
}
mkdir merged
unshare -m sh -c 'mount -t overlay o -o "ro,lowerdir=$1" merged 2>/dev/null' - "${dirs#:}" ||
	skip "overlayfs cannot be mounted here"
export -f shown
unshare -m bash -c 'mount -t overlay o -o "ro,lowerdir=$1" merged && shown merged' - "${dirs#:}" >merged.list
shown b/rootfs >unpacked.list
diff unpacked.list merged.list || fail "overlayfs shows something else than umoci unpacks"
grep -q '^./opt/old/deep/4 f' merged.list || fail "the opaque layer is not there"
