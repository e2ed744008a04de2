# Goal: what a registry does wrong is retried and done, or is one clear error
# with nothing left; and no credential reaches another host.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/layout.sh"
need skopeo

SECRET=geheim-0815 # of user alice; its Basic form:
BASIC=$(printf 'alice:%s' "$SECRET" | base64)
cases=0
registry real
eif app.eif 2048
run 0 "$ENCL" push -q --no-evidence app.eif "$REG/team/app:1"
layout img 1 2048
into img "$REG/team/base:1"
"$O/support/image-list" cache oci:img >base.list
manifest_of() { curl -sfH 'Accept: application/vnd.oci.image.manifest.v1+json' "http://$REG/v2/$1/manifests/1"; }
# about KIND: image (an enclave image, by pull) or base (a base image, as build
# reads it): NAME, its MANIFEST, and the largest BLOB of SIZE bytes
about() {
	KIND=$1
	NAME=team/app
	[ "$KIND" = image ] || NAME=team/base
	MANIFEST=sha256:$(manifest_of "$NAME" | sha256sum | cut -d' ' -f1)
	BLOB=$(manifest_of "$NAME" | sed 's/.*"layers":\[{[^}]*"digest":"\([^"]*\)".*/\1/')
	SIZE=$(curl -sI "http://$REG/v2/$NAME/blobs/$BLOB" | tr -d '\r' | sed -n 's/^Content-Length: //p')
}

# front RULE…: a registry that wants alice's password and has faults; no other
# server has hers.
front() {
	[ -z "${SERVER_PIDS[front]:-}" ] || stop front
	rm -f front.wire
	faultd front seed="${SEED:-1}" "$REG" "* * * guard alice:$SECRET" "$@"
	mkdir -p "$HOME/.docker"
	printf '{"auths":{"%s":{"auth":"%s"}}}' "$FAULT" "$BASIC" >"$HOME/.docker/config.json"
}
other() { # other [RULE…]: another host and port, without a password
	[ -z "${SERVER_PIDS[other]:-}" ] || stop other
	rm -f other.wire
	scripted other "$O/support/faultd" wire="$WORK/other.wire" listen=127.0.0.2 "$REG" "$@"
	OTHER=127.0.0.2:$PORT
}
# What was said has no secret, and the other host got no credential.
no_secrets() {
	! grep -qF -e "$SECRET" -e "$BASIC" out err || fail "$1: a secret is shown: $(cat out err)"
	! grep -qiE '^(authorization|cookie|proxy-authorization):' other.wire 2>/dev/null ||
		fail "$1: credentials for another host: $(cat other.wire)"
}
nothing_left() {
	same "$1: left here" "" "$(find . -maxdepth 1 -name '*got*')"
	same "$1: left in the cache" "" "$(find cache/tmp -type f 2>/dev/null)"
	(cd cache/blobs/sha256 2>/dev/null || exit 0; sha256sum -- * 2>/dev/null | awk '$1 != $2 {exit 1}') || fail "$1: wrong bytes in the cache"
}
shown() { sed -e "s#$FAULT#HOST#g" -e "s#${OTHER:-none}#OTHER#g" -e "s#$NAME#NAME#g" -e "s#$BLOB#BLOB#g" \
	-e "s#$MANIFEST#MANIFEST#g" -e 's#^[a-z-]*: ##' -e "s#\b$((SIZE + 1))\b#SIZE+1#g" -e "s#\b$((SIZE - 1))\b#SIZE-1#g" -e "s#\b$SIZE\b#SIZE#g" \
	-e 's#sha256:[0-9a-f]\{64\}#DIGEST#g' err; }
pull() { # TAG-OR-DIGEST
	rm -rf got.eif cache
	case $KIND in
	image) "$ENCL" pull -q --cache-dir cache "$FAULT/$NAME$1" -o got.eif ;;
	base) "$O/support/image-list" cache "$FAULT/$NAME$1" ;;
	esac
}
is_right() {
	case $KIND in
	image) cmp app.eif got.eif ;;
	base) cmp base.list out ;;
	esac
}
# done_after RULE…: the pull succeeds
done_after() {
	cases=$((cases + 1))
	front "$@"
	run 0 pull ":1"
	is_right || fail "$*: other bytes"
	no_secrets "$*"
}
# fails_with CODE MESSAGE RULE…: exactly this line (HOST, NAME, BLOB, MANIFEST, SIZE: what is meant)
fails_with() {
	cases=$((cases + 1))
	front "${@:3}"
	run "$1" pull "${REF:-:1}"
	same "${*:3}" "$2" "$(shown)"
	same "stdout of ${*:3}" "" "$(cat out)"
	nothing_left "${*:3}"
	no_secrets "${*:3}"
}
asked() { grep -cE "^[0-9]+ $1 .*$2" "$FAULT_LOG" || true; } # METHOD PATTERN

