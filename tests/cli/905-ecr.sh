# Goal: Amazon ECR against a stand-in that checks SigV4: every source of an
# identity, tokens kept and not kept, errors that help, no secret anywhere.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
FIND=$O/support/credentials
HOST=123456789012.dkr.ecr.eu-central-1.amazonaws.com
ID=AKIDEXAMPLE SECRET=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY SESSION=FwoGZXIvYXdzEXAMPLE/+==

no_secret() { # nothing of the identity is told
	! grep -qF -e "$SECRET" -e "$SESSION" err || fail "a secret is in: $(cat err)"
}
finds() { # finds WANT [VARIABLE=VALUE…]: user:password, or nothing
	local want=$1 got
	shift
	run 0 env "$@" "$FIND" "$HOST" team/app
	got=$(sed -n 's/^user //p' out):$(sed -n 's/^password //p' out)
	same "credentials with $*" "$want" "$got"
	no_secret
}
refused() { # refused MESSAGE VARIABLE=VALUE…
	local message=$1
	shift
	run 6 env "$@" "$FIND" "$HOST" team/app
	same "error with ${*##*=}" "credentials for $HOST: $message" "$(cat err)"
	no_secret
}
asked() { # how many requests had a token as their answer
	grep -c '^200 POST / *: token' "$ECR_LOG" || true
}

ecrd plain "key=$ID:$SECRET" region=eu-central-1 "token=AWS:the-password"
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
key=("AWS_ACCESS_KEY_ID=$ID" "AWS_SECRET_ACCESS_KEY=$SECRET")
finds AWS:the-password "${key[@]}"
post="POST $ECR/: HTTP status 400:"
refused "$post InvalidSignatureException: The request signature we calculated does not match the signature you provided (the secret key of the environment is not the key id's)" \
	"AWS_ACCESS_KEY_ID=$ID" AWS_SECRET_ACCESS_KEY=wrong
refused "$post UnrecognizedClientException: The security token included in the request is invalid (the key id or session token of the environment is not known to AWS)" \
	AWS_ACCESS_KEY_ID=AKIDOTHER "AWS_SECRET_ACCESS_KEY=$SECRET"
refused "none in the environment, profile files, container endpoint (in a container, IMDSv2 needs a hop limit of 2)" A=
# of AWS's own variables the special one wins; http goes to this machine only
run 0 env -u ENCLAVEBUILD_ECR_ENDPOINT "${key[@]}" "AWS_ENDPOINT_URL_ECR=$ECR/" AWS_ENDPOINT_URL=http://127.0.0.1:1 "$FIND" "$HOST" app
run 6 env "${key[@]}" ENCLAVEBUILD_ECR_ENDPOINT=https://127.0.0.1:1 "$FIND" "$HOST" app
run 2 env "${key[@]}" ENCLAVEBUILD_ECR_ENDPOINT=http://user:geheim@192.0.2.1/ "$FIND" "$HOST" app
same "http elsewhere" "credentials for $HOST: \"http://192.0.2.1/\" as the address of ECR: only https, or http to this machine" "$(cat err)"

# Profile files
mkdir -p "$HOME/.aws"
printf '[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n' "$ID" "$SECRET" >"$HOME/.aws/credentials"
finds AWS:the-password A=
cat >"$HOME/.aws/config" <<EOF
[profile made]
credential_process = "$WORK/make key" --json
EOF
cat >"$WORK/make key" <<EOF
#!/bin/sh
echo "a secret on stderr: $SECRET" >&2
[ "\$1" = --json ] && echo '{"Version": 1, "AccessKeyId": "$ID", "SecretAccessKey": "$SECRET"}'
EOF
chmod +x "$WORK/make key"
finds AWS:the-password AWS_PROFILE=made
run 1 env AWS_PROFILE=absent "$FIND" "$HOST" app
same "absent profile" "credentials for $HOST: AWS profile \"absent\" is neither in $HOME/.aws/credentials nor in $HOME/.aws/config" "$(cat err)"
# an auth file's own entry, and a helper, come first
mkdir -p "$HOME/.docker"
echo "{\"auths\": {\"$HOST\": {\"auth\": \"dXNlcjpwYXNz\"}}}" >"$HOME/.docker/config.json"
finds user:pass A=
rm -r "$HOME/.docker" "$HOME/.aws"
stop plain

# Temporary credentials: the token is signed too; container endpoint, IMDSv2
ecrd temporary "key=$ID:$SECRET:$SESSION" region=eu-central-1 "token=AWS:pw:with:colons" role=builder
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
finds AWS:pw:with:colons "${key[@]}" "AWS_SESSION_TOKEN=$SESSION"
finds AWS:pw:with:colons "AWS_CONTAINER_CREDENTIALS_FULL_URI=$ECR/creds"
imds=(AWS_EC2_METADATA_DISABLED=false "AWS_EC2_METADATA_SERVICE_ENDPOINT=$ECR")
finds AWS:pw:with:colons "${imds[@]}"
# a proxy is for the service, never for metadata
run 6 env "${imds[@]}" http_proxy=http://127.0.0.1:1 "$FIND" "$HOST" app
tail -n 7 "$ECR_LOG" >got
three='200 PUT /latest/api/token: imds
200 GET /latest/meta-data/iam/security-credentials/: imds
200 GET /latest/meta-data/iam/security-credentials/builder: imds'
printf '%s\n200 POST /: token\n%s\n' "$three" "$three" >want
cmp want got || fail "$(cat "$ECR_LOG")"
stop temporary

