# Goal: 2,000 connections at once through the ports that `run` publishes, each with
# data of its own compared at both ends: nothing is lost, ends of one direction
# arrive, and memory does not grow.  With frames (network.ingress) and without.
. "$(dirname "$0")/lib.sh"
n=2000
# Of four processes each has two descriptors a connection, and the relay its pipes.
[ "$(ulimit -Hn)" -ge $((n * 2 + 600)) ] || skip "ulimit -Hn is $(ulimit -Hn): too few descriptors"
ulimit -n "$(ulimit -Hn)"
bench=$O/support/relay-bench
port=$((20000 + $$ % 12000)) # below the ports that the kernel gives out
pids=()
# shellcheck disable=SC2317
stop() {
	kill "${pids[@]}" 2>/dev/null || true
	wait
	finish
}
trap stop EXIT

"$bench" serve vm connect 2>serve &
pids+=($!)
"$bench" serve $((port + 2)) 2>serve2 &
pids+=($!)
"$bench" wall framed $((port + 2)) 2>wall &
pids+=($!)
"$bench" relay vm "$port" 2>relay &
pids+=($!)
plain=$!
"$bench" relay framed "f$((port + 1))" 2>relay2 &
pids+=($!)
framed=$!
for p in "$port" $((port + 1)) $((port + 2)); do
	for _ in $(seq 100); do
		if (: <"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
			break
		fi
		sleep 0.1
	done
done
pipes() { find /proc/$plain/fd /proc/$framed/fd -lname 'pipe:*' | wc -l; }
had=$(pipes)

# check NAME PID FIGURES: the memory in it (before, all open, all passed; KiB).
check() {
	local before opened passed
	echo "$1: $3"
	[[ $3 =~ ^$n\ connections,\ .*\ memory\ ([0-9]+),\ ([0-9]+),\ ([0-9]+)\ KiB$ ]] || fail "$3"
	before=${BASH_REMATCH[1]} opened=${BASH_REMATCH[2]} passed=${BASH_REMATCH[3]}
	# A connection is a struct of some 500 bytes.
	[ $((opened - before)) -le 4096 ] || fail "$1: $((opened - before)) KiB for $n idle connections"
	# What waits for a slow reader: ENCL_RELAY_PENDING and the largest read.
	[ $((passed - before)) -le 24576 ] || fail "$1: grew by $((passed - before)) KiB"
	kill -0 "$2" || fail "$1: the relay is gone"
}
# Twice: the second time nothing more is needed.
for round in 1 2; do
	run 0 "$bench" drive "$port" $n 100000 60000 pid=$plain
	check "plain, $round" $plain "$(cat out)"
	run 0 "$bench" drive $((port + 1)) $n 60000 40000 half pid=$framed
	check "framed, $round" $framed "$(cat out)"
done
# A few with much: nobody starves who is beside them.
run 0 "$bench" drive "$port" 4 50000000 50000000 pid=$plain
echo "few: $(cat out)"
run 0 "$bench" drive "$port" 4 50000000 50000000 fast
echo "few, fast: $(cat out)"
run 0 "$bench" drive $((port + 1)) 4 20000000 20000000 half
echo "few, framed: $(cat out)"
for _ in $(seq 100); do
	open=$(find /proc/$plain/fd /proc/$framed/fd -lname 'socket:*' | wc -l)
	[ "$open" -gt 2 ] || break
	sleep 0.1
done
# What is left are the listeners.
same "sockets that are left" 2 "$open"
same "pipes that are left" "$had" "$(pipes)"
same "what they said" "" "$(cat serve serve2 wall relay relay2)"
