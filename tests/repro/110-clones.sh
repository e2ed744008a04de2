# Goal: two clones of the project, in other folders, one built by another compiler,
# give the same bytes from the same locks for two users with another umask, time
# zone and locale; and each one's `verify --rebuild` passes what the other built.
. "$(dirname "$0")/../cli/lib.sh"
need git clang umoci setpriv openssl
git -C "$TOP" rev-parse HEAD >/dev/null 2>&1 || skip "not a git checkout"

# The second compiler's tool: of the build folder that the clang section has too.
make -s -j"$(nproc)" -C "$TOP" VARIANT=clang CC=clang all
clone() { # FOLDER TOOL
	mkdir -p "$1/build"
	git -C "$TOP" ls-files -z examples | tar -C "$TOP" --null -T - -cf - | tar -C "$1" -xf -
	install -m 755 "$2" "$1/build/enclavebuild"
}
(umask 022 && clone "$WORK/first" "$ENCL")
(umask 077 && clone "$WORK/second clone/of it" "$TOP/build/clang/enclavebuild")
one=$WORK/first two="$WORK/second clone/of it"
cmp -s "$one/build/enclavebuild" "$two/build/enclavebuild" && fail "one compiler made both tools"
bash "$one/examples/oci/make-image.sh" >/dev/null 2>&1
cp -r "$one/examples/oci/layout" "$two/examples/oci/"
openssl ecparam -name secp384r1 -genkey -noout -out key.pem 2>/dev/null
openssl req -new -x509 -key key.pem -sha384 -days 36500 -subj "/CN=clones" -out cert.pem

for x in hello oci services; do
	for d in "$one" "$two"; do
		cp key.pem cert.pem "$d/examples/$x/"
		printf '\nsign: {certificate: cert.pem, key: key.pem}\n' >>"$d/examples/$x/enclave.yaml"
	done
done
mkdir home
chmod 711 "$WORK"
chown -R 65534:65534 "$WORK/second clone" home
first() { # EXAMPLE COMMAND…
	(cd "$one/examples/$1" && umask 022 && TZ=UTC LC_ALL=C.UTF-8 "$one/build/enclavebuild" "${@:2}")
}
second() {
	(
		cd "$two/examples/$1" || exit
		umask 077
		env -i PATH="$PATH" HOME="$WORK/home" TZ=America/St_Johns LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 \
			setpriv --reuid 65534 --regid 65534 --clear-groups "$two/build/enclavebuild" "${@:2}"
	)
}
for x in hello oci services; do
	first "$x" lock -q
	first "$x" build -q --locked -o one.eif >one.out
	install -m 644 "$one/examples/$x/enclave.lock" "$two/examples/$x/enclave.lock"
	second "$x" build -q --locked -o two.eif >two.out
	cmp "$one/examples/$x/one.eif" "$two/examples/$x/two.eif" || fail "$x: bytes differ"
	cmp "$one/examples/$x/one.measurements.json" "$two/examples/$x/two.measurements.json" || fail "$x: measurements differ"
	cp "$one/examples/$x/one.eif" "$two/examples/$x/one.eif"
	chmod 644 "$two/examples/$x/one.eif"
done
# the auditor has neither the key nor a cache
rm "$two/examples/hello/key.pem"
second hello verify -q one.eif --rebuild enclave.yaml >verified
grep -q "^ok  rebuild.signature by the manifest's certificate; its key is not here$" verified || fail "$(cat verified)"
cp "$two/examples/services/two.eif" "$one/examples/services/"
first services verify -q two.eif --rebuild enclave.yaml --use-cache >verified
grep -q '^ok  rebuild.signature' verified || fail "$(cat verified)"
# and of a clone with one other byte
echo '#' >>"$two/examples/services/worker.sh"
status=0
second services verify -q one.eif --rebuild enclave.yaml --use-cache >verified 2>&1 || status=$?
same "exit code" 3 "$status"
grep -q 'BAD rebuild.ramdisk1 .*(PCR0, PCR2).*rootfs/srv/worker.sh changed, from file ./worker.sh (rootfs\[2\], enclave.yaml:' verified ||
	fail "$(cat verified)"
