#!/bin/sh
# Makes what a local image starts from: Debian 13 with cloud-init and SSH, as base.qcow2 with its
# kernel and initrd.   base.sh FOLDER      Needs root.
# shellcheck disable=SC2016  # hooks expand their own $1
#
# Stands for Debian's own AMI, which cannot be had without an account. Made anew only when this
# recipe changes.
set -eu

folder=$1
recipe=$(sha256sum "$0" | cut -d ' ' -f 1)
if [ "$(cat "$folder/recipe" 2>/dev/null)" = "$recipe" ]; then
    echo "base image: kept, its recipe has not changed"
    exit 0
fi
mkdir -p "$folder"
work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-base.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT

echo "making a Debian 13 from the registry: kernel, systemd, cloud-init, openssh-server, sudo"
mmdebstrap --quiet --variant=minbase \
    --include=systemd,systemd-sysv,systemd-resolved,dbus,udev,linux-image-cloud-amd64,initramfs-tools,cloud-init,openssh-server,sudo,ca-certificates,netplan.io,iproute2,procps \
    --customize-hook='echo throughway >"$1/etc/hostname"; printf "127.0.0.1 localhost\n127.0.1.1 throughway\n" >"$1/etc/hosts"' \
    --customize-hook='printf "datasource_list: [ NoCloud, Ec2, None ]\n" >"$1/etc/cloud/cloud.cfg.d/95-datasource.cfg"' \
    --customize-hook='printf "system_info:\n  default_user:\n    name: admin\n" >"$1/etc/cloud/cloud.cfg.d/94-user.cfg"' \
    --customize-hook='printf "locale: C.UTF-8\n" >"$1/etc/cloud/cloud.cfg.d/90-locale.cfg"' \
    --customize-hook='printf "/dev/vda / ext4 errors=remount-ro,discard 0 1\n" >"$1/etc/fstab"' \
    --customize-hook='rm -f "$1"/etc/ssh/ssh_host_*' \
    trixie "$work/root.tar"
mkdir "$work/root"
tar -C "$work/root" -xf "$work/root.tar"
cp "$work/root"/boot/vmlinuz-* "$folder/vmlinuz"
cp "$work/root"/boot/initrd.img-* "$folder/initrd.img"
# A file system from a folder: no loop device is needed.
truncate -s 3G "$work/disk"
mkfs.ext4 -q -d "$work/root" "$work/disk"
qemu-img convert -f raw -O qcow2 "$work/disk" "$folder/base.qcow2"
echo "$recipe" >"$folder/recipe"
