#!/usr/bin/env bash
# What `make lint` checks: clippy, what the shipped binary depends on, who imports what, file length.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Sources under git, and new ones that are about to be.
sources() { git ls-files --cached --others --exclude-standard -- "$@" | sort -u; }
failed=0
complain() {
    echo "lint: $*" >&2
    failed=1
}

if ! cargo clippy --version >/dev/null 2>&1; then
    echo "lint: cargo clippy is missing: with rustup, 'rustup component add clippy'" >&2
    exit 1
fi
cargo clippy --locked --all-targets -- -D warnings || complain "clippy is not content"

# One TLS stack, and nothing that decompresses what a peer sends, in what ships.
shipped=$(cargo tree --locked -p throughway -e normal --prefix none --format '{p}' |
    awk '{ print $1 }' | sort -u)
for banned in ring openssl openssl-sys native-tls flate2 zstd zstd-sys lz4 lz4-sys lz4_flex snap; do
    if grep -qx "$banned" <<<"$shipped"; then
        complain "the shipped binary depends on $banned; see: cargo tree -p throughway -i $banned"
    fi
done
grep -qx aws-lc-rs <<<"$shipped" || complain "the shipped binary's TLS is not by aws-lc-rs"

# The built-in address map is the component: the host has none of its rules, not even for its tests.
if cargo tree --locked -p throughway -e all --prefix none --format '{p}' | grep -q '^addrmap-'; then
    complain "the host depends on the address map's rules; see: cargo tree -p throughway -i addrmap-rules"
fi

# Imports go downward only: flow to owners to pure files.
downward() { # MODULES-NOT-IMPORTED, FILES...
    local banned=$1 stray
    shift
    stray=$(sources "$@" | xargs -r grep -nE "\bcrate::($banned)\b" | grep -vE ':[0-9]+: *//' || true)
    [ -z "$stray" ] || complain "an import that goes upward"$'\n'"$stray"
}
modules() { sed -nE 's/^(pub )?mod (\w+);$/\2/p' host/src/lib.rs; }
flow='run|doctor|listener|session|relay'
pure='kafka|config|close|excluded|in_full'
owners=$(modules | grep -vxE "$flow|$pure" | paste -sd '|')
for module in ${owners//|/ }; do downward "$flow" "host/src/$module.rs" "host/src/$module/*.rs"; done
for module in ${pure//|/ }; do downward "$flow|$owners" "host/src/$module.rs" "host/src/$module/*.rs"; done

# Each heavy dependency has one owner: everything else goes through it.
owned() { # CRATE OWNER
    local stray
    stray=$(sources 'host/src/*.rs' | grep -vE "^host/src/$2(\.rs|/)" |
        xargs -r grep -nE "\b$1::|\bextern crate $1\b" | grep -vE ':[0-9]+: *//' || true)
    [ -z "$stray" ] || complain "$1 belongs to host/src/$2, but is used in"$'\n'"$stray"
}
owned wasmtime wasm
owned rustls tls
owned axum admin
owned prometheus_client metrics
owned tracing_subscriber telemetry
owned clap cli

while read -r file; do
    [ -f "$file" ] || continue
    lines=$(wc -l <"$file")
    [ "$lines" -le 400 ] || complain "$file has $lines lines, more than 400: give it a second file"
done < <(sources '*.rs' '*.sh')

exit $failed
