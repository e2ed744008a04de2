# Goal: the resolver takes the same packages in the same versions as apt-get
# would on a system with nothing installed, without Recommends, for every list
# below; both use the machine's apt sources.  The one difference by design:
# usr-is-merged is assumed (apt is given it, and it is dropped from its answer).
. "$(dirname "$0")/lib.sh"
need apt-get
RESOLVE=$O/support/resolve
ARCH=$(dpkg --print-architecture)
case $ARCH in
amd64) arch=x86_64 ;;
arm64) arch=aarch64 ;;
*) skip "packages for $ARCH are not supported" ;;
esac

lists='dash
busybox-static
libc6
curl
openssl
ca-certificates
memcached
redis-server
nginx-light
net-tools
python3-minimal
python3
docker.io net-tools
docker.io iptables ca-certificates curl
iproute2 iputils-ping
socat jq
openssh-server
git
perl
bash coreutils
systemd
nodejs
php-cli
postgresql-15
mariadb-server
haproxy
apache2
default-jre-headless
gnupg gpgv
tini dumb-init
python3-requests python3-yaml
gcc make
strongswan
postfix
nginx php-fpm
linux-image-cloud-'$ARCH

mkdir -p state/lists/partial cache/archives/partial
: >status
apt() {
	apt-get -q -o Dir::State="$WORK/state" -o Dir::State::status="$WORK/status" \
		-o Dir::Cache="$WORK/cache" -o APT::Install-Recommends=false \
		-o APT::Get::Show-User-Simulation-Note=false -o APT::Sandbox::User=root \
		-o Acquire::Languages=none "$@"
}
apt update >log 2>&1 || skip "the machine's apt sources cannot be read"
mapfile -t suites < <(apt indextargets --format '$(RELEASE)' 'Created-By: Packages' | sort -u)
options=(-a "$arch" -c "$WORK/c")
for s in "${suites[@]}"; do options+=(-s "$s"); done

args=()
while read -r list; do
	for p in $list; do args+=("$p"); done
	args+=(--)
done <<<"$lists"

run 0 "$RESOLVE" "${options[@]}" -- "${args[@]}"
awk '/^\.$/ {n++; next} {print > ("ours." n + 1)}' out

n=0
bad=0
while read -r list; do
	n=$((n + 1))
	# shellcheck disable=SC2086
	apt -s install $list usr-is-merged+ >apt.out 2>&1 || fail "apt-get: $list: $(tail -3 apt.out)"
	sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*/\1=\2/p' apt.out | grep -v '^usr-is-merged=' | LC_ALL=C sort >apt.$n
	LC_ALL=C sort "ours.$n" >ours.sorted
	if ! diff apt.$n ours.sorted >diff.$n; then
		bad=$((bad + 1))
		echo "$list: < apt, > ours"
		cat diff.$n
	fi
done <<<"$lists"
[ "$n" -ge 30 ] || fail "only $n lists"
[ "$bad" -eq 0 ] || fail "$bad of $n lists differ"
