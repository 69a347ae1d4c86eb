#!/bin/sh
# Run as root inside the booted image: is it what an operator was promised?   image.sh FOLDER
#
# FOLDER holds the other files of this test, and the package to upgrade to.
set -eu

folder=$1
# shellcheck source=packer/tests/checks.sh
. "$folder/checks.sh"

# Before a boot is finished nothing has failed yet, and everything would pass.
systemctl is-system-running --wait >/dev/null || true
empty "no unit failed" "$(systemctl list-units --failed --plain --no-legend)"
cat /etc/throughway-image

# What every instance makes for itself.
built=$(stat -c %Y /etc/throughway-image)
since_built() { [ -e "$1" ] && [ "$(stat -c %Y "$1")" -gt "$built" ]; }
for key in /etc/ssh/ssh_host_*_key; do holds "$key was made here" since_built "$key"; done
holds "machine-id was made here" since_built /etc/machine-id
is "machine-id has 32 digits" 33 "$(wc -c </etc/machine-id)"
is "the journal is this machine's alone" "$(cat /etc/machine-id)" "$(ls /var/log/journal)"

# Nothing that lets anybody in. The test's own key came by its seed; the image's blocks were searched before.
empty "no password can be used" "$(awk -F: '$2 !~ /^[!*]/ { print $1 }' /etc/shadow)"
empty "nobody's key but that of the seed's user" \
    "$(find / -xdev -name authorized_keys -size +0 -not -path '/home/admin/*' -not -path '/root/.ssh/*' -print)"

# Hardening as it is in force, not as it is written.
for setting in net.ipv4.tcp_congestion_control=bbr net.core.somaxconn=65535 kernel.kptr_restrict=2 \
    kernel.dmesg_restrict=1 kernel.unprivileged_bpf_disabled=1 fs.suid_dumpable=0 \
    net.ipv4.conf.all.accept_redirects=0 net.ipv4.tcp_keepalive_time=60; do
    is "$setting" "${setting#*=}" "$(sysctl -n "${setting%%=*}")"
done
empty "connection tracking is not loaded" "$(grep -w ^nf_conntrack /proc/modules || true)"

# Both services.
for service in throughway throughway-aws; do
    is "$service runs" active "$(systemctl is-active $service.service || true)"
    is "and is enabled" enabled "$(systemctl is-enabled $service.service || true)"
done
exposure() { systemd-analyze security --no-pager --threshold="$2" "$1.service" >/run/exposure; }
for limit in throughway=11 throughway-aws=12; do
    holds "$limit tenths of exposure at most" exposure "${limit%=*}" "${limit#*=}"
    tail -n 1 /run/exposure
done
pid=$(property MainPID)
is "1,048,576 files" 1048576 "$(awk '/^Max open files/ { print $4 }' "/proc/$pid/limits")"
is "no capability" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")"

# The instance's credentials are the agent's: a process with the proxy's address rules cannot ask, any other can.
ask='import socket; socket.create_connection(("169.254.169.254", 80), timeout=10)'
asks() { python3 -c "$ask" 2>/dev/null; }
asks_as_the_proxy() { sh -c "echo \$\$ >/sys/fs/cgroup/system.slice/$unit/cgroup.procs && exec python3 -c '$ask'" 2>/dev/null; }
refused_to_the_proxy() { ! asks_as_the_proxy; }
holds "the metadata service answers" asks
holds "and not to the proxy" refused_to_the_proxy

restart_under_connects "$folder" 9093
stopped_is_replaced 120

# Who it is and what it has learned survives an upgrade.
kept() { (cd /var/lib/throughway && sha256sum topology.json usage/identity.json); }
before=$(kept)
pid=$(property MainPID)
dpkg -i "$folder/throughway.deb" >/dev/null
holds "an upgrade restarts it" within 120 another_runs
installed=$(dpkg-query -W -f '${Version}' throughway)
is "it is the newer package" "$(dpkg-deb -f "$folder/throughway.deb" Version)" "$installed"
is "and keeps the state" "$before" "$(kept)"

# A configuration that cannot be right: told on the console as well.
wrong_configuration_ends_it
told() { journalctl -q -o cat -u throughway-refused.service | grep -q 'does not run'; }
holds "the console was told" within 30 told
systemctl reset-failed "$unit"
systemctl start "$unit"
is "and it runs with the right one again" active "$(systemctl is-active "$unit" || true)"
finish
