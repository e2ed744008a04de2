# Goal: init and launch do in a booted kernel what docs/guest.md says: mounts,
# modules, root switch, loopback, user, environment, exit codes, and a clear
# last line for each way to fail.  Ten short boots; no builder, no vsock.
. "$(dirname "$0")/guest.sh"

# config UID GID WORKDIR ARGV…: the one app; further records come on stdin.
config() {
	cat >rest
	printf 'enclave-launch 2\n'
	! grep -qE '^(host|name)' rest || cat rest
	record unit app
	record kind process
	record critical ''
	record raw_output ''
	record restart no
	record stop_signal 15
	record stop_timeout 10000
	record uid "$1"
	record gid "$2"
	record workdir "$3"
	shift 3
	for word; do
		record argv "$word"
	done
	grep -qE '^(host|name)' rest || cat rest
	record end ''
}

# 1. One app under init and launch, a module, a missing module, exit code.
vsock=$KERNEL_MODULES/net/vmw_vsock
boot_ramdisk b1 no-such-module.ko rubbish.ko "$vsock/vsock_loopback.ko" "$vsock/vsock.ko"
echo rubbish >b1/modules/rubbish.ko
app_ramdisk a1 /.enclave/launch
config 0 0 / /bin/probe self </dev/null >a1/rootfs/.enclave/config
boot one b1 a1 $off
c=one.console
has $c 'init: warning: module no-such-module.ko: No such file or directory'
has $c 'init: warning: module rubbish.ko: Exec format error'
has $c 'init: warning: module vsock_loopback.ko: a module that it needs is not loaded (unknown symbol)'
has $c 'init: no vsock: heartbeat skipped'
grep -q '^/proc/modules: vsock ' $c || fail "vsock is not loaded"
has $c 'argv[0]=/bin/probe'
has $c 'env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
has $c 'env HOME=/'
has $c 'uid=0/0 gid=0/0 groups='
has $c 'cwd=/'
grep -Eq '^launch: app exited: code=3 signal=0 oom=false started=[0-9]+\.[0-9]{3} finished=[0-9]+\.[0-9]{3}$' $c ||
	fail "no end of the app"$'\n'"$(cat $c)"
ends $c 'init: end code=3'

# 2. Every other duty of launch: the probe is /cmd and starts launch by case.
boot_ramdisk b2
app_ramdisk a2 /bin/probe suite
cases=a2/rootfs/cases
ln -s /run/nowhere/resolv.conf a2/rootfs/resolv && mkdir a2/rootfs/etc &&
	mv a2/rootfs/resolv a2/rootfs/etc/resolv.conf
{
	record group 1000
	record group 27
	record group 44
	record env 'PATH=/sbin:/bin'
	record env $'TWO=a\nb = c'
	record env 'HOME=/home/app'
	record home /unused
} | config 1000 100 /srv probe self 'a b' $'c\nd' '' >$cases/01-self
{
	record hostname redis-1
	record host '10.0.0.7 db db.example'
	record host '10.0.0.8 cache'
} | config 0 0 / /bin/probe network >$cases/02-network
{
	record nameserver 10.0.2.3
	record nameserver 2001:db8::1
} | config 0 0 / /bin/probe network >$cases/03-nameservers
config 0 0 / /bin/probe system </dev/null >$cases/04-system
config 0 0 / /bin/probe orphan </dev/null >$cases/05-orphan
config 0 0 / /bin/probe signals </dev/null >$cases/06-signals
config 0 0 / /bin/probe stubborn </dev/null >$cases/07-stubborn
config 1000 100 / /bin/probe hungry </dev/null >$cases/08-hungry
config 0 0 / /bin/nothing-here </dev/null >$cases/09-absent
config 0 0 / nothing-here </dev/null >$cases/10-not-in-path
config 0 0 / /srv </dev/null >$cases/11-not-executable
config 0 0 /no/such/folder /bin/probe self </dev/null >$cases/12-workdir
printf 'enclave-launch 2\nargv 4\n/bin' >$cases/13-bad-config
config 0 0 / /bin/script </dev/null >$cases/14-no-interpreter
config 0 0 / /bin/probe unfinished </dev/null >$cases/15-unfinished
config 0 0 / /bin/probe segv </dev/null >$cases/16-segv
record home /home/x | config 7 0 / /bin/probe self >$cases/17-home
printf '#!/no/such/shell\n' >a2/rootfs/bin/script
chmod 755 a2/rootfs/bin/script
boot two b2 a2 $off
split_cases two.console
exited() { # exited CASE CODE SIGNAL OOM
	grep -Eq "^launch: app exited: code=$2 signal=$3 oom=$4 started=" "$1.case" ||
		fail "$1: no 'app exited: code=$2 signal=$3 oom=$4'"$'\n'"$(cat "$1.case")"
	ended "$1" "$2"
}
c=01-self
for line in 'argv[0]=probe' 'argv[2]=a b' 'argv[4]=' 'env PATH=/sbin:/bin' \
	'env TWO=a\nb = c' 'env HOME=/home/app' 'cwd=/srv' \
	'uid=1000/1000 gid=100/100 groups=27,44,1000' 'stdin=/dev/null' 'session=own' \
	'files=1048576/1048576 core=0' '/dev/stdout opens' 'setuid(0)=-1' \
	'/proc/self/cgroup: 0::/enclave/app' '/proc/self/oom_score_adj: 0'; do
	has $c.case "$line"
