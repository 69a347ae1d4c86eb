#!/bin/sh
# Prints the path of a Debian root as a tar file, made when it is missing or this recipe
# has changed, and kept in tests/.cache.
#   root.sh bookworm or trixie      Needs root.
set -eu

suite=$1
# What the tests of packages and units need besides the essential; no throughway, no library of its own.
packages=adduser,dbus,procps,python3-minimal,systemd,systemd-sysv
cache=$(cd "$(dirname "$0")/.." && pwd)/tests/.cache/roots
mkdir -p "$cache"
exec 9>"$cache/$suite.lock"
flock 9
root=$cache/$suite-$(sha256sum "$0" | cut -c 1-12).tar
if ! [ -s "$root" ]; then
    echo "making a Debian root from the registry: $suite with $packages" >&2
    rm -f "$cache/$suite"-*.tar
    mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$cache/$suite-new.tar" >&2
    mv "$cache/$suite-new.tar" "$root"
fi
echo "$root"
