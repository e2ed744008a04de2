# Goal: the registry's client follows challenges, redirects and errors as it should, and tells no host another's secret.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
cd "$WORK" || exit 1
CALL=$O/support/registry-call

call() { # call WANTED-STATUS WORD…: out has the first line, err the errors
	local want=$1 status=0
	shift
	"$CALL" "$@" >call.out 2>call.err || status=$?
	out=$(head -n 1 call.out | tr -d '\0') err=$(cat call.err)
	[ "$status" -eq "$want" ] || fail "registry-call $*: exit $status: $out $err"
}
says() { [[ "$out $err" == *"$1"* ]] || fail "wanted \"$1\": $out $err"; }
auth() { # auth USER:PASSWORD HOST…
	local user=$1 list='' host
	shift
	for host in "$@"; do list+="\"$host\": {\"auth\": \"$(printf %s "$user" | base64 -w0)\"},"; done
	printf '{"auths": {%s}}' "${list%,}" >auth.json
}
put_blob() { # put_blob FILE REFERENCE WORD…: by POST and PUT
	local file=$1 ref=$2
	shift 2
	DIGEST=sha256:$(sha256sum <"$file" | cut -d' ' -f1)
	call 0 "$@" body="$file" UPLOAD "$ref" "&digest=$DIGEST"
}

# ---- a plain registry: http is found out by itself ----
registry plain
head -c 300000 /dev/zero | tr '\0' 'x' >blob
put_blob blob "$REG/team/app"
says "201"
call 0 sink=got max=300000 GET "$REG/team/app" "blobs/$DIGEST"
says "200 application/octet-stream got=300000"
cmp got blob
call 0 sink=got offset=299990 GET "$REG/team/app" "blobs/$DIGEST"
says "206"
says "got=10"
call 6 sink=got max=299999 GET "$REG/team/app" "blobs/$DIGEST"
says "error: GET http://$REG/v2/team/app/blobs/$DIGEST: the answer is larger than 299999 bytes"
call 6 GET "$REG/team/app" manifests/1
says "error: GET http://$REG/v2/team/app/manifests/1: HTTP status 404: MANIFEST_UNKNOWN: manifest unknown (not there, or not without a login)"
call 6 HEAD "$REG/team/app" manifests/1
says "error: HEAD http://$REG/v2/team/app/manifests/1: HTTP status 404: MANIFEST_UNKNOWN: manifest unknown"
call 0 also=404 HEAD "$REG/team/app" manifests/1
says "404"
call 6 offline GET "$REG/team/app" manifests/1
says "/v2/team/app/manifests/1: not tried, because of --offline"
call 0 GET "$REG/x" ""
says "200"

# ---- htpasswd over TLS ----
registry secure tls htpasswd alice:s3cret-pw
secure=$REG
call 6 GET "$secure/a" ""
says "SSL certificate problem"
says "; give its CA with --cacert"
call 6 ca=ca.pem GET "$secure/a" tags/list
says "HTTP status 401: UNAUTHORIZED: authentication required (run \"enclavebuild login $secure\")"
auth alice:wrong "$secure"
call 6 ca=ca.pem authfile=auth.json GET "$secure/a" tags/list
says "(the credentials for $secure are not accepted; run \"enclavebuild login $secure\")"
auth alice:s3cret-pw "$secure"
put_blob blob "$secure/a" ca=ca.pem authfile=auth.json
call 0 ca=ca.pem authfile=auth.json trace times=2 GET "$secure/a" ""
says "GET https://$secure/v2/ (anonymous, 0 bytes sent): 401"
says "GET https://$secure/v2/ (password left out, 0 bytes sent): 200"
[ "$(grep -c anonymous call.err)" -eq 1 ] || fail "asked twice what is wanted: $err"
grep -E 's3cret|Basic |YWxpY2' call.err && fail "a secret in the trace"
mkdir -p "certs/$secure"
cp ca.pem "certs/$secure/ca.crt"
call 0 certs=certs authfile=auth.json GET "$secure/a" ""
SSL_CERT_FILE=ca.pem call 0 authfile=auth.json GET "$secure/a" ""
touch "certs/$secure/client.cert"
call 5 certs=certs GET "$secure/a" tags/list
says "client.key: No such file or directory"
call 2 ca=blob GET "$secure/a" tags/list
says "error: blob: no certificate in PEM form"

