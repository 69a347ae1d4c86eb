#!/usr/bin/env bash
# `make run`: the demo, or throughway alone in front of the cluster the environment names.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${THROUGHWAY_BIN:?the binary to run}"

if [ -n "${KAFKA_BOOTSTRAP_SERVERS:-}" ]; then
    # Everything else of GATEWAY_* and KAFKA_* is the caller's; only the state needs a place that a
    # user without rights may write to.
    export GATEWAY_STATE_DIRECTORY=${GATEWAY_STATE_DIRECTORY:-$root/target/state}
    mkdir -p "$GATEWAY_STATE_DIRECTORY"
    exec "$THROUGHWAY_BIN" serve
fi

"$root/tests/kafka/fetch.sh" 4.4.0 >/dev/null
"$root/tests/setup/rust.sh" cargo build --locked --profile local -p throughway-tests --bins
exec "$root/target/local/throughway-demo"
