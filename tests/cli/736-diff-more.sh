# Goal: diff tells what differs without a file of its own (order, compression, padding,
# a second signature), looks into programs, applies to patch(1), writes a dump that no
# name leaves, knows references and the manifest, and refuses what it cannot compare.
. "$(dirname "$0")/lib.sh"
need jq openssl cpio gzip patch cc objcopy python3
. "$TOP/tests/support/registry.sh"
V=$TOP/tests/golden/vectors
export LC_ALL=C
"$TOP/tests/support/fake-blobs.sh" blobs
printf '#!init' >init
printf 'init\n' | cpio -o -H newc --quiet -R 0:0 --reproducible >boot
eif() { # eif OUT RAMDISK…
	"$O/support/assemble" "$1" blobs/bzImage blobs/bzImage.config quiet "${@:2}"
}
image() { # image OUT FORM <LINES
	"$O/support/ramdisk" "$2" "$1.ramdisk"
	eif "$1" boot "$1.ramdisk"
}
# only FILTER WANT: of the JSON; and exit 3
json() { # json A B
	run 3 "$ENCL" diff --json "$1" "$2"
}
get() { jq -c "$1" out; }

first() { # first A B: the first byte that differs, from 0
	local at
	at=$(cmp "$1" "$2" | sed -E 's/.*(byte|char) ([0-9]+),.*/\2/')
	echo $((at - 1))
}

# ---- ramdisks of the same files ----
cat >tree <<'X'
f 644 0:0 1000 a first
f 644 0:0 1000 b second
h 0 0:0 0 c b
X
reason() { # reason A B TEXT: the only thing that is told
	json "$1" "$2"
	same "$2: files" '[]' "$(get .Files)"
	same "$2: sections" "[[1,\"$3\"]]" "$(get '[.Sections[] | [.Ramdisk, .Text]]')"
	same "$2: the rest" '[[],[],[],[]]' "$(get '[.Header, .Metadata, .Signature, .Packages]')"
	same "$2: registers" '["PCR0","PCR2"]' "$(get .Summary.PCRs)"
}
image plain.eif none <tree
image zstd.eif zstd <tree
image gzip.eif gzip <tree
reason plain.eif gzip.eif "compression: none -> gzip"
reason zstd.eif gzip.eif "compression: zstd -> gzip"
gzip -9 -n <plain.eif.ramdisk >packed
eif nine.eif boot packed
reason gzip.eif nine.eif "the same entries, compressed in another way: the first byte that differs is $(first gzip.eif.ramdisk packed)"
cp plain.eif.ramdisk padded
head -c 512 /dev/zero >>padded
eif padded.eif boot padded
reason plain.eif padded.eif "512 zero bytes more at the end: padding only"
reason padded.eif plain.eif "512 zero bytes less at the end: padding only"
grep -v '^h' tree >no-links # linuxkit makes symlinks of them
image ours.eif none <no-links
image linuxkit.eif linuxkit <no-links
reason ours.eif linuxkit.eif "the same entries, but other bytes around them (inode numbers, padding): the first byte that differs is $(first ours.eif.ramdisk linuxkit.eif.ramdisk)"
mkdir x y
touch -d @1000 x y
printf 'x y\n' | tr ' ' '\n' | cpio -o -H newc --quiet -R 0:0 --reproducible >xy
printf 'y x\n' | tr ' ' '\n' | cpio -o -H newc --quiet -R 0:0 --reproducible >yx
eif xy.eif boot xy
eif yx.eif boot yx
reason xy.eif yx.eif "entries stand in another order, the first is y"
# another archive in it replaces b by what it was: an attack that leaves no file
printf 'f 644 0:0 1000 b second\n' | "$O/support/ramdisk" none again
cat plain.eif.ramdisk again >twice
sed 's/^h.*/f 644 0:0 1000 c second/' tree | image before.eif none
eif twice.eif boot twice
run 3 "$ENCL" diff plain.eif twice.eif
grep -q 'entries that a later one of their name replaces: 0 -> 2' out || fail "nothing of names twice: $(cat out)"
eif three.eif boot plain.eif.ramdisk padded
json plain.eif three.eif
same "a ramdisk more" '[["ramdisk",2,"added",["PCR0","PCR2"]]]' "$(get '[.Sections[] | [.Type, .Ramdisk, .Change, .PCRs]]')"
same "its files" '["added",4]' "$(get '[.Files[0].Change, .Summary.Added]')"

