#!/bin/sh
# Debian's Packer 1.6.6 on these files: copies them without what it does not know, then runs it on
# the copy.   legacy.sh validate|build [OPTION...]      (works on this folder; no folder argument)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
copy=$(mktemp -d "${TMPDIR:-/tmp}/throughway-packer.XXXXXX")
trap 'rm -rf "$copy"' EXIT

for file in "$here"/*.pkr.hcl; do
    [ "$(basename "$file")" != versions.pkr.hcl ] || continue
    sed '/# >>> packer-current/,/# <<< packer-current/d' "$file" >"$copy/$(basename "$file")"
done

# No report home, no look at this machine's own metadata service, nothing in the home folder.
export CHECKPOINT_DISABLE=1 AWS_EC2_METADATA_DISABLED=true
export PACKER_CACHE_DIR="${PACKER_CACHE_DIR:-$copy/cache}" PACKER_CONFIG_DIR="$copy"
command=${1:?usage: legacy.sh validate or build [OPTION...]}
shift
# Paths inside are relative to this folder.
cd "$here"
packer "$command" "$@" "$copy"
