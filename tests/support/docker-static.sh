#!/bin/bash
# A stand-in for Docker's static archive (docker/dockerd, docker/containerd, …):
# the programs of Debian's packages in that layout, the same bytes each time.
# They are linked dynamically, so the image brings libdevmapper1.02.1,
# libsystemd0 and libseccomp2.  docker-static.sh OUT.tgz
set -euo pipefail
out=$(realpath "$1")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/enclavebuild-tests/docker-debs
work=$(mktemp -d "${TMPDIR:-/tmp}/encl-docker-static-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$cache" "$work/tree" "$work/docker" "$work/deb"
for package in docker.io containerd runc tini; do
	version=$(apt-cache policy "$package" | sed -n 's/^ *Candidate: //p')
	[ -n "$version" ] && [ "$version" != "(none)" ] || {
		echo "apt knows no $package; run apt-get update" >&2
		exit 1
	}
	deb=$cache/${package}_${version//:/%3a}_$(dpkg --print-architecture).deb
	if [ ! -e "$deb" ]; then
		(cd "$work/deb" && apt-get -q download "$package") >"$work/log" 2>&1 || {
			cat "$work/log" >&2
			exit 1
		}
		mv "$work/deb/${package}_"*.deb "$deb"
	fi
	dpkg-deb -x "$deb" "$work/tree"
done
for program in sbin/dockerd bin/docker bin/containerd bin/containerd-shim-runc-v2 bin/ctr \
	sbin/runc sbin/docker-proxy; do
	cp "$work/tree/usr/$program" "$work/docker/"
done
cp "$work/tree/usr/bin/tini-static" "$work/docker/docker-init"
chmod 0755 "$work/docker" "$work/docker"/*
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work" -c docker |
	gzip -1n >"$out"
