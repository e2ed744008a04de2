#!/bin/sh
# Made by enclavebuild deploy: puts the enclave @{line:name} in place on this host,
# starts it and waits until it has shown what it has to show.  Where it does
# not, all is put back as it was: exit code 3 where it is not the image that it
# should be, 5 where this host lacks something, else 1.
set -eu
umask 022
name=@{sh:name}
tool=@{sh:tool}
sha256=@{sh:sha256}
pcr0=@{sh:pcr0}
reference=@{sh:reference}
supervisor=@{sh:supervisor}
gate_until=@{sh:gateUntil}
gate_attestation=@{sh:gateAttestation}
gate_timeout=@{num:gateTimeout}
stop_timeout=@{num:stopTimeout}
memory=@{num:memoryMiB}
cpus=@{num:cpus}
tool_sha256=@{sh:toolSha256}
dir=/var/lib/enclavebuild/$name
image=$dir/$sha256.eif
unit=enclavebuild-$name.service
new_unit=@{sh:unit}
new_start=@{sh:detached}

say() {
	echo "deploy: $*" >&2 || true
}
lacks() {
	say "$*"
	exit 5
}
is_sha256() { # is_sha256 DIGEST FILE
	echo "$1  $2" | sha256sum -c --status 2>/dev/null
}
# The last of these lines is what the other side reads.
result() {
	echo "result $*" || true
}

[ "$(id -u)" -eq 0 ] || lacks "it takes root"
for program in flock sha256sum setsid timeout awk; do
	command -v "$program" >/dev/null || lacks "$program is not installed"
done
case $supervisor in
auto) if [ -d /run/systemd/system ]; then supervisor=systemd; else supervisor=none; fi ;;
systemd) [ -d /run/systemd/system ] || lacks "systemd does not run here; use supervisor: none" ;;
esac
if [ "$supervisor" = systemd ]; then
	file=/etc/systemd/system/$unit
	new=$new_unit
else
	file=$dir/start
	new=$new_start
fi
mkdir -p "$dir"
exec 9>"$dir/lock"
flock -n 9 || {
	say "another deploy of $name is under way"
	exit 1
}

changing=
old_active=
old_pid=0
tool_changed=
pid=

# ---- the tool ----

install_tool() {
	upload=/var/lib/enclavebuild/tool-$tool_sha256
	[ -n "$tool_sha256" ] || return 0
	is_sha256 "$tool_sha256" "$upload" || lacks "$upload is not what was sent"
	lib=/usr/local/lib/enclavebuild/$tool_sha256
	if is_sha256 "$tool_sha256" "$tool" || [ "$(readlink "$tool")" = "$lib/enclavebuild" ]; then
		rm -f "$upload"
		return 0
	fi
	mkdir -p "${tool%/*}"
	rm -f "$tool.previous"
	if [ -e "$tool" ]; then cp -pP "$tool" "$tool.previous"; fi
	tool_changed=yes
	if tar -tzf "$upload" >/dev/null 2>&1; then
		mkdir -p "$lib"
		tar -xzf "$upload" -C "$lib" --no-same-owner
		ln -sfn "$lib/enclavebuild" "$tool.new"
	else
		cp "$upload" "$tool.new"
		chmod 755 "$tool.new"
	fi
	mv -f "$tool.new" "$tool"
	rm -f "$upload"
}
restore_tool() {
	[ -n "$tool_changed" ] || return 0
	if [ -e "$tool.previous" ]; then mv -f "$tool.previous" "$tool"; else rm -f "$tool"; fi
	tool_changed=
}

# ---- the supervisor ----

start() {
	if [ "$supervisor" = systemd ]; then
		systemctl daemon-reload
		systemctl reset-failed "$unit" 2>/dev/null || true
		systemctl enable --quiet "$unit"
		systemctl start --no-block "$unit"
	else
		(
			trap - PIPE HUP INT TERM EXIT
			exec setsid sh "$file" >>"$dir/log" 2>&1 </dev/null 9>&-
		) &
		pid=$!
	fi
}
stop() {
	if [ "$supervisor" = systemd ]; then
		systemctl stop "$unit" 2>/dev/null || true
	else
		"$tool" stop "$name" --timeout "$stop_timeout" >/dev/null 2>&1 || true
	fi
}
is_active() {
	if [ "$supervisor" = systemd ]; then
		case $(systemctl show -p ActiveState --value "$unit") in
		active | activating | reloading) return 0 ;;
		esac
		return 1
	fi
	[ "$(state_of Alive)" = true ]
}
# Its supervisor has nothing left to wait for.
has_ended() {
	if [ "$supervisor" = systemd ]; then
		is_active || return 0
		[ "$(systemctl show -p NRestarts --value "$unit")" != 0 ]
	elif kill -0 "$pid" 2>/dev/null; then
		return 1
	fi
}
state_of() { # state_of KEY: of the enclave that is there
	"$tool" status "$name" --json 2>/dev/null |
		sed -n 's/^ *"'"$1"'": \([a-z0-9]*\),*$/\1/p' | head -n 1
}
last_words() {
	if [ "$supervisor" = systemd ]; then
		journalctl -u "$unit" -n 20 --no-pager -o cat 2>/dev/null | sed 's/^/  /' >&2 || true
	else
		tail -n 20 "$dir/log" 2>/dev/null | sed 's/^/  /' >&2 || true
	fi
}

