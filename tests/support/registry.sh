# shellcheck shell=bash
# For the scripts that talk to registries; sourced after tests/cli/lib.sh.
# Starts Debian's docker-registry and the scripted servers on loopback and ends
# them with the script.  Nothing of the user's own (auth files, AWS_*, proxies)
# is seen by what runs here.
#
#	registry NAME [ipv6] [tls] [clients] [htpasswd USER:PASSWORD] [token REALM]
#		a registry with its own folder; REG is its host:port; clients (behind
#		tls): who has no certificate of the CA (client.pem, client.key) is refused
#	faultd NAME UPSTREAM [OPTION…] RULE…	FAULT is its host:port, $FAULT_LOG its log
#	tokend NAME [OPTION…]			REALM is its URL, $TOKEN_LOG its log
#	ecrd NAME [OPTION…]			ECR is its URL, $ECR_LOG its log
#	kmsd NAME [OPTION…]			KMS is its URL, $KMS_LOG its log
#	make_ca					ca.pem, server.pem, server.key, client.pem, client.key
#	stop NAME				ends one of them
need docker-registry curl openssl setpriv
export HOME=$WORK/home XDG_CACHE_HOME=$WORK/home/.cache XDG_CONFIG_HOME=$WORK/home/.config
mkdir -p "$HOME" "$WORK/run"
chmod 700 "$WORK/run"
export PATH=$PATH:$TOP/build/peers XDG_RUNTIME_DIR=$WORK/run
for _name in $(compgen -e | grep -E '^(AWS_|ENCLAVEBUILD_)|^(DOCKER_CONFIG|DOCKER_HOST|REGISTRY_AUTH_FILE|SSL_CERT_FILE|SSL_CERT_DIR|CURL_CA_BUNDLE)$|_(proxy|PROXY)$'); do
	unset "$_name"
done
export AWS_EC2_METADATA_DISABLED=true

declare -A SERVER_PIDS=()
stop() { # NAME
	kill "${SERVER_PIDS[$1]}" 2>/dev/null || true
	wait "${SERVER_PIDS[$1]}" 2>/dev/null || true
	unset "SERVER_PIDS[$1]"
}
stop_servers() {
	local name status=$?
	trap - EXIT
	for name in "${!SERVER_PIDS[@]}"; do stop "$name"; done
	set +e
	(exit "$status")
	finish
}
trap stop_servers EXIT

# first_match FILE SED-PROGRAM: waits for a line, 10 s at most
first_match() {
	local i got
	for ((i = 0; i < 200; i++)); do
		got=$(sed -nE "$2" "$1" 2>/dev/null | head -n 1)
		[ -z "$got" ] || {
			echo "$got"
			return
		}
		sleep 0.05
	done
	cat "$1" >&2
	return 1
}

make_ca() {
	[ ! -e "$WORK/ca.pem" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=test CA" \
		-keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
		-keyout "$WORK/server.key" -out "$WORK/server.csr" 2>/dev/null
	printf 'subjectAltName=DNS:localhost,DNS:*.localhost,IP:127.0.0.1,IP:127.0.0.2,IP:::1\n' >"$WORK/san"
	openssl x509 -req -in "$WORK/server.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -CAcreateserial \
		-days 30 -extfile "$WORK/san" -out "$WORK/server.pem" 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=client" \
		-keyout "$WORK/client.key" -out "$WORK/client.csr" 2>/dev/null
	openssl x509 -req -in "$WORK/client.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -CAcreateserial \
		-days 30 -out "$WORK/client.pem" 2>/dev/null
}

registry() {
	local name=$1 dir=$WORK/$1 scheme=http
	shift
	mkdir -p "$dir/data"
	{
		printf 'version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\n'
		printf 'storage:\n  filesystem: {rootdirectory: %s}\n  delete: {enabled: true}\n' "$dir/data"
		printf 'http:\n  addr: 127.0.0.1:0\n  secret: for-tests-only\n'
	} >"$dir/config.yml"
	while [ $# -gt 0 ]; do
		case $1 in
		tls)
			make_ca
			scheme=https
			printf '  tls:\n    certificate: %s\n    key: %s\n' "$WORK/server.pem" "$WORK/server.key" >>"$dir/config.yml"
			;;
		clients) printf '    clientcas: [%s]\n' "$WORK/ca.pem" >>"$dir/config.yml" ;;
		ipv6) sed -i 's/addr: 127.0.0.1:0/addr: "[::1]:0"/' "$dir/config.yml" ;;
		htpasswd)
			need htpasswd
			htpasswd -Bbn -C 5 "${2%%:*}" "${2#*:}" >"$dir/htpasswd" 2>/dev/null
			printf 'auth:\n  htpasswd: {realm: tests, path: %s}\n' "$dir/htpasswd" >>"$dir/config.yml"
			shift
			;;
		token)
			token_key
			printf 'auth:\n  token: {realm: "%s", service: tests, issuer: tokend, rootcertbundle: %s}\n' \
				"$2" "$WORK/token.pem" >>"$dir/config.yml"
			shift
			;;
		*) fail "registry: $1?" ;;
		esac
		shift
	done
	: >"$dir/log" # not the port of another one of this name
	setpriv --pdeathsig TERM docker-registry serve "$dir/config.yml" >>"$dir/log" 2>&1 &
	SERVER_PIDS[$name]=$!
	REG=$(first_match "$dir/log" 's/.*msg="listening on ([^," ]+).*/\1/p') ||
		fail "docker-registry does not start"
	# shellcheck disable=SC2034
	REG_URL=$scheme://$REG
}

token_key() { # what tokend signs with and a registry trusts
	[ ! -e "$WORK/token.pem" ] || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=tokend" \
		-keyout "$WORK/token.key" -out "$WORK/token.pem" 2>/dev/null
}

scripted() { # scripted NAME PROGRAM…: PORT
	local name=$1
	shift
	: >"$WORK/$name.log"
	"$@" >>"$WORK/$name.log" 2>"$WORK/$name.err" &
	SERVER_PIDS[$name]=$!
	PORT=$(first_match "$WORK/$name.log" 's/^listening ([0-9]+)$/\1/p') || fail "$name: $(cat "$WORK/$name.err")"
}

tokend() { # see tokend.c
	local name=$1 tls=http
	shift
	token_key
	case " $* " in *" tls="*) tls=https ;; esac
	scripted "$name" "$O/support/tokend" "$WORK/token.key" "$WORK/token.pem" "$@"
	# shellcheck disable=SC2034
	REALM=$tls://127.0.0.1:$PORT/token TOKEN_LOG=$WORK/$name.log
}

faultd() { # see faultd.c; the heads of all requests are in NAME.wire
	local name=$1
	shift
	scripted "$name" "$O/support/faultd" wire="$WORK/$name.wire" "$@"
	# shellcheck disable=SC2034
	FAULT=127.0.0.1:$PORT FAULT_LOG=$WORK/$name.log FAULT_WIRE=$WORK/$name.wire
}

ecrd() { # see ecrd.c
	local name=$1 tls=http
	shift
	case " $* " in *" tls="*) tls=https ;; esac
	scripted "$name" "$O/support/ecrd" "$@"
	# shellcheck disable=SC2034
	ECR=$tls://127.0.0.1:$PORT ECR_LOG=$WORK/$name.log
}

kmsd() { # see kmsd.c
	local name=$1
	shift
	scripted "$name" "$O/support/kmsd" "$@"
	# shellcheck disable=SC2034
	KMS=http://127.0.0.1:$PORT KMS_LOG=$WORK/$name.log
}
