# Goal: usage errors name the word that is wrong and what to do; exit code 2.
. "$(dirname "$0")/lib.sh"
rejects 2 'no command given; see "enclavebuild --help"' "$ENCL"
rejects 2 'unknown command "versoin" (did you mean version?); see "enclavebuild --help"' "$ENCL" versoin
rejects 2 'version: unknown option --jsn (did you mean --json?); see "enclavebuild version --help"' "$ENCL" version --jsn
rejects 2 'version: unexpected argument "x"; see "enclavebuild version --help"' "$ENCL" version x
rejects 2 '--jobs: "0" is not a number from 1 to 256' "$ENCL" version --jobs 0
run 0 "$ENCL" --help
grep -q '^usage: enclavebuild COMMAND' out || fail "no usage line"
run 0 "$ENCL" help run
grep -q '^usage: enclavebuild run ' out || fail "no usage line of run"
rejects 2 'unknown command "rnu" (did you mean run?); see "enclavebuild --help"' "$ENCL" help rnu
run 0 "$ENCL" version --json
grep -q '"version": "0.1.0"' out || fail "no version"
run 1 bash -c '"$ENCL" --help > /dev/full'
