# Goal: each case of tests/golden/*/enclave.yaml gives the listing, the
# measurements and the bytes that stand beside it.  The text listing is
# compared first, so that a difference can be read.
# GOLDEN_UPDATE=1 shows the differences and takes the new ones.
. "$(dirname "$0")/../cli/lib.sh"
"$TOP/tests/support/fake-blobs.sh" blobs
export XDG_CACHE_HOME=$WORK/cache
cases=0
for dir in "$TOP"/tests/golden/*/enclave.yaml; do
	name=$(basename "$(dirname "$dir")")
	cases=$((cases + 1))
	cp -r "$(dirname "$dir")" "$name"
	(
		cd "$name" || exit
		# a case that needs inputs which git cannot hold makes them
		[ ! -f make-inputs.sh ] || bash make-inputs.sh
		ln -s ../blobs blobs
		"$ENCL" build -q -o image.eif >/dev/null
		"$ENCL" list --digests image.eif >list
		# init and launch are compiled: size and digest are the compiler's
		sed -E '/ (init|rootfs\/\.enclave\/launch)( |$)/ s/^([0-9]+ [0-9:]+) [0-9]+ (.*) sha256:.*$/\1 SIZE \2 DIGEST/' \
			list >ramdisk.list.got
		"$ENCL" extract -q image.eif -o parts >/dev/null
		cmp parts/cmdline "$TOP/tests/golden/$name/cmdline"
		cmp parts/metadata.json "$TOP/tests/golden/$name/metadata.json"
	)
	if ! diff -u "$TOP/tests/golden/$name/ramdisk.list" "$name/ramdisk.list.got"; then
		[ -n "${GOLDEN_UPDATE:-}" ] || fail "$name: ramdisk.list differs"
		cp "$name/ramdisk.list.got" "$TOP/tests/golden/$name/ramdisk.list"
	fi
done
[ "$cases" -gt 0 ] || fail "no cases"
