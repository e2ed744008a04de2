# Goal: `explain` knows every number of nitro-cli, with and without its E, and by name.
. "$(dirname "$0")/lib.sh"
need jq
run 0 "$ENCL" explain
same "numbers" 61 "$(wc -l <out)"
same "the first" "E00 UnspecifiedError" "$(head -1 out)"
same "the last" "E60 EIFSigningError" "$(tail -1 out)"
run 0 "$ENCL" explain E26
same "E26" "E26 InsufficientMemoryRequested
  cause    less memory was asked for than four times the image's size, nitro-cli's own rule
  way out  nitro-cli wants 4 times the image's size; raise --memory, or use --backend nitro, which needs what \"enclavebuild plan\" says" \
	"$(cat out)"
for way in 07 7 e07 E7 ReadFromDiskFailure readfromdiskfailure; do
	run 0 "$ENCL" explain "$way"
	same "$way" "E07 ReadFromDiskFailure" "$(head -1 out)"
done
run 0 "$ENCL" explain --json E39 12
same "json" "E39 null E12" "$(jq -r '[.[0].Code, (.[1].WayOut | tostring), .[1].Code] | join(" ")' out)"
run 0 "$ENCL" explain --json
same "each has a cause" "61 0" "$(jq -r '"\(length) \([.[] | select(.Cause == "")] | length)"' out)"
for bad in E61 61 E-1 EE1 E007 '' x; do
	rejects 2 "explain: \"$bad\" is none of nitro-cli's: E00 to E60, or a name" "$ENCL" explain "$bad"
done
rejects 2 'explain: "\x1b[31m" is none of nitro-cli'"'"'s: E00 to E60, or a name' "$ENCL" explain $'\e[31m'