# ---- other kinds of change ----
cat >kinds.a <<'X'
d 755 0:0 1 gone
f 644 0:0 1 hard same
h 0 0:0 0 other hard
c 600 0:0 1 device 5,1
f 644 0:0 1 type 1
X
cat >kinds.b <<'X'
f 644 0:0 1 hard same
f 644 0:0 1 other same
c 600 0:0 1 device 5,2
d 644 0:0 1 type
f 600 3:4 1 "new\x1b[31m" 1
X
image ka.eif none <kinds.a
image kb.eif none <kinds.b
json ka.eif kb.eif
kind() { # kind PATH WANT
	same "$1" "$2" "$(get ".Files[] | select(.Path == \"rootfs/$1\") | [.Change, .Fields]")"
}
ONE=sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
kind '\"new\\x1b[31m\"' '["added",{"type":[null,"file"],"mode":[null,"0600"],"owner":[null,"3:4"],"mtime":[null,1],"size":[null,1],"content":[null,"'$ONE'"]}]'
kind device '["changed",{"device":["5,1","5,2"]}]'
kind gone '["removed",{"type":["folder",null],"mode":["0755",null],"owner":["0:0",null],"mtime":[1,null]}]'
kind other '["changed",{"hardlink":["rootfs/hard",null]}]'
kind type '["changed",{"type":["file","folder"],"size":[1,0],"content":["'$ONE'",null]}]'
same "how many" 5 "$(get '.Files | length')"
run 3 "$ENCL" diff --stat ka.eif kb.eif
same "stat" 'section ramdisk 1 changed  [PCR0 PCR2]
A rootfs/"new\x5cx1b[31m"  [PCR0 PCR2]
M rootfs/device  device  [PCR0 PCR2]
D rootfs/gone  [PCR0 PCR2]
M rootfs/other  hardlink  [PCR0 PCR2]
M rootfs/type  type,size,content  [PCR0 PCR2]
files: 1 added, 1 removed, 3 changed
PCR0 and PCR2 differ, PCR1 is the same: only the app ramdisk changed' "$(cat out)"

printf 'x user.a one\nf 644 0:0 1 x 1\n' | image xa.eif squashfs
printf 'x user.a two\nf 644 0:0 1 x 1\n' | image xb.eif squashfs
json xa.eif xb.eif
same "attributes" '[["rootfs/x",{"xattrs":[{"user.a":"6f6e65"},{"user.a":"74776f"}]}]]' "$(get '[.Files[] | [.Path, .Fields]]')"
# a cpio and a squashfs of the same files: the container is all that is new
printf 'f 644 0:0 1 x 1\n' | image cpio.eif none
printf 'f 644 0:0 1 x 1\n' | image squashfs.eif squashfs
json cpio.eif squashfs.eif
same "another form" '[["rootfs.squashfs","added"]]' "$(get '[.Files[] | [.Path, .Change]]')"

# ---- programs, bytes ----
echo 'int main(void) { return 0; }' >p.c
cc -Wl,--build-id=0x0123456789abcdef -o pa p.c
cc -Wl,--build-id=0xfedcba9876543210 -o pb p.c
printf 'GCC: one\0' >comment
objcopy --update-section .comment=comment pa
printf 'GCC: two\0\0other\0' >comment
objcopy --update-section .comment=comment pb
printf '1\0002345' >ba
printf '1\00023x5y' >bb
for form in none squashfs gzip; do
	printf 'f 755 0:0 1 p @%s\nf 644 0:0 1 data @%s\nf 644 0:0 1 elf @%s\n' pa ba /dev/null | image pa.eif $form
	printf '\177ELF' >elf
	printf 'f 755 0:0 1 p @%s\nf 644 0:0 1 data @%s\nf 644 0:0 1 elf @%s\n' pb bb elf | image pb.eif $form
	json pa.eif pb.eif
	same "program ($form)" '{"BuildId":["0123456789abcdef","fedcba9876543210"],"Comment":["GCC: one","GCC: two; other"]}' \
		"$(get '.Files[] | select(.Path == "rootfs/p").Elf')"
	same "bytes ($form)" '{"Differ":1,"First":4}' "$(get '.Files[] | select(.Path == "rootfs/data").Binary')"
	run 3 "$ENCL" diff pa.eif pb.eif
	grep -qx '    build-id: 0123456789abcdef -> fedcba9876543210' out || fail "no build-id: $(cat out)"
	grep -qx '    compiler: GCC: one -> GCC: two; other' out || fail "no compiler: $(cat out)"
	grep -qx '    binary: 1 bytes differ, the first difference is at 4' out || fail "no bytes: $(cat out)"
