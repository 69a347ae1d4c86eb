#!/bin/sh
# Makes the Debian package of a built binary.   build.sh BINARY OUTPUT-FOLDER [VERSION]
#
# Writes OUTPUT-FOLDER/throughway_VERSION_ARCHITECTURE.deb, throughway.deb (a link to it) and the
# binary's list of parts, throughway.cdx.json. The same binary and commit give the same package.
# DEB_COMPRESSION, options of dpkg-deb, is for tests that cannot wait.
set -eu

binary=$(realpath "$1")
mkdir -p "$2"
output=$(realpath "$2")
cd "$(dirname "$0")/../.."

version=${3:-$("$binary" version | sed -n 's/^throughway //p')}
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git show -s --format=%ct HEAD 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
put() { # FILE TARGET
    install -D -m 0644 "$1" "$root/$2"
}
packed() { # FILE TARGET: as Debian wants manuals and changelogs
    mkdir -p "$root/$(dirname "$2")"
    gzip -9nc "$1" >"$root/$2"
}

install -D -m 0755 "$binary" "$root/usr/bin/throughway"
strip --strip-unneeded "$root/usr/bin/throughway"
for unit in throughway throughway-aws; do
    put packer/systemd/$unit.service usr/lib/systemd/system/$unit.service
done

mkdir "$work/man"
"$binary" man "$work/man"
for page in "$work"/man/*.1; do
    packed "$page" "usr/share/man/man1/$(basename "$page").gz"
done
"$binary" completions bash >"$work/bash"
"$binary" completions zsh >"$work/zsh"
"$binary" completions fish >"$work/fish"
put "$work/bash" usr/share/bash-completion/completions/throughway
put "$work/zsh" usr/share/zsh/vendor-completions/_throughway
put "$work/fish" usr/share/fish/vendor_completions.d/throughway.fish

doc=usr/share/doc/throughway
for page in docs/*; do
    [ ! -f "$page" ] || put "$page" "$doc/$(basename "$page")"
done
put LICENSE $doc/copyright
packed CHANGELOG.md $doc/changelog.gz
put packer/throughway.env $doc/examples/throughway.env
put packer/files/sysctl.conf $doc/examples/sysctl.conf
# Of the file as it is handed out: stripping must leave the list in it.
python3 packer/sbom.py "$root/usr/bin/throughway" "$version" "$work/throughway.cdx.json"
put "$work/throughway.cdx.json" usr/share/throughway/sbom/throughway.cdx.json

# Folders whose owner the package's script sets.
mkdir -p "$root/etc/throughway/tls"
mkdir "$root/DEBIAN"
for script in postinst prerm postrm; do
    install -m 0755 packer/deb/$script "$root/DEBIAN/$script"
done
cat >"$root/DEBIAN/control" <<CONTROL
Package: throughway
Version: $version
Architecture: $architecture
Maintainer: throughway maintainers <throughway@throughway.example>
Installed-Size: $(du -sk --apparent-size "$root" | cut -f 1)
Depends: libc6 (>= 2.36), libgcc-s1, adduser
Recommends: ca-certificates
Section: net
Priority: optional
Description: edge proxy for Apache Kafka
 Forwards each client connection to one broker and rewrites nothing but the
 broker addresses in the answers, so that clients reach brokers that live in
 another network. Runs as a hardened systemd service.
CONTROL
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs md5sum) >"$work/md5sums"
mv "$work/md5sums" "$root/DEBIAN/md5sums"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

package=throughway_${version}_$architecture.deb
# shellcheck disable=SC2086  # several options
dpkg-deb --root-owner-group ${DEB_COMPRESSION:--Zxz} --build "$root" "$output/$package" >/dev/null
ln -sf "$package" "$output/throughway.deb"
cp "$work/throughway.cdx.json" "$output/throughway.cdx.json"
(cd "$output" && sha256sum "$package" throughway.cdx.json >SHA256SUMS)
echo "$output/$package"
