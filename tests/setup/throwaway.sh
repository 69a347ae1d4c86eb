#!/usr/bin/env bash
# The release build with licence and receipt keys made here, for benchmarks and long tests. The private
# halves go to target/throwaway/keys, by the names that tests/keys has.
set -euo pipefail
cd "$(dirname "$0")/../.."

keys=$PWD/target/throwaway/keys
anchors=$PWD/target/throwaway/anchors
mkdir -p "$keys" "$anchors"
for purpose in license receipt; do
    private=$keys/dev-$purpose.pem
    [ -s "$anchors/$purpose-throwaway.pem" ] && continue
    { echo "kid: throwaway" && openssl genpkey -algorithm ed25519; } >"$private"
    openssl pkey -in "$private" -pubout -out "$anchors/$purpose-throwaway.pem"
done
THROUGHWAY_ANCHORS_DIR=$anchors packer/release.sh
