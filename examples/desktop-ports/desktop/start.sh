#!/bin/sh
# A stand-in for a desktop: a home page, a stream, a VNC server and its page.
trap 'kill $servers; exit 143' TERM
servers=
serve() { # serve COMMAND…
	"$@" &
	servers="$servers $!"
}
echo "started" >/root/.config/desktop/state
serve busybox httpd -f -p 8501 -h /srv/stream
serve busybox httpd -f -p 6080 -h /srv/novnc
serve busybox nc -ll -p 5900 -e /srv/vnc.sh
serve busybox httpd -f -p 8080 -h /srv/home
echo "up"
wait $!
