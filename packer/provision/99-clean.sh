#!/bin/sh
# Takes out whatever is this machine's own, so that every instance makes its own.
set -eu

rm -rf /var/tmp/throughway-build
apt-get -q clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log /var/log/alternatives.log

# Keys: the host's own, and whoever was let in to build. Overwritten first: not every disk can trim.
find /etc/ssh -name 'ssh_host_*_key' -exec shred -zu {} +
rm -f /etc/ssh/ssh_host_*
find /root /home -name authorized_keys -exec shred -zu {} +
rm -rf /root/.ssh /root/.cache /root/.bash_history /home/*/.bash_history /home/*/.cache
if command -v cloud-init >/dev/null; then
    cloud-init clean --logs --seed
fi
# Users that cloud-init made for the build come back with the first boot.
if id admin >/dev/null 2>&1; then
    passwd -l admin >/dev/null
fi

# What these would write at the machine's end would be in the image.
journalctl --relinquish-var
systemctl stop systemd-random-seed.service
# An empty machine-id is filled at boot; a missing one would be taken for a first boot by systemd,
# which then presets units anew.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -rf /var/lib/throughway/* /var/lib/dhcp/* /run/throughway /run/throughway-aws
rm -rf /var/log/journal/* /var/log/*.log /var/log/unattended-upgrades/* /var/log/wtmp /var/log/btmp /var/log/lastlog
find /var/tmp /tmp -mindepth 1 -not -path '/tmp/systemd-*' -not -name 'script_*' -delete 2>/dev/null || true
# Last of all, when the machine stops: whoever stops it needs sudo. What was deleted is overwritten as well: a disk
# that can trim does so in pieces larger than a file, and others not at all. What was freed is free once it is synced;
# what ext4 keeps from files for itself, until the next boot, is free as well then.
echo 0 | tee /sys/fs/ext4/*/reserved_clusters >/dev/null
last='rm -f /etc/sudoers.d/90-cloud-init-users; sync; dd if=/dev/zero of=/zeroes bs=1M 2>/dev/null; sync'
last="$last; rm -f /zeroes; sync; fstrim / || true"
systemd-run --quiet --property=RemainAfterExit=yes --property=TimeoutStopSec=600 \
    --property=ExecStop="/bin/sh -c '$last'" true
sync
