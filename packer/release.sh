#!/usr/bin/env bash
# Builds what ships, target/release/throughway, and lets it out through the gate only. Without a licence
# anchor of the vendor's nothing is built: it would end in an error after minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

anchors=${THROUGHWAY_ANCHORS_DIR:-$PWD/host/anchors}
if ! compgen -G "$anchors/license-*.pem" >/dev/null; then
    echo "release: no license-<kid>.pem in $anchors: make a pair with 'throughway license keygen' (make build) and put" \
        "its public half there; host/anchors/README.md says more" >&2
    exit 1
fi
# The binary carries the list of what it was built of, so that scanners need nothing but the binary.
if ! cargo auditable --version >/dev/null 2>&1; then
    echo "installing from the crate registry: cargo-auditable"
    cargo install --locked cargo-auditable
fi
cargo auditable build --locked --release -p throughway
packer/release-gate.sh target/release/throughway
