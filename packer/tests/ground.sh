# shellcheck shell=bash
# What the image's tests stand on: a folder that goes, programs that end with us, ports, the time.

# shellcheck source=packer/steps.sh
. packer/steps.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/throughway-image.XXXXXX")
started=()
clean_up() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    # Whoever writes into the folder goes first.
    wait
    rm -rf "$work"
}
trap clean_up EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
