# shellcheck shell=sh
# What the checks inside a booted system share: each says its result and goes on; finish tells whether all held.

failed=0
ok() { echo "ok    $1"; }
bad() {
    echo "FAIL  $1"
    [ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/      /'
    failed=1
}
finish() { exit "$failed"; }
# holds WHAT COMMAND...
holds() {
    what=$1
    shift
    if "$@"; then ok "$what"; else bad "$what"; fi
}
# is WHAT WANTED FOUND
is() { if [ "$2" = "$3" ]; then ok "$1"; else bad "$1" "wanted $2, found $3"; fi; }
# empty WHAT TEXT: holds when there is nothing.
empty() { if [ -z "$2" ]; then ok "$1"; else bad "$1" "$2"; fi; }
# within SECONDS COMMAND...: true as soon as the command is; false after so many seconds.
within() {
    left=$(($1 * 10))
    shift
    until "$@"; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || return 1
        sleep 0.1
    done
}

unit=throughway.service
property() { systemctl show -P "$1" "$unit"; }
in_state() { [ "$(property ActiveState)" = "$1" ]; }
another_runs() { in_state active && [ "$(property MainPID)" != "$pid" ]; }

# restart_under_connects FOLDER PORT: FOLDER holds connects.py, which asks without pause, so that a refusal cannot hide.
restart_under_connects() {
    rm -f /run/restarted
    python3 "$1/connects.py" "$2" /run/restarted >/run/connects.log 2>&1 &
    asking=$!
    pid=$(property MainPID)
    systemctl restart "$unit"
    touch /run/restarted
    if wait $asking; then
        ok "$(tail -n 1 /run/connects.log) during a restart"
    else
        bad "connects during a restart" "$(tail -n 3 /run/connects.log)"
    fi
    holds "and it is another process" another_runs
}

# stopped_is_replaced SECONDS
stopped_is_replaced() {
    pid=$(property MainPID)
    kill -STOP "$pid"
    holds "the watchdog replaced a stopped process" within "$1" another_runs
}

# wrong_configuration_ends_it: leaves the good one behind, and the service ended.
wrong_configuration_ends_it() {
    env=/etc/throughway/throughway.env
    cp -p $env /run/throughway.env.good
    echo 'KAFKA_SECURITY_PROTOCOL=PLAINTEXT' >>$env
    systemctl restart "$unit" 2>/dev/null || true
    holds "a wrong configuration ends it" within 60 in_state failed
    is "with 78" 78 "$(property ExecMainStatus)"
    is "and no restart" 0 "$(property NRestarts)"
    cp -p /run/throughway.env.good $env
}
