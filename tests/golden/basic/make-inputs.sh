#!/bin/bash
# A tar with what git cannot hold: owners, modes, a hard link, a device, a time.
set -euo pipefail
mkdir -p tree/bin tree/var/spool
echo program >tree/bin/a
ln tree/bin/a tree/bin/b
ln -s ../bin/a tree/var/link
mkfifo tree/var/fifo
chmod 4755 tree/bin/a
chmod 1777 tree/var/spool
tar --sort=name --mtime=@1234 --owner=12:12 --group=34:34 --numeric-owner -C tree -cf app.tar .
xz -9 app.tar
rm -rf tree
