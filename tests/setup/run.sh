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
    if [ -z "${GATEWAY_LICENSE_KEY:-}${GATEWAY_LICENSE_FILE:-}${GATEWAY_LICENSE_SECRET_ID:-}" ]; then
        echo "run: no licence is set; this run gets one for local builds, valid for 60 days" >&2
        GATEWAY_LICENSE_KEY=$("$THROUGHWAY_BIN" license issue --key "$root/tests/keys/dev-license.pem" \
            --issuer development --customer development --env dev --days 60)
        export GATEWAY_LICENSE_KEY
    fi
    exec "$THROUGHWAY_BIN" serve
fi

"$root/tests/kafka/fetch.sh" 4.4.0 >/dev/null
"$root/tests/setup/rust.sh" cargo build --locked --profile local -p throughway-tests --bins
exec "$root/target/local/throughway-demo"
