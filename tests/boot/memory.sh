# shellcheck shell=bash
# For 290-memory.sh and tests/support/memory-figures.sh: images that use up what
# their manifests declare, and the least memory with which one works: it comes up,
# each service and container holds its limit (less 2 MiB for the kernel's part),
# one without a limit the 48 MiB that plan counts, Docker's storage and the layer over
# a squashfs are written full, all at once; and then its application answers.

# memory_manifest NAME FORMAT COMPRESSION: an image with data, a service with a limit
# and one without; KERNEL, KERNEL_CONFIG and KERNEL_MODULES as boot_kernel sets them.
memory_manifest() {
	local writable='' fill=''
	[ "$2" = cpio ] || writable=', writableMiB: 12' fill='/full, '
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
rootfs:
  - file: {path: /bin/use, source: ./use, mode: "0755"}
  - file: {path: /held/x, content: ""}
  - file: {path: /srv/data, source: ./data}
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
  ramdisk: {format: $2, compression: $3$writable}
services:
  - {name: one, command: [/bin/use, hold, one, "22"], limits: {memoryMiB: 24}, critical: true}
  - {name: all, command: [/bin/use, all, "46", "0", $fill"--", one], critical: true}
Y
}

# memory_docker NAME FORMAT COMPRESSION: memcached in a container, another one that
# takes its limit, and the daemon's storage full.
memory_docker() {
	local writable='' fill='/var/lib/docker/full, '
	[ "$2" = cpio ] || writable=', writableMiB: 12' fill+='/full, '
	cat <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: $1
version: "1"
arch: x86_64
rootfs:
  - file: {path: /srv/use, source: ./use, mode: "0755"}
  - file: {path: /held/x, content: ""}
boot:
  kernel: {package: linux-image-cloud-amd64, suite: bookworm}
  ramdisk: {format: $2, compression: $3$writable}
docker:
  engine:
    packages:
      distribution: debian
      suite: bookworm
      install: [docker.io, iptables]
      exclude: [adduser, dmsetup, init-system-helpers, lsb-base]
      docs: false
  images:
    - name: memcached:1.6
      rootfs:
        - file: {path: /srv/use, source: ./use, mode: "0755"}
        - packages:
            distribution: debian
            suite: bookworm
            install: [memcached]
            exclude: [adduser, init-system-helpers, lsb-base, perl]
            docs: false
      config: {command: [memcached, -m, "64"], user: nobody:nogroup}
  containers:
    - {name: cache, image: "memcached:1.6", ports: ["11211:11211"], memoryMiB: 16, critical: true}
    - {name: eater, image: "memcached:1.6", user: "0:0", command: [/srv/use, hold, eater, "62"], memoryMiB: 64, volumes: ["/held:/held"], network: host, critical: true}
services:
  - {name: all, command: [/srv/use, all, "46", "11211", $fill"--", eater], dependsOn: {cache: started, eater: started}, critical: true}
Y
}

# memory_parts: what the manifests take, into this folder.
memory_parts() {
	musl-gcc -std=c17 -D_GNU_SOURCE -Os -static -s -o use "$TOP/tests/boot/use.c"
	head -c 12000000 /dev/urandom >data
	seq 1 2000000 | head -c 12000000 >>data
}

# memory_works IMAGE MIB CPUS: does it?  The console is in ./console.
memory_works() {
	local first=()
	# a loaded machine must not make a time-out of it
	! chrt -r 5 true 2>/dev/null || first=(chrt -r 5)
	"${first[@]}" "$ENCL" run "$1" --no-vsock --memory "$2" --cpus "$3" --timeout "${LIMIT:-150}" \
		--boot-timeout 60 --kernel-args quiet >console 2>console.err &&
		! grep -qE 'Out of memory|oom=true' console &&
		{ [ -z "${SAYS-all of it is used}" ] || grep -q "${SAYS-all of it is used}" console; }
}

# memory_least IMAGE CPUS HIGH: the least, in steps of STEP (4) MiB; HIGH works.
memory_least() {
	local step=${STEP:-4} low high middle
	low=$((56 / step)) high=$((($3 + step - 1) / step))
	memory_works "$1" $((high * step)) "$2" || {
		echo "more than $3"
		return
	}
	while [ $((high - low)) -gt 1 ]; do
		middle=$(((low + high) / 2))
		if memory_works "$1" $((middle * step)) "$2"; then high=$middle; else low=$middle; fi
	done
	echo $((high * step))
}
