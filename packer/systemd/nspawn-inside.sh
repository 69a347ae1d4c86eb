#!/bin/sh
# Run as root in the booted container: the hardened unit at work.
set -eu

here=$(dirname "$0")
# shellcheck source=packer/tests/checks.sh
. "$here/checks.sh"

systemctl start "$unit" || { journalctl -q --no-pager -u "$unit"; exit 1; }
pid=$(property MainPID)
is "started, and said so itself" active "$(systemctl is-active "$unit" || true)"
is "status told" running "$(property StatusText)"
is "its own user" throughway "$(ps -o user= -p "$pid")"
is "no capability" 0000000000000000 "$(awk '/^CapBnd/ { print $2 }' "/proc/$pid/status")"
is "system calls are filtered" 2 "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")"
is "its memory is root's alone to look at" root "$(stat -c %U "/proc/$pid/mem")"
is "no new privileges" 1 "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")"
state=$(find /var/lib/throughway -maxdepth 0 -printf '%U:%m')
is "state is its own" "$(id -u throughway):700" "$state"
# Three ports of the configuration, the three that the map makes of them, and the Admin API's.
is "the manager keeps its sockets" 7 "$(property NFileDescriptorStore)"
# A map of one's own is compiled in a child, which lowers its own limits; without the child it is refused.
loaded() { journalctl -q -o cat -u "$unit" | grep -q 'address map loaded.*shift-by-100'; }
holds "an address map of one's own was compiled under the sandbox" within 10 loaded

holds "reloads" systemctl reload "$unit"
is "and is the same process" "$pid" "$(property MainPID)"

# That map moves all ports by 100.
restart_under_connects "$here" 9192
stopped_is_replaced 120
is "once" 1 "$(property NRestarts)"
wrong_configuration_ends_it
finish
