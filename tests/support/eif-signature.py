#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eif-signature.py IMAGE PREFIX: the signature section taken apart, by nothing of
the tool's: PREFIX.pem (its certificate), PREFIX.signed (what COSE says is signed),
PREFIX.der (the signature as `openssl dgst -verify` takes it); prints the curve's
hash, PCR0 as it was signed, and the section's size."""
import struct
import sys


def head(b, i):
    major, n = b[i] >> 5, b[i] & 31
    i += 1
    if n >= 24:
        size = 1 << (n - 24)
        n, i = int.from_bytes(b[i : i + size], "big"), i + size
    return major, n, i


def item(b, i):
    major, n, i = head(b, i)
    if major == 0:
        return n, i
    if major == 1:
        return -1 - n, i
    if major in (2, 3):
        return (b[i : i + n] if major == 2 else b[i : i + n].decode()), i + n
    if major == 4:
        out = []
        for _ in range(n):
            v, i = item(b, i)
            out.append(v)
        return out, i
    if major == 5:
        out = {}
        for _ in range(n):
            k, i = item(b, i)
            out[k], i = item(b, i)
        return out, i
    raise ValueError(major)


def whole(b):
    v, i = item(b, 0)
    assert i == len(b)
    return v


def bstr(b):
    n = len(b)
    return (bytes([0x40 + n]) if n < 24 else bytes([0x58, n])) + b


def integer(n):
    b = n.to_bytes(n.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(b)]) + b


image, prefix = open(sys.argv[1], "rb").read(), sys.argv[2]
count = struct.unpack(">H", image[26:28])[0]
offsets = struct.unpack(">32Q", image[28:284])
sizes = struct.unpack(">32Q", image[284:540])
sections = []
for i in range(count):
    kind, _, size = struct.unpack(">HHQ", image[offsets[i] : offsets[i] + 12])
    assert size == sizes[i]
    if kind == 4:
        sections.append(image[offsets[i] + 12 : offsets[i] + 12 + size])
assert len(sections) == 1, f"{len(sections)} signatures"
(entry,) = whole(sections[0])
protected, unprotected, payload, rs = whole(bytes(entry["signature"]))
assert unprotected == {}
name = {-7: "sha256", -35: "sha384", -36: "sha512"}[whole(protected)[1]]
signed = b"\x84\x6aSignature1" + bstr(protected) + b"\x40" + bstr(payload)
r, s = (int.from_bytes(x, "big") for x in (rs[: len(rs) // 2], rs[len(rs) // 2 :]))
both = integer(r) + integer(s)
der = b"\x30" + (b"\x81" if len(both) > 127 else b"") + bytes([len(both)]) + both
for ending, data in (("pem", bytes(entry["signing_certificate"])), ("signed", signed), ("der", der)):
    with open(f"{prefix}.{ending}", "wb") as f:
        f.write(data)
register = whole(payload)
assert register["register_index"] == 0
print(name, bytes(register["register_value"]).hex(), len(sections[0]))
