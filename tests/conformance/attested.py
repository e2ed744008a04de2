# What inside.py has printed, against measurements.json: attested.py CONSOLE FILE.
# Nothing of the tool is used here.  Nothing is said of signatures: the module that QEMU
# emulates does not sign.
import base64, hashlib, json, sys

from pcrs import item


def lines(path):
    out = {}
    for line in open(path, errors="replace"):
        words = line.strip().split("== ", 1)
        if len(words) == 2:
            name, _, value = words[1].partition(" ")
            out[name] = value
    return out


def payload(answer):
    status, _, text = answer.partition(" ")
    if status != "200":
        sys.exit("the API says " + answer)
    return item(item(base64.b64decode(text, validate=True), 0)[0][2], 0)[0]


def same(what, want, got):
    if want != got:
        sys.exit("%s: want %r, got %r" % (what, want, got))


def main():
    said, about = lines(sys.argv[1]), json.load(open(sys.argv[2]))
    if "end" not in said:
        sys.exit("it said only " + ", ".join(said))
    read_only = {"Error": "ReadOnlyIndex"}
    for name in ("extend16", "extend17", "lock16"):
        same(name, read_only, item(bytes.fromhex(said[name]), 0)[0])
    pcr20 = hashlib.sha384(bytes(48) + hashlib.sha384(b"more").digest()).digest()
    same("extend20", {"ExtendPCR": {"data": pcr20}}, item(bytes.fromhex(said["extend20"]), 0)[0])

    both = {**about["Measurements"], **about["Extended"]}
    want = {int(k[3:]): v for k, v in both.items() if k.startswith("PCR")}
    same("registers of the image", [0, 1, 2, 16, 17], sorted(want))
    full, small = payload(said["document"]), payload(said["small"])
    for document in (full, small):
        for n, value in want.items():
            same("PCR%d of a document" % n, value, document["pcrs"][n].hex())
        same("PCR20 of a document: it is not locked", False, 20 in document["pcrs"])
    same("nonce", b"N" * 512, full["nonce"])
    same("user_data", b"U" * 512, full["user_data"])
    same("public_key", b"K" * 1024, full["public_key"])
    same("nonce by GET", b"\x00\x11", small["nonce"])
    same("user_data by GET", None, small["user_data"])
    same("public_key by GET", None, small["public_key"])

    status, _, text = said["pcrs"].partition(" ")
    same("status of pcrs", "200", status)
    pcrs = json.loads(text)
    same("number of registers", 32, len(pcrs["pcrs"]))
    want[20] = pcr20.hex()
    for n, value in want.items():
        same("PCR%d of /v1/pcrs" % n, value, pcrs["pcrs"]["PCR%d" % n])
    for n in (0, 1, 2, 16, 17):
        same("PCR%d is locked" % n, True, n in pcrs["locked"])
    for n in (18, 20, 31):
        same("PCR%d is locked" % n, False, n in pcrs["locked"])
    print("PCR16 %s…" % want[16][:16])


main()
