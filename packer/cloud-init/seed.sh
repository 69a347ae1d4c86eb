#!/bin/sh
# Makes a cloud-init seed (NoCloud) for a local machine.   seed.sh OUTPUT.iso USER-DATA PUBLIC-KEY
set -eu

output=$1 user_data=$2 key=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

cp "$user_data" "$folder/user-data"
{
    # A name of its own for each seed: to cloud-init, another name is another instance.
    echo "instance-id: i-$(sha256sum "$user_data" "$key" | sha256sum | cut -c 1-16)"
    echo "local-hostname: throughway"
    echo "public-keys:"
    echo "  - $(cat "$key")"
} >"$folder/meta-data"
genisoimage -quiet -output "$output" -volid cidata -joliet -rock "$folder/user-data" "$folder/meta-data"
