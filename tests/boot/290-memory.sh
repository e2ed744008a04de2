# Goal: plan's memory against experiment: an image works with what plan asks for, all
# that its manifest declares being used up at once, and does not with a fifth less
# (so that the plan is less than 25 % above the least that works): a cpio, a
# compressed one, a squashfs with Docker.
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/boot/memory.sh"
need musl-gcc qemu-system-x86_64 python3
boot_kernel
memory_parts
memory_manifest cpio cpio none >cpio.yaml
memory_manifest packed cpio zstd >packed.yaml
memory_docker docker squashfs zstd >docker.yaml
for image in cpio packed docker; do
	run 0 "$ENCL" build -q "$image.yaml" -o "$image.eif"
	run 0 "$ENCL" plan --json "$image.eif"
	mv out plan.json
	plan=$(python3 -c 'import json; print(json.load(open("plan.json"))["memory"]["neededMiB"])')
	same "what run takes" "$plan" \
		"$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["Resources"]["MemoryMiB"])' "$image.measurements.json")"
	memory_works "$image.eif" "$plan" 1 || fail "$image does not work with $plan MiB: $(tail -n 20 console console.err)"
	less=$((plan * 4 / 5))
	! memory_works "$image.eif" "$less" 1 || fail "$image works with $less MiB, plan asks for $plan"
	echo "$image: $plan MiB do, $less do not"
done
