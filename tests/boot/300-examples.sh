# Goal: every example is built, boots, and says on its console what its README
# promises: greeting, folder, user, and an answer from 127.0.0.1.
. "$(dirname "$0")/../cli/lib.sh"
need qemu-system-x86_64 umoci
cp -r "$TOP/examples" examples
expect_lines() { # expect_lines FILE LINE…: each stands in FILE as a whole line
	local file=$1 line
	shift
	for line in "$@"; do
		tr -d '\r' <"$file" | grep -qxF -- "$line" || fail "no line \"$line\" in:"$'\n'"$(tail -n 40 "$file")"
	done
}

cd examples/hello || exit
OUT=$WORK/hello.eif run 0 ./quickstart.sh "$ENCL"
expect_lines "$WORK/out" "Hello, world, from the enclave" "folder: /srv" "user: nobody:nogroup" "init: end code=0"
grep -q '^127.0.0.1 answers: VERSION 1\.' "$WORK/out" || fail "no answer from 127.0.0.1"
pcr0=$(sed -n 's/^PCR0 *//p' "$WORK/out")
[ ${#pcr0} -eq 96 ] || fail "no PCR0"
tail -n 4 "$WORK/out" | grep -q "\"PCR0\": \"$pcr0\"" || fail "quickstart does not end with the measurements"
cd "$WORK" || exit

cd examples/oci || exit
run 0 ./make-image.sh
run 0 "$ENCL" build -q -o "$WORK/oci.eif"
run 0 "$ENCL" run --kernel-args quiet --timeout 180 "$WORK/oci.eif"
expect_lines "$WORK/out" "Hello from an image" "folder: /srv" "user: web" "127.0.0.1 answers: the page" "init: end code=0"
cd "$WORK" || exit

cd examples/services || exit
run 0 "$ENCL" build -q -o "$WORK/services.eif"
run 0 "$ENCL" run --kernel-args quiet --timeout 180 "$WORK/services.eif"
expect_lines "$WORK/out" "launch: web started" "launch: worker started" "worker | answer 1: the page" \
	"worker | answer 3: the page" "worker | user: nobody, folder: /srv" "init: end code=0"
tr -d '\r' <"$WORK/out" | grep -Eq '^launch: web healthy after [0-9.]+ s$' || fail "web is not healthy"
tr -d '\r' <"$WORK/out" | grep -q '^launch: web exited: ' || fail "web was not stopped"
cd "$WORK" || exit

# every ramdisk compression that the kernel has boots, and the code comes through
sed -i '$a exit 7' examples/oci/hello.sh
bash examples/oci/make-image.sh >/dev/null 2>&1
for c in gzip zstd lz4 xz; do
	sed "/^boot:/a\\  ramdisk: {compression: $c}" examples/oci/enclave.yaml >examples/oci/$c.yaml
	run 0 "$ENCL" build -q -o "$c.eif" "examples/oci/$c.yaml"
	run 7 "$ENCL" run --kernel-args quiet --timeout 180 "$c.eif"
	expect_lines "$WORK/out" "Hello from an image" "init: end code=7"
done
