# Goal: launch runs several units as docs/6-services.md says: order by
# dependencies and health, restarts with backoff and an end to them, memory
# limits with oom=true, a critical unit's code, stops in reverse order and within
# their time, probes that hang, programs that are not there.  One short boot.
. "$(dirname "$0")/guest.sh"

# unit NAME [KEY VALUE]… -- WORD…: a process; WORDs are the probe's arguments,
# or a command where the first has a slash.
unit() {
	local -A has=()
	record unit "$1"
	record kind process
	shift
	while [ "$1" != -- ]; do
		record "$1" "$2"
		has[$1]=1
		shift 2
	done
	shift
	[ "${has[restart]-}" ] || record restart no
	[ "${has[stop_signal]-}" ] || record stop_signal 15
	[ "${has[stop_timeout]-}" ] || record stop_timeout 5000
	[ "${has[uid]-}" ] || record uid 0
	[ "${has[gid]-}" ] || record gid 0
	[ "${has[workdir]-}" ] || record workdir /
	[[ $1 == */* ]] || record argv /bin/probe
	for word; do
		record argv "$word"
	done
}
# health KIND INTERVAL TIMEOUT START RETRIES: words for unit.
health() {
	echo health "$1" health_interval "$2" health_timeout "$3" health_start "$4" health_retries "$5"
}
config() { # on stdin the units
	printf 'enclave-launch 2\n'
	cat
	record end ''
}

boot_ramdisk b
app_ramdisk a /bin/probe suite
cases=a/rootfs/cases
# shellcheck disable=SC2046 # words are wanted
{
	{
		unit setup -- say 'set up'
		unit cache $(health tcp 5000 1000 0 3) health_port 4001 -- serve 4001 700
		unit web $(health http 5000 1000 0 3) health_port 4002 health_path /ok \
			depends 'cache healthy' depends 'setup completed' -- serve 4002 100
		unit last critical '' depends 'web healthy' depends 'cache started' -- exit 7
	} | config >$cases/01-order
	{
		unit again restart on-failure restart_max 3 -- kill 9
		unit enough restart on-failure -- say once
	} | config >$cases/02-restart
	{
		unit eater memory $((24 << 20)) -- hungry
		unit small pids 7 cpu_milli 250 -- show /sys/fs/cgroup/enclave/small/pids.max
		unit slow depends 'small completed' cpu_milli 250 -- show /sys/fs/cgroup/enclave/slow/cpu.max
	} | config >$cases/03-limits
	unit me uid 1000 gid 100 group 100 group 44 workdir /srv env A=b home /home/me \
		nofile 512 -- self | config >$cases/04-self
	{
		unit one -- hold one
		unit two depends 'one started' stop_timeout 500 -- deaf 4003
		unit three depends 'two started' stop_signal 10 -- hold three
		unit ender depends 'three started' -- tell 15 300
	} | config >$cases/05-stop
	{
		unit maker $(health command 5000 1000 0 3) health_argv /bin/probe health_argv exists \
			health_argv /tmp/made -- make /tmp/made 700
		unit user critical '' depends 'maker healthy' -- say 'it is made'
	} | config >$cases/06-command
	{
		unit absent -- /no/such/program
		unit after depends 'absent completed' -- say never
		unit onward depends 'after started' -- say never
		unit folder workdir /no/such/folder -- say never
	} | config >$cases/07-absent
	unit silent stop_timeout 300 $(health http 300 400 0 2) health_port 4004 health_path / \
		-- deaf 4004 | config >$cases/08-deaf
	unit late $(health command 300 400 0 1) health_argv /bin/probe health_argv hold \
		-- hold late | config >$cases/09-late
	unit bad restart always restart_max 1 $(health http 300 400 0 1) health_port 4005 health_path /no \
		-- serve 4005 0 | config >$cases/10-unhealthy
	unit long -- lines | config >$cases/11-lines
	{
		unit leaver -- leave
		unit looker depends 'leaver completed' -- is-left
	} | config >$cases/12-leave
	{
		unit boss critical '' -- exit 0
		unit other -- hold other
	} | config >$cases/13-zero
	{
		unit first -- hold first
		unit broken critical '' depends 'first healthy' restart always restart_max 2 -- exit 3
	} | config >$cases/14-critical
	{
		unit waits $(health tcp 60000 1000 0 3) health_port 4006 -- hold waits
		unit never depends 'waits healthy' -- say never
		unit sleeper restart always -- say short
		unit interrupter depends 'waits started' -- tell 2 300
	} | config >$cases/15-interrupt
	printf 'enclave-launch 2\nunit 1\na\nend 0\n\n' >$cases/16-config
}
boot services b a $off
split_cases services.console

exited() { # exited CASE NAME CODE SIGNAL OOM [ERROR]
	grep -Eq "^launch: $2 exited: code=$3 signal=$4 oom=$5 started=[0-9]+\.[0-9]{3} finished=[0-9]+\.[0-9]{3}${6:+ error=\"$6\"}\$" "$1.case" ||
		fail "$1: no '$2 exited: code=$3 signal=$4 oom=$5 $6'"$'\n'"$(cat "$1.case")"
}
order() { # order CASE PATTERN…: the first lines that match come in this order
	local case=$1 last=0 at
	shift
	for pattern; do
		at=$(grep -nE -m 1 -- "$pattern" "$case.case" | cut -d : -f 1)
		[ -n "$at" ] || fail "$case has no line '$pattern'"$'\n'"$(cat "$case.case")"
		[ "$at" -gt "$last" ] || fail "$case: '$pattern' comes too early"$'\n'"$(cat "$case.case")"
		last=$at
	done
}
lacks() { # lacks CASE PATTERN
	! grep -Eq -- "$2" "$1.case" || fail "$1 has '$2'"$'\n'"$(cat "$1.case")"
}

order 01-order '^launch: cache started$' '^cache \| 4001 listens$' \
	'^launch: cache healthy after [0-9]+\.[0-9] s$' '^launch: web started$' \
	'^launch: web healthy after ' '^launch: last started$' '^launch: last exited: code=7 ' \
	'^web \| 4002 stops$' '^launch: web exited: code=0 ' '^cache \| 4001 stops$' \
	'^launch: cache exited: code=0 '
has 01-order.case 'setup | set up'
ended 01-order 7

order 02-restart '^launch: again exited: code=137 signal=9 oom=false ' \
	'^launch: again: restart 1 in 0\.1 s$' '^launch: again: restart 2 in 0\.2 s$' \
	'^launch: again: restart 3 in 0\.4 s$'
same "runs" 4 "$(grep -c '^launch: again exited: ' 02-restart.case)"
same "runs" 1 "$(grep -c '^enough | once' 02-restart.case)"
ended 02-restart 137

exited 03-limits eater 137 9 true
has 03-limits.case 'small | /sys/fs/cgroup/enclave/small/pids.max: 7'
has 03-limits.case 'slow | /sys/fs/cgroup/enclave/slow/cpu.max: 25000 100000'
ended 03-limits 137

for line in 'uid=1000/1000 gid=100/100 groups=44,100' cwd=/srv 'env A=b' 'env HOME=/home/me' \
	'stdin=/dev/null' 'session=own' 'files=512/512 core=0' '/dev/stdout opens' \
	'/proc/self/cgroup: 0::/enclave/me' 'setuid(0)=-1'; do
	has 04-self.case "me | $line"
done
exited 04-self me 3 0 false
ended 04-self 3

order 05-stop '^launch: ender started$' '^launch: ender exited: code=143 signal=15 ' \
	'^launch: three exited: code=138 signal=10 ' \
	'^launch: two did not end 0\.5 s after SIGTERM: killed$' \
	'^launch: two exited: code=137 signal=9 ' '^one \| one stops$' '^launch: one exited: code=0 '
ended 05-stop 143

order 06-command '^maker \| /tmp/made holds$' '^launch: maker healthy after ' '^user \| it is made$' \
	'^launch: maker exited: code=0 '
ended 06-command 0

exited 07-absent absent 127 0 false 'cannot start /no/such/program: No such file or directory'
exited 07-absent folder 125 0 false 'cannot enter the working folder /no/such/folder: No such file or directory'
has 07-absent.case 'launch: after is not started: it depends on absent, which was never started'
has 07-absent.case 'launch: onward is not started: it depends on after, which was never started'
lacks 07-absent 'never$|absent started|folder started'
# the code of whichever ended first
grep -Eqx 'case 07-absent: launch ended with 12[57]' 07-absent.case || fail "$(cat 07-absent.case)"

order 08-deaf '^launch: silent started$' '^launch: silent is not healthy: no answer in time$' \
	'^launch: silent did not end 0\.3 s after SIGTERM: killed$' '^launch: silent exited: code=137 '
ended 08-deaf 137

order 09-late '^launch: late is not healthy: no answer in time$' '^late \| late stops$' \
	'^launch: late exited: code=0 '
ended 09-late 1

order 10-unhealthy '^launch: bad is not healthy: 503$' '^launch: bad exited: code=0 ' \
	'^launch: bad: restart 1 in 0\.1 s$'
same "ends" 2 "$(grep -c '^launch: bad is not healthy: 503$' 10-unhealthy.case)"
ended 10-unhealthy 1

has 11-lines.case "long | $(printf 'a%.0s' {1..4096})"
has 11-lines.case "long | $(printf 'b%.0s' {1..904})"
has 11-lines.case 'long | last'
has 12-leave.case 'looker | nothing is left'
ended 12-leave 0

order 13-zero '^launch: boss exited: code=0 ' '^launch: other exited: '
ended 13-zero 0

order 14-critical '^launch: broken exited: code=3 ' '^launch: broken: restart 2 in 0\.2 s$' \
	'^first \| first stops$'
same "runs" 3 "$(grep -c '^launch: broken exited: ' 14-critical.case)"
ended 14-critical 3

order 15-interrupt '^launch: sleeper: restart 1 in ' '^launch: interrupter exited: code=143 ' \
	'^waits \| waits stops$'
lacks 15-interrupt 'never'
ended 15-interrupt 143

has 16-config.case 'launch: cannot use /.enclave/config: a unit lacks kind, restart, stop_signal or stop_timeout'
ended 16-config 125
ends services.console 'init: end signal=9'
