"""An OCI layout "layout" (tags 1, entry, none) whose two layers hold what is hard about
file systems: names that are prefixes of others, hard links, owners, bits, times,
whiteouts, devices, and every path that Docker or linuxkit changes."""
import hashlib, io, json, os, tarfile
os.makedirs("layout/blobs/sha256")

def put(data, media):
    d = hashlib.sha256(data).hexdigest()
    with open("layout/blobs/sha256/" + d, "wb") as f:
        f.write(data)
    return {"mediaType": media, "digest": "sha256:" + d, "size": len(data)}

def layer(entries):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, mode, owner, mtime, data in entries:
            i = tarfile.TarInfo(name)
            i.mode, (i.uid, i.gid), i.mtime = mode, owner, mtime
            body = None
            if kind == "dir":
                i.type = tarfile.DIRTYPE
            elif kind == "link":
                i.type, i.linkname = tarfile.SYMTYPE, data
            elif kind == "hard":
                i.type, i.linkname = tarfile.LNKTYPE, data
            elif kind == "fifo":
                i.type = tarfile.FIFOTYPE
            elif kind == "chr":
                i.type, (i.devmajor, i.devminor) = tarfile.CHRTYPE, data
            else:
                i.size, body = len(data), io.BytesIO(data)
            t.addfile(i, body)
    return b.getvalue()

T = 1600000000
r = (0, 0)
first = [
    ("bin", "dir", 0o755, r, T, None), ("bin/sh", "reg", 0o4755, r, T + 1, b"#!shell\n"),
    ("a", "dir", 0o750, (5, 6), T + 2, None), ("a/b", "reg", 0o600, (1000, 1000), T + 3, b"x" * 5001),
    ("a-b", "reg", 0o644, r, T + 4, b""), ("a.b", "link", 0o777, r, T + 5, "a/b"),
    ("a/gone", "reg", 0o644, r, T, b"gone"), ("a/hard", "hard", 0o600, (1000, 1000), T + 3, "a/b"),
    ("zz", "hard", 0o600, (1000, 1000), T + 3, "a/b"),
    ("etc", "dir", 0o700, (7, 7), T, None), ("etc/resolv.conf", "link", 0o777, r, T, "../run/x"),
    ("etc/hosts", "reg", 0o640, (3, 3), T, b"127.0.0.1 mine\n"), ("etc/hostname", "reg", 0o644, r, T, b"mine\n"),
    ("etc/mtab", "reg", 0o644, r, T, b"mine\n"), ("etc/motd", "reg", 0o644, r, T, b"hello\n"),
    ("dev", "dir", 0o711, r, T, None), ("dev/console", "chr", 0o600, r, T, (5, 1)),
    ("dev/null", "chr", 0o666, r, T, (1, 3)), ("dev/shm", "dir", 0o1777, r, T, None),
    ("tmp", "dir", 0o1777, r, T, None), ("var", "dir", 0o755, r, T, None),
    ("var/pipe", "fifo", 0o622, (8, 9), T, None), ("Dockerfile", "reg", 0o644, r, T, b"FROM x\n"),
    ("sub", "dir", 0o755, r, T, None), ("sub/Dockerfile", "reg", 0o644, r, T, b"FROM y\n"),
    ("proc", "dir", 0o555, r, T, None), ("sys", "dir", 0o555, r, T, None),
]
second = [
    ("a", "dir", 0o711, (5, 6), T + 9, None), ("a/.wh.gone", "reg", 0o644, r, T, b""),
    ("a/\u00e9\u00e8", "reg", 0o644, r, T, b"utf-8\n"), ("sub", "dir", 0o755, r, T + 8, None),
    ("sub/d", "dir", 0o2755, (2, 2), T + 7, None), ("bin", "dir", 0o755, r, T + 6, None), ("bin/second", "reg", 0o4711, (4, 4), T + 1, b"second\n"), ("sub/d/deep", "hard", 0o4711, (4, 4), T + 1, "bin/second"),
]
layers = [layer(first), layer(second)]
config = {"architecture": "amd64", "os": "linux",
          "config": {"Cmd": ["/bin/sh", "-c", "x y"], "Entrypoint": ["/entry"],
                     "Env": ["PATH=/bin", "A=b c"], "WorkingDir": "/a"},
          "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(b).hexdigest() for b in layers]}}
only = dict(config, config={"Entrypoint": ["/entry", "arg"]})
none = dict(config, config={})
index = []
for tag, c in (("1", config), ("entry", only), ("none", none)):
    m = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
         "config": put(json.dumps(c).encode(), "application/vnd.oci.image.config.v1+json"),
         "layers": [put(b, "application/vnd.oci.image.layer.v1.tar") for b in layers]}
    d = put(json.dumps(m).encode(), m["mediaType"])
    d["annotations"] = {"org.opencontainers.image.ref.name": tag}
    index.append(d)
with open("layout/index.json", "w") as f:
    json.dump({"schemaVersion": 2, "manifests": index}, f)
with open("layout/oci-layout", "w") as f:
    f.write('{"imageLayoutVersion":"1.0.0"}')
