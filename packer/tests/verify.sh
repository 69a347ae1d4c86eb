#!/bin/bash
# Boots the built image as an operator would and checks it from inside.   verify.sh BINARY OUTPUT-FOLDER
#
# After image.sh, with the same folder.
set -euo pipefail

binary=$(realpath "$1")
output=$(realpath "$2")
cd "$(dirname "$0")/../.."
began=$SECONDS

# What an operator would hand over, but for the licence: it is the test's own, in a file.
license=$("$binary" license issue --key tests/keys/dev-license.pem --issuer development --customer development --env dev --days 2)
cat >"$output/verify-user-data" <<SEED
#cloud-config
write_files:
  - path: /etc/throughway/throughway.env
    owner: root:throughway
    permissions: "0640"
    content: |
      KAFKA_BOOTSTRAP_SERVERS=10.0.2.2:9
      KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT
      GATEWAY_LISTENER_CLIENTS_SECURITY_PROTOCOL=SASL_PLAINTEXT
      GATEWAY_LISTENER_CLIENTS_ROUTING=port
      GATEWAY_LISTENER_CLIENTS_PORTS=9092-9094
      GATEWAY_LISTENER_CLIENTS_ADVERTISED_HOST=127.0.0.1
      GATEWAY_LICENSE_FILE=/etc/throughway/license.jwt
      GATEWAY_SHUTDOWN_READINESS_DELAY_MS=500
  - path: /etc/throughway/license.jwt
    owner: root:throughway
    permissions: "0640"
    content: $license
runcmd:
  - systemctl enable --now ssh
SEED
rm -rf "$output/verify"
packer/cloud-init/seed.sh "$output/verify-seed.iso" "$output/verify-user-data" "$output/key.pub"

dev=no
if "$binary" version --json | grep -q '"licence_anchors":"dev"'; then dev=yes; fi
PACKER_CACHE_DIR=$output/cache packer/legacy.sh build -color=false -only=verify.qemu.verify \
    -var "output=$output" -var "base=$output/base" -var "verify_seed=$output/verify-seed.iso" \
    -var "local_key_file=$output/key" -var "package=$(realpath "$output/deb/throughway.deb")" -var "dev=$dev"
echo "image-test: $((SECONDS - began)) s"
if ! grep -q 'throughway does not run: exit-code 78' "$output/verify-console.log"; then
    echo "image-test: the console was not told of the wrong configuration" >&2
    exit 1
fi
echo "ok    the console shows the wrong configuration"
