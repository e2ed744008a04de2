#!/bin/bash
# A kernel for enclaves out of Debian's linux-source-6.12, by x86_64.config beside
# this file: build.sh [FOLDER] [PACKAGE[=VERSION]].
#
# FOLDER (build/kernel) gets bzImage and bzImage.config, which boot.kernel takes as
# {blobs: FOLDER}, and SOURCE: what they were made of.  The same package and the same
# compiler give the same bytes, wherever and whenever.  The package comes from this
# machine's own apt, which checks its signature.  JOBS: how many at once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-build/kernel}
package=${2:-linux-source-6.12}
name=${package%%=*}
fragment=$here/x86_64.config

[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || {
	echo "build.sh: the kernel is built on Debian for amd64 only" >&2
	exit 5
}
for p in apt-get dpkg-deb dpkg-parsechangelog make gcc flex bison bc xz; do
	command -v "$p" >/dev/null || {
		echo "build.sh: $p is not installed; run make setup-kernel" >&2
		exit 5
	}
done

mkdir -p "$out"
out=$(cd "$out" && pwd)
if [ ! -e "$out/source/$package" ]; then
	rm -rf "$out/source"
	mkdir -p "$out/source/deb"
	echo "fetching $package"
	(cd "$out/source/deb" && apt-get -qq -o APT::Sandbox::User=root download "$package")
	dpkg-deb --fsys-tarfile "$out"/source/deb/*.deb | tar -x -C "$out/source"
	mkdir "$out/source/linux"
	tar -x -J --strip-components=1 -C "$out/source/linux" \
		-f "$out/source/usr/src/$name.tar.xz"
	: >"$out/source/$package"
fi
deb=$(echo "$out"/source/deb/*.deb)
zcat "$out/source/usr/share/doc/$name/changelog.Debian.gz" >"$out/source/changelog"

# Whatever would differ between two builds is fixed; the time is the package's.
export LC_ALL=C TZ=UTC KBUILD_BUILD_USER=enclavebuild KBUILD_BUILD_HOST=enclavebuild
export KBUILD_BUILD_VERSION=1
KBUILD_BUILD_TIMESTAMP=@$(dpkg-parsechangelog -l "$out/source/changelog" -S Timestamp)
KBUILD_BUILD_TIMESTAMP=$(date -u -d "$KBUILD_BUILD_TIMESTAMP")
export KBUILD_BUILD_TIMESTAMP
unset CFLAGS LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL O VARIANT CC KCFLAGS KCPPFLAGS

mkdir -p "$out/objects"
kbuild() { make -s -C "$out/source/linux" O="$out/objects" ARCH=x86_64 "$@"; }
kbuild KCONFIG_ALLCONFIG="$fragment" allnoconfig >/dev/null
lacks=$(grep '^CONFIG_' "$fragment" | grep -vFxf "$out/objects/.config" || true)
if [ -n "$lacks" ]; then
	echo "build.sh: $package does not know, or does not give: ${lacks//$'\n'/ }" >&2
	exit 1
fi
echo "building $(basename "$deb" .deb)"
kbuild -j"${JOBS:-$(nproc)}" bzImage >"$out/log" 2>&1 || {
	tail -n 20 "$out/log" >&2
	exit 1
}
cp "$out/objects/arch/x86/boot/bzImage" "$out/bzImage"
cp "$out/objects/.config" "$out/bzImage.config"
{
	echo "source    $(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version)"
	echo "          sha256 $(sha256sum <"$deb" | cut -d' ' -f1)"
	echo "compiler  $(gcc --version | head -n 1)"
	echo "linker    $(ld --version | head -n 1)"
	echo "bzImage   sha256 $(sha256sum <"$out/bzImage" | cut -d' ' -f1)"
	echo "config    sha256 $(sha256sum <"$out/bzImage.config" | cut -d' ' -f1)"
} >"$out/SOURCE"
cat "$out/SOURCE"
