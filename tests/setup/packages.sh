#!/usr/bin/env bash
# Installs from Debian what is missing for `build`, `test` or another target, and says what. Knows commands before
# packages: what is there from elsewhere is good enough.
set -euo pipefail

for_what=${1:?usage: packages.sh build|test|soak|maps|matrix|package|image-check|emulator}
missing=()

# need PACKAGE CHECK...: the package is missing when the check fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

compiles() { echo "#include <$1>" | cc -E -; }
java_17() { [ "$(javac -version 2>&1 | sed -E 's/^javac ([0-9]+).*/\1/')" -ge 17 ]; }
venv() { python3 -c 'import venv, ensurepip'; }

case $for_what in
build)
    need gcc command -v cc
    need make command -v make
    need libc6-dev compiles stdlib.h
    need git command -v git
    ;;
test)
    # librdkafka, for a real client in the tests, is built from source against OpenSSL.
    need g++ command -v c++
    need make command -v make
    need pkg-config command -v pkg-config
    need libssl-dev pkg-config --exists openssl
    need openjdk-17-jdk-headless java_17
    need maven command -v mvn
    need python3-venv venv
    # Moves the clock of an unmodified program from outside.
    need faketime command -v faketime
    # A real sender of PROXY headers, and links between networks that can fail.
    need haproxy command -v haproxy
    need iproute2 command -v ip
    ;;
soak)
    # Counts instructions.
    need valgrind command -v valgrind
    ;;
maps)
    need python3-venv venv
    need nodejs command -v node
    need npm command -v npm
    ;;
matrix)
    need nodejs command -v node
    need npm command -v npm
    # Where Debian's is too old for the Go clients, these are a gap of the table.
    need golang-go command -v go
    ;;
package)
    need binutils command -v strip
    need python3 command -v python3
    need buildah command -v buildah
    need mmdebstrap command -v mmdebstrap
    need systemd-container command -v systemd-nspawn
    ;;
emulator)
    # Both in one step: one of them alone may bring another version of what they share.
    if ! command -v qemu-system-x86_64 || ! command -v qemu-img; then
        missing+=(qemu-system-x86 qemu-utils)
    fi >/dev/null
    need genisoimage command -v genisoimage
    need openssh-client command -v ssh-keygen
    need e2fsprogs command -v mkfs.ext4
    ;;
image-check)
    need packer command -v packer
    need shellcheck command -v shellcheck
    need systemd test -e /lib/systemd/system/multi-user.target
    need python3-venv venv
    ;;
*)
    echo "usage: packages.sh build|test|soak|maps|matrix|package|image-check|emulator" >&2
    exit 64
    ;;
esac

[ ${#missing[@]} -eq 0 ] || exec "$(dirname "$0")/install.sh" "${missing[@]}"
