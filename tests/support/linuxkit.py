"""What linuxkit (with AWS's patches) makes of a `docker export`, by another hand than
the product's: the ramdisk of the application, as nitro-cli has it built.

linuxkit.py export ARCHIVE CMD ENV OUT	of a tar archive that docker exported
linuxkit.py folder FOLDER CMD ENV OUT	of an unpacked image: the container's layer is
					laid over it and walked as docker does

CMD and ENV are files with a word a line.  Needs nothing but Python's own library.
"""
import os, posixpath, stat, sys, tarfile

TIME = 1492533000
HOSTS = (b"127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\n"
         b"fe00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\n"
         b"ff02::2 ip6-allrouters\n")
EXCLUDE = {".dockerenv", "Dockerfile", "dev/console", "dev/pts", "dev/shm", "etc/hostname"}
TOUCH = ["dev/", "dev/pts/", "dev/shm/", "etc/", "etc/hosts", "etc/mtab", "etc/resolv.conf",
         "proc/", "sys/"]
KINDS = {"dir": 4, "reg": 8, "link": 0xA, "chr": 2, "blk": 6, "fifo": 1}


class Cpio:
    def __init__(self, out):
        self.out, self.ino, self.size = out, 721, 0

    def write(self, b):
        self.out.write(b)
        self.size += len(b)

    def add(self, kind, name, mode, uid=0, gid=0, mtime=TIME, data=b"", rdev=(0, 0)):
        name = name.encode("utf-8", "surrogateescape") + b"\0"
        fields = [self.ino, (KINDS[kind] << 12 if kind else 0) | (mode & 0xFFF), uid, gid,
                  2 if kind == "dir" else 1, mtime, len(data), 3, 1, rdev[0], rdev[1], len(name), 0]
        self.ino += 1
        self.write(b"070701" + b"".join(b"%08x" % f for f in fields) + name)
        self.write(b"\0" * (-self.size % 4))
        self.write(data)
        self.write(b"\0" * (-self.size % 4))

    def close(self):
        self.add(None, "TRAILER!!!", 0, mtime=0)
        self.write(b"\0" * (-self.size % 512))


def entries_of_archive(path):
    with tarfile.open(path, errors="surrogateescape") as t:
        for m in t:
            name = m.name + "/" if m.isdir() else m.name
            kind = ("dir" if m.isdir() else "hard" if m.islnk() else "link" if m.issym() else
                    "chr" if m.ischr() else "blk" if m.isblk() else "fifo" if m.isfifo() else "reg")
            data = t.extractfile(m).read() if kind == "reg" else b""
            yield kind, name, m.mode, m.uid, m.gid, int(m.mtime), data, m.linkname, (m.devmajor, m.devminor)


def container_layer(root):
    """Docker's initlayer: every part of a path that is no folder goes away first."""
    for path, kind in [("dev/pts", "dir"), ("dev/shm", "dir"), ("proc", "dir"), ("sys", "dir"),
                       (".dockerenv", "file"), ("etc/resolv.conf", "file"), ("etc/hosts", "file"),
                       ("etc/hostname", "file"), ("dev/console", "file"), ("etc/mtab", "/proc/mounts")]:
        at = root
        for part in path.split("/"):
            at = os.path.join(at, part)
            if os.path.lexists(at) and (os.path.islink(at) or not os.path.isdir(at)):
                os.unlink(at)
        os.makedirs(os.path.dirname(at), 0o755, exist_ok=True)
        if kind == "dir":
            os.makedirs(at, 0o755, exist_ok=True)
        elif kind == "file":
            os.close(os.open(at, os.O_CREAT | os.O_WRONLY, 0o755))
        else:
            os.symlink(kind, at)


def entries_of_folder(root):
    seen = {}

    def walk(folder, rel):
        for name in sorted(os.listdir(folder), key=os.fsencode):
            path, r = os.path.join(folder, name), rel + name
            s = os.lstat(path)
            mode, rdev = stat.S_IMODE(s.st_mode), (os.major(s.st_rdev), os.minor(s.st_rdev))
            kind = ("dir" if stat.S_ISDIR(s.st_mode) else "link" if stat.S_ISLNK(s.st_mode) else
                    "chr" if stat.S_ISCHR(s.st_mode) else "blk" if stat.S_ISBLK(s.st_mode) else
                    "fifo" if stat.S_ISFIFO(s.st_mode) else "reg")
            link, data = "", b""
            if kind != "dir" and s.st_nlink > 1 and s.st_ino in seen:
                kind, link = "hard", seen[s.st_ino]
            elif kind == "link":
                link = os.readlink(path)
            elif kind == "reg":
                with open(path, "rb") as f:
                    data = f.read()
            if kind != "dir":
                seen.setdefault(s.st_ino, r)
            if kind not in ("chr", "blk"):
                rdev = (0, 0)
            yield kind, r + ("/" if kind == "dir" else ""), mode, s.st_uid, s.st_gid, int(s.st_mtime), data, link, rdev
            if kind == "dir":
                yield from walk(path, r + "/")

    os.umask(0o022)
    container_layer(root)
    yield from walk(root, "")


def main():
    how, source, cmd, env, out = sys.argv[1:]
    found = set()
    with open(out, "wb") as f:
        c = Cpio(f)
        c.add("dir", "rootfs", 0o755)
        for kind, name, mode, uid, gid, mtime, data, link, rdev in (
                entries_of_archive if how == "export" else entries_of_folder)(source):
            if name in EXCLUDE:
                continue
            if name in TOUCH:
                mtime = TIME
                found.add(name)
            if name == "etc/hosts":
                kind, data = "reg", HOSTS
            elif name == "etc/resolv.conf":
                kind, link = "link", "/run/resolvconf/resolv.conf"
            if kind == "hard":
                kind, link = "link", posixpath.relpath("rootfs/" + link, posixpath.dirname("rootfs/" + name))
            if kind == "link":
                data = link.encode("utf-8", "surrogateescape")
            c.add(kind, "rootfs/" + name, mode, uid, gid, mtime, data, rdev)
        assert found == set(TOUCH), set(TOUCH) - found
        for name in ["rootfs", "rootfs/dev", "rootfs/run", "rootfs/sys", "rootfs/var", "rootfs/proc", "rootfs/tmp"]:
            c.add("dir", name, 0o755)
        for name, path in (("cmd", cmd), ("env", env)):
            with open(path, "rb") as g:
                c.add("reg", name, 0o644, data=g.read())
        c.close()


main()
