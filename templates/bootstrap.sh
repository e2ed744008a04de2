#!/bin/sh
# Made by enclavebuild deploy: an instance of Amazon Linux 2023 from nothing to
# the enclave @{line:name}.  It may run again; what is there already is left alone.
# Whatever fails ends it, and is on the console and in cloud-init's status.
set -eu
umask 022
on_exit() {
	code=$?
	[ "$code" -eq 0 ] ||
		echo "enclavebuild: deploy of" @{sh:name} "failed with code $code" | tee /dev/console >&2
}
trap on_exit EXIT
export HOME=/root
tool=@{sh:tool}
mkdir -p /var/lib/enclavebuild "${tool%/*}"

# The driver is the kernel's; this has the allocator of its processors and pages.
if ! rpm -q aws-nitro-enclaves-cli >/dev/null 2>&1; then
	dnf install -y aws-nitro-enclaves-cli
fi
modprobe nitro_enclaves
if ! cmp -s /var/lib/enclavebuild/allocator.yaml /etc/nitro_enclaves/allocator.yaml; then
	cp /var/lib/enclavebuild/allocator.yaml /etc/nitro_enclaves/allocator.yaml
	systemctl restart nitro-enclaves-allocator.service
fi
systemctl enable --now nitro-enclaves-allocator.service
# The allocator's service has been seen to succeed in vain.
got=$(awk '/^HugePages_Total:/ {n = $2} /^Hugepagesize:/ {size = $2} /^Hugetlb:/ {all = $2} END {print int((all > 0 ? all : n * size) / 1024)}' /proc/meminfo)
if ! [ "$got" -ge @{num:memoryMiB} ]; then
	echo "enclavebuild: the allocator has $got MiB of huge pages, the enclave needs @{num:memoryMiB}" >&2
	exit 5
fi

sum=@{sh:toolFetchSha256}
fetched=/var/lib/enclavebuild/tool.fetched
if ! echo "$sum  $fetched" | sha256sum -c --status 2>/dev/null; then
	curl -fsSL --proto '=https' --retry 5 -o "$fetched" -- @{sh:toolFetchUrl}
	echo "$sum  $fetched" | sha256sum -c --quiet
fi
if tar -tzf "$fetched" >/dev/null 2>&1; then
	mkdir -p "/usr/local/lib/enclavebuild/$sum"
	tar -xzf "$fetched" -C "/usr/local/lib/enclavebuild/$sum" --no-same-owner
	ln -sfn "/usr/local/lib/enclavebuild/$sum/enclavebuild" "$tool"
else
	install -m 755 "$fetched" "$tool"
fi

sh /var/lib/enclavebuild/deploy.sh
