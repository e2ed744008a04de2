# Goal: login, push, pull and logout as a person does them: over TLS with a CA
# of one's own, by a token server with and without a name, by refresh tokens
# that run out; no more is asked for than is needed, and nothing secret is shown.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
eif app.eif 64
AUTH=$HOME/.docker/config.json
SECRET=geheim-0815
BASIC=$(printf 'alice:%s' "$SECRET" | base64)
REFRESH=refresh-4711
no_secrets() {
	local s
	for s in "$SECRET" "$BASIC" "$REFRESH" eyJ; do
		! grep -qF -e "$s" out err || fail "a secret is shown: $(cat out err)"
	done
}
shown() { sed -e "s#$REG#HOST#g" -e "s#${REALM:-none}#REALM#g" -e "s#sha256:[0-9a-f]\{64\}#DIGEST#g" err; }
says() { # says CODE MESSAGE COMMAND…
	run "$1" "${@:3}"
	same "stderr of ${*:3}" "enclavebuild: $2" "$(shown)"
	no_secrets
}
does() { # does COMMAND…
	run 0 "$@"
	no_secrets
}
login() { # login PASSWORD [OPTION…]
	local got=0
	printf '%s\n' "$1" >password
	"$ENCL" login -q "$REG" -u "${WHO:-alice}" --password-stdin "${@:2}" <password >out 2>err || got=$?
	no_secrets
	return $got
}
round_trip() { # round_trip OPTION…: push and pull back
	rm -rf got.eif "$XDG_CACHE_HOME"
	does "$ENCL" push -q app.eif "$REG/team/app:1" "$@"
	does "$ENCL" pull -q "$REG/team/app:1" -o got.eif "$@"
	cmp app.eif got.eif
}

# ---- htpasswd over TLS ----
registry secure tls htpasswd "alice:$SECRET"
run 6 "$ENCL" push -q app.eif "$REG/team/app:1"
grep -q -e "give its CA with --cacert" err || fail "no word of the CA: $(cat err)"
run 6 "$ENCL" push -q --cacert ca.pem app.eif "$REG/team/app:1"
grep -q "HTTP status 401: UNAUTHORIZED: authentication required (run \"enclavebuild login $REG\")\$" err || fail "$(cat err)"
login wrong-0815 --cacert ca.pem && fail "a wrong password logs in"
grep -q "HTTP status 401" err || fail "$(cat err)"
[ ! -e "$AUTH" ] || fail "a wrong password was kept"
login "$SECRET" --cacert ca.pem || fail "login: $(cat err)"
same "mode of the auth file" 600 "$(stat -c %a "$AUTH")"
same "what it keeps" "$BASIC" "$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["auths"][sys.argv[2]]["auth"])' "$AUTH" "$REG")"
round_trip --cacert ca.pem
SSL_CERT_FILE=$WORK/ca.pem round_trip
# another name of the same server is another server
run 6 "$ENCL" pull -q --cacert ca.pem "localhost:${REG#*:}/team/app:1" -o none.eif
grep -q 'HTTP status 401' err || fail "$(cat err)"
[ ! -e none.eif ] || fail "a file without a login"
# other tools read what login wrote, and the other way round
SSL_CERT_FILE=$WORK/ca.pem does skopeo inspect --authfile "$AUTH" --raw "docker://$REG/team/app:1"
does "$ENCL" pull -vv --cacert ca.pem "$REG/team/app:1" -o got2.eif
does "$ENCL" logout -q "$REG"
! grep -q "$REG" "$AUTH" || fail "logout left it: $(cat "$AUTH")"
rm -rf "$XDG_CACHE_HOME"
run 6 "$ENCL" pull -q --cacert ca.pem "$REG/team/app:1" -o none.eif
SSL_CERT_FILE=$WORK/ca.pem skopeo login -u alice --password-stdin "$REG" --authfile skopeo.json <password >/dev/null
does "$ENCL" pull -q --cacert ca.pem --auth-file skopeo.json "$REG/team/app:1" -o got3.eif
stop secure

# ---- a token server: anonymous pull, push with a name ----
rm -f "$AUTH"
tokend tokens "user=alice:$SECRET:pull,push" anonymous=pull
registry guarded token "$REALM"
run 6 "$ENCL" push -q app.eif "$REG/team/app:1"
grep -q "HTTP status 401: UNAUTHORIZED.*run \"enclavebuild login $REG\"" err || fail "$(cat err)"
no_secrets
login wrong-0815 && fail "a wrong password logs in"
login "$SECRET" || fail "login: $(cat err)"
: >"$TOKEN_LOG"
does "$ENCL" push -q app.eif "$REG/team/app:1"
same "tokens of a push" "200 GET auth=basic:alice service=tests scope=repository:team/app:pull,push client_id=-" \
	"$(sort -u "$TOKEN_LOG")"
same "asked for once" 1 "$(grep -c . "$TOKEN_LOG")"
does "$ENCL" logout -q "$REG"
: >"$TOKEN_LOG"
rm -rf "$XDG_CACHE_HOME"
does "$ENCL" pull -q "$REG/team/app:1" -o got4.eif
cmp app.eif got4.eif
same "tokens of a pull" "200 GET auth=- service=tests scope=repository:team/app:pull client_id=-" "$(cat "$TOKEN_LOG")"
stop guarded

# ---- refresh tokens; tokens that live for seconds; a server with old manners ----
mkdir -p "$HOME/.docker"
tokend short "user=alice:$SECRET:pull,push" "refresh=$REFRESH:alice" expires=2
registry refreshed token "$REALM"
printf '{"auths":{"%s":{"identitytoken":"%s"}}}' "$REG" "$REFRESH" >"$AUTH"
round_trip
grep -q '^200 POST auth=refresh:alice service=tests scope=repository:team/app:pull,push client_id=enclavebuild$' "$TOKEN_LOG" ||
	fail "no refresh token: $(cat "$TOKEN_LOG")"