done

# ---- the lines are what patch(1) takes; the dump has both ----
python3 - <<'P'
import random
random.seed(6)
for side in 'ab':
    open(side + '.lines', 'w')
for i in range(60):
    a = [random.choice('pqrst') * random.randint(0, 3) for _ in range(random.randint(0, 40))]
    b = list(a)
    for _ in range(random.randint(1, 6)):
        at = random.randint(0, len(b))
        if random.random() < .5 and b:
            del b[at:at + random.randint(1, 4)]
        else:
            b[at:at] = [random.choice('pqrstu') for _ in range(random.randint(1, 3))]
    for side, lines in (('a', a), ('b', b)):
        end = '\n' if lines and random.random() < .8 else ''
        open(f'{side}{i}', 'w').write('\n'.join(lines) + end)
        open(side + '.lines', 'a').write(f'f 644 0:0 1 dir/{i} @{side}{i}\n')
P
image la.eif none <a.lines
image lb.eif squashfs <b.lines
run 3 "$ENCL" diff --json --dump dump la.eif lb.eif
for ((i = 0; i < 60; i++)); do
	if cmp -s "a$i" "b$i"; then
		[ ! -e "dump/A/ramdisk1/rootfs/dir/$i" ] || fail "$i is the same and dumped"
		continue
	fi
	cmp "a$i" "dump/A/ramdisk1/rootfs/dir/$i"
	cmp "b$i" "dump/B/ramdisk1/rootfs/dir/$i"
	{
		printf -- '--- a\n+++ b\n'
		jq -r ".Files[] | select(.Path == \"rootfs/dir/$i\").Diff" out
	} | sed '$d' >p.diff # jq's own newline
	cp "a$i" patched
	patch -s -F0 patched p.diff || fail "$i: patch refuses $(cat p.diff)"
	cmp "b$i" patched || fail "$i: patched to something else"
done
rejects 2 "--dump dump: the folder is not empty" "$ENCL" diff --dump dump la.eif lb.eif

# what is dumped stays below the folder, links are not made
mkdir outside
python3 - <<'P'
def newc(entries):
    out = b''
    for i, (name, mode, data) in enumerate(entries + [('TRAILER!!!', 0, b'')]):
        n = name.encode() + b'\0'
        f = [i + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(n), 0]
        out += b'070701' + b''.join(b'%08X' % x for x in f) + n
        out += b'\0' * (-len(out) % 4) + data
        out += b'\0' * (-len(out) % 4)
    return out
import os
out = os.path.abspath('outside')
open('evil', 'wb').write(newc([('d', 0o120777, out.encode()), ('d/file', 0o100644, b'evil'), ('./x', 0o100644, b'1')]))
open('file', 'wb').write(newc([('d', 0o100644, b'1'), ('d/file', 0o100644, b'evil')]))
P
eif evil.eif boot evil
run 3 "$ENCL" diff --dump evil.d plain.eif evil.eif
same "outside" "" "$(ls outside)"
same "inside" "evil 1" "$(cat evil.d/B/ramdisk1/d/file) $(cat evil.d/B/ramdisk1/x)"
same "the link" "" "$(find evil.d -type l)"
eif file.eif boot file
rejects 1 "file.eif: ramdisk 1: ramdisk: at byte 0: dump d/file: what it stands in is no folder" "$ENCL" diff --dump file.d plain.eif file.eif

# ---- signatures ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -subj "/CN=other" \
	-keyout other.key -out other.pem 2>/dev/null
cp plain.eif one.eif
cp plain.eif two.eif
cp linuxkit.eif next.eif
run 0 "$ENCL" sign one.eif --certificate "$V/cert.pem" --key "$V/key.pem"
run 0 "$ENCL" sign next.eif --certificate "$V/cert.pem" --key "$V/key.pem"
run 0 "$ENCL" sign two.eif --certificate other.pem --key other.key
json one.eif two.eif
same "another certificate" '[["PCR8"],["PCR8"],["IssuerName","NotBefore","NotAfter"]]' \
	"$(get '[.Summary.PCRs, [.Measurements[].PCR], [.Signature[].Field | select(. != "Algorithm")]]')"
same "its section" '[["signature",["PCR8"],null]]' "$(get '[.Sections[] | [.Type, .PCRs, .Text]]')"
run 0 "$ENCL" diff --ignore-signature one.eif two.eif
json one.eif next.eif
same "the same certificate, another image" '[[],["signature",[],"the same certificate signs another PCR0"]]' \
	"$(get '[.Signature, (.Sections[1] | [.Type, .PCRs, .Text])]')"