faulty_pulls() {
	# ---- retried and done ----
	done_after
	for status in 408 429 500 502 503 504; do
		done_after "2 GET /manifests/ status $status" "1 GET /blobs/$BLOB status $status html"
		same "manifests asked for, and given" "3 1" \
			"$(asked GET '/manifests/.* auth=basic') $(grep -c '^200 GET .*/manifests/' "$FAULT_LOG")"
	done
	start=$SECONDS
	done_after '1 GET /manifests/ status 429' '1 GET /manifests/ header Retry-After: 2'
	[ $((SECONDS - start)) -ge 2 ] || fail "Retry-After was not kept"
	done_after '1 GET /manifests/ drop' "1 GET /blobs/$BLOB drop"
	done_after "1 GET /manifests/ late 1500"
	for how in cut reset; do
		done_after "1 GET /blobs/$BLOB $how 1000000"
		[ "$(asked GET "blobs/$BLOB .*range=bytes=[1-9]")" -eq 1 ] || fail "$how: not resumed: $(cat "$FAULT_LOG")"
	done
	done_after "* GET /blobs/$BLOB unsized"
	# the rest as a whole file, or as another range: begun again
	done_after "1 GET /blobs/$BLOB cut 1000000" "2-2 GET /blobs/$BLOB norange"
	done_after "1 GET /blobs/$BLOB cut 1000000" "2-2 GET /blobs/$BLOB status 416"
	for range in 'bytes 5-9/10' "bytes 0-$((SIZE - 1))/$SIZE" "bytes 1000000-$((SIZE - 1))/$((SIZE + 1))" 'bytes 1000000-' 'rubbish' ''; do
		done_after "1 GET /blobs/$BLOB cut 1000000" "2-2 GET /blobs/$BLOB header Content-Range: $range"
	done
	# to another host, without credentials
	other
	done_after "* GET /blobs/ redirect http://$OTHER"
	grep -q "^200 GET /v2/$NAME/blobs/$BLOB auth=- " other.log || fail "not from the other host: $(cat other.log)"
	done_after "* GET /blobs/ redirect http://$OTHER" "* GET /blobs/ header Set-Cookie: a=b"
	# cut there, asked there or here again for the rest
	other "1 GET /blobs/$BLOB cut 1000000"
	done_after "* GET /blobs/ redirect http://$OTHER"
	grep -q "blobs/$BLOB auth=- range=bytes=1000000- sent=$((SIZE - 1000000)) " other.log || fail "not resumed: $(cat other.log)"

	# ---- one clear error, and nothing left ----
	other
	local b="GET http://HOST/v2/NAME/blobs/BLOB" m="GET http://HOST/v2/NAME/manifests/1" zero
	zero=sha256:$(printf %064d 0)
	fails_with 1 "HOST/NAME$([ "$KIND" = image ] && echo ": blob" || echo ":1:") BLOB: digest mismatch: want BLOB, got DIGEST" "* GET /blobs/$BLOB rubbish"
	fails_with 1 "HOST/NAME: blob BLOB: the registry has SIZE+1 bytes of it, its descriptor says SIZE" \
		"* GET /blobs/$BLOB pad 1"
	fails_with 1 "HOST/NAME: blob BLOB: is larger than the SIZE bytes that its descriptor says" \
		"* GET /blobs/$BLOB pad 1" "* GET /blobs/$BLOB unsized"
	fails_with 1 "HOST/NAME: blob BLOB: the registry has SIZE+1 bytes of it, its descriptor says SIZE" \
		"* GET /blobs/$BLOB length 1"
	fails_with 1 "HOST/NAME: blob BLOB: the registry has SIZE-1 bytes of it, its descriptor says SIZE" \
		"* GET /blobs/$BLOB length -1"
	fails_with 6 "HOST/NAME: blob BLOB: the connection breaks, and the registry cannot go on from byte 1000" \
		"* GET /blobs/$BLOB cut 1000" "2-99 GET /blobs/$BLOB norange"
	fails_with 6 "$b: Empty reply from server" "* GET /blobs/$BLOB drop"
	fails_with 6 "$b: HTTP status 404: BLOB_UNKNOWN: scripted (not there, or not for these credentials)" \
		"* GET /blobs/$BLOB status 404 BLOB_UNKNOWN"
	fails_with 6 "$b: HTTP status 403: <!DOCTYPE html> <html><head><title>403</title></head> <body>\x1b[31mA gateway says no</body></html> (the credentials for HOST do not allow this)" \
		"* GET /blobs/$BLOB status 403 html"
	fails_with 6 "$b: HTTP status 500: UNKNOWN: scripted (the server is in trouble; try again later)" \
		"* GET /blobs/$BLOB status 500"
	fails_with 6 "$b: more than 10 redirects" "* GET /blobs/$BLOB redirect self"
	fails_with 6 "$b: a redirect of 127.0.0.1 leads to an address inside this network: http://169.254.169.254/v2/NAME/blobs/BLOB (refused)" \
		"* GET /blobs/$BLOB redirect http://169.254.169.254"
	fails_with 6 "$b: a redirect of 127.0.0.1: \"file:///v2/NAME/blobs/BLOB\" is not a http or https URL" \
		"* GET /blobs/$BLOB redirect file://"
	start=$SECONDS
	fails_with 6 "$m: HTTP status 429: TOOMANYREQUESTS: scripted (too many requests; try again in 3600 s)" \
		"* GET /manifests/ status 429 TOOMANYREQUESTS" "* GET /manifests/ header Retry-After: 3600"
	[ $((SECONDS - start)) -lt 60 ] || fail "it waited for an hour"
	fails_with 6 "$m: HTTP status 401: UNKNOWN: scripted (the credentials for HOST are not accepted; run \"enclavebuild login HOST\")" \
		"* GET /manifests/ status 401"
	fails_with 6 "$m: the answer is larger than 4194304 bytes" "* GET /manifests/ pad 5000000"
	fails_with 1 "HOST/NAME: manifest 1: digest mismatch: the registry has DIGEST, its bytes have MANIFEST" \
		"* GET /manifests/ header Docker-Content-Digest: $zero"
	printf '{"schemaVersion":1,"name":"team/app","tag":"1","architecture":"amd64","fsLayers":[],"history":[]}' >schema1
	fails_with 1 "HOST/NAME: manifest 1: Docker image manifest schema 1 is not supported; push the image again with a current tool" \
		"* GET /manifests/ file schema1" "* GET /manifests/ header Docker-Content-Digest:" \
		"* GET /manifests/ header Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws"
	printf '<html>\033[2Jwelcome</html>' >page
	fails_with 1 "HOST/NAME: manifest 1:1:1: not valid JSON: '[' or '{' expected near '<'" \
		"* GET /manifests/ file page" "* GET /manifests/ header Docker-Content-Digest:" \
		"* GET /manifests/ header Content-Type: text/html"
	tr '{' '[' <schema1 >rubbish
	REF=@$MANIFEST
	fails_with 1 "HOST/NAME: manifest MANIFEST: digest mismatch: the request has MANIFEST, its bytes have DIGEST" \
		"* GET /manifests/ file rubbish" "* GET /manifests/ header Docker-Content-Digest:"
	REF=:1
	# passwords for nobody's realm: in plain http far away, or inside
	fails_with 6 "the token server of 127.0.0.1 speaks plain http: 192.0.2.1 (refused; --plain-http allows it)" \
		"* * * status 401" "* * * header WWW-Authenticate: Bearer realm=\"http://192.0.2.1/token\",service=\"s\""
	fails_with 6 "the token server of 127.0.0.1 leads to an address inside this network: http://169.254.169.254/token (refused)" \
		"* * * status 401" "* * * header WWW-Authenticate: Bearer realm=\"http://169.254.169.254/token\",service=\"s\""
}
for kind in base image; do
	about $kind
	faulty_pulls
