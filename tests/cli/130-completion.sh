# Goal: the completion scripts know every verb and option; bash's is used.
. "$(dirname "$0")/lib.sh"
complete_bash() { # complete_bash WORD…: what the last word can become
	bash -c '
		source <("$ENCL" completion bash)
		COMP_WORDS=(enclavebuild "$@") COMP_CWORD=$#
		_enclavebuild
		printf "%s\n" "${COMPREPLY[@]}"' _ "$@"
}
same "a verb" check "$(complete_bash che)"
same "an option" --reference "$(complete_bash schema --ref)"
same "an option of every verb" --offline "$(complete_bash check --off)"
same "a word" fish "$(complete_bash completion f)"
same "a file is left to bash" "" "$(complete_bash check ./e)"
"$ENCL" --help | sed -nE '/^commands:/,/^$/s/^  ([a-z]+) .*/\1/p' >verbs
[ "$(wc -l <verbs)" -gt 4 ] || fail "no verbs in --help"
for shell in bash zsh fish; do
	run 0 "$ENCL" completion $shell
	while read -r verb; do
		grep -qw -- "$verb" out || fail "$shell does not know $verb"
	done <verbs
	if command -v $shell >/dev/null; then
		$shell -n out || fail "$shell does not parse its script"
	fi
done
rejects 2 'completion: "csh" is not bash, zsh, fish or man' "$ENCL" completion csh
rejects 2 'completion: bash|zsh|fish|man is missing; see "enclavebuild completion --help"' "$ENCL" completion
