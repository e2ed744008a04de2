# Goal: the user-data brings an instance from nothing to a running enclave when
# cloud-init's own modules carry it out, under a real systemd and with a real
# registry; a second time it changes nothing; what is wrong ends it with a message.
# Stand-ins: dnf, rpm, modprobe, curl, the allocator's service, /proc/meminfo, `run`.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/registry.sh"
. "$TOP/tests/support/host.sh"
need cloud-init jq
cp "$TOP/tests/golden/vectors/signed.eif" app.eif
cp "$ENCL" real
sed "s#@WORK@#$WORK#" "$TOP/tests/support/fake-run.py" >tool
chmod 755 tool
PCR0=$("$ENCL" measure app.eif | sed -n 's/^PCR0 //p')
registry one
APP=$REG/team/app
run 0 "$ENCL" push app.eif "$APP:1"
cat >enclave.yaml <<END
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: app
version: "1"
arch: x86_64
rootfs: [{directory: {path: .}}]
boot: {kernel: {blobs: .}}
app: {command: [/app]}
resources: {memoryMiB: 1000, cpus: 2}
deploy:
  image: $APP:1
  gate: {timeoutSeconds: 20}
  targets: [{name: aws, ec2: {tool: {url: "https://files.example/tool", sha256: "$(sha256sum tool | cut -d' ' -f1)"}}}]
END
run 0 "$ENCL" deploy --output aws

host there
# An instance with nothing but what Amazon Linux 2023 has.
mkdir stand-ins
put() {
	cat >"stand-ins/$1"
	chmod 755 "stand-ins/$1"
}
put rpm <<END
#!/bin/sh
test -e /etc/nitro_enclaves/allocator.yaml
END
put dnf <<END
#!/bin/sh
echo "dnf \$*" >>$WORK/asked
mkdir -p /etc/nitro_enclaves
printf -- '---\nmemory_mib: 512\ncpu_count: 2\n' >/etc/nitro_enclaves/allocator.yaml
END
put modprobe <<END
#!/bin/sh
echo "modprobe \$*" >>$WORK/asked
END
put curl <<END
#!/bin/sh
echo "curl \$*" >>$WORK/asked
cp $WORK/tool /var/lib/enclavebuild/tool.fetched
END
printf 'HugePages_Total: 600\nHugepagesize: 2048 kB\nHugetlb: 1228800 kB\n' >meminfo
cat >nitro-enclaves-allocator.service <<END
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /etc/nitro_enclaves/allocator.yaml >>$WORK/allocated'
[Install]
WantedBy=multi-user.target
END
on there sh -c "cp nitro-enclaves-allocator.service /etc/systemd/system/ && systemctl daemon-reload &&
	cp stand-ins/* /usr/local/sbin/ && mount --bind meminfo /proc/meminfo"
# What cloud-init does at an instance's first boot, of this.
cat >cloud.cfg <<END
datasource_list: [NoCloud]
network: {config: disabled}
cloud_init_modules: [write_files]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts_user]
system_info: {distro: debian}
END
on there sh -c 'rm -rf /etc/cloud/cloud.cfg.d /var/lib/cloud && cp cloud.cfg /etc/cloud/cloud.cfg'
boot() { # its output is ./console
	on there sh -c 'set -e
		rm -rf /var/lib/cloud /run/cloud-init
		mkdir -p /var/lib/cloud/seed/nocloud
		cp aws/user-data.yaml /var/lib/cloud/seed/nocloud/user-data
		echo "instance-id: i-1" >/var/lib/cloud/seed/nocloud/meta-data
		cloud-init init --local
		cloud-init init
		cloud-init modules --mode config
		cloud-init modules --mode final' >console 2>&1
}
boot || fail "$(cat console)"
same "what runs" "$PCR0 ready true" "$(on there /usr/local/bin/enclavebuild status app --json | jq -r '[.PCR0, .State, .Alive] | join(" ")')"
same "the unit" "active enabled" "$(on there systemctl show -p ActiveState -p UnitFileState --value enclavebuild-app.service | tr '\n' ' ' | sed 's/ $//')"
same "what was asked of the instance" "dnf install -y aws-nitro-enclaves-cli
modprobe nitro_enclaves
curl -fsSL --proto =https --retry 5 -o /var/lib/enclavebuild/tool.fetched -- https://files.example/tool" "$(cat asked)"
same "what was allocated" "memory_mib: 1000
cpu_count: 2" "$(grep -v -e '^#' -e '^---' allocated)"

# ---- again ----
pid=$(on there systemctl show -p MainPID --value enclavebuild-app.service)
rm asked allocated
boot || fail "$(cat console)"
grep -q 'deploy: app runs already as it should' console || fail "$(cat console)"
same "the process" "$pid" "$(on there systemctl show -p MainPID --value enclavebuild-app.service)"
same "what was asked of the instance" "modprobe nitro_enclaves" "$(cat asked)"
[ ! -e allocated ] || fail "the allocator was restarted"

# ---- what is wrong is told, and fails ----
broken() { # broken MESSAGE CODE
	if boot; then fail "cloud-init succeeds: $(cat console)"; fi
	grep -qF "$1" console || fail "not told: $1"$'\n'"$(cat console)"
	grep -qF "enclavebuild: deploy of app failed with code $2" console || fail "not told: code $2"$'\n'"$(cat console)"
}
printf 'HugePages_Total: 400\nHugepagesize: 2048 kB\nHugetlb: 819200 kB\n' >meminfo
broken "enclavebuild: the allocator has 800 MiB of huge pages, the enclave needs 1000" 5
printf 'HugePages_Total: 600\nHugepagesize: 2048 kB\nHugetlb: 1228800 kB\n' >meminfo
echo "# other" >>tool
on there rm /var/lib/enclavebuild/tool.fetched
broken "FAILED" 1
same "the process" "$pid" "$(on there systemctl show -p MainPID --value enclavebuild-app.service)"
