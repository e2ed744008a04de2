# shellcheck shell=bash
# A Nitro parent for a test (tests/support/nitro/README.md); after lib.sh.

nitro_end() { # before the work folder is removed
	local status=$?
	set +e
	kill "$NITRO_PID" 2>/dev/null
	wait "$NITRO_PID" 2>/dev/null
	(exit $status)
	finish
}

# nitro_machine [LINE…]: starts nitrod with the table of standard input and
# these lines; NITRO is its folder.
nitro_machine() {
	NITRO=$WORK/nitro
	mkdir -p "$NITRO"
	cat >"$NITRO/table"
	printf '%s\n' "$@" >>"$NITRO/table"
	: >"$NITRO/out"
	"$O/support/nitrod" serve "$NITRO" "$NITRO/table" >"$NITRO/out" 2>"$NITRO/err" &
	NITRO_PID=$!
	trap nitro_end EXIT
	for _ in $(seq 200); do
		! grep -q ready "$NITRO/out" || break
		kill -0 $NITRO_PID 2>/dev/null || fail "nitrod: $(cat "$NITRO/err")"
		sleep 0.05
	done
	export NITRO NITRO_PID
}

# An instance with 4 cores of 2 threads on one node, 3 of them in the pool.
nitro_small() {
	nitro_machine "$@" <<'T'
threads 2
node 0 cpus 0-7 memory 16384 pages 2M:512/2048 pages 1G:1/4
pool 2-7
T
}

# parent COMMAND…: in that machine.  nitro_exec: becomes it ("nitro_exec … &": $! is
# the command's own).
nitro_exec() {
	exec env LD_PRELOAD="$O/support/nitro.so" NITROD_SOCKET="$NITRO/socket" \
		ENCLAVEBUILD_HOST_ROOT="$NITRO/tree" "$@"
}
parent() { (nitro_exec "$@"); }

# nitro_set LINE…: of the table, from now on.  nitro_state: what is in use.
nitro_set() { "$O/support/nitrod" set "$NITRO" "$@" || fail "nitro_set $*"; }
nitro_state() { "$O/support/nitrod" state "$NITRO"; }

# nitro_idle [STATE]: nothing is in use (any more, within 5 s), and no socket,
# process or folder of an enclave is left.
nitro_idle() {
	local want=$1 got
	for _ in $(seq 50); do
		got=$(nitro_state)
		[ "$got" != "$want" ] || break
		sleep 0.1
	done
	same "what is in use" "$want" "$got"
	same "in nitrod's folder" "err log out socket table tree" \
		"$(cd "$NITRO" && echo *)"
	same "nitrod's processes" "" "$(pgrep -P $NITRO_PID || true)"
}

# nitro_image NAME [ARGUMENT…]: NAME.eif of a small app: prints a greeting and ends
# with code 7; "serve": answers each connection to vsock 5000 (TCP 8080) for ever;
# "sleep N".  After boot_kernel.
nitro_image() {
	local name=$1
	shift
	mkdir -p nitro-files/bin
	[ -e nitro-files/bin/app ] ||
		musl-gcc -static -Os -s -o nitro-files/bin/app "$TOP/tests/support/nitro/guest/app.c"
	cat >"$name.yaml" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $name
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./nitro-files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
app: {command: [/bin/app$(printf ', "%s"' "$@")]}
network:
  ingress: [{name: web, vsock: 5000, tcp: 8080}]
Y
	run 0 "$ENCL" build "$name.yaml"
}
