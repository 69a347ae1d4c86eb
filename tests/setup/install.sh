#!/usr/bin/env bash
# Installs Debian packages by name, as root or by sudo, and says which.
set -euo pipefail

if ! command -v apt-get >/dev/null; then
    echo "missing, and this is no Debian: install the equivalent of $*" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "missing: run   apt-get install --no-install-recommends $*   as root" >&2
        exit 1
    fi
    as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
fi
echo "installing from Debian: $*"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" apt-get install -q -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    exit 1
fi
