# Goal: login tries credentials before it keeps them, logout forgets them;
# files, helpers, terminal, standard input; the password is seen nowhere.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
need jq skopeo
PASSWORD='geheim:"ü\ 1'
CONFIG=$HOME/.docker/config.json

# login_as WANT_CODE USER PASSWORD OPTION…: as CI does it
login_as() {
	local want=$1 user=$2 password=$3 got=0
	shift 3
	printf '%s\n' "$password" | "$ENCL" login -u "$user" --password-stdin "$@" >out 2>err || got=$?
	[ "$got" -eq "$want" ] || fail "login $*: exit $got, want $want"$'\n'"$(cat out err)"
	! grep -qF 'geheim' out err || fail "the password is told: $(cat out err)"
}

registry plain
rejects 2 '"registry" is not the host of a registry: write HOST or HOST:PORT (Docker Hub is docker.io)' \
	"$ENCL" login registry
rejects 2 '"r.example/team" is not the host of a registry: write HOST or HOST:PORT (Docker Hub is docker.io)' \
	"$ENCL" logout r.example/team
rejects 2 '--password-stdin needs --username' "$ENCL" login --password-stdin "$REG"
rejects 2 'standard input has no password' "$ENCL" login -u me --password-stdin "$REG"
rejects 2 '--username: empty, or with a ":" in it' "$ENCL" login -u a:b --password-stdin "$REG"
login_as 2 me $'two\nlines' "$REG"
same "two lines" "enclavebuild: the password of standard input is not one line of text" "$(cat err)"
rejects 2 'no terminal to ask on; give --username and --password-stdin' setsid -w "$ENCL" login -u me "$REG"

# Basic: a wrong password is not kept, the right one is, 0600
registry basic tls htpasswd "me:$PASSWORD"
tls=(--cacert "$WORK/ca.pem")
login_as 6 me geheim-but-wrong "$REG" "${tls[@]}"
grep -qE "^enclavebuild: nothing is stored: GET https://$REG/v2/: HTTP status 401" err || fail "$(cat err)"
[ ! -e "$CONFIG" ] || fail "a wrong password is kept"
login_as 0 me "$PASSWORD" "$REG" "${tls[@]}"
same "said" "$REG: logged in as me; the password is in $CONFIG" "$(cat out)"
same "mode" "600 700" "$(stat -c %a "$CONFIG") $(stat -c %a "${CONFIG%/*}")"
same "kept" "me:$PASSWORD" "$(jq -r ".auths[\"$REG\"].auth" "$CONFIG" | base64 -d)"
# another tool finds them
SSL_CERT_FILE=$WORK/ca.pem skopeo login --get-login --authfile "$CONFIG" "$REG" >out
same "skopeo's view" me "$(cat out)"
run 0 "$ENCL" logout "https://$REG/"
same "said" "$REG: the credentials in $CONFIG are removed" "$(cat out)"
same "file" '{"auths":{}}' "$(jq -c . "$CONFIG")"
run 0 "$ENCL" logout --json "$REG"
same "said" "{\"host\":\"$REG\",\"removed\":null,\"tokens\":false}" "$(jq -c . out)"

# into a named file, which is made
login_as 0 me "$PASSWORD" "$REG" "${tls[@]}" --auth-file "$WORK/own/auth.json" --json
same "said" "{\"host\":\"$REG\",\"user\":\"me\",\"stored\":\"$WORK/own/auth.json\"}" "$(jq -c . out)"
login_as 6 me "$PASSWORD" "$REG" --offline
grep -q -e --offline err || fail "$(cat err)"

# by a helper: the file stays as it is, the password goes by its stdin
mkdir -p bin "${CONFIG%/*}"
cat >bin/docker-credential-encltest <<'EOF'
#!/bin/sh
echo "$@" >>"$WORK/helper.args"
case $1 in
store) cat >"$WORK/helper.kept" ;;
get) [ -s "$WORK/helper.kept" ] && cat "$WORK/helper.kept" || { echo credentials not found in native keychain; exit 1; } ;;
erase) : >"$WORK/helper.kept" ;;
esac
EOF
chmod +x bin/docker-credential-encltest
echo '{"credsStore": "encltest"}' >"$CONFIG"
cp "$CONFIG" before
PATH=$WORK/bin:$PATH login_as 0 me "$PASSWORD" "$REG" "${tls[@]}"
same "said" "$REG: logged in as me; the password is in docker-credential-encltest" "$(cat out)"
cmp "$CONFIG" before
same "helper's stdin" "{\"ServerURL\":\"$REG\",\"Username\":\"me\",\"Secret\":$(jq -cn --arg p "$PASSWORD" '$p')}" "$(jq -c . helper.kept)"
same "helper's arguments" store "$(cat helper.args)"
PATH=$WORK/bin:$PATH run 0 "$ENCL" logout "$REG"
same "said" "$REG: the credentials in docker-credential-encltest are removed" "$(cat out)"
[ ! -s helper.kept ] || fail "the helper was not asked to erase"
rejects 5 "$CONFIG: credsStore: docker-credential-encltest is not installed; install it, or give another auth file with --auth-file" "$ENCL" logout "$REG"
rm "$CONFIG"

# on a terminal: the password is not shown, and Ctrl-C gives the echo back
need python3
cat >terminal.py <<'EOF'
import os, pty, sys, termios, signal
keys, argv = sys.argv[1].split('|'), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
seen = b''
for key in keys:
    while not seen.rstrip(b' ').endswith(b':'):
        seen += os.read(fd, 1024)
    while b'Password' in seen and termios.tcgetattr(fd)[3] & termios.ECHO:
        pass
    seen += b'\n'
    os.write(fd, key.encode('unicode_escape').replace(b'\\x03', b'\x03') if key == '\x03' else key.encode() + b'\n')
try:
    while True:
        got = os.read(fd, 1024)
        if not got:
            break
        seen += got
except OSError:
    pass
echo = bool(termios.tcgetattr(fd)[3] & termios.ECHO)
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(seen.replace(b'\r', b''))
print('echo', echo, 'signal', os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
      'exit', os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1)
EOF
run 0 python3 terminal.py "me|$PASSWORD" "$ENCL" login "${tls[@]}" "$REG"
grep -qF "$REG: logged in as me; the password is in $CONFIG" out || fail "$(cat out)"
same "end" "echo True signal 0 exit 0" "$(tail -n 1 out)"
! grep -qF geheim out || fail "the password is on the terminal: $(cat out)"
run 0 python3 terminal.py $'me|\x03' "$ENCL" login "${tls[@]}" "$REG"
same "end by Ctrl-C" "echo True signal 2 exit -1" "$(tail -n 1 out)"
stop basic

# Bearer: the token server is asked with the password, the registry never
PASSWORD=geheim-as-well
tokend tokens "user=me:$PASSWORD:pull,push"
registry bearer token "$REALM"
rm -f "$CONFIG"
login_as 6 me geheim-but-wrong "$REG"
grep -qE '^enclavebuild: nothing is stored: ' err || fail "$(cat err)"
[ ! -e "$CONFIG" ] || fail "a wrong password is kept"
login_as 0 me "$PASSWORD" "$REG"
same "kept" "me:$PASSWORD" "$(jq -r ".auths[\"$REG\"].auth" "$CONFIG" | base64 -d)"
