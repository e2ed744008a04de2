#!/bin/bash
# Makes ./layout, an OCI layout with one image "hello", by umoci: two layers
# (busybox, then a page and a script), and a config with everything set.
# The same inputs give the same layout.  Needs umoci; no root.
set -euo pipefail
umask 022
cd "$(dirname "$0")"
busybox=${BUSYBOX:-/bin/busybox} # static, from Debian's busybox-static
epoch=1970-01-01T00:00:00Z
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
rm -rf layout
umoci init --layout layout
umoci new --image layout:hello
umoci unpack --rootless --image layout:hello "$work/b"
mkdir -p "$work"/b/rootfs/{bin,etc,dev,proc,sys,run,tmp}
cp "$busybox" "$work/b/rootfs/bin/busybox"
ln -s busybox "$work/b/rootfs/bin/sh"
printf 'root:x:0:0::/:/bin/sh\nweb:x:80:80::/srv:/bin/sh\n' >"$work/b/rootfs/etc/passwd"
printf 'root:x:0:\nweb:x:80:\n' >"$work/b/rootfs/etc/group"
find "$work/b/rootfs" -exec touch -h -d @0 {} +
umoci repack --history.created "$epoch" --image layout:hello "$work/b"
rm -rf "$work/b"
umoci unpack --rootless --image layout:hello "$work/b"
mkdir -p "$work/b/rootfs/srv"
echo "the page" >"$work/b/rootfs/srv/index.html"
cp hello.sh "$work/b/rootfs/srv/hello.sh"
chmod 755 "$work/b/rootfs/srv/hello.sh"
find "$work/b/rootfs" -exec touch -h -d @0 {} +
umoci repack --history.created "$epoch" --image layout:hello "$work/b"
umoci config --history.created "$epoch" --image layout:hello --architecture amd64 --os linux \
	--created "$epoch" \
	--config.entrypoint /bin/sh --config.entrypoint /srv/hello.sh --config.cmd "from an image" \
	--config.workingdir /srv --config.user web --config.env GREETING=Hello \
	--config.env PATH=/bin
umoci gc --layout layout
