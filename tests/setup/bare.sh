#!/usr/bin/env bash
# Runs a command on a fresh clone in a bare Debian root, so that nothing preinstalled helps.
#
# Handed in from this machine: its CA certificates and how package tools reach their registries.
# Nothing else: no toolchain, no cache, no home folder. Needs root. Uncommitted changes do not count.
set -euo pipefail

command=${1:-}
if [ -z "$command" ]; then
    echo "usage: make bare COMMAND='make run'" >&2
    exit 64
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "bare: needs root, to make a Debian root and mount into it" >&2
    exit 1
fi
project=$(cd "$(dirname "$0")/../.." && pwd)
command -v mmdebstrap >/dev/null || "$project/tests/setup/install.sh" mmdebstrap

# In namespaces of its own: no mount of ours is seen outside, and what the command leaves running
# ends with it.
if [ "${2:-}" != --inside ]; then
    exec unshare --mount --propagation private --pid --fork --kill-child -- "$0" "$command" --inside
fi

root=$(mktemp -d "${TMPDIR:-/tmp}/throughway-bare.XXXXXX")
mounted=()
clean_up() {
    local at
    for at in "${mounted[@]}"; do umount -R -l "$root$at"; done
    # A root that still holds a mount is left alone: deleting would reach this machine's own files.
    if grep -q " $root/" /proc/self/mounts; then
        echo "bare: $root still has mounts; remove it by hand" >&2
    else
        rm -rf --one-file-system "$root"
    fi
}
trap clean_up EXIT
# /proc must show the new process namespace, for the grep above as for the command.
mount -t proc proc /proc

hand_in() { # FILE-OR-FOLDER...: to the same place inside
    local path
    for path in "$@"; do
        [ -e "$path" ] || continue
        mkdir -p "$root$(dirname "$path")"
        cp -rLT "$path" "$root$path"
    done
}

echo "bare: making a Debian root in $root"
# This machine's own sources, so that its mirror is used; Debian's where it has none.
sources=()
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list; do
    if [ -s "$list" ] && grep -q bookworm "$list"; then sources+=("$list"); fi
done
mmdebstrap --quiet --variant=minbase --include=ca-certificates,git,make bookworm "$root" "${sources[@]}"

hand_in /usr/local/share/ca-certificates /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/maven/settings.xml
for setting in /etc/apt/apt.conf.d/*; do
    # Only how sources are reached and judged; the rest is about packages this root does not have.
    if grep -qE '^ *Acquire' "$setting"; then hand_in "$setting"; fi
done
for setting in .cargo/config.toml .cargo/config .m2/settings.xml .config/pip/pip.conf; do
    if [ -e "$HOME/$setting" ]; then
        mkdir -p "$root/root/$(dirname "$setting")"
        cp -L "$HOME/$setting" "$root/root/$setting"
    fi
done
chroot "$root" update-ca-certificates >/dev/null 2>&1

git clone -q --no-local "$project" "$root/work"
# The root itself is a mount, as it is everywhere else: programs inside make mount namespaces of their
# own, which a plain folder as root does not allow.
mount --bind "$root" "$root"
for at in proc sys dev; do
    mount --rbind "/$at" "$root/$at"
    mounted+=("/$at")
done
mounted+=("")

environment=(HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    LANG=C.UTF-8 TERM="${TERM:-dumb}")
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY \
    CI DEMO_EXIT CARGO_TEST_FLAGS; do
    if [ -n "${!name:-}" ]; then environment+=("$name=${!name}"); fi
done
echo "bare: $command"
# A mount namespace whose own root this is: in a mere chroot the kernel refuses user namespaces, which
# the hardened unit asks for.
mkdir "$root/.outside"
# shellcheck disable=SC2016 # for the inner shell
unshare --mount --propagation private -- sh -ec '
    cd "$1"
    pivot_root . .outside
    shift
    exec chroot . "$@"' sh "$root" env -i "${environment[@]}" bash -c "
    umount -l /.outside
    cd /work && $command"
