#!/bin/sh
# Makes a Python environment of the test clients in tests/.cache: `python` of requirements.txt, or with
# an argument NAME `python-NAME` of requirements-NAME.txt. Prints its interpreter.
# Nothing to do when it is there; several at once do not disturb each other.
set -eu

name=${1:+-$1}
here=$(cd "$(dirname "$0")" && pwd)
cache=$(cd "$here/../.." && pwd)/.cache
wanted=$here/requirements$name.txt
environment=$cache/python$name
mkdir -p "$cache"
exec 9>"$environment.lock"
flock 9
if ! cmp -s "$wanted" "$environment/requirements.txt"; then
    rm -rf "$environment"
    python3 -m venv "$environment" >&2
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2
    # Last: it marks the environment as whole.
    cp "$wanted" "$environment/requirements.txt"
fi
echo "$environment/bin/python3"
