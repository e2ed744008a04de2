#!/bin/sh
# count.sh NAME: one more of NAME in the cache; prints how many there are.
printf 'add %s 0 0 1\r\n0\r\nincr %s 1\r\nquit\r\n' "$1" "$1" |
	busybox nc -w 5 cache 11211 | busybox tr -d '\r' | busybox tail -n 1
