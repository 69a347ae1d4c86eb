#!/usr/bin/env bash
# Is the committed component what its sources say?
#   1. the sources' hash equals the recorded one (needs coreutils only, takes no time);
#   2. with the recorded compiler and linker installed, a rebuild gives the same bytes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
. "$here/toolchain.sh"
prebuilt=$here/prebuilt

recorded() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" "$prebuilt/build-info.toml"; }
fail() {
    echo "guest: $1" >&2
    exit 1
}

[ "$(recorded sources-sha256)" = "$(sources_sha256)" ] ||
    fail "the sources are not those the committed component was built from: run make guest"
[ "$(recorded component-sha256)" = "$(sha256_of "$prebuilt/addrmap.wasm")" ] ||
    fail "prebuilt/addrmap.wasm is not the component in build-info.toml: run make guest"
[ "$(recorded test-guest-sha256)" = "$(sha256_of "$root/tests/guests/shift-by-100.wasm")" ] ||
    fail "tests/guests/shift-by-100.wasm is not the one in build-info.toml: run make guest"
echo "guest: sources and component are those of build-info.toml"
(cd "$root" && sha256sum --check --quiet tests/guests/schemes.sha256) ||
    fail "the examples are not those that tests/guests/schemes-*.wasm were built from: run UPDATE=1 make maps"

if ! find_toolchain || [ "$(recorded compiler)" != "$(compiler_version)" ] ||
    [ "$(recorded linker)" != "$(linker_version)" ]; then
    echo "guest: the recorded compiler ($(recorded compiler), $(recorded linker)) is not here;" \
        "the byte comparison is LEFT OUT"
    exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$here/build.sh" --to "$scratch"
cmp "$scratch/addrmap.wasm" "$prebuilt/addrmap.wasm" ||
    fail "a rebuild with the recorded compiler gives other bytes"
cmp "$scratch/contract.wasm" "$prebuilt/contract.wasm" ||
    fail "the contract in binary form is not that of wit/addrmap.wit: run make guest"
cmp "$scratch/shift-by-100.wasm" "$root/tests/guests/shift-by-100.wasm" ||
    fail "a rebuild of the test guest with the recorded compiler gives other bytes"
echo "guest: a rebuild gives the same bytes"
