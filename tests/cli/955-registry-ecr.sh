# Goal: push to Amazon ECR and pull from it without a login, by a token that a
# stand-in gives which checks SigV4, in the ways that ECR bears (no PATCH, tags
# that stand for ever).
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
eif app.eif 64
KEY=AKIDEXAMPLE SECRET=wJalr/XUtnFEMI+K7MDENG SESSION='FwoGZXIv//+session==' PASSWORD=ecr-pass-4711
HOST=123456789012.dkr.ecr.eu-west-1.amazonaws.com
registry real
# The hosts of ECR are reached through a proxy, which is the registry itself.
faultd ecr "$REG" "* * * guard AWS:$PASSWORD" '* * * referrers' '* PATCH * code 201'
export http_proxy=http://$FAULT no_proxy=127.0.0.1,localhost
no_secrets() {
	local s
	for s in "$SECRET" "$SESSION" "$PASSWORD" "$(printf 'AWS:%s' "$PASSWORD" | base64)"; do
		! grep -qF -e "$s" out err || fail "a secret is shown: $(cat out err)"
	done
}
ecr() { # ecr NAME OPTION…
	[ -z "${SERVER_PIDS[sts]:-}" ] || stop sts
	ecrd sts region=eu-west-1 "token=AWS:$PASSWORD" "$@"
	export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
}
does() { # does COMMAND…: with neither cache nor token of before
	rm -rf "$XDG_CACHE_HOME" got.eif
	run 0 "$@"
	no_secrets
}
fails() { # fails PATTERN COMMAND…
	rm -rf "$XDG_CACHE_HOME" got.eif
	run 6 "${@:2}"
	grep -qE -e "$1" err || fail "want $1: $(cat err)"
	same "lines" 1 "$(grep -c . err)"
	no_secrets
}
pull=("$ENCL" pull -q --plain-http "$HOST/team/app:1" -o got.eif)

# ---- the environment ----
ecr "key=$KEY:$SECRET"
fails 'none in the environment' "${pull[@]}" # no identity: what was tried is named
export AWS_ACCESS_KEY_ID=$KEY AWS_SECRET_ACCESS_KEY=$SECRET
does "$ENCL" push -q --plain-http app.eif "$HOST/team/app:1"
same "asked for a token" 1 "$(grep -c '^200 POST /: token' "$ECR_LOG")"
! grep -qE '^[0-9]+ PATCH' "$FAULT_LOG" || fail "PATCH, which ECR answers wrongly"
same "referrers by its API" 0 "$(grep -cE 'PUT /v2/team/app/manifests/sha256-' "$FAULT_LOG" || true)"
run 0 "$ENCL" pull -vv --plain-http "$HOST/team/app:1" -o got.eif
no_secrets
cmp app.eif got.eif
same "the token is kept" 1 "$(grep -c '^200 POST /: token' "$ECR_LOG")"
token=$(grep -rlF "$(printf 'AWS:%s' "$PASSWORD" | base64)" "$XDG_CACHE_HOME" || grep -rlF "$PASSWORD" "$XDG_CACHE_HOME")
same "mode of the kept token" 600 "$(stat -c %a "$token")"
grep -q "$SECRET" -r "$XDG_CACHE_HOME" && fail "the AWS secret is kept"
# a tag that cannot be changed: the same again is fine, another is refused
stop ecr
faultd ecr "$REG" "* * * guard AWS:$PASSWORD" '* * * referrers' '* PUT /manifests/1 status 400 ImageTagAlreadyExistsException'
export http_proxy=http://$FAULT
does "$ENCL" push -q --plain-http app.eif "$HOST/team/app:1"
eif other.eif 65
fails 'ImageTagAlreadyExistsException' "$ENCL" push -q --plain-http other.eif "$HOST/team/app:1"

# ---- late: the kept token has run out; the role of the instance ----
ecr "key=$KEY:$SECRET" lifetime=1
does "${pull[@]}"
sleep 2
run 0 "${pull[@]}"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_EC2_METADATA_DISABLED
ecr "key=$KEY:$SECRET:$SESSION" role=builder
AWS_EC2_METADATA_SERVICE_ENDPOINT=$ECR does "${pull[@]}"
grep -q '^200 PUT /latest/api/token' "$ECR_LOG" || fail "not IMDSv2: $(cat "$ECR_LOG")"
cmp app.eif got.eif
