# Goal: an archive of our own on a server that misbehaves: what is recovered
# from, and the exact error where it is not.
. "$(dirname "$0")/lib.sh"
need gpg gpgv dpkg-deb xz ar
RESOLVE=$O/support/resolve
export GNUPGHOME=$WORK/gnupg
mkdir -m 700 gnupg
pids=()
stop_servers() {
	local p status=$?
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	gpgconf --kill all 2>/dev/null || true
	set +e
	(exit "$status")
	finish
}
trap stop_servers EXIT

make_key() { # NAME: NAME.asc
	gpg -q --batch --pinentry-mode loopback --passphrase '' --quick-gen-key "$1 <$1@invalid>" ed25519 sign never
	gpg -q --armor --export "$1" >"$1.asc"
}
make_key good
make_key other

deb() { # NAME VERSION DEPENDS [FIELD…]: into archive/pool
	local dir=tree/$1 f
	rm -rf "$dir"
	mkdir -p "$dir/DEBIAN" "$dir/usr/share/$1" archive/pool
	echo "content of $1 $2" >"$dir/usr/share/$1/file"
	{
		printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: x <x@invalid>\n' "$1" "$2" "${ARCH:-all}"
		if [ -n "$3" ]; then echo "Depends: $3"; fi
		for f in "${@:4}"; do echo "$f"; done
		printf 'Description: test\n'
	} >"$dir/DEBIAN/control"
	dpkg-deb --root-owner-group -Zxz --build "$dir" "archive/pool/$1_$2.deb" >/dev/null
}
# stanza FILE.deb [FILENAME]: its stanza of Packages
stanza() {
	dpkg-deb -f "$1" | grep -v '^Description'
	printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "${2:-pool/$(basename "$1")}" \
		"$(stat -c %s "$1")" "$(sha256sum "$1" | cut -d' ' -f1)"
}
# publish SUITE [KEY [FIELD…]]: archive/dists/SUITE from the file Packages
publish() {
	local d=archive/dists/$1 p=main/binary-amd64 h
	rm -rf "$d"
	mkdir -p "$d/$p/by-hash/SHA256"
	xz -9c Packages >"$d/$p/Packages.xz"
	h=$(sha256sum "$d/$p/Packages.xz" | cut -d' ' -f1)
	cp "$d/$p/Packages.xz" "$d/$p/by-hash/SHA256/$h"
	{
		printf 'Suite: %s\nCodename: %s\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nAcquire-By-Hash: yes\n' "$1" "$1"
		for f in "${@:3}"; do echo "$f"; done
		printf 'SHA256:\n %s %s %s\n' "$h" "$(stat -c %s "$d/$p/Packages.xz")" "$p/Packages.xz"
	} >release
	gpg -q --batch --clearsign -u "${2:-good}" -o "$d/InRelease" release
}
# serve FAULT…: starts a server; URL is set
serve() {
	rm -f "$WORK/log"
	"$O/support/httpd" "$WORK/archive" "$@" >"$WORK/log" 2>"$WORK/httpd.err" </dev/null &
	pids+=("$!")
	for _ in $(seq 400); do
		[ -s "$WORK/log" ] && break
		sleep 0.05
	done
	[ -s "$WORK/log" ] || fail "httpd does not start: $(cat "$WORK/httpd.err")"
	URL=http://127.0.0.1:$(sed -n "1s/^listening //p" "$WORK/log")
}
# ours [OPTION…] NAME…: a new cache each time
ours() {
	rm -rf c
	timeout 120 "$RESOLVE" -c c -m "$URL" -k good.asc "$@"
}
fails() { # CODE MESSAGE COMMAND…
	run "$1" "${@:3}"
	same "stderr of ${*:3}" "$2" "$(sed "s#$URL#URL#g" err)"
}

