# What the Nitro Secure Module of a running enclave says: pcrs.py SOCKET [SECONDS]
# asks launch's status channel (vsock port 9001, builder/launch/status.h) through
# vhost-device-vsock's socket for an attestation, and prints its PCRs, one
# "PCRn HEX" a line.  Nothing of the tool is used here: it is what is compared.
import base64, os, socket, sys, time

PORT = 9001


def item(data, at):
    """A CBOR item, and where the next begins (RFC 8949, definite lengths)."""
    kind, n, at = data[at] >> 5, data[at] & 31, at + 1
    if n >= 24:
        size = 1 << (n - 24)
        n, at = int.from_bytes(data[at : at + size], "big"), at + size
    if kind == 0:
        return n, at
    if kind == 1:
        return -1 - n, at
    if kind in (2, 3):
        return (data[at : at + n] if kind == 2 else data[at : at + n].decode()), at + n
    if kind == 4:
        out = []
        for _ in range(n):
            value, at = item(data, at)
            out.append(value)
        return out, at
    if kind == 5:
        out = {}
        for _ in range(n):
            key, at = item(data, at)
            out[key], at = item(data, at)
        return out, at
    if kind == 6:
        return item(data, at)
    return None, at


def ask(path, nonce):
    """The document, or None where nobody listens yet."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        try:
            s.connect(path)
            s.sendall(b"CONNECT %d\n" % PORT)
            lines = s.makefile("r")
            if not lines.readline().startswith("OK ") or lines.readline() != "enclave-status 1\n":
                return None
            s.sendall(b"attest %s\n" % nonce.hex().encode())
            for line in lines:
                words = line.rstrip("\n").split(" ", 2)
                if words[0] == "attestation" and words[1] == "none":
                    sys.exit("no attestation: " + words[2])
                if words[0] == "attestation":
                    return base64.b64decode(words[1], validate=True)
        except OSError:
            pass
    return None


def main():
    path, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60
    nonce, document, end = os.urandom(32), None, time.monotonic() + seconds
    while document is None and time.monotonic() < end:
        document = ask(path, nonce) or time.sleep(0.1)
    if document is None:
        sys.exit("no answer on vsock port %d" % PORT)
    payload = item(item(document, 0)[0][2], 0)[0]
    if payload["nonce"] != nonce:
        sys.exit("the nonce is another one")
    for n, value in sorted(payload["pcrs"].items()):
        print("PCR%d %s" % (n, value.hex()))


if __name__ == "__main__":
    main()
