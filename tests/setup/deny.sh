#!/usr/bin/env bash
# cargo-deny by deny.toml. With --install a missing one is built first, which takes minutes; without
# it, a missing one is said aloud: `make lint` has then checked the bans, but nothing the licences.
set -euo pipefail
cd "$(dirname "$0")/../.."

least=0.19.0
version=$(cargo deny --version 2>/dev/null | awk '{ print $2 }' || true)
if [ -z "$version" ] || [ "$(printf '%s\n' "$least" "$version" | sort -V | head -n 1)" != "$least" ]; then
    if [ "${1:-}" != --install ]; then
        echo "deny: SKIPPED, no cargo-deny from $least on is installed (make deny installs it)."
        echo "deny: licences and sources were NOT checked; lint has checked the bans by cargo tree."
        exit 0
    fi
    echo "installing from the crate registry: cargo-deny"
    cargo install --locked cargo-deny
fi

# What ships: the proxy alone, without what only its tests need.
shipped=(--manifest-path host/Cargo.toml --exclude-dev --config "$PWD/deny.toml")
cargo deny --locked "${shipped[@]}" check bans licenses sources
# The advisory database is fetched from elsewhere: where that cannot be reached, nothing is checked.
if cargo deny --locked "${shipped[@]}" fetch db >/dev/null 2>&1; then
    cargo deny --locked "${shipped[@]}" check advisories
else
    echo "deny: the advisory database cannot be reached; advisories were NOT checked."
fi
