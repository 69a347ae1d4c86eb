#!/bin/sh
# Runs a command with the Python that checks the image's files; its packages go to tests/.cache/packer
# when they are missing.   python.sh COMMAND...
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=$here/../tests/.cache
mkdir -p "$cache"
exec 9>"$cache/packer.lock"
flock 9
if ! cmp -s "$here/requirements.txt" "$cache/packer/requirements.txt"; then
    echo "installing from PyPI: $(tr '\n' ' ' <"$here/requirements.txt")" >&2
    rm -rf "$cache/packer"
    python3 -m venv "$cache/packer" >&2
    "$cache/packer/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
    # Last: it marks the environment as whole.
    cp "$here/requirements.txt" "$cache/packer/requirements.txt"
fi
exec 9>&-
PATH=$(cd "$cache/packer/bin" && pwd):$PATH
exec "$@"
