#!/usr/bin/env bash
# Says whether a binary may be handed out: no development key in it, and none believed by it.
#   release-gate.sh BINARY
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/.."

work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-gate.XXXXXX")
trap 'rm -rf "$work"' EXIT
closed=0
bad() {
    echo "release-gate: $binary $*" >&2
    closed=1
}

# In the name of every development key, see host/src/licence/anchors.rs.
if grep -qa DEV-KEY-DO-NOT-SHIP "$binary"; then bad "has a development key in it"; fi

# Scanners look for the list of its parts there (packer/release.sh).
if ! grep -qaF .dep-v0 "$binary"; then bad "has no list of its parts in it"; fi

anchors=$("$binary" version --json | sed -n 's/.*"licence_anchors":"\([a-z]*\)".*/\1/p')
[ "$anchors" = production ] || bad "shows $anchors licence anchors, not production ones"

"$binary" license issue --key tests/keys/dev-license.pem --customer gate --env dev --days 1 >"$work/license.jwt"
verified=0
"$binary" license verify "$work/license.jwt" >"$work/verdict" 2>&1 || verified=$?
# 78 for whatever is no licence here; anything else means that nothing was judged.
if [ $verified -ne 78 ] || ! grep -q 'which this build does not know' "$work/verdict"; then
    bad "does not refuse a licence that the development key signed (exit $verified)"
fi

[ $closed -ne 0 ] || echo "release-gate: $binary knows no development key, believes none, and lists its parts"
exit $closed
