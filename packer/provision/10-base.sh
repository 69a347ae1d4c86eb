#!/bin/sh
# The base system: security updates now and later, the time, the locale cloud-init asks for.
set -eu

# The first boot's own jobs hold apt's lock and change the machine under us.
if command -v cloud-init >/dev/null; then
    cloud-init status --wait >/dev/null || true
fi

apt-get update -q
apt-get -q -y -o Dpkg::Options::=--force-confold full-upgrade
# The last two are how cloud-init grows the root file system into its disk.
apt-get -q -y --no-install-recommends install \
    ca-certificates cloud-init openssh-server sudo systemd-timesyncd unattended-upgrades \
    cloud-guest-utils e2fsprogs

# A minimal Debian has no other locale, and cloud-init would fail for want of en_US.
install -D -m 0644 "$BUILD/files/90-locale.cfg" /etc/cloud/cloud.cfg.d/90-locale.cfg
# The clock of the host, by the link-local address, before Debian's pool.
install -D -m 0644 "$BUILD/files/timesyncd.conf" /etc/systemd/timesyncd.conf.d/throughway.conf
install -D -m 0644 "$BUILD/files/apt-unattended" /etc/apt/apt.conf.d/52throughway-unattended
systemctl enable systemd-timesyncd unattended-upgrades
