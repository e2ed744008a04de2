# A small HTTP server that can show what it runs in:
#
#   /             a page out of the working folder
#   /health       "ok"
#   /attestation  [?nonce=HEX, 8 to 64 bytes] the Nitro Secure Module's document,
#                 or 501 and why where there is no such module
#
# Python's minimal package has no http.server: a GET is little enough.
import array, binascii, fcntl, os, signal, socket, struct, sys, threading

ADDRESS = ("127.0.0.1", 4000)
LONGEST_HEAD = 8192  # of a request; bytes
SLOWEST = 10  # seconds that a client may take for anything
MOST = 64  # clients at once
NSM = os.environ.get("NSM_DEVICE", "/dev/nsm")
NSM_IOCTL_RAW = 0xC0200A00  # _IOWR(0x0A, 0, struct nsm_raw): linux/nsm.h
NSM_RESPONSE = 0x3000

slots = threading.BoundedSemaphore(MOST)


class Refused(Exception):
    """A status line and the answer's text."""


def text(value):
    """A CBOR text string of at most 23 bytes."""
    return bytes([0x60 | len(value)]) + value.encode()


def maybe(value):
    """A CBOR byte string of at most 255 bytes, or null."""
    if not value:
        return b"\xf6"
    return (bytes([0x40 | len(value)]) if len(value) < 24 else bytes([0x58, len(value)])) + value


def call(request):
    """The NSM's answer to a CBOR request."""
    answer = array.array("B", bytes(NSM_RESPONSE))
    asked = array.array("B", request)
    raw = bytearray(
        struct.pack(
            "=QQQQ",
            asked.buffer_info()[0],
            len(asked),
            answer.buffer_info()[0],
            len(answer),
        )
    )
    fd = os.open(NSM, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, NSM_IOCTL_RAW, raw)
    finally:
        os.close(fd)
    return answer.tobytes()[: struct.unpack("=QQQQ", raw)[3]]


def attest(nonce):
    """The signed document (COSE_Sign1) with that nonce in it."""
    request = b"\xa1" + text("Attestation") + b"\xa3" + text("user_data") + maybe(b"")
    request += text("nonce") + maybe(nonce) + text("public_key") + maybe(b"")
    try:
        answer = call(request)
    except FileNotFoundError:
        raise Refused("501 Not Implemented", "no %s: nothing attests this machine" % NSM)
    except OSError as e:
        raise Refused("500 Internal Server Error", "%s: %s" % (NSM, e.strerror))
    head = b"\xa1" + text("Attestation") + b"\xa1" + text("document") + b"\x59"
    if not answer.startswith(head):
        raise Refused("500 Internal Server Error", "%s answered with an error" % NSM)
    body = answer[len(head) :]
    if len(body) - 2 != int.from_bytes(body[:2], "big"):
        raise Refused("500 Internal Server Error", "%s answered in part" % NSM)
    return body[2:]


def read_nonce(query):
    name, _, value = query.partition("=")
    if not query:
        return b""
    try:
        nonce = binascii.unhexlify(value)
    except ValueError:
        nonce = b""
    if name != "nonce" or not 8 <= len(nonce) <= 64:
        raise Refused("400 Bad Request", "the query is nonce= and 8 to 64 bytes in hex")
    return nonce


def attestation(query):
    nonce = read_nonce(query)
    try:
        document = binascii.b2a_base64(attest(nonce), newline=False).decode()
        return '{"nsm": true, "nonce": "%s", "document": "%s"}\n' % (nonce.hex(), document)
    except Refused as e:
        there = "true" if os.path.exists(NSM) else "false"
        raise Refused(e.args[0], '{"nsm": %s, "why": "%s"}' % (there, e.args[1]))


def page(_query):
    with open("page.txt") as f:  # in the working folder
        return f.read() + "folder: %s\nuser: %d\n" % (os.getcwd(), os.getuid())


PATHS = {"/": page, "/health": lambda _query: "ok\n", "/attestation": attestation}


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head:
        part = client.recv(LONGEST_HEAD)
        if not part:
            raise Refused("400 Bad Request", "the request ended early")
        head += part
        if len(head) > LONGEST_HEAD:
            raise Refused("431 Request Header Fields Too Large", "at most 8192 bytes")
    return head.decode("latin-1")


def answer_to(head):
    line = head.split("\r\n", 1)[0].split(" ")
    if len(line) != 3 or not line[2].startswith("HTTP/1."):
        raise Refused("400 Bad Request", "this is no HTTP")
    if line[0] not in ("GET", "HEAD"):
        raise Refused("405 Method Not Allowed", "GET and HEAD only")
    path, _, query = line[1].partition("?")
    if path not in PATHS:
        raise Refused("404 Not Found", "there are /, /health and /attestation")
    return PATHS[path](query)


def serve(client):
    status, head = "200 OK", ""
    try:
        client.settimeout(SLOWEST)
        try:
            head = read_head(client)
            body = answer_to(head)
        except Refused as e:
            status, body = e.args[0], e.args[1] + "\n"
        kind = "application/json" if body.startswith("{") else "text/plain; charset=utf-8"
        body = body.encode()
        answer = "HTTP/1.1 %s\r\nContent-Type: %s\r\n" % (status, kind)
        answer += "Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        client.sendall(answer.encode() + (b"" if head.startswith("HEAD ") else body))
    except OSError:
        pass  # the client is gone, or too slow
    finally:
        client.close()
        slots.release()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = socket.create_server(ADDRESS, backlog=MOST)
    there = "with" if os.path.exists(NSM) else "without"
    print("listening on %s:%d, %s a Nitro Secure Module" % (*ADDRESS, there), flush=True)
    while True:
        slots.acquire()
        client, _ = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
