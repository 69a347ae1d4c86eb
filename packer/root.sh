#!/bin/sh
# Prints the path of a Debian root as a tar file, made when it is missing and kept in tests/.cache.
#   root.sh bookworm or trixie      Needs root.
set -eu

suite=$1
# What the tests of packages and units need besides the essential; no throughway, no library of its own.
packages=adduser,dbus,procps,python3-minimal,systemd,systemd-sysv
cache=$(cd "$(dirname "$0")/.." && pwd)/tests/.cache/roots
mkdir -p "$cache"
exec 9>"$cache/$suite.lock"
flock 9
if ! [ -s "$cache/$suite.tar" ]; then
    echo "making a Debian root from the registry: $suite with $packages" >&2
    mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$cache/$suite.new.tar" >&2
    mv "$cache/$suite.new.tar" "$cache/$suite.tar"
fi
echo "$cache/$suite.tar"
