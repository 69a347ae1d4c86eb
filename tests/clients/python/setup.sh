#!/bin/sh
# Makes the Python environment of the test clients in tests/.cache/python.
# Nothing to do when it is there; several at once do not disturb each other.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache
mkdir -p "$cache"
exec 9>"$cache/python.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$cache/python/requirements.txt"; then
    rm -rf "$cache/python"
    python3 -m venv "$cache/python" >&2
    "$cache/python/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    # Last: it marks the environment as whole.
    cp "$here/requirements.txt" "$cache/python/requirements.txt"
fi
