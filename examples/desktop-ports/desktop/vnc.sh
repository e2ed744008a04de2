#!/bin/sh
# What a VNC server says first (RFC 6143, 7.1.1).
printf 'RFB 003.008\n'
