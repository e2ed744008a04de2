#!/bin/sh
# Made by enclavebuild deploy: the enclave @{line:name}, where there is no systemd.
exec @{sh:command}
