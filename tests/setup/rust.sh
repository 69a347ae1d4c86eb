#!/usr/bin/env bash
# Runs a command with a Rust toolchain that is new enough: the one on PATH, else Debian's.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
least=$(sed -nE 's/^rust-version = "(.*)"/\1/p' "$here/../../Cargo.toml")

new_enough() {
    local version
    version=$(cargo --version 2>/dev/null | awk '{ print $2 }')
    [ -n "$version" ] && rustc --version >/dev/null 2>&1 &&
        [ "$(printf '%s\n' "$least" "$version" | sort -V | head -n 1)" = "$least" ]
}

# Debian's newer toolchain, which it keeps for browsers; its folder follows from the package.
debian() {
    command -v apt-get >/dev/null || return 1
    dpkg-query -L rustc-web >/dev/null 2>&1 && dpkg-query -L cargo-web >/dev/null 2>&1 ||
        "$here/install.sh" rustc-web cargo-web >&2 || return 1
    local package tool
    for package in rustc cargo; do
        tool=$(dpkg-query -L "$package-web" | grep -E "^/usr/(lib/.*/)?bin/$package\$" | head -n 1)
        PATH=$(dirname "$tool"):$PATH
    done
    hash -r
    new_enough
}

if ! new_enough && ! debian; then
    echo "no Rust toolchain from $least on: install one (rustup, or Debian's rustc-web and cargo-web)" >&2
    exit 1
fi
exec "$@"
