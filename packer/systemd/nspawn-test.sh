#!/bin/bash
# Boots systemd in a container, installs the package there and looks how the hardened unit fares.
#   nspawn-test.sh BINARY
#
# Seconds once the root is made, which is kept in tests/.cache. Skips itself, and says so, where
# systemd-nspawn cannot boot.
set -euo pipefail

binary=$(realpath "$1")
cd "$(dirname "$0")/../.."
export DEB_COMPRESSION="-Zgzip -z1"
skip() {
    echo "SKIPPED  the hardened unit under systemd: $*"
    exit 0
}
[ "$(id -u)" -eq 0 ] || skip "needs root"
tests/setup/packages.sh package || skip "what it needs cannot be installed here"

work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-nspawn.XXXXXX")
trap 'rm -rf --one-file-system "$work"' EXIT
made=$(packer/root.sh bookworm) || skip "no Debian root can be made here"
root=$work/root
mkdir "$root"
tar -C "$root" --exclude './dev/*' -xf "$made"

nspawn() { systemd-nspawn --quiet --register=no --keep-unit --private-network -D "$root" "$@" </dev/null; }
nspawn --pipe true >"$work/log" 2>&1 || skip "systemd-nspawn does not run here: $(tail -n 1 "$work/log")"

packer/deb/build.sh "$binary" "$work/deb" >/dev/null
cp -L "$work/deb/throughway.deb" "$root/root/throughway.deb"
nspawn --pipe dpkg -i /root/throughway.deb >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
license=$("$binary" license issue --key tests/keys/dev-license.pem --issuer development --customer development --env dev --days 1)
cat >"$root/etc/throughway/throughway.env" <<ENV
KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9
KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT
GATEWAY_LISTENER_CLIENTS_SECURITY_PROTOCOL=SASL_PLAINTEXT
GATEWAY_LISTENER_CLIENTS_ROUTING=port
GATEWAY_LISTENER_CLIENTS_PORTS=9092-9094
GATEWAY_LISTENER_CLIENTS_ADVERTISED_HOST=127.0.0.1
GATEWAY_ADDRESS_MAP=/etc/throughway/map.wasm
GATEWAY_LICENSE_KEY=$license
ENV
install -m 0644 tests/guests/shift-by-100.wasm "$root/etc/throughway/map.wasm"
# Shorter than in earnest, so that a hang shows in seconds. A root of its own has its own cgroup
# version, where limits by address may do nothing: the image's test looks at those.
mkdir -p "$root/etc/systemd/system/throughway.service.d"
printf '[Service]\nWatchdogSec=%s\n' "${WATCHDOG:-4s}" >"$root/etc/systemd/system/throughway.service.d/test.conf"
install -D -t "$root/root/inside" packer/systemd/nspawn-inside.sh packer/tests/checks.sh packer/tests/connects.py
cat >"$root/etc/systemd/system/inside.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/sh -c '/root/inside/nspawn-inside.sh >/root/result 2>&1; echo $? >/root/code'
TimeoutStartSec=300
[Install]
WantedBy=default.target
UNIT
nspawn --pipe systemctl enable inside.service >/dev/null 2>&1

began=$SECONDS
timeout 400 systemd-nspawn --quiet --register=no --keep-unit --private-network -D "$root" -b >"$work/console" 2>&1 </dev/null || true
if ! [ -s "$root/root/code" ]; then
    tail -n 20 "$work/console"
    # Booting asks for more than running a command: cgroups that can be written.
    grep -qE 'Failed to (mount|create|allocate).*cgroup|Permission denied' "$work/console" && skip "systemd does not boot in a container here"
    echo "the container ended without a result" >&2
    exit 1
fi
cat "$root/root/result"
echo "the unit under systemd: $((SECONDS - began)) s"
exit "$(cat "$root/root/code")"
