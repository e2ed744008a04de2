# Goal: host check tells what a machine has and what is in an enclave's way; host setup
# plans whole cores and pages of one node, does nothing without --apply, does it by
# sysfs or by AWS's allocator, takes back what fails, and gives back what it took.
. "$(dirname "$0")/lib.sh"
need python3
put() { # put PATH TEXT
	mkdir -p "root/$(dirname "$1")"
	printf '%s\n' "$2" >"root/$1"
}
cpu=sys/devices/system/cpu
node=sys/devices/system/node
pool=sys/module/nitro_enclaves/parameters/ne_cpus
small=$node/node0/hugepages/hugepages-2048kB
large=$node/node0/hugepages/hugepages-1048576kB
machine() { # 4 cores of 2 threads, nothing set aside; 10 pages are somebody's
	rm -rf root
	put $cpu/present 0-7
	put $cpu/online 0-7
	put $node/online 0
	put $node/node0/meminfo "Node 0 MemTotal: 16777216 kB
Node 0 MemFree: 8388608 kB"
	for i in 0 1 2 3 4 5 6 7; do
		put $cpu/cpu$i/topology/thread_siblings_list $((i % 4)),$((i % 4 + 4))
	done
	put $small/nr_hugepages 10
	put $small/free_hugepages 3
	put $large/nr_hugepages 0
	put $large/free_hugepages 0
	put $pool ''
	put dev/nitro_enclaves ''
	export ENCLAVEBUILD_HOST_ROOT=$WORK/root
}
pages() { cat root/$large/nr_hugepages root/$small/nr_hugepages root/$pool | paste -sd' '; }

machine
run 0 "$ENCL" host check
same "check" 'driver loaded, device there, AWS'"'"'s allocator not installed, 2 threads a core
node 0: CPUs 0-7, for enclaves none; 8192 of 16384 MiB free
  pages of 1048576 KiB: 0, 0 of them free
  pages of    2048 KiB: 10, 3 of them free' "$(cat out)"
run 5 "$ENCL" host check --memory 64 --cpus 2
same "obstacles" 'wanted: 64 MiB, 2 processors
  no processors are set aside for enclaves: sudo enclavebuild host setup --apply --memory 64 --cpus 2
  64 MiB are wanted; node 0 has 6 MiB in free huge pages (3 x 2 MiB): sudo enclavebuild host setup --apply --memory 64 --cpus 2' \
	"$(tail -n 3 out)"
run 5 "$ENCL" host check --memory 64 --cpus 2 --json
same "obstacles" 2 "$(python3 -c 'import json; print(len(json.load(open("out"))["obstacles"]))')"

# plan's part of it, of an image whose estimate is 304 MiB
cp "$TOP/tests/golden/vectors/signed.eif" a.eif
run 0 "$ENCL" plan a.eif
same "the driver is there" 'host, for 304 MiB and 2 CPUs:
  no processors are set aside for enclaves: sudo enclavebuild host setup --apply --memory 304 --cpus 2
  304 MiB are wanted; node 0 has 6 MiB in free huge pages (3 x 2 MiB): sudo enclavebuild host setup --apply --memory 304 --cpus 2' \
	"$(sed -n '/^host/,$p' out)"
put $pool 1,5
put $large/nr_hugepages 1
put $large/free_hugepages 1
put $small/free_hugepages 160
put $small/nr_hugepages 160
run 0 "$ENCL" plan a.eif
same "fits" 'host, for 304 MiB and 2 CPUs:
     152 pages of 2 MiB from node 0
  it fits' "$(sed -n '/^host/,$p' out)"
run 0 "$ENCL" host check a.eif
machine

# a dry run changes nothing
run 0 "$ENCL" host setup --memory 1501 --cpus 4
same "plan" 'node 0, processors 1-2,5-6 (now: none)
pages of 1024 MiB: 0 -> 1
pages of 2 MiB: 10 -> 249
nothing was changed; do it with --apply' "$(cat out)"
same "files" "0 10 " "$(pages)"
run 0 "$ENCL" host setup --memory 1501 --cpus 4 --apply
same "applied" "1 249 1-2,5-6" "$(pages)"
# again, with more: ours are counted, the others' stay
printf '0\n' >root/$large/free_hugepages
printf '242\n' >root/$small/free_hugepages
echo 0,3-4,7 >root/$cpu/online
run 0 "$ENCL" host setup --memory 1600 --cpus 4 --apply
same "more" "1 298 1-2,5-6" "$(pages)"
printf '1\n' >root/$large/free_hugepages
printf '291\n' >root/$small/free_hugepages
run 0 "$ENCL" host setup --undo
same "not yet" "1 298 1-2,5-6" "$(pages)"
run 0 "$ENCL" host setup --undo --apply
same "given back" "0 10 " "$(pages)"
[ ! -e root/var/lib/enclavebuild/host.json ] || fail "the state is still there"
run 0 "$ENCL" host setup --undo --apply
same "nothing more" "nothing was taken" "$(cat out)"