! grep -q 'auth=basic' "$TOKEN_LOG" || fail "a password from nowhere: $(cat "$TOKEN_LOG")"
printf '{"auths":{"%s":{"identitytoken":"another"}}}' "$REG" >"$AUTH"
run 6 "$ENCL" pull -q "$REG/team/app:1" -o none.eif
stop refreshed
for manners in "silent access" "first" "nopost"; do
	# shellcheck disable=SC2086
	tokend old "user=alice:$SECRET:pull,push" $manners
	registry aged token "$REALM"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$REG" "$BASIC" >"$AUTH"
	round_trip
	stop aged
	stop old
done
# a token server that is in trouble for a moment, or another's
tokend busy "user=alice:$SECRET:pull,push" fail=2:503
registry busyreg token "$REALM"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$REG" "$BASIC" >"$AUTH"
round_trip

# ---- a token that is refused in the middle of a push: a new one, and on ----
tokend fresh "user=alice:$SECRET:pull,push"
registry changing token "$REALM"
n=0
for what in 'PUT /uploads/' 'PUT /manifests/' '5-5 HEAD /blobs/'; do
	n=$((n + 1))
	[[ $what == [0-9]* ]] || what="2-2 $what"
	faultd front "$REG" "$what status 401 UNAUTHORIZED" \
		"$what header WWW-Authenticate: Bearer realm=\"$REALM\",service=\"tests\",scope=\"repository:team/n$n:pull,push\",error=\"invalid_token\""
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$FAULT" "$BASIC" >"$AUTH"
	: >"$TOKEN_LOG"
	does "$ENCL" push -q app.eif "$FAULT/team/n$n:1"
	same "tokens with $what" "2 repository:team/n$n:pull,push" \
		"$(sed -n 's/^200 .*scope=\([^ ]*\) .*/\1/p' "$TOKEN_LOG" | uniq -c | sed 's/^ *//')"
	stop front
done

# ---- nobody is led from https to http, least of all with a password ----
make_ca
registry plain
run 0 "$ENCL" push -q app.eif "$REG/team/app:1"
STORE=$REG
scripted other "$O/support/faultd" wire="$WORK/other.wire" listen=127.0.0.2 "$STORE"
OTHER=127.0.0.2:$PORT
led() { # led MESSAGE VERB RULE…
	faultd front "tls=$WORK/server.pem,$WORK/server.key" "$STORE" "* * * guard alice:$SECRET" "${@:3}"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$FAULT" "$BASIC" >"$AUTH"
	rm -rf got.eif "$XDG_CACHE_HOME"
	case $2 in
	pull) run 6 "$ENCL" pull -q --cacert ca.pem "$FAULT/team/app:1" -o got.eif ;;
	push) run 6 "$ENCL" push -q --cacert ca.pem app.eif "$FAULT/team/new:1" ;;
	esac
	grep -qF -e "$1" err || fail "$2, ${*:3}: want $1: $(cat err)"
	same "$2, ${*:3}: what the other host heard" "" "$(cat other.wire)"
	no_secrets
	stop front
}
led "a redirect of 127.0.0.1 leads from https to http: http://$OTHER/v2/team/app/blobs/" \
	pull "* GET /blobs/ redirect http://$OTHER"
led "a Location of 127.0.0.1 leads from https to http: http://$OTHER/v2/team/new/blobs/uploads/" \
	push "* POST /uploads/ location $OTHER"
led "the token server of 127.0.0.1 leads from https to http: http://$OTHER/token (refused)" \
	pull "* * * status 401" "* * * header WWW-Authenticate: Bearer realm=\"http://$OTHER/token\",service=\"s\""

# ---- certificates of our own, and of clients ----
rm -f "$AUTH"
registry mutual tls clients
run 6 "$ENCL" push -q --cacert ca.pem app.eif "$REG/team/app:1"
grep -q 'it wants a certificate of yours' err || fail "no word of a certificate: $(cat err)"
mkdir -p "certs/$REG"
cp ca.pem "certs/$REG/ca.crt"
cp client.pem "certs/$REG/client.cert"
cp client.key "certs/$REG/client.key"
run 0 "$O/support/registry-call" certs=certs GET "$REG/team/app" ""
grep -q '^200 ' out || fail "$(cat out err)"

# ---- IPv6 ----
if grep -q ' lo$' /proc/net/if_inet6 2>/dev/null; then
	registry six ipv6
	round_trip
fi

# a proxy's password is not shown, whatever is wrong with its URL
for proxy in "bad://me:$SECRET@proxy.invalid:1" "http://me:$SECRET @proxy.invalid:z" "http://me:$SECRET@127.0.0.1:1"; do
	run 6 env https_proxy="$proxy" "$ENCL" pull -vv reg.example/app:1 -o x.eif
	! grep -qF "$SECRET" out err || fail "a secret is shown: $(cat err)"
	grep -q '^enclavebuild: GET https://reg.example/v2/app/manifests/1: ' err || fail "$(cat err)"
done
run 2 "$ENCL" pull "https://me:$SECRET@reg.example/app:1"
! grep -qF "$SECRET" err || fail "a secret is shown: $(cat err)"
run 2 "$ENCL" login "me:$SECRET@reg.example" -u me --password-stdin
! grep -qF "$SECRET" err || fail "a secret is shown: $(cat err)"
