# Goal: the man pages are what the tables make today, and mandoc finds nothing.
. "$(dirname "$0")/lib.sh"
need mandoc
run 0 "$ENCL" completion man
cmp -s out "$TOP/docs/man/enclavebuild.1" || fail \
	"docs/man/enclavebuild.1 is stale: build/release/enclavebuild completion man > docs/man/enclavebuild.1"
for page in "$TOP"/docs/man/*.[15]; do
	mandoc -Tlint -W warning "$page" || fail "${page##*/}"
	mandoc -Tutf8 "$page" >"$WORK/page" || fail "${page##*/} cannot be shown"
done
mandoc -Tascii "$TOP/docs/man/enclavebuild.1" | col -b >page
"$ENCL" --help | sed -nE '/^commands:/,/^$/s/^  ([a-z]+) .*/\1/p' >verbs
while read -r verb; do
	grep -qE "^   $verb( |$)" page || fail "no section for $verb"
	"$ENCL" "$verb" --help | grep -oE -- '--[a-z0-9-]+ ' | while read -r option; do
		grep -q -- "$option" page || fail "$verb $option is not in the page"
	done
done <verbs
