# Goal: the committed JSON Schema, reference chapter and man page are what the
# table of keys makes today.
. "$(dirname "$0")/lib.sh"
fresh() { # fresh FILE OPTION…
	local file=$1
	shift
	run 0 "$ENCL" schema "$@"
	cmp -s out "$TOP/$file" ||
		fail "$file is stale: build/release/enclavebuild schema $* > $file"
}
fresh manifests/enclave.schema.json
fresh docs/enclave.yaml.md --reference
fresh docs/man/enclave.yaml.5 --man
rejects 2 '--reference and --man exclude each other' "$ENCL" schema --man --reference
# another implementation reads the schema
run 0 python3 -c 'import json,sys; json.load(open(sys.argv[1]))' "$TOP/manifests/enclave.schema.json"