ecrd guarded "key=$ID:$SECRET:$SESSION" region=eu-central-1 token=AWS:pw role=builder bearer=Basic-of-the-pod
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
echo Basic-of-the-pod >pod-token
finds AWS:pw "AWS_CONTAINER_CREDENTIALS_FULL_URI=$ECR/creds" AWS_CONTAINER_AUTHORIZATION_TOKEN=Basic-of-the-pod
finds AWS:pw "AWS_CONTAINER_CREDENTIALS_FULL_URI=$ECR/creds" "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=$WORK/pod-token"
refused "container endpoint: GET $ECR/creds: HTTP status 404 (not there; check the address)" \
	"AWS_CONTAINER_CREDENTIALS_FULL_URI=$ECR/creds" AWS_CONTAINER_AUTHORIZATION_TOKEN=other
run 1 env "AWS_CONTAINER_CREDENTIALS_FULL_URI=$ECR/creds" AWS_CONTAINER_AUTHORIZATION_TOKEN=$'a\nX: b' "$FIND" "$HOST" app
same "two lines" "credentials for $HOST: AWS_CONTAINER_AUTHORIZATION_TOKEN is not one line of text" "$(cat err)"
run 1 env "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/creds" "$FIND" "$HOST" app
stop guarded

# Kept for its lifetime less five minutes, 0600, by key; nothing else is on disk
for lifetime in 43200 200; do
	ecrd kept$lifetime "key=$ID:$SECRET" region=eu-central-1 token=AWS:kept-password lifetime=$lifetime
	export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
	for _ in 1 2 3; do run 0 env "${key[@]}" "$FIND" "$HOST" app "$WORK/cache"; done
	same "requests of three runs, $lifetime s" "$([ $lifetime = 43200 ] && echo 1 || echo 3)" "$(asked)"
	stop kept$lifetime
done
same "modes" "600 700" "$(find cache -type f -printf '%m\n' | sort -u) $(stat -c %a cache/ecr)"
! grep -rqF "$SECRET" cache || fail "the secret key is in the cache"

# Another clock
ecrd ahead "key=$ID:$SECRET" region=eu-central-1 token=AWS:pw skew=3600
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
run 6 env "${key[@]}" "$FIND" "$HOST" app
grep -qE "InvalidSignatureException: Signature expired or not yet current \(this machine's clock is (3599|3600|3601) s behind; set it right\)$" err || fail "$(cat err)"
stop ahead

# ECR Public: with credentials, without, and without the right to
HOST=public.ecr.aws
ecrd public "key=$ID:$SECRET" region=us-east-1 service=ecr-public token=AWS:public
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
finds AWS:public "${key[@]}"
finds : A=
run 0 env "AWS_ACCESS_KEY_ID=$ID" AWS_SECRET_ACCESS_KEY=wrong "$FIND" "$HOST" app
same "stdout" "" "$(cat out)"
grep -q "^warning: public.ecr.aws: going on without credentials: POST $ECR/: HTTP status 400: InvalidSignatureException: " err || fail "$(cat err)"
stop public

# login tries the identity and stores nothing; logout drops the kept tokens.
# The host is reached through a proxy, which is the registry itself.
HOST=123456789012.dkr.ecr.eu-central-1.amazonaws.com
registry real
faultd front "$REG" '* * * guard AWS:the-password'
ecrd sts "key=$ID:$SECRET" region=eu-central-1 token=AWS:the-password
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR http_proxy=http://$FAULT no_proxy=127.0.0.1
run 0 env "${key[@]}" "$ENCL" login --plain-http "$HOST"
same "login" "$HOST: the AWS identity found here is accepted; it is looked up each time, and nothing is stored" "$(cat out)"
[ ! -e "$HOME/.docker" ] || fail "a file was written"
same "kept" 1 "$(find "$XDG_CACHE_HOME/enclavebuild/ecr" -type f | wc -l)"
run 0 "$ENCL" logout "$HOST"
same "logout" "$HOST: the tokens in the cache are removed" "$(cat out)"
same "kept" 0 "$(find "$XDG_CACHE_HOME/enclavebuild/ecr" -type f | wc -l)"
run 0 "$ENCL" logout "$HOST"
same "logout again" "$HOST: no credentials are stored" "$(cat out)"
run 6 "$ENCL" login --plain-http "$HOST"
stop sts
ecrd sts "key=$ID:$SECRET" region=eu-central-1 token=AWS:another-password
export ENCLAVEBUILD_ECR_ENDPOINT=$ECR
run 6 env "${key[@]}" "$ENCL" login --plain-http "$HOST"
grep -q "HTTP status 401" err || fail "$(cat err)"
no_secret
