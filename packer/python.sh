#!/bin/sh
# Runs a command with the Python packages that check the image; they go to tests/.cache when they
# are missing.   python.sh packer COMMAND...       for its files (requirements.txt)
#                python.sh emulator COMMAND...     for its build (tests/requirements.txt)
set -eu

for_what=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
case $for_what in
packer) wanted=$here/requirements.txt ;;
emulator) wanted=$here/tests/requirements.txt ;;
*) echo "usage: python.sh packer|emulator COMMAND..." >&2 && exit 64 ;;
esac
cache=$here/../tests/.cache
mkdir -p "$cache"
exec 9>"$cache/$for_what.lock"
flock 9
if ! cmp -s "$wanted" "$cache/$for_what/requirements.txt"; then
    echo "installing from PyPI: $(tr '\n' ' ' <"$wanted")" >&2
    rm -rf "${cache:?}/$for_what"
    python3 -m venv "$cache/$for_what" >&2
    "$cache/$for_what/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2
    # Last: it marks the environment as whole.
    cp "$wanted" "$cache/$for_what/requirements.txt"
fi
exec 9>&-
PATH=$(cd "$cache/$for_what/bin" && pwd):$PATH
exec "$@"
