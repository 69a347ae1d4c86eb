# Sourced by build.sh and check.sh: which compiler builds the guest, and what its sources are.

debian_packages="rustc-web cargo-web rust-web-src lld-22"
debian_rustc=
debian_cargo=

# True if every package is there; sets the two paths.
find_toolchain() {
    command -v dpkg >/dev/null || return 1
    local package
    for package in $debian_packages; do
        dpkg -s "$package" >/dev/null 2>&1 || return 1
    done
    debian_rustc=$(dpkg -L rustc-web | grep -m1 'bin/rustc$')
    debian_cargo=$(dpkg -L cargo-web | grep -m1 'bin/cargo$')
}

install_toolchain() {
    find_toolchain && return
    echo "the guest is built with Debian's packages $debian_packages; installing them" >&2
    local sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update
    # Recommended packages too: the linker's link comes with one of them.
    # shellcheck disable=SC2086
    $sudo apt-get install -y $debian_packages
    find_toolchain
}

compiler_version() { "$debian_rustc" --version; }
linker_version() { wasm-ld-22 --version; }
sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# What decides the bytes: the world, the guest, its rules, the tool, and the versions they are
# locked to. Each file counts with its path, in byte order of the paths.
sources_sha256() {
    (
        cd "$root"
        {
            find wit guest-addrmap/src guest-addrmap/rules guest-addrmap/componentize/src \
                tests/guests/shift-by-100 -type f \( -name '*.rs' -o -name '*.wit' -o -name '*.toml' \)
            echo guest-addrmap/Cargo.toml
            echo guest-addrmap/componentize/Cargo.toml
        } | LC_ALL=C sort | xargs sha256sum
        locked_versions
    ) | sha256sum | cut -d' ' -f1
}

# The lock file changes with the host's dependencies too, so only what the guest compiles counts.
locked_versions() {
    local crate
    for crate in dlmalloc itoa memchr once_cell serde serde_core serde_derive serde_json wit-bindgen \
        wit-component zmij; do
        grep -A3 "^name = \"$crate\"$" "$root/Cargo.lock" | grep -E '^(name|version|checksum)' || true
    done
    sed -n '/^\[profile.guest\]/,/^$/p;/^\[profile.release\]/,/^$/p' "$root/Cargo.toml"
}
