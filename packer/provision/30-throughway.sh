#!/bin/sh
# The package, and what only an image sets: both services on, and the order of a first boot.
set -eu

# With a path apt takes the file and gets what it depends on.
apt-get -q -y --no-install-recommends install "$BUILD/throughway.deb"

install -D -m 0644 "$BUILD/files/throughway-image.conf" /etc/systemd/system/throughway.service.d/10-image.conf
install -D -m 0644 "$BUILD/files/throughway-aws-image.conf" /etc/systemd/system/throughway-aws.service.d/10-image.conf
install -D -m 0644 "$BUILD/files/throughway-refused.service" /etc/systemd/system/throughway-refused.service
systemctl enable throughway.service throughway-aws.service

# The package starts nothing that is not configured; nothing of a run may be in an image.
systemctl stop throughway.service throughway-aws.service 2>/dev/null || true
rm -rf /var/lib/throughway/*
printf 'VERSION=%s\nCOMMIT=%s\n' "$VERSION" "$COMMIT" >/etc/throughway-image
