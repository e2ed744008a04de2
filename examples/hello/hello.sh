#!/bin/sh
# Says where it is and who it is, and asks a server on 127.0.0.1.
echo "$GREETING, $1, from the enclave"
echo "folder: $(pwd)"
echo "user: $(busybox id -un):$(busybox id -gn)"

memcached -l 127.0.0.1 -p 11211 -m 16 &
server=$!
tries=0
answer=
while [ -z "$answer" ] && [ "$tries" -lt 100 ]; do
	answer=$(printf 'version\r\nquit\r\n' | busybox nc 127.0.0.1 11211 2>/dev/null | busybox tr -d '\r')
	tries=$((tries + 1))
	[ -n "$answer" ] || busybox sleep 0.1
done
echo "127.0.0.1 answers: ${answer:-nothing}"
kill "$server"
[ -n "$answer" ]