# a server that wants to know who we are, too
openssl s_server -accept 127.0.0.1:0 -www -cert server.pem -key server.key \
	-CAfile ca.pem -Verify 1 -verify_return_error >s_server.log 2>&1 &
SERVER_PIDS[s_server]=$!
strict=127.0.0.1:$(first_match s_server.log 's/^ACCEPT .*:([0-9]+)$/\1/p')
mkdir -p "certs/$strict"
cp ca.pem "certs/$strict/ca.crt"
call 6 certs=certs GET "$strict/a" ""
cp server.pem "certs/$strict/client.cert"
cp server.key "certs/$strict/client.key"
call 0 certs=certs GET "$strict/a" ""
says "200 text/html"
stop s_server

# ---- tokens: least scope, one for many calls, renewed when it is refused ----
tokend tokens user=alice:s3cret-pw:pull,push anonymous=pull refresh=r3fresh-t0ken:alice
registry guarded token "$REALM"
guarded=$REG
auth alice:s3cret-pw "$guarded"
put_blob blob "$guarded/team/app" authfile=auth.json
call 0 authfile=auth.json times=3 sink=got GET "$guarded/team/app" "blobs/$DIGEST"
grep -q "^200 GET auth=basic:alice service=tests scope=repository:team/app:pull " "$TOKEN_LOG" ||
	fail "not the least scope: $(cat "$TOKEN_LOG")"
[ "$(grep -c 'scope=repository:team/app:pull ' "$TOKEN_LOG")" -eq 1 ] || fail "a token for each call"
grep -q "scope=repository:team/app:pull,push " "$TOKEN_LOG" || fail "no scope for push: $(cat "$TOKEN_LOG")"
# one token for all threads, also where it is refused to all of them at once
: >"$TOKEN_LOG"
call 0 authfile=auth.json threads=8 times=4 GET "$guarded/team/app" "blobs/$DIGEST"
[ "$(grep -ao '200 application/octet-stream got=300000' call.out | wc -l)" -eq 32 ] || fail "not all of them: $err"
[ "$(grep -c ^200 "$TOKEN_LOG")" -eq 1 ] || fail "a token for each thread: $(cat "$TOKEN_LOG")"
: >"$TOKEN_LOG"
call 0 authfile=auth.json push from=team/app POST "$guarded/other/app" "blobs/uploads/?mount=$DIGEST&from=team/app"
says "201"
grep -q "scope=repository:other/app:pull,push+repository:team/app:pull" "$TOKEN_LOG" || fail "$(cat "$TOKEN_LOG")"
call 0 sink=got GET "$guarded/team/app" "blobs/$DIGEST"
call 6 push POST "$guarded/team/app" blobs/uploads/
says "HTTP status 401: UNAUTHORIZED"
says "run \"enclavebuild login $guarded\""
auth alice:wrong "$guarded"
call 6 authfile=auth.json GET "$guarded/team/app" tags/list
says "/token?…: HTTP status 401"
says "(the credentials for $guarded are not accepted; run \"enclavebuild login $guarded\")"
: >"$TOKEN_LOG"
printf '{"auths": {"%s": {"identitytoken": "r3fresh-t0ken"}}}' "$guarded" >auth.json
call 0 authfile=auth.json push trace POST "$guarded/team/app" blobs/uploads/
grep -q "^200 POST auth=refresh:alice service=tests scope=repository:team/app:pull,push client_id=enclavebuild" \
	"$TOKEN_LOG" || fail "$(cat "$TOKEN_LOG")"
grep -E 'r3fresh|s3cret|Bearer |eyJ' call.err && fail "a secret in the trace"

