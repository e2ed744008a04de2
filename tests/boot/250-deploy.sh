# Goal: deploy brings real enclaves to a host by a real ssh under a real systemd,
# with all that its unit forbids: the first one answers on its port, a bad one is
# rolled back and the first one answers again, a good one takes its place.
. "$(dirname "$0")/lib.sh"
need musl-gcc qemu-system-x86_64 jq
boot_kernel
"$ENCL" doctor | grep -q '^ok *vhost-device-vsock' || skip "vhost-device-vsock is not installed; run make setup"
. "$TOP/tests/support/host.sh"
ulimit -c 0

cat >app.c <<'C'
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>
int
main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4000)};
	int one = 1;
	int s = socket(AF_INET, SOCK_STREAM, 0);

	if (argc < 2 || !strcmp(argv[1], "bad"))
		return 7;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 8))
		return 8;
	for (;;) {
		int c = accept(s, NULL, NULL);

		write(c, argv[1], strlen(argv[1]));
		close(c);
	}
}
C
mkdir -p files/bin
musl-gcc -static -Os -s -w -o files/bin/app app.c
PORT=$(free_port)
image() { # image VERSION: builds VERSION.eif
	cat >"$1.yaml" <<Y
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: web
version: "1"
arch: x86_64
rootfs: [{directory: {path: ./files, at: /}}]
boot:
  kernel: {image: $KERNEL, config: $KERNEL_CONFIG, modules: $KERNEL_MODULES}
services:
  - {name: server, command: [/bin/app, $1], critical: true, healthcheck: {tcp: 4000, intervalSeconds: 0.25}}
network: {ingress: [{name: web, vsock: 5000, tcp: 4000}]}
resources: {memoryMiB: auto, cpus: 1}
deploy:
  ports: [{name: web, port: $PORT}]
  gate: {timeoutSeconds: 300}
  targets: [{name: there, ssh: {host: there}}]
Y
	run 0 "$ENCL" build "$1.yaml" -o "$1.eif"
}
image one
image two
image bad
answer() { timeout 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$PORT; cat <&3"; }
pcr0() { "$ENCL" measure "$1.eif" | sed -n 's/^PCR0 *//p'; }
deploy() { # deploy WANT VERSION
	run "$1" "$ENCL" deploy "$2.yaml" --image "$2.eif" --ssh-config ssh_config
}

host there
deploy 0 one
same "result" "web deployed on ssh://there" "$(cat out)"
same "what answers" one "$(answer)"
run 0 "$ENCL" status web --target ssh://there --ssh-config ssh_config --until ready --against one.eif --json
jq -e --arg pcr0 "$(pcr0 one)" --argjson port "$PORT" '.PCR0 == $pcr0 and .State == "ready" and .Backend == "qemu" and
	.Ports[0].Port == $port and .Ports[0].Address == "0.0.0.0" and .NSM == false and .Units[0].Name == "server"' out >/dev/null || fail "$(cat out)"
same "the unit" "active enabled" "$(on there systemctl show -p ActiveState -p UnitFileState --value enclavebuild-web.service | tr '\n' ' ' | sed 's/ $//')"

deploy 1 bad
grep -qFx "enclavebuild: web on ssh://there: the new enclave did not pass its gate; what was there before is back" err || fail "$(cat err)"
grep -q 'ended with code 7' err || fail "why it ended is not told: $(cat err)"
same "what answers" one "$(answer)"
run 0 "$ENCL" status web --target ssh://there --ssh-config ssh_config --until ready --against one.eif

deploy 0 two
same "what answers" two "$(answer)"
run 0 "$ENCL" status web --target ssh://there --ssh-config ssh_config --until ready --against two.eif
run 3 "$ENCL" status web --target ssh://there --ssh-config ssh_config --against one.eif

on there pgrep -fa 'qemu-system|vhost-device-vsock' >left || true
same "processes" 2 "$(wc -l <left)"

# An end in order: the unit has not failed, and nothing is left of the enclave.
on there systemctl stop enclavebuild-web.service
same "the unit" "inactive" "$(on there systemctl show -p ActiveState --value enclavebuild-web.service)"
run 125 "$ENCL" status web --target ssh://there --ssh-config ssh_config
on there pgrep -fa 'qemu-system|vhost-device-vsock' >left || true
same "processes" "" "$(cat left)"
