#!/bin/bash
# Figures of docs/7-docker.md, by hand: make docker-figures.  For every way that
# examples/docker-memcached can travel: size of the image, seconds to the
# daemon and to the container's answer, smallest memory that works (steps of
# 32 MiB), and what plan says that it should have.  Takes long; nothing else should run on the machine.
# docker-measure.sh ENCLAVEBUILD [FORMAT/COMPRESSION/PRELOAD…]
set -euo pipefail
tool=$(realpath "$1")
top=$(cd "$(dirname "$0")/../.." && pwd)
shift
[ $# -gt 0 ] || set -- {cpio,squashfs}/{none,zstd}/{layers,archive}
work=$(mktemp -d "${TMPDIR:-/tmp}/encl-measure-XXXXXX")
running=
trap '[ -z "$running" ] || kill "$running" 2>/dev/null; rm -rf "$work"' EXIT
cp -r "$top/examples/docker-memcached" "$work/example"
port=$((20000 + RANDOM % 12000))
limit=${LIMIT:-90} # seconds that a boot may take
step=32

# manifest FORMAT COMPRESSION PRELOAD: the example with these
manifest() {
	sed -e "/^boot:/a\\  ramdisk: {format: $1, compression: $2}" \
		-e "/^docker:/a\\  storage: {preload: $3}" "$work/example/enclave.yaml"
}
now() { # tenths of a second since 1970
	local t=$EPOCHREALTIME
	echo $((${t%[.,]*} * 10 + 10#${t:11:1}))
}
tenths() {
	echo "$(($1 / 10)).$(($1 % 10))"
}
answers() {
	timeout 3 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0"; printf "version\r\nquit\r\n" >&3; cat <&3' \
		"$port" 2>/dev/null | grep -q '^VERSION'
}
# boot IMAGE MEMORY: sets ready and answer (tenths of a second); false where
# nothing answers
boot() {
	local begin code=1
	begin=$(now)
	ready='' answer=''
	: >"$work/console"
	"$tool" run --kernel-args quiet --timeout "$limit" --memory "$2" -p "$port:cache" "$1" \
		>"$work/console" 2>&1 &
	running=$!
	while kill -0 "$running" 2>/dev/null; do
		if [ -z "$ready" ] && grep -q "${READY:-docker: ready}" "$work/console"; then
			ready=$(($(now) - begin))
		fi
		if [ -n "$ready" ] && answers; then
			answer=$(($(now) - begin))
			code=0
			break
		fi
		sleep 0.1
	done
	kill "$running" 2>/dev/null || true
	wait "$running" 2>/dev/null || true
	running=
	return "$code"
}

printf '%-24s %9s %9s %9s %9s %9s\n' \
	"format/compr./preload" "image MiB" "daemon s" "answer s" "least MiB" "plan MiB"
for variant in "$@"; do
	IFS=/ read -r format compression preload <<<"$variant"
	manifest "$format" "$compression" "$preload" >"$work/example/variant.yaml"
	if ! "$tool" build -q -o "$work/variant.eif" "$work/example/variant.yaml" >/dev/null 2>"$work/err"; then
		printf '%-24s %s\n' "$variant" "$(tail -n 1 "$work/err")"
		continue
	fi
	size=$(($(stat -c %s "$work/variant.eif") / 1048576))
	if ! boot "$work/variant.eif" "${MEMORY:-1536}"; then
		printf '%-24s %9s no answer: %s\n' "$variant" "$size" "$(tail -n 1 "$work/console")"
		continue
	fi
	times="$(tenths "$ready") $(tenths "$answer")"
	low=$((128 / step)) high=$((${MEMORY:-1536} / step)) # low fails, high works
	while [ $((high - low)) -gt 1 ]; do
		middle=$(((low + high) / 2))
		if boot "$work/variant.eif" $((middle * step)); then high=$middle; else low=$middle; fi
	done
	plan=$("$tool" plan -q --json "$work/example/variant.yaml" | jq .memory.neededMiB)
	# shellcheck disable=SC2086 # two words
	printf '%-24s %9s %9s %9s %9s %9s\n' "$variant" "$size" $times $((high * step)) "$plan"
	rm -f "$work/variant.eif"
done