# a DELETE wants a scope of its own: what the challenge names is added
location=${out##*location=}
: >"$TOKEN_LOG"
call 6 authfile=auth.json push DELETE "$guarded/team/app" "${location%% *}"
grep -q "scope=repository:team/app:delete,pull,push" "$TOKEN_LOG" || fail "$(cat "$TOKEN_LOG")"

tokend plainold user=alice:s3cret-pw:pull,push nopost access
registry old token "$REALM"
auth alice:s3cret-pw "$REG"
sed -i 's/}}}$/, "identitytoken": "r3fresh-t0ken"}}}/' auth.json
call 0 authfile=auth.json push POST "$REG/team/app" blobs/uploads/
grep -q "^404 POST" "$TOKEN_LOG" || fail "no POST: $(cat "$TOKEN_LOG")"
grep -q "^200 GET auth=basic:alice" "$TOKEN_LOG" || fail "no GET behind it: $(cat "$TOKEN_LOG")"

# ---- faults ----
registry store
store=$REG
put_blob blob "$store/a"
faultd busy "$store" '2 GET blobs status 503'
call 0 sink=got GET "$FAULT/a" "blobs/$DIGEST"
[ "$(grep -c ^503 "$FAULT_LOG")" -eq 2 ] || fail "$(cat "$FAULT_LOG")"
faultd later "$store" '1 GET blobs status 429' '1 GET blobs header Retry-After: 2'
began=$(date +%s%N)
call 0 plain sink=got GET "$FAULT/a" "blobs/$DIGEST"
[ $((($(date +%s%N) - began) / 1000000)) -ge 2000 ] || fail "Retry-After is not kept"
faultd never "$store" '* GET blobs status 429' '* GET blobs header Retry-After: 3600'
call 6 plain sink=got GET "$FAULT/a" "blobs/$DIGEST"
says "HTTP status 429"
says "(too many requests; try again in 3600 s, or after a login)"
says "broken=1"
[ "$(grep -c ^429 "$FAULT_LOG")" -eq 1 ] || fail "asked again though told not to"
faultd page "$store" '* GET blobs status 500 html'
call 6 plain sink=got GET "$FAULT/a" "blobs/$DIGEST"
says "HTTP status 500: <"
[ "$(grep -c ^500 "$FAULT_LOG")" -eq 4 ] || fail "not four attempts: $(cat "$FAULT_LOG")"
faultd cutter "$store" '1 GET blobs cut 1000'
call 6 plain sink=got GET "$FAULT/a" "blobs/$DIGEST"
says "broken=1 got=1000"
faultd mute "$store" '2 GET tags drop'
call 0 plain also=404 GET "$FAULT/a" tags/list
faultd loop "$store" '* GET tags redirect self'
call 6 plain GET "$FAULT/a" tags/list
says "more than 10 redirects"
faultd warner "$store" '* * * header Warning: 299 - "this registry \"ends\" soon"'
call 0 plain also=404 times=3 GET "$FAULT/a" tags/list
[ "$(grep -c 'the registry warns: this registry "ends" soon' call.err)" -eq 1 ] || fail "not once: $err"
faultd rel "$store" '* POST uploads location relative'
call 0 plain push POST "$FAULT/a" blobs/uploads/
says "location=http://$FAULT/v2/a/blobs/uploads/"

# ---- no credential reaches another host ----
faultd elsewhere "$store"
other=$FAULT other_wire=$FAULT_WIRE
faultd sender "$store" '* * * guard alice:s3cret-pw' "* GET blobs redirect http://$other"
auth alice:s3cret-pw "$FAULT" "$other"
call 0 plain authfile=auth.json sink=got GET "$FAULT/a" "blobs/$DIGEST"
says "200"
grep -q "basic:alice\|auth=Basic\|auth=basic" "$FAULT_LOG" || fail "no login: $(cat "$FAULT_LOG")"
grep -qi '^authorization' "$other_wire" && fail "credentials went on to another host"
grep -q "^GET /v2/a/blobs" "$other_wire" || fail "the redirect was not followed"
faultd mover "$store" '* * * guard alice:s3cret-pw' "* POST uploads location $other"
auth alice:s3cret-pw "$FAULT" "$other"
call 0 plain authfile=auth.json push POST "$FAULT/a" blobs/uploads/
location=${out##*location=}
call 0 plain authfile=auth.json push once body=blob PUT "$FAULT/a" "${location%% *}&digest=$DIGEST"
grep -q "^PUT" "$other_wire" || fail "the upload did not go there"
grep -qi '^authorization' "$other_wire" && fail "credentials went on to another host"
# who asks for them there gets none
faultd thief "$store" '* * * guard alice:s3cret-pw'
thief=$FAULT thief_wire=$FAULT_WIRE
faultd decoy "$store" '* * * guard alice:s3cret-pw' "* GET blobs redirect http://$thief"
auth alice:s3cret-pw "$FAULT" "$thief"
call 6 plain authfile=auth.json sink=got GET "$FAULT/a" "blobs/$DIGEST"
says "no credentials are sent to other hosts"
grep -qi '^authorization' "$thief_wire" && fail "credentials went to who asked for them"

# ---- an upload whose token is refused in the middle of it ----
tokend short user=alice:s3cret-pw:pull,push
registry strict token "$REALM"
faultd forgets "$REG" '1 PUT uploads status 401' \
	"1 PUT uploads header WWW-Authenticate: Bearer realm=\"$REALM\",service=\"tests\""
auth alice:s3cret-pw "$FAULT"
head -c 3000000 /dev/urandom >large
put_blob large "$FAULT/a" plain authfile=auth.json
says "201"
[ "$(grep -c '^200 GET auth=basic:alice' "$TOKEN_LOG")" -eq 2 ] || fail "not one new token: $(cat "$TOKEN_LOG")"
same "requests" "$(printf '401 POST\n202 POST\n401 PUT\n201 PUT')" "$(grep -v listening "$FAULT_LOG" | cut -d' ' -f1,2)"
faultd forgetful "$REG" '* PUT uploads status 401' \
	"* PUT uploads header WWW-Authenticate: Bearer realm=\"$REALM\",service=\"tests\""
auth alice:s3cret-pw "$FAULT"
call 6 plain authfile=auth.json body=large UPLOAD "$FAULT/a" "&digest=$DIGEST"
says "HTTP status 401"
[ "$(grep -c ' PUT ' "$FAULT_LOG")" -eq 2 ] || fail "renewed more than once: $(cat "$FAULT_LOG")"
# a session that breaks is begun again by who began it
faultd broken "$store" '* PUT uploads upcut 1000'
call 6 plain body=large UPLOAD "$FAULT/a" "&digest=$DIGEST"
says "broken=1"
[ "$(grep -c ' PUT ' "$FAULT_LOG")" -eq 1 ] || fail "sent again: $(cat "$FAULT_LOG")"

# ---- a server that repeats the secret ----
faultd echo "$store" '1 GET tags status 401' '1 GET tags header WWW-Authenticate: Basic realm="x"' \
	'2-9 GET tags status 403 you are alice, s3cret-pw'
auth alice:s3cret-pw "$FAULT"
call 6 plain authfile=auth.json trace GET "$FAULT/a" tags/list
says "HTTP status 403: (its words repeat a secret and are left out)"
[[ $err != *s3cret* ]] || fail "$err"

# ---- addresses inside are no target ----
faultd inward "$store" '* GET tags redirect http://169.254.169.254'
call 6 plain GET "$FAULT/a" tags/list
says "a redirect of 127.0.0.1 leads to an address inside this network: http://169.254.169.254/v2/a/tags/list (refused)"

for realm in http://10.1.2.3/token https://169.254.169.254/token http://auth.invalid/token file:///etc/passwd; do
	faultd "realm${realm//[^a-z0-9]/}" "$store" '* * * status 401' \
		"* * * header WWW-Authenticate: Bearer realm=\"$realm\",service=\"x\""
	auth alice:s3cret-pw "$FAULT"
	call 6 authfile=auth.json GET "$FAULT/a" tags/list
	says "the token server of 127.0.0.1"
	case $realm in
	file*) says "is not a http or https URL" ;;
	*auth.invalid*) says "speaks plain http: auth.invalid (refused; --plain-http allows it)" ;;
	*) says "leads to an address inside this network: $realm (refused)" ;;
	esac
done

# ---- proxies ----
faultd proxy "$store"
http_proxy=http://$FAULT call 0 plain also=404 GET registry.invalid/a tags/list
says "404"
grep -q "GET http://registry.invalid/v2/a/tags/list" "$FAULT_WIRE" || fail "$(cat "$FAULT_WIRE")"
faultd grudging "$store" '* CONNECT * status 407'
https_proxy=http://user:pr0xy-pw@$FAULT call 6 GET registry.invalid/a tags/list
says "GET https://registry.invalid/v2/a/tags/list: "
says "; the proxy wants credentials: check https_proxy"
[[ $err != *pr0xy-pw* ]] || fail "$err"
[ "$(grep -c CONNECT "$FAULT_LOG")" -eq 1 ] || fail "asked again: $(cat "$FAULT_LOG")"
