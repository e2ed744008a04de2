# Goal: whatever ends signing, there is no file of it: no image, no temporary, and no
# core with keys in it.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/support/sign.sh"
mkdir work
make_key k secp384r1
cp "$V/unsigned.eif" a.eif

# KMS that gives the public key and never a signature: the image is half written then
cat >interrupt.py <<'PY'
import json, os, resource, signal, socket, subprocess, sys

arn = "arn:aws:kms:eu-central-1:123456789012:key/00000000-1111-2222-3333-444444444444"
public = subprocess.run("openssl pkey -in k.key -pubout -outform DER | base64 -w 0",
                        shell=True, check=True, capture_output=True, text=True).stdout
answer = json.dumps({"KeyId": arn, "KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P384",
                     "PublicKey": public}).encode()


def as_at_a_terminal():
    for s in signal.SIGINT, signal.SIGQUIT, signal.SIGHUP:
        signal.signal(s, signal.SIG_DFL)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def request(listener):
    c = listener.accept()[0]
    text = b""
    while b"\r\n\r\n" not in text or not text.endswith(b"}"):
        got = c.recv(65536)
        if not got:
            sys.exit("the request ends early: %r" % text)
        text += got
    return c, text


sig = getattr(signal, "SIG" + sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as listener:
    env = dict(os.environ, AWS_ACCESS_KEY_ID="A", AWS_SECRET_ACCESS_KEY="B", no_proxy="*",
               AWS_ENDPOINT_URL_KMS="http://127.0.0.1:%d" % listener.getsockname()[1])
    p = subprocess.Popen([sys.argv[1], "sign", "../a.eif", "-o", "x.eif", "--certificate", "../k.pem",
                          "--key", arn], env=env, cwd="work", preexec_fn=as_at_a_terminal)
    c, text = request(listener)
    assert b"TrentService.GetPublicKey" in text, text
    c.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    c.close()
    c, text = request(listener)
    assert b"TrentService.Sign" in text, text
    print("while it waits:", *("temporary" if n.startswith(".x.eif.") else n for n in os.listdir("work")))
    p.send_signal(sig)
    status = os.waitpid(p.pid, 0)[1]
    print("ended by", signal.Signals(os.WTERMSIG(status)).name, "core" if os.WCOREDUMP(status) else "no core")
    print("afterwards:", *os.listdir("work"))
PY
for sig in INT TERM HUP QUIT; do
	run 0 python3 interrupt.py "$ENCL" $sig
	same "$sig" "while it waits: temporary
ended by SIG$sig no core
afterwards:" "$(sed 's/ *$//' out)"
done

# no room
limited() { (
	ulimit -f 1
	exec "$ENCL" sign work/x.eif --certificate k.pem --key k.key
); }
cp a.eif work/x.eif
leaves_nothing 1 "write the image: File too large" limited

# at points that a clock would hardly hit: the final name is what it was, or signed
strace -qq -o trace true 2>/dev/null || {
	echo "no strace: signals at chosen calls are left out"
	exit 0
}
# what was read of the key is wiped when the image is written
cat >memory.py <<'PY'
import subprocess, sys, time

with open("k.key") as f:
    line = f.read().split("\n")[1][:40].encode()
p = subprocess.Popen(["strace", "-f", "-qq", "-o", "trace", "-e", "trace=fsync", "-e", "inject=fsync:signal=STOP",
                      sys.argv[1], "sign", "a.eif", "-o", "m.eif", "--certificate", "k.pem", "--key", "k.key"])
text = ""
while "stopped by SIGSTOP" not in text:
    if p.poll() is not None:
        sys.exit("it does not stop: %s" % text)
    time.sleep(0.05)
    with open("trace") as f:
        text = f.read()
pid = int(open("/proc/%d/task/%d/children" % (p.pid, p.pid)).read())
found, size = 0, 0
with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb") as memory:
    for m in maps:
        span, mode = m.split()[:2]
        if not mode.startswith("rw"):
            continue
        start, end = (int(x, 16) for x in span.split("-"))
        memory.seek(start)
        content = memory.read(end - start)
        size += len(content)
        found += content.count(line)
subprocess.run(["kill", "-KILL", str(pid)], check=True)
p.wait()
print("the key's file is %d times in what it holds" % found if size > 100000 else "nothing was looked at")
PY
run 0 python3 memory.py "$ENCL"
same "memory" "the key's file is 0 times in what it holds" "$(cat out)"

run 0 "$ENCL" sign a.eif --certificate k.pem --key k.key -o signed.eif
for at in fchmod:1 ftruncate:1 pwrite64:1 fsync:1 rename:1; do
	cp a.eif work/x.eif
	want=a.eif
	[ $at != rename:1 ] || want=signed.eif
	run 143 strace -f -qq -o trace -e "trace=${at%:*}" -e "inject=${at%:*}:signal=TERM:when=${at#*:}" \
		"$ENCL" sign work/x.eif --certificate k.pem --key k.key
	same "files after a signal at $at" x.eif "$(ls -A work)"
	cmp work/x.eif $want
done

# a disk that is found to be full when a file is to be kept: none of them has its name
each_sync() { # each_sync N COMMAND…: which N of its files is not kept
	for n in $(seq "$1"); do
		rm -rf work
		mkdir work
		cp a.eif work/x.unsigned.eif
		"$ENCL" measure --json a.eif >work/x.unsigned.measurements.json 2>/dev/null
		before=$(listing)
		run 1 strace -f -qq -o trace -e trace=fsync -e "inject=fsync:error=ENOSPC:when=$n" "${@:2}"
		grep -q "^enclavebuild: write work/.*: No space left on device$" err || fail "$(cat err)"
		same "files after the failure of $n" "$before" "$(listing)"
	done
	run 0 "${@:2}"
	[ "$(ls work)" != x.unsigned.eif ] || fail "nothing was written"
}
"$ENCL" measure a.eif --to-sign a.to-sign --certificate k.pem >/dev/null
openssl dgst -sha384 -sign k.key -out a.sig a.to-sign
each_sync 2 "$ENCL" attach work/x.unsigned.eif --signature a.sig --certificate k.pem
[ -e work/x.measurements.json ] || fail "no measurements: $(ls work)"
project 'sign: {certificate: ../k.pem, detached: true}'
each_sync 3 "$ENCL" build -q project/enclave.yaml -o work/t.eif
same "files" "t.to-sign t.unsigned.eif t.unsigned.measurements.json" "$(cd work && echo t.*)"
