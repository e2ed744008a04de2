#!/bin/bash
# Installs the Debian packages that are missing:
# setup.sh build | all | aarch64 | kernel | conformance.
#   build: building the tool, building images and booting them
#   all:   the tests' peers and the linters too
#   aarch64: what compiles the guest programs of aarch64 images; adds Debian's
#            arm64 as a foreign architecture to this machine
#   kernel:  what `make kernel` needs
#   conformance: what building QEMU and running images in it needs
# Nothing is asked; as root, or by sudo where there is one.
set -euo pipefail

build=(build-essential pkg-config ca-certificates git
	libyaml-dev libarchive-dev libssl-dev libcurl4-openssl-dev libjansson-dev libcbor-dev
	libzstd-dev libdeflate-dev liblzma-dev liblz4-dev zlib1g-dev libkmod-dev
	libsolv-dev libsolvext-dev libsquashfs-dev libelf-dev musl-tools libjsmn-dev
	gpgv debian-archive-keyring xz-utils openssl qemu-system-x86)
tests=(clang clang-tidy clang-format libclang-rt-14-dev cppcheck shellcheck valgrind gcovr mandoc
	time faketime fakeroot cpio libarchive-tools bzip2 zstd lz4 zip unzip gnupg
	skopeo umoci buildah busybox-static util-linux iproute2 e2fsprogs dpkg-dev file procps
	bsdextrautils python3 python3-yaml curl jq squashfs-tools attr docker-registry apache2-utils socat
	openssh-server openssh-client systemd sudo cloud-init python3-venv
	softhsm2 opensc libengine-pkcs11-openssl p11-kit-modules strace
	chromium fonts-dejavu-core tidy)

kernel=(build-essential flex bison bc libelf-dev xz-utils dpkg-dev)
conformance=(dpkg-dev debian-archive-keyring ninja-build python3 python3-venv libglib2.0-dev
	libfdt-dev libgnutls28-dev libcbor-dev seabios qemu-system-data curl umoci busybox-static)

case ${1:-all} in
build) want=("${build[@]}") ;;
all) want=("${build[@]}" "${tests[@]}") ;;
kernel) want=("${kernel[@]}") ;;
conformance) want=("${build[@]}" "${conformance[@]}") ;;
aarch64) want=(gcc-aarch64-linux-gnu musl-dev:arm64 qemu-system-arm) ;;
*)
	echo "usage: setup.sh build|all|aarch64|kernel|conformance" >&2
	exit 2
	;;
esac

missing=()
for p in "${want[@]}"; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || missing+=("$p")
done

as_root=()
if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null; then
	as_root=(sudo)
fi
if [ "${1:-all}" = aarch64 ] && [ ${#missing[@]} -gt 0 ]; then
	"${as_root[@]}" dpkg --add-architecture arm64
fi
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" -ne 0 ] && [ ${#as_root[@]} -eq 0 ]; then
		echo "make setup: missing: ${missing[*]}" >&2
		echo "make setup: run it as root, or install sudo" >&2
		exit 5
	fi
	echo "installing: ${missing[*]}"
	log=$(mktemp)
	policy=
	trap 'rm -f "$log"; [ -z "$policy" ] || "${as_root[@]}" rm -f "$policy"' EXIT
	# Tests start docker-registry themselves: as a service it is not wanted.
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$policy"
	fi
	if ! { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
		"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
			apt-get install -q -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		exit 1
	fi
	case " ${missing[*]} " in
	*" docker-registry "*) "${as_root[@]}" update-rc.d docker-registry disable >/dev/null 2>&1 || true ;;
	esac
fi

# vsock for the local machine: by cargo, where that is there.
if [[ ${1:-all} = @(all|conformance) ]] && ! command -v vhost-device-vsock >/dev/null &&
	[ ! -x "${CARGO_HOME:-$HOME/.cargo}/bin/vhost-device-vsock" ]; then
	if command -v cargo >/dev/null; then
		echo "installing: vhost-device-vsock (cargo)"
		cargo install --quiet --locked --version 0.3.0 vhost-device-vsock ||
			echo "cargo could not build vhost-device-vsock: enclaves that are run here have no vsock"
	else
		echo "no cargo: enclaves that are run here have no vsock (vhost-device-vsock)"
	fi
fi
