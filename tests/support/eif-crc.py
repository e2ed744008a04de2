#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eif-crc.py IMAGE: its CRC field made good, as an adversary would."""
import struct
import sys
import zlib

with open(sys.argv[1], "r+b") as f:
    b = bytearray(f.read())
    b[544:548] = struct.pack(">I", zlib.crc32(b[548:], zlib.crc32(b[:544])))
    f.seek(0)
    f.write(b)
