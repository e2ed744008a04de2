# shellcheck shell=bash
# For the scripts that deploy to a host; sourced after tests/cli/lib.sh.  The host
# is this machine's file system under an overlay in memory, in namespaces of its
# own, with a real systemd as its first process and a real sshd; nothing of it is
# seen outside, and it ends with the script.
#
#	host NAME	starts one: its sshd listens on 127.0.0.1 (SSH_PORT), ./ssh_config
#			lets one in; $WORK is the same folder there
#	on NAME COMMAND…	runs a command there, as root
#	host_end NAME
[ "$(id -u)" -eq 0 ] || skip "a host in namespaces takes root"
need unshare nsenter /usr/sbin/sshd ssh ssh-keygen /lib/systemd/systemd
declare -A HOST_PIDS=() HOST_INITS=()

host_end() { # NAME
	local name=$1 i
	kill -KILL "${HOST_INITS[$name]}" 2>/dev/null || true
	wait "${HOST_PIDS[$name]}" 2>/dev/null || true
	for ((i = 0; i < 50; i++)); do
		# what was below it goes with its first process
		find "$HOST_GROUP" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep 0.1
	done
	unset "HOST_PIDS[$name]" "HOST_INITS[$name]"
}
host_exit() {
	local name status=$?
	trap - EXIT
	for name in "${!HOST_PIDS[@]}"; do host_end "$name"; done
	set +e
	if declare -F stop_servers >/dev/null; then
		(exit "$status")
		stop_servers
	else
		(exit "$status")
		finish
	fi
}
trap host_exit EXIT

on() { # NAME COMMAND…
	local init=${HOST_INITS[$1]}
	shift
	nsenter -t "$init" -m -p -u -i -C -r -w/ -- env -i -C "$WORK" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

# A port that nobody listens on, below those that the kernel gives out by itself.
free_port() {
	local port
	for ((port = 20000 + (RANDOM + $(date +%N | sed 's/^0*//')) % 12000; ; port++)); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

host_root() { # what its first process sees
	cat <<'END'
set -e
mount --make-rprivate /
mkdir -p "$1"
mount -t tmpfs -o size=4g tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root" "$1/tests"
mount --bind "$2" "$1/tests"
mount -t overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" overlay "$1/root"
mv_tests=$1/tests
cd "$1/root"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p ".$2"
mount --move "$mv_tests" ".$2"
mount -t tmpfs -o mode=755 tmpfs dev
for n in null zero full random urandom tty; do
	: >"dev/$n"
	mount --bind "/dev/$n" "dev/$n"
done
if [ -e /dev/kvm ]; then
	: >dev/kvm
	mount --bind /dev/kvm dev/kvm
fi
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup 2>/dev/null || mount -t tmpfs tmpfs sys/fs/cgroup
umount sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
# Of what is installed here nothing is started there.
rm -rf etc/systemd/system var/lib/enclavebuild etc/ssh
mkdir -p etc/systemd/system etc/ssh
cp "$2/host/sshd_config" "$2/host/host_key" etc/ssh/
cp "$2/host/host.target" "$2/host/sshd.service" etc/systemd/system/
: >etc/machine-id
mkdir -p root/.ssh
cp "$2/host/client_key.pub" root/.ssh/authorized_keys
chown -R 0:0 root/.ssh etc/ssh
# Somebody who may sudo, as on EC2.
echo 'somebody:x:12345:12345::/home/somebody:/bin/sh' >>etc/passwd
echo 'somebody:*:1:0:99999:7:::' >>etc/shadow
mkdir -p home/somebody/.ssh etc/sudoers.d
cp root/.ssh/authorized_keys home/somebody/.ssh/
chown -R 12345:12345 home/somebody
chmod -R go= home/somebody
echo 'somebody ALL=(root) NOPASSWD: ALL' >etc/sudoers.d/somebody
chmod 440 etc/sudoers.d/somebody
if [ -n "$3" ]; then
	ln -sf "$3" usr/local/bin/vhost-device-vsock
fi
chmod 700 root root/.ssh
chmod 600 etc/ssh/host_key root/.ssh/authorized_keys
mkdir old
pivot_root . old
umount -l old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	/lib/systemd/systemd --system --unit=host.target --log-target=console --log-level=warning --show-status=0
END
}

host() { # NAME
	local name=$1 i vsock
	vsock=$(command -v vhost-device-vsock || ls "${CARGO_HOME:-/root/.cargo}/bin/vhost-device-vsock" 2>/dev/null || true)
	SSH_PORT=$(free_port)
	mkdir -p "$WORK/host"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/host/host_key"
	ssh-keygen -q -t ed25519 -N '' -f "$WORK/host/client_key"
	cat >"$WORK/host/sshd_config" <<END
ListenAddress 127.0.0.1
Port $SSH_PORT
HostKey /etc/ssh/host_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
END
	cat >"$WORK/host/host.target" <<END
[Unit]
DefaultDependencies=no
Requires=sshd.service
END
	cat >"$WORK/host/sshd.service" <<END
[Unit]
DefaultDependencies=no
[Service]
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/sshd_config
END
	echo "[127.0.0.1]:$SSH_PORT $(cut -d' ' -f1,2 "$WORK/host/host_key.pub")" >"$WORK/host/known_hosts"
	cat >"$WORK/ssh_config" <<END
Host $name
	HostName 127.0.0.1
	Port $SSH_PORT
	IdentityFile $WORK/host/client_key
	IdentitiesOnly yes
	UserKnownHostsFile $WORK/host/known_hosts
	GlobalKnownHostsFile /dev/null
END
	host_root >"$WORK/host/root.sh"
	# A group of its own, where systemd may do as it likes.
	HOST_GROUP=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/mounts)
	[ -n "$HOST_GROUP" ] || skip "no cgroup2 is mounted"
	HOST_GROUP=$HOST_GROUP/encl-test-$$
	mkdir "$HOST_GROUP"
	(
		echo "$BASHPID" >"$HOST_GROUP/cgroup.procs"
		exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child=KILL \
			bash "$WORK/host/root.sh" "$WORK/host/m" "$WORK" "$vsock" >"$WORK/host/log" 2>&1 </dev/null
	) &
	HOST_PIDS[$name]=$!
	for ((i = 0; i < 300; i++)); do
		HOST_INITS[$name]=$(pgrep -P "${HOST_PIDS[$name]}" 2>/dev/null | head -n 1)
		[ -z "${HOST_INITS[$name]}" ] ||
			! ssh -F "$WORK/ssh_config" -o BatchMode=yes "$name" true 2>/dev/null || return 0
		kill -0 "${HOST_PIDS[$name]}" 2>/dev/null || break
		sleep 0.1
	done
	cat "$WORK/host/log"
	fail "no host came up"
}