# a boot ends it: what is reserved then is somebody's
machine
put proc/sys/kernel/random/boot_id one
run 0 "$ENCL" host setup --memory 64 --cpus 2 --apply
same "before the boot" "0 42 1,5" "$(pages)"
cp root/var/lib/enclavebuild/host.json state.json
machine
put proc/sys/kernel/random/boot_id two
mkdir -p root/var/lib/enclavebuild
cp state.json root/var/lib/enclavebuild/host.json
run 0 "$ENCL" host setup --memory 64 --cpus 2
same "added to theirs" "pages of 2 MiB: 10 -> 42" "$(grep 2 out | grep pages)"
run 0 "$ENCL" host setup --undo --apply
same "theirs" "0 10 " "$(pages)"

# what cannot be
machine
rejects 2 "3 processors are no whole cores: a core has 2 threads here" "$ENCL" host setup --memory 64 --cpus 3
rejects 5 "no node has 8 processors in whole cores besides processor 0's and 64 MiB (at most 8192 MiB are free on one): ask for less, or take a larger instance" \
	"$ENCL" host setup --memory 64 --cpus 8
rejects 5 "no node has 2 processors in whole cores besides processor 0's and 9000 MiB (at most 8192 MiB are free on one): ask for less, or take a larger instance" \
	"$ENCL" host setup --memory 9000 --cpus 2
rejects 2 "name images, or --memory and --cpus" "$ENCL" host setup
rejects 2 "host check: --apply is for host setup" "$ENCL" host check --apply --memory 64 --cpus 2
rejects 2 'host: "x" is not check or setup' "$ENCL" host x
run=root/run/nitro_enclaves
mkdir -p "$run"
: >"$run/i-1.sock"
rejects 5 "an enclave of nitro-cli runs ($WORK/$run/i-1.sock): nitro-cli terminate-enclave --all" \
	"$ENCL" host setup --memory 64 --cpus 2 --apply -q
same "refused" "0 10 " "$(pages)"
# a step that fails takes the ones before it back
machine
mv root/$pool root/pool
ln -s /dev/full root/$pool
run 5 "$ENCL" host setup --memory 64 --cpus 2 --apply
same "taken back" "0 10" "$(cat root/$large/nr_hugepages root/$small/nr_hugepages | paste -sd' ')"
[ ! -e root/var/lib/enclavebuild/host.json ] || fail "there is a state of nothing"

# by AWS's service
machine
put usr/lib/systemd/system/nitro-enclaves-allocator.service ''
mkdir bin root/etc root/etc/nitro_enclaves
cat >bin/systemctl <<'S'
#!/bin/sh
echo "$*" >>"${0%/*}/calls"
[ ! -e "${0%/*}/fails" ] || { echo "the service is unhappy" >&2; exit 1; }
S
chmod +x bin/systemctl
export PATH=$WORK/bin:$PATH
rejects 5 "node 0 has 10 huge pages of 2 MiB that somebody reserved, and AWS's allocator would take them away: --direct adds to them" \
	"$ENCL" host setup --memory 64 --cpus 2 --apply -q
put $pool 1,5
rejects 5 "node 0 has 7 huge pages of 2 MiB in use, and AWS's allocator would take them away: end the enclave or program that has them" \
	"$ENCL" host setup --memory 64 --cpus 2 --apply -q
put $pool ''
[ ! -e root/etc/nitro_enclaves/allocator.yaml ] || fail "allocator.yaml was written"
put $small/nr_hugepages 0
put $small/free_hugepages 0
printf -- '---\nmemory_mib: 512\ncpu_count: 2\n' >root/etc/nitro_enclaves/allocator.yaml
cp root/etc/nitro_enclaves/allocator.yaml old.yaml
: >bin/fails
run 5 "$ENCL" host setup --memory 64 --cpus 2 --apply
grep -q 'nothing was changed: systemctl restart nitro-enclaves-allocator.service ended with 1: the service is unhappy' err ||
	fail "$(cat err)"
cmp old.yaml root/etc/nitro_enclaves/allocator.yaml
rm bin/fails
run 0 "$ENCL" host setup --memory 64 --cpus 2 --apply
same "allocator.yaml" '---
memory_mib: 64
cpu_pool: 1,5' "$(cat root/etc/nitro_enclaves/allocator.yaml)"
same "calls" 3 "$(grep -c '^restart nitro-enclaves-allocator.service$' bin/calls)"
run 0 "$ENCL" host setup --undo --apply
cmp old.yaml root/etc/nitro_enclaves/allocator.yaml

# the kernel's own pages: eight are taken and given back
unset ENCLAVEBUILD_HOST_ROOT
real=/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages
[ -w $real ] || exit 0 # not root, or no such pages here
before=$(cat $real)
machine
rm -r root/$small
mkdir -p root/$small
ln -s $real root/$small/nr_hugepages
ln -s ${real%/*}/free_hugepages root/$small/free_hugepages
code=0
"$ENCL" host setup --memory 16 --cpus 2 --apply >out 2>err || code=$?
taken=$(cat $real)
"$ENCL" host setup --undo --apply >>out 2>>err || code=$?
back=$(cat $real)
echo "$before" >$real
if grep -q 'its memory is in pieces' err; then
	same "nothing is taken" "$before" "$taken"
else
	same "codes" 0 "$code"
	same "taken" $((before + 8)) "$taken"
fi
same "given back" "$before" "$back"