done
same "variables of $c" 3 "$(grep -c '^env ' $c.case)"
exited $c 3 0 false
c=02-network
for line in hostname=redis-1 '127.0.0.1 answers' '::1 answers' \
	'/etc/hosts: 127.0.0.1 localhost' \
	'/etc/hosts: ::1 localhost ip6-localhost ip6-loopback' \
	'/etc/hosts: 10.0.0.7 db db.example' '/etc/hosts: 10.0.0.8 cache' \
	'/etc/hosts: 127.0.0.1 redis-1' \
	'/etc/resolv.conf: # no name servers: network.nameservers of enclave.yaml is empty'; do
	has $c.case "$line"
done
exited $c 0 0 false
c=03-nameservers
for line in hostname=enclave '/etc/resolv.conf: nameserver 10.0.2.3' \
	'/etc/resolv.conf: nameserver 2001:db8::1'; do
	has $c.case "$line"
done
c=04-system
for line in '/tmp runs programs' '/run runs programs' '/dev/shm runs programs' \
	'/tmp mode 1777' '/run mode 755' '/dev/shm mode 1777' '/dev/pts/ptmx is there' \
	'/dev/mqueue is there' '/dev/fd/0 is there' \
	'/sys/fs/cgroup/cgroup.controllers is there' \
	'/sys/fs/cgroup/init.scope/memory.max is there' '/cmd is not there' \
	'/env is not there' '/~complete is not there' '/modules is not there' \
	'pivot_root works'; do
	has $c.case "$line"
done
grep -q '^/sys/fs/cgroup/cgroup.subtree_control: .*memory.*pids' $c.case || fail "controllers"
has 05-orphan.case "orphan's parent is launch"
c=06-signals
for line in 'signal 10 came back as 10' 'signal 1 came back as 1' \
	'signal 15 came back as 15'; do
	has $c.case "$line"
done
exited $c 5 0 false
has 07-stubborn.case 'launch: the app did not end 10 s after SIGTERM: killed'
exited 07-stubborn 137 9 false
exited 08-hungry 137 9 true
has 09-absent.case 'launch: cannot start /bin/nothing-here: No such file or directory'
exited 09-absent 127 0 false
has 10-not-in-path.case 'launch: cannot start nothing-here: No such file or directory in PATH'
exited 10-not-in-path 127 0 false
has 11-not-executable.case 'launch: cannot start /srv: Permission denied'
exited 11-not-executable 126 0 false
has 12-workdir.case 'launch: cannot enter the working folder /no/such/folder: No such file or directory'
exited 12-workdir 125 0 false
has 13-bad-config.case 'launch: cannot use /.enclave/config: a record is shorter than its length'
ended 13-bad-config 125
has 14-no-interpreter.case 'launch: cannot start /bin/script: No such file or directory (the file is there: its #! program or dynamic loader is not)'
exited 15-unfinished 0 0 false
exited 16-segv 139 11 false
has 17-home.case 'env HOME=/home/x'
has 17-home.case 'uid=7/7 gid=0/0 groups='
ends two.console 'init: end signal=9'

# 3. An app ramdisk of which the kernel unpacked only a part.
app_ramdisk a3 /.enclave/launch
rm 'a3/~complete'
boot three b2 a3 $off
has three.console 'init: fatal: the app ramdisk is incomplete (/~complete is missing): too little memory to unpack it; give the enclave more memory'
ends three.console 'init: end code=125'

# 4. No /cmd.
app_ramdisk a4 /.enclave/launch
rm a4/cmd
boot four b2 a4 $off
has four.console 'init: fatal: the app ramdisk has no usable /cmd: No such file or directory'
ends four.console 'init: end code=125'

# 5. A kernel without vsock, and nobody said that the heartbeat is off.
boot five b2 a4
has five.console 'init: fatal: heartbeat: the kernel has no vsock: Address family not supported by protocol; it needs vsock and its virtio transport, built in or as modules'
ends five.console 'init: end code=125'

# 6. to 10. No root, no program in /cmd, none in the root, no config for launch,
# a squashfs that is none.
fails() { # fails CODE LINE [BOOT]: of what is in a5
	boot six "${3:-b2}" a5 $off
	has six.console "$2"
	ends six.console "init: end code=$1"
	same "lines" 3 "$(grep -cE '^(init|launch): ' six.console)" # with that on vsock
	rm -rf a5
}
app_ramdisk a5 /.enclave/launch
rm -r a5/rootfs
fails 125 'init: fatal: bind /rootfs: No such file or directory'
app_ramdisk a5 ''
fails 125 'init: fatal: /cmd names no program'
app_ramdisk a5 /bin/none
fails 127 'init: cannot start /bin/none: No such file or directory'
app_ramdisk a5 /.enclave/launch
fails 125 'launch: cannot use /.enclave/config: No such file or directory'
boot_ramdisk b3 "$KERNEL_MODULES/drivers/block/loop.ko" "$KERNEL_MODULES/fs/squashfs/squashfs.ko"
app_ramdisk a5 /.enclave/launch
head -c 8192 /dev/zero >a5/rootfs.squashfs
fails 125 'init: fatal: squashfs root: mount /rootfs.squashfs: Invalid argument; it is damaged, or the kernel lacks its compressor (SQUASHFS_…)' b3
