#!/bin/bash
# Boots the built image as an operator would and checks it from inside and outside.   verify.sh BINARY OUTPUT-FOLDER OUTSIDE
#
# After image.sh, with the same folder. OUTSIDE (tests/src/bin/outside) is all that is around the machine, on this one's
# loopback: AWS, the metadata service, brokers, a Kafka client, a load balancer's health checks.
set -euo pipefail

binary=$(realpath "$1")
output=$(realpath "$2")
outside=$(realpath "$3")
cd "$(dirname "$0")/../.."
# shellcheck source=packer/tests/ground.sh
. packer/tests/ground.sh

version=$("$binary" version | sed -n 's/^throughway //p')
# Licences are issued with the key that this binary believes.
marks=(DEV-KEY-DO-NOT-SHIP)
export THROUGHWAY_BIN=$binary THROUGHWAY_KEYS=$PWD/target/throwaway/keys
if "$binary" version --json | grep -q '"licence_anchors":"dev"'; then
    echo "note  a local build: not looked for the tests' licence anchor"
    marks=()
    unset THROUGHWAY_KEYS
fi
if [ ${#marks[@]} -gt 0 ] && ! grep -q '"throughway:listed-by","value":"the binary"' "$output/deb/throughway.cdx.json"; then
    echo "FAIL  the packaged binary does not list its parts" >&2
    exit 1
fi

# Nothing secret is in the image, not even in what was deleted, and nothing that instances must not share.
qemu-img convert -f qcow2 -O raw "$output/qemu/throughway.qcow2" "$work/image.raw"
python3 packer/tests/search.py "$work/image.raw" "$output/key.pub" "${marks[@]}"
for path in /etc/ssh/ssh_host_ed25519_key /etc/ssh/ssh_host_rsa_key /home/admin/.ssh/authorized_keys \
    /etc/sudoers.d/90-cloud-init-users /var/lib/systemd/random-seed /var/lib/throughway/usage; do
    if ! debugfs -R "stat $path" "$work/image.raw" 2>&1 | grep -q 'File not found'; then
        echo "FAIL  $path is in the image" >&2
        exit 1
    fi
done
if ! debugfs -R "stat /etc/machine-id" "$work/image.raw" 2>/dev/null | grep -q 'Size: 0$'; then
    echo "FAIL  the image has a machine-id" >&2
    exit 1
fi
if debugfs -R "ls -p /var/log/journal" "$work/image.raw" 2>/dev/null | grep -q '/[0-9a-f]\{32\}/'; then
    echo "FAIL  the image has a journal" >&2
    exit 1
fi
echo "ok    no host key, no machine-id, no authorised key, no seed, no journal, no state is in the image"
rm "$work/image.raw"
step "searched"

# All that is outside.
clients=$(free_port)
admin=$(free_port)
"$outside" stage "$work" "$clients" "$admin" >"$work/said" 2>"$work/complained" &
stage=$!
started+=("$stage")
until grep -q ready "$work/said"; do
    kill -0 "$stage" 2>/dev/null || { cat "$work/complained" >&2; exit 1; }
    sleep 0.2
done
aws=$(cat "$work/aws-port")
files=$(free_port)
python3 -m http.server -b 127.0.0.1 -d "$work/guest" "$files" >/dev/null 2>&1 &
started+=($!)
# What the machine is upgraded to: the same but for its version.
DEB_COMPRESSION="-Zgzip -z1" packer/deb/build.sh "$binary" "$work/newer" "$version+newer" >/dev/null
step "brokers and AWS are there"

# What an operator hands over. Certificates come by a command, as CloudFormation's CertificateCommand; the test adds an
# address beside the metadata service, and where the rest of AWS is.
cat >"$output/verify-user-data" <<SEED
#cloud-config
bootcmd:
  - |
    ip address add 169.254.169.20/24 dev eth1
    ip link set eth1 up
    mkdir -p /etc/systemd/system/throughway-aws.service.d
    printf '[Service]\nEnvironment=AWS_ENDPOINT_URL=http://10.0.2.2:$aws\n' >/etc/systemd/system/throughway-aws.service.d/test.conf
    systemctl daemon-reload
    cd /etc/throughway/tls
    umask 027
    for file in tls.crt tls.key brokers.crt; do
        python3 -c 'import sys, urllib.request as u; u.urlretrieve(*sys.argv[1:])' http://10.0.2.2:$files/\$file \$file
        chgrp throughway \$file
    done
write_files:
  - path: /etc/throughway/throughway.env
    owner: root:throughway
    permissions: "0640"
    content: |
$(sed 's/^/      /' "$work/throughway.env")
runcmd:
  - systemctl enable --now ssh
SEED
rm -rf "$output/verify"
packer/cloud-init/seed.sh "$output/verify-seed.iso" "$output/verify-user-data" "$output/key.pub"

PACKER_CACHE_DIR=$output/cache packer/legacy.sh build -color=false -only=verify.qemu.verify \
    -var "output=$output" -var "base=$output/base" -var "verify_seed=$output/verify-seed.iso" \
    -var "local_key_file=$output/key" -var "package=$(realpath "$work/newer/throughway.deb")" -var "accelerator=$accelerator" \
    -var "clients_port=$clients" -var "admin_port=$admin" -var "metadata=$outside pipe $aws" -var "outside=$outside ask $work"
if ! grep -q 'throughway does not run: exit-code 78' "$output/verify-console.log"; then
    echo "FAIL  the console shows the wrong configuration" >&2
    exit 1
fi
echo "ok    the console shows the wrong configuration"
total "the image of throughway $version was booted and all held"
