#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""recertify.py IMAGE CERTIFICATE OUT: the image with another certificate in its signature
section.  With one of the same key the signature stays good: certificates that `sign`
refuses (expired, another key usage) get into images this way."""
import struct
import sys
import zlib


def head(data, at):
    major, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return major, low, at + 1
    n = 1 << (low - 24)
    return major, int.from_bytes(data[at + 1:at + 1 + n], "big"), at + 1 + n


def number(major, n):
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 1 << 8 * size:
            return bytes([major << 5 | code]) + n.to_bytes(size, "big")
    raise ValueError(n)


data = bytearray(open(sys.argv[1], "rb").read())
pem = open(sys.argv[2], "rb").read()
count = struct.unpack(">H", data[26:28])[0]
at = struct.unpack(">Q", data[28 + 8 * (count - 1):36 + 8 * (count - 1)])[0]
payload = bytes(data[at + 12:])
_, length, start = head(payload, 22)  # [{"signing_certificate": …
end = start
for _ in range(length):
    end = head(payload, end)[2]
payload = payload[:22] + number(4, len(pem)) + b"".join(number(0, b) for b in pem) + payload[end:]
data[at:] = struct.pack(">HHQ", 4, 0, len(payload)) + payload
slot = 284 + 8 * (count - 1)
data[slot:slot + 8] = struct.pack(">Q", len(payload))
data[544:548] = struct.pack(">I", zlib.crc32(bytes(data[548:]), zlib.crc32(bytes(data[:544]))))
open(sys.argv[3], "wb").write(data)
