# Goal: deploy puts an enclave in place on a host by a real ssh, under a real
# systemd and without one; where the gate fails, for whatever reason, the host is
# as it was before, and what ran runs.  Only `run` is a stand-in.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/host.sh"
V=$TOP/tests/golden/vectors
cp "$V/signed.eif" one.eif
another() { # another FILE: unsigned.eif with another byte in its kernel, its CRC mended
	cp "$V/unsigned.eif" "$1"
	printf 'x' | dd of="$1" bs=1 seek=561 conv=notrunc status=none
	printf "$("$ENCL" inspect --strict "$1" 2>&1 | sed -nE 's/.*CRC-32 (..)(..)(..)(..),.*/\\x\1\\x\2\\x\3\\x\4/p')" |
		dd of="$1" bs=1 seek=544 conv=notrunc status=none
}
another two.eif
cp "$ENCL" real
sed "s#@WORK@#$WORK#" "$TOP/tests/support/fake-run.py" >tool
chmod 755 tool
sum() { sha256sum "$1" | cut -d' ' -f1; }
ONE=$(sum one.eif) TWO=$(sum two.eif)
PCR0=$("$ENCL" measure one.eif | sed -n 's/^PCR0 //p')
behave() { echo "$2" >"behaviour.$1"; }
host there
deploy() { # deploy WANT_CODE IMAGE OPTION…
	local want=$1 image=$2
	shift 2
	run "$want" "$ENCL" deploy "$image" --name app --memory 512 --no-publish --target "${TO:-ssh://there}" \
		--ssh-config "${CONFIG:-ssh_config}" --gate-timeout 9 "$@"
}
told() { grep -qFx -- "$1" err || fail "not told: $1"$'\n'"$(cat err)"; }
# What is there: the running image, the unit's state, everything that was written.
running() { on there enclavebuild status app --json | jq -r '[.PCR0[:8], .State, .Alive] | join(" ")'; }
state() {
	on there systemctl show -p ActiveState -p UnitFileState --value enclavebuild-app.service | tr '\n' ' '
	on there sh -c 'cd / && find etc/systemd/system usr/local/bin var/lib/enclavebuild ! -name lock ! -name log -type f -o -type l |
		sort | xargs sha256sum'
}

# ---- a host that has nothing ----
TO=ssh://nowhere.invalid deploy 6 one.eif
grep -q '^enclavebuild: app on ssh://nowhere.invalid: ssh to nowhere.invalid failed$' err || fail "$(cat err)"
sed "s#UserKnownHostsFile .*#UserKnownHostsFile $WORK/nobody#" ssh_config >strange
CONFIG=strange deploy 6 one.eif
grep -q 'Host key verification failed' err || fail "a strange host is trusted: $(cat err)"
on there test ! -e /var/lib/enclavebuild || fail "something was written"

on there sh -c ': >/dev/nitro_enclaves'
deploy 5 one.eif --tool tool
told "deploy: an enclave does not fit here; see enclavebuild host setup --memory 512 --cpus 2 --apply"
told "enclavebuild: app on ssh://there: the host lacks something; nothing was changed"
on there rm /dev/nitro_enclaves
on there test ! -e /usr/local/bin/enclavebuild || fail "the tool stayed"
on there test ! -e /etc/systemd/system/enclavebuild-app.service || fail "a unit came"

behave "$ONE" crash
deploy 1 one.eif --tool tool
told "deploy: there was no other before it"
told "enclavebuild: app on ssh://there: the new enclave did not pass its gate; nothing was there before, and nothing is now"
on there test ! -e /etc/systemd/system/enclavebuild-app.service || fail "the unit stayed"
on there test ! -e /usr/local/bin/enclavebuild || fail "the tool stayed"

# ---- the first one ----
behave "$ONE" ready
deploy 0 one.eif --tool tool --json
jq -e --arg pcr0 "$PCR0" '.Result == "deployed" and .Target == "ssh://there" and .Name == "app" and .PCR0 == $pcr0' out >/dev/null || fail "$(cat out)"
same "what runs" "${PCR0:0:8} ready true" "$(running)"
same "the unit" "active enabled" "$(on there systemctl show -p ActiveState -p UnitFileState --value enclavebuild-app.service | tr '\n' ' ' | sed 's/ $//')"
same "the image" "$ONE" "$(on there sha256sum "/var/lib/enclavebuild/app/$ONE.eif" | cut -d' ' -f1)"
on there sh -c 'ls /var/lib/enclavebuild' >list
same "what is left of sending" "app" "$(cat list)"

# ---- again: nothing to do ----
before=$(state)
pid=$(on there systemctl show -p MainPID --value enclavebuild-app.service)
deploy 0 one.eif
told "deploy: app runs already as it should"
same "result" "app unchanged on ssh://there" "$(cat out)"
same "the process" "$pid" "$(on there systemctl show -p MainPID --value enclavebuild-app.service)"
same "the host" "$before" "$(state)"

