#!/bin/bash
# QEMU with the nitro-enclave machine, out of Debian's source package and not
# installed: qemu.sh FOLDER.  FOLDER/bin/qemu-system-x86_64 starts it.  Debian's own
# is built without libcbor, and so without that machine.
#
# Sources, and the meson that QEMU asks for, come from the mirror of this machine's
# apt, by lists of their own; apt checks their signatures.  JOBS: how many at once.
set -euo pipefail
out=${1:?qemu.sh FOLDER}
suite=${SUITE:-trixie}
mkdir -p "$out/bin"
out=$(cd "$out" && pwd)
if [ -x "$out/bin/qemu-system-x86_64" ]; then
	exit 0
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
	grep -v -- '-security' | head -n 1)
[ -n "$mirror" ] || {
	echo "qemu.sh: this machine's apt names no Debian mirror" >&2
	exit 5
}
mkdir -p "$out"/apt/{lists,cache/archives}/partial "$out/source"
for kind in deb deb-src; do
	echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
done >"$out/apt/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$out/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o "Dir::State::lists=$out/apt/lists" -o "Dir::Cache=$out/apt/cache"
	-o APT::Sandbox::User=root -o Acquire::Languages=none)
if [ ! -e "$out/source/complete" ]; then
	rm -rf "$out/source"
	mkdir -p "$out/source/deb"
	cd "$out/source"
	echo "fetching QEMU's source package of $suite"
	"${apt[@]}" update
	"${apt[@]}" source qemu >"$out/log" 2>&1 || { tail -n 20 "$out/log" >&2; exit 1; }
	mv qemu-*/ qemu
	(cd deb && "${apt[@]}" download meson)
	dpkg-deb --fsys-tarfile deb/meson_*.deb | tar -x -C "$out/source" ./usr
	: >complete
fi

# One target with one machine (and microvm, which it is made of).
cat >"$out/source/qemu/configs/devices/x86_64-softmmu/nitro.mak" <<'M'
CONFIG_MICROVM=y
CONFIG_NITRO_ENCLAVE=y
M
export PYTHONPATH=$out/source/usr/lib/python3/dist-packages
unset CFLAGS LDFLAGS MAKEFLAGS MFLAGS MAKELEVEL O VARIANT CC
mkdir -p "$out/objects"
cd "$out/objects"
echo "building $(sed -n 's/^Version: */QEMU /p' ../source/qemu_*.dsc | head -n 1)"
if [ ! -e build.ninja ]; then
	../source/qemu/configure --target-list=x86_64-softmmu --without-default-features \
		--without-default-devices --with-devices-x86_64=nitro \
		--enable-system --enable-tcg --enable-kvm --enable-fdt=system --enable-gnutls \
		--enable-libcbor --enable-vhost-user --disable-docs --disable-download \
		--disable-install-blobs --disable-werror --disable-debug-info \
		>"$out/log" 2>&1 || { tail -n 20 "$out/log" >&2; exit 1; }
fi
ninja -j "${JOBS:-$(nproc)}" qemu-system-x86_64 >"$out/log" 2>&1 || { tail -n 20 "$out/log" >&2; exit 1; }
./qemu-system-x86_64 -M help | grep -q '^nitro-enclave ' || {
	echo "qemu.sh: it was built without nitro-enclave" >&2
	exit 1
}
# The firmware is that of Debian's packages.
cat >"$out/bin/qemu-system-x86_64" <<W
#!/bin/sh
exec "$out/objects/qemu-system-x86_64" -L /usr/share/seabios -L /usr/share/qemu "\$@"
W
chmod 755 "$out/bin/qemu-system-x86_64"
