# In the enclave, as root, before the example's own program: what the Nitro Secure
# Module does when it is asked by another than launch, and what launch's API gives.
# Each result is a line "== NAME VALUE" on the console.
import array, binascii, fcntl, hashlib, os, socket, struct


def say(name, value):
    print("== %s %s" % (name, value), flush=True)


def module(request):
    """The answer of /dev/nsm to a CBOR request, in hex."""
    answer, asked = array.array("B", bytes(0x3000)), array.array("B", request)
    raw = bytearray(
        struct.pack(
            "=QQQQ", asked.buffer_info()[0], len(asked), answer.buffer_info()[0], len(answer)
        )
    )
    fd = os.open("/dev/nsm", os.O_RDWR)
    fcntl.ioctl(fd, 0xC0200A00, raw)
    os.close(fd)
    return answer.tobytes()[: struct.unpack("=QQQQ", raw)[3]]


def text(value):
    return bytes([0x60 | len(value)]) + value.encode()


def extend(index, data):
    request = b"\xa1" + text("ExtendPCR") + b"\xa2" + text("index") + bytes([index])
    return module(request + text("data") + b"\x58" + bytes([len(data)]) + data)


def api(request):
    with socket.create_connection(("127.0.0.1", 7777), 60) as s:
        s.sendall(request)
        answer = b""
        while part := s.recv(65536):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b" ")[1].decode(), body


def base64(data):
    return binascii.b2a_base64(data, newline=False).decode()


def document(nonce, user_data, public_key):
    body = '{"nonce":"%s","userData":"%s","publicKey":"%s"}' % (
        base64(nonce),
        base64(user_data),
        base64(public_key),
    )
    head = "POST /v1/attestation HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    return api((head + body).encode())


# 16 and 17 are locked by launch, 20 is nobody's
more = hashlib.sha384(b"more").digest()
say("extend16", extend(16, more).hex())
say("extend17", extend(17, more).hex())
say("extend20", extend(20, more).hex())
say("lock16", module(b"\xa1" + text("LockPCR") + b"\xa1" + text("index") + b"\x10").hex())
status, body = document(b"N" * 512, b"U" * 512, b"K" * 1024)
say("document", status + " " + base64(body))
status, body = api(b"GET /v1/attestation?nonce=0011 HTTP/1.1\r\n\r\n")
say("small", status + " " + base64(body))
status, body = api(b"GET /v1/pcrs HTTP/1.1\r\n\r\n")
say("pcrs", status + " " + body.decode().strip())
say("end", "")
