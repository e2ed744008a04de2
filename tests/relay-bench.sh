#!/bin/bash
# make relay-bench: 10 GiB (RELAY_MIB) through the relay of published ports and
# through socat, in the same run and by turns: to a unix socket, on 2,000
# connections at once and on 8 (RELAY_CONNECTIONS).  socat with its blocks of 8 KiB
# and with blocks of 256 KiB.  Every byte is compared (RELAY_FAST=fast: counted
# only, so that the ends cost little).  Nothing is asserted but that nothing is
# lost: figures depend on the machine.  Where it may, all of it runs with real-time
# priority, so that what else the machine does counts less.
set -euo pipefail
bench=$(realpath "$1")
mib=${RELAY_MIB:-10240}
runs=${RELAY_RUNS:-3}
command -v socat >/dev/null || {
	echo "make relay-bench: socat is not installed; run make setup" >&2
	exit 5
}
work=$(mktemp -d "${TMPDIR:-/tmp}/encl-bench-XXXXXX")
pids=()
stop() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	wait 2>/dev/null || true
	pids=()
}
trap 'stop; rm -rf "$work"' EXIT
cd "$work"
ulimit -n "$(ulimit -Hn)"
first=()
if chrt -r 5 true 2>/dev/null; then
	first=(chrt -r 5)
fi
port=$((20000 + $$ % 12000))

# once NAME CONNECTIONS: "GIBPS MEMORY", MiB at the most of the three moments.
once() {
	local relay figures each
	each=$((mib * 1048576 / $2))
	rm -f at
	port=$((port + 1))
	case $1 in
	relay)
		"${first[@]}" "$bench" serve at connect &
		pids+=($!)
		"${first[@]}" "$bench" relay at "$port" &
		;;
	socat*)
		"${first[@]}" "$bench" serve at &
		pids+=($!)
		"${first[@]}" socat -b "${1#socat-}" \
			"TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,backlog=4096" UNIX-CONNECT:at &
		;;
	esac
	relay=$!
	pids+=("$relay")
	sleep 1
	figures=$("${first[@]}" "$bench" drive "$port" "$2" $each 0 ${RELAY_FAST:+fast} "pid=$relay")
	[[ $figures =~ \ ([0-9.]+)\ GiB/s.*\ ([0-9]+),\ ([0-9]+),\ ([0-9]+)\ KiB ]]
	awk -v r="${BASH_REMATCH[1]}" -v a="${BASH_REMATCH[3]}" -v b="${BASH_REMATCH[4]}" \
		'BEGIN{printf "%.2f %.1f\n", r, (a > b ? a : b) / 1024}'
}

echo "$(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
echo "load average $(cut -d' ' -f1-3 /proc/loadavg); $mib MiB; the best of $runs runs each, by turns"
for n in ${RELAY_CONNECTIONS:-2000 8}; do
	declare -A best=() memory=()
	for ((r = 0; r < runs; r++)); do
		for name in relay socat-8192 socat-262144; do
			once $name "$n" >figures
			stop
			read -r speed kib <figures
			best[$name]=$(printf '%s\n' "${best[$name]:-0}" "$speed" | sort -n | tail -n 1)
			memory[$name]=$(printf '%s\n' "${memory[$name]:-0}" "$kib" | sort -n | tail -n 1)
		done
	done
	for name in relay socat-8192 socat-262144; do
		awk -v n="$n" -v name="$name" -v s="${best[$name]}" -v m="${memory[$name]}" -v ours="${best[relay]}" \
			'BEGIN{printf "%4d connections, %-12s  %5.2f GiB/s, memory %7.1f MiB", n, name, s, m
			if (name != "relay") printf "; the relay is %.2f times as fast", ours / s
			print ""}'
	done
done