# ---- a parent without a pool: told before anything is changed ----
on there sh -c ': >/dev/nitro_enclaves'
deploy 5 two.eif
told "deploy: the driver's pool has no processors; see enclavebuild host setup --memory 512 --cpus 2 --apply"
told "enclavebuild: app on ssh://there: the host lacks something; nothing was changed"
on there rm /dev/nitro_enclaves "/var/lib/enclavebuild/app/$TWO.eif"
same "the process" "$pid" "$(on there systemctl show -p MainPID --value enclavebuild-app.service)"
same "the host" "$before" "$(state)"

# ---- gates that fail: the old one runs, all is as it was but the second image ----
refused() { # refused CODE MESSAGE OPTION…
	local code=$1 message=$2
	shift 2
	deploy "$code" two.eif "$@"
	told "enclavebuild: app on ssh://there: $message; what was there before is back"
	told "deploy: the one before it runs again"
	same "what runs" "${PCR0:0:8} ready true" "$(running)"
	on there rm -f "/var/lib/enclavebuild/app/$TWO.eif"
	same "the host" "$before" "$(state)"
}
GATE="the new enclave did not pass its gate" OTHER="the new enclave is not the image that it should be"
behave "$TWO" crash
refused 1 "$GATE"
grep -q 'it crashed\|ended before it was ready' err || fail "no reason: $(cat err)"
behave "$TWO" hang
refused 1 "$GATE"
grep -q 'app is not ready' err || fail "no reason: $(cat err)"
behave "$TWO" another
refused 3 "$OTHER"
grep -q 'app attests PCR0 0000' err || fail "no reason: $(cat err)"
behave "$TWO" unattested
refused 3 "$OTHER"
grep -q 'app is not attested: the module is broken' err || fail "no reason: $(cat err)"
behave "$TWO" ready
refused 3 "$OTHER" --attestation required
grep -q 'app has no Nitro Secure Module: nothing attests what it is' err || fail "no reason: $(cat err)"

# ---- and one that passes ----
behave "$TWO" attested
deploy 0 two.eif --attestation required
same "result" "app deployed on ssh://there" "$(cat out)"
same "what runs" "$("$ENCL" measure two.eif | sed -n 's/^PCR0 \(.\{8\}\).*/\1/p') ready true" "$(running)"
same "the image before it" "$(printf "%s\n" "$ONE.eif" "$TWO.eif" | sort)" "$(on there sh -c "cd /var/lib/enclavebuild/app && ls ./*.eif | cut -c3-" | sort)"

# ---- status of another host ----
run 0 "$ENCL" status app --target ssh://there --ssh-config ssh_config --against two.eif --attestation required
grep -q '^state    ready, started ' out || fail "$(cat out)"
grep -q 'attested by the Nitro Secure Module' out || fail "$(cat out)"
run 3 "$ENCL" status app --target ssh://there --ssh-config ssh_config --against one.eif
grep -q "^enclavebuild: app has PCR0 .*, not $PCR0$" err || fail "$(cat err)"
run 2 "$ENCL" status other --target ssh://there --ssh-config ssh_config

# ---- somebody who has to sudo ----
TO=ssh://somebody@there deploy 0 two.eif --attestation required
same "result" "app unchanged on ssh://somebody@there" "$(cat out)"
run 0 "$ENCL" status app --target ssh://somebody@there --ssh-config ssh_config --json
jq -e '.State == "ready" and .AsAsked' out >/dev/null || fail "$(cat out)"

# ---- two at once: one of them does nothing ----
on there sh -c 'exec 9>/var/lib/enclavebuild/app/lock; flock 9; sleep 30' &
locker=$!
sleep 1
deploy 1 one.eif
told "deploy: another deploy of app is under way"
told "enclavebuild: app on ssh://there: it could not be put in place; nothing was changed"
kill "$locker" 2>/dev/null || true
on there pkill -f 'sleep 30' || true
wait "$locker" 2>/dev/null || true

# ---- without systemd ----
free() { run "$1" "$ENCL" deploy "$2" --name free --no-publish --target ssh://there --ssh-config ssh_config --gate-timeout 9 --supervisor none; }
running_free() { on there enclavebuild status free --json | jq -r '[.PCR0[:8], .State, .Alive] | join(" ")'; }
free 0 one.eif
same "what runs" "${PCR0:0:8} ready true" "$(running_free)"
free 0 one.eif
same "result" "free unchanged on ssh://there" "$(cat out)"
behave "$TWO" crash
free 1 two.eif
told "enclavebuild: free on ssh://there: the new enclave did not pass its gate; what was there before is back"
same "what runs" "${PCR0:0:8} ready true" "$(running_free)"
on there systemctl show -p ActiveState --value enclavebuild-app.service | grep -qx active || fail "the other one was touched"

# ---- this host ----
run 0 on there "$WORK/real" deploy "$WORK/one.eif" --name here --no-publish --supervisor none --tool "$WORK/tool" --gate-timeout 9
same "result" "here deployed on local" "$(cat out)"
same "what runs" "${PCR0:0:8} ready true" "$(on there enclavebuild status here --json | jq -r '[.PCR0[:8], .State, .Alive] | join(" ")')"
