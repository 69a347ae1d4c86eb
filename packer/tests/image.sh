#!/bin/sh
# Run as root inside the booted image: is it what an operator was promised? Says each check's
# result and goes on; the exit code tells whether all held.
set -eu

failed=0
ok() { echo "ok    $1"; }
bad() {
    echo "FAIL  $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/      /'
    failed=1
}
# empty WHAT TEXT: holds when there is nothing.
empty() { if [ -z "$2" ]; then ok "$1"; else bad "$1" "$2"; fi; }
# is WHAT WANTED FOUND
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "wanted $2, found $3"; fi; }
property() { systemctl show -P "$2" "$1.service"; }
# within SECONDS COMMAND...: true as soon as the command is; false after so many seconds.
within() {
    left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 1
    done
}

# Before a boot is finished nothing has failed yet, and everything would pass.
systemctl is-system-running --wait >/dev/null || true
empty "no unit failed" "$(systemctl list-units --failed --plain --no-legend)"
cat /etc/throughway-image

# What every instance makes for itself.
built=$(stat -c %Y /etc/throughway-image)
for key in /etc/ssh/ssh_host_*_key; do
    if [ -e "$key" ] && [ "$(stat -c %Y "$key")" -gt "$built" ]; then
        ok "$key was made here"
    else
        bad "$key was made here"
    fi
done
is "machine-id has 32 digits" 33 "$(wc -c </etc/machine-id)"
if [ "$(stat -c %Y /etc/machine-id)" -gt "$built" ]; then ok "machine-id was made here"; else bad "machine-id was made here"; fi

# Nothing that lets anybody in, or acts for anybody. The test's own key and licence came by its seed.
empty "no password can be used" "$(awk -F: '$2 !~ /^[!*]/ { print $1 }' /etc/shadow)"
empty "nobody's key but that of the seed's user" \
    "$(find / -xdev -name authorized_keys -size +0 -not -path '/home/admin/*' -not -path '/root/.ssh/*' -print)"
search='-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|aws_secret_access_key *='
empty "no key, credential or token in any file" \
    "$(grep -rIlE --exclude-dir=ssh --exclude-dir=cloud --exclude-dir=doc -e "$search" \
        /boot /etc /home /opt /root /srv /usr /var 2>/dev/null | grep -v '^/etc/throughway/' || true)"

# A local build knows the licence key of tests; nothing that is handed out may.
if [ "${DEV:-no}" = yes ]; then
    echo "note  the binary is a local build: not looked for the tests' licence anchor"
elif grep -q DEV-KEY-DO-NOT-SHIP /usr/bin/throughway; then
    bad "the binary knows no licence key of tests"
else
    ok "the binary knows no licence key of tests"
fi

# Hardening as it is in force, not as it is written.
for setting in net.ipv4.tcp_congestion_control=bbr net.core.somaxconn=65535 kernel.kptr_restrict=2 \
    kernel.dmesg_restrict=1 kernel.unprivileged_bpf_disabled=1 fs.suid_dumpable=0 \
    net.ipv4.conf.all.accept_redirects=0 net.ipv4.tcp_keepalive_time=60; do
    is "$setting" "${setting#*=}" "$(sysctl -n "${setting%%=*}")"
done
empty "connection tracking is not loaded" "$(grep -w ^nf_conntrack /proc/modules || true)"

# The service.
is "throughway runs" active "$(systemctl is-active throughway.service || true)"
is "and is enabled" enabled "$(systemctl is-enabled throughway.service || true)"
if systemd-analyze security --no-pager --threshold=12 throughway.service >/tmp/exposure; then
    ok "$(tail -n 1 /tmp/exposure)"
else
    bad "exposure of at most 1.2" "$(tail -n 1 /tmp/exposure)"
fi
pid=$(property throughway MainPID)
is "1,048,576 files" 1048576 "$(awk '/^Max open files/ { print $4 }' "/proc/$pid/limits")"
is "no capability" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")"

# Connects while it restarts: python asks without pause, so a refusal cannot hide.
port=$(sed -n 's/^GATEWAY_LISTENER_[A-Z]*_PORTS=\([0-9]*\).*/\1/p' /etc/throughway/throughway.env)
cat >/tmp/connects.py <<'PYTHON'
import pathlib, socket, sys, time
done, port = pathlib.Path("/tmp/restarted"), int(sys.argv[1])
asked = refused = 0
while not done.exists() or asked == 0:
    asked += 1
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError as error:
        refused += 1
        print(error, file=sys.stderr)
    time.sleep(0.01)
print(f"{refused} of {asked} connects refused")
sys.exit(1 if refused else 0)
PYTHON
rm -f /tmp/restarted
python3 /tmp/connects.py "$port" >/tmp/connects.log 2>&1 &
asking=$!
systemctl restart throughway.service
touch /tmp/restarted
if wait $asking; then ok "$(tail -n 1 /tmp/connects.log) during a restart"; else bad "connects during a restart" "$(tail -n 3 /tmp/connects.log)"; fi

# A process that hangs is replaced.
pid=$(property throughway MainPID)
kill -STOP "$pid"
another() { [ "$(systemctl is-active throughway.service)" = active ] && [ "$(property throughway MainPID)" != "$pid" ]; }
if within 120 another; then ok "the watchdog replaced a stopped process"; else bad "the watchdog replaced a stopped process"; fi

# What it keeps survives an upgrade.
mark=$(find /var/lib/throughway -type f -exec sha256sum {} + | sort)
if [ -e /var/tmp/throughway.deb ]; then
    dpkg -i /var/tmp/throughway.deb >/dev/null
    now=$(find /var/lib/throughway -type f -exec sha256sum {} + | sort)
    is "an upgrade keeps the state" "$mark" "$now"
fi

# A configuration that cannot be right: 78, told on the console, not tried again.
env=/etc/throughway/throughway.env
cp -p $env /run/throughway.env.good
echo 'KAFKA_SECURITY_PROTOCOL=PLAINTEXT' >>$env
systemctl restart throughway.service 2>/dev/null || true
refused() { [ "$(property throughway ActiveState)" = failed ]; }
if within 30 refused; then ok "a wrong configuration ends it"; else bad "a wrong configuration ends it"; fi
is "with 78" 78 "$(property throughway ExecMainStatus)"
is "and no restart" 0 "$(property throughway NRestarts)"
told() { journalctl -q -o cat -u throughway-refused.service | grep -q 'does not run'; }
if within 30 told; then ok "the console was told"; else bad "the console was told"; fi
cp -p /run/throughway.env.good $env
systemctl reset-failed throughway.service
systemctl start throughway.service
is "and it runs with the right one again" active "$(systemctl is-active throughway.service || true)"

exit $failed
