# Goal: versions are ordered as dpkg orders them.  The one difference is that a
# revision of 0 is more than none for libsolv; so "-0" alone is not in the list.
. "$(dirname "$0")/lib.sh"
need dpkg
versions='1.0 1.0-1 1.0~rc1 1.0~~ 1.0~ 1.0+b1 1.0.1 1.00 01.0 0:1.0 1:0.9 1:1.0-1 2.36-9+deb12u14
	2.36-9+deb12u9 2.36-10 1.0-1~bpo12+1 1.0-1+b1 1.0a 1.0.a 1.0-a 1.0-1.1 1.0-1-1 20240101 1.0+dfsg-1 1.0+dfsg1-1 1.0+ds-1
	5.2.15-2+b7 1.10 1.9 1.0~rc1-1 1.0-1ubuntu1 0 0~ 3.0.20-1~deb12u2'
for a in $versions; do
	for b in $versions; do
		echo "$a $b"
	done
done >pairs
"$O/support/vercmp" <pairs >ours
while read -r a b; do
	if dpkg --compare-versions "$a" lt "$b"; then
		echo lt
	elif dpkg --compare-versions "$a" eq "$b"; then
		echo eq
	else
		echo gt
	fi
done <pairs >theirs
[ "$(wc -l <ours)" -gt 1000 ] || fail "only $(wc -l <ours) pairs"
paste pairs ours theirs | awk '$3 != $4 {print; bad = 1} END {exit bad}' || fail "pair ours dpkg"
