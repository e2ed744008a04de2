# Goal: the examples, signed, and one as a squashfs, give the same bytes under another TZ, LANG,
# umask, folder, HOME, user, readdir order, number of cores and clock, from a
# cold cache, and with the network cut off from a warm one.
. "$(dirname "$0")/../cli/lib.sh"
need umoci faketime taskset unshare setpriv openssl

openssl ecparam -name secp384r1 -genkey -noout -out key.pem 2>/dev/null
openssl req -new -x509 -key key.pem -sha384 -days 36500 -subj "/CN=repro" -out cert.pem
chmod 644 key.pem
cp -r "$TOP/examples" first
install -m 755 "$ENCL" tool # where every user can reach it
install -m 644 "$O/support/readdir.so" readdir.so
bash first/oci/make-image.sh >/dev/null 2>&1
cp -r first/hello first/squashfs
sed -i 's/^boot:$/boot:\n  ramdisk: {format: squashfs}/' first/squashfs/enclave.yaml
for x in hello oci squashfs; do
	cp key.pem cert.pem "first/$x/"
	printf '\nsign: {certificate: cert.pem, key: key.pem}\n' >>"first/$x/enclave.yaml"
done

for x in hello oci squashfs; do
	(cd "first/$x" && "$ENCL" --help >/dev/null && "$ENCL" lock -q && "$ENCL" build -q --locked -o one.eif) >"$x.one"
done
# the second: files created in another order, other names and rights around it
mkdir -p "$WORK/an other/place"
(umask 077 && tar -C first -cf - hello oci squashfs | tar -C "$WORK/an other/place" -xf -)
for x in hello oci squashfs; do
	second="$WORK/an other/place/$x"
	rm -f "$second"/one.*
	chmod -R go+rX "$WORK" && chmod -R 777 "$second"
	mkdir -p home && chmod 777 home
	(
		cd "$second" || exit
		umask 027
		env -i PATH="$PATH" HOME="$WORK/home" XDG_CACHE_HOME="$WORK/home/cold" TZ=Asia/Kathmandu \
			LANG=de_DE.UTF-8 LC_ALL=C LD_PRELOAD="$WORK/readdir.so" \
			setpriv --reuid 65534 --regid 65534 --clear-groups \
			taskset -c 0 faketime -f '+400d x2' \
			"$WORK/tool" build -q -j 1 --locked -o two.eif
	) >"$x.two"
	cmp "first/$x/one.eif" "$second/two.eif" || fail "$x: bytes differ"
	cmp "first/$x/one.measurements.json" "$second/two.measurements.json" || fail "$x: measurements differ"
	# from the warm cache, in a namespace without interfaces
	(cd "first/$x" && unshare -n "$ENCL" build -q --locked --offline -o three.eif) >"$x.three"
	cmp "first/$x/one.eif" "first/$x/three.eif" || fail "$x: offline bytes differ"
done
