#!/bin/sh
# Run as root in the booted container: the hardened unit at work.
set -eu

failed=0
ok() { echo "ok    $1"; }
bad() {
    echo "FAIL  $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/      /'
    failed=1
}
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "wanted $2, found $3"; fi; }
property() { systemctl show -P "$1" throughway.service; }
within() {
    left=$1
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.1
    done
}

systemctl start throughway.service || { journalctl -q --no-pager -u throughway.service; exit 1; }
pid=$(property MainPID)
is "started, and said so itself" active "$(systemctl is-active throughway.service || true)"
is "status told" running "$(property StatusText)"
is "its own user" throughway "$(ps -o user= -p "$pid")"
is "no capability" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")"
is "system calls are filtered" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")"
is "no new privileges" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")"
state=$(find /var/lib/throughway -maxdepth 0 -printf '%U:%m')
is "state is its own" "$(id -u throughway):700" "$state"
# Three ports and the Admin API's.
is "the manager keeps its sockets" 4 "$(property NFileDescriptorStore)"

if systemctl reload throughway.service; then ok "reloads"; else bad "reloads"; fi
is "and is the same process" "$pid" "$(property MainPID)"

cat >/tmp/connects.py <<'PYTHON'
import os, socket, sys, time
asked = refused = 0
while not os.path.exists("/tmp/restarted") or asked == 0:
    asked += 1
    try:
        socket.create_connection(("127.0.0.1", 9092), timeout=5).close()
    except OSError as error:
        refused += 1
        print(error, file=sys.stderr)
    time.sleep(0.02)
print(f"{refused} of {asked} connects refused during a restart")
sys.exit(1 if refused else 0)
PYTHON
python3 /tmp/connects.py >/tmp/connects.log 2>&1 &
asking=$!
systemctl restart throughway.service
touch /tmp/restarted
if wait $asking; then ok "$(tail -n 1 /tmp/connects.log)"; else bad "connects during a restart" "$(tail -n 3 /tmp/connects.log)"; fi
if [ "$(property MainPID)" != "$pid" ]; then ok "and it is another process"; else bad "and it is another process"; fi

pid=$(property MainPID)
kill -STOP "$pid"
another() { [ "$(systemctl is-active throughway.service)" = active ] && [ "$(property MainPID)" != "$pid" ]; }
if within 1200 another; then ok "the watchdog replaced a stopped process"; else bad "the watchdog replaced a stopped process"; fi
is "once" 1 "$(property NRestarts)"

echo 'KAFKA_SECURITY_PROTOCOL=PLAINTEXT' >>/etc/throughway/throughway.env
systemctl restart throughway.service 2>/dev/null || true
refused() { [ "$(property ActiveState)" = failed ]; }
if within 300 refused; then ok "a wrong configuration ends it"; else bad "a wrong configuration ends it"; fi
is "with 78" 78 "$(property ExecMainStatus)"
is "and no restart" 0 "$(property NRestarts)"
exit $failed
