#!/bin/sh
# Puts the container's file system together.   rootfs.sh PACKAGE.deb FOLDER
#
# Everything but our own package is taken from Debian's packages as they are, with their lists for
# scanners in /var/lib/dpkg/status.d. No maintainer script runs, so no root is needed.
set -eu

package=$(realpath "$1")
mkdir -p "$2"
root=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-container.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "downloading from Debian: libc6 libgcc-s1 ca-certificates"
(cd "$work" && apt-get -q -o APT::Sandbox::User=root download libc6 libgcc-s1 ca-certificates >/dev/null)

mkdir -p "$root/var/lib/dpkg/status.d"
take() { # PACKAGE-FILE PATH...: these files of it, and its entry
    deb=$1
    shift
    dpkg-deb -x "$deb" "$work/whole"
    for path in "$@"; do
        # Merged /usr: the loader is asked for below /lib64, libraries are found by its own list.
        for found in "$work/whole"/$path; do
            [ -e "$found" ] || [ -L "$found" ] || continue
            target=${found#"$work/whole"}
            mkdir -p "$root$(dirname "$target")"
            cp -RP "$found" "$root$target"
        done
    done
    dpkg-deb -f "$deb" >"$root/var/lib/dpkg/status.d/$(dpkg-deb -f "$deb" Package)"
    rm -rf "$work/whole"
}
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || echo "$(uname -m)-linux-gnu")
take "$work"/libc6_*.deb "lib64/*" "usr/lib64/*" "lib/$multiarch/ld-linux*" "usr/lib/$multiarch/ld-linux*" \
    "lib/$multiarch/libc.so.6" "usr/lib/$multiarch/libc.so.6" "lib/$multiarch/libm.so.6" "usr/lib/$multiarch/libm.so.6" \
    "lib/$multiarch/libnss_files.so.2" "lib/$multiarch/libnss_dns.so.2" "lib/$multiarch/libresolv.so.2" \
    "usr/share/doc/libc6/copyright"
take "$work"/libgcc-s1_*.deb "lib/$multiarch/libgcc_s.so.1" "usr/lib/$multiarch/libgcc_s.so.1" "usr/share/doc/libgcc-s1/copyright"

# What its maintainer script would have made of the certificates.
dpkg-deb -x "$work"/ca-certificates_*.deb "$work/ca"
dpkg-deb -f "$work"/ca-certificates_*.deb >"$root/var/lib/dpkg/status.d/ca-certificates"
mkdir -p "$root/etc/ssl/certs"
find "$work/ca/usr/share/ca-certificates" -name '*.crt' | LC_ALL=C sort | xargs cat >"$root/etc/ssl/certs/ca-certificates.crt"

take "$package" usr/bin/throughway usr/share/doc/throughway/copyright usr/share/throughway/sbom

mkdir -p "$root/etc" "$root/tmp" "$root/var/lib/throughway"
echo 'throughway:x:65532:65532::/nonexistent:/sbin/nologin' >"$root/etc/passwd"
echo 'throughway:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
chmod 0700 "$root/var/lib/throughway"
# Only root can give it away; a builder without root does so by COPY --chown.
[ "$(id -u)" -ne 0 ] || chown -R 65532:65532 "$root/var/lib/throughway"
