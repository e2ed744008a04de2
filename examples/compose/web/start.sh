#!/bin/sh
# Counts its own starts, then serves pages until the server ends.
trap 'kill "$server"; exit 143' TERM
starts=$(/srv/count.sh starts)
echo "$starts" >/run/starts
echo "start $starts"
busybox httpd -f -p 80 -h /srv/www &
server=$!
echo "$server" >/run/server
wait "$server"
