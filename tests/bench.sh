#!/bin/bash
# make bench: wall, CPU and peak memory of `build` for images of 64 MiB,
# 512 MiB and 2 GiB from an OCI layout (one plain layer), and their ratio to
# `openssl dgst -sha384` over the image's bytes in the same run, by a lock and
# with input in the page cache.  Nothing is asserted: figures depend on the
# machine and on what else it does.  BENCH_SIZES="64 512" selects, BENCH_RUNS
# is how often (3).  Each image is compared by `diff` with a copy in which one byte of
# one file is another.  Then a pull: `lock` of an image with one layer of 1 GiB
# (BENCH_PULL_MIB; 0: none) from a registry on loopback into an empty cache,
# every byte verified, and `skopeo copy` of the same image into a folder.
set -euo pipefail
tool=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
runs=${BENCH_RUNS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/encl-bench-XXXXXX")
registry=
trap '[ -z "$registry" ] || kill "$registry"; rm -rf "$work"' EXIT
cd "$work"
"$here/support/fake-blobs.sh" blobs

digest() { sha256sum "$1" | cut -d' ' -f1; }
put_blob() { # put_blob FILE: moves it to its digest's place, prints digest and size
	local d size
	d=$(digest "$1")
	size=$(stat -c %s "$1")
	mv "$1" "layout/blobs/sha256/$d"
	echo "$d $size"
}

# One layer of 16 MiB files with bytes that nothing can compress.
make_layout() {
	local mib=$1 n i layer lsize config csize manifest msize
	rm -rf layout tree
	mkdir -p layout/blobs/sha256 tree/data
	n=$((mib / 16))
	for ((i = 0; i < n; i++)); do
		openssl enc -aes-128-ctr -K "$(printf %032x "$i")" -iv 0 -in /dev/zero 2>/dev/null |
			head -c $((16 << 20)) >"tree/data/$(printf %04d "$i")" || true
	done
	tar --sort=name --owner=0 --group=0 --mtime=@0 -C tree -cf layer.tar .
	rm -rf tree
	read -r layer lsize < <(put_blob layer.tar)
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/data/0000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >config
	read -r config csize < <(put_blob config)
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' "$config" "$csize" "$layer" "$lsize" >manifest
	read -r manifest msize < <(put_blob manifest)
	printf '{"imageLayoutVersion":"1.0.0"}' >layout/oci-layout
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s}]}' "$manifest" "$msize" >layout/index.json
}

cat >enclave.yaml <<'Y'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: bench
version: "1"
arch: x86_64
rootfs:
  - image: oci:./layout
boot:
  kernel: {blobs: ./blobs}
Y

# One run: "wall user+system peak", seconds and KiB.
once() { /usr/bin/time -f '%e %U %S %M' "$@" 2>&1 >/dev/null | tail -n 1; }
better() { # better OLD NEW: the one with less wall clock
	printf '%s\n' "$@" | awk 'NF' | sort -n | head -n 1
}
show() { # show LABEL FIGURES
	awk -v label="$1" '{printf "%-24s wall %6.2f s  cpu %6.2f s  peak %5.1f MiB\n",
		label, $1, $2 + $3, $4 / 1024}' <<<"$2"
}

echo "$(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $("$tool" version)"
echo "load average $(cut -d' ' -f1-3 /proc/loadavg); the best of $runs runs each, by turns"
for mib in ${BENCH_SIZES:-64 512 2048}; do
	make_layout "$mib"
	"$tool" lock --update -q --cache-dir cache >/dev/null
	build=("$tool" build -q --locked --cache-dir cache -o bench.eif)
	"${build[@]}" >/dev/null
	reference='' ours=''
	for ((r = 0; r < runs; r++)); do
		# build leaves the image on the disk; dgst is to find it in memory
		cat bench.eif >/dev/null
		reference=$(better "$reference" "$(once openssl dgst -sha384 bench.eif)")
		ours=$(better "$ours" "$(once "${build[@]}")")
	done
	show "dgst -sha384, $mib MiB" "$reference"
	show "build, $mib MiB" "$ours"
	awk -v a="${ours%% *}" -v b="${reference%% *}" 'BEGIN{printf "%-24s %.2f\n", "ratio of wall clocks", a / b}'
	cp bench.eif other.eif
	printf x | dd of=other.eif bs=1 seek=$((mib << 19)) conv=notrunc status=none
	compared=
	for ((r = 0; r < runs; r++)); do
		compared=$(better "$compared" "$(once "$tool" diff bench.eif other.eif)")
	done
	show "diff, two of $mib MiB" "$compared"
	rm -f bench.eif other.eif
done

mib=${BENCH_PULL_MIB:-1024}
[ "$mib" -gt 0 ] || exit 0
for program in docker-registry skopeo; do
	command -v "$program" >/dev/null || {
		echo "no pull: $program is not installed; run make setup"
		exit 0
	}
done
rm -rf cache enclave.lock
printf 'version: 0.1\nlog: {accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:0"}\n' \
	"$work/registry" >registry.yml
docker-registry serve registry.yml >registry.log 2>&1 &
registry=$!
host=
for ((i = 0; i < 100 && ${#host} == 0; i++)); do
	sleep 0.1
	host=$(sed -nE 's/.*msg="listening on (127\.0\.0\.1:[0-9]+).*/\1/p' registry.log | head -n 1)
done
make_layout "$mib"
skopeo copy -q --insecure-policy --preserve-digests --dest-tls-verify=false oci:layout "docker://$host/bench:1"
rm -rf layout
sed -i "s#oci:./layout#$host/bench:1#" enclave.yaml
fetch=("$tool" lock -q --cache-dir cache)
reference='' ours=''
for ((r = 0; r < runs; r++)); do
	rm -rf copy
	reference=$(better "$reference" "$(once skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$host/bench:1" dir:copy)")
	rm -rf copy cache enclave.lock
	ours=$(better "$ours" "$(once "${fetch[@]}")")
done
show "skopeo copy, $mib MiB" "$reference"
show "pull, $mib MiB" "$ours"
awk -v a="${ours%% *}" -v b="${reference%% *}" 'BEGIN{printf "%-24s %.2f\n", "ratio of wall clocks", a / b}'
