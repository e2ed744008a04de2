# shellcheck shell=bash
# For the scripts of tests/cli, golden, repro and boot: a work folder of their
# own (kept on failure), and checks that print what they wanted and got.
# Set by tests/run: ENCL (the tool), O (build folder), VARIANT.
set -eu
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${VARIANT:=release}" "${O:=$TOP/build/$VARIANT}" "${ENCL:=$O/enclavebuild}"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/encl-test-XXXXXX")
SHARED=${ENCL_SHARED:-$TOP/../shared}
export TOP O ENCL WORK SHARED
# Enclaves of a test are its own: not this machine's run folder.
export ENCLAVEBUILD_RUN=$WORK/run
finish() {
	status=$?
	if [ "$status" -eq 0 ] || [ "$status" -eq 77 ]; then
		chmod -R u+rwX "$WORK" 2>/dev/null || true
		rm -rf "$WORK"
	else
		echo "work folder kept: $WORK"
	fi
}
trap finish EXIT
cd "$WORK"

fail() {
	echo "FAILED: $*"
	exit 1
}
skip() {
	echo "$*"
	exit 77
}
need() { # need PROGRAM…: skips (fails in CI) where one is missing
	for p in "$@"; do
		command -v "$p" >/dev/null || skip "$p is not installed; run make setup"
	done
}
same() { # same WHAT WANT GOT
	[ "$2" = "$3" ] || fail "$1:"$'\n'"  want: $2"$'\n'"   got: $3"
}
# run WANT_CODE COMMAND…: stdout to $WORK/out, stderr to $WORK/err
run() {
	local want=$1 got=0
	shift
	"$@" >"$WORK/out" 2>"$WORK/err" </dev/null || got=$?
	[ "$got" -eq "$want" ] || fail "$*: exit $got, want $want"$'\n'"$(cat "$WORK/out" "$WORK/err")"
}
# rejects WANT_CODE MESSAGE COMMAND…: the whole of stderr is one line
# "enclavebuild: MESSAGE", stdout is empty.
rejects() {
	local code=$1 message=$2
	shift 2
	run "$code" "$@"
	same "stderr of $*" "enclavebuild: $message" "$(cat "$WORK/err")"
	same "stdout of $*" "" "$(cat "$WORK/out")"
}