done

# ---- push ----
# sends RULE…: to a repository of its own; it is there, whole
sends() {
	cases=$((cases + 1))
	front "$@"
	run 0 "$ENCL" push -q --no-evidence ${MOUNT:+--mount-from "$MOUNT"} app.eif "$FAULT/sent/r$cases:1"
	same "$*: digest" "$MANIFEST" "sha256:$(skopeo inspect --tls-verify=false --raw "docker://$REG/sent/r$cases:1" | sha256sum | cut -d' ' -f1)"
	curl -sf "http://$REG/v2/sent/r$cases/blobs/$BLOB" | cmp app.eif - || fail "$*: other bytes"
	[[ $* == *"POST /uploads/ mute" ]] || # nobody knows of that one
		same "$*: uploads that are open" "" "$(find real/data -path "*sent/r$cases/_uploads/*" -name startedat)"
	no_secrets "$*"
}
# sends_not CODE MESSAGE RULE…: one error, no tag, no upload that is open
sends_not() {
	cases=$((cases + 1))
	front "${@:3}"
	run "$1" "$ENCL" push -q --no-evidence app.eif "$FAULT/sent/r$cases:1"
	same "${*:3}" "$2" "$(shown | sed "s#sent/r$cases#NAME#g; s#/uploads/[0-9a-f-]\{36\}#/uploads/ID#g; s#\(Recv\|Send\) failure: \(Connection reset by peer\|Broken pipe\)#CUT#")"
	[[ $* == *Location* ]] || # of those nobody knows
		same "${*:3}: uploads that are open" "" "$(find real/data -path "*sent/r$cases/_uploads/*" -name startedat)"
	curl -sf "http://$REG/v2/sent/r$cases/manifests/1" >/dev/null && fail "${*:3}: there is a tag"
	no_secrets "${*:3}"
}
for status in 408 429 500 502 503 504; do
	sends "1 HEAD /blobs/ status $status" "1 POST /uploads/ status $status" "1 PUT /uploads/ status $status" \
		"1 PUT /manifests/ status $status"
done
for what in 'HEAD /blobs/' 'POST /uploads/' 'PUT /uploads/' 'PUT /manifests/'; do
	sends "1 $what drop"
	sends "1 $what mute"
done
for SEED in 1 2 3; do sends "3 PUT /uploads/ upcut random"; done
sends "* POST /uploads/ location relative"
sends "* PUT /uploads/ code 204"
sends "* PUT /uploads/ late 1500"
other
sends "* POST /uploads/ location $OTHER" # the registry's store: no password there
grep -q "^201 PUT /v2/sent/r$cases/blobs/uploads/.* auth=- " other.log || fail "not sent there: $(cat other.log)"
MOUNT=team/app
sends
same "mounted" "" "$(grep -E '^[0-9]+ PUT .*/blobs/uploads/' "$FAULT_LOG" || true)"
sends "* POST mount= status 400 UNSUPPORTED"
sends "* POST mount= status 500"
unset MOUNT
up="PUT http://HOST/v2/NAME/blobs/uploads/ID?…"
sends_not 6 "POST http://HOST/v2/NAME/blobs/uploads/: HTTP status 403: DENIED: scripted (the credentials for HOST do not allow this)" \
	"* POST /uploads/ status 403 DENIED"
sends_not 6 "POST HOST/NAME: the registry does not say where to upload to (no Location)" \
	"* POST /uploads/ header Location:"
sends_not 6 "a Location of 127.0.0.1 leads to an address inside this network: http://169.254.169.254/v2/NAME/blobs/uploads/ID?… (refused)" \
	"* POST /uploads/ location 169.254.169.254"
sends_not 6 "$up: HTTP status 413: <!DOCTYPE html> <html><head><title>413</title></head> <body>\x1b[31mA gateway says no</body></html> (too large for the registry or a proxy before it)" \
	"* PUT /uploads/ status 413 html"
sends_not 6 "$up: CUT" "* PUT /uploads/ upcut random"
sends_not 6 "$up: HTTP status 400: DIGEST_INVALID: scripted" "* PUT /uploads/ status 400 DIGEST_INVALID"
sends_not 6 "PUT http://HOST/v2/NAME/manifests/MANIFEST: HTTP status 400: MANIFEST_INVALID: scripted" \
	"* PUT /manifests/ status 400 MANIFEST_INVALID"
sends_not 1 "HOST/NAME: manifest MANIFEST: digest mismatch: the registry has DIGEST, its bytes have MANIFEST" \
	"* PUT /manifests/ header Docker-Content-Digest: sha256:$(printf %064d 0)"

# a registry that claims to keep referrers, but names another subject: by a tag then
front "* PUT /manifests/ header OCI-Subject: sha256:$(printf %064d 0)"
run 0 "$ENCL" push -q app.eif "$FAULT/sent/subject:1"
curl -sfo tag "http://$REG/v2/sent/subject/manifests/sha256-${MANIFEST#*:}" -H 'Accept: application/vnd.oci.image.index.v1+json' ||
	fail "no tag for the referrers: $(cat "$FAULT_LOG")"
grep -q 'application/vnd.enclavebuild.measurements.v1+json' tag || fail "$(cat tag)"
# one that leads to a page for people instead of a list (GHCR): nobody goes there
other
for status in 302 303 307; do
	front "* GET /referrers/ status $status empty" "* GET /referrers/ header Location: http://$OTHER/orgs/team"
	run 0 "$ENCL" push -q app.eif "$FAULT/sent/page$status:1"
	run 0 "$ENCL" discover "$FAULT/sent/page$status:1"
	grep -q 'application/vnd.enclavebuild.measurements.v1+json' out || fail "$(cat out)"
	same "heard there" "" "$(cat other.wire)"
done

# a server that says nothing any more, for half a minute
about image
done_after "1 GET /blobs/$BLOB stall 1000000"
[ "$(asked GET "blobs/$BLOB .*range=bytes=1000000-")" -eq 1 ] || fail "not resumed: $(cat "$FAULT_LOG")"
echo "$cases cases"
