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
versions=$(cargo tree --locked -p throughway -e normal --prefix none --format '{p}' |
    awk '{ print $1, substr($2, 2) }' | sort -u)
shipped=$(awk '{ print $1 }' <<<"$versions" | sort -u)
for banned in ring openssl openssl-sys native-tls flate2 zstd zstd-sys lz4 lz4-sys lz4_flex snap; do
    if grep -qx "$banned" <<<"$shipped"; then
        complain "the shipped binary depends on $banned; see: cargo tree -p throughway -i $banned"
    fi
done
while read -r crate oldest; do
    found=$(awk -v crate="$crate" '$1 == crate { print $2 }' <<<"$versions")
    [ "$(wc -w <<<"$found")" = 1 ] || complain "the shipped binary has $crate ${found:-nowhere}, not once"
    printf '%s\n' "$oldest" "$found" | sort -CV || complain "the shipped binary has $crate $found, older than $oldest"
done <<'EOF'
rustls 0.23
hyper 1
h2 0.4
EOF
grep -qx aws-lc-rs <<<"$shipped" || complain "the shipped binary's TLS is not by aws-lc-rs"

# The sandbox of address maps has as few parts as it can.
wasmtime=$(cargo tree --locked -p throughway -e normal,features -i wasmtime --prefix none --format '{p} {f}' |
    sed -nE 's/^wasmtime v[^ ]+ ([a-z].*)/,\1,/p')
for banned in async cache pooling-allocator wat winch; do
    if [[ $wasmtime == *,$banned,* ]]; then
        complain "the shipped binary's wasmtime has its feature $banned"
    fi
done
[[ $wasmtime == *,pulley,* ]] || complain "the shipped binary's wasmtime has no interpreter"
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
flow='run|agent|doctor|listener|session|relay'
pure='kafka|config|close|excluded|in_full'
owners=$(modules | grep -vxE "$flow|$pure" | paste -sd '|')
for module in ${owners//|/ }; do downward "$flow" "host/src/$module.rs" "host/src/$module/*.rs"; done
for module in ${pure//|/ }; do downward "$flow|$owners" "host/src/$module.rs" "host/src/$module/*.rs"; done

# Each heavy dependency has one owner: everything else goes through it. AWS's own crates belong to
# host/aws, a crate apart.
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
owned throughway_aws '(licence|agent)'

while read -r file; do
    [ -f "$file" ] || continue
    lines=$(wc -l <"$file")
    [ "$lines" -le 400 ] || complain "$file has $lines lines, more than 400: give it a second file"
done < <(sources '*.rs' '*.sh')

exit $failed
