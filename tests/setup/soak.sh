#!/usr/bin/env bash
# All tests with larger numbers (THROUGHWAY_SOAK=1), then the fuzz targets, and what was run with what
# result into docs/soak.md, where lines about what was not run this time stay as they are.
#
# CARGO_TEST_FLAGS narrows the tests as it does for `make test`; FUZZ_SECONDS=0 leaves fuzzing out;
# SOAK_PROFILE=release runs them against the binary as it ships, but for the licences it believes.
set -uo pipefail
cd "$(dirname "$0")/../.."

profile=${SOAK_PROFILE:-local}
out=$PWD/target/soak
mkdir -p "$out"
rm -f "$out/notes.tsv"
export THROUGHWAY_SOAK=1 THROUGHWAY_SOAK_NOTES=$out/notes.tsv
export THROUGHWAY_BIN=$PWD/target/$profile/throughway

if [ "$profile" = release ]; then
    # Tests sign with the keys that this build believes.
    tests/setup/throwaway.sh || exit 1
    export THROUGHWAY_KEYS=$PWD/target/throwaway/keys
else
    cargo build --locked --profile "$profile" -p throughway || exit 1
fi

# 5,000 connections are 10,000 open files of throughway and as many of the test.
ulimit -n "$(ulimit -Hn)"
failed=0
# One after the other where several would take each other's cores.
# shellcheck disable=SC2086 # several flags
cargo test --locked --profile local ${CARGO_TEST_FLAGS:-} 2>&1 | tee "$out/tests.log" || failed=1
# What `make test` leaves out because a busy machine spoils it, or as it needs more installed.
if [ -z "${CARGO_TEST_FLAGS:-}" ]; then
    cargo test --locked --profile local -p throughway --lib -- --ignored it_takes_as_ || failed=1
    cargo test --locked --profile local -p throughway-tests --test e2e -- --ignored 2>&1 |
        tee -a "$out/tests.log" || failed=1
fi
if [ "${FUZZ_SECONDS:-600}" != 0 ]; then
    FUZZ_SECONDS=${FUZZ_SECONDS:-600} tests/setup/fuzz.sh || failed=1
fi
python3 tests/setup/soak.py docs/soak.md "$out/notes.tsv" "$out/tests.log" "$profile" || failed=1
exit $failed
