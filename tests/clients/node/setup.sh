#!/bin/sh
# Brings the packages of the Node client from npm to tests/.cache/node-client and prints their folder.
# Nothing to do when they are there; several at once do not disturb each other.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$here/../.." && pwd)/.cache/node-client
mkdir -p "$folder"
exec 9>"$folder.lock"
flock 9
if ! cmp -s "$here/package-lock.json" "$folder/installed.json"; then
    cp "$here/package.json" "$here/package-lock.json" "$folder"
    npm ci --silent --no-audit --no-fund --prefix "$folder" >&2
    # Last: it marks the folder as whole.
    cp "$here/package-lock.json" "$folder/installed.json"
fi
echo "$folder/node_modules"
