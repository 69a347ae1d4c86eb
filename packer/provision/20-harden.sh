#!/bin/sh
# Kernel settings, SSH closed unless asked for, no accounts with passwords.
set -eu

install -D -m 0644 "$BUILD/files/sysctl.conf" /etc/sysctl.d/60-throughway.conf
install -D -m 0644 "$BUILD/files/modules-load.conf" /etc/modules-load.d/throughway.conf
install -D -m 0644 "$BUILD/files/modprobe.conf" /etc/modprobe.d/throughway.conf
install -D -m 0600 "$BUILD/files/sshd.conf" /etc/ssh/sshd_config.d/10-throughway.conf
install -D -m 0644 "$BUILD/files/coredump.conf" /etc/systemd/coredump.conf.d/throughway.conf

# SSH is there for emergencies and asks to be enabled by user data; sessions go by the SSM agent.
systemctl disable ssh.service ssh.socket 2>/dev/null || systemctl disable ssh.service

passwd -l root >/dev/null
# World-writable files outside the sticky folders would let one service plant for another.
strays=$(find / -xdev -type f -perm -0002 -not -path '/var/tmp/*' -not -path '/tmp/*' -print)
if [ -n "$strays" ]; then
    printf '20-harden: world-writable files:\n%s\n' "$strays" >&2
    exit 1
fi
