#!/bin/sh
# Builds the Go clients into tests/.cache/go-clients and prints that folder; modules come from the Go
# module proxy. Ends with 3, and says why on standard error, where Go is missing or too old for them.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache
folder=$cache/go-clients
needed=$(sed -n 's/^go //p' "$here/go.mod")

if ! command -v go >/dev/null; then
    echo "there is no Go here, $needed is needed" >&2
    exit 3
fi
found=$(GOTOOLCHAIN=local go env GOVERSION | sed 's/^go//')
if [ "$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
    echo "Go $found is here, $needed is needed" >&2
    exit 3
fi
mkdir -p "$folder"
exec 9>"$folder.lock"
flock 9
cd "$here"
# Go itself knows what is built already.
GOTOOLCHAIN=local GOFLAGS=-buildvcs=false go build -o "$folder/" ./franz ./sarama >&2
echo "$folder"
