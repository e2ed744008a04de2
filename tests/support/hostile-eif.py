#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hostile-eif.py OUT.eif KERNEL [CHANGED]: an image whose names, packages, settings
and metadata are markup, control bytes and marks that reorder text; with a word as
CHANGED one of its files says that.  hostile-eif.py OUT.eif KERNEL --many N: an
image of N small files in many folders."""
import json
import struct
import sys
import zlib

KERNEL, CMDLINE, RAMDISK, METADATA = 1, 2, 3, 5


def entry(name, data, mode, ino):
    name = name.encode() if isinstance(name, str) else name
    head = b"070701" + b"".join(b"%08X" % x for x in (
        ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
    out = head + name + b"\0"
    out += b"\0" * (-len(out) % 4) + data
    return out + b"\0" * (-len(out) % 4)


def archive(files):
    """{name: bytes, or None for a folder}; the folders above are made."""
    names = {}
    for name, data in files.items():
        name = name.encode() if isinstance(name, str) else name
        parts = name.split(b"/")
        for i in range(1, len(parts)):
            names.setdefault(b"/".join(parts[:i]), None)
        names[name] = data
    out = b"".join(entry(name, data or b"", 0o40755 if data is None else 0o100644, i + 1)
                   for i, (name, data) in enumerate(sorted(names.items())))
    out += entry("TRAILER!!!", b"", 0, 0)
    return out + b"\0" * (-len(out) % 4096)


def image(kernel, cmdline, metadata, ramdisks):
    parts = [(KERNEL, kernel), (CMDLINE, cmdline), (METADATA, json.dumps(metadata).encode())]
    parts += [(RAMDISK, r) for r in ramdisks]
    offsets, sizes, body, at = [], [], b"", 548
    for kind, data in parts:
        offsets.append(at)
        sizes.append(len(data))
        body += struct.pack(">HHQ", kind, 0, len(data)) + data
        at += 12 + len(data)
    table = [v + [0] * (32 - len(v)) for v in (offsets, sizes)]
    head = b".eif" + struct.pack(">HHQQHH", 4, 0, 1 << 30, 2, 0, len(parts))
    head += struct.pack(">32Q", *table[0]) + struct.pack(">32Q", *table[1]) + struct.pack(">I", 0)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def config(records):
    out = b"enclave-launch 2\n"
    for key, value in records + [("end", "")]:
        value = value.encode()
        out += b"%s %d\n%s\n" % (key.encode(), len(value), value)
    return out


METADATA_OF = {
    "ImageName": "</title><script>alert('name')</script>",
    "ImageVersion": "\"><img src=version onerror=alert(1)>",
    "BuildMetadata": {"BuildTime": "1970-01-01T00:00:00+00:00</dd><b>",
                      "BuildTool": "<svg onload=alert(2)>", "BuildToolVersion": "\u202e1.0",
                      "OperatingSystem": "Linux", "KernelVersion": "<i>6"},
    "DockerInfo": {"</pre><script>alert(3)</script>": "</details>"},
    "CustomMetadata": {"enclavebuild": {"debug": {"exec": True}}},
}

CONFIG = [
    ("exec", ""), ("hostname", "<u>host</u>"), ("ingress", "<b>in</b> 1 <i>2</i>"),
    ("egress", "<s>3128</s>"), ("egress_allow", "host <script>alert(4)</script> 443"),
    ("exchange", "<b>x</b> 9000 1 rw /<i>folder</i>"), ("later<b>", "<b>unknown</b>"),
    ("unit", "<script>alert(5)</script>"), ("kind", "process"), ("argv", "/bin/<img src=argv onerror=alert(6)>"),
    ("argv", "\x1b[31m\u2066x"), ("env", "A=<b>\""), ("uid", "0"), ("gid", "<b>0"), ("restart", "<i>no"),
    ("depends", "<b> started"), ("health", "<b>"),
    ("unit", "box"), ("kind", "container"), ("restart", "no"),
    ("create", json.dumps({"Image": "<script>alert(7)</script>", "Cmd": ["<b>", 1],
                           "HostConfig": {"Binds": ["/<img src=bind onerror=alert(8)>:/x"],
                                          "Privileged": True, "NetworkMode": "<b>"}})),
    ("unit", "broken"), ("kind", "container"), ("restart", "no"), ("create", "{<b>"),
]

STATUS = """Package: evil
Status: install ok installed
Version: 1<script>alert(9)</script>
Architecture: "><img src=arch onerror=alert(10)>
Source: <b>evil-src</b> (<i>2</i>)
Maintainer: <script>alert(11)</script>
Homepage: javascript:alert(12)
Description: </td></tr></table><script>alert(13)</script>

Package: <script>alert(14)</script>
Status: install ok installed
Version: 2\u202e
Architecture: all
Description: x

"""

NAMES = [
    "<script>alert(20)</script>", "\"><img src=f onerror=alert(21)>", "' onmouseover='alert(22)",
    "<svg onload=alert(23)>", "&lt;b&gt;&#60;b&#62;&amp;", "-->", "]]>", "</text></svg><script>alert(24)",
    "</title></rect>", b"\x01\x07\x1b[31mred", b"a\nb", b"\xff\xfe\x80\xc3(", "\u202egnp.exe",
    "a\u200bb", "back\\slash", "{{7*7}}${7*7}", "\u05d0\u05d1/\u05d2", "e\u0301" * 20, "A" * 255,
    "javascript:alert(25)",
]


def hostile(kernel, word):
    files = {"init": b"init"}
    app = {"rootfs/.enclave/config": config(CONFIG),
           "rootfs/var/lib/dpkg/status": STATUS.encode(),
           "rootfs/var/lib/dpkg/info/evil.list": b"/.\n/usr\n/usr/bin\n/usr/bin/<b>evil\n",
           "rootfs/usr/bin/<b>evil": b"x" * 50000,
           "rootfs/etc/os-release": b"ID=\"<b>os</b>\"\nVERSION_ID=\"<i>1\"\n",
           "rootfs/etc/said": b"</pre><script>alert(30)</script>\n" + word.encode() +
           b"<img src=said onerror=alert(31)>\n",
           "rootfs/" + "d/" * 40 + "deep": b"y" * 9000}
    for i, name in enumerate(NAMES):
        name = name.encode() if isinstance(name, str) else name
        app[b"rootfs/srv/" + name] = bytes([65 + i]) * (20000 + 1000 * i)
    return image(kernel, b"quiet </pre><script>alert(40)</script>\x7f", METADATA_OF,
                 [archive(files), archive(app)])


def many(kernel, n):
    app = {f"rootfs/d{i % 300:03}/e{i % 7}/file-{i:06}": b"%016d" % i for i in range(n)}
    plain = dict(METADATA_OF, ImageName="many", ImageVersion="1")
    return image(kernel, b"quiet", plain, [archive({"init": b"init"}), archive(app)])


def main():
    out, kernel = sys.argv[1:3]
    with open(kernel, "rb") as f:
        kernel = f.read()
    if sys.argv[3:4] == ["--many"]:
        data = many(kernel, int(sys.argv[4]))
    else:
        data = hostile(kernel, sys.argv[3] if len(sys.argv) > 3 else "")
    with open(out, "wb") as f:
        f.write(data)


main()