# wait_for PID SECONDS OPTION…: until an enclave other than that process's is as asked.
wait_for() {
	not=$1
	left=$2
	shift 2
	while :; do
		code=0
		"$tool" status "$name" --wait 3 --not-pid "$not" "$@" >"$dir/gate" 2>&1 || code=$?
		[ "$code" -eq 124 ] || break
		if has_ended; then
			say "it ended before it was ready"
			return 1
		fi
		left=$((left - 3))
		[ "$left" -gt 0 ] || break
	done
	sed 's/^/  /' "$dir/gate" >&2 || true
	rm -f "$dir/gate"
	return "$code"
}

roll_back() {
	changing=
	trap '' PIPE HUP INT TERM
	last_words
	say "putting back what was there"
	failed_pid=$(state_of Pid)
	stop
	restore_tool
	if [ -e "$dir/previous" ]; then
		if ! cp -p "$dir/previous" "$file.new" || ! mv -f "$file.new" "$file"; then
			result "lost"
			say "$dir/previous could not be put back"
			return
		fi
		rm -f "$dir/changing" "$dir/previous"
		[ "$supervisor" = none ] || systemctl daemon-reload
	else
		[ "$supervisor" = none ] || systemctl disable --quiet "$unit" 2>/dev/null || true
		rm -f "$file" "$dir/changing"
		[ "$supervisor" = none ] || systemctl daemon-reload
		result "removed"
		say "there was no other before it"
		return
	fi
	[ -n "$old_active" ] || {
		result "restored"
		say "the one before it was not running, and is not now"
		return
	}
	start
	if wait_for "${failed_pid:-0}" "$gate_timeout" --until "$gate_until"; then
		result "restored"
		say "the one before it runs again"
	else
		result "lost"
		say "the one before it does not come up either"
	fi
}
on_exit() {
	status=$?
	trap - EXIT
	set +e
	[ -z "$changing" ] || roll_back
	[ -z "$tool_changed" ] || [ "$status" -eq 0 ] || restore_tool
	exit "$status"
}
trap on_exit EXIT
trap 'exit 1' PIPE HUP INT TERM

# ---- the image ----

install_tool
"$tool" version >/dev/null 2>&1 ||
	lacks "$tool does not run here; give --tool what \"make bundle\" made"
if ! is_sha256 "$sha256" "$image"; then
	if [ -n "$reference" ]; then
		say "fetching $reference"
		rm -f "$image.part"
		"$tool" pull "$reference" -o "$image.part" >/dev/null
	fi
	is_sha256 "$sha256" "$image.part" || {
		rm -f "$image.part"
		say "the image is not the one that it should be"
		exit 3
	}
	chmod 644 "$image.part"
	mv -f "$image.part" "$image"
fi

# ---- the change ----

if is_active; then old_active=yes; fi
# It could not be put back by this.
if { [ "$(state_of Alive)" = true ] && { [ -z "$old_active" ] || [ ! -e "$file" ]; }; } ||
	{ [ "$supervisor" = none ] && [ -e "/etc/systemd/system/$unit" ]; }; then
	say "$name is here already by another supervisor; remove that one first"
	exit 1
fi
if [ -n "$old_active" ] && [ -z "$tool_changed" ] && printf '%s\n' "$new" | cmp -s - "$file" &&
	"$tool" status "$name" --until "$gate_until" --attestation "$gate_attestation" \
		--against "$pcr0" >/dev/null 2>&1; then
	rm -f "$dir/changing"
	result "unchanged"
	say "$name runs already as it should"
	exit 0
fi
# Room for it: of all that is allocated, where the one before it holds some.
if [ -e /dev/nitro_enclaves ]; then
	setup="enclavebuild host setup --memory $memory --cpus $cpus --apply"
	if [ -z "$old_active" ]; then
		"$tool" host check --memory "$memory" --cpus "$cpus" >&2 ||
			lacks "an enclave does not fit here; see $setup"
	fi
	pool=$(cat /sys/module/nitro_enclaves/parameters/ne_cpus 2>/dev/null || true)
	[ -n "$pool" ] || lacks "the driver's pool has no processors; see $setup"
	pages=$(awk '/^Hugetlb:/ {print int($2 / 1024)}' /proc/meminfo)
	[ "$pages" -ge "$memory" ] ||
		lacks "there are $pages MiB of huge pages, the enclave takes $memory; see $setup"
fi
old_pid=$(state_of Pid)
# Where one was cut off (power), the way back leads to what was before it.
if [ -e "$dir/changing" ]; then
	old_active=$(cat "$dir/changing")
else
	rm -f "$dir/previous"
	if [ -e "$file" ]; then cp -p "$file" "$dir/previous"; fi
	echo "$old_active" >"$dir/changing.new"
	mv -f "$dir/changing.new" "$dir/changing"
fi
changing=yes
stop
printf '%s\n' "$new" >"$file.new"
chmod 644 "$file.new"
mv -f "$file.new" "$file"
: >"$dir/log"
start
code=0
wait_for "${old_pid:-0}" "$gate_timeout" --until "$gate_until" --attestation "$gate_attestation" \
	--against "$pcr0" || code=$?
if [ "$code" -eq 0 ] && [ "$supervisor" = systemd ] && ! timeout 30 systemctl start "$unit"; then
	say "systemd was not told that it runs"
	code=1
fi
if [ "$code" -ne 0 ]; then
	[ "$code" -eq 3 ] || code=1
	exit "$code"
fi
changing=
tool_changed=
rm -f "$dir/changing"
# The image before this one stays, for a way back by hand; older ones go.
before=$(cat "$dir/running" 2>/dev/null || true)
for f in "$dir"/*.eif; do
	case $f in "$image" | "$before") ;; *) rm -f "$f" ;; esac
done
echo "$image" >"$dir/running" || true
result "deployed"
say "$name runs"
