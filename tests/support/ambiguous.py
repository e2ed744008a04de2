#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Enclave images that two readers read differently, and two such readers.

ambiguous.py make FOLDER    writes good.eif and one file a trick, and NAME.seen
ambiguous.py read FILE      what each reader sees: sections (type, size, SHA-256) and
                            PCR0 to PCR2, or why it refuses

The readers do what their originals do, no more: "walk" goes from section to section and
never looks at the table (aws-nitro-enclaves-image-format's EifReader), "table" follows
the header's offsets (QEMU's hw/core/eif.c, and the hypervisor).
"""
import hashlib
import struct
import sys
import zlib

KERNEL, CMDLINE, RAMDISK, SIGNATURE, METADATA = 1, 2, 3, 4, 5
NAMES = {1: "kernel", 2: "cmdline", 3: "ramdisk", 4: "signature", 5: "metadata"}
HEADER, SLOTS = 548, 32


def cpio(*members):
    """members: (path, mode, data, ino, nlink[, uid, minor number of a device 1])"""
    out = b""
    for path, mode, data, ino, nlink, *more in members + (("TRAILER!!!", 0, b"", 0, 1),):
        name = path.encode() + b"\0"
        uid, minor = more or (0, 0)
        fields = (ino, mode, uid, 0, nlink, 0, len(data), 0, 0, int(minor > 0), minor, len(name), 0)
        out += b"070701" + b"".join(b"%08x" % f for f in fields) + name
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return out + b"\0" * (-len(out) % 512)


def kernel():
    """A bzImage's head with as many bytes behind it as it says; ends in "k"."""
    k = bytearray(0xE00)
    k[0x1F1] = 4
    k[0x1F4:0x1F8] = struct.pack("<I", (len(k) - 5 * 512) // 16)
    k[0x1FE:0x200] = b"\x55\xaa"
    k[0x202:0x206] = b"HdrS"
    k[0x206:0x208] = b"\x0f\x02"
    k[0x211] = k[0x236] = 1
    k[-1:] = b"k"
    return bytes(k)


DIR, REG, LNK = 0o40755, 0o100644, 0o120777
BOOT = (("dev", DIR, b"", 1, 2), ("init", REG, b"the init that was reviewed\n", 2, 1))
APP = (("rootfs", DIR, b"", 1, 2), ("rootfs/app", REG, b"the program that was reviewed\n", 2, 1))
EVIL = cpio(("rootfs", DIR, b"", 1, 2), ("rootfs/app", REG, b"another program\n", 2, 1))
META = (b'{"ImageName":"t","ImageVersion":"1","BuildMetadata":{"BuildTime":"1970-01-01T00:00:00+00:00",'
        b'"BuildTool":"t","BuildToolVersion":"1","OperatingSystem":"Linux","KernelVersion":"6.1"},'
        b'"DockerInfo":null,"CustomMetadata":null}')
GOOD = [(KERNEL, kernel()), (CMDLINE, b"console=ttyS0"), (METADATA, META),
        (RAMDISK, cpio(*BOOT)), (RAMDISK, cpio(*APP))]


def section(kind, payload):
    return struct.pack(">HHQ", kind, 0, len(payload)) + payload


def image(sections, offsets=None, sizes=None, count=None, tail=b"", gaps=()):
    """gaps: {index: bytes before that section}; what is None follows from sections"""
    body, at, own_sizes = b"", [], []
    for i, (kind, payload) in enumerate(sections):
        body += dict(gaps).get(i, b"")
        at.append(HEADER + len(body))
        own_sizes.append(len(payload))
        body += section(kind, payload)
    body += tail
    offsets, sizes = offsets or at, sizes or own_sizes
    count = len(sections) if count is None else count
    offsets = (list(offsets)[:count] + [0] * SLOTS)[:SLOTS]
    sizes = (list(sizes)[:count] + [0] * SLOTS)[:SLOTS]
    head = struct.pack(">4sHHQQHH32Q32QI", b".eif", 4, 0, 1 << 30, 2, 0, count, *offsets, *sizes, 0)
    return head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body


def starts(sections):
    at, out = HEADER, []
    for _, payload in sections:
        out.append(at)
        at += 12 + len(payload)
    return out


def replace(index, payload):
    return GOOD[:index] + [(GOOD[index][0], payload)] + GOOD[index + 1:]


def tricks():
    k, c, _, boot, app = (p for _, p in GOOD)
    at, size = starts(GOOD), [len(p) for _, p in GOOD]
    hidden = section(RAMDISK, EVIL)
    end = HEADER + sum(12 + s for s in size)
    yield "good", image(GOOD)
    # ---- the table against the sections ----
    yield "table-swapped", image(GOOD, offsets=at[:3] + [at[4], at[3]], sizes=size[:3] + [size[4], size[3]])
    yield "table-elsewhere", image(GOOD, offsets=at[:4] + [end], sizes=size[:4] + [len(EVIL)], tail=hidden)
    yield "table-short", image(GOOD + [(RAMDISK, EVIL)], count=5)
    yield "table-long", image(GOOD, offsets=at + [end], sizes=size + [len(EVIL)], count=6)
    nested = replace(4, cpio(*APP, ("rootfs/data", REG, hidden, 3, 1)))
    inside = at[4] + 12 + nested[4][1].index(hidden)
    yield "table-nested", image(nested, offsets=at[:4] + [inside], sizes=size[:4] + [len(EVIL)])
    yield "table-size", image(GOOD, sizes=size[:4] + [size[4] - 512])
    yield "gap", image(GOOD, gaps={4: hidden})
    # ---- behind the last section ----
    yield "tail-section", image(GOOD, tail=hidden)
    yield "tail-short", image(GOOD, tail=b"elevenbytes")
    # ---- sections of which there is one ----
    yield "two-kernels", image(GOOD[:1] + [(KERNEL, b"other" + k)] + GOOD[1:])
    yield "two-cmdlines", image(GOOD[:2] + [(CMDLINE, b"init=/bin/sh")] + GOOD[2:])
    yield "two-metadata", image(GOOD[:3] + [(METADATA, META.replace(b'"t"', b'"u"'))] + GOOD[3:])
    yield "two-signatures", image(GOOD + [(SIGNATURE, b"\x80")] * 2)
    yield "signature-first", image(GOOD[:3] + [(SIGNATURE, b"\x80")] + GOOD[3:])
    yield "ramdisk-first", image([GOOD[3]] + GOOD[:3] + [GOOD[4]])
    yield "cmdline-first", image([GOOD[1], GOOD[0]] + GOOD[2:])
    # ---- bytes moved: PCR0 stays ----
    yield "moved-kernel-cmdline", image(replace(0, k[:-1])[:1] + [(CMDLINE, k[-1:] + c)] + GOOD[2:])
    yield "moved-cmdline-kernel", image([(KERNEL, k + c), (CMDLINE, b"")] + GOOD[2:])
    yield "moved-cmdline-ramdisk", image(GOOD[:1] + [(CMDLINE, c[:7])] + [GOOD[2], (RAMDISK, c[7:] + boot), GOOD[4]])
    yield "moved-ramdisk-cmdline", image(GOOD[:1] + [(CMDLINE, c + boot[:6])] + [GOOD[2], (RAMDISK, boot[6:]), GOOD[4]])
    yield "moved-zeros", image(GOOD[:3] + [(RAMDISK, boot[:-4]), (RAMDISK, boot[-4:] + app)])
    yield "moved-ramdisk", image(GOOD[:3] + [(RAMDISK, boot + app)])
    # ---- inside a ramdisk ----
    yield "name-twice", image(replace(4, cpio(*APP, ("rootfs/app", REG, b"another\n", 3, 1))))
    yield "name-in-both", image(replace(4, cpio(*APP, ("init", REG, b"another init\n", 3, 1))))
    yield "second-archive", image(replace(4, app + EVIL))
    yield "false-trailer", image(replace(4, cpio(*APP, ("TRAILER!!!/", DIR, b"", 3, 2), ("rootfs/x", REG, b"x", 4, 1))))
    yield "through-symlink", image(replace(4, cpio(*APP, ("rootfs/l", LNK, b"/", 3, 1), ("rootfs/l/init", REG, b"x", 4, 1))))
    yield "two-contents", image(replace(4, cpio(APP[0], ("rootfs/app", REG, b"one", 9, 2), ("rootfs/b", REG, b"two", 9, 2))))
    null = ("rootfs/null", 0o20600, b"", 9, 2, 0, 3)
    yield "two-devices", image(replace(4, cpio(*APP, null, ("rootfs/mem", 0o20600, b"", 9, 2, 0, 1))))
    yield "long-name", image(replace(4, cpio(*APP, ("rootfs/" + "n" * 256, REG, b"x", 3, 1))))
    yield "no-owner", image(replace(4, cpio(*APP, ("rootfs/b", REG, b"x", 3, 1, 0xffffffff, 0))))
    yield "no-parent", image(replace(4, cpio(("rootfs/app", REG, b"x", 2, 1))))
    yield "dotdot", image(replace(4, cpio(*APP, ("rootfs/../init", REG, b"x", 3, 1))))
    yield "spelling", image(replace(4, cpio(*APP, ("rootfs/./app", REG, b"x", 3, 1))))
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = packed.compress(app) + packed.flush()
    yield "gzip-tail", image(replace(4, packed + b"\0" * (-len(packed) % 4) + EVIL))
    extra = b"\x1f\x8b\x08\x04" + packed[4:10] + b"\x04\x00\x61\x62\x00\x00" + packed[10:]
    yield "gzip-extra", image(replace(4, extra))


def see(sections):
    measured = [p for kind, p in sections if kind in (KERNEL, CMDLINE, RAMDISK)]
    ramdisks = [p for kind, p in sections if kind == RAMDISK]
    first = next((i for i, (kind, _) in enumerate(sections) if kind == RAMDISK), len(sections))
    boot = [p for kind, p in sections[:first + 1] if kind in (KERNEL, CMDLINE, RAMDISK)]
    boot += [p for kind, p in sections[first + 1:] if kind in (KERNEL, CMDLINE)]
    lines = ["%s %d %s" % (NAMES[kind], len(p), hashlib.sha256(p).hexdigest()[:16]) for kind, p in sections]
    for n, parts in enumerate((measured, boot, ramdisks[1:])):
        digest = hashlib.sha384(b"".join(parts)).digest()
        lines.append("PCR%d %s" % (n, hashlib.sha384(bytes(48) + digest).hexdigest()))
    return lines


def walk(data):
    sections, at = [], HEADER
    while len(data) - at >= 12:
        kind, _, size = struct.unpack(">HHQ", data[at:at + 12])
        if kind not in NAMES:
            return ["refused: unknown section"]
        if len(data) - at - 12 < size:
            return ["refused: a section ends early"]
        sections.append((kind, data[at + 12:at + 12 + size]))
        at += 12 + size
    return see(sections)


def table(data):
    count = struct.unpack(">H", data[26:28])[0]
    offsets = struct.unpack(">32Q", data[28:284])
    sizes = struct.unpack(">32Q", data[284:540])
    crc, sections, seen = zlib.crc32(data[:544]), [], set()
    for at, want in zip(offsets[:count], sizes[:count]):
        if at + 12 > len(data):
            return ["refused: no section there"]
        kind, flags, size = struct.unpack(">HHQ", data[at:at + 12])
        if flags or size != want or kind not in NAMES or at + 12 + size > len(data):
            return ["refused: table and section differ"]
        if kind in (KERNEL, CMDLINE) and kind in seen:
            return ["refused: two of them"]
        seen.add(kind)
        sections.append((kind, data[at + 12:at + 12 + size]))
        crc = zlib.crc32(data[at:at + 12 + size], crc)
    if crc != struct.unpack(">I", data[544:548])[0]:
        return ["refused: CRC"] + see(sections)
    return see(sections)


def read(data):
    return "".join("%s %s\n" % (name, line) for name, reader in (("walk", walk), ("table", table))
                   for line in reader(data))


def main():
    if sys.argv[1] == "read":
        with open(sys.argv[2], "rb") as f:
            print(read(f.read()), end="")
        return
    for name, data in tricks():
        with open("%s/%s.eif" % (sys.argv[2], name), "wb") as f:
            f.write(data)
        with open("%s/%s.seen" % (sys.argv[2], name), "w") as f:
            f.write(read(data))


if __name__ == "__main__":
    main()