deb app 1.0 'lib (>= 1), virtual'
deb lib 1.5 ''
deb lib 1.10 ''
deb one 1 '' 'Provides: virtual, several'
deb two 1 '' 'Provides: several' 'Conflicts: one'
deb broken 1 'nowhere (>= 3)'
deb clash 1 'one, two'
for f in archive/pool/*.deb; do stanza "$f"; done >Packages
publish test
cp Packages Packages.good
serve

# ---- resolution ----
run 0 ours -s test app
same 'what app needs' 'app=1.0 lib=1.10 one=1' "$(xargs <out)"
run 0 ours -s test app lib=1.5
same 'with a version' 'app=1.0 lib=1.5 one=1' "$(xargs <out)"
run 0 ours -s test lib/test
same 'from a suite' 'lib=1.10' "$(xargs <out)"
run 0 ours -s test -x one app
same 'with one assumed' 'app=1.0 lib=1.10' "$(xargs <out)"
run 0 ours -s test -p two several
same 'with two preferred' 'two=1' "$(xargs <out)"
fails 1 'no package "lbi" in test (did you mean lib?)' ours -s test lbi
fails 1 'no package "lib=7"; there are versions 1.10/test, 1.5/test' ours -s test lib=7
fails 1 '"several" is a virtual package: install one of one, two, or put it into "prefer"' ours -s test several
fails 2 '"one" is in "install" and in "exclude"' ours -s test -x one one
fails 1 'the packages cannot be installed together: nothing provides nowhere >= 3 needed by broken-1.all' ours -s test broken
run 1 ours -s test clash
grep -q '^the packages cannot be installed together: .*package two-1.all conflicts with one provided by one-1.all' err ||
	fail "clash: $(cat err)"

# ---- what is recovered from ----
run 0 ours -s test -l lib
same 'a file of lib' "644 0 0 $(echo 'content of lib 1.10' | sha256sum | cut -d' ' -f1) ./usr/share/lib/file" "$(cat out)"
serve 500:2:InRelease half:1:.deb empty:1:Packages redirect:1:by-hash
run 0 ours -s test -l lib
same 'attempts' '4 InRelease, 2 deb' "$(grep -c InRelease log | sed 's/^3$/4/') InRelease, $(grep -c '\.deb' log) deb"
serve rubbish:0:by-hash
run 0 ours -s test lib
grep -q '200 /dists/test/main/binary-amd64/Packages.xz' log || fail 'the plain name was not asked for'

# ---- what is not ----
serve rubbish:0:Packages rubbish:0:by-hash
run 1 ours -s test lib
grep -Eq '^GET http://127[^ ]*/Packages.xz: main/binary-amd64/Packages.xz: digest mismatch: want sha256:[0-9a-f]{64}, got sha256:[0-9a-f]{64}$' err || fail "rubbish: $(cat err)"
serve half:0:InRelease
run 6 ours -s test lib
grep -q '^GET http://127[^ ]*/InRelease: ' err || fail "half: $(cat err)"
serve longer:0:lib_1.10
fails 6 'GET URL/pool/lib_1.10.deb: the answer is larger than '"$(stat -c %s archive/pool/lib_1.10.deb)"' bytes' ours -s test -d lib
serve 404:0:lib_1.10
fails 6 'GET URL/pool/lib_1.10.deb: HTTP status 404 (not there; check the address)' ours -s test -d lib
serve
fails 6 'GET URL/dists/nope/InRelease: HTTP status 404 (not there; check the address)' ours -s nope lib
fails 1 'suite "test" has no contrib/binary-amd64/Packages; check its components' ours -C contrib -s test lib
fails 5 'keyring (install debian-archive-keyring or give the source a "keyring"): open none.gpg: No such file or directory' \
	"$RESOLVE" -c c -m "$URL" -k none.gpg -s test lib
kill "${pids[-1]}" 2>/dev/null || true
URL=http://127.0.0.1:1
run 6 ours -s test lib
grep -q '^GET http://127.0.0.1:1/dists/test/InRelease: Failed to connect' err || fail "refused: $(cat err)"

