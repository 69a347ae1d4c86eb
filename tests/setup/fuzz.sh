#!/usr/bin/env bash
# Searches each fuzz target for inputs that break it, so many seconds each, from the corpus in
# tests/fuzz/corpus. What it finds stays in target/fuzz; with --keep, what is new goes to the corpus.
#
# libFuzzer needs instrumented code, which rustc makes on stable, too: our own crates get it by a
# wrapper, so that all others are those of the other builds.
set -euo pipefail
cd "$(dirname "$0")/../.."

# As a wrapper: fuzz.sh RUSTC ARGUMENTS...
if [ "${1:-}" != "" ] && [ -n "${FUZZ_WRAPS:-}" ]; then
    compiler=$1
    shift
    case " $* " in
    *" --crate-name build_script_build "*) exec "$compiler" "$@" ;;
    esac
    exec "$compiler" "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
        -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares
fi

seconds=${FUZZ_SECONDS:-60}
profile=${FUZZ_PROFILE:-local}
targets=${FUZZ_TARGETS:-requests answers in-flight edge tls configuration}
out=target/fuzz
here=$(cd "$(dirname "$0")" && pwd)

FUZZ_WRAPS=1 RUSTC_WORKSPACE_WRAPPER=$here/fuzz.sh \
    cargo build --locked --profile "$profile" -p throughway-fuzz --features libfuzzer
folder=target/$([ "$profile" = dev ] && echo debug || echo "$profile")

failed=0
for target in $targets; do
    known=tests/fuzz/corpus/$target
    found=$out/corpus/$target
    mkdir -p "$found" "$out/broken" "$known"
    log=$out/$target.log
    # An input takes microseconds; one that takes a second, or much memory, is a fault, too.
    if "$folder/fuzz-$target" "$found" "$known" -max_total_time="$seconds" -max_len=8192 \
        -timeout=5 -rss_limit_mb=512 -print_final_stats=1 -verbosity=1 \
        -artifact_prefix="$out/broken/$target-" >"$log" 2>&1; then
        runs=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
        peak=$(sed -nE 's/^stat::peak_rss_mb: *//p' "$log")
        echo "fuzz-$target: $runs inputs in $seconds s, peak $peak MiB, nothing broken"
        if [ -n "${THROUGHWAY_SOAK_NOTES:-}" ]; then
            printf 'fuzz %s\t%s inputs in %s s, peak %s MiB: nothing broken\n' \
                "$target" "$runs" "$seconds" "$peak" >>"$THROUGHWAY_SOAK_NOTES"
        fi
    else
        failed=1
        grep -aE 'panicked|ERROR|SUMMARY|Test unit' -A2 "$log" | head -20
        echo "fuzz-$target: broken, see $log and $out/broken" >&2
    fi
    if [ "${1:-}" = --keep ]; then
        # Only what adds to what is kept already, and only small.
        small=$out/small/$target
        rm -rf "$small" && mkdir -p "$small"
        "$folder/fuzz-$target" -merge=1 -max_len=512 "$small" "$known" "$found" >>"$log" 2>&1 || true
        find "$small" -type f -size -2k | sort | head -n 120 | xargs -r cp -t "$known"
    fi
done
exit $failed
