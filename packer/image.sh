#!/bin/bash
# Builds the image as a local virtual machine, by the same steps as the AMI.   image.sh BINARY OUTPUT-FOLDER
#
# Debian's Packer and software emulation, or ACCELERATOR=kvm: minutes, on any machine. An image for others
# needs a release binary; IMAGE_DEV=1 lets a local build in, to try the steps.
set -euo pipefail

binary=$(realpath -m "$1")
mkdir -p "$2"
output=$(realpath "$2")
cd "$(dirname "$0")/.."
# shellcheck source=packer/steps.sh
. packer/steps.sh

if [ ! -x "$binary" ]; then
    echo "image: there is no $binary: make release makes it, tests/setup/throwaway.sh with keys made here; IMAGE_DEV=1 takes the local build to try the steps" >&2
    exit 1
fi
if [ -z "${IMAGE_DEV:-}" ] && ! packer/release-gate.sh "$binary"; then
    echo "image: an image is made of a release build (make release, or tests/setup/throwaway.sh with keys made here), or with IMAGE_DEV=1 to try the steps" >&2
    exit 1
fi
version=$("$binary" version | sed -n 's/^throughway //p')
commit=$("$binary" version | sed -n 's/^commit //p')

packer/base.sh "$output/base"
step "base image"
packer/deb/build.sh "$binary" "$output/deb" >/dev/null
step "package"

# A key for this build alone. Newer OpenSSH takes no RSA from a Packer that old.
rm -rf "$output/key" "$output/key.pub" "$output/qemu"
ssh-keygen -q -t ed25519 -N '' -C image -f "$output/key"
printf '#cloud-config\nruncmd:\n  - systemctl enable --now ssh\n' >"$output/build-user-data"
packer/cloud-init/seed.sh "$output/seed.iso" "$output/build-user-data" "$output/key.pub"

variables=(
    -var "version=$version" -var "commit=$commit" -var "output=$output" -var "base=$output/base"
    -var "package=$(realpath "$output/deb/throughway.deb")" -var "sbom=$output/deb/throughway.cdx.json"
    -var "sbom_digest=$(sha256sum "$output/deb/throughway.cdx.json" | cut -d ' ' -f 1)"
    -var "seed=$output/seed.iso" -var "local_key_file=$output/key" -var "accelerator=$accelerator")
PACKER_CACHE_DIR=$output/cache packer/legacy.sh build -color=false -only=qemu.throughway "${variables[@]}"
total "made $output/qemu/throughway.qcow2, $(du -m "$output/qemu/throughway.qcow2" | cut -f 1) MB, of throughway $version ($commit)"