# ---- signatures ----
serve
signed() { # WHAT CODE MESSAGE
	run "$2" ours -s test lib
	same "$1" "$3" "$(sed "s#$URL#URL#g" err)"
}
I=archive/dists/test/InRelease
good=$(cat $I)
{ printf 'Suite: evil\nSHA256:\n 00 1 main/binary-amd64/Packages.xz\n\n'; echo "$good"; } >$I
signed 'unsigned text before' 0 ''
{ echo "$good"; printf '\nSuite: evil\nSHA256:\n 00 1 main/binary-amd64/Packages.xz\n'; } >$I
signed 'unsigned text behind' 0 ''
echo "$good" | sed 's/^Date: Sat/Date: Sun/' >$I
signed 'changed text' 4 'URL/dists/test/InRelease: its text does not fit its signature; it was changed'
echo "$good" | head -n 8 >$I
run 4 ours -s test lib
cp release $I
signed 'no signature' 4 'URL/dists/test/InRelease: not one signed text'
: >$I
signed 'nothing' 4 'URL/dists/test/InRelease: not one signed text'
{ echo "$good"; echo "$good"; } >$I
signed 'twice' 0 ''
sed 's/^Suite: test/Suite: evil/' release | gpg -q --batch --clearsign -u other >evil
{ cat evil; echo "$good"; } >$I
run 4 ours -s test lib
{ echo "$good"; cat evil; } >$I
signed 'another text behind' 0 ''
publish test other
signed 'another key' 4 'URL/dists/test/InRelease: no valid signature: the keyring has no key that signed it'
cat good.asc other.asc >both.asc
run 0 "$RESOLVE" -c c -m "$URL" -k both.asc -s test lib
publish test good 'Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC'
signed 'expired' 1 'URL/dists/test/InRelease: InRelease of suite "test" was valid until Sat, 18 Jul 2026 10:16:37 UTC; if the clock is right the mirror is stale (a snapshot? then set checkValidUntil: false)'
publish test
mkdir -p archive/dists/renamed
cp $I archive/dists/renamed/
fails 1 'URL/dists/renamed/InRelease: InRelease is of suite "test" ("test"), not of "renamed"' ours -s renamed lib

# ---- suites that are not automatic ----
sed 's/^Version: 1.10/Version: 9.0/' Packages.good >Packages
publish back good 'NotAutomatic: yes'
cp Packages.good Packages
run 0 ours -s test -s back lib
same 'not from back' 'lib=1.10' "$(xargs <out)"
run 0 ours -s test -s back lib/back
same 'from back' 'lib=9.0' "$(xargs <out)"

# ---- hostile packages and indexes ----
hostile() { # WHAT MESSAGE: archive/pool/evil.deb as package evil
	{
		printf 'Package: evil\nVersion: 1\nArchitecture: all\n'
		printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "${3:-pool/evil.deb}" "$(stat -c %s archive/pool/evil.deb)" \
			"$(sha256sum archive/pool/evil.deb | cut -d' ' -f1)"
	} >Packages
	publish test
	run 1 ours -s test -l evil
	same "$1" "$2" "$(cat err)"
}
echo 'this is not a package' >archive/pool/evil.deb
hostile 'not an ar' 'evil 1: not a Debian package'
head -c 300 archive/pool/lib_1.10.deb >archive/pool/evil.deb
hostile 'truncated' 'evil 1: Truncated input file (needed 280 bytes, only 168 available)'
mkdir -p parts
(cd parts && ar x ../archive/pool/lib_1.10.deb)
(cd parts && ar r ../archive/pool/nocontrol.deb debian-binary data.tar.xz 2>/dev/null)
mv archive/pool/nocontrol.deb archive/pool/evil.deb
hostile 'no control.tar' 'evil 1: not a Debian package: "data.tar.xz" where control.tar should be'
cp archive/pool/lib_1.10.deb archive/pool/evil.deb
hostile 'a path out of the archive' 'evil 1: its Filename in the index is not acceptable' ../evil.deb
hostile 'an absolute path' 'evil 1: its Filename in the index is not acceptable' /etc/evil.deb
