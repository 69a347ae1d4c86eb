#!/bin/bash
# The AMI's build against an EC2 emulator on this machine: Packer really looks up an image, launches,
# connects, provisions, copies with encryption, tags and cleans up; a local virtual machine stands for
# the instance.   aws.sh BINARY OUTPUT-FOLDER      After image.sh, with the same folder.
#
# Nothing here can reach a real account: endpoint and credentials are the emulator's.
set -euo pipefail

binary=$(realpath "$1")
output=$(realpath "$2")
cd "$(dirname "$0")/../.."
# shellcheck source=packer/tests/ground.sh
. packer/tests/ground.sh

endpoint=http://127.0.0.1:$(free_port)
ssh=$(free_port)
export AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator AWS_EC2_METADATA_DISABLED=true
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_REGION=eu-central-1
unset AWS_PROFILE AWS_SESSION_TOKEN

cat >"$work/amis.json" <<'AMIS'
[{"ami_id": "ami-0debian13", "name": "debian-13-amd64-20260901-1", "owner_id": "136693071363", "public": true,
  "architecture": "x86_64", "image_location": "amazon/debian-13", "image_type": "machine", "state": "available",
  "platform": "Linux/UNIX", "virtualization_type": "hvm", "hypervisor": "xen", "root_device_type": "ebs",
  "root_device_name": "/dev/xvda", "sriov": "simple", "description": "Debian 13", "creation_date": "2026-09-01T00:00:00.000Z"}]
AMIS
MOTO_AMIS_PATH=$work/amis.json MOTO_ENABLE_RECORDING=1 MOTO_RECORDER_FILEPATH=$work/recording packer/python.sh emulator moto_server -H 127.0.0.1 -p "${endpoint##*:}" >"$work/moto.log" 2>&1 &
started+=($!)

# The machine that stands for the instance, on a copy of the base image.
qemu-img create -q -f qcow2 -b "$output/base/base.qcow2" -F qcow2 "$work/instance.qcow2"
qemu-system-x86_64 -accel "$accelerator" -cpu max -m 1024 -smp 2 -display none \
    -kernel "$output/base/vmlinuz" -initrd "$output/base/initrd.img" -append "root=/dev/vda rw console=ttyS0 net.ifnames=0" \
    -device virtio-rng-pci -netdev "user,id=n,hostfwd=tcp:127.0.0.1:$ssh-:22" -device virtio-net,netdev=n \
    -drive "file=$work/instance.qcow2,if=virtio,cache=unsafe" -drive "file=$output/seed.iso,if=virtio,format=raw,readonly=on" \
    -serial "file:$output/aws-console.log" &
started+=($!)

packer/python.sh emulator python3 packer/tests/aws.py prepare "$endpoint" "$output/key.pub"
step "emulator and machine started"
version=$("$binary" version | sed -n 's/^throughway //p')
digest=$(sha256sum "$output/deb/throughway.cdx.json" | cut -d ' ' -f 1)
mkdir -p "$work/output"
PACKER_CACHE_DIR=$output/cache packer/legacy.sh build -color=false -only=amazon-ebs.throughway \
    -var "version=$version" -var commit=emulated -var "output=$work/output" -var "sbom_digest=$digest" \
    -var "package=$(realpath "$output/deb/throughway.deb")" -var "sbom=$output/deb/throughway.cdx.json" \
    -var region=eu-central-1 -var "ec2_endpoint=$endpoint" -var ssh_host=127.0.0.1 -var "ssh_port=$ssh" \
    -var ssh_keypair_name=image -var "ssh_private_key_file=$output/key" -var 'builder_cidrs=["10.20.0.0/16"]' \
    -var "local_key_file=$output/key"
step "built"
packer/python.sh emulator python3 packer/tests/aws.py check "$endpoint" "$version" "$digest" "$work/output/manifest.json" "$work/recording"
total "the AMI of throughway $version was made and checked"
