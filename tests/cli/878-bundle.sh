# Goal: the bundle of `make bundle` works where none of its libraries are, and is
# the same every time.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" -eq 0 ] || skip "chroot takes root"
[ "$VARIANT" = release ] || skip "of the release build only"
need ldd busybox chroot
CHROOT=$(command -v chroot)
cp "$ENCL" program
run 0 bash "$TOP/cmd/bundle.sh" program one.tar.gz
same "what it says" "one.tar.gz $(sha256sum one.tar.gz | cut -d' ' -f1)" "$(cat out)"
touch -d @1000000000 program
(umask 077 && run 0 bash "$TOP/cmd/bundle.sh" program two.tar.gz)
cmp one.tar.gz two.tar.gz || fail "another one"
mkdir -p bare/bin bare/opt bare/usr/bin bare/etc bare/proc
cp "$(command -v busybox)" bare/bin/busybox
for p in sh dirname readlink; do ln -s busybox "bare/bin/$p"; done
tar -xzf one.tar.gz -C bare/opt
ln -s /opt/enclavebuild bare/usr/bin/enclavebuild
cp "$TOP/tests/golden/vectors/signed.eif" bare/app.eif
there() { env -i PATH=/usr/bin:/bin HOME=/ "$CHROOT" bare enclavebuild "$@"; }
run 0 there version
same "version" "$("$ENCL" version)" "$(cat out)"
run 0 there measure /app.eif
same "measure" "$("$ENCL" measure bare/app.eif)" "$(cat out)"
run 0 there deploy /app.eif --name app --no-publish -n
grep -q '^ExecStart=/opt/enclavebuild run ' out || fail "$(cat out)"
run 1 bash "$TOP/cmd/bundle.sh" nothing x.tar.gz
[ ! -e x.tar.gz ] || fail "half a bundle"
