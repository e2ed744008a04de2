# Goal: every message of ours that docs/troubleshooting.md quotes is one that the
# programs print, word for word but for "…", and every command and link in it exists.
. "$(dirname "$0")/lib.sh"
need python3
cat >check.py <<'P'
import glob, os, re, sys

top, page = sys.argv[1], sys.argv[2]
text = open(page, encoding="utf-8").read()

# All string literals, those that stand side by side joined, formats cut out.
literal = r'"(?:[^"\\\n]|\\.)*"'
define = re.compile(r"^#define (\w+) (%s)$" % literal, re.M)
joined = re.compile(r"%s(?:\s*(?:[A-Z]\w+|%s))*" % (literal, literal))
sources = [
    open(name, encoding="utf-8").read()
    for folder in ("builder", "cmd")
    for name in glob.glob("%s/%s/**/*.c" % (top, folder), recursive=True)
]
pool = []
for source in sources:
    macros = dict(define.findall(source))
    for found in joined.finditer(source):
        words = re.findall(r"%s|\w+" % literal, found.group())
        s = "".join(macros.get(w, w if w[0] == '"' else '"\0"')[1:-1] for w in words)
        s = s.replace('\\"', '"').replace("\\n", "\n")
        pool.append(re.sub(r"%[-0-9.*]*(?:ll|l|z|h)?[a-zA-Z]?", "\0", s))
pool = "\0".join(pool)

# What Docker, curl, the kernel, QEMU and nitro-cli print, and what is no message.
others = re.compile(
    r"^(iptables|can't initialize|No chain|Devices cgroup|overlay|driver not|No space left|aufs"
    r"|modprobe|Cannot connect|\(\d+\)|ACPI|Unable to|enclavebuild (?!: )|\W*$)"
)
bad = 0


def check(quoted):
    """Our message; launch and init print theirs in parts."""
    global bad
    text = re.sub(r"^enclavebuild: |error=", "", quoted.strip())
    guest = re.match(r"(launch|init): (.*)", text)
    if guest:
        text = re.sub(r"=(\d+|true|false)\b", "=…", guest[2])
    for part in text.split("…"):
        part = part.strip(' ":()')
        if len(part) < 4 or part in pool:
            continue
        if guest and all(w.strip(':="') in pool for w in part.split()):
            continue
        print("nobody prints %r of %r" % (part, quoted))
        bad += 1


for line in text.split("\n"):
    if line.startswith("\t") and not others.match(line.strip()):
        check(line)
for span in re.findall(r"`([^`\n]+)`", text):
    if others.match(span):
        continue
    if "…" in span or re.match(r"(launch|init|enclavebuild): ", span):
        check(span)
verbs = set(re.findall(r"^  ([a-z]+) ", open(sys.argv[3]).read(), re.M))
for verb in re.findall(r"(?:`|\t)enclavebuild ([a-z]+)", text):
    # What our own messages send people to is theirs to answer for.
    if verb not in verbs and "enclavebuild %s " % verb not in pool:
        print("no such command: enclavebuild " + verb)
        bad += 1
anchors = {
    re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)
}
for target in re.findall(r"\]\(([^)]+)\)", text):
    name, _, anchor = target.partition("#")
    if name and not os.path.exists(os.path.join(os.path.dirname(page), name)):
        print("no such file: " + name)
        bad += 1
    if not name and anchor not in anchors:
        print("no such heading: " + anchor)
        bad += 1
sys.exit(bad != 0)
P
page=$TOP/docs/troubleshooting.md
run 0 "$ENCL" help
cp out help
python3 check.py "$TOP" "$page" help >out || fail "$(cat out)"
# It can fail.
sed 's/the port is in use/the port is taken/; s/`enclavebuild plan`/`enclavebuild plane`/' "$page" >other.md
! python3 check.py "$TOP" other.md help >out || fail "a message that nobody prints was not found"
grep -q "nobody prints .*the port is taken" out || fail "$(cat out)"
grep -q "no such command: enclavebuild plane" out || fail "$(cat out)"
