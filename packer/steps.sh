# shellcheck shell=bash
# What the image's build and its tests say of their time, and how machines run here. Sourced.

began=$SECONDS
step() { echo "$(basename "$0" .sh): $* ($((SECONDS - began)) s)"; }

# Not everything that offers /dev/kvm can boot an ordinary kernel: ACCELERATOR=kvm where it does.
accelerator=${ACCELERATOR:-tcg}

# total WHAT: the last line.
total() {
    echo "$(basename "$0" .sh): $* in $((SECONDS - began)) s, at $(date -u +%Y-%m-%dT%H:%MZ), accelerator $accelerator"
}