# a byte of the signature: it no longer holds
size=$(stat -c %s one.eif)
cp one.eif bad.eif
printf '\377' | dd of=bad.eif bs=1 seek=$((size - 20)) conv=notrunc status=none
json one.eif bad.eif
same "a bad signature" '["Verdict","ok"]' "$(get '.Signature[] | select(.Field == "Verdict") | [.Field, .A]')"
same "a bad CRC" 'CRC' "$(get '.Header[].Field' | tr -d '"')"

# ---- header ----
cp plain.eif memory.eif
printf '\1' | dd of=memory.eif bs=1 seek=15 conv=notrunc status=none
run 3 "$ENCL" diff --json plain.eif memory.eif
[ "$(get '.Header[0].Field')" = '"DefaultMemory"' ] || fail "header: $(cat out)"

# ---- the same ----
run 0 "$ENCL" diff plain.eif plain.eif
same "words" "the images are the same" "$(cat out)"
run 0 "$ENCL" diff --json plain.eif plain.eif
same "same" true "$(get .Same)"

# ---- references ----
registry one
run 0 "$ENCL" push -q one.eif "$REG/team/app:1"
run 0 "$ENCL" push -q next.eif "$REG/team/app:2"
run 0 "$ENCL" diff "$REG/team/app:1" one.eif
run 3 "$ENCL" diff --stat "$REG/team/app:1" "$REG/team/app:2"
grep -q '^section ramdisk 1 changed' out || fail "references: $(cat out)"

# ---- who brought it: the manifest ----
cat >m.yaml <<'X'
apiVersion: enclavebuild/v1alpha1
kind: Enclave
name: m
version: "1"
arch: x86_64
sourceDateEpoch: 1000000000
rootfs:
  - file: {path: /etc/conf, content: "one\n"}
  - file: {path: /run.sh, content: "#!/bin/sh\n", mode: "0755"}
boot:
  kernel: {blobs: ./blobs}
app:
  command: [/run.sh]
X
run 0 "$ENCL" build -q m.yaml -o ma.eif
sed -i 's/one/two/' m.yaml
run 0 "$ENCL" lock -q m.yaml
run 0 "$ENCL" build -q m.yaml -o mb.eif
json ma.eif mb.eif
same "without a manifest" 'null' "$(get '.Files[] | select(.Path == "rootfs/etc/conf").Owner')"
run 3 "$ENCL" diff --json --manifest m.yaml ma.eif mb.eif
same "the manifest's line" '{"Kind":"file","Name":"/etc/conf","Item":"rootfs[0]","Line":8}' \
	"$(get '.Files[] | select(.Path == "rootfs/etc/conf").Owner')"
run 3 "$ENCL" diff --stat --manifest m.yaml ma.eif mb.eif
grep -qx 'M rootfs/etc/conf  content  \[PCR0 PCR2\]  file /etc/conf (rootfs\[0\], m.yaml:8)' out || fail "words: $(cat out)"

# ---- bad input ----
head -c 100 plain.eif >short.eif
rejects 1 "short.eif: not an EIF: 100 bytes, the header alone has 548" "$ENCL" diff plain.eif short.eif
rejects 2 'diff: A B is missing; see "enclavebuild diff --help"' "$ENCL" diff plain.eif
printf 'junk' >junk
eif junk.eif boot junk
rejects 1 "junk.eif: ramdisk 1: ramdisk: at byte 0: neither a cpio archive nor compressed by gzip, zstd, lz4 or xz" \
	"$ENCL" diff plain.eif junk.eif
rejects 1 "open gone.eif: No such file or directory" "$ENCL" diff gone.eif plain.eif
rejects 2 'gone.yaml: No such file or directory; "enclavebuild init" writes one to begin with' \
	"$ENCL" diff --manifest gone.yaml plain.eif plain.eif
cp m.yaml unlocked.yaml
rejects 3 'unlocked.lock is not there; run "enclavebuild lock" first' \
	"$ENCL" diff --manifest unlocked.yaml plain.eif plain.eif
rejects 2 "--dump junk: Not a directory" "$ENCL" diff --dump junk plain.eif plain.eif
[ ! -e never ] || fail "a dump of nothing"
run 1 "$ENCL" diff --dump never plain.eif junk.eif
[ ! -e never ] || fail "a dump of what cannot be read"
