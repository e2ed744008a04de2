# Goal: images made by umoci, skopeo and buildah come out as the tree that umoci
# unpacks, whatever they are stored in, and the same every time.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need umoci skopeo buildah bsdtar
[ "$(id -u)" -eq 0 ] || skip "not root: umoci cannot make device files and owners"
LIST="$O/support/image-list"
umask 022

# Three layers: files of all kinds; removals, a type change, a hard link into
# the layer below; an opaque folder.
umoci init --layout layout
umoci new --image layout:v1
umoci config --image layout:v1 --config.entrypoint /bin/app --config.cmd "two words" \
	--config.env A=b --config.workingdir /srv --config.user 1000:1000 --architecture amd64
repack() {
	umoci repack --image "layout:v1" "$1" >/dev/null 2>&1
	rm -rf "$1"
}
umoci unpack --image layout:v1 b >/dev/null 2>&1
r=b/rootfs
mkdir -p $r/etc $r/usr/bin $r/tmp $r/opt/old/deep $r/data
ln -s usr/bin $r/bin
printf 'root:x:0:0:root:/root:/bin/sh\n' >$r/etc/passwd
seq 100000 >$r/data/numbers
echo file >$r/etc/change
head -c 3000000 /dev/zero >$r/data/zeros
: >$r/data/empty
echo app >$r/usr/bin/app
ln $r/usr/bin/app $r/usr/bin/again
chmod 4755 $r/usr/bin/app
chown 1000:2000 $r/data/numbers
chmod 1777 $r/tmp
mkfifo $r/data/fifo
mknod $r/data/null c 1 3
echo gone >$r/opt/old/file
echo deep >$r/opt/old/deep/file
name=$(printf 'n%.0s' {1..200})
mkdir -p "$r/data/$name/$name"
echo long >"$r/data/$name/$name/file"
printf x >"$r/data/caf"$'\xc3\xa9'" and"$'\t'"tab"
find $r -exec touch -hd @1000000000 {} +
repack b
umoci unpack --image layout:v1 b >/dev/null 2>&1
rm -r $r/opt/old/deep $r/data/empty
rm $r/etc/change && mkdir $r/etc/change && echo now >$r/etc/change/dir
echo more >>$r/data/numbers
find $r -newermt @1000000001 -exec touch -hd @1100000000 {} +
repack b
umoci unpack --image layout:v1 b >/dev/null 2>&1
rm -r $r/opt/old && mkdir $r/opt/old && echo new >$r/opt/old/new
find $r -newermt @1100000001 -exec touch -hd @1200000000 {} +
repack b

# What umoci unpacks, in the words of `list`.
umoci unpack --image layout:v1 b >/dev/null 2>&1
python=$(command -v python3) || skip "python3 is not installed; run make setup"
cat >walk.py <<'PY'
import hashlib, os, stat, sys
top = os.fsencode(sys.argv[1])
rows, first = [], {}
for folder, folders, files in os.walk(top):
    for n in folders + files:
        rows.append(os.path.relpath(os.path.join(folder, n), top))
def shown(b):
    return "".join(chr(c) if 33 <= c < 127 and c not in b"\\\"'" else "\\x%02x" % c for c in b)
for p in [b"."] + sorted(rows):
    full = os.path.join(top, p)
    s = os.lstat(full)
    reg = stat.S_ISREG(s.st_mode)
    size = s.st_size if reg else "-"
    if stat.S_ISCHR(s.st_mode):
        size = "%d,%d" % (os.major(s.st_rdev), os.minor(s.st_rdev))
    line = "%07o %d:%d %s %d %s" % (s.st_mode, s.st_uid, s.st_gid, size, s.st_mtime, shown(p))
    if stat.S_ISLNK(s.st_mode):
        line += " -> " + shown(os.readlink(full))
    if reg and s.st_ino in first:
        line += " = " + shown(first[s.st_ino])
    elif reg:
        first[s.st_ino] = p
        line += " sha256:" + hashlib.sha256(open(full, "rb").read()).hexdigest()
    print(line)
PY
"$python" walk.py b/rootfs >want.tree
printf '%s\n' 'entrypoint /bin/app' 'cmd two words' >want.config

images=0
check() { # check IMAGE: lists as umoci's tree, cold and from the cache
	images=$((images + 1))
	rm -rf cache
	"$LIST" cache "$1" >got || fail "$1: cannot be read"
	grep -E '^0' got | sed 1d >got.tree
	sed 1d want.tree >want.below
	diff -u want.below got.tree || fail "$1: another tree"
	grep -E '^entrypoint|^cmd' got | diff -u want.config - || fail "$1: another config"
	grep -q '^env A=b$' got && grep -q '^workdir /srv$' got && grep -q '^user 1000:1000$' got ||
		fail "$1: another environment"
	"$LIST" cache "$1" | cmp - got || fail "$1: another result from the cache"
	same "left in the cache" "" "$(ls -A cache/tmp)"
}
copy() { skopeo copy -q --insecure-policy "$@" || fail "skopeo copy $*"; }

