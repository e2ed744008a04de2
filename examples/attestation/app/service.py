# A service that proves what it is: 127.0.0.1:4000 in the enclave.
#
#   /terms                 what it promises
#   /attestation?nonce=HEX the Nitro Secure Module's document with the caller's nonce,
#                          and the SHA-256 of the terms as its user data
#
# The document comes from attestation.api on 127.0.0.1:7777.  That port itself is not
# let out: who reaches it chooses user data and public key.
# Python's minimal package has no http module: a GET and a POST are little enough.
import binascii, hashlib, os, signal, socket, threading

ADDRESS = ("127.0.0.1", 4000)
API = ("127.0.0.1", 7777)
TERMS = "/app/terms.txt"
SLOWEST = 30  # seconds
slots = threading.BoundedSemaphore(64)


def base64(data):
    return binascii.b2a_base64(data, newline=False).decode()


def terms():
    with open(TERMS, "rb") as f:
        return f.read()


def ask_api(nonce):
    """The API's whole answer, which is the caller's: document, or why there is none."""
    body = '{"nonce": "%s", "userData": "%s"}' % (
        base64(nonce),
        base64(hashlib.sha256(terms()).digest()),
    )
    request = "POST /v1/attestation HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %d\r\n\r\n%s" % (
        *API,
        len(body),
        body,
    )
    with socket.create_connection(API, SLOWEST) as api:
        api.sendall(request.encode())
        answer = b""
        while part := api.recv(65536):
            answer += part
    return answer


def answer(status, body):
    head = "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n" % (status, len(body))
    return head.encode() + b"Connection: close\r\n\r\n" + body


def answer_to(line):
    words = line.split(" ")
    if len(words) != 3 or words[0] != "GET":
        return answer("405 Method Not Allowed", b"GET only\n")
    path, _, query = words[1].partition("?")
    if path == "/terms":
        return answer("200 OK", terms())
    if path != "/attestation":
        return answer("404 Not Found", b"there are /terms and /attestation\n")
    name, _, value = query.partition("=")
    try:
        nonce = binascii.unhexlify(value)
    except ValueError:
        nonce = b""
    if name != "nonce" or not 8 <= len(nonce) <= 64:
        return answer("400 Bad Request", b"the query is nonce= and 8 to 64 bytes in hex\n")
    return ask_api(nonce)


def serve(client):
    try:
        client.settimeout(SLOWEST)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 8192:
            part = client.recv(8192)
            if not part:
                return
            head += part
        client.sendall(answer_to(head.decode("latin-1").split("\r\n", 1)[0]))
    except OSError:
        pass  # the client is gone, or too slow
    finally:
        client.close()
        slots.release()


def main():
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = socket.create_server(ADDRESS, backlog=64)
    print("listening on %s:%d" % ADDRESS, flush=True)
    while True:
        slots.acquire()
        client, _ = server.accept()
        threading.Thread(target=serve, args=(client,), daemon=True).start()


main()
