#!/bin/sh
# Writes what the shipped binary is made of as CycloneDX, from Cargo.lock.   sbom.sh VERSION OUTPUT
set -eu

version=$1
output=$2
cd "$(dirname "$0")/.."

# What is linked in: no build tools, no test dependencies. The lock file has the checksums.
tests/setup/rust.sh cargo tree --locked -p throughway -e normal --prefix none --format '{p}|{l}' |
    sed 's/ (proc-macro)//; s/ (\/[^)]*)//; s/ (\*)$//' | LC_ALL=C sort -u |
    awk -v version="$version" '
BEGIN {
    while ((getline line < "Cargo.lock") > 0) {
        split(line, part, "\"")
        if (line ~ /^name = /) name = part[2]
        if (line ~ /^version = /) at = part[2]
        if (line ~ /^checksum = /) checksum[name " " at] = part[2]
    }
    printf "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
    printf "\"metadata\":{\"component\":{\"type\":\"application\",\"name\":\"throughway\",\"version\":\"%s\"}},", version
    printf "\"components\":["
}
{
    split($0, side, "|")
    split(side[1], word, " ")
    name = word[1]
    at = substr(word[2], 2)
    key = name " " at
    # The members of this repository have no checksum: they are the application itself.
    if (!(key in checksum) || key in seen) next
    seen[key] = 1
    printf "%s\n{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",\"purl\":\"pkg:cargo/%s@%s\"", (count++ ? "," : ""), name, at, name, at
    printf ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"%s\"}]", checksum[key]
    # An older spelling of OR, which is none to SPDX.
    gsub(/ *\/ */, " OR ", side[2])
    if (side[2] != "") printf ",\"licenses\":[{\"expression\":\"%s\"}]", side[2]
    printf "}"
}
END {
    print "\n]}"
    if (count < 50) exit 1
}' >"$output"
