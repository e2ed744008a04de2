#!/bin/bash
# cmd/bundle.sh PROGRAM OUT.tar.gz: the tool with the libraries and the loader
# that it was linked with, for hosts of another distribution or release.  The
# same program and libraries give the same bytes.
set -euo pipefail
umask 022
program=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lib"
install -m 755 "$program" "$work/lib/enclavebuild"
loader=
while read -r name arrow path _; do
	case $name in
	linux-vdso*) continue ;;
	/*) loader=$name ;;
	*)
		[ "$arrow" = "=>" ] && [ "${path#/}" != "$path" ] || {
			echo "bundle: $name of $program is not here" >&2
			exit 5
		}
		install -m 755 "$path" "$work/lib/$name"
		;;
	esac
done < <(ldd "$program")
[ -n "$loader" ] || {
	echo "bundle: $program names no loader" >&2
	exit 1
}
install -m 755 "$loader" "$work/lib/ld.so"
cat >"$work/enclavebuild" <<'END'
#!/bin/sh
# enclavebuild by the loader and with the libraries beside it.
here=$(dirname "$(readlink -f "$0")")
ENCLAVEBUILD_SELF=$here/enclavebuild
export ENCLAVEBUILD_SELF
if [ -z "$SSL_CERT_FILE" ] && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
	for f in /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
		if [ -e "$f" ]; then
			SSL_CERT_FILE=$f
			export SSL_CERT_FILE
			break
		fi
	done
fi
exec "$here/lib/ld.so" --argv0 enclavebuild --library-path "$here/lib" "$here/lib/enclavebuild" "$@"
END
chmod 755 "$work/enclavebuild"
mkdir -p "$(dirname "$out")"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -C "$work" -cf - enclavebuild lib |
	gzip -n -6 >"$out.new"
mv "$out.new" "$out"
echo "$out $(sha256sum "$out" | cut -d' ' -f1)"
