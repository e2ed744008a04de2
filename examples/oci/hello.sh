#!/bin/sh
echo "$GREETING $1"
echo "folder: $(busybox pwd)"
echo "user: $(busybox id -un)"
busybox httpd -p 127.0.0.1:8080 -h /srv
echo "127.0.0.1 answers: $(busybox wget -qO- http://127.0.0.1:8080/index.html)"
