#!/bin/sh
# Logs that survive a reboot, and Amazon's SSM agent where a package of it was handed in.
set -eu

install -D -m 0644 "$BUILD/files/journald.conf" /etc/systemd/journald.conf.d/throughway.conf
mkdir -p /var/log/journal

if [ "$WITH_SSM_AGENT" = yes ]; then
    # apt wants the name to end so.
    cp "$BUILD/ssm-agent" "$BUILD/ssm-agent.deb"
    apt-get -q -y --no-install-recommends install "$BUILD/ssm-agent.deb"
    systemctl enable amazon-ssm-agent.service
fi