check oci:layout:v1
check oci:layout
check "oci:$PWD/layout@$(sed 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/' layout/index.json)"
copy oci:layout:v1 oci-archive:a.oci:v1
check oci-archive:a.oci
check oci-archive:a.oci:v1
copy oci:layout:v1 docker-archive:a.docker:example.org/team/app:1
check docker-archive:a.docker
check docker-archive:a.docker:example.org/team/app:1
gzip -k a.docker
check docker-archive:a.docker.gz
xz -kT1 -0 a.oci
check oci-archive:a.oci.xz:v1
copy --dest-compress-format zstd --dest-compress oci:layout:v1 oci:zstd:v1
check oci:zstd:v1
as_layout() { # as_layout DIR OUT TYPE: skopeo's dir: as a layout
	mkdir -p "$2/blobs/sha256"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$2/oci-layout"
	for f in "$1"/*; do
		case $f in */version) continue ;; esac
		cp "$f" "$2/blobs/sha256/$(sha256sum <"$f" | cut -c1-64)"
	done
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"sha256:%s","size":%d}]}' "$3" \
		"$(sha256sum <"$1/manifest.json" | cut -c1-64)" "$(stat -c %s "$1/manifest.json")" >"$2/index.json"
}
copy --dest-decompress oci:layout:v1 dir:plain.dir
as_layout plain.dir plain application/vnd.oci.image.manifest.v1+json
check oci:plain
same "plain layers are not copied" "" "$(ls cache/blobs/sha256)"
copy --format v2s2 oci:layout:v1 dir:v2s2.dir
as_layout v2s2.dir v2s2 application/vnd.docker.distribution.manifest.v2+json
check oci:v2s2
# out of a registry: OCI's and Docker's media types, and all of an index
registry reg
copy --dest-tls-verify=false oci:layout:v1 "docker://$REG/team/app:v1"
check "$REG/team/app:v1"
copy --dest-tls-verify=false --format v2s2 oci:layout:v1 "docker://$REG/team/app:v2s2"
check "docker://$REG/team/app:v2s2"
check "$REG/team/app@$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$REG/team/app:v2s2")"
copy --dest-tls-verify=false oci:zstd:v1 "docker://$REG/team/app:zstd"
check "$REG/team/app:zstd"

# buildah's own commit, with its own layers and whiteouts
buildah="buildah --storage-driver vfs --root $PWD/store --runroot $PWD/run"
if $buildah from --name w oci:layout:v1 >/dev/null 2>buildah.err; then
	# shellcheck disable=SC2016
	$buildah copy -q w walk.py /data/walk.py >/dev/null 2>>buildah.err &&
		$buildah config --workingdir /data w &&
		$buildah commit -q w oci:built:v2 >/dev/null 2>>buildah.err &&
		$buildah push -q "$($buildah commit -q w)" docker-archive:built.tar:localhost/built:2 2>>buildah.err ||
		fail "buildah: $(cat buildah.err)"
	"$LIST" cache oci:built:v2 >got.oci
	"$LIST" cache docker-archive:built.tar:localhost/built:2 >got.docker
	grep -q ' data/walk.py sha256' got.oci || fail "walk.py is not in buildah's image"
	grep -q '^workdir /data$' got.oci || fail "no workdir from buildah"
	cut -d' ' -f1-3,5- got.oci | grep -v '^cmd\|^env' >one
	cut -d' ' -f1-3,5- got.docker | grep -v '^cmd\|^env' >two
	diff -u one two || fail "buildah's OCI and docker images differ"
else
	echo "buildah does not work here: $(cat buildah.err)"
fi

# Refusals a person meets
reject() { # reject CODE MESSAGE IMAGE [ARCH]
	run "$1" "$LIST" cache "${@:3}"
	same "$3" "image-list: $2" "$(cat err)"
}
config=$(skopeo inspect --raw oci:layout:v1 | sed 's/.*"config":{[^}]*"digest":"\([^"]*\)".*/\1/')
reject 1 "layout: config $config"': the image is for linux/amd64, but arch is aarch64 (linux/arm64)' oci:layout:v1 aarch64
umoci tag --image layout:v1 v2 2>/dev/null
umoci config --image layout:v2 --config.env C=d
reject 1 'layout: holds several images; name one of v1, v2 after a colon' oci:layout
reject 1 'layout: no image "v3"; it has v1, v2' oci:layout:v3
reject 1 'none: No such file or directory' oci:none
reject 2 '"Redis:7" is not a reference to an image (HOST/NAME[:TAG][@DIGEST]): "Redis" is not a name: it must be in lower case' Redis:7
blob=$(ls -S layout/blobs/sha256 | head -n 1)
cp "layout/blobs/sha256/$blob" keep
printf X | dd of="layout/blobs/sha256/$blob" bs=1 seek=1000 conv=notrunc 2>/dev/null
rm -rf cache
run 1 "$LIST" cache oci:layout:v1
grep -q "^image-list: layout: layer sha256:$blob: digest mismatch: want sha256:$blob, its bytes have sha256:" err ||
	fail "$(cat err)"
same "left in the cache" "" "$(ls -A cache/tmp)"
truncate -s 1000 "layout/blobs/sha256/$blob"
reject 1 "layout: layer sha256:$blob: has 1000 bytes, its descriptor says $(stat -c %s keep)" oci:layout:v1
cp keep "layout/blobs/sha256/$blob"
# A full disk ends in one line and leaves nothing.
rm -rf cache
(
	ulimit -f 100
	trap '' XFSZ
	run 1 "$LIST" cache oci:layout:v1
	grep -q "File too large" err || fail "$(cat err)"
)
same "left in the cache" "" "$(ls -A cache/tmp)"
# Two at once share a cold cache.
rm -rf cache
"$LIST" cache oci:layout:v1 >one &
pids=($!)
"$LIST" cache oci:zstd:v1 >two &
pids+=($!)
wait "${pids[@]}"
cmp one two
same "left in the cache" "" "$(ls -A cache/tmp)"
echo "$images images"
