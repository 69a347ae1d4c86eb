#!/usr/bin/env bash
# Rebuilds what is committed from source: guest-addrmap/prebuilt/addrmap.wasm, its build-info.toml,
# the contract in binary form, and the test guest tests/guests/shift-by-100.wasm.
#
# Uses Debian's own Rust: it brings the sources of `core` and `alloc`, so nothing has to come from
# rustup's servers, and one distribution version gives the same bytes everywhere.
# `--to DIR` writes there instead and leaves the tree alone; check.sh compares with that.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$here/toolchain.sh"

to=
[ "${1:-}" = --to ] && to=$2
install_toolchain
cd "$root"
export RUSTC=$debian_rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$root/target/guest
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS

# One run for each: together their features would be joined.
for package in guest-addrmap shift-by-100; do
    "$debian_cargo" build --locked --profile guest --target wasm32-unknown-unknown \
        -Zbuild-std=core,alloc,panic_abort -p "$package"
done
modules=$CARGO_TARGET_DIR/wasm32-unknown-unknown/guest
componentize() {
    env -u RUSTC -u RUSTC_BOOTSTRAP CARGO_TARGET_DIR="$root/target" \
        cargo run --locked --quiet -p addrmap-componentize -- "$@"
}

built=${to:-$here/prebuilt}
test_guests=${to:-$root/tests/guests}
mkdir -p "$built"
componentize "$modules/guest_addrmap.wasm" "$built/addrmap.wasm"
componentize "$modules/shift_by_100.wasm" "$test_guests/shift-by-100.wasm"
componentize --wit "$root/wit/addrmap.wit" "$built/contract.wasm"

cat >"$built/build-info.toml" <<EOF
# Written by guest-addrmap/build.sh; checked by guest-addrmap/check.sh.
compiler = "$(compiler_version)"
linker = "$(linker_version)"
wit-bindgen = "$(sed -n '/^name = "wit-bindgen"$/{n;s/version = "\(.*\)"/\1/p}' Cargo.lock)"
component-sha256 = "$(sha256_of "$built/addrmap.wasm")"
test-guest-sha256 = "$(sha256_of "$test_guests/shift-by-100.wasm")"
sources-sha256 = "$(sources_sha256)"
EOF
echo "wrote $built/addrmap.wasm ($(stat -c %s "$built/addrmap.wasm") bytes) and build-info.toml"
